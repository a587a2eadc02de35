"""Simulated miners: Stratum V1 clients that hash for real at a low rate, with habits known from firmware."""

from proxy.adapters.simulated.miner.client import MinerSettings, Mode, SimulatedMiner
from proxy.adapters.simulated.miner.counters import Counters
from proxy.adapters.simulated.miner.firmware import Firmware, Identities, VersionBits
from proxy.adapters.simulated.miner.fleet import Fleet, FleetSettings
from proxy.adapters.simulated.miner.presets import FIRMWARES, firmware
from proxy.adapters.simulated.miner.schedule import Schedule

__all__ = [
    "FIRMWARES",
    "Counters",
    "Firmware",
    "Fleet",
    "FleetSettings",
    "Identities",
    "MinerSettings",
    "Mode",
    "Schedule",
    "SimulatedMiner",
    "VersionBits",
    "firmware",
]
