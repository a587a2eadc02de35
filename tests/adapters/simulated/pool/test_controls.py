"""What a test can do to a pool while it runs."""

import asyncio

import pytest

from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool, personality
from proxy.units import Difficulty
from tests.adapters.simulated.raw import RawClient

SETTINGS = PoolSettings(difficulty=Difficulty(2.0**-26))


async def test_a_hung_pool_keeps_its_sockets_and_goes_on_where_it_stopped() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        await client.notification("mining.notify")
        await client.ask("mining.ping")
        pool.hang()
        client.write(b'{"id":77,"method":"mining.ping","params":[]}\n')
        pool.send_raw(b'{"id":null,"method":"client.show_message","params":["held"]}\n')
        waiting = asyncio.create_task(client.line())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        assert pool.connections == 1
        pool.unhang()
        assert b"held" in await waiting
        assert (await client.message())["id"] == 77


async def test_a_hung_pool_lets_in_but_does_not_answer() -> None:
    async with SimulatedPool(SETTINGS) as pool:
        pool.hang()
        async with RawClient(pool.port) as client:
            client.write(b'{"id":1,"method":"mining.ping","params":[]}\n')
            await pool.wait_for(lambda pool: pool.connections == 1)
            waiting = asyncio.create_task(client.message())
            done, _ = await asyncio.wait([waiting], timeout=0.2)
            assert not done
            pool.unhang()
            assert (await waiting)["result"] == "pong"


async def test_a_cut_closes_and_refuses_until_it_is_over_on_the_same_port() -> None:
    async with SimulatedPool(SETTINGS) as pool:
        port = pool.port
        async with RawClient(port) as client:
            await client.ask("mining.ping")
            await pool.cut()
            assert await client.line() == b""
        assert pool.connections == 0
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await pool.open()
        assert pool.port == port
        async with RawClient(port) as client:
            assert (await client.ask("mining.ping"))["result"] == "pong"


async def test_several_pools_live_beside_each_other() -> None:
    async with SimulatedPool(SETTINGS, 1) as one, SimulatedPool(SETTINGS, 2) as two:
        assert one.port != two.port
        async with RawClient(one.port) as client:
            await client.shake_hands("only.one")
            assert (one.workers, two.workers) == ({"only.one"}, set())


async def test_a_new_extranonce_goes_to_those_who_subscribed_to_it() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as deaf, RawClient(pool.port) as client:
        await deaf.shake_hands()
        before = await client.shake_hands()
        await client.ask("mining.extranonce.subscribe")
        pool.set_extranonce(extranonce2_size=4)
        extranonce1, size = await client.notification("mining.set_extranonce")
        assert extranonce1 != before[1]
        assert size == 4
        assert (await client.message())["params"][8] is True
        await deaf.ask("mining.ping")
        assert "mining.set_extranonce" not in [message["method"] for message in deaf.told]


async def test_a_new_mask_comes_with_a_clean_job() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        await client.notification("mining.notify")
        pool.set_version_mask(0x0000E000)
        assert await client.notification("mining.set_version_mask") == ["0000e000"]
        assert (await client.notification("mining.notify"))[8] is True


async def test_a_client_that_does_not_read_is_dropped() -> None:
    async with SimulatedPool(SETTINGS) as pool, RawClient(pool.port) as client:
        await client.shake_hands()
        for _ in range(64):
            pool.send_raw(b"x" * (1 << 20))
        await pool.wait_for(lambda pool: pool.connections == 0)


async def test_stop_twice_is_stop() -> None:
    pool = SimulatedPool(SETTINGS)
    await pool.start()
    await pool.stop()
    await pool.stop()


def test_an_unknown_personality_is_named_with_the_known() -> None:
    with pytest.raises(KeyError, match=r"no pool personality 'nice'.*plain"):
        personality("nice")


@pytest.mark.parametrize(
    ("name", "value"),
    [("extranonce1_size", 9), ("extranonce2_size", 1), ("branches", 65), ("coinbase_bytes", 6501)],
)
def test_impossible_settings_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=name):
        PoolSettings(**{name: value})  # type: ignore[arg-type]  # the names are those of the table
