"""The edges: one folder for each port, one file for each technology. Siblings do not know each other."""
