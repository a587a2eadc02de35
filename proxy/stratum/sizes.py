"""Sizes of a miner's line where nothing else is told, apart from what reads it: for the commands."""

LEAST_DEPTH, GREATEST_DEPTH = 3, 6
"""What may be told: each level doubles the pattern, and six take a third of a second to make."""
MOST_DEPTH = 4
"""Arrays and objects in each other: a message has three, its envelope counted."""
MOST_NAME = 256
"""Longest worker name, password or user agent that is kept; Bitcoin's own user agents stop at 256."""
