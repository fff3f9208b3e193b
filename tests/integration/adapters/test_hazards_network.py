"""What a network does: it swallows bytes, delays answers, and leads a name to another address."""

import asyncio
import socket
import time
from typing import Any

import pytest

from ectype import Repo, fn, from_
from ectype.adapters.registry import adapter_for
from ectype.errors import ConnectError, DeadlineError, PoolTimeoutError
from tests.integration.adapters.pools import opened, settled
from tests.integration.adapters.proxy import Proxy, proxied
from tests.integration.adapters.test_hazards_server import CALLS, KILL, MAKE, Thing

pytestmark = pytest.mark.postgres

COUNT = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


async def test_a_connection_that_swallows_all_bytes_holds_no_call_past_its_deadline(fresh_postgres_url):
    """B1 row 22: half-open, with no reset; the next call gets a connection that works."""
    async with proxied(fresh_postgres_url) as proxy, Repo(proxy.url, pool_size=2, timeout=0.4) as repo:
        await repo.query("SELECT 1")
        proxy.carries.clear()
        for call in (lambda: repo.query("SELECT 1"), lambda: repo.query("SELECT 2")):
            began = time.monotonic()
            with pytest.raises((DeadlineError, ConnectError, PoolTimeoutError)):
                await call()
            assert time.monotonic() - began < 0.4 + 2.5
        proxy.carries.set()
        assert [tuple(row) for row in (await repo.query("SELECT 3", timeout=20)).rows] == [(3,)]


async def test_a_connection_that_lay_idle_behind_a_dead_wire_is_found_out_before_it_is_lent(fresh_postgres_url):
    """B1 row 22: the check has a deadline of its own, and another connection serves the call."""
    async with proxied(fresh_postgres_url) as proxy, Repo(proxy.url, pool_size=1, timeout=20, idle_check=0) as repo:
        await repo.query("SELECT 1")
        proxy.answers.clear()
        call = asyncio.create_task(repo.query("SELECT 2"))
        async with asyncio.timeout(15):
            while proxy.connects < 2:
                await asyncio.sleep(0.01)
        proxy.answers.set()
        assert [tuple(row) for row in (await call).rows] == [(2,)]


async def bid_farewell(killer: Repo, proxy: Proxy, connections: int) -> None:
    """Let the server end its connections, of which their clients read the reason, and not yet the end."""
    proxy.ends.clear()
    proxy.heard.clear()
    await killer.query(KILL)
    async with asyncio.timeout(10):
        while proxy.heard.count(b"57P01") < connections:
            await asyncio.sleep(0.01)
    # What the proxy has heard it passes on at once; the clients read it in the next turns of this very loop.
    for _ in range(20):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("idle_check", [5.0, 0.0], ids=["trusted", "checked"])
@pytest.mark.parametrize("name", ["get", "all", "transaction", "insert", "delete_all"])
async def test_connections_that_were_bidden_farewell_are_as_good_as_lost(fresh_postgres_url, name, idle_check):
    """B1 row 16: what was never sent has done nothing, so that even a write may be sent again."""
    async with (
        Repo(fresh_postgres_url, pool_size=1) as killer,
        proxied(fresh_postgres_url) as proxy,
        Repo(proxy.url, pool_size=3, timeout=10, idle_check=idle_check) as repo,
    ):
        await killer.query(MAKE)
        await asyncio.gather(*(repo.query("SELECT pg_sleep(0.2)") for _ in range(3)))
        await bid_farewell(killer, proxy, 3)
        await CALLS[name](repo)
        proxy.ends.set()
        assert len(await repo.all(Thing)) == (name == "insert")


async def test_a_statement_of_a_transaction_that_was_never_sent_says_so(fresh_postgres_url):
    """B1 row 16: what came before it in the transaction is lost with it, so that nothing is sent again."""
    async with (
        Repo(fresh_postgres_url, pool_size=1) as killer,
        proxied(fresh_postgres_url) as proxy,
        Repo(proxy.url, pool_size=1, timeout=10) as repo,
    ):

        async def write() -> None:
            await repo.insert(Thing(name="a"))
            await bid_farewell(killer, proxy, 1)
            await repo.insert(Thing(name="b"))

        await killer.query(MAKE)
        with pytest.raises(ConnectError, match="before the statement was sent: the server has ended it") as told:
            await repo.transact(write)
        assert told.value.unsent
        proxy.ends.set()
        assert await repo.all(Thing) == []


async def test_a_name_is_looked_up_for_each_connection(fresh_postgres_url, monkeypatch):
    """B1 row 21: after a failover the same name leads elsewhere."""
    real = socket.getaddrinfo
    address = "127.0.0.1"

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real(address if host in ("db.example", b"db.example") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with proxied(fresh_postgres_url) as old:
        port = int(old.url.rpartition("@")[2].partition("/")[0].rpartition(":")[2])
        try:
            elsewhere = proxied(fresh_postgres_url, host="127.0.0.2", port=port)
            new = await elsewhere.__aenter__()
        except OSError as exc:
            pytest.skip(f"this system has no second loopback address: {exc}")
        try:
            url = old.url.replace("127.0.0.1", "db.example")
            async with Repo(url, pool_size=2, timeout=10) as repo:
                await repo.query("SELECT 1")
                assert (old.connects, new.connects) == (1, 0)
                address = "127.0.0.2"
                repo.pool.disconnect_all()
                await repo.query("SELECT 1")
                assert (old.connects, new.connects) == (1, 1)
        finally:
            await elsewhere.__aexit__(None, None, None)


async def test_a_cancelled_begin_leaves_no_transaction_open(fresh_postgres_url):
    """B1 row 3: the answer to BEGIN comes after its caller has gone."""
    async with proxied(fresh_postgres_url) as proxy, Repo(proxy.url, pool_size=1, timeout=20) as repo:
        await repo.query(MAKE)

        async def work() -> None:
            async with repo.transaction():
                await repo.insert(Thing(name="a"))

        for _ in range(3):
            await settled(repo.pool)
            proxy.answers.clear()
            task = asyncio.create_task(work())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.sleep(0.02)
            proxy.answers.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        await settled(repo.pool)
        connection = await repo.pool.acquire(10)
        assert not connection.in_transaction
        repo.pool.release(connection)
        assert await repo.aggregate(Thing, fn.count()) == 0
        async with Repo(fresh_postgres_url, pool_size=1) as other:
            found = await other.query("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
            assert found.rows[0][0] == 0


async def test_a_thousand_calls_cancelled_while_the_pool_connects_leave_no_connection_behind(fresh_postgres_url):
    """B1 row 4: connecting is the pool's work, not the waiting call's."""
    async with proxied(fresh_postgres_url) as proxy, opened(adapter_for(proxy.url), size=3) as pool:
        proxy.carries.clear()
        tasks = [asyncio.create_task(pool.acquire(60)) for _ in range(1_000)]
        while proxy.connects < 3:
            await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        proxy.carries.set()
        taken = [await pool.acquire(10) for _ in range(3)]
        assert proxy.connects == 3
        async with Repo(fresh_postgres_url, pool_size=1) as other:
            assert (await other.query(COUNT)).rows[0][0] == 3
        for connection in taken:
            pool.release(connection)


async def test_no_statement_of_ours_sets_anything_for_longer_than_its_transaction(fresh_postgres_url):
    """B1 row 32: behind a pooler the next client would have it."""
    async with proxied(fresh_postgres_url) as proxy, Repo(proxy.url, pool_size=2, prefix="public") as repo:
        await repo.query(MAKE)
        await settled(repo.pool)
        proxy.said.clear()
        async with repo.transaction(isolation="serializable"):
            await repo.insert_all(Thing, [{"name": "a"}])
            async with repo.transaction():
                await repo.all(from_(Thing).where(Thing.name == "a"))
        async with repo.transaction(read_only=True):
            await repo.get(Thing, 1)
        said = bytes(proxy.said).upper()
        assert b"BEGIN ISOLATION LEVEL SERIALIZABLE" in said
        for word in (b"SET SESSION", b"SET SEARCH_PATH", b"SET ROLE", b"SET TIME", b"SET STATEMENT", b"SET_CONFIG"):
            assert word not in said
