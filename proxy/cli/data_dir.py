"""Which site a command is about."""

from __future__ import annotations

import os
from pathlib import Path


def data_dir_of(path: Path | None, data: Path | None) -> Path:
    """Return the data directory: the one given, that of the configuration ``path``, or the usual one.

    Raises:
        ConfigError: the configuration cannot be used.

    """
    if data is not None:
        return data
    from proxy.config.environment import default_data_dir
    from proxy.config.load import load

    if path is not None:
        return load(path, os.environ).site.data_dir
    return default_data_dir(os.environ, is_root=os.geteuid() == 0)
