"""Where what happened is kept."""
