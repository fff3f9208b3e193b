"""Presence as an application uses it: alone, and on two nodes over each bus."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ectype import Field, Repo, Schema, from_, primary_key, telemetry
from ectype.web_integration import (
    Channel,
    Holder,
    Join,
    Joined,
    Payload,
    PayloadError,
    Periods,
    Presence,
    PresenceError,
    PubSub,
    Socket,
)
from ectype.web_integration.channels.outbox import Fanout
from tests.integration.web_integration.conftest import until
from tests.unit.web_integration.channels.conftest import Client

TOPIC = "room:1"
QUICK = Periods(heartbeat=0.03, down=2, gone=4)


class Extra(Presence):
    async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
        return {key: {"extra": f"{topic} {key}", "metas": "not these"} for key in keys}


@pytest.fixture
async def pubsub_here() -> AsyncIterator[PubSub]:
    async with PubSub() as pubsub:
        yield pubsub


@pytest.fixture
async def presence(pubsub_here: PubSub) -> AsyncIterator[Presence]:
    async with Presence(pubsub_here) as presence:
        yield presence


def diffs(pubsub: PubSub, topic: str = TOPIC) -> list[Any]:
    heard: list[Any] = []
    pubsub.subscribe(topic, lambda message: heard.append((message.event, message.payload)))
    return heard


async def test_by_default_nothing_is_fetched_and_the_metas_pass(presence: Presence) -> None:
    assert await presence.fetch(TOPIC, ["ada"]) == {}
    assert await presence.list(TOPIC) == {}
    ref = presence.track(Holder(TOPIC), "ada", {"name": "Ada"})
    assert await presence.list(TOPIC) == {"ada": {"metas": [{"name": "Ada", "phx_ref": ref}]}}
    assert len(ref) == 16


async def test_keys_are_texts_whatever_they_were(presence: Presence) -> None:
    holder = Holder(TOPIC)
    presence.track(holder, 1)
    presence.track(holder, "2")
    assert list(await presence.list(TOPIC)) == ["1", "2"]
    assert await presence.get_by_key(TOPIC, 1) == await presence.get_by_key(TOPIC, "1")
    presence.untrack(holder, 2)
    assert list(await presence.list(TOPIC)) == ["1"]


async def test_one_key_is_got_with_what_fetch_adds_and_an_absent_one_is_none(pubsub_here: PubSub) -> None:
    async with Extra(pubsub_here) as presence:
        ref = presence.track(Holder(TOPIC), "ada")
        presence.track(Holder(TOPIC), "bob")
        told = {"extra": "room:1 ada", "metas": [{"phx_ref": ref}]}
        assert await presence.get_by_key(TOPIC, "ada") == told
        assert (await presence.list(TOPIC))["ada"] == told
        assert await presence.get_by_key(TOPIC, "eve") is None
        assert await presence.get_by_key("room:2", "ada") is None


async def test_a_join_and_the_end_of_its_owner_are_told_as_diffs(pubsub_here: PubSub, presence: Presence) -> None:
    heard = diffs(pubsub_here)
    with Holder(TOPIC) as holder:
        ref = presence.track(holder, "ada", {"name": "Ada"})
        await until(lambda: heard)
    await until(lambda: len(heard) == 2)
    metas = {"ada": {"metas": [{"name": "Ada", "phx_ref": ref}]}}
    assert heard == [
        ("presence_diff", {"joins": metas, "leaves": {}}),
        ("presence_diff", {"joins": {}, "leaves": metas}),
    ]
    assert await presence.list(TOPIC) == {}


async def test_diffs_have_what_fetch_adds(pubsub_here: PubSub) -> None:
    heard = diffs(pubsub_here)
    async with Extra(pubsub_here) as presence:
        holder = Holder(TOPIC)
        ref = presence.track(holder, "ada")
        presence.untrack(holder, "ada")
        await until(lambda: len(heard) == 2)
    told = {"ada": {"extra": "room:1 ada", "metas": [{"phx_ref": ref}]}}
    assert [payload for _, payload in heard] == [{"joins": told, "leaves": {}}, {"joins": {}, "leaves": told}]


async def test_an_update_is_one_diff_with_a_leave_and_a_join_that_names_it(
    pubsub_here: PubSub, presence: Presence
) -> None:
    holder = Holder(TOPIC)
    first = presence.track(holder, "ada", {"mood": "busy"})
    await until(presence._quiet.is_set)
    heard = diffs(pubsub_here)
    second = presence.update(holder, "ada", {"mood": "idle"})
    await until(lambda: heard)
    new = {"mood": "idle", "phx_ref": second, "phx_ref_prev": first}
    assert heard == [
        (
            "presence_diff",
            {
                "joins": {"ada": {"metas": [new]}},
                "leaves": {"ada": {"metas": [{"mood": "busy", "phx_ref": first}]}},
            },
        )
    ]
    third = presence.update(holder, "ada", lambda meta: {**meta, "since": 1})
    assert await presence.get_by_key(TOPIC, "ada") == {
        "metas": [{"mood": "idle", "since": 1, "phx_ref": third, "phx_ref_prev": second}]
    }


async def test_an_update_of_nobody_and_a_second_track_say_what_to_do(presence: Presence) -> None:
    holder = Holder(TOPIC)
    with pytest.raises(PresenceError, match="not tracked") as caught:
        presence.update(holder, "ada", {})
    assert "presence.track" in str(caught.value.hint)
    presence.track(holder, "ada")
    with pytest.raises(PresenceError, match="already") as caught:
        presence.track(holder, "ada")
    assert "presence.update" in str(caught.value.hint)
    presence.track(Holder(TOPIC), "ada")
    assert len((await presence.list(TOPIC))["ada"]["metas"]) == 2


async def test_untracking_what_is_not_tracked_is_no_error(pubsub_here: PubSub, presence: Presence) -> None:
    heard = diffs(pubsub_here)
    presence.untrack(Holder(TOPIC), "ada")
    presence.untrack(Holder(TOPIC))
    holder = Holder(TOPIC)
    presence.track(holder, "ada")
    presence.track(holder, "bob")
    presence.untrack(holder)
    presence.untrack(holder)
    await until(lambda: len(heard) == 3)
    assert heard[2][1]["leaves"].keys() == {"ada", "bob"}


@pytest.mark.parametrize("meta", [[1], "x", {"a": object()}, {"a": float("nan")}])
async def test_a_meta_that_is_no_json_object_is_refused(presence: Presence, meta: Any) -> None:
    holder = Holder(TOPIC)
    with pytest.raises(PayloadError):
        presence.track(holder, "ada", meta)
    presence.track(holder, "ada")
    with pytest.raises(PayloadError):
        presence.update(holder, "ada", meta)


async def test_a_presence_that_is_not_open_says_what_to_write(pubsub_here: PubSub) -> None:
    presence = Presence(pubsub_here)
    with pytest.raises(PresenceError, match="not open") as caught:
        presence.track(Holder(TOPIC), "ada")
    assert "repo_lifespan(repo, pubsub, presence)" in str(caught.value.hint)
    presence.untrack(Holder(TOPIC))
    async with presence:
        with pytest.raises(PresenceError, match="open already"):
            await presence.open()
    await presence.close()


async def test_who_is_tracked_by_an_owner_that_has_ended_is_not_there(presence: Presence) -> None:
    holder = Holder(TOPIC)
    holder.end()
    presence.track(holder, "ada")
    assert await presence.list(TOPIC) == {}


async def test_a_fetch_that_raises_is_logged_and_the_metas_are_told(pubsub_here: PubSub, caplog: Any) -> None:
    class Broken(Presence):
        async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
            raise RuntimeError("broken fetch")

    heard = diffs(pubsub_here)
    async with Broken(pubsub_here) as presence:
        ref = presence.track(Holder(TOPIC), "ada")
        await until(lambda: heard)
        assert await presence.list(TOPIC) == {"ada": {"metas": [{"phx_ref": ref}]}}
    assert heard[0][1]["joins"] == {"ada": {"metas": [{"phx_ref": ref}]}}
    assert "broken fetch" in caplog.text


class Watching(Extra):
    def __init__(self, pubsub: PubSub) -> None:
        super().__init__(pubsub)
        self.seen: list[Any] = []

    async def handle_metas(self, topic: str, joins: Any, leaves: Any, present: Any) -> None:
        self.seen.append((topic, list(joins), list(leaves), {key: len(told["metas"]) for key, told in present.items()}))
        if "crash" in joins:
            raise RuntimeError("told to crash")


async def test_handle_metas_gets_each_diff_with_who_is_there_after_it(pubsub_here: PubSub, caplog: Any) -> None:
    async with Watching(pubsub_here) as presence:
        one, two, elsewhere = Holder(TOPIC), Holder(TOPIC), Holder("room:2")
        presence.track(one, "ada")
        presence.track(two, "ada")
        presence.track(one, "bob")
        presence.track(elsewhere, "crash")
        presence.update(two, "ada", {"n": 1})
        two.end()
        one.end()
        await until(lambda: len(presence.seen) == 7)
    assert presence.seen == [
        (TOPIC, ["ada"], [], {"ada": 1}),
        (TOPIC, ["ada"], [], {"ada": 2}),
        (TOPIC, ["bob"], [], {"ada": 2, "bob": 1}),
        ("room:2", ["crash"], [], {"crash": 1}),
        (TOPIC, ["ada"], ["ada"], {"ada": 2, "bob": 1}),
        (TOPIC, [], ["ada"], {"ada": 1, "bob": 1}),
        (TOPIC, [], ["ada", "bob"], {}),
    ]
    assert "told to crash" in caplog.text


# In channels.


class RoomChannel(Channel):
    presence: Presence

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        self.tell("joined")
        return Joined(user=payload["user"])

    async def handle_info(self, message: object, socket: Socket) -> None:
        self.presence.track(self, socket.assigns["user"], {"online": True})
        await self.push("presence_state", await self.presence.list(self.topic))

    async def handle_in_crash(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("told to crash")


@pytest.mark.parametrize("end", ["leave", "crash", "hang up"])
async def test_a_channel_is_present_until_it_ends_however_it_ends(
    pubsub_here: PubSub, presence: Presence, end: str
) -> None:
    routes = {"room:*": type("Room", (RoomChannel,), {"presence": presence})}
    client = Client(routes, pubsub_here, Fanout())
    reply = await client.join(TOPIC, payload={"user": "ada"})
    assert reply[4]["status"] == "ok"
    frames = [await client.next(), await client.next()]
    [state] = [frame for frame in frames if frame[3] == "presence_state"]
    [diff] = [frame for frame in frames if frame[3] == "presence_diff"]
    assert state[4] == diff[4]["joins"] == await presence.list(TOPIC)
    heard = diffs(pubsub_here)
    if end == "hang up":
        await client.connection.finish()
    else:
        await client.send("1", "2", TOPIC, "phx_leave" if end == "leave" else "crash", {})
    await until(lambda: heard)
    assert heard[0][1]["leaves"].keys() == {"ada"}
    assert await presence.list(TOPIC) == {}
    await client.connection.finish()


# One query.


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]


async def test_fetch_costs_one_query_for_any_number_of_keys(database_url: str) -> None:
    async with Repo(database_url) as repo, PubSub(defer=repo.after_commit) as pubsub:
        key = "bigint GENERATED BY DEFAULT AS IDENTITY" if "postgres" in database_url else "INTEGER"
        await repo.query(f"CREATE TABLE users (id {key} PRIMARY KEY, name text NOT NULL)")  # type: ignore[call-overload]
        await repo.insert_all(User, [{"name": f"user {number}"} for number in range(1, 51)])

        class Users(Presence):
            async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
                users = await repo.all(from_(User).where(User.id.in_([int(key) for key in keys])))
                return {str(user.id): {"user": {"name": user.name}} for user in users}

        heard = diffs(pubsub)
        async with Users(pubsub) as presence:
            queries: list[Any] = []
            with telemetry.attach("ectype.repo.query", queries.append):
                holder = Holder(TOPIC)
                for number in range(1, 51):
                    presence.track(holder, number)
                    presence.track(Holder(TOPIC), number)
                await until(lambda: len(heard) == 100)
                assert len(queries) == 1, "what waits is fetched together"
                present = await presence.list(TOPIC)
                assert len(queries) == 2
                presence.untrack(holder)
                await until(lambda: len(heard) == 101)
                assert len(queries) == 3
        assert len(present) == 50
        assert all(told["user"] == {"name": f"user {key}"} for key, told in present.items())
        assert all(len(told["metas"]) == 2 for told in present.values())


async def test_a_track_inside_a_transaction_is_told_at_once_and_uses_none_of_it(sqlite_url: str) -> None:
    async with Repo(sqlite_url) as repo, PubSub(defer=repo.after_commit) as pubsub, Presence(pubsub) as presence:
        heard = diffs(pubsub)
        async with repo.transaction() as tx:
            presence.track(Holder(TOPIC), "ada")
            await until(lambda: heard)
            tx.rollback()
        assert "ada" in await presence.list(TOPIC)


# On several nodes.


@pytest.fixture
async def nodes(pubsub: Any) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:

        async def node(kind: type[Presence] = Presence, **options: Any) -> tuple[PubSub, Presence]:
            made = await pubsub(**options)
            return made, await stack.enter_async_context(kind(made, periods=QUICK))

        yield node


async def test_all_nodes_see_who_is_on_any_and_each_tells_its_own_clients(nodes: Any) -> None:
    (one, here), (two, there) = await nodes(), await nodes(Extra)
    near, far = diffs(one), diffs(two)
    holder = Holder(TOPIC)
    ref = here.track(holder, "ada", {"name": "Ada"})
    await until(lambda: far)
    metas = [{"name": "Ada", "phx_ref": ref}]
    assert near == [("presence_diff", {"joins": {"ada": {"metas": metas}}, "leaves": {}})]
    assert far == [("presence_diff", {"joins": {"ada": {"extra": "room:1 ada", "metas": metas}}, "leaves": {}})]
    there.track(Holder(TOPIC), "ada")
    await until(lambda: len(near) == 2)
    assert (await here.list(TOPIC))["ada"]["metas"] == (await there.list(TOPIC))["ada"]["metas"]
    here.update(holder, "ada", {"name": "Countess"})
    await until(lambda: len(far) == 3)
    assert far[2][1]["leaves"]["ada"]["metas"] == metas
    assert far[2][1]["joins"]["ada"]["metas"][0]["phx_ref_prev"] == ref
    holder.end()
    await until(lambda: len(far) == 4)
    assert len((await there.list(TOPIC))["ada"]["metas"]) == 1


async def test_a_node_that_starts_later_is_sent_who_is_there(nodes: Any) -> None:
    _, here = await nodes()
    for number in range(300):
        here.track(Holder(TOPIC), number, {"text": "x" * 50})
    _, there = await nodes()
    await until(lambda: len(there._tracker.state.by_topic(TOPIC)) == 300)
    assert await there.list(TOPIC) == await here.list(TOPIC)
    await until(lambda: list(here.nodes().values()) == [True])


async def test_a_node_that_closes_takes_its_own_along_at_once(nodes: Any) -> None:
    (_, here), (two, there) = await nodes(), await nodes()
    here.track(Holder(TOPIC), "ada")
    there.track(Holder(TOPIC), "bob")
    await until(lambda: len(there._tracker.state.by_topic(TOPIC)) == 2)
    heard = diffs(two)
    await here.close()
    await until(lambda: heard)
    assert heard[0][1]["leaves"].keys() == {"ada"}
    assert list(await there.list(TOPIC)) == ["bob"]
    assert there.nodes() == {}


async def test_a_node_that_dies_without_a_word_is_gone_after_a_while(nodes: Any) -> None:
    (_, here), (_, there) = await nodes(), await nodes()
    here.track(Holder(TOPIC), "ada")
    await until(lambda: there._tracker.state.by_topic(TOPIC))
    for task in here._tasks:
        task.cancel()
    await asyncio.wait(here._tasks)
    await until(lambda: not there._tracker.state.by_topic(TOPIC))
    await until(lambda: not there.nodes())


async def test_a_node_that_starts_again_under_its_name_replaces_its_earlier_life(nodes: Any) -> None:
    (_, here), (one, there) = await nodes(), await nodes(node="web-1")
    there.track(Holder(TOPIC), "old")
    await until(lambda: here._tracker.state.by_topic(TOPIC))
    for task in there._tasks:
        task.cancel()
    await asyncio.wait(there._tasks)
    one.unsubscribe(there._subscription)
    _, again = await nodes(node="web-1")
    again.track(Holder(TOPIC), "new")
    await until(lambda: [entry.key for entry in here._tracker.state.by_topic(TOPIC)] == ["new"])


async def test_a_message_of_another_version_is_told_of_and_ends_nothing(nodes: Any, caplog: Any) -> None:
    (_, here), (two, there) = await nodes(), await nodes()
    two.broadcast("ectype:presence:presence", "heartbeat", {"replica": 7})
    two.broadcast("ectype:presence:presence", "bytes", b"x")
    there.track(Holder(TOPIC), "ada")
    await until(lambda: here._tracker.state.by_topic(TOPIC))
    assert "another version" in caplog.text
