"""Where the ledger is that a command asks, and how it is opened: the program may run meanwhile, or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.reading import Reader
from proxy.cli.data_dir import data_dir_of
from proxy.cli.output import Unreachable
from proxy.errors import LedgerDamaged, LedgerUnusable

Command = TypeVar("Command", bound=Callable[..., Any])

UNUSABLE = (LedgerDamaged, LedgerUnusable, sqlite3.Error, OSError)
"""What opening and reading a ledger raises."""


def ledger_options(command: Command) -> Command:
    """Add the options that say which ledger is meant; its parameters are ``path`` and ``data``."""
    for option in (
        click.option("--data", type=click.Path(path_type=Path), help="The site's data directory."),
        click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="Its configuration."),
    ):
        command = option(command)
    return command


def ledger_folder(path: Path | None, data: Path | None) -> Folder:
    """Return the ledger's folder.

    Raises:
        Unreachable: there is no ledger.
        ConfigError: the configuration cannot be used.

    """
    data_dir = data_dir_of(path, data)
    folder = Folder.of(data_dir)
    try:
        is_there = folder.index.exists() or bool(folder.names())
    except OSError as error:
        raise Unreachable(f"the ledger in {data_dir} cannot be read: {error}") from error
    if not is_there:
        raise Unreachable(f"no ledger in {data_dir}")
    return folder


@contextmanager
def readable() -> Iterator[None]:
    """End the command in words if what is done within finds that the ledger cannot be read.

    Raises:
        Unreachable: that is so; the text says why.

    """
    try:
        yield
    except UNUSABLE as error:
        raise Unreachable(f"the ledger cannot be read: {error}") from error


@contextmanager
def opened(folder: Folder) -> Iterator[Reader]:
    """Open a ledger for reading while somebody asks; nothing is printed meanwhile.

    Raises:
        Unreachable: it cannot be read; the text says why.

    """
    with readable(), Reader(folder) as reader:
        yield reader
