"""Text that others chose, as it may be shown; apart from the log, whose library is slow to import."""


def printable(text: str) -> str:
    """Return text with ``?`` for all that a terminal would obey or hide: control, bidi, surrogates."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
