"""LISTEN and NOTIFY through a repo: what is heard, when, and what is told to who may have missed some."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ectype import Notification, Repo, Resync, telemetry
from ectype.adapters.listener import Listener
from ectype.errors import CastError, ConfigError, ConnectError, UnsupportedError
from tests.pgbouncer import needs_pgbouncer, pooled

CEILING_SECONDS = 10
"""The application is told within a second; the ceiling is what a busy machine may add."""


@pytest.fixture
async def repo(fresh_postgres_url: str) -> AsyncIterator[Repo]:
    async with Repo(fresh_postgres_url, pool_size=3) as repo:
        yield repo


async def take(notifications: AsyncIterator[Any], count: int) -> list[Any]:
    async with asyncio.timeout(CEILING_SECONDS):
        return [await anext(notifications) for _ in range(count)]


async def kill(repo: Repo, listener: Any) -> None:
    pid = listener._connection.server_pid
    await repo._session.execute("SELECT pg_terminate_backend($1)", (pid,))


async def is_silent(notifications: AsyncIterator[Any], repo: Repo, channel: str) -> None:
    """See that nothing came before a mark that is sent now."""
    await repo.notify(channel, "mark")
    [item] = await take(notifications, 1)
    assert item.payload == "mark"


@pytest.mark.postgres
async def test_what_is_sent_to_its_channels_is_heard_in_order_and_nothing_else(repo):
    async with repo.listen("posts", 'odd "Name"') as notifications:
        await repo.notify("posts", "1")
        await repo.notify("others", "2")
        await repo.notify('odd "Name"', "ä" * 1_000)
        await repo.notify("posts")
        items = await take(notifications, 3)
    assert [(item.channel, item.payload) for item in items] == [
        ("posts", "1"),
        ('odd "Name"', "ä" * 1_000),
        ("posts", ""),
    ]
    assert all(isinstance(item, Notification) and item.pid > 0 for item in items)


@pytest.mark.postgres
async def test_inside_a_transaction_it_leaves_with_the_commit_and_never_after_a_rollback(repo):
    async with repo.listen("posts") as notifications:
        async with repo.transaction() as tx:
            await repo.notify("posts", "rolled back")
            tx.rollback()
        async with repo.transaction():
            await repo.notify("posts", "kept")
            async with Repo(repo.adapter.url) as other:
                await other.notify("posts", "before")
        assert [item.payload for item in await take(notifications, 2)] == ["before", "kept"]


@pytest.mark.postgres
async def test_a_listener_begun_inside_a_transaction_hears_at_once(repo):
    async with repo.transaction(), repo.listen("posts") as notifications:
        async with Repo(repo.adapter.url) as other:
            await other.notify("posts", "now")
        assert [item.payload for item in await take(notifications, 1)] == ["now"]


@pytest.mark.postgres
async def test_a_payload_may_have_7999_bytes_and_a_longer_one_says_what_to_do(repo):
    async with repo.listen("posts") as notifications:
        await repo.notify("posts", "x" * 7_999)
        assert len((await take(notifications, 1))[0].payload) == 7_999
        for payload in ("x" * 8_000, "ä" * 4_000):
            with pytest.raises(UnsupportedError, match="8,000 bytes") as caught:
                await repo.notify("posts", payload)
            assert "send the row's key" in str(caught.value.hint)
        await is_silent(notifications, repo, "posts")


@pytest.mark.postgres
async def test_a_killed_listener_comes_back_and_the_application_is_told(repo):
    events: list[Any] = []
    with telemetry.attach("ectype.repo.listen", events.append):
        async with repo.listen("posts") as notifications:
            began = datetime.now(UTC)
            await repo.notify("posts", "before")
            assert (await take(notifications, 1))[0].payload == "before"
            for _ in range(2):
                await kill(repo, notifications)
                [item] = await take(notifications, 1)
                assert isinstance(item, Resync)
                assert began - timedelta(seconds=1) <= item.since <= datetime.now(UTC)
                assert "lost" in item.reason
                await repo.notify("posts", "after")
                assert [item.payload for item in await take(notifications, 1)] == ["after"]
    assert [event.state for event in events] == ["lost", "restored"] * 2


@pytest.mark.postgres
async def test_a_server_that_is_away_is_knocked_at_until_it_is_back(repo, monkeypatch):
    async with repo.listen("posts") as notifications:
        refused = 0
        connect = repo.adapter.connect_session

        async def refuse(timeout: float) -> Any:
            nonlocal refused
            refused += 1
            if refused <= 3:
                raise ConnectError("away")
            return await connect(timeout)

        monkeypatch.setattr(repo.adapter, "connect_session", refuse)
        await kill(repo, notifications)
        [item] = await take(notifications, 1)
        assert isinstance(item, Resync)
        assert refused == 4
        await is_silent(notifications, repo, "posts")


@pytest.mark.postgres
async def test_a_network_that_goes_without_a_word_is_noticed_by_asking(repo):
    listener = Listener(repo.adapter, ("posts",), repo._prove, ping_seconds=0.05)
    async with listener as notifications:
        connection = listener._connection
        assert connection is not None
        # As a router that forgets the connection would: nothing arrives any more, and nobody says so.
        connection.driver._transport.pause_reading()
        listener_seconds = CEILING_SECONDS * 3
        async with asyncio.timeout(listener_seconds):
            item = await anext(notifications)
        assert isinstance(item, Resync)
        await is_silent(notifications, repo, "posts")


@pytest.mark.postgres
async def test_a_consumer_that_is_too_slow_gets_what_there_was_room_for_and_then_a_resync(repo):
    async with repo.listen("posts", queue=3) as notifications:
        async with repo.transaction():
            for number in range(10):
                await repo.notify("posts", str(number))
        async with asyncio.timeout(CEILING_SECONDS):
            while len(notifications._inbox._items) < 4:
                await asyncio.sleep(0.01)
        items = await take(notifications, 4)
        assert [item.payload for item in items[:3]] == ["0", "1", "2"]
        assert isinstance(items[3], Resync)
        assert "no room" in items[3].reason
        await is_silent(notifications, repo, "posts")


@pytest.mark.postgres
async def test_the_end_of_the_block_or_of_the_repo_ends_the_iteration(fresh_postgres_url):
    for close_repo in (False, True):
        repo = Repo(fresh_postgres_url)
        await repo.open()
        listener = repo.listen("posts")
        await listener.__aenter__()
        heard: list[Any] = []

        async def consume(listener: Any, heard: list[Any]) -> None:
            async for item in listener:
                heard += [item.payload]

        consumer = asyncio.create_task(consume(listener, heard))
        await repo.notify("posts", "1")
        async with asyncio.timeout(CEILING_SECONDS):
            while not heard:
                await asyncio.sleep(0.01)
            await (repo.close() if close_repo else listener.__aexit__(None, None, None))
            await consumer
        assert heard == ["1"]
        await repo.close()


@pytest.mark.postgres
async def test_a_listener_takes_no_connection_of_the_pool(fresh_postgres_url):
    async with Repo(fresh_postgres_url, pool_size=1) as repo, repo.listen("a"), repo.listen("b"):
        assert repo.pool.report().in_use == 0
        async with repo.transaction():
            await repo._session.fetch("SELECT 1", (), list)


@pytest.mark.postgres
async def test_after_the_block_the_server_has_no_listener_left(repo):
    async with repo.listen("posts") as notifications:
        pid = notifications._connection.server_pid
    asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
    async with asyncio.timeout(CEILING_SECONDS):
        while (await repo._session.fetch(asked, (pid,), list))[0][0]:
            await asyncio.sleep(0.01)


@pytest.mark.postgres
@needs_pgbouncer
async def test_a_pooler_in_between_is_named_at_start_and_direct_url_goes_around_it(fresh_postgres_url):
    with pooled(fresh_postgres_url) as url:
        async with Repo(url) as repo:
            with pytest.raises(UnsupportedError, match="pooler") as caught:
                await repo.listen("posts").__aenter__()
            assert "direct_url" in str(caught.value.hint)
        # Said to be direct, it is a pooler all the same: only the notification that does not come back shows it.
        async with Repo(url, direct_url=url) as repo:
            with pytest.raises(UnsupportedError, match="was not heard within 2 s") as caught:
                await repo.listen("posts").__aenter__()
            assert "direct_url" in str(caught.value.hint)
        async with Repo(url, direct_url=fresh_postgres_url) as repo, repo.listen("posts") as notifications:
            async with repo.transaction():
                await repo.notify("posts", "through the pooler")
            assert [item.payload for item in await take(notifications, 1)] == ["through the pooler"]


@pytest.mark.postgres
async def test_a_pool_without_a_free_connection_is_not_mistaken_for_a_pooler(fresh_postgres_url):
    async with Repo(fresh_postgres_url, pool_size=1) as repo, repo.transaction():
        with pytest.raises(ConnectError, match="could not be sent") as caught:
            await repo.listen("posts").__aenter__()
        assert "pool_size" in str(caught.value.hint)


@pytest.mark.postgres
async def test_a_direct_url_to_another_database_hears_nothing_and_says_so(fresh_postgres_url, postgres_url):
    async with Repo(fresh_postgres_url, direct_url=postgres_url) as repo:
        with pytest.raises(UnsupportedError, match="another database"):
            await repo.listen("posts").__aenter__()


@pytest.mark.parametrize("channel", ["", "x" * 64, "ä" * 32, "a\0b", "a\nb", 3, None])
async def test_what_cannot_be_a_channel_is_refused_before_anything_is_sent(channel):
    repo = Repo("postgresql://127.0.0.1:1/blog")
    with pytest.raises(ConfigError):
        repo.listen(channel)
    with pytest.raises(ConfigError):
        await repo.notify(channel, "x")


async def test_a_listener_without_a_channel_or_a_block_says_what_to_write(sqlite_url):
    repo = Repo("postgresql://127.0.0.1:1/blog")
    with pytest.raises(ConfigError, match="needs a channel"):
        repo.listen()
    with pytest.raises(ConfigError, match="queue=0"):
        repo.listen("posts", queue=0)
    with pytest.raises(ConfigError, match="was not entered"):
        await anext(repo.listen("posts"))
    with pytest.raises(CastError, match="is text"):
        await repo.notify("posts", {"id": 1})


async def test_sqlite_names_the_alternative(sqlite_url):
    async with Repo(sqlite_url) as repo:
        with pytest.raises(UnsupportedError, match="SQLite") as caught:
            await repo.listen("posts").__aenter__()
        assert "PubSub" in str(caught.value.hint)
        with pytest.raises(UnsupportedError, match="SQLite"):
            await repo.notify("posts", "1")
