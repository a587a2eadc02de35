"""Names as they are written everywhere."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.hotpath.names import sanitised


@given(st.text())
def test_a_name_keeps_its_length_and_what_is_harmless_and_nothing_else(name: str) -> None:
    safe = sanitised(name)
    assert len(safe) == len(name)
    for before, after in zip(name, safe, strict=True):
        assert after == (before if 32 <= ord(before) < 127 and before not in "\"'<>&`\\" else "?")


def test_the_characters_that_pages_and_shells_read_are_taken_out() -> None:
    assert sanitised("""rig-1_a.b <"'&>`\\\x7f\x1f\n~é""") == "rig-1_a.b ??????????~?"
