"""Loading: the file, the environment, options; every mistake at once; secrets stay secret."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Settings, doors, from_pool_options, load, settings_from
from proxy.config.environment import overlaid
from proxy.errors import ConfigError
from proxy.units import Difficulty

POOL = {"name": "pool-a", "url": "stratum+tcp://pool.example:3333", "user": "acct.site"}
BASE = Path("/nowhere")


def tenant(name: str = "acme", **more: Any) -> dict[str, Any]:
    return {"id": name, "upstream": [dict(POOL)], **more}


def settings(**tables: Any) -> Settings:
    return settings_from({"tenant": [tenant()], **tables}, base=BASE, environment={"HOME": "/home/x"})


def mistakes(**tables: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(**tables)
    return caught.value.mistakes


def upstream_mistakes(**more: Any) -> list[str]:
    return mistakes(tenant=[{"id": "a", "upstream": [{**POOL, **more}]}])


def test_the_smallest_file_serves_everyone_on_the_default_port() -> None:
    only = settings()
    assert only.tenants[0].user_match == "*"
    assert [(str(door.endpoint), door.tenant) for door in doors(only)] == [
        ("stratum+tcp://0.0.0.0:3333", None)
    ]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().stratum.start_difficulty = 1  # type: ignore[assignment]  # the point of the test


def test_all_mistakes_of_values_and_between_values_come_at_once() -> None:
    found = mistakes(
        schema=2,
        stratum={"listen": ["0.0.0.0:3333", "nonsense"], "min_difficulty": 100, "max_difficulty": 10},
        upstream={"connect": True},
        tenant=[tenant("a", ports=[3333]), tenant("a", user_match="*"), {"id": "B"}],
        colour="red",
    )
    begins = [
        "schema = 2: must be 1",
        'stratum.listen.1 = "nonsense": must be',
        "upstream.connect = true: must be a number",
        'tenant.2.id = "B": must be',
        "tenant.2.upstream is missing",
        'colour = "red": no such setting',
        "stratum.min_difficulty = 100: must not be above stratum.max_difficulty = 10",
        'tenant.1.id = "a": must be unique',
        "tenant.0.ports asks for stratum+tcp://0.0.0.0:3333",
    ]
    for begin in begins:
        assert [line for line in found if line.startswith(begin)], begin
    assert len([line for line in found if not line.startswith("tenant.2")]) == len(begins) - 2


def test_a_replaced_wrong_value_is_never_held_against_the_operator() -> None:
    found = mistakes(stratum={"listen": ["x"], "min_difficulty": "much", "max_difficulty": 1e-9})
    assert [line.split(" ")[0] for line in found] == ["stratum.listen.0", "stratum.min_difficulty"]


def test_a_mistake_names_what_was_given_not_what_it_was_read_as() -> None:
    assert mistakes(upstream={"connect": "9h"}) == [
        'upstream.connect = "9h": must be a duration, at least 1s and at most 2m'
    ]


def test_a_misspelt_key_is_told_its_neighbour() -> None:
    assert "did you mean listen?" in mistakes(stratum={"listn": []})[0]


def test_a_start_difficulty_nobody_gave_never_conflicts() -> None:
    assert settings(stratum={"min_difficulty": 16384}).stratum.min_difficulty == Difficulty(16384)
    assert mistakes(stratum={"min_difficulty": 16384, "start_difficulty": 8192})


@pytest.mark.parametrize(
    ("text", "seconds"), [(90, 90.0), ("90s", 90.0), ("1.5m", 90.0), ("90", 90.0), ("1 m", 60.0)]
)
def test_durations_are_numbers_or_text(text: object, seconds: float) -> None:
    assert settings(upstream={"reply": text}).upstream.reply == seconds


@pytest.mark.parametrize(
    "value",
    [True, "", "-5s", "5 parsecs", "１０s", float("nan"), float("inf"), [], {}, 10**400, "9" * 400 + "s"],
)
def test_a_duration_that_is_none_is_a_mistake(value: object) -> None:
    assert mistakes(upstream={"reply": value})[0].startswith("upstream.reply = ")


@pytest.mark.parametrize(
    "url",
    [
        "pool.example:3333",
        "http://pool.example:3333",
        "stratum+tcp://pool.example",
        "stratum+tcp://pool.example:3333/",
        "stratum+tcp://pool.example:3333/path",
        "stratum+tcp://pool.example:0",
        "stratum+tcp://pool.example:65536",
        "stratum+tcp://pool.example:３３３３",
        "stratum+tcp://300.1.1.1:3333",
        "stratum+tcp://2001:db8::1:3333",
        "stratum+tcp://[pool.example]:3333",
        "stratum+tcp://[]:3333",
        "stratum+tcp://:3333",
        "stratum+tcp://a b:3333",
        "stratum+tcp://pool.example:3333\n",
        "",
        7,
    ],
)
def test_only_a_scheme_a_host_and_a_port_make_a_pool(url: object) -> None:
    found = upstream_mistakes(url=url)
    assert len(found) == 1
    assert found[0].startswith("tenant.0.upstream.0.url = ")


@pytest.mark.parametrize(
    ("url", "host", "tls"),
    [
        ("stratum+tcp://pool.example:3333", "pool.example", False),
        ("STRATUM+SSL://pool.example:3333", "pool.example", True),
        ("stratum+ssl://[2001:db8::1]:3333", "2001:db8::1", True),
        ("stratum+tcp://10.0.0.1:3333", "10.0.0.1", False),
    ],
)
def test_pools_are_read_into_host_port_and_encryption(url: str, host: str, tls: bool) -> None:
    read = settings(tenant=[{"id": "a", "upstream": [{**POOL, "url": url}]}]).tenants[0].upstreams[0].url
    assert (read.host, read.port, read.tls) == (host, 3333, tls)


def test_a_pool_that_is_ourselves_is_a_mistake() -> None:
    assert "leads back to our own" in upstream_mistakes(url="stratum+tcp://localhost:3333")[0]


def test_a_template_falls_back_to_what_is_left_without_the_worker() -> None:
    only = settings(tenant=[{"id": "a", "upstream": [{**POOL, "user": "acme.{worker}"}]}])
    assert only.tenants[0].upstreams[0].fallback_user == "acme"
    assert only.tenants[0].upstreams[0].names_workers


def test_a_template_that_leaves_nothing_needs_a_fallback() -> None:
    assert upstream_mistakes(user="{worker}")[0].startswith(
        'tenant.0.upstream.0.user = "{worker}": leaves no name'
    )
    only = settings(tenant=[{"id": "a", "upstream": [{**POOL, "user": "{worker}", "fallback_user": "acct"}]}])
    assert only.tenants[0].upstreams[0].fallback_user == "acct"


@pytest.mark.parametrize(
    "user", ["", "a b", "x" * 128, "x" * 127 + "{worker}", "{rig}", "a.{worker}.{worker}", "{", "é"]
)
def test_user_names_that_pools_or_miners_choke_on_are_mistakes(user: str) -> None:
    assert upstream_mistakes(user=user)[0].startswith("tenant.0.upstream.0.user = ")


def test_a_pin_may_have_colons_and_needs_tls() -> None:
    pin = ":".join(["AB"] * 32)
    only = settings(tenant=[{"id": "a", "upstream": [{**POOL, "url": "stratum+ssl://p:1", "tls_pin": pin}]}])
    assert only.tenants[0].upstreams[0].tls_pin == "ab" * 32
    assert "needs a stratum+ssl url" in upstream_mistakes(tls_pin=pin)[0]


class TestSecrets:
    SECRET = "hunter2hunter2"

    def test_they_are_not_in_the_repr(self) -> None:
        only = settings(tenant=[{"id": "a", "upstream": [{**POOL, "password": self.SECRET}]}])
        assert only.tenants[0].upstreams[0].password.get_secret_value() == self.SECRET
        assert self.SECRET not in repr(only)

    @pytest.mark.parametrize("key", ["password", "pass_word", "passwd", "Password", "secret", "api_token"])
    @pytest.mark.parametrize("wrap", [lambda s: s + "\n", lambda s: [s], lambda s: {"x": s}])
    def test_they_are_not_in_mistakes(self, key: str, wrap: Any) -> None:
        assert self.SECRET not in "\n".join(upstream_mistakes(**{key: wrap(self.SECRET)}))

    def test_nor_if_they_hide_in_an_address(self) -> None:
        found = upstream_mistakes(url=f"stratum+tcp://joe:{self.SECRET}@pool:3333")
        assert self.SECRET not in found[0]

    def test_nor_if_a_whole_table_stands_in_the_wrong_place(self) -> None:
        assert self.SECRET not in "\n".join(mistakes(tenant={"id": "a", "password": self.SECRET}))

    def test_a_file_may_hold_the_password(self, tmp_path: Path) -> None:
        (tmp_path / "pass").write_text(self.SECRET + "\n")
        raw = {"tenant": [{"id": "a", "upstream": [{**POOL, "password_file": "pass"}]}]}
        only = settings_from(raw, base=tmp_path)
        assert only.tenants[0].upstreams[0].password.get_secret_value() == self.SECRET

    @pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff", b"x" * 300])
    def test_a_file_without_one_is_a_mistake_and_not_quoted(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "pass").write_bytes(content)
        raw = {"tenant": [{"id": "a", "upstream": [{**POOL, "password_file": "pass"}]}]}
        with pytest.raises(ConfigError, match="password_file") as caught:
            settings_from(raw, base=tmp_path)
        assert "lines" not in str(caught.value)

    def test_two_sources_are_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "pass").write_text("a")
        found = upstream_mistakes(password="b", password_file=str(tmp_path / "pass"))
        assert "not both" in found[0]


class TestFile:
    def test_paths_start_at_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / "site.toml").write_text(
            '[site]\ndata_dir = "state"\n[[tenant]]\nid="a"\n[[tenant.upstream]]\n'
            'name="p"\nurl="stratum+tcp://p:1"\nuser="u"\n'
        )
        assert load(tmp_path / "site.toml", {}).site.data_dir == tmp_path / "state"

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"a = ", "is not TOML"),
            (b"\xff", "UTF-8"),
            (b"a = " + b"[" * 100_000, "nested too deeply"),
            (b"a = " + b"9" * 5000, "is not TOML"),
            (b"a = 1\na = 2", "is not TOML"),
            (b"", "tenant is missing"),
            (b".".join([b"a"] * 5000) + b" = 1", "no such setting"),
            (b"[stratum]\nmin_difficulty = 0x" + b"f" * 9000, "sane size"),
        ],
    )
    def test_what_is_no_configuration_is_a_mistake(self, tmp_path: Path, content: bytes, says: str) -> None:
        (tmp_path / "site.toml").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "site.toml", {})
        assert says in str(caught.value)

    def test_a_missing_file_and_a_folder_are_mistakes(self, tmp_path: Path) -> None:
        for path in (tmp_path / "nothing.toml", tmp_path):
            with pytest.raises(ConfigError, match="cannot be read"):
                load(path, {})


class TestEnvironment:
    FILE = (
        '[[tenant]]\nid="a"\n[[tenant.upstream]]\nname="p"\nurl="stratum+tcp://p:1"\nuser="u"\n'
        "[stratum]\nstart_difficulty = 1024\n"
    )

    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        path = tmp_path / "site.toml"
        path.write_text(self.FILE)
        return path

    def test_it_overrides_one_key_and_keeps_the_rest(self, site: Path) -> None:
        read = load(site, {"PUMPJACK_STRATUM__LIMITS__BACKLOG": "128", "PUMPJACK_UPSTREAM__REPLY": "1m"})
        assert (read.stratum.limits.backlog, read.upstream.reply) == (128, 60.0)
        assert read.stratum.start_difficulty == Difficulty(1024)

    def test_it_reaches_rows_of_tables(self, site: Path) -> None:
        read = load(site, {"PUMPJACK_TENANT__0__UPSTREAM__0__PASSWORD": "1234"})
        assert read.tenants[0].upstreams[0].password.get_secret_value() == "1234"
        assert read.tenants[0].upstreams[0].user == "u"

    def test_it_can_add_a_row(self, site: Path) -> None:
        variables = {
            "PUMPJACK_TENANT__0__UPSTREAM__1__NAME": "q",
            "PUMPJACK_TENANT__0__UPSTREAM__1__URL": "stratum+tcp://q:1",
            "PUMPJACK_TENANT__0__UPSTREAM__1__USER": "v",
        }
        assert [u.name for u in load(site, variables).tenants[0].upstreams] == ["p", "q"]

    @pytest.mark.parametrize("text", ["127.0.0.1:1,127.0.0.1:2", '["127.0.0.1:1", "127.0.0.1:2"]'])
    def test_lists_are_commas_or_toml(self, site: Path, text: str) -> None:
        assert [e.port for e in load(site, {"PUMPJACK_STRATUM__LISTEN": text}).stratum.listen] == [1, 2]

    def test_its_mistakes_name_the_variable_and_come_with_the_others(self, site: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(
                site,
                {
                    "PUMPJACK_STRATUM__START_DIFFICULTY": "big",
                    "PUMPJACK_STRATUM__TYPO": "1",
                    "PUMPJACK_NOTHING__HERE": "1",
                    "PUMPJACK_TENANT__7__ID": "x",
                    "PUMPJACK_TENANT__ID": "x",
                    "PUMPJACK_SITE__ID__DEEPER": "x",
                    "PUMPJACK_STRATUM__LISTEN": "[",
                },
            )
        text = "\n".join(caught.value.mistakes)
        for name in (
            "START_DIFFICULTY",
            "TYPO",
            "NOTHING__HERE",
            "TENANT__7__ID",
            "TENANT__ID",
            "SITE__ID__DEEPER",
            "STRATUM__LISTEN",
        ):
            assert name in text, name

    def test_switches_of_the_program_are_no_settings(self, site: Path) -> None:
        load(site, {"PUMPJACK_PURE": "1", "PUMPJACK_CONFIG": "x", "PATH": "y", "OTHER__THING": "z"})

    @pytest.mark.parametrize(
        ("variables", "folder"),
        [
            ({"XDG_STATE_HOME": "/state", "HOME": "/home/x"}, "/state/pumpjack"),
            ({"XDG_STATE_HOME": "relative", "HOME": "/home/x"}, "/home/x/.local/state/pumpjack"),
            ({"HOME": "/home/x"}, "/home/x/.local/state/pumpjack"),
        ],
    )
    def test_data_lies_where_the_user_keeps_state(
        self, site: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
    ) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert load(site, variables).site.data_dir == Path(folder)

    def test_data_of_root_lies_in_the_system(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 0)
        assert load(site, {"HOME": "/root"}).site.data_dir == Path("/var/lib/pumpjack")


class TestPoolOptions:
    def test_they_make_a_whole_configuration(self, tmp_path: Path) -> None:
        read = from_pool_options("stratum+tcp://p:1", "u", "pw", "127.0.0.1:4444", tmp_path)
        pool = read.tenants[0].upstreams[0]
        assert (pool.url.host, pool.user, pool.password.get_secret_value()) == ("p", "u", "pw")
        assert (read.stratum.listen[0].port, read.site.data_dir) == (4444, tmp_path)

    def test_mistakes_call_the_options_by_their_names(self) -> None:
        with pytest.raises(ConfigError) as caught:
            from_pool_options("p:1", "a b", "x" * 300, "nowhere", "")
        assert sorted(line.split(" ")[0] for line in caught.value.mistakes) == [
            "--data",
            "--listen",
            "--password",
            "--pool",
            "--user",
        ]

    def test_they_beat_the_environment_which_still_counts(self) -> None:
        variables = {"PUMPJACK_STRATUM__LISTEN": "127.0.0.1:1", "PUMPJACK_UPSTREAM__REPLY": "7"}
        read = from_pool_options("stratum+tcp://p:9", "u", listen="127.0.0.1:2", environment=variables)
        assert ([e.port for e in read.stratum.listen], read.upstream.reply) == ([2], 7.0)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "schema",
        "site",
        "stratum",
        "upstream",
        "ledger",
        "tenant",
        "id",
        "name",
        "listen",
        "ports",
        "url",
        "user",
        "password",
        "limits",
        "timers",
        "user_match",
        "fallback_user",
        "tls_pin",
        "reconnect_hosts",
        "connect",
    ]
)
TREES = st.recursive(
    JSON_LIKE | st.sampled_from(["a", "*", "0.0.0.0:3333", "stratum+tcp://h:1", 3333, "{worker}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


def outcome(raw: dict[str, Any], environment: dict[str, str]) -> Settings | list[str]:
    """Return what comes of a configuration; anything but ``ConfigError`` escapes."""
    merged, names, found = overlaid(raw, environment)
    try:
        return settings_from(merged, base=BASE, environment={"HOME": "/x"}, names=names, mistakes=found)
    except ConfigError as error:
        return error.mistakes


@given(st.dictionaries(KEYS, TREES, max_size=6))
def test_anything_is_either_settings_or_mistakes(raw: dict[str, Any]) -> None:
    result = outcome(raw, {})
    assert isinstance(result, Settings) or (result and all(line and line.isprintable() for line in result))


NAMES = st.text("ABCILNSTU_0129", max_size=12).map("PUMPJACK_TENANT__".__add__)


@given(st.dictionaries(NAMES, st.text(max_size=10)))
def test_any_environment_is_either_settings_or_mistakes(environment: dict[str, str]) -> None:
    result = outcome({"tenant": [tenant()]}, environment)
    assert isinstance(result, Settings) == (not environment)


def test_the_hard_end_leaves_time_for_the_drain_and_the_pools_answers() -> None:
    timers = settings().stratum.timers
    assert (timers.drain, timers.drain_hard, timers.settle) == (60.0, 180.0, 5.0)
    assert settings(stratum={"timers": {"drain": "175s"}}).stratum.timers.drain == 175.0
    assert mistakes(stratum={"timers": {"drain": 176}}) == [
        "stratum.timers.drain_hard = 180: must not be below stratum.timers.drain and stratum.timers.settle "
        "together, 181: the end would be cut short"
    ]
    assert settings(stratum={"timers": {"drain": 600, "drain_hard": 605}}).stratum.timers.drain == 600.0
    assert mistakes(stratum={"timers": {"drain": 601}})
