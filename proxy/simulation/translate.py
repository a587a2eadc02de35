"""Between the plant and whoever steers it: what instruments tell becomes readings, steps become commands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from proxy.governor.devices import Verb
from proxy.governor.readings import GeneratorReading, Instructions, Readings
from proxy.plant.step import NOBODY, NOTHING, Commands, Seen
from proxy.simulation.policies.policy import Answer

Ints = NDArray[np.int64]


def readings(now: float, seen: Seen, instructions: Instructions) -> Readings:
    """Return what the instruments tell, as the governor takes it.

    The fleet's feeder is the main breaker, the last circuit; auxiliaries are not metered.
    """
    return Readings(
        circuit_w=seen.circuit_w,
        circuit_at=seen.circuit_at_s,
        site_w=float(seen.circuit_w[-1].sum()),
        site_at=float(seen.circuit_at_s[-1]),
        generators=GeneratorReading(
            running=seen.set_running,
            watts=seen.set_w,
            hz=seen.frequency_hz,
            valve=seen.set_valve,
            available_w=seen.set_available_w,
            at=seen.set_at_s,
        ),
        header_kpa=seen.header_kpa,
        flare_m3h=seen.flare_m3h,
        ambient_c=seen.ambient_c,
        aux_w=math.nan,
        available_w=math.nan,
        available_at=math.nan,
        miner_w=seen.miner_w,
        miner_at=now - seen.miner_age_s,
        claimed=seen.miner_claim.astype(np.int64),
        shares=seen.shares,
        connected=seen.connected,
        instructions=instructions,
        refused=tuple(seen.refused.tolist()),
    )


def commands(answer: Answer, withhold: Ints = NOBODY) -> Commands:
    """Return what is done to the plant for an answer; ``withhold`` besides: who must get no work."""
    steps = answer.steps
    if not len(steps.miner) and not len(withhold) and not answer.open and not answer.close:
        return NOTHING
    of = {verb: steps.miner[steps.verb == verb] for verb in Verb}
    limited = steps.verb == Verb.LIMIT
    return Commands(
        limit=(steps.miner[limited], steps.watts[limited]),
        sleep=of[Verb.SLEEP],
        wake=of[Verb.WAKE],
        withhold=np.concatenate([withhold, of[Verb.WITHHOLD]]),
        release=of[Verb.RELEASE],
        disconnect=of[Verb.DISCONNECT],
        open=np.array(answer.open, dtype=np.int64),
        close=np.array(answer.close, dtype=np.int64),
    )
