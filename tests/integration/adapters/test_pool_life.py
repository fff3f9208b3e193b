"""The pool over real connections: never surprised by a cancel, an end, a fork or another loop."""

import asyncio
import contextvars
import gc
import os
import random
import subprocess
import sys
import textwrap
import time

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConnectError, DeadlineError, EctypeError
from tests.integration.adapters.pools import SLOW, Gated, counts, opened, settled


@pytest.fixture
def sqlite(sqlite_url: str) -> Gated:
    return Gated(adapter_for(sqlite_url))


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


async def test_a_connection_that_takes_long_to_make_does_not_hold_the_close(sqlite):
    sqlite.gate = lambda: asyncio.sleep(60)
    pool = Pool(sqlite, size=2)
    tasks = [asyncio.create_task(pool.acquire(60)) for _ in range(2)]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await pool.close(60)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, ConnectError)
    assert pool._tasks == set()


async def test_a_pool_that_closes_while_it_connects_leaves_nothing_in_the_log(database_url):
    """B1 row 4: a driver that is cut in its first moments leaves a future that nobody asks any more."""
    said: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: said.append(f"{about}"))
    for number in range(40):
        pool = Pool(adapter_for(database_url), size=2)
        tasks = [asyncio.create_task(pool.open(5)) for _ in range(2)]
        await asyncio.sleep(0.0003 * number)
        if number % 2:
            # What came meanwhile is seen all at once.
            time.sleep(0.01)
        await pool.close(5)
        await asyncio.gather(*tasks, return_exceptions=True)
        del tasks, pool
        gc.collect()
    await asyncio.sleep(0.05)
    gc.collect()
    assert said == []


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
