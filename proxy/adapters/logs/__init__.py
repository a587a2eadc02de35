"""What operators read in the log."""
