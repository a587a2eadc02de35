"""Sees to it that what was told is done: says it again, escalates, gives up and says so."""

import numpy as np

from proxy.energy import dispatch, evidence
from proxy.energy.arrays import Bools, Ints
from proxy.energy.evidence import Verdict
from proxy.governor.accounts import ASLEEP, CUT, NO_TIME, RUNNING, WITHHELD
from proxy.governor.devices import Actuator
from proxy.governor.learned import ACTUATORS
from proxy.governor.plan import NOBODY
from proxy.governor.tick import Tick

PROVE_S = 20.0
"""A reduction that its shares would take longer to prove is worth a lower difficulty."""
FREE_PART = 0.02
"""Of the budget: with so much to spare nobody has to be without work."""
NAMED = 20
"""So many miners are named one by one in alarms."""
_BY_MODE = {RUNNING: 0, ASLEEP: 1, WITHHELD: 2, CUT: 3}


class Verify:
    """Follows reductions to their proof and raises to their effect."""

    def learn(self, tick: Tick, proven: Ints) -> None:
        """Learn the lag of miners that have just proven a reduction by their own figure."""
        if not len(proven):
            return
        accounts, body = tick.body.accounts, tick.body
        told = proven[~np.isnan(accounts.seen_w[proven])]
        for mode, actuator in _BY_MODE.items():
            mine = told[accounts.mode[told] == mode]
            if not len(mine):
                continue
            nominal = body.devices.t_down_limit_s if mode == RUNNING else body.devices.t_down_sleep_s
            if mode in {WITHHELD, CUT}:
                nominal = body.devices.t_idle_s
            issued = accounts.issued_s[mine]
            body.learned.obeyed(
                body.devices.curve[mine],
                actuator,
                nominal[mine],
                accounts.late_s[mine] - issued,
                accounts.seen_s[mine] - issued,
            )

    def look(self, tick: Tick) -> None:
        """Deal with reductions that are refused or overdue."""
        accounts = tick.body.accounts
        if tick.readings.refused:
            refused = np.array(tick.readings.refused, dtype=np.int64)
            # Said once more at once: half of the errors of an API are a moment's.
            down = refused[accounts.falling[refused] & (accounts.tries[refused] == 0)]
            accounts.tries[down] += 1
            tick.commander.again(down)
        late = accounts.overdue(tick.now)
        if tick.readings.instructions.ends:
            # Who was let go gives no more evidence, and is not to blame for it.
            late = late[tick.readings.connected[late]]
        if not len(late):
            return
        first = late[accounts.tries[late] == 0]
        accounts.tries[first] += 1
        tick.commander.again(first)
        second = late[accounts.tries[late] > 1] if len(first) else late
        if len(second):
            self._escalate(tick, second)
        accounts.tries[late] += 1

    def _escalate(self, tick: Tick, late: Ints) -> None:
        body = tick.body
        accounts, devices = body.accounts, body.devices
        late = late[~self._by_feeder(tick, late)]
        if not len(late):
            return
        self._blame(tick, late)
        needed = tick.severe or tick.deficit_w > body.settings.deadband * tick.budget.watts
        self._alarm(tick, late)
        mode = accounts.mode[late]
        usable = {
            one: devices.may(one)[late] & body.learned.usable(devices.curve[late], one) for one in ACTUATORS
        }
        to_sleep, to_withhold, to_cut = dispatch.harsher(
            mode == RUNNING,
            mode == ASLEEP,
            mode == WITHHELD,
            usable[Actuator.SLEEP],
            usable[Actuator.WITHHOLD],
            usable[Actuator.DISCONNECT],
        )
        harsher = needed & (to_sleep | to_withhold | to_cut)
        if needed:
            tick.commander.sleep(late[to_sleep])
            tick.commander.withhold(late[to_withhold])
            tick.commander.disconnect(late[to_cut])
        self._give_up(tick, late[~harsher])
        count = int(harsher.sum())
        if count:
            tick.decide(
                "escalate", count, 0.0, f"{count} miners did not obey in time: the next actuator is used"
            )

    def _by_feeder(self, tick: Tick, late: Ints) -> Bools:
        """Credit those of whom no evidence of their own can come, if the feeder has fallen by their watts.

        Silence of a miner without work proves nothing, and many tell no watts. Where the feeder is too coarse
        to tell, they stay charged, and are neither credited nor blamed.
        """
        accounts, body = tick.body.accounts, tick.body
        mute = np.isnan(accounts.seen_w[late]) & (accounts.mode[late] >= WITHHELD)
        done = np.zeros(len(late), np.bool_)
        if not mute.any():
            return done
        miners = late[mute]
        drop = body.bias * float((accounts.base_w[miners] - accounts.setpoint_w[miners]).sum())
        rose = tick.gap_w - float(np.nanmean(accounts.gap_w[miners]))
        sigma = body.settings.meter_noise * max(tick.load_w, 1.0)
        match evidence.by_feeder(rose, drop, sigma):
            case Verdict.PROVEN:
                accounts.prove(miners)
            case Verdict.OPEN:
                accounts.due_s[miners] = NO_TIME
            case Verdict.REFUTED:
                return done
        return mute

    def _blame(self, tick: Tick, late: Ints) -> None:
        accounts, body = tick.body.accounts, tick.body
        known = ~np.isnan(accounts.seen_w[late])
        drop = np.maximum(accounts.base_w[late] - accounts.setpoint_w[late], 1.0)
        stays = np.where(known, (accounts.seen_w[late] - accounts.setpoint_w[late]) / drop, 1.0)
        for mode, actuator in _BY_MODE.items():
            mine = accounts.mode[late] == mode
            if mine.any():
                body.learned.failed(body.devices.curve[late[mine]], actuator, stays[mine])

    def _alarm(self, tick: Tick, miners: Ints) -> None:
        for miner in miners[:NAMED]:
            name = tick.body.devices.ids[int(miner)]
            tick.body.alarms.say(tick.now, "deaf", name, f"{name} does not do what it is told")
        if len(miners) > NAMED:
            tick.body.alarms.say(
                tick.now, "deaf", "fleet", f"{len(miners)} miners do not do what they are told"
            )

    @staticmethod
    def _blamed_still(tick: Tick) -> None:
        """Let what was said of miners stand while they do not obey."""
        accounts, ids = tick.body.accounts, tick.body.devices.ids
        blamed = np.flatnonzero(accounts.deaf | (accounts.falling & (accounts.tries > 0)))
        if len(blamed):
            named = {ids[miner] for miner in blamed.tolist()}
            tick.body.alarms.still(tick.now, "deaf", named | {"fleet"} if len(blamed) > NAMED else named)

    def _give_up(self, tick: Tick, miners: Ints) -> None:
        """Take miners as they are: charged at what they draw, and neither moved nor credited for a while."""
        accounts = tick.body.accounts
        if not len(miners):
            return
        watts = np.where(np.isnan(accounts.seen_w[miners]), accounts.base_w[miners], accounts.seen_w[miners])
        accounts.setpoint_w[miners] = watts
        accounts.charge_w[miners] = np.maximum(watts, accounts.charge_w[miners])
        accounts.falling[miners] = False
        accounts.deaf[miners] = True
        # From now on the time of its next chance.
        accounts.due_s[miners] = tick.now + 30.0 * tick.body.settings.resend_s
        for miner in miners[:NAMED]:
            name = tick.body.devices.ids[int(miner)]
            tick.body.alarms.say(
                tick.now, "deaf", name, f"{name} does not do what it is told; it is left out"
            )
        tick.decide(
            "give up", len(miners), 0.0, f"{len(miners)} miners do not obey and are left out for a while"
        )

    def rounds(self, tick: Tick) -> None:
        """Look at what can wait: raises without effect, deaf miners' next chance, liars."""
        accounts, now = tick.body.accounts, tick.now
        chance = np.flatnonzero(accounts.deaf & (now > accounts.due_s))
        accounts.deaf[chance] = False
        accounts.due_s[chance] = NO_TIME
        self._blamed_still(tick)
        self._forgive(tick)
        here = tick.readings.connected & (accounts.mode == RUNNING) & ~accounts.deaf
        settled = (
            here & (now > accounts.settled_s + 10.0) & (now - accounts.issued_s > tick.body.settings.resend_s)
        )
        settled &= accounts.tries < 3
        short = evidence.falls_short(accounts.seen_w, accounts.setpoint_w)
        rate = tick.body.devices.share_rate_hz
        unheard = np.isnan(accounts.seen_w) & (rate > 0)
        quiet_s = now - np.maximum(accounts.heard_s, accounts.issued_s)
        unheard &= evidence.is_silent(quiet_s, rate, accounts.t95_s)
        # Of those that are told to work: after a stop of all nobody else can be heard.
        heard = np.count_nonzero(here & (now - accounts.heard_s < 60.0))
        if tick.may_raise and heard > 0.3 * np.count_nonzero(here):
            stalled = np.flatnonzero(settled & (short | unheard))
            accounts.tries[stalled] += 1
            tick.commander.again(stalled)
        self._loud(tick)
        self._prove(tick)

    def _forgive(self, tick: Tick) -> None:
        """Give work to those that burn on without it, when power is not what lacks: it costs no watt.

        Whose own figure shows that it draws what it did needs no more than it has; of the others, who may
        have stopped meanwhile, as much must be free as nobody else wants. They stay left out till their next
        chance, or each would be kept from work again by the next reduction.
        """
        accounts, devices = tick.body.accounts, tick.body.devices
        if not tick.may_raise or tick.deficit_w > 0:
            return
        burns = np.flatnonzero(accounts.deaf & (accounts.mode >= WITHHELD) & tick.readings.connected)
        burns = burns[tick.dead[devices.circuit[burns]] == 0]
        if tick.budget.watts - tick.proven_w < FREE_PART * tick.budget.watts:
            burns = burns[evidence.draws_on(accounts.seen_w[burns], accounts.setpoint_w[burns])]
        if not len(burns):
            return
        chance_s = accounts.due_s[burns]
        drawn = np.clip(accounts.setpoint_w[burns], devices.floor_w[burns], devices.ceiling_w[burns])
        tick.commander.start(burns, drawn)
        accounts.due_s[burns] = chance_s
        tick.decide("admit", len(burns), 0.0, f"{len(burns)} miners that burnt on without work get it again")

    def _loud(self, tick: Tick) -> None:
        """Alarm about miners that tell little and send shares as if they were told nothing."""
        accounts, now = tick.body.accounts, tick.now
        asleep = (accounts.mode == ASLEEP) & evidence.hashes_on(
            accounts.heard_s, accounts.issued_s, accounts.t95_s, lags=3.0, grace_s=30.0
        )
        for miner in np.flatnonzero(asleep & (now - accounts.heard_s < 60.0))[:NAMED]:
            name = tick.body.devices.ids[int(miner)]
            tick.body.alarms.say(now, "liar", name, f"{name} was put to sleep and sends shares")
            if not accounts.falling[miner]:
                accounts.falling[miner] = True
                accounts.charge_w[miner] = tick.body.devices.ceiling_w[miner]
                accounts.due_s[miner] = now
                accounts.tries[miner] = max(1, int(accounts.tries[miner]))

    def _prove(self, tick: Tick) -> None:
        accounts = tick.body.accounts
        falling = np.flatnonzero(accounts.falling & (accounts.mode == ASLEEP) & np.isnan(accounts.seen_w))
        if not len(falling):
            tick.prove = NOBODY
            return
        rate = accounts.rate_hz(falling, tick.body.devices)
        tick.prove = falling[evidence.time_to_proof_s(rate) > PROVE_S]
