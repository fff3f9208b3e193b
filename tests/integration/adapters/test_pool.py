"""The pool over real connections: bounded, fair, clean, and never surprised by a cancel, a fork or another loop."""

import asyncio
import contextvars
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, ConnectError, DeadlineError, EctypeError, PoolTimeoutError

SLOW = {
    "postgres": "SELECT pg_sleep(20)",
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) "
    "SELECT count(*) FROM n",
}


class Gated:
    """A real adapter whose `connect` first does what the test says: waits, fails, counts."""

    def __init__(self, adapter: Adapter, gate: Callable[[], Awaitable[None]] | None = None) -> None:
        self.adapter = adapter
        self.gate = gate
        self.connects = 0
        self.made: list[Connection] = []
        self.single = adapter.single
        self.url = adapter.url

    @property
    def dialect(self) -> Any:
        return self.adapter.dialect

    async def connect(self, timeout: float) -> Connection:
        self.connects += 1
        if self.gate is not None:
            await self.gate()
        connection = await self.adapter.connect(timeout)
        self.made.append(connection)
        return connection


@asynccontextmanager
async def opened(adapter: Any, **options: Any) -> AsyncIterator[Pool]:
    pool = Pool(adapter, **options)
    try:
        yield pool
    finally:
        await pool.close(2)


@pytest.fixture
async def pool(adapter: Adapter) -> AsyncIterator[Pool]:
    async with opened(adapter, size=2) as pool:
        yield pool


@pytest.fixture
def sqlite(sqlite_url: str) -> Gated:
    return Gated(adapter_for(sqlite_url))


async def settled(pool: Pool) -> None:
    async with asyncio.timeout(10):
        while pool.report().opening or pool.report().in_use:
            await asyncio.sleep(0.005)


def counts(pool: Pool) -> tuple[int, int, int, int]:
    report = pool.report()
    return report.idle, report.in_use, report.opening, report.waiting


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
    assert "no connection became free within 0.2 s: 2 of 2 to" in str(caught.value)
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
            said.add(str(exc).partition(" after ")[0])
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
        assert said == {"the call was refused"}
        assert len([waited for waited in waits if waited is not None]) > 50
        # The last ones met a pool that had shed its load.
        assert max(waited for waited in waits[-50:] if waited is not None) < 1.0


# -- cancellation ------------------------------------------------------------------------------------------------------


async def test_a_call_cancelled_as_it_is_served_hands_its_connection_on(sqlite):
    async with opened(sqlite, size=1) as pool:
        connection = await pool.acquire(1)
        first, second = (asyncio.create_task(pool.acquire(5)) for _ in range(2))
        await asyncio.sleep(0)
        pool.release(connection)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second is connection
        pool.release(connection)
        assert counts(pool) == (1, 0, 0, 0)


async def test_hundreds_of_random_cancels_leave_a_clean_pool_and_right_answers(adapter):
    """Transactions cut off anywhere: acquire, begin, statement, commit, release."""
    random.seed(11)
    cast = "SELECT CAST({} AS text)".format("?1" if "sqlite" in adapter.url else "$1")
    wrong: list[object] = []

    async def work(pool: Pool, number: int) -> None:
        connection = await pool.acquire(10)
        try:
            await connection.begin(Begin())
            await connection.execute("INSERT INTO t VALUES (1)")
            answer = await connection.fetch(cast, (f"n{number}",), lambda rows: rows[0][0])
            if answer != f"n{number}":
                wrong.append((number, answer))
            await connection.commit()
        finally:
            pool.release(connection)

    async with opened(adapter, size=4) as pool:
        connection = await pool.acquire(5)
        await connection.script("CREATE TABLE t (id integer)")
        pool.release(connection)
        for start in range(0, 400, 20):
            tasks = [asyncio.create_task(work(pool, number)) for number in range(start, start + 20)]
            for task in random.sample(tasks, 12):
                await asyncio.sleep(random.choice([0, 0, 0.0002, 0.001, 0.003]))
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            odd = [one for one in outcomes if one is not None and not isinstance(one, asyncio.CancelledError)]
            assert odd == []
        await settled(pool)
        assert wrong == []
        report = pool.report()
        assert (report.in_use, report.waiting, report.opening) == (0, 0, 0)
        taken = [await pool.acquire(5) for _ in range(4)]
        for connection in taken:
            assert not connection.in_transaction
            assert not connection.broken
            await connection.execute("SELECT 1")
            pool.release(connection)


async def test_thousands_of_cancelled_waiters_leave_no_trace(sqlite):
    async with opened(sqlite, size=2) as pool:
        taken = [await pool.acquire(5) for _ in range(2)]
        tasks = [asyncio.create_task(pool.acquire(60)) for _ in range(5_000)]
        await asyncio.sleep(0)
        assert pool.report().waiting == 5_000
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert pool.report().waiting == 0
        for connection in taken:
            pool.release(connection)
        assert counts(pool) == (2, 0, 0, 0)


# -- closing -----------------------------------------------------------------------------------------------------------


async def test_close_waits_for_work_in_flight(adapter):
    pool = Pool(adapter, size=2)
    done = False

    async def work() -> None:
        nonlocal done
        connection = await pool.acquire(5)
        await asyncio.sleep(0.2)
        await connection.execute("SELECT 1")
        done = True
        pool.release(connection)

    task = asyncio.create_task(work())
    while not pool.report().in_use:
        await asyncio.sleep(0.01)
    before = asyncio.all_tasks()
    await pool.close(5)
    assert done
    await task
    assert asyncio.all_tasks() <= before
    await pool.close(5)


async def test_close_cuts_what_does_not_end_by_its_deadline(adapter):
    pool = Pool(adapter, size=2)
    connection = await pool.acquire(5)
    target = "sqlite" if "sqlite" in adapter.url else "postgres"
    task = asyncio.create_task(connection.fetch(SLOW[target], (), list))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await pool.close(0.2)
    assert time.monotonic() - began < 2
    assert connection.broken
    with pytest.raises(EctypeError):
        await asyncio.wait_for(task, 5)
    pool.release(connection)


async def test_a_closed_pool_refuses_new_calls_and_those_that_wait(sqlite):
    pool = Pool(sqlite, size=1)
    connection = await pool.acquire(5)
    waiting = asyncio.create_task(pool.acquire(5))
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close(5))
    with pytest.raises(ConnectError, match="closed while"):
        await waiting
    with pytest.raises(ConnectError, match="is closed"):
        await pool.acquire(5)
    assert pool.try_acquire() is None
    pool.release(connection)
    await closing


async def test_a_connection_being_made_when_the_pool_closes_is_closed_too(sqlite):
    sqlite.gate = lambda: asyncio.sleep(0.05)
    pool = Pool(sqlite, size=1)
    task = asyncio.create_task(pool.acquire(5))
    await asyncio.sleep(0.01)
    await pool.close(1)
    with pytest.raises(ConnectError):
        await task
    assert all(connection.broken for connection in sqlite.made)


async def test_a_pool_that_was_never_used_closes_and_stays_closed(sqlite):
    pool = Pool(sqlite)
    await pool.close()
    with pytest.raises(ConnectError):
        await pool.acquire(1)


# -- guards ------------------------------------------------------------------------------------------------------------


def test_a_pool_used_in_another_event_loop_says_so(sqlite_url):
    pool = Pool(adapter_for(sqlite_url), size=1)
    first = asyncio.new_event_loop()
    second = asyncio.new_event_loop()

    async def use() -> None:
        pool.release(await pool.acquire(5))

    try:
        first.run_until_complete(use())
        with pytest.raises(ConnectError, match="belongs to another event loop") as caught:
            second.run_until_complete(use())
        assert "one `asyncio.run` around all" in str(caught.value.hint)
        with pytest.raises(ConnectError, match="another event loop"):
            second.run_until_complete(pool.close())
        first.run_until_complete(use())
        first.run_until_complete(pool.close())
    finally:
        first.close()
        second.close()


FORK = """
    import asyncio, os, sys
    from ectype.adapters.pool import Pool
    from ectype.adapters.registry import adapter_for

    def in_the_child(pool):
        for use in (pool.try_acquire, lambda: pool.acquire(1).send(None), lambda: pool.close(1).send(None)):
            try:
                use()
                print("it was lent")
            except Exception as exc:
                print(type(exc).__name__, exc)
        sys.stdout.flush()

    async def main():
        pool = Pool(adapter_for(sys.argv[1]), size=1)
        connection = await pool.acquire(5)
        pool.release(connection)
        child = os.fork()
        if child == 0:
            try:
                in_the_child(pool)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        again = await pool.acquire(5)
        assert again is connection
        await again.execute("SELECT 1")
        pool.release(again)
        await pool.close()
        print("parent", os.getpid(), "child", child)

    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_refused_before_it_touches_a_connection_and_the_parent_goes_on(database_url):
    command = [sys.executable, "-c", textwrap.dedent(FORK), database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    said = done.stdout.splitlines()
    assert said, done.stderr
    _, parent, _, child = said[-1].split()
    assert done.stdout.count(f"was opened in process {parent} and is used in {child}, after a fork") == 3
    assert done.stdout.count("ConnectError") == 3
    assert "hint: open the repo in each process, after the fork" in done.stdout


async def test_connections_do_not_inherit_the_context_of_the_task_that_first_needed_them(sqlite):
    """A context variable of the first caller must not live in the pool's tasks for ever."""
    marker: contextvars.ContextVar[str] = contextvars.ContextVar("marker", default="none")
    seen: list[str] = []

    async def look() -> None:
        seen.append(marker.get())

    sqlite.gate = look
    async with opened(sqlite, size=1) as pool:
        marker.set("of the caller")
        pool.release(await pool.acquire(5))
    assert seen == ["none"]


async def test_a_statement_past_its_deadline_gives_its_connection_back_usable(adapter):
    target = "sqlite" if "sqlite" in adapter.url else "postgres"
    async with opened(adapter, size=1) as pool:
        connection = await pool.acquire(5)
        with pytest.raises(DeadlineError):
            await connection.fetch(SLOW[target], (), list, 0.1)
        pool.release(connection)
        again = await pool.acquire(5)
        assert again is connection
        await again.execute("SELECT 1")
        pool.release(again)
