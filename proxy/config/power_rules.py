"""How the governor goes about it: the table [power.rules]."""

from proxy.config.table import Table, setting
from proxy.config.values import Count, Duration, Number


class PowerRules(Table):
    """Times and thresholds of the governor. Reductions that are needed wait for none of them."""

    min_on: Duration = setting(
        900.0,
        "A miner that was woken is not put to sleep for money before this. Binds those that sleep by an "
        "interface of their own; withholding work is no sleep.",
        reason="hardware dies of heating and cooling",
        restart=True,
        ge=0,
        le=86_400,
    )
    min_off: Duration = setting(
        300.0,
        "Nor is one that sleeps woken before this, except to give back what a protective shed took.",
        reason="a start takes some minutes by itself",
        restart=True,
        ge=0,
        le=86_400,
    )
    cycles_day: Count = setting(
        6,
        "Sleeps for money of one miner in a day.",
        reason="one for each four hours, for hardware wears by it",
        restart=True,
        ge=1,
        le=1000,
    )
    deadband: Number = setting(
        0.004,
        "Part of the budget that is worth no command.",
        reason="half of it is the noise of a filtered 0.5 % meter",
        restart=True,
        ge=0,
        le=0.05,
    )
    round: Duration = setting(
        10.0,
        "Between two allocations when nothing happens.",
        reason="a miner needs about that long to follow",
        restart=True,
        ge=2,
        le=60,
    )
    let_down: Duration = setting(
        300.0,
        "Over which a whole fleet is let down before a curtailment that is known beforehand.",
        reason="engines and gas follow so much with ease",
        restart=True,
        ge=10,
        le=7200,
    )
