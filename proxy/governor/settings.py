"""How the governor goes about it. Every figure has a default that is meant for a lean-burn gas site."""

from dataclasses import dataclass

from proxy.energy.ladder import LADDERS, Ladder
from proxy.energy.supply import Header


@dataclass(frozen=True, slots=True)
class GovernorSettings:
    """Timers in seconds, parts of one. [A] is an assumption, to be swept."""

    round_s: float = 10.0
    """Between two allocations when nothing happens."""
    deadband: float = 0.004
    """Part of the budget that is not worth a command; noise of a filtered 0.5 % meter is half of it [C]."""
    act_now: float = 0.015
    """A deficit of this part of the budget waits for no round; a smaller one is inside the reserve."""
    miner_deadband: float = 0.01
    """Part of its ceiling by which one miner's limit is not moved."""
    shed_margin: float = 0.10
    """A protective reduction is made so much larger than the deficit: 1 to 3 % of commands fail [I]."""
    meter_noise: float = 0.005
    """Standard deviation of one reading of the feeder, part of the reading [I]."""
    meter_gain: float = 0.15
    """Part of the difference between meter and expectation that is believed each second."""
    meter_lag_s: float = 4.0
    """What is drawn is on the feeder's meter after this: averaging and one poll, at their slowest [A]."""
    step_low: float = 0.07
    """Load that running sets take at once below ``step_break``, of their rating: 10 % less 30 % [A]."""
    step_high: float = 0.035
    """The same above: 5 % less 30 % [A]."""
    step_break: float = 0.6
    step_period_s: float = 18.0
    """Until the next such step: nominally 10 s, half as long or twice [A]."""
    air_s: float = 4.0
    """Time constant with which a turbo's air follows the load: 3 s, half or twice [A]."""
    header: Header | None = None
    """Pressures of the gas header; None where there is none or nobody measures it."""
    hz_resolution: float = 0.1
    """What one bit of the frequency is worth: 0.1 on DSE and ComAp, 0.01 on DEIF [S: dbus-modbus-client]."""
    heat_from_c: float = 32.2
    """Full power up to this ambient temperature [S: G3412 TA]."""
    heat_per_c: float = 0.0018
    """Derate for each degree above [S]."""
    min_on_s: float = 900.0
    """A miner that was woken is not put to sleep again for money before this [I]."""
    min_off_s: float = 300.0
    """Nor woken before this, except to give back what a protective shed took [I]."""
    cycles_day: int = 6
    """Sleeps for money of one miner in a day [I]."""
    patience: float = 1.6
    """A reduction is overdue at so many times the learned time to 95 %."""
    resend_s: float = 60.0
    """Until something not obeyed is said again."""
    absent_s: float = 900.0
    """A miner that is gone this long is not expected to come back with its load."""
    alarm_s: float = 600.0
    """An alarm is not repeated within this."""
    frozen_s: float = 8.0
    """A meter whose digits do not move for so long is stuck: at 0.5 % noise two equal ones are rare [C]."""
    source_ladder: Ladder = LADDERS["source"]
    """What the silence of the source of available kW means."""
