"""A PubSub over PostgreSQL in the sandbox: its messages reach the PubSubs of the same test, and no other's."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import OwnershipError, Repo, sandbox
from ectype.web_integration import PostgresBus, PubSub
from tests.integration.sandbox.people import Person

pytestmark = pytest.mark.postgres
SECONDS = 20.0
LONG = b"x" * 20_000


@pytest.fixture
async def owned(postgres_repo: Repo) -> AsyncIterator[Repo]:
    async with sandbox(postgres_repo):
        yield postgres_repo


def listen(pubsub: PubSub) -> list[Any]:
    heard: list[Any] = []
    pubsub.subscribe("posts", lambda message: heard.append(message.event))
    return heard


async def until(heard: list[Any], count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while len(heard) < count:
            await asyncio.sleep(0.005)


async def test_a_broadcast_of_a_test_reaches_its_other_pubsubs_in_order_whatever_its_length(owned: Repo):
    async with PubSub(bus=PostgresBus(owned)) as one, PubSub(bus=PostgresBus(owned)) as two:
        near, far = listen(one), listen(two)
        one.broadcast("posts", "first", {})
        one.broadcast("posts", "long", LONG)
        one.broadcast("posts", "last", {})
        one.direct_broadcast(two.node, "posts", "direct", {})
        await until(far, 4)
    assert near == ["first", "long", "last"]
    assert sorted(far) == ["direct", "first", "last", "long"]
    assert [one for one in far if one != "direct"] == near


async def test_a_broadcast_waits_for_the_end_of_the_applications_transaction(owned: Repo):
    async with PubSub(bus=PostgresBus(owned), defer=owned.after_commit) as one, PubSub(bus=PostgresBus(owned)) as two:
        far = listen(two)
        async with owned.transaction() as tx:
            await owned.insert(Person(name="Ada"))
            one.broadcast("posts", "rolled back", {})
            tx.rollback()
        async with owned.transaction():
            await owned.insert(Person(name="Ada"))
            one.broadcast("posts", "kept", {})
            await asyncio.sleep(0.05)
            assert far == []
        await until(far, 1)
    assert far == ["kept"]


async def test_owners_that_live_at_once_hear_their_own_and_wait_for_nobody(postgres_repo: Repo):
    ready = asyncio.Barrier(3)

    async def one_test(name: str) -> list[str]:
        async with sandbox(postgres_repo):
            bus, other = PostgresBus(postgres_repo), PostgresBus(postgres_repo)
            async with PubSub(bus=bus) as one, PubSub(bus=other) as two:
                far = listen(two)
                await ready.wait()
                one.broadcast("posts", name, {})
                one.broadcast("posts", name, LONG)
                await until(far, 2)
                await ready.wait()
                return far

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        tests = [group.create_task(one_test(name)) for name in "abc"]
    assert [test.result() for test in tests] == [["a", "a"], ["b", "b"], ["c", "c"]]


async def test_without_defer_it_leaves_at_once_as_from_a_connection_of_its_own(owned: Repo):
    async with owned.transaction(), PubSub(bus=PostgresBus(owned)) as one, PubSub(bus=PostgresBus(owned)) as two:
        far = listen(two)
        await owned.insert(Person(name="Ada"))
        one.broadcast("posts", "inside", {})
        await until(far, 1)
    assert far == ["inside"]


async def test_outside_a_test_it_is_refused_as_statements_are(postgres_repo: Repo):
    with pytest.raises(OwnershipError, match="sandbox"):
        await PubSub(bus=PostgresBus(postgres_repo)).open()


async def test_a_pubsub_that_outlives_its_test_ends_quietly(postgres_repo: Repo, caplog: pytest.LogCaptureFixture):
    async with sandbox(postgres_repo):
        pubsub = PubSub(bus=PostgresBus(postgres_repo))
        await pubsub.open()
    with caplog.at_level(logging.WARNING, "ectype.pubsub"):
        await pubsub.close()
    assert caplog.records == []
