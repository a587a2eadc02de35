"""Many spellings of one share: those that say the same, and those that only look so."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.fakes.miner import Found

Spelling = tuple[bytes, bool]
"""A line without newline, and whether it says the same as the plain one."""

FULLWIDTH = str.maketrans("0123456789abcdef", "0123456789abcdef")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


class Mutator:
    """Draws spellings of a share. Every one has its own number for an id."""

    def __init__(self, found: Found, worker: str, seed: int, first_id: int = 1000) -> None:
        self._params = found.params(worker)
        self._chance = random.Random(seed)
        self._next = first_id
        self._same: list[Callable[[], bytes]] = [
            self._other_case,
            self._escaped,
            self._other_order,
            self._blanks,
            self._extra_members,
            self._other_version_bits,
            self._other_id,
            self._all_of_it,
        ]
        self._other: list[Callable[[], bytes]] = [
            self._bad_digits,
            self._bad_digits,
            self._no_string,
            self._other_job,
            self._other_worker,
            self._too_few,
            self._bad_bits,
        ]

    def draw(self) -> Spelling:
        """Return the next spelling; its id is ``last_id``."""
        same = self._chance.random() < 0.5
        return self._chance.choice(self._same if same else self._other)(), same

    @property
    def last_id(self) -> int:
        """Of the line drawn last."""
        return self._next - 1

    def broken(self) -> bytes:
        """Return a line that is no JSON, or not the JSON that Stratum speaks."""
        plain = self._line(self._params)
        at = self._chance.randrange(len(plain))
        return self._chance.choice(
            [
                b"\xef\xbb\xbf" + plain,
                plain + self._chance.choice([b"x", b"}", b",", b"\x00", b" {}", plain]),
                plain[:at],
                plain.decode().encode("utf-16"),
                plain.replace(b'"', b"'"),
                plain.replace(b"}", b",}"),
                plain[:-1] + b',"params":NaN}',
                plain.replace(b'["', b'["\xff'),
                plain.replace(b"[", b"[" * 2000),
                b"//" + plain,
            ]
        )

    # --- how a line is put together ------------------------------------------------------------------

    def _id(self) -> int:
        self._next += 1
        return self._next - 1

    def _line(self, params: Any, dumps: Callable[[Any], str] = json.dumps) -> bytes:
        return dumps({"id": self._id(), "method": "mining.submit", "params": params}).encode()

    def _with(self, place: int, value: object) -> bytes:
        params = list(self._params)
        params[place] = value
        return self._line(params)

    def _text(self, text: str) -> str:
        """Return a JSON string with some characters as escapes; it means the same."""
        parts = []
        for c in text:
            if self._chance.random() < 0.3:
                number = f"{ord(c):04x}"
                parts.append("\\u" + (number.upper() if self._chance.random() < 0.5 else number))
            else:
                parts.append(c)
        return '"' + "".join(parts) + '"'

    def _gap(self) -> str:
        return "".join(self._chance.choices([" ", "\t", "\r", ""], k=self._chance.randrange(4)))

    def _join(self, members: Sequence[tuple[str, str]]) -> bytes:
        gap = self._gap
        inside = f"{gap()},{gap()}".join(f"{key}{gap()}:{gap()}{value}" for key, value in members)
        # No carriage return at the very start: whatever it is, it must not be taken for an empty line.
        return f"{{{gap()}{inside}{gap()}}}{gap()}".encode()

    def _members(self) -> list[tuple[str, str]]:
        return [
            ('"id"', str(self._id())),
            ('"method"', '"mining.submit"'),
            ('"params"', json.dumps(self._params)),
        ]

    # --- the same share ------------------------------------------------------------------------------

    def _cased(self, text: str) -> str:
        return "".join(self._chance.choice((c.lower(), c.upper())) for c in text)

    def _other_case(self) -> bytes:
        return self._line([*self._params[:2], *map(self._cased, self._params[2:])])

    def _escaped(self) -> bytes:
        params = "[" + ",".join(map(self._text, self._params)) + "]"
        return f'{{"id":{self._id()},"method":{self._text("mining.submit")},"params":{params}}}'.encode()

    def _other_order(self) -> bytes:
        members = self._members()
        self._chance.shuffle(members)
        return self._join(members)

    def _blanks(self) -> bytes:
        params = f"[{self._gap()}" + f",{self._gap()}".join(map(json.dumps, self._params)) + f"{self._gap()}]"
        return self._join([*self._members()[:2], ('"params"', params)])

    def _extra_members(self) -> bytes:
        extra = [('"jsonrpc"', '"2.0"'), ('"x"', '{"id":[1,{}]}'), ('"worker"', "null"), ('"result2"', "1e9")]
        members = [*self._members(), *self._chance.sample(extra, self._chance.randrange(1, 4))]
        self._chance.shuffle(members)
        return self._join(members)

    def _other_version_bits(self) -> bytes:
        """Bits of zero are what the miner hashed; without any, the job's version has them too."""
        endings: list[list[Any]] = [[], [None], ["00000000"], ["00000000", None], ["00000000", "x", 7]]
        bits = self._chance.choice(endings)
        return self._line([*self._params[:5], *bits])

    def _other_id(self) -> bytes:
        plain = self._line(self._params)
        number = b'"id": %d' % self.last_id
        other = self._chance.choice(
            [b"null", b'"%d"' % self.last_id, b'"a b"', b"-7", b"1.5", b"1e3", b"true"]
        )
        return plain.replace(number, b'"id": ' + other)

    def _all_of_it(self) -> bytes:
        params = [*self._params[:2], *map(self._cased, self._params[2:])]
        members = [
            (self._text("id"), str(self._id())),
            (self._text("method"), self._text("mining.submit")),
            (self._text("params"), "[" + f"{self._gap()},".join(map(self._text, params)) + "]"),
        ]
        self._chance.shuffle(members)
        return self._join(members)

    # --- another one, or none ------------------------------------------------------------------------

    def _bad_digits(self) -> bytes:
        """A hex field with digits that are none, or too few or too many of them."""
        place = self._chance.choice([2, 3, 4])
        text = self._params[place]
        at = self._chance.randrange(len(text) + 1)
        junk = self._chance.choice(
            ["_", " ", "\t", "\x00", "\n", "+", "-", ".", "g", "é", "\u200b", "\ufeff", "00"]
        )
        other = self._chance.choice(
            [
                text[:at] + junk + text[at:],
                text[: max(0, at - 1)] + junk + text[at:],
                text.translate(FULLWIDTH),
                text[:1].translate(FULLWIDTH) + text[1:],
                text[:-1] + "٣",
                "0x" + text,
                "0X" + text[2:],
                "0x" + text[2:],
                text[:at] + "_" + text[at:],
                text[:-1],
                text[1:],
                text[:-2],
                text + "0",
                "0" + text,
                text + text,
                text + "zz",
                text + "\x00",
                f" {text}",
                f"{text} ",
                f"{text}\n",
                "-" + text[1:],
                "+" + text[1:],
                "",
            ]
        )
        if len(other) == len(text) and other.isascii() and other.isalnum() and "x" not in other.lower():
            other = "x" + other[1:]  # it would have been another number
        return self._with(place, other)

    def _no_string(self) -> bytes:
        place = self._chance.randrange(5)
        number = int(self._params[4], 16)
        return self._with(
            place, self._chance.choice([None, True, number, float(number), [], {}, [self._params[place]], -1])
        )

    def _other_job(self) -> bytes:
        job: str = self._params[1]
        near = [job[:-1], job + "0", "0" + job, " " + job, job + "\x00", job.upper() + "_", "", "x" * 200]
        return self._with(1, self._chance.choice(near))

    def _other_worker(self) -> bytes:
        name: str = self._params[0]
        near = [name.upper(), name + " ", name + "\x00", name[:-1], "", name.replace(".", "．"), "x" * 300]
        return self._with(0, self._chance.choice(near))

    def _too_few(self) -> bytes:
        params = self._params[: self._chance.randrange(5)]
        return self._line(self._chance.choice([params, None, {}, "x", 7, dict(enumerate(self._params))]))

    def _bad_bits(self) -> bytes:
        bits = self._chance.choice(
            [
                "",
                "0",
                "0000000",
                "000000000",
                "0x000000",
                "0000_000",
                "0000000 ",
                "０0000000",
                0,
                0.0,
                False,
                [],
                {},
            ]
        )
        return self._line([*self._params[:5], bits])
