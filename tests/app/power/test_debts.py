"""What tenants are owed outlives the program, and is never forgotten silently."""

from pathlib import Path

import numpy as np
import pytest

from proxy.app.power import keeping
from proxy.app.power.debts import FILE_NAME, DebtBook
from proxy.errors import OrderRefused


def test_debts_come_back_by_tenant_whatever_their_order(tmp_path: Path) -> None:
    book = DebtBook(tmp_path)
    assert book.load(["acme", "zeta"]) == {}
    book.keep(["acme", "zeta"], {"2026-10": np.array([1.5, 0.0]), "2026-11": np.array([0.25, 3.0])})
    found = DebtBook(tmp_path).load(["zeta", "new", "acme"])
    assert {month: owed.tolist() for month, owed in found.items()} == {
        "2026-10": [0.0, 0.0, 1.5],
        "2026-11": [3.0, 0.0, 0.25],
    }


def test_who_is_not_configured_any_more_keeps_what_is_owed(tmp_path: Path) -> None:
    DebtBook(tmp_path).keep(["acme", "zeta"], {"2026-10": np.array([1.0, 2.0])})
    book = DebtBook(tmp_path)
    book.load(["acme"])
    book.keep(["acme"], {"2026-10": np.array([0.5])})
    assert DebtBook(tmp_path).load(["acme", "zeta"])["2026-10"].tolist() == [0.5, 2.0]


def test_what_did_not_change_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = DebtBook(tmp_path)
    book.keep(["acme"], {"2026-10": np.array([1.0])})
    monkeypatch.setattr(keeping, "keep", lambda path, content: pytest.fail("written again"))
    book.keep(["acme"], {"2026-10": np.array([1.0])})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"2026-10": {"acme": -1.0}}', b'{"October": {}}', b'{"2026-10": {"acme": "much"}}'],
)
def test_a_file_that_is_no_book_of_debts_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(OrderRefused, match="what tenants are owed"):
        DebtBook(tmp_path).load(["acme"])
