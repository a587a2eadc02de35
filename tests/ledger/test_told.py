"""What batches told is told again, as long as a later share may name it."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.records import Note, RunBegan, SessionBegan, SessionEnded, message, pack
from proxy.ledger.told import Told
from tests.ledger.writing import ended, job, session, settled, work

SMALL = st.integers(1, 4)
NOTES = st.one_of(
    SMALL.map(work),
    st.tuples(SMALL.map(lambda n: f"job{n}"), SMALL).map(lambda pair: job(*pair)),
    SMALL.map(session),
    SMALL.map(lambda n: session(n, worker="other")),
    SMALL.map(ended),
    SMALL.map(settled),
    st.just(RunBegan("0", "site", "c")),
)


def known(notes: list[Note]) -> list[Note]:
    """Return what is known behind these notes, found in another way: from the last one back."""
    found: dict[str, Note] = {}
    over: set[int] = set()
    for note in reversed(notes):
        match note:
            case SessionEnded():
                over.add(note.session)
            case SessionBegan() if note.session in over or any(
                isinstance(each, SessionBegan) and each.session == note.session for each in found.values()
            ):
                over.add(note.session)
            case _ if type(note).__name__ in ("WorkReceived", "JobIssued", "SessionBegan"):
                key = f"{type(note).__name__} {getattr(note, 'job_id', None) or pack(note)!r}"
                found.setdefault(key, note)
            case _:
                pass
    return list(found.values())


@given(st.lists(st.lists(NOTES, max_size=5), max_size=8))
def test_the_last_word_on_everything_that_has_not_ended_is_told_once(batches: list[list[Note]]) -> None:
    told = Told()
    for notes in batches:
        told.take(message(notes))
    again = told.again()
    assert sorted(again) == sorted(map(pack, known([note for notes in batches for note in notes])))
    assert told.size == sum(map(len, again))
    told.forget()
    assert (told.again(), told.size) == ([], 0)
