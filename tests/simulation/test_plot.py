"""The picture is a document of its own, whatever the run was like."""

from xml.etree import ElementTree

import numpy as np
import pytest

from proxy.simulation.plot import svg
from proxy.simulation.series import Series

SVG = "{http://www.w3.org/2000/svg}"


def series(rows: int, used_w: float = 1_000.0) -> Series:
    watts = np.full(rows, used_w)
    return Series(
        10.0, np.full(rows, 10.0), watts, watts, watts, watts, np.full(rows, 60.0), np.full(rows, 60.0)
    )


@pytest.mark.parametrize(("rows", "used_w"), [(1, 1_000.0), (2, 0.0), (1_440, 5e6)])
def test_any_run_becomes_well_formed_xml(rows: int, used_w: float) -> None:
    root = ElementTree.fromstring(svg(series(rows, used_w), "steady <1 & 2>"))
    assert len(root.findall(f"{SVG}polyline")) == 6
    assert "steady <1 & 2>" in [text.text for text in root.findall(f"{SVG}text")]


def test_more_watts_are_drawn_higher_up() -> None:
    rising = series(2)
    rising.used_w[:] = (0.0, 1_000.0)
    root = ElementTree.fromstring(svg(rising, "run"))
    used = root.findall(f"{SVG}polyline")[2].attrib["points"].split()
    assert float(used[1].split(",")[1]) < float(used[0].split(",")[1])


def test_what_was_not_measured_leaves_a_gap() -> None:
    gappy = series(3)
    gappy.low_hz[1] = np.inf
    lines = ElementTree.fromstring(svg(gappy, "run")).findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 3, 3, 2, 3]
