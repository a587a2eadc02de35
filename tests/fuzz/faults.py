"""What a target raises when it has found something."""


class Fault(AssertionError):
    """The code does not do what it must; the text says what was done and what came of it."""
