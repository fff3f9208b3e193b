"""Presence inside the sandbox: what is fetched of people are the rows of the owner whose client it is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ectype import Repo, fn, from_, sandbox
from ectype.testing import assert_queries
from ectype.web_integration import (
    Channel,
    Holder,
    Join,
    Joined,
    Payload,
    Presence,
    PubSub,
    Socket,
    SocketHandler,
)
from ectype.web_integration.channels.testing import connect
from tests.integration.sandbox.people import Person

PEOPLE = 30


class People(Presence):
    """Tells the names of those who are present; asked for nobody's rows, it says in the log why not."""

    def __init__(self, pubsub: PubSub, repo: Repo) -> None:
        super().__init__(pubsub)
        self.repo = repo
        self.greeted: list[Any] = []

    async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
        people = await self.repo.all(from_(Person).where(Person.id.in_([int(key) for key in keys])))
        return {str(person.id): {"name": person.name} for person in people}

    async def handle_metas(self, topic: str, joins: Any, leaves: Any, present: Any) -> None:
        count = await self.repo.aggregate(from_(Person), fn.count(Person.id))
        self.greeted.append((topic, len(joins), len(leaves), count))


@pytest.fixture
async def pubsub() -> AsyncIterator[PubSub]:
    async with PubSub() as pubsub:
        yield pubsub


@pytest.fixture
async def presence(repo: Repo, pubsub: PubSub) -> AsyncIterator[People]:
    """Opened before there is any owner, as a server that many tests share would have it."""
    async with People(pubsub, repo) as presence:
        yield presence


def handler(presence: People) -> type[SocketHandler]:
    class RoomChannel(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            self.tell(payload["ids"])
            return Joined()

        async def handle_info(self, message: Any, socket: Socket) -> None:
            async with presence.repo.transaction():
                for key in message:
                    presence.track(self, key, {"device": "browser"})
            await self.push("presence_state", await presence.list(self.topic))

    return type("RoomSocket", (SocketHandler,), {"channels": {"room:*": RoomChannel}})


async def added(repo: Repo, *names: str) -> list[int]:
    return [(await repo.insert(Person(name=name))).id for name in names]


async def test_the_client_for_tests_is_told_of_any_number_of_people_with_one_query_for_each_telling(
    repo: Repo, pubsub: PubSub, presence: People
) -> None:
    async with sandbox(repo):
        ids = await added(repo, *(f"person {number}" for number in range(PEOPLE)))
        async with connect(handler(presence), pubsub=pubsub) as client:
            with assert_queries(repo, max=2 + PEOPLE) as queries:
                room = await client.join("room:1", {"ids": ids})
                state = await room.assert_push("presence_state")
                joins = {}
                for _ in ids:
                    joins |= (await room.assert_push("presence_diff"))["joins"]
                await presence.settled()
        await presence.settled()
        names = {str(key): f"person {number}" for number, key in enumerate(ids)}
        assert {key: told["name"] for key, told in state.items()} == names
        assert {key: told["name"] for key, told in joins.items()} == names
        asked = [sql for sql in queries.statements if "count" not in sql.lower()]
        assert len(asked) == 2, "one for the list, and one for all diffs that waited"
        assert len(presence.greeted) == PEOPLE + 1
        assert {count for *_, count in presence.greeted} == {PEOPLE}


async def test_clients_of_two_owners_are_told_the_names_that_each_has(
    repo: Repo, pubsub: PubSub, presence: People
) -> None:
    async with AsyncExitStack() as stack:
        for number, name in enumerate(("Ada", "Bob")):
            owner = await stack.enter_async_context(sandbox(repo))
            with owner.active():
                [key] = await added(repo, name)
                client = await stack.enter_async_context(connect(handler(presence), pubsub=pubsub))
                room = await client.join(f"room:{number}", {"ids": [key]})
                assert (await room.assert_push("presence_state"))[str(key)]["name"] == name
                assert (await room.assert_push("presence_diff"))["joins"][str(key)]["name"] == name
                await room.assert_reply(await room.leave())
                await presence.settled()


async def test_what_no_client_did_is_fetched_for_the_owner_that_allows_it(
    repo: Repo, pubsub: PubSub, presence: People, caplog: Any
) -> None:
    heard: list[Any] = []
    pubsub.subscribe("room:1", lambda message: heard.append(message.payload))
    async with sandbox(repo) as owner:
        [key] = await added(repo, "Ada")
        with Holder("room:1") as holder:
            presence.track(holder, key)
            await presence.settled()
            assert "name" not in heard[0]["joins"][str(key)]
            assert "has no owner" in caplog.text
            caplog.clear()
            owner.allow("ectype diffs of presence")
            presence.update(holder, key, {"mood": "busy"})
            await presence.settled()
            assert heard[1]["joins"][str(key)]["name"] == "Ada"
        await presence.settled()
        assert heard[2]["leaves"][str(key)]["name"] == "Ada"
    assert caplog.records == []
