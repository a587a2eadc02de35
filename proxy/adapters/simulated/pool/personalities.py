"""The table of pool personalities: what is odd about each, and who reported it.

Sources of the form 4.x are sections of the project's page of wire facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy.adapters.simulated.pool.settings import (
    BIP320_MASK,
    Configure,
    Nonsense,
    PoolSettings,
    Refusals,
    Submits,
    SubscribeShape,
    VardiffSettings,
)
from proxy.units import Difficulty, Seconds


@dataclass(frozen=True, slots=True)
class Personality:
    """One kind of pool."""

    source: str
    """Where it was seen, or what it stands for."""
    settings: PoolSettings
    honest: bool = True
    """Its answers to submits are its verdicts, each once, in order, under the right id."""
    mineable: bool = True
    """It sends work that can be mined, and goes on doing so."""


_GENTLE = VardiffSettings(per_minute=20, window=Seconds(10.0), raise_at_most=2.0)

PERSONALITIES: Mapping[str, Personality] = MappingProxyType(
    {
        "plain": Personality("BIP 310 and the usual habits", PoolSettings()),
        "vardiff": Personality("any public pool", PoolSettings(vardiff=VardiffSettings())),
        "ckpool": Personality(
            "ckpool: OR of version bits, reject-reason, set_difficulty without a notify",
            PoolSettings(
                or_convention=True,
                refusals=Refusals.REASON,
                difficulty_alone=True,
                vardiff=VardiffSettings(),
            ),
        ),
        "datum": Personality(
            "DATUM: extranonce2 of 8, OR, the sixth parameter is required (4.3)",
            PoolSettings(or_convention=True, require_version_bits=True, coinbase_bytes=700),
        ),
        "no_configure": Personality(
            "old pools answer mining.configure with -3 (4.3, 4.7)", PoolSettings(configure=Configure.REFUSE)
        ),
        "configure_disconnects": Personality(
            "old pools close at mining.configure (4.3)", PoolSettings(configure=Configure.DISCONNECT)
        ),
        "configure_unanswered": Personality(
            "mining.configure is swallowed", PoolSettings(configure=Configure.SILENT)
        ),
        "foreign_mask": Personality(
            "AntPool grants 5fffe000 whatever was asked (hathor-core#61); job ids 0x..._184 (4.9)",
            PoolSettings(forced_mask=0x5FFFE000, antpool_job_ids=True),
        ),
        "titan": Personality(
            "Titan sends an extra set_version_mask (4.9)", PoolSettings(extra_set_version_mask=True)
        ),
        "string_errors": Personality("error as a string (4.6)", PoolSettings(refusals=Refusals.STRING)),
        "reject_reason": Personality("ckpool's reject-reason (4.6)", PoolSettings(refusals=Refusals.REASON)),
        "object_errors": Personality("error as an object (4.6)", PoolSettings(refusals=Refusals.OBJECT)),
        "false_results": Personality(
            "result false and a list (4.6)", PoolSettings(refusals=Refusals.FALSE_LIST)
        ),
        "no_error_key": Personality("answers without the error key (4.6)", PoolSettings(omit_error_key=True)),
        "narrow": Personality(
            "NiceHash: extranonce1 of 5, extranonce2 of 3 (ESP-Miner#1064)",
            PoolSettings(extranonce1_size=5, extranonce2_size=3),
        ),
        "two_byte": Personality("the least extranonce2", PoolSettings(extranonce2_size=2)),
        "braiins": Personality(
            "slush: extranonce1 of 7, extranonce2 of 8 (4.4)",
            PoolSettings(extranonce1_size=7, extranonce2_size=8, branches=12),
        ),
        "wide": Personality("the greatest extranonce2", PoolSettings(extranonce2_size=16)),
        "wide_both": Personality(
            "both at their greatest", PoolSettings(extranonce1_size=8, extranonce2_size=16)
        ),
        "flat_subscribe": Personality(
            "a flat list in the subscribe result (4.4)", PoolSettings(subscribe_shape=SubscribeShape.FLAT)
        ),
        "empty_subscribe": Personality(
            "an empty list in the subscribe result (4.4)", PoolSettings(subscribe_shape=SubscribeShape.EMPTY)
        ),
        "null_subscribe": Personality(
            "null in the subscribe result (4.4)", PoolSettings(subscribe_shape=SubscribeShape.NULL)
        ),
        "work_at_subscribe": Personality("work before authorize", PoolSettings(work_at_subscribe=True)),
        "fixed_difficulty": Personality(
            "suggestions are ignored, the difficulty stays", PoolSettings(honour_suggestion=False)
        ),
        "low_start": Personality(
            "starts far too low and doubles at most",
            PoolSettings(difficulty=Difficulty(2.0**-26), honour_suggestion=False, vardiff=_GENTLE),
        ),
        "set_extranonce": Personality(
            "a new extranonce in mid-session (4.4)", PoolSettings(set_extranonce_every=5)
        ),
        "moving_version": Personality(
            "base version bits inside the mask come and go (4.3)",
            PoolSettings(base_version=0x20400004, toggled_version_bits=BIP320_MASK),
        ),
        "moving_version_or": Personality(
            "the same at a pool that ORs (4.3)",
            PoolSettings(base_version=0x20400004, toggled_version_bits=BIP320_MASK, or_convention=True),
        ),
        "reconnect": Personality("client.reconnect to a foreign host (4.6)", PoolSettings(reconnect_every=5)),
        "reconnect_bare": Personality(
            "client.reconnect without parameters (4.6)", PoolSettings(reconnect_every=5, reconnect_to=())
        ),
        "accepts_all": Personality(
            "lies: yes to everything", PoolSettings(submits=Submits.ACCEPT_ALL), False
        ),
        "rejects_all": Personality("lies: no to everything", PoolSettings(submits=Submits.REJECT_ALL), False),
        "wrong_ids": Personality("answers under other ids", PoolSettings(submits=Submits.WRONG_IDS), False),
        "never_answers": Personality("no answer to submits", PoolSettings(submits=Submits.SILENT), False),
        "answers_twice": Personality("each answer twice", PoolSettings(submits=Submits.TWICE), False),
        "answers_late": Personality("each answer 2 s late", PoolSettings(submits=Submits.LATE)),
        "silent": Personality(
            "not a word after the handshake", PoolSettings(silent_after=0), honest=False, mineable=False
        ),
        "falls_silent": Personality(
            "not a word after three submits", PoolSettings(silent_after=3), honest=False, mineable=False
        ),
        **{
            f"nonsense_{kind.name.lower()}": Personality(
                f"a notify that is none: {kind.name.lower()}", PoolSettings(nonsense=kind), mineable=False
            )
            for kind in Nonsense
            if kind is not Nonsense.NONE
        },
    }
)


def personality(name: str) -> PoolSettings:
    """Return the settings of a named personality; ``dataclasses.replace`` changes some of them.

    Raises:
        KeyError: There is no such personality; the message lists those there are.

    """
    known = PERSONALITIES.get(name)
    if known is None:
        raise KeyError(f"no pool personality {name!r}; there are {', '.join(PERSONALITIES)}")
    return known.settings
