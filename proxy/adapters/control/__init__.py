"""The running program's answer to the command line: HTTP on a Unix socket in the data directory."""
