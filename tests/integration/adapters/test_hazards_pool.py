"""What goes wrong around a pool: exhaustion, overload, unfair queues, leaks, holders, age, and a busy event loop."""

import asyncio
import gc
import random
import threading
import time
import warnings
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from benchmarks.workloads.overload import SLEEP, flood
from ectype import Repo, telemetry
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, ConnectError, DeadlineError, EctypeError, PoolTimeoutError, UnsupportedError
from tests.integration.adapters.pools import SLOW, opened, settled


async def until(holds: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


async def hold(repo: Repo, taken: asyncio.Event, go: asyncio.Event) -> None:
    async with repo.transaction():
        taken.set()
        await go.wait()


HOLDS_AT = hold.__code__.co_firstlineno + 1
STANDS_AT = hold.__code__.co_firstlineno + 3


# -- exhaustion --------------------------------------------------------------------------------------------------------


async def test_a_call_that_says_no_timeout_waits_no_longer_than_the_repos(database_url):
    """B1 row 9."""
    async with Repo(database_url, pool_size=1, timeout=0.3) as repo:
        connection = await repo.pool.acquire(5)
        with pytest.raises(PoolTimeoutError, match=r"within 0\.3 s"):
            await repo.query("SELECT 1")
        with pytest.raises(PoolTimeoutError, match=r"within 0\.3 s"):
            async with repo.transaction():
                pass
        repo.pool.release(connection)


async def test_a_pool_timeout_is_shorter_than_that_of_the_statement(database_url):
    """B1 row 9: a statement of an hour need not wait an hour for its connection."""
    async with Repo(database_url, pool_size=1, timeout=3_600, pool_timeout=0.2) as repo:
        connection = await repo.pool.acquire(5)
        with pytest.raises(PoolTimeoutError, match=r"within 0\.2 s"):
            await repo.query("SELECT 1")
        repo.pool.release(connection)
        await repo.query("SELECT 1")


async def test_a_call_that_may_not_wait_is_refused_at_once_while_others_have_all_connections(database_url):
    """Ecto's `queue: false`; a connection that has to be made first is waited for."""
    refused: list[telemetry.PoolTimeout] = []
    async with Repo(database_url, pool_size=1, timeout=3_600, pool_timeout=0) as repo:
        await repo.query("SELECT 1")
        connection = await repo.pool.acquire(5)
        with telemetry.attach("ectype.pool.timeout", refused.append):
            for _ in range(2):
                with pytest.raises(PoolTimeoutError, match=r"within 0 s: 1 of 1 to .* in use, 0 calls wait"):
                    await asyncio.wait_for(repo.query("SELECT 1"), 10)
        assert [one.refused for one in refused] == [True, True]
        repo.pool.release(connection)
        await repo.query("SELECT 1")


async def test_the_error_names_the_repo_its_size_who_waits_and_where_the_holders_stand(database_url):
    """B1 row 10."""
    events: list[telemetry.PoolTimeout] = []
    taken, go = asyncio.Event(), asyncio.Event()
    async with Repo(database_url, pool_size=1, name="library") as repo:
        holder = asyncio.create_task(hold(repo, taken, go), name="nightly-import")
        await taken.wait()
        waiting = asyncio.create_task(repo.query("SELECT 1"), name="page")
        await until(lambda: repo.pool.report().waiting)
        report = repo.pool.report()
        assert (report.name, report.size, report.in_use, report.idle) == ("library", 1, 1, 0)
        assert [one.name for one in report.waiters] == ["page"]
        with telemetry.attach("ectype.pool.timeout", events.append), pytest.raises(PoolTimeoutError) as caught:
            await repo.query("SELECT 1", timeout=0.1)
        said = str(caught.value)
        assert "no connection of `library` became free within 0.1 s: 1 of 1 to" in said
        assert "2 calls wait" in said
        assert "held by `nightly-import` for 0." in said
        assert f"(taken at {__file__}:{HOLDS_AT}, now at {__file__}:{STANDS_AT})" in said
        assert "`pool_size` (now 1)" in said
        assert [(one.repo, one.refused, one.error) for one in events] == [("library", False, caught.value)]
        go.set()
        await asyncio.gather(holder, waiting)


async def test_a_report_says_where_single_statements_and_waiting_calls_stand(database_url):
    """B1 row 10: nothing is noted when they are taken, so that they cost nothing."""
    target = "sqlite" if database_url.startswith("sqlite") else "postgres"

    async def page(repo: Repo) -> None:
        with suppress(DeadlineError, PoolTimeoutError):
            await repo.query(SLOW[target], timeout=0.5)

    async with Repo(database_url, pool_size=1) as repo:
        tasks = [asyncio.create_task(page(repo)) for _ in range(2)]
        await until(lambda: repo.pool.report().waiting)
        report = repo.pool.report()
        at = f"{__file__}:{page.__code__.co_firstlineno + 2}"
        assert [one.now_at for one in (*report.holders, *report.waiters)] == [at, at]
        assert report.holders[0].taken_at is None
        await asyncio.gather(*tasks)


# -- overload and fairness ---------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_ten_times_the_load_is_served_at_full_rate_and_the_rest_is_refused_at_once(postgres_url):
    """B1 row 11. The figures themselves are those of the soak; these are ceilings for a busy machine."""
    refusals: list[telemetry.PoolTimeout] = []
    async with Repo(postgres_url, pool_size=3, name="flooded") as repo:

        async def call() -> Any:
            return await repo.all(SLEEP)

        await call()
        with telemetry.attach("ectype.pool.timeout", refusals.append):
            # Three connections that sleep for 10 ms at a time serve 300 a second at best.
            outcome = await flood(call, 3_000, 2.0, PoolTimeoutError)
        assert outcome.refused > outcome.served > 0
        # A ceiling ten times what the soak asserts.
        assert outcome.p99 < 200 * 0.05
        assert outcome.refused_p50 < 100 * 0.05
        assert len(refusals) == outcome.refused
        assert {one.refused for one in refusals} == {True}
        assert "`flooded` is overloaded, and the call was refused" in str(refusals[-1].error)
        # It takes a load that it can serve at once.
        await asyncio.gather(*(call() for _ in range(3)))


@pytest.mark.postgres
async def test_a_hundred_calls_are_served_in_the_order_they_came(postgres_url):
    """B1 row 12: no call waits for longer than its place in the queue asks for."""
    served: list[int] = []
    async with opened(adapter_for(postgres_url), size=4) as pool:

        async def work(number: int) -> None:
            connection = await pool.acquire(30)
            served.append(number)
            await connection.execute(f"SELECT pg_sleep({random.choice([0.001, 0.004])})")
            pool.release(connection)

        await asyncio.gather(*(work(number) for number in range(100)))
    assert served == list(range(100))


async def test_a_burst_that_comes_at_once_is_served_to_its_last_call(database_url):
    """B1 row 11: what `asyncio.gather` starts is no overload."""
    async with Repo(database_url, pool_size=3) as repo:
        results = await asyncio.gather(*(repo.query("SELECT 1") for _ in range(400)))
    assert len(results) == 400


# -- nesting and sharing -----------------------------------------------------------------------------------------------


async def test_as_many_transactions_as_connections_may_call_the_repo_again_inside(database_url):
    """B1 row 13: the inner call joins, so that nobody waits for what he holds."""
    async with Repo(database_url, pool_size=2, timeout=10) as repo:

        async def outer() -> object:
            async with repo.transaction(read_only=True):
                await asyncio.sleep(0.01)
                async with repo.transaction():
                    return (await repo.query("SELECT 1")).rows

        assert [list(map(tuple, rows)) for rows in await asyncio.gather(outer(), outer())] == [[(1,)], [(1,)]]


async def test_two_statements_at_once_in_one_transaction_take_turns(database_url):
    """B1 row 14."""
    async with Repo(database_url, pool_size=1) as repo, repo.transaction():
        found = await asyncio.gather(*(repo.query("SELECT 1 + {}", number) for number in range(20)))
        assert [one.rows[0][0] for one in found] == list(range(1, 21))


# -- holders and leaks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["here", "another thread"])
async def test_a_transaction_that_is_dropped_gives_its_connection_back_and_says_where_it_was_opened(
    database_url, where
):
    """B1 rows 23 and 30: also when the garbage is collected in another thread."""
    events: list[telemetry.PoolLeaked] = []

    async def forget(repo: Repo) -> None:
        circle: list[Any] = [repo.transaction()]
        circle.append(circle)
        await circle[0].__aenter__()
        await repo.query("CREATE TABLE lost (id integer)")

    async with Repo(database_url, pool_size=1, name="leaky") as repo:
        gc.disable()
        try:
            with warnings.catch_warnings(record=True) as caught, telemetry.attach("ectype.pool.leaked", events.append):
                warnings.simplefilter("always")
                await asyncio.create_task(forget(repo), name="forgetful")
                assert repo.pool.report().in_use == 1
                if where == "here":
                    gc.collect()
                else:
                    collector = threading.Thread(target=gc.collect)
                    collector.start()
                    await asyncio.to_thread(collector.join)
                await until(lambda: not repo.pool.report().in_use)
        finally:
            gc.enable()
        taken_at = f"{__file__}:{forget.__code__.co_firstlineno + 3}"
        assert [(one.repo, one.task, one.taken_at) for one in events] == [("leaky", "forgetful", taken_at)]
        said = [str(one.message) for one in caught if one.category is RuntimeWarning]
        assert len(said) == 1
        assert "`leaky`: a transaction was dropped without being left" in said[0]
        assert taken_at in said[0]
        # What it wrote is gone, and its place is free.
        await repo.query("CREATE TABLE lost (id integer)")


async def test_a_transaction_that_is_left_in_any_way_is_no_leak(database_url):
    """B1 row 23."""
    async with Repo(database_url, pool_size=2) as repo:
        for error in (None, ValueError(), asyncio.CancelledError()):
            with suppress(ValueError, asyncio.CancelledError):
                async with repo.transaction():
                    if error is not None:
                        raise error
        gc.collect()
        await settled(repo.pool)
        assert repo.pool.report().in_use == 0


async def test_a_transaction_held_for_too_long_is_told_once_with_its_place(database_url):
    """B1 row 24."""
    events: list[telemetry.PoolHeld] = []
    taken, go = asyncio.Event(), asyncio.Event()
    async with Repo(database_url, pool_size=1, hold_warning=0.05, name="patient") as repo:
        with warnings.catch_warnings(record=True) as caught, telemetry.attach("ectype.pool.held", events.append):
            warnings.simplefilter("always")
            task = asyncio.create_task(hold(repo, taken, go), name="slow-job")
            await until(lambda: events)
            await asyncio.sleep(0.2)
            go.set()
            await task
        assert [(one.repo, one.task) for one in events] == [("patient", "slow-job")]
        assert events[0].seconds > 0.05
        assert (events[0].taken_at, events[0].now_at) == (f"{__file__}:{HOLDS_AT}", f"{__file__}:{STANDS_AT}")
        said = [str(one.message) for one in caught if one.category is RuntimeWarning]
        assert len(said) == 1
        assert "a connection is held by `slow-job`" in said[0]


async def test_a_hundred_clients_that_wait_hold_no_connection(database_url):
    """B1 row 25: a connection is lent for a statement, not for a request."""
    go = asyncio.Event()
    async with Repo(database_url, pool_size=2) as repo:

        async def client() -> None:
            await repo.query("SELECT 1")
            await go.wait()
            await repo.query("SELECT 1")

        clients = [asyncio.create_task(client()) for _ in range(100)]
        await until(lambda: all(task.get_coro().cr_await is not None for task in clients))
        await settled(repo.pool)
        await until(lambda: not repo.pool.report().in_use and not repo.pool.report().waiting)
        assert repo.pool.report().idle >= 1
        go.set()
        await asyncio.gather(*clients)


# -- age ---------------------------------------------------------------------------------------------------------------


async def test_connections_live_no_longer_than_they_should_and_do_not_all_end_together(database_url):
    """B1 row 26."""
    ends: list[float] = []
    with telemetry.attach("ectype.pool.disconnected", lambda event: ends.append(time.monotonic())):
        async with opened(adapter_for(database_url), size=4, max_lifetime=0.8) as pool:
            began = time.monotonic()
            taken = [await pool.acquire(5) for _ in range(4)]
            lives = sorted(end - began for end in pool._lives.values())
            assert 0.6 <= lives[0] < lives[-1] < 10
            assert len(set(lives)) == 4
            for connection in taken:
                pool.release(connection)
            await until(lambda: len(ends) == 4)
            assert pool.report().idle == 0
            connection = await pool.acquire(5)
            assert connection not in taken
            pool.release(connection)


async def test_a_connection_whose_life_ends_while_it_is_out_is_closed_when_it_comes_back(database_url):
    """B1 row 26."""
    async with opened(adapter_for(database_url), size=1, max_lifetime=0.1) as pool:
        connection = await pool.acquire(5)
        await until(lambda: connection.retired)
        await connection.execute("SELECT 1")
        waiting = asyncio.create_task(pool.acquire(5))
        await asyncio.sleep(0)
        pool.release(connection)
        other = await waiting
        assert other is not connection
        await until(lambda: connection.broken)
        pool.release(other)


async def test_idle_connections_beyond_need_are_closed_and_one_is_kept(database_url):
    """B1 row 26."""
    reasons: list[str] = []
    with telemetry.attach("ectype.pool.disconnected", lambda event: reasons.append(event.reason)):
        async with opened(adapter_for(database_url), size=4, max_idle=0.2) as pool:
            taken = [await pool.acquire(5) for _ in range(4)]
            for connection in taken:
                pool.release(connection)
            await until(lambda: pool.report().idle == 1)
            assert reasons == ["idle"] * 3
            assert (pool.report().idle, pool.report().opening) == (1, 0)
            assert await pool.acquire(5) is taken[-1]
            pool.release(taken[-1])
            await asyncio.sleep(0.4)
            assert pool.report().idle == 1


async def test_a_connection_that_is_needed_all_the_time_is_never_idle(database_url):
    """B1 row 26."""
    async with opened(adapter_for(database_url), size=2, max_idle=0.1) as pool:
        connection = await pool.acquire(5)
        other = await pool.acquire(5)
        pool.release(other)
        await until(lambda: pool.report().idle == 0)
        await connection.execute("SELECT 1")
        pool.release(connection)


@pytest.mark.parametrize("within", [0, 0.2])
async def test_disconnect_all_replaces_every_connection_idle_or_out(database_url, within):
    """B1 row 26: a rolling reconnect, after a failover."""
    async with opened(adapter_for(database_url), size=3) as pool:
        taken = [await pool.acquire(5) for _ in range(3)]
        pool.release(taken[0])
        pool.release(taken[1])
        pool.disconnect_all(within=within)
        await until(lambda: taken[0].broken and taken[1].broken and taken[2].retired)
        await taken[2].execute("SELECT 1")
        pool.release(taken[2])
        await until(lambda: taken[2].broken)
        again = [await pool.acquire(5) for _ in range(3)]
        assert not {*again} & {*taken}
        for connection in again:
            pool.release(connection)


async def test_what_would_lose_a_database_in_memory_is_refused():
    """B1 row 26."""
    with pytest.raises(ConfigError, match="max_lifetime is given for sqlite:///:memory:"):
        Pool(adapter_for("sqlite:///:memory:"), max_lifetime=60)
    async with opened(adapter_for("sqlite:///:memory:")) as pool:
        with pytest.raises(UnsupportedError, match="disconnect_all would lose"):
            pool.disconnect_all()
        with pytest.raises(ConfigError, match="within is -1"):
            pool.disconnect_all(within=-1)


# -- the end, and a busy event loop ------------------------------------------------------------------------------------


async def test_closing_a_repo_lets_work_in_flight_end_and_cuts_what_does_not(database_url):
    """B1 row 35."""
    target = "sqlite" if database_url.startswith("sqlite") else "postgres"
    repo = Repo(database_url, pool_size=2)
    await repo.open()
    slow = asyncio.create_task(repo.query(SLOW[target]))
    await until(lambda: repo.pool.report().in_use)
    began = time.monotonic()
    await repo.pool.close(0.5)
    assert time.monotonic() - began < 0.5 + 5
    with pytest.raises(EctypeError):
        await slow
    with pytest.raises(ConnectError, match="is closed"):
        await repo.query("SELECT 1")


async def test_an_event_loop_that_was_blocked_fails_no_statement_that_was_answered_in_time(database_url):
    """B1 row 36: its answer lies there, although the deadline has passed when the loop comes to look."""
    async with Repo(database_url, pool_size=1) as repo:
        connection = await repo.pool.acquire(5)
        repo.pool.release(connection)
        await repo.query("SELECT 1")
        for _ in range(3):
            statement = asyncio.create_task(repo.query("SELECT 1", timeout=0.3))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(0.5)
            assert [tuple(row) for row in (await statement).rows] == [(1,)]
        again = await repo.pool.acquire(5)
        assert again is connection
        repo.pool.release(again)


@pytest.mark.parametrize("where", ["a statement", "the pool", "a turn"])
async def test_a_call_that_a_blocked_event_loop_made_late_is_told_so(database_url, where):
    """B1 row 36: a larger pool would not help, and the database was not slow."""
    target = "sqlite" if database_url.startswith("sqlite") else "postgres"
    async with Repo(database_url, pool_size=1) as repo:
        await repo.query("SELECT 1")
        with suppress(EctypeError):
            async with repo.transaction() if where == "a turn" else nullcontext():
                tasks = [asyncio.create_task(repo.query(SLOW[target], timeout=0.3 if where == "a statement" else 1.5))]
                if where != "a statement":
                    await asyncio.sleep(0.05)
                    tasks.append(asyncio.create_task(repo.query("SELECT 1", timeout=0.3)))
                await asyncio.sleep(0.05)
                time.sleep(0.8)
                with pytest.raises((DeadlineError, PoolTimeoutError)) as caught:
                    await tasks[-1]
                await asyncio.gather(*tasks, return_exceptions=True)
        assert "the event loop was blocked, and looked " in str(caught.value)
        assert "`asyncio.to_thread`" in str(caught.value.hint)


async def test_a_statement_for_which_no_time_was_left_is_told_so(database_url):
    """B1 row 9: it was not slow itself."""
    async with Repo(database_url, pool_size=1) as repo:
        connection = await repo.pool.acquire(5)
        with pytest.raises(DeadlineError, match=r"no time was left for a statement on .*: the call waited past"):
            await connection.execute("SELECT 1", (), 0.0)
        repo.pool.release(connection)
        assert [tuple(row) for row in (await repo.query("SELECT 1")).rows] == [(1,)]
