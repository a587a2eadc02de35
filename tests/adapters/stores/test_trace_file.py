"""The governor's trace on the disk: whole or cut, bounded, and never in anybody's way."""

import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer, override

from proxy.adapters.stores import trace_file
from proxy.adapters.stores.trace_file import FILE_NAME, MAGIC, TraceFile, entries

THREE: list[dict[str, Any]] = [{"head": 1}, {"n": float("nan")}, {"n": [1, 2, 3]}]


def written(folder: Path) -> Path:
    file = TraceFile(folder)
    for number, entry in enumerate(THREE):
        file.put(entry, first=number == 0)
    file.close()
    assert file.lost == 0
    return file.path


def test_what_is_put_is_read(tmp_path: Path) -> None:
    assert repr(list(entries(written(tmp_path)))) == repr(THREE)


def test_a_file_that_is_cut_is_read_up_to_there(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    counts = []
    for length in range(len(MAGIC), len(whole) + 1):
        path.write_bytes(whole[:length])
        counts.append(len(list(entries(path))))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1], set(counts)) == (0, 3, {0, 1, 2, 3})


def test_a_new_file_keeps_the_one_before(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = TraceFile(tmp_path)
    file.put({"again": 1}, first=True, anew=True)
    file.close()
    assert list(entries(path)) == [{"again": 1}]
    assert len(list(entries(tmp_path / "power-trace.old.bin"))) == 3


def test_what_cannot_be_written_is_counted_and_a_first_one_begins_later(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    file = TraceFile(folder)
    file.put({"lost": 1}, first=True)
    file.put({"lost": 2})
    file.close()
    assert file.lost == 2
    folder.mkdir()
    again = TraceFile(folder)
    again.put({"lost": 3})
    again.put({"kept": 1}, first=True)
    again.close()
    assert (again.lost, list(entries(again.path))) == (1, [{"kept": 1}])


def test_a_full_disk_leaves_whole_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.FileIO):
        room = 60

        @override
        def write(self, content: Buffer) -> int:
            content = memoryview(content)
            if self.tell() >= self.room:
                raise OSError(28, "no space left")
            return super().write(content[: self.room - self.tell()])

    monkeypatch.setattr("proxy.adapters.stores.trace_file.io.FileIO", Full)
    file = TraceFile(tmp_path)
    for number in range(10):
        file.put({"n": number}, first=number == 0)
    file.close()
    found = list(entries(file.path))
    assert found == [{"n": number} for number in range(len(found))]
    assert (len(found) + file.lost, 0 < len(found) < 10) == (10, True)


def test_who_does_not_wait_for_the_disk_loses_what_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_file, "MOST_WAITING", 0)
    file = TraceFile(tmp_path)
    file.put({"n": 1}, first=True)
    file.close()
    assert file.lost == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not begin"),
        (b"PJTRACE0", "does not begin"),
        (MAGIC + b"\xff\xff\xff\xff", "a frame of 4294967295 bytes"),
        (MAGIC + b"\0\0\0\4xxxx", "a frame that is none"),
        (MAGIC + b"\0\0\0\x09" + zlib.compress(b"\x01", 1), "holds no entry"),
    ],
)
def test_what_is_no_trace_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        list(entries(path))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40), max_size=3), st.booleans())
def test_arbitrary_bytes_are_entries_or_a_value_error(
    tmp_path: Path, frames: list[bytes], packed: bool
) -> None:
    path = tmp_path / FILE_NAME
    told = [zlib.compress(frame) if packed else frame for frame in frames]
    path.write_bytes(MAGIC + b"".join(len(frame).to_bytes(4, "big") + frame for frame in told))
    try:
        assert all(isinstance(entry, dict) for entry in entries(path))
    except ValueError:
        return
