"""What one caller leaves in a session, and what a cancellation leaves: nothing that the next one could meet."""

import asyncio
import random

import pytest

from ectype import Repo
from ectype.adapters.pool import Pool
from ectype.errors import EctypeError
from tests.integration.adapters.pools import counts, opened, settled

LEFT = {
    "setting": ("SET search_path = 'pg_catalog'", "SELECT current_setting('search_path')", '"$user", public'),
    "role": ("SET ROLE pg_monitor", "SELECT (current_user = session_user)::text", "true"),
    "temporary table": (
        "CREATE TEMPORARY TABLE scratch (id int)",
        "SELECT count(*)::text FROM pg_class WHERE relname = 'scratch'",
        "0",
    ),
    "listen": ("LISTEN news", "SELECT count(*)::text FROM pg_listening_channels()", "0"),
    "advisory lock": (
        "SELECT pg_advisory_lock(4711)",
        "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711",
        "0",
    ),
    "cursor": (
        "DECLARE left_open CURSOR WITH HOLD FOR SELECT 1",
        "SELECT count(*)::text FROM pg_cursors WHERE name = 'left_open'",
        "0",
    ),
}


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["alone", "in a transaction", "cancelled"])
@pytest.mark.parametrize("name", LEFT)
async def test_what_sql_text_leaves_in_a_session_is_gone_for_the_next(fresh_postgres_url, name, how):
    """B1 row 31."""
    leave, ask, expected = LEFT[name]
    async with Repo(fresh_postgres_url, pool_size=1) as repo:
        pid = (await repo.query("SELECT pg_backend_pid()")).rows[0][0]
        if how == "alone":
            await repo.query(leave)
        elif how == "in a transaction":
            async with repo.transaction():
                await repo.query(leave)
        else:

            async def work() -> None:
                async with repo.transaction():
                    await repo.query(leave)
                    await asyncio.sleep(20)

            task = asyncio.create_task(work())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await repo.query("SELECT pg_backend_pid()")).rows[0][0] == pid
        assert (await repo.query(ask)).rows[0][0] == expected


async def test_ten_thousand_cancelled_calls_leave_the_full_size_and_a_pool_that_closes(adapter):
    """B1 row 5."""
    pool = Pool(adapter, size=3)
    taken = [await pool.acquire(10) for _ in range(3)]
    for _ in range(10):
        tasks = [asyncio.create_task(pool.acquire(60)) for _ in range(1_000)]
        await asyncio.sleep(0)
        pool.release(taken.pop())
        for task in random.sample(tasks, len(tasks)):
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        taken.append(await pool.acquire(10))
    assert counts(pool) == (0, 3, 0, 0)
    for connection in taken:
        pool.release(connection)
    async with asyncio.timeout(20):
        await pool.close(5)


async def test_calls_cancelled_while_their_connection_is_given_back_leak_none(adapter):
    """B1 row 6: what user text may have changed is reset by the pool, whoever goes away meanwhile."""
    async with opened(adapter, size=2) as pool:
        for number in range(60):

            async def work() -> None:
                connection = await pool.acquire(10)
                try:
                    await connection.execute("SELECT 1")
                finally:
                    pool.release(connection, reset=True)
                    await asyncio.sleep(0)

            tasks = [asyncio.create_task(work()) for _ in range(4)]
            for _ in range(number % 12):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await settled(pool)
        taken = [await pool.acquire(10) for _ in range(2)]
        assert pool._total == 2
        for connection in taken:
            await connection.execute("SELECT 1")
            pool.release(connection)


async def test_a_second_cancellation_a_moment_later_changes_nothing(database_url):
    """B1 row 7."""
    async with Repo(database_url, pool_size=1, timeout=20) as repo:
        await repo.query("CREATE TABLE doubled (id integer)")
        for pause in (0, 0.0005, 0.001, 0.003, 0.01):

            async def work() -> None:
                async with repo.transaction():
                    await repo.query("INSERT INTO doubled VALUES (1)")
                    await asyncio.sleep(20)

            task = asyncio.create_task(work())
            await asyncio.sleep(0.03)
            task.cancel()
            await asyncio.sleep(pause)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await settled(repo.pool)
            assert (await repo.query("SELECT count(*) FROM doubled")).rows[0][0] == 0
        assert (repo.pool.report().in_use, repo.pool.report().waiting) == (0, 0)


async def test_a_connection_given_back_twice_is_told(adapter):
    """B1 row 6: the second one may be somebody else's already."""
    async with opened(adapter, size=1) as pool:
        connection = await pool.acquire(10)
        pool.release(connection)
        with pytest.raises(EctypeError, match="released that is not out"):
            pool.release(connection)
