"""A day is signed when it is proven, by a key that only its owner can read."""

import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.days import rows
from proxy.adapters.stores.ledger.signing import (
    ClosedDay,
    close_day,
    is_signed,
    private_key,
    public_bytes,
    public_key,
)
from proxy.errors import LedgerDamaged, LedgerUnusable
from tests.fakes.mined_ledger import LEDGER, START, MinedLedger, spoil


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(2)
    ledger.fold()
    return ledger


def closed(ledger: MinedLedger, name: str) -> ClosedDay:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        return close_day(connection, ledger.folder, name)


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    assert public_key(path) is None
    key = private_key(path)
    assert public_bytes(private_key(path)) == public_bytes(key) == public_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["signing.key"]


def test_two_that_make_the_key_at_once_have_one(tmp_path: Path) -> None:
    path, made = tmp_path / "signing.key", []
    gate = threading.Barrier(4)

    def make() -> None:
        gate.wait()
        made.append(public_bytes(private_key(path)))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert set(made) == {public_key(path)}


def test_a_file_that_is_no_key_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(b"short")
    with pytest.raises(LedgerUnusable, match="holds no key"):
        private_key(path)
    assert path.read_bytes() == b"short"


def test_a_closed_day_can_be_checked_with_its_line_and_the_public_key_alone(ledger: MinedLedger) -> None:
    name = ledger.files[0]
    day = closed(ledger, name)
    with closing(index.open_to_read(ledger.folder.index)) as connection:
        (row,) = rows(connection)
    assert (row.name, row.first, row.last, row.shares) == (name, 1, 4, 12)
    assert row.difficulty == sum(share.credit for share in ledger.shares[:12])
    line = (
        f"pumpjack ledger day v1\nledger={LEDGER.hex()}\nname={name}\nfirst=1\nlast=4\nshares=12\n"
        f"difficulty={row.difficulty!r}\nprevious={bytes(32).hex()}\nroot={row.root.hex()}\n"
    ).encode()
    assert day.line == line
    public = public_key(ledger.folder.signing_key)
    assert public is not None
    assert row.signature is not None
    Ed25519PublicKey.from_public_bytes(public).verify(row.signature, line)
    assert is_signed(day, row.signature, public)
    assert not is_signed(day, row.signature[::-1], public)


def test_closing_again_changes_nothing(ledger: MinedLedger) -> None:
    assert closed(ledger, ledger.files[0]) == closed(ledger, ledger.files[0])
    with closing(index.open_to_read(ledger.folder.index)) as connection:
        assert len(rows(connection)) == 1


def test_what_was_written_again_in_the_next_file_is_not_signed_here(tmp_path: Path) -> None:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(1)
    before = ledger.previous
    ledger.batch([], ledger.shares[:1], START + 5000)
    ledger.seq, ledger.previous = 4, before
    ledger.batch([], ledger.shares[:2], START + 5000, f"{ledger.files[0]}.2")
    day = closed(ledger, ledger.files[0])
    assert (day.last, day.shares, day.root) == (4, 12, before)


def test_a_day_that_is_not_proven_is_not_signed(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "UPDATE batches SET at = 1 WHERE seq = 2")
    with pytest.raises(LedgerDamaged, match="batches 2 to 2"):
        closed(ledger, ledger.files[0])
    with closing(index.open_to_read(ledger.folder.index)) as connection:
        assert rows(connection) == []


def test_a_day_that_is_not_there_is_not_signed(ledger: MinedLedger) -> None:
    with pytest.raises(LedgerDamaged):
        closed(ledger, "2020-01-01")
