"""What one client may use: bytes of a frame, frames a second, and time before it must say again who it is."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ectype import telemetry
from ectype.web_integration import (
    ChannelError,
    Connected,
    ConnectInfo,
    LongPoll,
    Params,
    PubSub,
    SocketHandler,
    repo_lifespan,
    socket_app,
)
from ectype.web_integration.channels import events
from ectype.web_integration.channels.server import Limits
from tests.unit.web_integration.channels.rooms import Room
from tests.unit.web_integration.channels.test_websocket import Server

CEILING_SECONDS = 20


def framed(size: int, letter: str) -> str:
    empty = json.dumps(["1", "1", "room:1", "echo", {"body": ""}], ensure_ascii=False)
    assert (size - len(empty)) % len(letter.encode()) == 0
    return empty.replace('""', f'"{letter * ((size - len(empty)) // len(letter.encode()))}"')


@pytest.mark.parametrize("letter", ["a", "é", "🐎"])
async def test_a_text_of_as_many_bytes_as_may_be_is_handled_and_one_more_letter_closes_with_1009(
    letter: str, connect: Any
) -> None:
    size = 4096 + len(json.dumps(["1", "1", "room:1", "echo", {"body": ""}])) % 4
    client = connect({"room:*": Room}, frame=size)
    await client.join("room:1")
    await client.connection.receive(framed(size, letter))
    assert (await client.next())[3] == "phx_reply"
    assert client.connection.closing is None
    await client.connection.receive(framed(size + 4, letter))
    assert client.connection.closing == (1009, "frame too large")


async def test_a_binary_frame_that_is_too_large_closes_with_1009(connect: Any) -> None:
    client = connect({"room:*": Room}, frame=1000)
    await client.connection.receive(b"\x00" + bytes(999))
    assert client.connection.closing is None
    await client.connection.receive(b"\x00" + bytes(1000))
    assert client.connection.closing == (1009, "frame too large")


async def test_a_mebibyte_is_the_limit_unless_said(connect: Any) -> None:
    client = connect({"room:*": Room})
    await client.connection.receive("[" + " " * (1 << 20))
    assert client.connection.closing == (1009, "frame too large")


async def test_a_flood_is_read_no_faster_than_said_and_delays_nobody(connect: Any) -> None:
    rate = 100
    flooding, calm = connect({"room:*": Room}, rate=rate), connect({"room:*": Room}, rate=rate)
    await flooding.join("room:1")
    await calm.join("room:1")
    loop = asyncio.get_running_loop()

    async def flood() -> float:
        begun = loop.time()
        for number in range(rate + 50):
            await flooding.send("1", str(number), "room:1", "echo", {})
        return loop.time() - begun

    async with asyncio.timeout(CEILING_SECONDS):
        flooded = asyncio.create_task(flood())
        while not flooded.done():
            await calm.send("1", "2", "room:1", "echo", {"calm": True})
            assert (await calm.next())[4]["response"] == {"calm": True}
            await asyncio.sleep(0.05)
        # The answer to the last one may be on its way.
        while len(flooding.frames) < rate + 50:
            await asyncio.sleep(0)
    # A second's worth at once, the join among them, and fifty at the rate that was said.
    assert await flooded >= 49 / rate
    assert flooding.connection.closing is None
    assert len(flooding.frames) == rate + 50, "nothing is lost, and nothing answered twice"


async def test_who_sent_nothing_for_a_while_may_send_a_second_of_frames_at_once(connect: Any) -> None:
    client = connect({"room:*": Room}, rate=1000)
    await client.join("room:1")
    loop = asyncio.get_running_loop()
    for number in range(900):
        await client.send("1", str(number), "room:1", "echo", {})
    assert client.connection._due <= loop.time(), "the bucket had room for all"


@pytest.mark.parametrize("limit", ["frame", "rate"])
def test_a_limit_below_one_is_refused(limit: str) -> None:
    with pytest.raises(ChannelError, match=limit):
        Limits(**{limit: 0})  # type: ignore[arg-type]
    with pytest.raises(ChannelError, match=limit):
        socket_app(TokenSocket, pubsub=PubSub(), **{f"max_{limit}": 0})  # type: ignore[arg-type]


async def test_there_may_be_no_limit_of_frames_a_second(connect: Any) -> None:
    client = connect({"room:*": Room}, rate=None)
    await client.join("room:1")
    for number in range(3000):
        await client.connection.receive(json.dumps(["1", str(number), "phoenix", "heartbeat", {}]))
    assert len(client.frames) == 3000


# The end of a token.


class TokenSocket(SocketHandler):
    channels = {"room:*": Room}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected:
        SEEN.append(dict(params))
        seconds = params.get("seconds")
        expires = None if seconds is None else datetime.now(UTC) + timedelta(seconds=float(seconds))
        return Connected(id="users:1", expires=expires)


SEEN: list[dict[str, Any]] = []


def site(**options: Any) -> Starlette:
    options.setdefault("pubsub", PubSub())
    return Starlette(routes=[Mount("/socket", socket_app(TokenSocket, **options))])


async def test_a_socket_ends_with_the_token_that_opened_it_within_a_second() -> None:
    server, lasting = Server(site(), query="vsn=2.0.0&seconds=0.2"), Server(site(), query="vsn=2.0.0&seconds=3600")
    for one in (server, lasting):
        assert (await one.next())["type"] == "websocket.accept"
        one.frame("1", "1", "room:1", "phx_join", {})
        await one.next()
    begun = asyncio.get_running_loop().time()
    assert await server.next() == {"type": "websocket.close", "code": 1001, "reason": "expired"}
    assert asyncio.get_running_loop().time() - begun < 1.2
    lasting.frame("1", "2", "room:1", "echo", {})
    assert json.loads((await lasting.next())["text"])[3] == "phx_reply"
    await lasting.hang_up()


async def test_who_hangs_up_leaves_no_timer_behind(connect: Any) -> None:
    client = connect({"room:*": Room}, connected=Connected(expires=datetime.now(UTC) + timedelta(hours=1)))
    timer = client.connection._expiry
    client.connection.hung_up()
    assert timer.cancelled()


async def test_a_token_that_has_ended_meanwhile_closes_its_socket_at_once() -> None:
    server = Server(site(), query="vsn=2.0.0&seconds=-5")
    assert (await server.next())["type"] == "websocket.accept"
    assert (await server.next())["code"] == 1001


async def test_a_session_of_a_client_that_polls_ends_with_its_token_too() -> None:
    app = site(longpoll=LongPoll(window=timedelta(seconds=3)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        opened = (await http.get("/socket/longpoll", params={"vsn": "2.0.0", "seconds": "0.2"})).json()
        await asyncio.sleep(0.3)
        answer = await http.post("/socket/longpoll", params={"token": opened["token"]}, content="[]")
        assert answer.json() == {"status": 410}


def test_a_time_without_a_zone_is_refused_with_what_to_write() -> None:
    with pytest.raises(ChannelError, match=r"datetime\.now\(UTC\)"):
        Connected(expires=datetime(2030, 1, 1))


@pytest.mark.parametrize("wrong", [7, b"users:1", "", ["users:1"]])
def test_an_id_that_is_no_topic_is_refused_with_what_to_write(wrong: Any) -> None:
    with pytest.raises(ChannelError, match="users:"):
        Connected(id=wrong)


# Params.


async def test_params_of_a_socket_nest_as_plug_nests_them() -> None:
    SEEN.clear()
    server = Server(site(), query="user[name]=ada&user[tags][]=a&user[tags][]=b&vsn=2.0.0")
    assert (await server.next())["type"] == "websocket.accept"
    assert SEEN == [{"user": {"name": "ada", "tags": ["a", "b"]}, "vsn": "2.0.0"}]
    await server.hang_up()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("vsn=2.0.0&a=%zz", 400),
        ("vsn=2.0.0&a=%ff", 400),
        ("vsn=2.0.0&a=\xff", 400),
        ("vsn=2.0.0&" + "&".join(f"a{n}=1" for n in range(1001)), 413),
        ("vsn=2.0.0&a" + "[b]" * 40 + "=1", 413),
        ("vsn[]=2.0.0", 403),
        ("vsn[a]=2.0.0", 403),
    ],
)
async def test_params_that_cannot_be_read_are_refused_before_connect(query: str, status: int) -> None:
    SEEN.clear()
    server = Server(site(), query=query)
    assert (await server.next())["status"] == status
    assert not SEEN
    app = site(longpoll=LongPoll())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as http:
        answer = await http.get("/socket/longpoll?" + query.replace("\xff", "%ff"))
        assert (answer.status_code, answer.json()) == (200, {"status": 403})
    assert not SEEN


# What telemetry hears of the end.


async def test_the_end_of_every_socket_is_told_with_its_code() -> None:
    heard: list[Any] = []
    with telemetry.attach(events.CLOSED, heard.append):
        server = Server(site(), query="vsn=2.0.0")
        await server.next()
        await server.hang_up()
        server = Server(site(), query="vsn=2.0.0&seconds=0")
        assert (await server.next())["type"] == "websocket.accept"
        assert (await server.next())["code"] == 1001
        await server.task
    assert heard == [
        events.SocketClosed("TokenSocket", "users:1", None, ""),
        events.SocketClosed("TokenSocket", "users:1", 1001, "expired"),
    ]


async def test_a_drain_is_told_batch_by_batch() -> None:
    heard: list[Any] = []
    sockets = socket_app(TokenSocket, pubsub=PubSub())
    app = Starlette(routes=[Mount("/socket", sockets)])
    with telemetry.attach(events.DRAINED, heard.append):
        async with repo_lifespan(sockets)(app):
            servers = [Server(app) for _ in range(3)]
            for server in servers:
                await server.next()
    assert heard == [events.SocketsDrained("TokenSocket", 3, 3)]
