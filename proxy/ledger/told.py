"""What batches have told of works, jobs and sessions, kept to be told again."""

from __future__ import annotations

from proxy.ledger.records import JobIssued, Note, SessionBegan, SessionEnded, WorkReceived, notes_of, pack


class Told:
    """What the shares of later batches may name, in the order in which it was told first."""

    def __init__(self) -> None:
        self._notes: dict[tuple[type[Note], int | str], bytes] = {}
        self.size = 0
        """Bytes of all of it."""

    def take(self, notes: bytes) -> None:
        """Hear a batch's notes.

        A session that has ended has no share in a later batch; that a work ends nobody tells.

        Raises:
            LedgerDamaged: these are no notes.

        """
        for note in notes_of(notes):
            match note:
                case WorkReceived():
                    self._put((WorkReceived, note.work), pack(note))
                case JobIssued():
                    self._put((JobIssued, note.job_id), pack(note))
                case SessionBegan():
                    self._put((SessionBegan, note.session), pack(note))
                case SessionEnded():
                    self.size -= len(self._notes.pop((SessionBegan, note.session), b""))
                case _:
                    pass

    def again(self) -> list[bytes]:
        """Return the notes, packed."""
        return list(self._notes.values())

    def _put(self, which: tuple[type[Note], int | str], note: bytes) -> None:
        self.size += len(note) - len(self._notes.get(which, b""))
        self._notes[which] = note

    def forget(self) -> None:
        """Begin anew."""
        self._notes.clear()
        self.size = 0
