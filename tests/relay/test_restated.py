"""A file of the ledger begins with all that its shares name, also what has ended meanwhile."""

from proxy.ledger.records import JobIssued, Note, SessionBegan, WorkReceived, joined, shares_of
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def in_one_window() -> Site:
    """Return a site whose windows stay open."""
    site = Site(FakePool("one")).start()
    site.commits = False
    return site


def jobs(notes: list[Note]) -> set[str]:
    """Return the ids of the jobs whose work is told, too."""
    works = {note.work for note in notes if isinstance(note, WorkReceived)}
    return {note.job_id for note in notes if isinstance(note, JobIssued) and note.work in works}


def sessions(notes: list[Note]) -> set[int]:
    return {note.session for note in notes if isinstance(note, SessionBegan)}


def test_a_miner_that_left_within_the_window_is_told() -> None:
    site = in_one_window()
    miner = site.miner()
    miner.send(miner.find())
    miner.leave()
    drawn = site.relay.draw()
    (share,) = shares_of(joined(drawn.share_count, drawn.shares))
    assert share.session in sessions(site.relay.restated())
    site.relay.draw()
    assert share.session not in sessions(site.relay.restated()), "no later share is its"


def test_a_job_that_was_forgotten_within_the_window_is_told() -> None:
    site = in_one_window()
    (pool,) = site.pools
    miner = site.miner()
    miner.send(miner.find())
    for _ in range(2):  # the second of them has the relay forget what the first has ended
        pool.new_job(clean=True)
        site.pump()
    drawn = site.relay.draw()
    (share,) = shares_of(joined(drawn.share_count, drawn.shares))
    assert share.job_id in jobs(site.relay.restated())
    site.relay.draw()
    assert share.job_id not in jobs(site.relay.restated())


def test_what_ends_while_a_window_is_written_is_told_should_that_begin_another_file() -> None:
    site = in_one_window()
    miner = site.miner()
    miner.send(miner.find())
    drawn = site.relay.draw()
    (share,) = shares_of(joined(drawn.share_count, drawn.shares))
    miner.leave()
    assert share.session in sessions(site.relay.restated())
