"""What Phoenix's own tests say of channels and is said nowhere else here."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ectype.web_integration import (
    Channel,
    Connected,
    ConnectInfo,
    Handled,
    Join,
    Joined,
    Params,
    Payload,
    PubSub,
    Reply,
    Socket,
    SocketHandler,
    Stop,
    repo_lifespan,
    socket_app,
)
from ectype.web_integration.channels.testing import connect as client_of
from tests.unit.web_integration.channels.rooms import OK, Room
from tests.unit.web_integration.channels.test_websocket import Server


def mounted(handler: type[SocketHandler], **options: Any) -> Starlette:
    return Starlette(routes=[Mount("/socket", socket_app(handler, pubsub=PubSub(), **options))])


class RoomSocket(SocketHandler):
    channels = {"room:*": Room}


# The transport.


@pytest.mark.parametrize(
    ("path", "asked", "params"),
    [
        ("/nested/path", "/socket/nested/path", {}),
        ("/{project}/websocket", "/socket/7/websocket", {"project": "7"}),
        ("/{project}", "/socket/a%20b", {"project": "a b"}),
    ],
)
async def test_the_websocket_may_be_at_another_path_and_its_variables_are_parameters(
    path: str, asked: str, params: dict[str, str]
) -> None:
    seen: list[Any] = []

    class Listening(SocketHandler):
        async def connect(self, params: Params, info: ConnectInfo) -> Connected:
            seen.append(dict(params))
            return Connected()

    app = mounted(Listening, path=path)
    server = Server(app, path=asked.replace("%20", " "), query="vsn=2.0.0")
    assert (await server.next())["type"] == "websocket.accept"
    await server.hang_up()
    assert seen == [{"vsn": "2.0.0", **params}]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        assert (await http.get(asked)).status_code == 400
        assert (await http.get("/socket/websocket/else")).status_code == 404


async def test_what_the_application_adds_for_connect_is_an_attribute_of_the_handler() -> None:
    class Tenants(SocketHandler):
        channels = {"room:*": Room}
        region = "nowhere"

        async def connect(self, params: Params, info: ConnectInfo) -> Connected:
            return Connected(region=self.region)

    class European(Tenants):
        region = "eu"

    for handler, region in ((Tenants, "nowhere"), (European, "eu")):
        async with client_of(handler, pubsub=PubSub()) as client:
            room = await client.join("room:1")
            assert room.topic == "room:1"
            assert client._connection.assigns["region"] == region


async def test_an_application_that_does_not_drain_closes_nothing_by_itself() -> None:
    drained = socket_app(RoomSocket, pubsub=PubSub())
    app = Starlette(routes=[Mount("/socket", drained)])
    async with repo_lifespan()(app):
        server = Server(app, query="vsn=2.0.0")
        assert (await server.next())["type"] == "websocket.accept"
    server.frame("1", "1", "room:1", "phx_join", {})
    assert json.loads((await server.next())["text"])[3] == "phx_reply"
    await server.hang_up()


@pytest.mark.parametrize(("code", "reason"), [(1012, "draining"), (1001, "disconnected"), (None, "disconnected")])
async def test_a_channel_is_told_whether_the_server_stops_or_its_client_is_gone(
    code: int | None, reason: str, connect: Any
) -> None:
    ends: list[str] = []

    class Ending(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined()

        async def terminate(self, reason: str, socket: Socket) -> None:
            ends.append(reason)

    client = connect({"ending": Ending})
    await client.join("ending")
    if code is not None:
        client.connection.close(code, "")
    await client.connection.finish()
    assert ends == [reason]


# Channels.


class Custom(Channel):
    """One that takes whatever comes by itself, as what is built on channels would."""

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        match payload.get("mode"):
            case "ignore":
                return None  # type: ignore[return-value]
            case "crash":
                raise RuntimeError("no")
            case _:
                return Joined({"mode": "custom"})

    async def handle_in(self, event: str, payload: Payload, socket: Socket) -> Handled:
        if event == "close":
            await self.push("closing", {"n": 1})
            return Stop(reason="shutdown")
        return Reply({"event": event, **payload})

    async def handle_value(self, event: str, value: object, socket: Socket) -> Handled:
        return Reply({"event": event, "value": value})


async def test_a_channel_may_take_every_event_by_itself(connect: Any) -> None:
    client = connect({"custom": Custom})
    assert (await client.join("custom"))[4] == {"status": "ok", "response": {"mode": "custom"}}
    await client.send("1", "2", "custom", "any event: at all", {"a": 1})
    assert (await client.next())[4]["response"] == {"event": "any event: at all", "a": 1}


@pytest.mark.parametrize("mode", ["ignore", "crash"])
async def test_a_join_that_answers_nothing_has_crashed(mode: str, connect: Any) -> None:
    client = connect({"custom": Custom})
    refused = {"status": "error", "response": {"reason": "join crashed"}}
    assert await client.join("custom", payload={"mode": mode}) == ["1", "1", "custom", "phx_reply", refused]


async def test_what_is_pushed_before_a_stop_arrives_before_the_close(connect: Any) -> None:
    client = connect({"custom": Custom})
    await client.join("custom")
    await client.send("1", "2", "custom", "close", {})
    assert await client.next() == ["1", None, "custom", "closing", {"n": 1}]
    assert await client.next() == ["1", "1", "custom", "phx_close", {}]


@pytest.mark.parametrize("value", [[1, {"a": []}], [], "text", 7, 1.5, True, None])
async def test_payloads_that_are_no_object_survive(value: object, connect: Any) -> None:
    client = connect({"custom": Custom, "room:*": Room})
    await client.join("custom")
    await client.send("1", "2", "custom", "any", value)
    assert (await client.next())[4] == {"status": "ok", "response": {"event": "any", "value": value}}


class Both(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined()

    async def handle_in_both(self, payload: Payload, socket: Socket) -> None:
        await self.push("pushed", payload)
        await self.broadcast("said", payload)

    async def handle_in_bare(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(status=payload["status"])


async def test_a_push_and_then_a_broadcast_arrive_in_that_order(connect: Any) -> None:
    client, other = connect({"room:*": Both}), connect({"room:*": Both})
    for one in (client, other):
        await one.join("room:1")
    for number in range(50):
        await client.send("1", str(number), "room:1", "both", {"n": number})
    for number in range(50):
        assert await client.next() == ["1", None, "room:1", "pushed", {"n": number}]
        assert await client.next() == [None, None, "room:1", "said", {"n": number}]
        assert await other.next() == [None, None, "room:1", "said", {"n": number}]


@pytest.mark.parametrize("status", ["ok", "error", "later"])
async def test_a_reply_may_be_a_status_alone(status: str, connect: Any) -> None:
    client = connect({"room:*": Both})
    assert (await client.join("room:1"))[4] == OK
    await client.send("1", "2", "room:1", "bare", {"status": status})
    assert (await client.next())[4] == {"status": status, "response": {}}


async def test_values_that_all_clients_of_a_route_share_are_attributes_of_a_subclass() -> None:
    class Limited(Channel):
        size = 10

        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined({"size": self.size})

    class Large(Limited):
        size = 1000

    class Sizes(SocketHandler):
        channels = {"large:*": Large, "*": Limited}

    async with client_of(Sizes, pubsub=PubSub()) as client:
        assert (await client.join("large:1")).response == {"size": 1000}
        assert (await client.join("small:1")).response == {"size": 10}


async def test_a_channel_that_does_not_end_in_time_is_killed_when_its_client_closes() -> None:
    ended: list[str] = []

    class Endless(Channel):
        shutdown = timedelta(seconds=0.05)

        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined()

        async def terminate(self, reason: str, socket: Socket) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(reason)

    class EndlessSocket(SocketHandler):
        channels = {"endless": Endless}

    async with asyncio.timeout(20), client_of(EndlessSocket, pubsub=PubSub()) as client:
        await client.join("endless")
        await client.close()
    assert ended == ["disconnected"]


async def test_a_topic_that_no_channel_answers_for_is_warned_of(connect: Any, caplog: Any) -> None:
    client = connect({"room:*": Room})
    answer = await client.join("nothing:here")
    assert answer == [
        None,
        "1",
        "nothing:here",
        "phx_reply",
        {"status": "error", "response": {"reason": "unmatched topic"}},
    ]
    assert "no channel answers for 'nothing:here'" in caplog.text


# Rules of the server that a client could try to get around: security.


@pytest.mark.parametrize(
    "steps",
    [
        [("1", "1", "secret:1", "phx_join", {})],
        [(None, "1", "room:1", "echo", {})],
        [("1", "1", "room:1", "phx_join", {}), ("1", "2", "room:1", "phx_leave", {}), ("1", "3", "room:1", "echo", {})],
        [("1", "1", "room:1", "phx_join", {"refuse": True}), ("1", "2", "room:1", "echo", {})],
        [("1", "1", "room:1", "phx_join", {}), ("1", "2", "room:2", "echo", {})],
        [("1", "1", "room:1", "phx_join", {}), ("1", "2", "room:1 ", "echo", {})],
        [("1", "1", "room:1", "phx_join", {}), ("1", "2", "ROOM:1", "echo", {})],
    ],
)
async def test_nothing_is_handled_on_a_topic_that_was_not_granted(steps: list[Any], connect: Any) -> None:
    client = connect({"room:*": Room})
    for step in steps:
        await client.send(*step)
    answers = await client.quiet()
    ref = steps[-1][1]
    last = [frame for frame in answers if frame[1] == ref and frame[3] == "phx_reply"]
    assert [frame[4]["status"] for frame in last] == ["error"]
    assert last[0][4]["response"] == {"reason": "unmatched topic"}


async def test_a_message_of_an_earlier_join_is_not_handled(connect: Any) -> None:
    client = connect({"room:*": Room})
    await client.join("room:1", ref="1")
    await client.join("room:1", ref="2")
    client.frames.clear()
    await client.send("1", "9", "room:1", "echo", {"stale": True})
    assert [frame for frame in await client.quiet() if frame[1] == "9"] == []


HOSTILE: list[Callable[[], str]] = [
    lambda: '["1","1","room:1","echo",' + "[" * 100_000 + "]" * 100_000 + "]",
    lambda: '["1","1","room:1","echo",{"a":' + "9" * 5000 + "}]",
    lambda: '["1","1","room:1","echo",{"a":1e' + "9" * 400 + "}]",
    lambda: '["1","1","room:1","echo",{"a":NaN}]',
    lambda: "[" * 500_000,
    lambda: '["1","1","room:1","__class__",{}]',
]


@pytest.mark.parametrize("frame", HOSTILE)
async def test_a_hostile_frame_ends_its_socket_or_its_channel_and_costs_little(
    frame: Callable[[], str], connect: Any
) -> None:
    client, other = connect({"room:*": Room}), connect({"room:*": Room})
    for one in (client, other):
        await one.join("room:1")
    begun = asyncio.get_running_loop().time()
    await client.connection.receive(frame())
    assert asyncio.get_running_loop().time() - begun < 2
    told = [one[3] for one in await client.quiet()]
    assert client.connection.closing is not None or told in (["phx_error"], ["phx_reply"])
    await other.send("1", "2", "room:1", "echo", {"well": True})
    assert (await other.next())[4]["response"] == {"well": True}
