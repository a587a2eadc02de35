"""Somebody else who knows a figure, how many kW there are or what a MWh costs: a file or an HTTP endpoint."""
