"""The miners of a site: which machine with which firmware, where, for whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from proxy.errors import ConfigError
from proxy.plant.parameters import Parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HASHES_PER_DIFFICULTY = float(1 << 32)
"""Expected hashes for one share of difficulty 1 (bdiff, [C] 2**32; the fraction above is noise)."""

TERA = 1e12


@dataclass(frozen=True, slots=True)
class Model:
    """A machine with its firmware. P [W] = constant + linear * h + square * h * h, h in TH/s."""

    name: str
    """``asic/firmware``, such as ``s19k-pro/luxos``."""
    hashrate_ths: float
    """At default power."""
    default_w: float
    constant_w: float
    linear_w_ths: float
    square_w_ths2: float
    floor_w: float
    """Least power at which it hashes, and least limit it takes."""
    ceiling_w: float
    """Greatest limit that it takes."""
    sleep_w: float
    idle_no_work_w: float
    """What it burns powered and awake, once it has given up its last job."""
    levels_w: tuple[float, ...]
    """The limits it can be set to; empty: none, or continuous where `can_limit`."""
    can_limit: bool
    can_sleep: bool
    hold_s: float
    """How long it burns on after its last job."""
    command_lag_s: float
    t_limit_down_s: float
    """To 95 % of a lower limit, as all `t_` are to 95 %."""
    t_limit_up_s: float
    t_down_s: float
    """From work to sleep."""
    wake_delay_s: float
    """From the command to wake to the first watt more."""
    t_up_s: float
    """From the first watt more to its limit."""
    boot_s: float
    """From power to the first watt of hashing."""
    work_lost_s: float
    linear: bool
    """Whether it ramps at a constant rate, or exponentially."""
    keeps_orders: bool
    """Whether its limit and its sleep outlive a reboot."""
    telemetry: int
    """0: tells no watts, 1: estimates them, 2: measures them."""

    def watts(self, hashrate_ths: float) -> float:
        """Return the power at a hashrate in TH/s."""
        return self.constant_w + hashrate_ths * (self.linear_w_ths + self.square_w_ths2 * hashrate_ths)

    def hashrate(self, watts: float) -> float:
        """Return the hashrate in TH/s at a power; 0 below `constant_w`."""
        over = max(0.0, watts - self.constant_w)
        root = sqrt(self.linear_w_ths**2 + 4.0 * self.square_w_ths2 * over)
        return 2.0 * over / (self.linear_w_ths + root)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The miners 0..N-1 of a site; every array has N entries and is not to be changed."""

    kind: str
    models: tuple[Model, ...]
    """Nominal models; a plant draws its own truth of them by name."""
    model: Ints
    """Index into `models`."""
    spread: Floats
    """Watts of this unit over those of its model, about 1."""
    tenant: Ints
    circuit: Ints
    """The leaf circuit that feeds it."""
    phase: Ints
    """0, 1 or 2."""
    difficulty: Floats
    """Share difficulty that each begins with."""

    def of_model(self, name: str) -> Floats:
        """Return a field of each miner's model, such as ``default_w``, as numbers."""
        return np.array([getattr(model, name) for model in self.models], dtype=np.float64)[self.model]


def model(parameters: Parameters, name: str) -> Model:
    """Return the model ``asic/firmware`` as this plant has it.

    Raises:
        ConfigError: The plant has no such machine or firmware.

    """
    machine, _, system = name.partition("/")
    if machine not in parameters.asic or system not in parameters.firmware:
        raise ConfigError([f"{name}: no such asic/firmware in the plant"])
    asic, firmware, common = parameters.asic[machine], parameters.firmware[system], parameters.miner
    constant = common.curve_constant * asic.watts
    square = common.curve_square * asic.watts / asic.hashrate_ths**2
    linear = (1.0 - common.curve_constant - common.curve_square) * asic.watts / asic.hashrate_ths
    floor_w, ceiling_w = common.floor_fraction * asic.watts, firmware.ceiling_fraction * asic.watts
    made = Model(
        name=name,
        hashrate_ths=asic.hashrate_ths,
        default_w=asic.watts,
        constant_w=constant,
        linear_w_ths=linear,
        square_w_ths2=square,
        floor_w=floor_w,
        ceiling_w=ceiling_w,
        sleep_w=firmware.sleep_w,
        idle_no_work_w=firmware.idle_fraction * asic.watts,
        levels_w=(),
        can_limit=firmware.limit_levels >= 1,
        can_sleep=firmware.can_sleep > 0,
        hold_s=firmware.hold_s,
        command_lag_s=firmware.command_lag_s,
        t_limit_down_s=firmware.limit_down_s,
        t_limit_up_s=firmware.limit_up_s,
        t_down_s=firmware.sleep_down_s,
        wake_delay_s=firmware.wake_delay_s,
        t_up_s=firmware.wake_ramp_s,
        boot_s=firmware.boot_s,
        work_lost_s=firmware.work_lost_s,
        linear=firmware.linear > 0,
        keeps_orders=firmware.keeps_orders > 0,
        telemetry=int(firmware.telemetry),
    )
    if firmware.limit_levels < 2:
        return made
    steps = np.linspace(made.hashrate(floor_w), made.hashrate(ceiling_w), int(firmware.limit_levels))
    levels = tuple(made.watts(float(step)) for step in steps)
    return replace(made, levels_w=levels)


def fleet(
    parameters: Parameters,
    kind: str,
    miners: int,
    seed: int,
    tenants: int | Sequence[int] = 1,
    circuits: int | Sequence[int] = 1,
) -> Fleet:
    """Return a fleet of ``miners``, mixed as the plant file says for ``kind``, shuffled by ``seed``.

    Tenants and circuits are how many, which gives blocks of equal size, or one index for each miner.

    Raises:
        ConfigError: The plant file has no such kind, or a number does not fit.

    """
    if kind not in parameters.fleet:
        raise ConfigError([f"fleet {kind!r}: the plant has {', '.join(sorted(parameters.fleet))}"])
    if miners < 1:
        raise ConfigError([f"a fleet has at least one miner, not {miners}"])
    weights = {name: weight for name, weight in parameters.fleet[kind].items() if weight > 0}
    models = tuple(model(parameters, name) for name in weights)
    chance = np.random.default_rng([seed, 0xF1EE7])
    # Cumulated and rounded, so that each model has its part to within one miner.
    ends = np.rint(np.cumsum(list(weights.values())) / sum(weights.values()) * miners).astype(np.int64)
    index = np.repeat(np.arange(len(models)), np.diff(ends, prepend=0))
    chance.shuffle(index)
    half = parameters.miner.spread
    spread = 1.0 + np.clip(chance.normal(0.0, half / 2.0, miners), -half, half)
    rate = np.array([one.hashrate_ths * TERA for one in models]) * 60.0 / HASHES_PER_DIFFICULTY
    difficulty = 2.0 ** np.rint(np.log2(rate / parameters.miner.shares_minute))
    return Fleet(
        kind=kind,
        models=models,
        model=index.astype(np.int64),
        spread=spread,
        tenant=_blocks("tenants", tenants, miners),
        circuit=_blocks("circuits", circuits, miners),
        phase=np.arange(miners, dtype=np.int64) % 3,
        difficulty=difficulty[index],
    )


def _blocks(name: str, wanted: int | Sequence[int], miners: int) -> Ints:
    if isinstance(wanted, int):
        if wanted < 1:
            raise ConfigError([f"{name}: at least one, not {wanted}"])
        return np.arange(miners, dtype=np.int64) * wanted // miners
    given = np.asarray(wanted, dtype=np.int64)
    if given.shape != (miners,) or given.min() < 0:
        raise ConfigError([f"{name}: one index, 0 or more, for each of {miners} miners"])
    return given
