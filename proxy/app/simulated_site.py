"""The surroundings of ``demo``: simulated pools and simulated miners of two tenants, all real on the wire."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from proxy import hotpath
from proxy.adapters.simulated.miner import Fleet, FleetSettings
from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool, Submits, VardiffSettings
from proxy.app.books import MinerBook, PoolBook, total
from proxy.app.scenarios import Act, Scenario, Step
from proxy.mining.difficulty import HASHES_PER_DIFFICULTY, power_of_two_at_most
from proxy.units import Difficulty, HashesPerSecond, Seconds

TENANTS = ("acme", "borealis")
POOLS = ("primary", "backup")

_SLOWEST, _FASTEST = 5_000.0, 20_000.0
"""Hashrates of simulated miners at speed 1; each miner's own is drawn log-uniformly."""
_MOST_HASHING = 3e6 if hotpath.COMPILED else 2e4
"""Hashes a second of all miners together: a quarter of a core, so that the proxy beside them has room."""
_RAMP = Seconds(1.0)
"""Time over which the miners connect."""
_FIRST_SHARE = Seconds(4.0)
"""Mean time of a miner's first share at speed 1."""
_OWN_BLOCK = Seconds(45.0)
"""Mean time between blocks that a tenant's miners find, at speed 1."""
_POOL_SHARES_PER_MINUTE = 30.0
"""What a pool aims at for each connection, at speed 1."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What miners and pools are like, all following from the options."""

    scenario: Scenario
    miners: int
    speed: float
    seed: int

    @property
    def fleet_sizes(self) -> dict[str, int]:
        """Miners of each tenant."""
        first = -(-self.miners // 2)
        return {TENANTS[0]: first, TENANTS[1]: self.miners - first}

    @property
    def hashrates(self) -> tuple[HashesPerSecond, HashesPerSecond]:
        """Least and greatest hashrate of a miner: scaled by speed, bounded by what a core can do."""
        wanted = self.mean_wanted * self.miners
        factor = self.speed * min(1.0, _MOST_HASHING / wanted)
        return HashesPerSecond(_SLOWEST * factor), HashesPerSecond(_FASTEST * factor)

    @property
    def mean_wanted(self) -> float:
        """Mean hashrate of a miner before the bound."""
        return self.speed * (_FASTEST - _SLOWEST) / math.log(_FASTEST / _SLOWEST)

    @property
    def mean(self) -> float:
        """Mean hashrate of a miner."""
        least, most = self.hashrates
        return (most - least) / math.log(most / least)

    @property
    def first_difficulty(self) -> Difficulty:
        """Difficulty at which a miner finds its first share after a few seconds."""
        return power_of_two_at_most(Difficulty(self.mean * _FIRST_SHARE / self.speed / HASHES_PER_DIFFICULTY))

    @property
    def pool_settings(self) -> PoolSettings:
        """An ordinary pool of this site."""
        scenario, speed = self.scenario, self.speed
        tenant = self.mean * self.miners / len(TENANTS)
        return PoolSettings(
            difficulty=Difficulty(self.first_difficulty * 8),
            vardiff=VardiffSettings(
                per_minute=_POOL_SHARES_PER_MINUTE * speed,
                window=Seconds(15.0 / speed),
                least=self.first_difficulty,
            ),
            network_difficulty=Difficulty(tenant * _OWN_BLOCK / speed / HASHES_PER_DIFFICULTY),
            block_interval=Seconds(scenario.block_interval / speed),
            notify_interval=Seconds(scenario.notify_interval / speed),
            submits=scenario.submits,
            late=scenario.late,
        )


class SimulatedSite:
    """Two tenants with two pools each, and miners for both. ``close`` ends everything."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fleets: dict[str, Fleet] = {}
        self.mining: list[asyncio.Task[None]] = []
        """One task for each fleet; none of them ends by itself."""
        self._pools: dict[tuple[str, str], list[SimulatedPool]] = {}
        """Newest last: a pool that was restarted is another pool with books of its own."""

    # --- pools --------------------------------------------------------------------------------------

    async def open_pools(self) -> None:
        """Start every pool on a free port of the loopback interface."""
        for tenant in TENANTS:
            for name in POOLS:
                await self._start(tenant, name)

    async def _start(self, tenant: str, name: str, *, submits: Submits | None = None, port: int = 0) -> None:
        pools = self._pools.setdefault((tenant, name), [])
        settings, scenario = self.plan.pool_settings, self.plan.scenario
        if name == POOLS[0]:
            settings = replace(
                settings,
                extranonce1_size=scenario.extranonce1_size,
                extranonce2_size=scenario.extranonce2_size,
            )
        if submits is not None:
            settings = replace(settings, submits=submits)
        pool = SimulatedPool(settings, seed=self._seed(tenant, name, len(pools)))
        pools.append(pool)
        await pool.start(port=port)

    def _seed(self, *parts: object) -> int:
        """Return a seed of its own for each part of the site, always the same one."""
        return Random("/".join(map(str, (self.plan.seed, *parts)))).getrandbits(48)

    def port(self, tenant: str, name: str) -> int:
        """Return the port of a pool."""
        return self._pools[tenant, name][-1].port

    async def act(self, step: Step) -> None:
        """Do to a pool what a scenario asks for."""
        pool = self._pools[step.tenant, step.pool][-1]
        match step.act:
            case Act.CUT:
                await pool.cut()
            case Act.RETURN:
                await pool.open()
            case Act.HANG:
                pool.hang()
            case Act.GO_ON:
                pool.unhang()
            case Act.LIE | Act.REPAIR:
                port = pool.port
                await pool.stop()
                submits = Submits.REJECT_ALL if step.act is Act.LIE else None
                await self._start(step.tenant, step.pool, submits=submits, port=port)

    # --- miners -------------------------------------------------------------------------------------

    def start_miners(self, port: int) -> None:
        """Let every miner connect to the proxy, spread over a second."""
        least, most = self.plan.hashrates
        for tenant, count in self.plan.fleet_sizes.items():
            settings = FleetSettings(
                miners=count,
                least_hashrate=least,
                most_hashrate=most,
                ramp=_RAMP,
                worker=tenant + ".m{number:04d}",
            )
            fleet = self.fleets[tenant] = Fleet(
                "127.0.0.1", port, settings, seed=self._seed(tenant, "miners")
            )
            if count:
                self.mining.append(asyncio.create_task(fleet.run(), name=f"simulated miners of {tenant}"))

    def stop_hashing(self) -> None:
        """Find no more shares; every connection stays."""
        for fleet in self.fleets.values():
            fleet.stop_hashing()

    async def answered(self, timeout: Seconds) -> bool:
        """Return as soon as every share sent has its answer, or False after ``timeout``."""
        try:
            async with asyncio.timeout(timeout):
                for fleet in self.fleets.values():
                    await fleet.wait_for(lambda fleet: fleet.pending == 0, timeout)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Disconnect the miners, then end the pools."""
        for task in self.mining:
            task.cancel()
        await asyncio.gather(*self.mining, return_exceptions=True)
        for pool in self._every_pool():
            await pool.stop()

    # --- books --------------------------------------------------------------------------------------

    def _every_pool(self) -> Iterator[SimulatedPool]:
        for pools in self._pools.values():
            yield from pools

    def miner_book(self, tenant: str) -> MinerBook:
        """Return what the miners of a tenant have counted."""
        fleet = self.fleets.get(tenant)
        counters = [miner.counters for miner in fleet.miners] if fleet is not None else []
        return MinerBook(
            found=sum(each.found for each in counters),
            withheld=sum(each.withheld for each in counters),
            accepted=sum(each.accepted for each in counters),
            rejected=sum(each.rejected.total() for each in counters),
            reconnects=sum(each.reconnects for each in counters),
            set_extranonces=sum(each.set_extranonces for each in counters),
        )

    def pool_book(self, tenant: str) -> PoolBook:
        """Return the truth of all pools of a tenant."""
        books = []
        for (owner, _), pools in self._pools.items():
            books += [_book(pool) for pool in pools if owner == tenant]
        return total(books, PoolBook())


def _book(pool: SimulatedPool) -> PoolBook:
    truth = pool.truth
    return PoolBook(
        truth.submits, truth.accepted, truth.rejected.total(), truth.duplicates, truth.blocks_found
    )
