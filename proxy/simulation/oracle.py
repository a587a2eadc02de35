"""The most hashes that any policy could have made: a linear program with perfect foresight.

It knows the true capability of every moment and the true curve of every miner. It keeps the reserve, feeds
the auxiliaries and the tenants' entitlements, and ramps no faster than the miners can; but it needs no dwell,
splits levels and miners, and never errs. So it is an upper bound, not a policy.

Miners are put together in classes (alike in model, tenant and beginning), time into buckets with their means:
hashes are a concave function of watts, so that the mean of the hashes is at most the hashes of the mean.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.errors import PumpjackError
from proxy.simulation.concave import Line

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LONGEST_S = 120.0
_MEGAJOULE = 1e6


class OracleUnavailable(PumpjackError):
    """The solver is not installed, or found no optimum: go on without the oracle and say so."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of miners."""

    tenant: int
    line: Line
    """Of all of them together."""
    up_w_s: float
    """How fast they can raise their draw together, watts for each second; infinite if at once."""
    from_s: float = 0.0
    """When they join."""


@dataclass(frozen=True, slots=True)
class Gas:
    """A header that is filled by the wells and emptied by the sets; in joules at the bus."""

    inflow_j: Floats
    """What comes in each bucket beyond what auxiliaries and idling sets need; may be negative."""
    first_j: float
    """What is stored at the beginning."""
    most_j: float
    """What can be stored; the rest is flared."""
    per_w: float
    """Watts at the bus for one at the miners' terminals."""


@dataclass(frozen=True, slots=True)
class Course:
    """What there was to work with, in buckets of time."""

    seconds: Floats
    """Length of each bucket."""
    usable_w: Floats
    """Mean of the capability less reserve and auxiliaries, at most the ordered cap."""
    owed_w: Floats
    """Least watts of each tenant in each bucket, [tenants, buckets]."""
    first_w: Floats
    """What each kind may draw at the beginning: ramps start there."""
    gas: Gas | None = None
    """None: gas is never short."""


def most_hashes(kinds: Sequence[Kind], course: Course) -> float:
    """Return an upper bound of the hashes of a run.

    Raises:
        OracleUnavailable: highspy is not installed, or gave up.

    """
    try:
        import highspy  # noqa: PLC0415 - an extra: the rest of the simulation works without
    except ModuleNotFoundError as error:
        raise OracleUnavailable(
            "the oracle needs the solver HiGHS: pip install 'pumpjack[simulate]'"
        ) from error
    program = _program(kinds, course)
    with _hushed():
        solver = highspy.Highs()  # type: ignore[no-untyped-call] # its stubs have no annotation there
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", _LONGEST_S)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.low)
    model.col_cost_ = program.cost
    model.col_lower_, model.col_upper_ = np.zeros(len(program.cost)), program.most
    model.row_lower_, model.row_upper_ = program.low, program.high
    model.sense_ = highspy.ObjSense.kMaximize
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = program.start
    model.a_matrix_.index_ = program.index
    model.a_matrix_.value_ = program.value
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise OracleUnavailable(f"the oracle's program has no optimum: {solver.modelStatusToString(status)}")
    solution = np.asarray(solver.getSolution().col_value)
    return float(solution[: program.segments] @ program.cost[: program.segments]) * program.unit


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep C code from writing to standard output.

    HiGHS 1.16 prints its banner there when a solver is made, before it can be told not to: into our JSON.
    """
    sys.stdout.flush()
    nowhere, kept = os.open(os.devnull, os.O_WRONLY), os.dup(1)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)


@dataclass(frozen=True, slots=True)
class _Program:
    """Maximise cost; columns from 0 to ``most``, rows from ``low`` to ``high``; in kW and ``unit`` hashes."""

    cost: Floats
    most: Floats
    low: Floats
    high: Floats
    start: Ints
    index: Ints
    value: Floats
    segments: int
    """Columns that hash; behind them those that say how much a tenant lacks."""
    unit: float


def _program(kinds: Sequence[Kind], course: Course) -> _Program:
    buckets = len(course.seconds)
    tenants = len(course.owed_w)
    begins = np.concatenate([[0.0], np.cumsum(course.seconds)[:-1]])
    ends = begins + course.seconds
    # Columns: for each kind, each segment, the buckets in a row; then for each tenant what it lacks.
    first = np.cumsum([0, *(len(kind.line.slope) for kind in kinds)]) * buckets
    segments = int(first[-1])
    unit = max(float(kind.line.slope.max(initial=0.0)) for kind in kinds) * 1e3 * float(course.seconds.max())
    stores = buckets if course.gas is not None else 0
    columns_all = segments + tenants * buckets + stores
    cost, most = np.zeros(columns_all), np.full(columns_all, np.inf)
    base_w = np.zeros((len(kinds), buckets))
    for number, kind in enumerate(kinds):
        here = slice(first[number], first[number + 1])
        joined = np.where(ends > kind.from_s, 1.0, 0.0)
        cost[here] = np.outer(kind.line.slope, course.seconds).ravel() * 1e3 / unit
        most[here] = np.outer(kind.line.width_w, joined).ravel() / 1e3
        base_w[number] = kind.line.base_w * joined
    # Dearer than any hash: entitlements are kept wherever they can be.
    lacks = slice(segments, segments + tenants * buckets)
    cost[lacks] = -4.0 * np.tile(course.seconds / course.seconds.max(), tenants)
    rows = _Rows()
    bucket = np.arange(buckets)
    columns = [
        [first[number] + segment * buckets + bucket for segment in range(len(kind.line.slope))]
        for number, kind in enumerate(kinds)
    ]
    everyone = [column for mine in columns for column in mine]
    room = np.maximum(course.usable_w - base_w.sum(axis=0), 0.0) / 1e3
    rows.add([(column, 1.0) for column in everyone], -np.inf, room)
    for tenant in range(tenants):
        mine = [n for n, kind in enumerate(kinds) if kind.tenant == tenant]
        owed = np.maximum(course.owed_w[tenant] - base_w[mine].sum(axis=0), 0.0) / 1e3
        terms = [(column, 1.0) for number in mine for column in columns[number]]
        rows.add([*terms, (segments + tenant * buckets + bucket, 1.0)], owed, np.inf)
    if course.gas is not None:
        store = segments + tenants * buckets + bucket
        most[store] = course.gas.most_j / _MEGAJOULE
        _balance(rows, course, course.gas, everyone, store, base_w.sum(axis=0))
    for number, kind in enumerate(kinds):
        length = float(kind.line.width_w.sum())
        if not np.isfinite(kind.up_w_s) or kind.up_w_s * float(course.seconds.min()) >= length:
            continue
        # Between the means of two buckets, no more than it can climb from the middle of one to the next's.
        climb = kind.up_w_s * 0.5 * (course.seconds[1:] + course.seconds[:-1]) / 1e3
        later = [(column[1:], 1.0) for column in columns[number]]
        rows.add([*later, *((column[:-1], -1.0) for column in columns[number])], -np.inf, climb)
        began = max(0.0, float(course.first_w[number]) - kind.line.base_w)
        if np.isfinite(began):
            most_w = (began + kind.up_w_s * course.seconds[:1]) / 1e3
            rows.add([(column[:1], 1.0) for column in columns[number]], -np.inf, most_w)
    return _Program(cost, most, *rows.arrays(), segments, unit)


def _balance(
    rows: _Rows, course: Course, gas: Gas, everyone: Sequence[Ints], store: Ints, base_w: Floats
) -> None:
    """Add: what is stored after a bucket is at most what was before, plus what came in and was not burned."""
    inflow = (gas.inflow_j - base_w * gas.per_w * course.seconds) / _MEGAJOULE
    inflow[0] += gas.first_j / _MEGAJOULE
    burned = 1e3 * gas.per_w * course.seconds / _MEGAJOULE
    terms = [(column, burned) for column in everyone]
    # A bucket that lacks gas even for those asleep must not make the program impossible: it may burn nothing.
    inflow = np.maximum(inflow, 0.0)
    rows.add([(store[:1], np.ones(1)), *((c[:1], f[:1]) for c, f in terms)], -np.inf, inflow[:1])
    if len(store) > 1:
        later = [(c[1:], f[1:]) for c, f in terms]
        ones = np.ones(len(store) - 1)
        rows.add([(store[1:], ones), (store[:-1], -ones), *later], -np.inf, inflow[1:])


class _Rows:
    """Rows that look alike, one for each bucket, put together."""

    def __init__(self) -> None:
        self._index: list[Ints] = []
        self._value: list[Floats] = []
        self._length: list[Ints] = []
        self._low: list[Floats] = []
        self._high: list[Floats] = []

    def add(
        self, terms: Sequence[tuple[Ints, Floats | float]], low: Floats | float, high: Floats | float
    ) -> None:
        """Add a row for each bucket: the sum of factor times column, over ``terms``, between low and high."""
        columns = np.stack([column for column, _ in terms], axis=1)
        buckets = len(columns)
        self._index.append(columns.ravel())
        factors = [np.broadcast_to(factor, (buckets,)) for _, factor in terms]
        self._value.append(np.stack(factors, axis=1).ravel().astype(np.float64))
        self._length.append(np.full(buckets, len(terms), dtype=np.int64))
        self._low.append(np.broadcast_to(np.asarray(low, dtype=np.float64), (buckets,)))
        self._high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), (buckets,)))

    def arrays(self) -> tuple[Floats, Floats, Ints, Ints, Floats]:
        """Return low, high, start, index, value."""
        start = np.concatenate([[0], np.cumsum(np.concatenate(self._length))])
        return (
            np.concatenate(self._low),
            np.concatenate(self._high),
            start.astype(np.int64),
            np.concatenate(self._index).astype(np.int64),
            np.concatenate(self._value),
        )
