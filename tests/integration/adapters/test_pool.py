"""The pool over real connections: what it lends, in which order, how clean, and what it says when it cannot."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from ectype.adapters.base import Adapter, Begin
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, ConnectError, EctypeError, PoolTimeoutError
from tests.integration.adapters.pools import Gated, counts, opened, settled


@pytest.fixture
async def pool(adapter: Adapter) -> AsyncIterator[Pool]:
    async with opened(adapter, size=2) as pool:
        yield pool


@pytest.fixture
def sqlite(sqlite_url: str) -> Gated:
    return Gated(adapter_for(sqlite_url))


# -- lending -----------------------------------------------------------------------------------------------------------


async def test_connections_are_made_when_needed_and_lent_last_in_first_out(pool):
    assert pool.try_acquire() is None
    assert counts(pool) == (0, 0, 0, 0)
    first, second = await pool.acquire(5), await pool.acquire(5)
    assert counts(pool) == (0, 2, 0, 0)
    pool.release(first)
    pool.release(second)
    assert counts(pool) == (2, 0, 0, 0)
    assert pool.try_acquire() is second
    assert pool.try_acquire() is first
    assert pool.try_acquire() is None
    pool.release(first)
    pool.release(second)


async def test_a_full_pool_names_its_holders_and_the_fix(pool):
    async def hold() -> None:
        connection = await pool.acquire(5)
        try:
            await asyncio.sleep(20)
        finally:
            pool.release(connection)

    holders = [asyncio.create_task(hold(), name=f"importer-{number}") for number in (1, 2)]
    while pool.report().in_use < 2:
        await asyncio.sleep(0.01)
    began = time.monotonic()
    with pytest.raises(PoolTimeoutError) as caught:
        await pool.acquire(0.2)
    assert 0.19 < time.monotonic() - began < 2
    assert "no connection of `repo` became free within 0.2 s: 2 of 2 to" in str(caught.value)
    assert "held by `importer-1` for 0." in str(caught.value)
    assert "`importer-2` for" in str(caught.value)
    assert "`pool_size` (now 2)" in str(caught.value)
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    assert counts(pool) == (2, 0, 0, 0)


async def test_a_task_that_waits_for_what_it_holds_itself_is_told_so(sqlite):
    async with opened(sqlite, size=1) as pool:
        connection = await pool.acquire(1)
        with pytest.raises(PoolTimeoutError, match="this task waits for a second connection"):
            await pool.acquire(0.05)
        pool.release(connection)


async def test_waiting_calls_are_served_in_the_order_they_came(sqlite):
    order: list[int] = []

    async def work(pool: Pool, number: int) -> None:
        connection = await pool.acquire(5)
        order.append(number)
        await asyncio.sleep(0.001)
        pool.release(connection)

    async with opened(sqlite, size=2) as pool:
        await asyncio.gather(*(work(pool, number) for number in range(40)))
    assert order == list(range(40))


async def test_a_late_call_never_overtakes_one_that_waits(sqlite):
    async with opened(sqlite, size=1) as pool:
        connection = await pool.acquire(1)
        waiting = asyncio.create_task(pool.acquire(1))
        await asyncio.sleep(0)
        pool.release(connection)
        assert pool.try_acquire() is None
        assert await waiting is connection
        pool.release(connection)


async def test_a_connection_is_released_once(pool):
    connection = await pool.acquire(5)
    pool.release(connection)
    with pytest.raises(EctypeError, match="released"):
        pool.release(connection)
    assert counts(pool) == (1, 0, 0, 0)


async def test_a_database_in_memory_is_one_connection_whatever_the_size():
    async with opened(adapter_for("sqlite://"), size=10) as pool:
        assert pool.report().size == 1
        connection = await pool.acquire(1)
        await connection.script("CREATE TABLE t (id integer)")
        pool.release(connection)
        again = await pool.acquire(1)
        assert await again.fetch("SELECT count(*) FROM t", (), list) == [(0,)]
        pool.release(again)


async def test_a_database_in_memory_that_is_lost_is_not_replaced_by_an_empty_one():
    async with opened(adapter_for("sqlite://")) as pool:
        connection = await pool.acquire(1)
        connection.terminate()
        pool.release(connection)
        for _ in range(2):
            with pytest.raises(ConnectError, match="was lost with its only connection") as caught:
                await pool.acquire(5)
        assert "open a new repo" in str(caught.value.hint)


def test_a_pool_has_one_connection_at_least():
    with pytest.raises(ConfigError, match="pool_size is 0"):
        Pool(adapter_for("sqlite://"), size=0)


# -- clean connections -------------------------------------------------------------------------------------------------


async def test_a_connection_released_inside_a_transaction_is_rolled_back_before_it_is_lent_again(adapter):
    async with opened(adapter, size=1) as pool:
        connection = await pool.acquire(5)
        await connection.script("CREATE TABLE t (id integer)")
        await connection.begin(Begin())
        await connection.execute("INSERT INTO t VALUES (1)")
        pool.release(connection)
        assert pool.try_acquire() is None
        again = await pool.acquire(5)
        assert again is connection
        assert not again.in_transaction
        assert await again.fetch("SELECT 1 FROM t", (), list) == []
        pool.release(again)


async def test_a_session_is_reset_only_when_it_is_asked_for(adapter):
    temporary = "CREATE TEMPORARY TABLE scratch (id integer)"
    async with opened(adapter, size=1) as pool:
        for reset in (False, True):
            connection = await pool.acquire(5)
            await connection.script(f"DROP TABLE IF EXISTS scratch; {temporary}")
            pool.release(connection, reset=reset)
            again = await pool.acquire(5)
            assert again is connection
            if reset:
                with pytest.raises(EctypeError):
                    await again.execute("DELETE FROM scratch")
            else:
                await again.execute("DELETE FROM scratch")
            pool.release(again)


async def test_a_broken_connection_is_dropped_and_replaced(pool):
    connection = await pool.acquire(5)
    connection.terminate()
    pool.release(connection)
    assert counts(pool) == (0, 0, 0, 0)
    again = await pool.acquire(5)
    assert again is not connection
    await again.execute("SELECT 1")
    pool.release(again)


async def test_a_connection_that_broke_while_idle_is_replaced_without_a_word(pool):
    connection = await pool.acquire(5)
    pool.release(connection)
    connection.terminate()
    again = await pool.acquire(5)
    assert again is not connection
    pool.release(again)


async def test_a_connection_that_lay_idle_is_asked_before_it_is_lent(sqlite):
    async with opened(sqlite, size=2, idle_check=0.05) as pool:
        connection = await pool.acquire(5)
        pool.release(connection)
        await asyncio.sleep(0.1)
        assert pool.try_acquire() is None
        assert await pool.acquire(5) is connection
        pool.release(connection)
        assert sqlite.connects == 1


@pytest.mark.postgres
async def test_backends_killed_while_idle_cost_no_caller_an_error(fresh_postgres_url):
    adapter = adapter_for(fresh_postgres_url)
    async with opened(adapter, size=4, idle_check=0.0) as pool:
        taken = [await pool.acquire(5) for _ in range(4)]
        for connection in taken:
            pool.release(connection)
        killer = await adapter.connect(5)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for _ in range(4):
            connection = await pool.acquire(5)
            assert connection not in taken
            await connection.execute("SELECT 1")
            pool.release(connection)
        await killer.close()


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_a_server_that_refuses_fails_every_call_that_waits_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'missing' / 'x.db'}"
    gated = Gated(adapter_for(url))
    async with opened(gated, size=3) as pool:
        began = time.monotonic()
        outcomes = await asyncio.gather(*(pool.acquire(5) for _ in range(20)), return_exceptions=True)
        assert time.monotonic() - began < 3
        assert [type(outcome) for outcome in outcomes] == [ConnectError] * 20
        assert len({id(outcome) for outcome in outcomes}) == 20
        assert gated.connects <= 3
        (tmp_path / "missing").mkdir()
        connection = await pool.acquire(5)
        pool.release(connection)
        assert pool.report().failure is None


async def test_while_a_server_refuses_the_pool_knocks_with_one_hand_only(tmp_path):
    gated = Gated(adapter_for(f"sqlite:///{tmp_path / 'missing' / 'x.db'}"))
    async with opened(gated, size=10) as pool:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            await asyncio.gather(*(pool.acquire(5) for _ in range(10)), return_exceptions=True)
        assert gated.connects < 25


async def test_one_that_cannot_be_opened_does_not_fail_calls_that_others_can_serve(sqlite):
    async def refuse_second() -> None:
        if sqlite.connects > 1:
            raise ConnectError("too many clients")

    sqlite.gate = refuse_second
    async with opened(sqlite, size=2) as pool:
        connection = await pool.acquire(5)
        waiting = asyncio.create_task(pool.acquire(5))
        await asyncio.sleep(0.05)
        with pytest.raises(PoolTimeoutError, match="too many clients"):
            await pool.acquire(0.1)
        pool.release(connection)
        assert await waiting is connection
        pool.release(connection)


async def test_a_call_that_is_cancelled_while_a_connection_is_made_leaves_it_to_the_next(sqlite):
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    sqlite.gate = wait
    async with opened(sqlite, size=1) as pool:
        task = asyncio.create_task(pool.acquire(5))
        await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        go.set()
        connection = await pool.acquire(5)
        assert sqlite.connects == 1
        pool.release(connection)


async def test_a_call_that_times_out_while_a_connection_is_made_says_so(sqlite):
    sqlite.gate = lambda: asyncio.sleep(0.3)
    async with opened(sqlite, size=1) as pool:
        with pytest.raises(PoolTimeoutError, match="1 being opened or checked"):
            await pool.acquire(0.05)
        await settled(pool)
        assert counts(pool) == (1, 0, 0, 0)


async def test_an_error_that_is_no_connect_error_reaches_the_caller_as_it_is(sqlite):
    async def refuse() -> None:
        raise ConfigError("a wrong option", hint="correct it")

    sqlite.gate = refuse
    async with opened(sqlite, size=1) as pool:
        with pytest.raises(ConfigError, match="a wrong option") as caught:
            await pool.acquire(5)
        assert caught.value.hint == "correct it"


# -- overload ----------------------------------------------------------------------------------------------------------


async def test_a_pool_that_is_overloaded_refuses_those_that_waited_too_long(sqlite):
    said: set[str] = set()

    async def work(pool: Pool) -> float | None:
        began = time.monotonic()
        try:
            connection = await pool.acquire(30)
        except PoolTimeoutError as exc:
            said.add(str(exc).partition(" refused ")[0])
            return None
        waited = time.monotonic() - began
        await asyncio.sleep(0.01)
        pool.release(connection)
        return waited

    async with opened(sqlite, size=1, queue_target=0.02, queue_interval=0.2) as pool:
        tasks = []
        for _ in range(150):
            tasks += [asyncio.create_task(work(pool)) for _ in range(2)]
            await asyncio.sleep(0.01)
        waits = await asyncio.gather(*tasks)
        assert None in waits
        assert said == {"`repo` is overloaded, and the call was"}
        assert len([waited for waited in waits if waited is not None]) > 50
        # The last ones met a pool that had shed its load.
        assert max(waited for waited in waits[-50:] if waited is not None) < 1.0
