"""The wire, sans-IO: bytes to typed messages and back, for both sides of a Stratum V1 connection."""
