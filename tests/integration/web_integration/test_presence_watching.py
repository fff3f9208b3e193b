"""What is told of presence beside the clients: telemetry, and subscribers that send diffs in their own way."""

from typing import Any

from ectype import telemetry
from ectype.web_integration import Broadcast, Holder, Presence, PubSub
from ectype.web_integration.presence.events import DIFF_TOLD, NODE, PresenceDiff, PresenceNode
from tests.integration.web_integration.conftest import until
from tests.integration.web_integration.test_presence import TOPIC, Extra
from tests.integration.web_integration.test_presence import nodes as nodes  # a fixture


async def test_telemetry_hears_of_each_diff_that_was_told() -> None:
    heard: list[Any] = []
    async with PubSub() as pubsub, Extra(pubsub, name="people") as presence:
        with telemetry.attach(DIFF_TOLD, heard.append), Holder(TOPIC) as holder:
            presence.track(holder, "ada")
            presence.track(holder, "bob")
            await until(lambda: len(heard) == 2)
            presence.update(holder, "ada", {"mood": "busy"})
            await until(lambda: len(heard) == 3)
            holder.end()
            await until(lambda: len(heard) == 4)
        presence.track(Holder(TOPIC), "eve")
        await until(lambda: not presence._waiting)
    assert all(isinstance(one, PresenceDiff) and 0 <= one.waited < 20 for one in heard)
    assert [(one.presence, one.topic, one.joins, one.leaves) for one in heard] == [
        ("people", TOPIC, 1, 0), ("people", TOPIC, 1, 0), ("people", TOPIC, 1, 1), ("people", TOPIC, 0, 2),
    ]  # fmt: skip


async def test_telemetry_hears_of_processes_that_come_and_go(nodes: Any) -> None:
    heard: list[Any] = []
    _, here = await nodes(node="here")
    with telemetry.attach(NODE, heard.append):
        _, there = await nodes(node="there")
        mine = [PresenceNode("presence", "there", seen=True)]
        await until(lambda: [one for one in heard if one.node == "there"] == mine)
        await until(lambda: PresenceNode("presence", "here", seen=True) in heard)
        await there.close()
        mine.append(PresenceNode("presence", "there", seen=False))
        await until(lambda: [one for one in heard if one.node == "there"] == mine)
    assert here.nodes().get("there", False) is False


async def test_telemetry_hears_of_a_process_that_dies_without_a_word_and_comes_back(
    nodes: Any, monkeypatch: Any
) -> None:
    heard: list[Any] = []
    await nodes(node="here")
    _, there = await nodes(node="there")
    with telemetry.attach(NODE, heard.append):
        await until(lambda: PresenceNode("presence", "there", seen=True) in heard)
        with monkeypatch.context() as silent:
            silent.setattr(there, "_send", lambda _message: None)
            await until(lambda: heard[-1] == PresenceNode("presence", "there", seen=False))
        await until(lambda: heard[-1] == PresenceNode("presence", "there", seen=True))


async def test_a_subscriber_tells_a_diff_in_its_own_way_and_makes_it_once_for_all() -> None:
    made: list[Any] = []

    def shout(broadcast: Broadcast) -> str:
        made.append(broadcast.event)
        return f"{sorted(broadcast.payload['joins'])} came".upper()  # type: ignore[index,call-overload]

    async with PubSub() as pubsub, Presence(pubsub) as presence:
        told: list[str] = []
        for _ in range(3):
            pubsub.subscribe(TOPIC, lambda broadcast: told.append(broadcast.once(shout, shout)))
        presence.track(Holder(TOPIC), "ada")
        await until(lambda: told)
    assert told == ["['ADA'] CAME"] * 3
    assert made == ["presence_diff"]
