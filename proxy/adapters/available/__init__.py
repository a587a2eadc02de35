"""Somebody else who knows how many kW there are: a file or an HTTP endpoint."""
