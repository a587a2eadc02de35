"""Bugs that are planted to see whether the fuzzer finds them: exact text, and what takes its place.

Not patches, which go stale silently: a test sees that each text is in its file exactly once.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug, and the target that must find it."""

    name: str
    target: str
    path: str
    right: str
    wrong: str
    build: str = "swift"


BUGS: Final = (
    Bug("read-past-the-end", "c-submit", "ext/submit.c", "while (c->at < c->end && (*c->at == ' '",
        "while (c->at <= c->end && (*c->at == ' '", "strict"),
    Bug("hex-with-g", "submit_scan", "ext/submit.c", "byte <= 'f' ?", "byte <= 'g' ?"),
    Bug("id-with-leading-zeros", "submit_scan", "ext/submit.c",
        "|| (*digits == '0' && c->at - start > 1))", ")"),
    Bug("method-of-any-name", "submit_scan", "ext/submit.c",
        'good = take_string(&c, &value) && is(&value, "mining.submit");', "good = take_string(&c, &value);"),
    Bug("growth-loses-an-entry", "c-share-set", "ext/share_set.c",
        "for (size_t i = set->places; i-- > 0;)", "for (size_t i = set->places; i-- > 1;)", "strict"),
    Bug("last-place-not-kept-empty", "c-share-set", "ext/share_set.c",
        "is_full = empty == set->places - 1;", "is_full = empty == set->places;", "strict"),
    Bug("released-a-window-early", "c-replies", "ext/replies.c",
        "window)\n            break;\n        memcpy(", "window + 1)\n            break;\n        memcpy(",
        "strict"),
    Bug("text-of-32-bytes", "c-record", "ext/record.c", "if (size < 32)", "if (size <= 32)", "strict"),
    Bug("first-mask-forgotten", "shares", "ext/verdict.c", "standing->first_mask & job->rollable", "0"),
    Bug("quiet-steps-stay", "evidence", "ext/evidence.c", "    e->quiet_steps = 0;\n", ""),
    Bug("stale-counts", "lane", "ext/lane.pxi", "standing.stale = now > assignment.job.stale_at",
        "standing.stale = False"),
    Bug("refusal-overtakes", "lane", "ext/lane.pxi",
        "            self._hold_reply(line, tail)  # replies to", "            outbox += tail  # replies to"),
    Bug("worker-of-64-characters", "lane", "ext/lane.pxi",
        "if worker.size > _MOST_WORKER:", "if worker.size > _MOST_WORKER + 1:"),
    Bug("refusal-costs-nothing", "lane", "ext/lane.pxi", "        self.owes = True\n", "        pass\n"),
    Bug("tenant-not-credited", "lane", "ext/lane.pxi", "self.route_tally._accept(credit)", "pass"),
    Bug("vardiff-not-heard", "lane", "ext/lane.pxi",
        "            at = newline - base + 1\n            if self.due:\n                break\n",
        "            at = newline - base + 1\n"),
    Bug("duplicate-block-goes-up", "lane", "ext/lane.pxi",
        "if (found.is_block and found.reason != REASON_DUPLICATE)", "if found.is_block"),
    Bug("last-mark-not-moved", "replies", "ext/replies.c", "    all->last -= at;\n", ""),
    Bug("line-begun-is-passed-over", "lane", "proxy/relay/engine.py",
        "if self.uses_lanes and session.partial is None:", "if self.uses_lanes:"),
    Bug("branches-of-any-type", "upstream", "proxy/stratum/upstream.py",
        "if not isinstance(branches_hex, list) or len(", "if len("),
    Bug("integer-of-65-bits", "json", "proxy/stratum/strict.py",
        "<= number < 1 << 64:", "<= number <= 1 << 64:"),
    Bug("hashes-out-of-order", "hashing", "ext/sha256d_bulk.c", "32 * (batch[lane] - shares)",
        "32 * (i + lane)"),
    Bug("line-one-too-long", "framing", "proxy/stratum/framing.py", "if length > self.limit:",
        "if length > self.limit + 1:"),
)  # fmt: skip
