"""Small files that must be whole after a power cut."""

from __future__ import annotations

import os
from pathlib import Path

from proxy.adapters.stores.ledger.folder import flush_folder


def keep(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of what is there, durably, all of it or nothing.

    Raises:
        OSError: the disk does not take it; what was there is there still.

    """
    whole = path.with_suffix(".new")
    with whole.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
    flush_folder(path.parent)
