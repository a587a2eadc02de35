"""An export proves itself to whoever has SHA-256, msgpack and Ed25519, and nothing of ours."""

import base64
import hashlib
import io
import json
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from proxy.adapters.stores.ledger import index
from proxy.adapters.stores.ledger.exporting import export
from proxy.adapters.stores.ledger.signing import close_day
from tests.fakes.mined_ledger import DAY, START, MinedLedger, spoil


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(3)
    ledger.fold()
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        for name in ledger.files[:2]:
            close_day(connection, ledger.folder, name)
    return ledger


def exported(ledger: MinedLedger, since: int = 0, until: int = 1 << 62) -> list[dict[str, Any]]:
    file = io.StringIO()
    last = export(ledger.folder, file, since, until)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert lines[-1] == last
    return lines


def proven(lines: list[dict[str, Any]]) -> tuple[int, float]:
    """Prove an export as a third party would; return its shares and their credit."""
    head, *body, last = lines
    previous, shares, credit, batches = bytes.fromhex(head["previous"]), 0, 0.0, 0
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["public_key"]))
    for line in body:
        if "line" in line:
            key.verify(bytes.fromhex(line["signature"]), line["line"].encode())
            assert f"\nroot={previous.hex()}\n" in line["line"]
            continue
        notes, packed = base64.b64decode(line["notes"]), base64.b64decode(line["shares"])
        numbers = struct.pack(">QQII", line["seq"], line["at"], len(notes), len(packed))
        whole = previous + numbers + bytes.fromhex(line["run"]) + notes + packed
        previous = hashlib.sha256(whole).digest()
        assert previous.hex() == line["hash"]
        decoded = msgpack.unpackb(packed)
        assert len(decoded) == line["count"]
        batches, shares = batches + 1, shares + len(decoded)
        credit += sum(share[8] for share in decoded)
    assert (last["batches"], last["shares"], last["root"]) == (batches, shares, previous.hex())
    return shares, credit


def test_everything_is_proven_with_nothing_of_ours(ledger: MinedLedger) -> None:
    lines = exported(ledger)
    assert proven(lines) == (36, ledger.credited)
    assert sum("signature" in line for line in lines) == 2
    assert lines[-1]["left_out"] == []


def test_a_range_takes_the_beginning_of_its_day_along(ledger: MinedLedger) -> None:
    lines = exported(ledger, START + DAY + 2000, START + 2 * DAY + 1000)
    assert [line["seq"] for line in lines[1:-1] if "seq" in line] == [5, 6, 7, 8, 9]
    assert proven(lines)[0] == 15
    assert lines[0]["from"] == "2025-11-27T00:00:02Z"


def test_what_is_not_proven_is_left_out_and_named(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[0]), "UPDATE batches SET at = at + 1 WHERE seq = 2")
    last = exported(ledger)[-1]
    assert [(bad["first"], bad["last"]) for bad in last["left_out"]] == [(2, 2)]
    assert last["shares"] == 33


def test_no_batches_are_an_export_of_nothing(tmp_path: Path) -> None:
    lines = exported(MinedLedger.under(tmp_path))
    assert len(lines) == 2
    assert lines[-1]["batches"] == 0
