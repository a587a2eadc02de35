"""TLS on both sides: what is verified is used, what is not is left for the next pool."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from proxy.adapters.simulated.pool import SimulatedPool
from tests.system.conftest import Launch
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.site import Table, site, tenant, upstream


@dataclass(frozen=True)
class Keys:
    """An authority and what it has signed, as contexts and as files."""

    authority: trustme.CA
    folder: Path

    def ca_file(self) -> str:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(path)
        return str(path)

    def server(self, *names: str) -> tuple[ssl.SSLContext, str]:
        """Return the context of a server with a certificate for ``names``, and its pin."""
        certificate = self.authority.issue_cert(*names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
        return context, hashlib.sha256(der).hexdigest()

    def listener(self) -> Table:
        """Return the settings of a TLS listener beside a plain one."""
        certificate = self.authority.issue_cert("127.0.0.1")
        pem, key = self.folder / "server.pem", self.folder / "server.key"
        certificate.cert_chain_pems[0].write_to_path(pem)
        certificate.private_key_pem.write_to_path(key)
        listen = ["stratum+ssl://127.0.0.1:0", "127.0.0.1:0"]
        return {"listen": listen, "tls_certificate": str(pem), "tls_key": str(key)}

    def trust(self) -> ssl.SSLContext:
        """Return the context of a client that trusts the authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(trustme.CA(), tmp_path)


@pytest.fixture
async def pools() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def tls_pool(stack: AsyncExitStack, context: ssl.SSLContext | None, seed: int = 0) -> SimulatedPool:
    pool = SimulatedPool(POOL, seed=seed)
    await pool.start(ssl=context)
    stack.push_async_callback(pool.stop)
    return pool


def secure(pool: SimulatedPool, name: str, **settings: object) -> Table:
    return upstream(pool, name, url=f"stratum+ssl://127.0.0.1:{pool.port}", **settings)


async def test_miners_come_in_over_tls_and_plain_side_by_side(
    launch: Launch, keys: Keys, pools: AsyncExitStack
) -> None:
    pool = await tls_pool(pools, None)
    pumpjack = await launch(site(tenant(upstream(pool)), stratum=keys.listener()))
    encrypted = miner(pumpjack.ports[None, True], "antminer", "acme.tls", ssl=keys.trust())
    async with encrypted, miner(pumpjack.port, "bitaxe", "acme.plain") as plain:
        await more([encrypted, plain], 10)
        state = await quiet(pumpjack, [pool], [encrypted, plain])
        books_agree(state["shares"], [pool], [encrypted, plain])
        undisturbed([encrypted, plain])


async def test_callers_that_fail_the_handshake_leave_miners_and_the_log_alone(
    launch: Launch, keys: Keys, pools: AsyncExitStack
) -> None:
    pool = await tls_pool(pools, None)
    pumpjack = await launch(site(tenant(upstream(pool)), stratum=keys.listener()))
    port = pumpjack.ports[None, True]
    async with miner(port, ssl=keys.trust()) as client:
        await more([client], 3)
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b'{"id":1,"method":"mining.subscribe"}\n',
            b"\x16\x03\x01\x02\x00",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            writer.write_eof()
            await reader.read()
            writer.transport.abort()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.abort()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())
        await more([client], 5)
        state = await pumpjack.status_when(lambda state: state["connections"] == 1)
        assert state["sessions"] == 1
        undisturbed([client])


async def test_a_pool_is_used_when_its_authority_name_and_pin_are_right(
    launch: Launch, keys: Keys, pools: AsyncExitStack
) -> None:
    context, pin = keys.server("127.0.0.1")
    pool = await tls_pool(pools, context)
    colons = ":".join(pin[at : at + 2].upper() for at in range(0, 64, 2))
    row = secure(pool, "pool", ca_file=keys.ca_file(), tls_pin=colons)
    pumpjack = await launch(site(tenant(row)))
    async with miner(pumpjack.port) as client:
        await more([client], 10)
        await pool.cut()
        await pumpjack.logged("UpstreamDown")
        await pool.open()
        await pumpjack.logged("WorkMoved", count=2)
        await pool.wait_for(lambda it: it.connections == 1)
        await more([client], 10)
        state = await quiet(pumpjack, [pool], [client])
        assert tenant_of(state)["upstreams"][0]["tls"] is True
        undisturbed([client])


async def test_a_pool_that_cannot_be_verified_is_refused_and_the_next_one_used(
    launch: Launch, keys: Keys, pools: AsyncExitStack, tmp_path: Path
) -> None:
    good, _ = keys.server("127.0.0.1")
    other_name, _ = keys.server("pool.example")
    stranger, _ = Keys(trustme.CA(), tmp_path).server("127.0.0.1")
    ca_file = keys.ca_file()
    verified = {"ca_file": ca_file}
    suspects: dict[str, tuple[ssl.SSLContext | None, Table, str]] = {
        "authority": (stranger, verified, "certificate not trusted"),
        "system": (good, {}, "certificate not trusted"),
        "name": (other_name, verified, "certificate not trusted"),
        "pin": (good, {"ca_file": ca_file, "tls_pin": "00" * 32}, "tls_pin"),
        "plain": (None, verified, "cannot connect"),
    }
    honest = await tls_pool(pools, None, seed=99)
    bad = {name: await tls_pool(pools, context) for name, (context, _, _) in suspects.items()}
    tenants = [
        tenant(
            secure(bad[name], "suspect", **settings),
            upstream(honest, "honest", user=f"acct.{name}"),
            id=name,
            listen=["127.0.0.1:0"],
        )
        for name, (_, settings, _) in suspects.items()
    ]
    content = site(*tenants)
    content["stratum"]["listen"] = []
    pumpjack = await launch(content)
    miners = [
        await pools.enter_async_context(miner(pumpjack.ports[name, False], worker=name)) for name in suspects
    ]
    await more(miners, 5)
    state = await pumpjack.status()
    for name, (_, _, cause) in suspects.items():
        first, second = tenant_of(state, name)["upstreams"]
        assert cause in first["last_failure"], name
        assert first["state"] != "live"
        assert second["state"] == "live"
    # Nobody said a word of Stratum to a pool that is not who it should be.
    assert all(pool.methods == {} for pool in bad.values())
    assert honest.workers == {f"acct.{name}" for name in suspects}
    undisturbed(miners)
