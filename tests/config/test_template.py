"""What is printed about the configuration is made from it and cannot drift."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.config import Settings, load, settings_from
from proxy.config.mistakes import is_secret
from proxy.config.table import Table, key_of, notes_of, table_within
from proxy.config.template import effective, effective_values, schema, template, toml_value


def fields(table: type[Table] = Settings, path: str = "") -> Iterator[tuple[str, str, Any]]:
    for name, field in table.model_fields.items():
        key = key_of(name, field)
        inner = table_within(field)
        if inner is None:
            yield path, key, field
        else:
            yield from fields(inner[0], f"{path}{key}.")


ALL = list(fields())


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(template())
    return path


def test_the_template_is_valid_as_it_stands_and_says_its_pool_is_an_example(written: Path) -> None:
    assert str(load(written, {}).tenants[0].upstreams[0].url) == "stratum+tcp://pool.example:3333"
    assert "EXAMPLE" in template()


def test_every_setting_is_in_the_template() -> None:
    for _, key, _field in ALL:
        assert re.search(rf"^(?:## )? *(?:# .*)?(?:# )?{key} = ", template(), re.MULTILINE), key


def test_removing_the_comment_sign_of_every_default_changes_nothing(written: Path, tmp_path: Path) -> None:
    keys = "|".join(key for _, key, _field in ALL)
    every = re.sub(rf"^( *)# ({keys}) = ", r"\1\2 = ", template(), flags=re.MULTILINE)
    bare = tomllib.loads(every)
    assert len(bare["upstream"]) == len(type(load(written, {}).upstream).model_fields)
    bare["site"].pop("data_dir")  # depends on who runs this
    assert settings_from(bare, base=tmp_path, environment={}) == load(written, {})


@pytest.mark.parametrize(("path", "key", "field"), ALL, ids=[path + key for path, key, _ in ALL])
def test_every_setting_is_described_and_every_default_has_a_reason(path: str, key: str, field: Any) -> None:
    assert field.description
    fixed = not field.is_required() and field.default_factory is None and field.default is not None
    assert bool(notes_of(field).reason) == fixed
    assert fixed or notes_of(field).example is not None


def test_the_tables_that_may_be_left_out_are_valid_without_their_marks(tmp_path: Path) -> None:
    marked = [line for line in template().splitlines() if line.startswith("##")]
    assert "## [power]" in marked
    path = tmp_path / "site.toml"
    unmarked = re.sub(r"^## ?", "", template(), flags=re.MULTILINE)
    # Nobody can know where the price comes from, and rules without one are refused.
    price = '# No fixed default. For example: file = "/run/plant/per_mwh"'
    assert unmarked.count(price) == 1
    path.write_text(unmarked.replace(price, 'file = "/run/plant/per_mwh"'))
    power = load(path, {}).power
    assert power is not None
    assert power.control == "advise", "nothing is gated by uncommenting"
    assert (len(power.generators), len(power.models)) == (1, 1)


def test_only_passwords_count_as_secrets() -> None:
    assert {key for _, key, _field in ALL if is_secret((key,))} == {"password"}


def test_effective_settings_are_toml_that_leads_to_themselves(written: Path) -> None:
    read = load(written, {})
    again = tomllib.loads(effective(read))
    assert again["tenant"][0]["upstream"][0].pop("password") == "**********"
    assert settings_from(again, base=Path("/")) == read
    assert json.dumps(effective_values(read))


def test_the_schema_knows_every_table_and_forbids_others() -> None:
    made = json.loads(json.dumps(schema()))
    assert set(made["properties"]) == {"schema", "site", "stratum", "upstream", "ledger", "power", "tenant"}
    assert made["additionalProperties"] is False


@pytest.mark.parametrize("value", ['a"b\\', "tab\t", "\x7f", "ü", 1.5, 2.0**-20, 1e300, True, [1, "x"]])
def test_values_are_written_as_toml_reads_them(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
