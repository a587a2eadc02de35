"""What firmware and pools of the field do, one row each, and what is done about it here.

Rows come from the projects' own sources; ``source`` says where it can be read. A row without settings is
there because a general rule already serves it: ``held_by`` names the rule, and the tests prove it.
"""

from dataclasses import dataclass

from proxy.units import Difficulty


@dataclass(frozen=True, slots=True)
class ClientQuirk:
    """A kind of mining software, recognised by how its user agent begins (case does not matter)."""

    client: str
    agents: tuple[str, ...]
    quirk: str
    held_by: str
    source: str
    start: Difficulty | None = None
    """First difficulty, where the usual one would keep such a miner silent for minutes, or flood."""
    least: Difficulty | None = None
    """Least difficulty that it takes."""
    coinbase_most: int | None = None
    """Bytes of coinbase transaction that it can hold: longer ones are reported, once a session."""
    boots: bool = False
    """An ASIC logs in minutes before its boards hash: that silence must not lower its difficulty, or a site
    that comes back from a black-out answers with millions of shares."""
    extranonce2_least: int | None = None
    """It hangs up when given fewer bytes: reported with the setting that gives more."""

    @property
    def is_fragile(self) -> bool:
        """Whether some job may be more than it bears."""
        return self.coinbase_most is not None or self.extranonce2_least is not None


@dataclass(frozen=True, slots=True)
class PoolQuirk:
    """A habit of a pool."""

    pool: str
    quirk: str
    held_by: str
    source: str


CLIENT_QUIRKS = (
    ClientQuirk(
        "Antminer S19 class",
        ("antminer s19", "antminer t19", "bmminer"),
        "coinbase transactions over 750 bytes break it; counts what it found before a rise as rejected",
        "reported; difficulty rises only with a clean or the next job",
        "OCEAN-xyz/datum_gateway datum_stratum.h:55-58; SpiralPool/Spiral-Pool#10",
        boots=True,
        coinbase_most=750,
    ),
    ClientQuirk(
        "Antminer S21 class",
        ("antminer s21", "antminer t21"),
        "coinbase transactions over 2,250 bytes break it",
        "reported",
        "OCEAN-xyz/datum_gateway datum_stratum.c:1662-1669",
        boots=True,
        coinbase_most=2250,
    ),
    ClientQuirk(
        "Antminer",
        ("antminer",),
        "rounds the difficulty down to a power of two",
        "only powers of two are ever sent (mining.difficulty.power_of_two_at_most)",
        "frstrtr/c2pool#773",
        boots=True,
        coinbase_most=750,
    ),
    ClientQuirk(
        "Whatsminer",
        ("whatsminer", "btminer"),
        "loops when a key that it asked to configure stays unanswered; no shares where extranonce2 is over"
        " 8 bytes; user names over 127 characters overflow",
        "every asked key is answered; extranonce2 is 2 to 8; no user name is ever sent to a miner",
        "stratum-mining/stratum#1173, #1861; datum_gateway usernames.md:17",
        boots=True,
        coinbase_most=6500,
    ),
    ClientQuirk(
        "Avalon",
        ("avalon",),
        "cuts user names at 63 characters; coinbase buffer of 6,144 bytes",
        "the name that it authorises with is the one its shares carry; long coinbases are reported",
        "datum_gateway usernames.md:17; Canaan cgminer driver-avalon7.h:97",
        boots=True,
        coinbase_most=6144,
    ),
    ClientQuirk(
        "ePIC and vnish firmware",
        ("powerplay", "xminer"),
        "holds coinbase transactions of 16 KB",
        "reported where longer",
        "OCEAN-xyz/datum_gateway datum_stratum.c:1671-1680",
        boots=True,
        coinbase_most=16384,
    ),
    ClientQuirk(
        "Bitaxe and others of ESP-Miner",
        ("bitaxe", "nerdaxe", "nerdqaxe", "esp-miner"),
        "asks for the mask ffffffff and submits rolled_version XOR job version",
        "granted bits never overlap the job's, so that replace, OR and XOR agree; else the hash proves"
        " the reading",
        "bitaxeorg/ESP-Miner stratum_api.c:257-310, asic_result_task.c:78",
        start=Difficulty(1024.0),
    ),
    ClientQuirk(
        "NerdMiner",
        ("nerdminer",),
        "buffers of 1,024 bytes a line and 4,096 for JSON; no version rolling; fractional suggest_difficulty;"
        " some 100 kH/s",
        "fractions of a difficulty are served; hints of any number are taken",
        "BitMaker-hub/NerdMiner_v2 stratum.h:15-16",
        start=Difficulty(2.0**-12),
    ),
    ClientQuirk(
        "cgminer",
        ("cgminer",),
        "follows no set_extranonce; never submits where extranonce2 is over 8 bytes; gives up after 90 s"
        " of silence",
        "failover keeps the extranonce; extranonce2 is 2 to 8; a line at least every 25 s",
        "ckolivas/cgminer util.c:2465, cgminer.c:7120",
    ),
    ClientQuirk(
        "cpuminer",
        ("cpuminer", "minerd"),
        "no version rolling, five parameters; some 10 MH/s a thread",
        "shares without version bits are judged with the job's version",
        "pooler/cpuminer util.c, cpu-miner.c",
        start=Difficulty(2.0**-6),
    ),
    ClientQuirk(
        "NiceHash renter",
        ("nicehash",),
        "hangs up below 4 bytes of extranonce2; wants the error key in every reply and difficulty of 524,288",
        "replies always carry the error key; set the tenant's extranonce2_size to 4",
        "datum_gateway datum_stratum.c:1700; oliverw/miningcore#1709",
        least=Difficulty(524288.0),
        coinbase_most=500,
        extranonce2_least=4,
    ),
    ClientQuirk(
        "old S9 firmware",
        ("bmminer/2.0",),
        "submits version bits 40000000, 80000000 or c0000000",
        "bits outside the mask are tried as other firmware writes them, and refused with code 20",
        "btccom/btcpool-ABANDONED#425",
    ),
)

POOL_QUIRKS = (
    PoolQuirk(
        "NiceHash",
        "extranonce2 of 3 bytes",
        "one byte of lease: 256 miners a connection",
        "bitaxeorg/ESP-Miner#1064",
    ),
    PoolQuirk(
        "AntPool",
        "grants the mask 5fffe000 to whoever asks for less; job ids like 0xc01490b3b0_184",
        "the granted mask is intersected again at use; upstream job ids are opaque",
        "HathorNetwork/hathor-core#61",
    ),
    PoolQuirk(
        "Titan",
        "sends set_version_mask that nobody asked for",
        "taken, never wider than asked; miners are told only what changes for them",
        "Lumerin-protocol/proxy-router handler_change_dest.go",
    ),
    PoolQuirk(
        "btcpool",
        "extranonce2 of 8 bytes",
        "four of lease and four for the miner",
        "btccom/btcpool StratumServer",
    ),
    PoolQuirk(
        "old pools",
        "hang up on mining.configure, or call it unknown",
        "not asked a second time; nothing is granted to miners",
        "stratum-mining/sv2-apps#650",
    ),
    PoolQuirk(
        "ckpool",
        "refuses with result false and a reject-reason beside it",
        "read as one of four shapes of refusal",
        "ckolivas/ckpool stratifier.c",
    ),
)


def quirk_of(user_agent: str) -> ClientQuirk | None:
    """Return the row of a user agent, the longest matching one, or None."""
    agent = user_agent.lower()
    rows = [(len(start), row) for row in CLIENT_QUIRKS for start in row.agents if agent.startswith(start)]
    return max(rows, key=lambda found: found[0])[1] if rows else None
