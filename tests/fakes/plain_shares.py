"""Shares for those who only count them."""

from proxy.ledger.records import Share
from tests.fakes.mined_ledger import CREDIT


def plain(session: int = 1, *, number: int = 0, credit: float = CREDIT, worker: str | None = None) -> Share:
    """Return a share that nobody has searched, of the session's rig and job unless told."""
    name = f"rig{session}" if worker is None else worker
    hashed = (session.to_bytes(2, "big") + bytes(4), 1, 2, 3)
    return Share(number, session, name, f"job{session}", *hashed, credit, credit * 2, int(number > 0))
