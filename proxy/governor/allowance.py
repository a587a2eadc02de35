"""The budget, and what has to be remembered for it: what there was before meters fell silent."""

import math

from proxy.energy.budget import Budget, Term, budget, emergency_stop
from proxy.energy.ladder import LADDERS, Ladder, ceiling_w
from proxy.governor.readings import Readings
from proxy.governor.senses import Sight
from proxy.governor.supply_watch import Supplied


class Allowance:
    """Puts together what each source allows."""

    def __init__(self, source: Ladder) -> None:
        self._ladders = {**LADDERS, "source": source}
        """Ladders by the role of the meter."""
        self.before_w = 0.0
        """The last budget."""
        self.known_s = -math.inf
        """When the load was last known."""
        self.hour: list[tuple[float, float]] = []
        """Least budget of each minute of the last hour, with its beginning."""

    def budget(
        self,
        now: float,
        readings: Readings,
        sight: Sight,
        supplied: Supplied,
        *,
        metered: bool,
        aux_w: float,
        sigma_w: float,
        asleep_w: float,
        guaranteed_w: float,
        generators_s: float,
        besides: tuple[Term, ...],
    ) -> Budget:
        """Return what the fleet may draw, at its feeder.

        Args:
            now: Now.
            readings: Of this tick.
            sight: The load as it is believed.
            supplied: What the generators allow.
            metered: Whether anything measures the load.
            aux_w: What comes off at the bus.
            sigma_w: Standard deviation of one reading of the load.
            asleep_w: What all draw asleep: no rung of a ladder is lower.
            guaranteed_w: Sum of all guarantees.
            generators_s: When the generators were last heard.
            besides: Terms of others, at the bus.

        """
        if not math.isnan(sight.load_w):
            self.known_s = sight.at
        terms = [*supplied.terms, *besides]
        frozen = list(supplied.frozen)
        said = readings.instructions
        if said.cap_w < math.inf:
            terms.append(Term("cap", said.cap_w + aux_w, said.cap_name or "an order"))
        if said.stopped:
            terms.append(emergency_stop("somebody pressed it"))
        if said.held:
            frozen.append("somebody holds it")
        if said.ends:
            frozen.append("the program ends")

        def silent(role: str, age_s: float, who: str) -> None:
            most = ceiling_w(
                self._ladders[role],
                age_s,
                last_w=self.before_w,
                hour_least_w=min((watts for _, watts in self.hour), default=math.nan),
                guaranteed_w=guaranteed_w,
                sleep_w=asleep_w,
            )
            if math.isfinite(most):
                told = f"for {age_s:.0f} s" if math.isfinite(age_s) else "ever"
                terms.append(Term(f"{role} silent", most + aux_w, f"{who} told nothing {told}"))
                frozen.append(f"{who} told nothing {told}")

        if metered and math.isnan(sight.load_w):
            frozen.append("the load is unknown")
            silent("feeder", now - self.known_s, "the feeder's meter")
        if supplied.terms and math.isnan(supplied.capability_w):
            silent("generators", now - generators_s, "the generators")
        if not math.isnan(readings.available_at):
            terms.append(
                Term("source", readings.available_w + aux_w, "what the source of available kW tells")
            )
            silent("source", now - readings.available_at, "the source of available kW")
        allowed = budget(terms, before_w=self.before_w, auxiliaries_w=aux_w, sigma_w=sigma_w, frozen=frozen)
        if math.isfinite(allowed.watts):
            self._remember(now, allowed.watts)
        return allowed

    def _remember(self, now: float, watts: float) -> None:
        self.before_w = watts
        if not self.hour or now - self.hour[-1][0] >= 60.0:
            self.hour = [*self.hour[-59:], (now, watts)]
        elif watts < self.hour[-1][1]:
            self.hour[-1] = (self.hour[-1][0], watts)
