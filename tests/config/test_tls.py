"""TLS files are looked at when the configuration is checked, not when the first miner connects."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from proxy.config import settings_from
from proxy.errors import ConfigError


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("one", "two"):
        leaf = authority.issue_cert(f"{name}.example")
        leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
        leaf.private_key_pem.write_to_path(folder / f"{name}.key")
    key = load_pem_private_key((folder / "one.key").read_bytes(), None)
    (folder / "locked.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    (folder / "text").write_text("no certificate")
    return folder


def check(
    folder: Path, listen: str = "stratum+ssl://127.0.0.1:3443", ca: str | None = None, **stratum: str
) -> None:
    pool: dict[str, Any] = {"name": "p", "url": "stratum+ssl://pool.example:1", "user": "u"}
    if ca is not None:
        pool["ca_file"] = ca
    raw = {"stratum": {"listen": [listen], **stratum}, "tenant": [{"id": "a", "upstream": [pool]}]}
    settings_from(raw, base=folder)


def test_a_fitting_pair_is_taken(files: Path) -> None:
    check(files, tls_certificate="one.crt", tls_key="one.key", ca="ca.pem")


@pytest.mark.parametrize(
    ("stratum", "says"),
    [
        ({}, "stratum.tls_certificate is missing: needed by stratum.listen"),
        ({"tls_certificate": "one.crt"}, "stratum.tls_key is missing: needed by"),
        ({"tls_certificate": "one.crt", "tls_key": "two.key"}, "that fits stratum.tls_key"),
        ({"tls_certificate": "text", "tls_key": "one.key"}, "must be a PEM certificate"),
        ({"tls_certificate": "one.crt", "tls_key": "locked.key"}, "must be a PEM certificate"),
        ({"tls_certificate": "one.crt", "tls_key": "gone"}, "readable file (No such file"),
        ({"tls_certificate": ".", "tls_key": "one.key"}, "must be a file, not a folder"),
        ({"tls_certificate": "one.crt", "tls_key": "one.key", "ca": "text"}, "at least one certificate"),
    ],
)
def test_what_could_not_be_served_is_a_mistake(files: Path, stratum: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(files, **stratum)
    assert says in str(caught.value)


def test_half_a_pair_is_a_mistake_even_if_nothing_needs_it(files: Path) -> None:
    with pytest.raises(ConfigError, match=r"tls_certificate is missing: needed because stratum\.tls_key"):
        check(files, listen="127.0.0.1:3333", tls_key="one.key")
