"""The figures that a plant file holds, section by section; units are in the names and in plant.toml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """One figure of the plant, and where it comes from."""

    value: float
    low: float
    """The end that sweeps go to; equal to `value` where the figure is sourced and nothing else is known."""
    high: float
    unit: str
    basis: str
    """``sourced`` or ``assumed``."""
    source: str
    drawn: str
    """How its truth is drawn, a key of `DRAWN`."""
    acts: bool = True
    """Whether the plant makes use of it; what does not is a fact to keep beside the others, and not swept."""


@dataclass(frozen=True, slots=True)
class Gas:
    """Wells, header and flare. Units are in the names and in plant.toml."""

    lower_heating_value_mj_m3: float
    methane_number: float
    wells: float
    surplus: float
    line_pack_s: float
    normal_kpa: float
    flare_kpa: float
    flare_m3h_kpa: float
    derate_kpa: float
    shut_kpa: float
    slow_sigma: float
    slow_tau_s: float
    slug_amplitude: float
    slug_period_s: float
    slug_quiet_s: float
    slug_spell_s: float
    short_trips_month: float
    short_trip_s: float
    long_trips_year: float
    long_trip_s: float
    separator_lag_s: float


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of gas engine with its generator, governor and protection."""

    fuel_no_load_m3h_kw: float
    fuel_m3_kwh: float
    inertia_s: float
    governor_lag_s: float
    governor_band: float
    governor_integral_s: float
    governor_lead_s: float
    turbo_lag_s: float
    step_low_load: float
    step_high_load: float
    step_break: float
    step_period_s: float
    unload_step: float
    unload_period_s: float
    unload_residual: float
    overload: float
    overload_trip_s: float
    min_load: float
    under_hz: float
    under_s: float
    over_hz: float
    over_s: float
    start_s: float
    soft_load_s: float
    restart_s: float
    heat_from_c: float
    heat_per_c: float
    altitude_from_m: float
    altitude_per_m: float
    methane_full: float
    methane_least: float
    methane_least_power: float
    methane_slip: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the site is and how its feeders are built."""

    nominal_hz: float
    voltage_v: float
    altitude_m: float
    ambient_c: float
    power_factor: float
    idle_power_factor: float
    loss: float
    breaker_margin: float
    breaker_tau_s: float
    reclose_s: float


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """What the site takes beside its miners."""

    base_w: float
    set_fraction: float
    fan_fraction: float
    fan_per_c: float


@dataclass(frozen=True, slots=True)
class Meter:
    """How instruments differ from the truth."""

    period_s: float
    lag_s: float
    noise: float
    watts: float
    hz: float
    hz_noise: float
    kpa: float
    celsius: float
    dropout_s: float
    silent_s: float


@dataclass(frozen=True, slots=True)
class Carbon:
    """What burning or losing methane is worth as CO2."""

    methane_fraction: float
    methane_kg_sm3: float
    co2_kg_kg: float
    gwp_100: float
    gwp_20: float
    flare_destruction: float


@dataclass(frozen=True, slots=True)
class Miner:
    """What all miners have in common."""

    curve_constant: float
    curve_square: float
    floor_fraction: float
    spread: float
    board_rise_c: float
    board_tau_s: float
    watts_per_c: float
    reference_c: float
    trip_c: float
    resume_c: float
    lost: float
    refused: float
    lie: float
    report_bias: float
    stray: float
    poll_s: float
    reconnect_s: float
    boot_spread: float
    shares_minute: float
    inrush: float


@dataclass(frozen=True, slots=True)
class Firmware:
    """How one firmware obeys."""

    limit_levels: float
    can_sleep: float
    ceiling_fraction: float
    sleep_w: float
    idle_fraction: float
    hold_s: float
    command_lag_s: float
    limit_down_s: float
    limit_up_s: float
    sleep_down_s: float
    wake_delay_s: float
    wake_ramp_s: float
    boot_s: float
    linear: float
    work_lost_s: float
    keeps_orders: float
    telemetry: float


@dataclass(frozen=True, slots=True)
class Asic:
    """One machine at its default power."""

    hashrate_ths: float
    watts: float
