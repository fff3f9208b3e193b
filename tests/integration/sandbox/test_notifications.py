"""What an owner sends by `notify` its own listeners hear, when the server would tell it; nobody else hears anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from ectype import (
    CastError,
    ConfigError,
    ConstraintError,
    Invalid,
    Notification,
    OwnershipError,
    Repo,
    Resync,
    UnsupportedError,
    sandbox,
)
from tests.integration.sandbox.people import Person, named

pytestmark = pytest.mark.postgres
SECONDS = 30.0
"""The ceiling of what must end."""


@pytest.fixture
async def owned(postgres_repo: Repo) -> AsyncIterator[Repo]:
    async with sandbox(postgres_repo):
        yield postgres_repo


async def heard(notifications: Any, repo: Repo, *channels: str) -> list[tuple[str, str]]:
    """Return what came before a mark that is sent now to each channel."""
    found: list[tuple[str, str]] = []
    for channel in channels:
        await repo.notify(channel, "mark")
    marks = 0
    async with asyncio.timeout(SECONDS):
        while marks < len(channels):
            item = await anext(notifications)
            assert isinstance(item, Notification)
            marks += item.payload == "mark"
            found.append((item.channel, item.payload))
    return [one for one in found if one[1] != "mark"]


async def test_what_is_sent_to_its_channels_is_heard_in_order_and_nothing_else(owned: Repo):
    async with owned.listen("posts", 'odd "Name"') as notifications:
        await owned.notify("posts", "1")
        await owned.notify("others", "2")
        await owned.notify('odd "Name"', "ä" * 1_000)
        await owned.notify("posts")
        item = await anext(notifications)
        assert item == Notification("posts", "1", item.pid)
        assert item.pid > 0
        assert await heard(notifications, owned, "posts") == [('odd "Name"', "ä" * 1_000), ("posts", "")]


async def test_inside_a_transaction_it_leaves_with_its_end_and_never_after_a_rollback(owned: Repo):
    async with owned.listen("posts") as notifications:
        async with owned.transaction() as tx:
            await owned.notify("posts", "rolled back")
            tx.rollback()
        with suppress(LookupError):
            async with owned.transaction():
                await owned.notify("posts", "raised")
                raise LookupError
        async with owned.transaction():
            await owned.notify("posts", "kept")
            await owned.notify("posts", "kept too")
            await owned.notify("posts", "kept")
            assert not notifications._inbox._items  # type: ignore[attr-defined]
        assert await heard(notifications, owned, "posts") == [("posts", "kept"), ("posts", "kept too")]


async def refused(repo: Repo, transaction: Any) -> None:
    async with transaction:
        await repo.notify("posts", "refused")
        await repo.query("insert into notes (body, author_id) values ('x', -1)")


async def test_a_transaction_that_is_refused_at_its_end_tells_nothing(owned: Repo):
    async with owned.listen("posts") as notifications:
        with pytest.raises(ConstraintError, match="author_id"):
            await refused(owned, owned.transaction())
        assert await heard(notifications, owned, "posts") == []


async def test_what_a_savepoint_sent_leaves_with_it_or_is_forgotten_with_it(owned: Repo):
    async with owned.listen("posts") as notifications:
        async with owned.transaction():
            await owned.notify("posts", "before")
            async with owned.transaction() as inner:
                await owned.notify("posts", "undone")
                async with owned.transaction():
                    await owned.notify("posts", "undone deeper")
                inner.rollback()
            async with owned.transaction():
                await owned.notify("posts", "kept")
                await owned.notify("posts", "before")
                async with owned.transaction() as deeper:
                    await owned.notify("posts", "undone")
                    deeper.rollback()
            await owned.insert(Person(name="Ada"))
            assert isinstance(await owned.try_insert(named("Ada")), Invalid)
            await owned.notify("posts", "after")
        assert [one for _, one in await heard(notifications, owned, "posts")] == ["before", "kept", "after"]


async def test_savepoints_of_a_script_count_too(owned: Repo):
    script = owned._session.script
    async with owned.listen("posts") as notifications:
        async with owned.transaction():
            await script('savepoint "Mine"')
            await owned.notify("posts", "undone")
            await script("SAVEPOINT other")
            await owned.notify("posts", "undone too")
            await script('rollback to "Mine"')
            await owned.notify("posts", "kept")
            await script('release savepoint "Mine"')
        assert await heard(notifications, owned, "posts") == [("posts", "kept")]


async def test_a_callback_after_the_commit_finds_it_told(owned: Repo):
    told: list[bool] = []
    async with owned.listen("posts") as notifications, owned.transaction():
        await owned.notify("posts", "1")
        owned.after_commit(lambda: told.append(bool(notifications._inbox._items)))  # type: ignore[attr-defined]
    assert told == [True]


async def test_each_owner_hears_its_own_and_a_real_listener_nothing(postgres_repo: Repo, postgres_people: str):
    repo = postgres_repo
    both = asyncio.Barrier(2)

    async def scenario(name: str) -> list[str]:
        async with sandbox(repo), repo.listen("posts") as notifications:
            await both.wait()
            async with repo.transaction():
                await repo.notify("posts", name)
            await both.wait()
            return [one for _, one in await heard(notifications, repo, "posts")]

    async with Repo(postgres_people) as outside, outside.listen("posts") as real:
        assert await asyncio.gather(scenario("a"), scenario("b")) == [["a"], ["b"]]
        assert await heard(real, outside, "posts") == []


async def test_a_task_that_is_allowed_hears_its_owner(postgres_repo: Repo):
    repo = postgres_repo
    ready, go = asyncio.Event(), asyncio.Event()

    async def background() -> Any:
        await go.wait()
        async with repo.listen("posts") as notifications:
            ready.set()
            return await anext(notifications)

    task = asyncio.create_task(background())
    async with sandbox(repo) as owner:
        owner.allow(task)
        go.set()
        await ready.wait()
        await repo.notify("posts", "to the background")
        assert (await asyncio.wait_for(task, SECONDS)).payload == "to the background"


async def test_a_listener_ends_with_its_owner_after_what_was_sent(postgres_repo: Repo):
    repo = postgres_repo
    listening = asyncio.Event()

    async def listen() -> list[str]:
        async with repo.listen("posts") as notifications:
            listening.set()
            return [item.payload async for item in notifications if isinstance(item, Notification)]

    async with sandbox(repo):
        task = asyncio.create_task(listen())
        await listening.wait()
        await repo.notify("posts", "last")
    assert await asyncio.wait_for(task, SECONDS) == ["last"]


async def test_a_listener_that_was_left_hears_no_more(owned: Repo):
    async with owned.listen("posts") as notifications:
        pass
    await owned.notify("posts", "late")
    assert [item async for item in notifications] == []


async def test_a_slow_consumer_is_told_that_it_missed_some(owned: Repo):
    began = datetime.now(UTC)
    async with owned.listen("posts", queue=2) as notifications:
        for number in range(5):
            await owned.notify("posts", str(number))
        items = [await anext(notifications) for _ in range(3)]
        assert [getattr(item, "payload", None) for item in items] == ["0", "1", None]
        assert isinstance(items[2], Resync)
        assert began <= items[2].since <= datetime.now(UTC)
        assert await heard(notifications, owned, "posts") == []


async def test_a_task_without_owner_is_refused_as_its_statements_are(postgres_repo: Repo):
    with pytest.raises(OwnershipError, match="has no owner"):
        async with postgres_repo.listen("posts"):
            pass


async def test_what_is_refused_outside_is_refused_here(owned: Repo):
    for channels in ((), ("",), ("x" * 64,)):
        with pytest.raises(ConfigError):
            owned.listen(*channels)
    with pytest.raises(ConfigError, match="queue=0"):
        owned.listen("posts", queue=0)
    listener = owned.listen("posts")
    with pytest.raises(ConfigError, match="not entered"):
        await anext(listener)  # type: ignore[call-overload]
    async with listener:
        with pytest.raises(ConfigError, match="entered once"):
            await listener.__aenter__()
        with pytest.raises(UnsupportedError, match="8,000 bytes"):
            await owned.notify("posts", "x" * 8_000)
        with pytest.raises(CastError, match="is text"):
            await owned.notify("posts", 1)  # type: ignore[arg-type]


async def test_a_copy_of_a_sqlite_database_has_no_notifications_either(sqlite_people: str):
    async with Repo(sqlite_people, sandbox=True) as repo, sandbox(repo):
        with pytest.raises(UnsupportedError):
            await repo.notify("posts", "x")
        with pytest.raises(UnsupportedError):
            async with repo.listen("posts"):
                pass
