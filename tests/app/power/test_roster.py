"""Which session is which device: devices stay, sessions come and go, and nobody is taken for another."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from proxy.app.power import roster as module
from proxy.app.power.roster import NOBODY, Attendance, Roster
from proxy.ports import FleetView, Miner, Miners
from proxy.units import Seconds


class Here(FleetView):
    """Sessions as a test says they are: key to name and shares."""

    def __init__(self) -> None:
        self.sessions: dict[int, tuple[str, int]] = {}

    @override
    def miners(self) -> Miners:
        keys, shares = list(self.sessions), [shares for _, shares in self.sessions.values()]
        count = len(keys)
        return Miners(
            array("q", keys), array("q", shares), array("d", [1.0] * count), bytes([1] * count), bytes(count)
        )

    @override
    def miner(self, key: int) -> Miner | None:
        if key not in self.sessions:
            return None
        name, _, host = self.sessions[key][0].partition("@")
        return Miner("acme", name, f"acme.{name}", "cgminer", f"{host or '10.0.0.1'}:{key}", Seconds(0))


def look(roster: Roster, here: Here) -> Attendance:
    return roster.look(here.miners(), here)


def test_a_device_counts_as_away_once_when_it_comes() -> None:
    roster, here = Roster(), Here()
    here.sessions[7] = ("a", 0)
    first = look(roster, here)
    assert ([miner.worker for miner in first.joined], first.connected.tolist()) == (["a"], [False])
    second = look(roster, here)
    assert (second.joined, second.connected.tolist()) == ((), [True])


def test_who_comes_back_is_the_same_device_and_was_away() -> None:
    roster, here = Roster(), Here()
    here.sessions[7] = ("a", 5)
    look(roster, here)
    look(roster, here)
    del here.sessions[7]
    here.sessions[8] = ("a", 2)
    back = look(roster, here)
    assert (len(roster), back.joined, back.connected.tolist()) == (1, (), [False])
    assert roster.keys == [8]
    assert look(roster, here).connected.tolist() == [True]


def test_shares_are_counted_since_the_last_look_and_of_a_new_session_from_its_beginning() -> None:
    roster, here = Roster(), Here()
    here.sessions[7] = ("a", 5)
    assert look(roster, here).shares.tolist() == [5]
    here.sessions[7] = ("a", 9)
    assert look(roster, here).shares.tolist() == [4]
    here.sessions = {8: ("a", 2)}
    assert look(roster, here).shares.tolist() == [2]


def test_several_under_one_name_and_address_are_told_apart_and_others_by_address() -> None:
    roster, here = Roster(), Here()
    here.sessions = {1: ("a#", 0), 2: ("a#", 0), 3: ("a#@10.0.0.2", 0)}
    look(roster, here)
    assert roster.ids == ["acme/a#@10.0.0.1", "acme/a#@10.0.0.1#2", "acme/a#@10.0.0.2"]
    here.sessions = {2: ("a#", 0), 9: ("a#", 0)}
    look(roster, here)
    assert roster.keys == [9, 2, NOBODY]


def test_beyond_the_bound_newcomers_are_turned_away_and_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEVICES", 1)
    roster, here = Roster(), Here()
    here.sessions = {1: ("a", 0), 2: ("b", 0)}
    for _ in range(3):
        look(roster, here)
    assert (len(roster), roster.turned_away) == (1, 1)


@given(
    st.lists(
        st.dictionaries(st.integers(1, 12), st.sampled_from(["a", "b", "a@h", "c"]), max_size=8), max_size=12
    )
)
def test_every_session_has_a_device_of_its_own_whoever_comes_and_goes(course: list[dict[int, str]]) -> None:
    roster, here = Roster(), Here()
    known: dict[int, str] = {}
    for present in course:
        # A key is never given twice to another name.
        names = {key: known.setdefault(key, name) for key, name in present.items()}
        here.sessions = {key: (name, 0) for key, name in names.items()}
        before = len(roster)
        seen = look(roster, here)
        assert len(seen.joined) == len(roster) - before
        assert sorted(key for key in roster.keys if key != NOBODY) == sorted(names)
        assert len(set(roster.ids)) == len(roster.ids) == len(seen.connected)
        for key, name in names.items():
            assert roster.ids[roster.keys.index(key)].startswith(f"acme/{name.partition('@')[0]}@")


def test_a_site_that_comes_back_is_taken_in_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NEW", 2)
    roster, here = Roster(), Here()
    here.sessions = {key: (f"m{key}", 1) for key in range(1, 6)}
    assert [len(look(roster, here).joined) for _ in range(4)] == [2, 2, 1, 0]
    here.sessions[3] = ("m3", 4)
    seen = look(roster, here)
    assert seen.connected.tolist() == [True] * 5
    assert seen.shares.tolist() == [0, 0, 3, 0, 0]
