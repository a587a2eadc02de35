"""The table of simulated firmwares. Each row is a set of habits with its source, not a device.

One habit of 4.8 has no row: NiceHash's least difficulty of 524,288, because a share of it costs 2**51
hashes and a simulated miner could never send one.
"""

from collections.abc import Mapping
from types import MappingProxyType

from proxy.adapters.simulated.miner.firmware import Firmware, Identities, VersionBits
from proxy.units import Difficulty

_ALL_EXTENSIONS = ("version-rolling", "minimum-difficulty", "subscribe-extranonce", "info")
_SUBSCRIBE_FIRST = (("subscribe",), ("configure",), ("authorize",))
_PLAIN = (("subscribe",), ("authorize",))

_ROWS = (
    Firmware(
        name="antminer",
        source="4.2, 4.4: rounds difficulty down (c2pool#773); Bitmain cgminer util.c:2372 set_extranonce",
        user_agent="Antminer S19/Simulated",
        handshake=(("configure",), ("subscribe",), ("extranonce",), ("authorize",)),
        handles_set_extranonce=True,
        params_first=True,
        rounds_difficulty=True,
        most_coinbase=750,
    ),
    Firmware(
        name="antminer-s21",
        source="4.8: coinbase up to 2,250 B (datum_stratum.c:1662-1669)",
        user_agent="Antminer S21/Simulated",
        handshake=(("configure",), ("subscribe",), ("extranonce",), ("authorize",)),
        handles_set_extranonce=True,
        params_first=True,
        rounds_difficulty=True,
        most_coinbase=2250,
    ),
    Firmware(
        name="whatsminer",
        source="4.8: loops on missing configure keys (stratum#1173); en2 > 8 fails (stratum#1861); 6,500 B",
        user_agent="whatsminer/simulated",
        extensions=_ALL_EXTENSIONS,
        demands_configure_keys=True,
        # It asks for subscribe-extranonce, so it is taken to follow what it asked for.
        handles_set_extranonce=True,
        most_extranonce2=8,
        most_coinbase=6500,
        most_name=127,
    ),
    Firmware(
        name="avalon",
        source="4.8: name cut at 63 (usernames.md:17); coinbase 6,144 + 64 B (driver-avalon7.h:97)",
        user_agent="cgminer/4.11.1-simulated-avalon",
        least_bits=None,
        params_first=True,
        most_coinbase=6208,
        most_name=63,
    ),
    Firmware(
        name="bitaxe",
        source="4.3, 4.8: mask ffffffff, XOR (asic_result_task.c:78), 32 branches (stratum_api.c:257-310)",
        user_agent="bitaxe/BM1370/simulated",
        handshake=(("configure",), ("subscribe",), ("authorize",), ("suggest",), ("extranonce",)),
        mask=0xFFFFFFFF,
        least_bits=None,
        version_bits=VersionBits.XOR,
        handles_set_extranonce=True,
        obeys_reconnect=True,
        suggests=Difficulty(2.0**-20),
        most_branches=32,
    ),
    Firmware(
        name="cgminer",
        source="4.8: en2 little-endian, > 8 not submitted (cgminer.c:7120); resumes its session (util.c)",
        user_agent="cgminer/4.11.1-simulated",
        handshake=_PLAIN,
        version_bits=VersionBits.NONE,
        session_on_reconnect=True,
        params_first=True,
        little_endian_extranonce2=True,
        most_extranonce2=8,
    ),
    Firmware(
        name="cpuminer",
        source="pooler/cpuminer cpu-miner.c: five parameters, every submit has id 4",
        user_agent="cpuminer/2.5.1-simulated",
        handshake=_PLAIN,
        version_bits=VersionBits.NONE,
        identities=Identities.REPEATING,
    ),
    Firmware(
        name="nerdminer",
        source="4.8: 4,096 B of JSON, no version rolling, float suggest_difficulty (stratum.h:15-16)",
        user_agent="NerdMinerV2/simulated",
        handshake=(("subscribe",), ("authorize",), ("suggest",)),
        version_bits=VersionBits.NONE,
        suggests=Difficulty(0.0000002),
        most_line=4096,
    ),
    Firmware(
        name="nicehash",
        source="4.8: needs the error key (miningcore#1709); en2 >= 4, 500 B (datum_stratum.c:1700)",
        user_agent="NiceHash/1.0.0-simulated",
        handshake=(("configure",), ("subscribe",), ("extranonce",), ("authorize",)),
        handles_set_extranonce=True,
        subscribe_extra=("1760000000", "00" * 32),
        needs_error_key=True,
        least_extranonce2=4,
        most_extranonce2=8,
        most_coinbase=500,
    ),
    Firmware(
        name="s9-old",
        source="4.8: version bits 0x40000000/0x80000000/0xc0000000 (btcpool-ABANDONED#425)",
        user_agent="bmminer/2.0.0-simulated",
        version_bits=VersionBits.ODD,
        params_first=True,
    ),
    Firmware(
        name="deaf-to-mask",
        source="4.3: a miner that ignores set_version_mask",
        user_agent="deaf/simulated",
        heeds_set_version_mask=False,
    ),
    Firmware(
        name="configure-late",
        source="4.3: configure after subscribe",
        user_agent="late/simulated",
        handshake=_SUBSCRIBE_FIRST,
    ),
    Firmware(
        name="authorize-early",
        source="4.6: authorize before the subscribe reply",
        user_agent="early/simulated",
        handshake=(("authorize",), ("subscribe",)),
        version_bits=VersionBits.NONE,
    ),
    Firmware(
        name="pipelined",
        source="4.6: configure, subscribe and authorize in one segment",
        user_agent="pipelined/simulated",
        handshake=(("configure", "subscribe", "authorize", "extranonce"),),
        handles_set_extranonce=True,
    ),
    Firmware(
        name="string-ids",
        source="4.6: ids may be strings",
        user_agent="strings/simulated",
        identities=Identities.STRINGS,
    ),
    Firmware(
        name="ntime-roller",
        source="4.1: some firmwares roll 7 bits of ntime",
        user_agent="ntime/simulated",
        ntime_bits=7,
    ),
)

ANTMINER = _ROWS[0]
"""The commonest."""

FIRMWARES: Mapping[str, Firmware] = MappingProxyType({row.name: row for row in _ROWS})


def firmware(name: str) -> Firmware:
    """Return a named row of the table.

    Raises:
        KeyError: There is no such firmware; the message lists those there are.

    """
    known = FIRMWARES.get(name)
    if known is None:
        raise KeyError(f"no simulated firmware {name!r}; there are {', '.join(FIRMWARES)}")
    return known
