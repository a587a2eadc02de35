"""``explain``: real shares come out as they are known, and no file makes it stumble."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli import main

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "stratum-shares.json"
SHARES: list[dict[str, Any]] = json.loads(VECTORS.read_text())


def run(content: str | bytes, *options: str) -> Result:
    return CliRunner().invoke(main, ["explain", "-", *options], input=content)


def explained(share: dict[str, Any], *options: str) -> dict[str, Any]:
    result = run(json.dumps(share), "--json", *options)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def check(answer: dict[str, Any], name: str) -> bool | None:
    return next(c["passed"] for c in answer["checks"] if c["name"] == name)  # type: ignore[no-any-return]  # JSON


def mistakes(share: Any, *options: str) -> list[str]:
    result = run(json.dumps(share), "--json", *options)
    assert result.exit_code == 1, result.output
    answer: list[str] = json.loads(result.stdout)["mistakes"]
    return answer


def changed(**more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SHARES[0]), **more}


def with_notify(index: int, value: Any) -> dict[str, Any]:
    share = changed()
    share["notify"][index] = value
    return share


@pytest.mark.parametrize("share", SHARES, ids=lambda share: str(share["name"]))
def test_real_shares_come_out_as_they_are_known(share: dict[str, Any]) -> None:
    answer, known = explained(share), share["computed"]
    assert answer["header"] == known["header"]
    assert answer["merkle_root"] == known["merkle_root_internal"]
    assert answer["coinbase_txid"] == known["coinbase_txid"]
    assert answer["hash"] == known["hash"]
    assert answer["version"] == known["version"]
    assert answer["difficulty"] == pytest.approx(known["share_diff"], rel=1e-12)


def test_a_list_is_answered_by_a_list_and_text_has_the_same_facts() -> None:
    result = run(VECTORS.read_bytes(), "--json")
    assert [share["name"] for share in json.loads(result.stdout)] == ["lumerin-1", "lumerin-2"]
    text = CliRunner().invoke(main, ["explain", str(VECTORS)])
    assert text.exit_code == 0
    for share in SHARES:
        assert share["computed"]["header"] in text.stdout
        assert share["computed"]["hash"] in text.stdout


@pytest.mark.parametrize(
    ("difficulty", "met"), [("699.5594271", True), ("699.5594272", False), ("512", True)]
)
def test_the_target_is_met_up_to_its_own_difficulty(difficulty: str, met: bool) -> None:
    answer = explained(SHARES[0], "--difficulty", difficulty)
    assert check(answer, "target") is met
    assert answer["targets"][0] | {"target": ""} == {
        "name": "share",
        "difficulty": pytest.approx(float(difficulty), rel=1e-12),
        "target": "",
        "met": met,
    }
    assert (answer["refused"] is None) is met


def test_without_a_difficulty_nothing_is_claimed_about_the_target() -> None:
    assert check(explained(SHARES[0]), "target") is None


def test_difficulties_of_the_file_count_and_options_go_first() -> None:
    share = changed(difficulty=600, upstream_difficulty=5000)
    assert [(t["name"], t["met"]) for t in explained(share)["targets"]] == [
        ("share", True),
        ("upstream", False),
        ("network", False),
    ]
    assert check(explained(share, "--difficulty", "700"), "target") is False


@pytest.mark.parametrize(
    ("ntime", "passed"), [("64c25820", True), ("64c2581f", False), ("64c27378", True), ("64c27379", False)]
)
def test_ntime_may_run_7000_seconds_ahead_and_none_back(ntime: str, passed: bool) -> None:
    assert check(explained(changed(ntime=ntime)), "ntime") is passed


def test_bits_outside_the_mask_are_refused() -> None:
    assert check(explained(changed(version_bits="00092001")), "version bits") is False


def test_without_a_mask_that_of_bip_320_is_assumed_and_said() -> None:
    share = changed()
    del share["mask"]
    answer = explained(share)
    assert answer["header"] == SHARES[0]["computed"]["header"]
    assert "assumed" in next(c["text"] for c in answer["checks"] if c["name"] == "version bits")


def test_without_version_bits_the_jobs_version_stands() -> None:
    share = changed()
    del share["version_bits"]
    assert explained(share)["version"] == "20000004"


class TestConventions:
    """A job whose version has bits inside the mask: the conventions part."""

    SHARE = with_notify(5, "20400004")

    def test_all_that_differ_are_shown_and_bip_310_leads(self) -> None:
        answer = explained(self.SHARE)
        assert {r["version"]: r["convention"] for r in answer["readings"]} == {
            "20092004": ["replace"],
            "20492004": ["OR", "XOR"],
        }
        assert answer["version"] == "20092004"

    def test_or_and_xor_part_where_bits_meet(self) -> None:
        answer = explained({**self.SHARE, "version_bits": "00492000"})
        assert {r["version"]: r["convention"] for r in answer["readings"]} == {
            "20492004": ["replace", "OR"],
            "20092004": ["XOR"],
        }

    def test_the_one_whose_hash_meets_the_target_proves_itself(self) -> None:
        # With bits 00492000 only XOR leads to the version that the real share was mined with.
        answer = explained({**self.SHARE, "version_bits": "00492000"}, "--difficulty", "512")
        assert (answer["version"], answer["convention"]) == ("20092004", ["XOR"])
        assert answer["hash"] == SHARES[0]["computed"]["hash"]
        assert answer["refused"] is None


def test_a_wrong_extranonce2_width_is_refused_and_still_hashed() -> None:
    answer = explained(changed(extranonce2_size=4))
    assert check(answer, "widths and hex") is False
    assert answer["hash"] == SHARES[0]["computed"]["hash"]


NOT_HEX = [
    "591d28d",
    "591d28da0",
    "591d_8da",
    "591d 8da",
    "0x1d28da",
    "５91d28da",
    " 591d28d",
    "591d28dg",
    "",
]


@pytest.mark.parametrize("text", [*NOT_HEX, None, 5, ["591d28da"], {}, True])
@pytest.mark.parametrize("key", ["ntime", "nonce", "version_bits", "mask"])
def test_words_are_exactly_eight_hex_digits(key: str, text: Any) -> None:
    if text is None and key in ("version_bits", "mask"):
        assert explained(changed(**{key: None}))
    else:
        assert [line.split(" ")[0] for line in mistakes(changed(**{key: text}))] == [key]


@pytest.mark.parametrize("text", ["a", "0x", "1_", "zz", "１１", "00" * 40, 5, None])
@pytest.mark.parametrize("key", ["extranonce1", "extranonce2"])
def test_extranonces_are_whole_bytes_of_hex(key: str, text: Any) -> None:
    assert mistakes(changed(**{key: text}))[0].startswith(key)


def test_upper_case_hex_is_the_same_share() -> None:
    assert explained(changed(extranonce2="0A00000000000000"))["hash"] == SHARES[0]["computed"]["hash"]


@pytest.mark.parametrize(
    ("index", "value", "says"),
    [
        (1, "00" * 31, "notify[1] (prevhash)"),
        (2, "0", "notify[2] (coinb1)"),
        (3, "00" * 100_001, "notify[3] (coinb2)"),
        (4, "x", "notify[4] (merkle branches)"),
        (4, ["00" * 32] * 33, "notify[4] (merkle branches)"),
        (4, ["00" * 32, "00"], "notify[4][1] (merkle branch)"),
        (5, "2000000", "notify[5] (version)"),
        (6, 5, "notify[6] (nbits)"),
        (7, None, "notify[7] (ntime)"),
    ],
)
def test_mistakes_in_the_job_are_named(index: int, value: Any, says: str) -> None:
    found = mistakes(with_notify(index, value))
    assert len(found) == 1
    assert found[0].startswith(says)


def test_all_mistakes_come_at_once() -> None:
    share = with_notify(5, "x") | {"nonce": "1", "mask": 5, "difficulty": -1}
    del share["ntime"]
    assert [line.split(" ")[0] for line in mistakes(share)] == [
        "notify[5]",
        "ntime",
        "nonce",
        "mask",
        "difficulty",
    ]


@pytest.mark.parametrize("value", [0, -1, 10**400, True, "8", [], 2.0**-33])
def test_a_difficulty_is_a_number_that_could_be_meant(value: Any) -> None:
    assert mistakes(changed(difficulty=value))[0].startswith("difficulty = ")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e400", "x", ""])
def test_a_bad_difficulty_on_the_command_line_is_a_usage_error(text: str) -> None:
    assert run(json.dumps(SHARES[0]), "--difficulty", text).exit_code == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        json.dumps(SHARES).encode("utf-16"),
        b"[" * 100_000,
        b'{"notify":' * 50_000,
        b"{",
        b"NaN",
        b"9" * 5000,
        b'{"nonce": 1e400}',
        b'{"nonce": "1", "nonce": "2"}',
        b'{"\\ud800": 1, "\\ud800": 2}',
        b'[{"name": "\\ud800", "notify": "\\u0000"}]',
        b"[]",
        b"[null, 5]",
        b'"text"',
        b"[" + b"0," * 10_001 + b"0]",
        b"\x00",
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_rubbish_ends_with_code_1_and_words(content: bytes, options: tuple[str, ...]) -> None:
    result = run(content, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output


def test_a_good_share_beside_a_bad_one_is_explained() -> None:
    result = run(json.dumps([SHARES[0], {}]), "--json")
    good, bad = json.loads(result.stdout)
    assert result.exit_code == 1
    assert good["hash"] == SHARES[0]["computed"]["hash"]
    assert len(bad["mistakes"]) == 5


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["explain", str(tmp_path / "none")]).exit_code == 2


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


WORDS = st.integers(0, 2**32 - 1)


@given(
    halves=st.tuples(st.binary(max_size=90), st.binary(max_size=90)),
    extranonces=st.tuples(st.binary(max_size=16), st.binary(min_size=1, max_size=16)),
    branches=st.lists(st.binary(min_size=32, max_size=32), max_size=4),
    prevhash=st.binary(min_size=32, max_size=32),
    words=st.tuples(WORDS, WORDS, WORDS, WORDS),
)
def test_any_share_is_hashed_by_the_book(
    halves: tuple[bytes, bytes],
    extranonces: tuple[bytes, bytes],
    branches: list[bytes],
    prevhash: bytes,
    words: tuple[int, int, int, int],
) -> None:
    version, nbits, ntime, nonce = words
    root = sha256d(halves[0] + extranonces[0] + extranonces[1] + halves[1])
    for branch in branches:
        root = sha256d(root + branch)
    swapped = b"".join(prevhash[i : i + 4][::-1] for i in range(0, 32, 4))
    tail = b"".join(word.to_bytes(4, "little") for word in (ntime, nbits, nonce))
    header = version.to_bytes(4, "little") + swapped + root + tail
    answer = explained(
        {
            "notify": [
                "job",
                prevhash.hex(),
                halves[0].hex(),
                halves[1].hex(),
                [branch.hex() for branch in branches],
                f"{version:08x}",
                f"{nbits:08x}",
                f"{ntime:08x}",
                True,
            ],
            "extranonce1": extranonces[0].hex(),
            "extranonce2": extranonces[1].hex(),
            "ntime": f"{ntime:08x}",
            "nonce": f"{nonce:08x}",
        }
    )
    assert answer["header"] == header.hex()
    assert answer["hash"] == sha256d(header)[::-1].hex()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = [
    "notify",
    "extranonce1",
    "extranonce2",
    "ntime",
    "nonce",
    "version_bits",
    "mask",
    "difficulty",
    "name",
]


@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.booleans())
def test_any_json_is_explained_or_refused_in_words(changes: dict[str, Any], as_json: bool) -> None:
    result = run(json.dumps({**SHARES[0], **changes}), *(["--json"] if as_json else []))
    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)
