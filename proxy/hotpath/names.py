"""What a name becomes before it is written anywhere. The compiled lane takes only what stays the same."""

import re
from typing import Final

_UNSAFE: Final = re.compile(r"""[^ -~]|["'<>&`\\]""")
MOST_WORKER: Final = 63
"""Characters of a worker name that are kept: what Avalons send at most."""


def sanitised(name: str) -> str:
    """Return a name that is safe in every log, file and page: printable ASCII, the rest as ``?``."""
    return _UNSAFE.sub("?", name)


def worker_of(user: str) -> str:
    """Return the worker in a user name: what follows the first dot, or all of it."""
    tail = user.partition(".")[2] or user
    return sanitised(tail[:MOST_WORKER]) or "worker"
