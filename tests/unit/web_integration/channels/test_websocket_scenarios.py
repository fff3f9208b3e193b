"""What Phoenix's own suite asks of sockets over WebSocket, where `test_websocket.py` has not asked it yet."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import connect as ws_connect

import ectype.web_integration.channels as rooms
from ectype import telemetry
from ectype.web_integration import (
    ChannelError,
    Connected,
    ConnectInfo,
    Drain,
    LongPoll,
    ParamFilter,
    Params,
    PubSub,
    Refused,
    SocketHandler,
    csrf_token,
    repo_lifespan,
    socket_app,
)
from tests.unit.web_integration.channels.rooms import OK, Room
from tests.unit.web_integration.channels.test_websocket import ACCEPT, Server, serving

INFOS: list[ConnectInfo] = []


class AnySocket(SocketHandler):
    channels = {"room:*": Room}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
        INFOS.append(info)
        return Connected(id=params.get("id"))


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    INFOS.clear()
    yield
    INFOS.clear()


def app(path: str = "/socket", **options: Any) -> Starlette:
    options.setdefault("pubsub", PubSub())
    return Starlette(routes=[Mount(path, socket_app(AnySocket, **options))])


async def opened(app: Any, **scope: Any) -> Server:
    server = Server(app, **scope)
    assert (await server.next())["type"] == "websocket.accept"
    return server


async def heard(server: Server) -> Any:
    return json.loads((await server.next())["text"])


@pytest.mark.parametrize("path", ["/socket", "/ws/admin/socket", "/a/b/c/d"])
async def test_a_socket_may_be_mounted_under_several_segments(path: str) -> None:
    server = await opened(app(path), path=f"{path}/websocket")
    await server.hang_up()


async def test_version_2_joins_leaves_and_hears_events() -> None:
    pubsub = PubSub()
    server = await opened(app(pubsub=pubsub))
    server.frame("1", "1", "room:1", "phx_join", {})
    assert await heard(server) == ["1", "1", "room:1", "phx_reply", {"status": "ok", "response": {"n": 1}}]
    server.frame("1", "2", "room:1", "echo", {"a": 1})
    assert await heard(server) == ["1", "2", "room:1", "phx_reply", {"status": "ok", "response": {"a": 1}}]
    pubsub.broadcast("room:1", "news", {"b": 2})
    assert await heard(server) == [None, None, "room:1", "news", {"b": 2}]
    server.frame("1", "3", "room:1", "phx_leave", {})
    assert await heard(server) == ["1", "3", "room:1", "phx_reply", OK]
    assert await heard(server) == ["1", "1", "room:1", "phx_close", {}]
    await server.hang_up()


@pytest.mark.parametrize("query", ["vsn=1.0.0", ""])
async def test_version_1_joins_leaves_and_hears_events(query: str) -> None:
    pubsub = PubSub()
    server = await opened(app(pubsub=pubsub), query=query)

    def say(ref: str | None, event: str, payload: Any) -> None:
        frame = {"topic": "room:1", "event": event, "payload": payload, "ref": ref}
        server.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    def message(ref: str | None, event: str, payload: Any) -> Any:
        return {"topic": "room:1", "event": event, "payload": payload, "ref": ref}

    say("1", "phx_join", {})
    assert await heard(server) == message("1", "phx_reply", {"status": "ok", "response": {"n": 1}})
    say("2", "echo", {"a": 1})
    assert await heard(server) == message("2", "phx_reply", {"status": "ok", "response": {"a": 1}})
    pubsub.broadcast("room:1", "news", {"b": 2})
    assert await heard(server) == message(None, "news", {"b": 2})
    say("3", "boom", {})
    assert await heard(server) == message("1", "phx_error", {"reason": "channel_crash"})
    say("4", "phx_join", {})
    await heard(server)
    say("5", "phx_leave", {})
    assert await heard(server) == message("5", "phx_reply", OK)
    assert await heard(server) == message("4", "phx_close", {})
    await server.hang_up()


async def test_one_broadcast_reaches_clients_of_every_version() -> None:
    pubsub = PubSub()
    site = app(pubsub=pubsub)
    two, one = await opened(site), await opened(site, query="vsn=1.0.0")
    two.frame("1", "1", "room:1", "phx_join", {})
    await heard(two)
    join = {"topic": "room:1", "event": "phx_join", "payload": {}, "ref": "1"}
    one.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(join)})
    await heard(one)
    pubsub.broadcast("room:1", "news", {"n": 1})
    pubsub.broadcast("room:1", "bytes", b"\x01")
    assert (await heard(two))[3:] == ["news", {"n": 1}]
    assert (await two.next())["bytes"] == b"\x02\x06\x05room:1bytes\x01"
    assert (await heard(one))["payload"] == {"n": 1}
    assert (await heard(one))["payload"] == {"base64": "AQ=="}
    await two.hang_up()
    await one.hang_up()


@pytest.mark.parametrize(("options", "count"), [({}, 100), ({"max_channels": 3}, 3)])
async def test_a_client_joins_as_many_topics_as_it_may_and_no_more(options: Any, count: int) -> None:
    server = await opened(app(**options))
    for number in range(count + 1):
        server.frame(str(number), str(number), f"room:{number}", "phx_join", {})
    answers = {answer[1]: answer for answer in [await heard(server) for _ in range(count + 1)]}
    refused = {"status": "error", "response": {"reason": "too many channels joined"}}
    assert answers.pop(str(count))[4] == refused
    assert {answer[4]["status"] for answer in answers.values()} == {"ok"}
    server.frame("0", "left", "room:0", "phx_leave", {})
    assert [(await heard(server))[3] for _ in range(2)] == ["phx_reply", "phx_close"]
    server.frame("n", "n", "room:next", "phx_join", {})
    assert (await heard(server))[4]["status"] == "ok"
    await server.hang_up()


async def test_a_disconnect_of_an_id_closes_each_of_its_sockets_with_their_channels_and_no_other() -> None:
    pubsub = PubSub()
    site = app(pubsub=pubsub)
    mine = [await opened(site, query="vsn=2.0.0&id=users:1") for _ in range(2)]
    other = await opened(site, query="vsn=2.0.0&id=users:2")
    for server in (*mine, other):
        server.frame("1", "1", "room:1", "phx_join", {})
        await heard(server)
    pubsub.broadcast("users:1", "disconnect", {})
    for server in mine:
        assert await server.next() == {"type": "websocket.close", "code": 1001, "reason": "disconnected"}
        await asyncio.wait_for(server.task, 20)
    assert (pubsub.subscribers("room:1"), pubsub.subscribers("users:1")) == (1, 0)
    other.frame("1", "2", "room:1", "echo", {"still": "here"})
    assert (await heard(other))[4]["response"] == {"still": "here"}
    await other.hang_up()


# connect_info.

HEADERS = {
    "x-one": "1", "x-forwarded-for": "10.0.0.9", "traceparent": "00-ab-cd-01", "tracestate": "a=b",
    "user-agent": "tests/1", "sec-websocket-extensions": "permessage-deflate", "sec-websocket-version": "13",
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), HEADERS.items())
async def test_headers_reach_connect(name: str, value: str) -> None:
    headers = [(b"host", b"app.test"), (name.encode(), value.encode())]
    await (await opened(app(), headers=headers)).hang_up()
    assert INFOS[0].headers[name.upper()] == value


async def test_peer_and_url_reach_connect() -> None:
    await (await opened(app(), client=("10.0.0.1", 99), query="vsn=2.0.0&a=1")).hang_up()
    assert INFOS[0].peer == ("10.0.0.1", 99)
    assert INFOS[0].url == "ws://app.test/socket/websocket?vsn=2.0.0&a=1"


class Sessions:
    """What Starlette's SessionMiddleware does, without a cookie: puts a session into the scope."""

    def __init__(self, app: ASGIApp, session: dict[str, Any]) -> None:
        self.app = app
        self.session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = self.session
        await self.app(scope, receive, send)


async def page(request: Request) -> Response:
    return PlainTextResponse(csrf_token(request))


def with_session(session: dict[str, Any], **options: Any) -> Any:
    sockets = socket_app(AnySocket, pubsub=PubSub(), **options)
    return Sessions(Starlette(routes=[Mount("/socket", sockets), Route("/", page)]), session)


async def token_of(site: Any) -> str:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://app.test") as client:
        return (await client.get("/")).text


@pytest.mark.parametrize("transport", ["websocket", "longpoll"])
async def test_the_session_reaches_connect_with_the_token_of_a_page(transport: str) -> None:
    session: dict[str, Any] = {"user_id": 7}
    site = with_session(session, longpoll=LongPoll())
    first, second = await token_of(site), await token_of(site)
    assert first != second, "each page has its own mask"
    for token in (first, second):
        if transport == "websocket":
            await (await opened(site, query=f"vsn=2.0.0&_csrf_token={token}")).hang_up()
        else:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://app.test") as client:
                await client.get("/socket/longpoll", params={"vsn": "2.0.0", "_csrf_token": token})
        assert INFOS.pop().session == session
    assert session["_csrf_token"] not in (first, second)


@pytest.mark.parametrize("spoil", ["", "x", "%C3%A9", "A" * 64, "A" * 32, "none", "own", "other session"])
async def test_without_the_right_token_the_session_is_none(spoil: str) -> None:
    session: dict[str, Any] = {"user_id": 7}
    site = with_session(session)
    await token_of(site)
    query = "vsn=2.0.0"
    if spoil == "own":
        query += f"&_csrf_token={session['_csrf_token']}"
    elif spoil == "other session":
        query += f"&_csrf_token={await token_of(with_session({}))}"
    elif spoil != "none":
        query += f"&_csrf_token={spoil}"
    await (await opened(site, query=query)).hang_up()
    assert INFOS[0].session is None


async def test_a_session_that_no_page_was_made_for_is_none_whatever_is_shown() -> None:
    await (await opened(with_session({"user_id": 7}), query="vsn=2.0.0&_csrf_token=")).hang_up()
    await (await opened(app(), query=f"vsn=2.0.0&_csrf_token={'A' * 64}")).hang_up()
    assert [info.session for info in INFOS] == [None, None]


async def test_a_token_without_a_session_says_what_to_add() -> None:
    request = Request({"type": "http", "headers": []})
    with pytest.raises(ChannelError, match="SessionMiddleware"):
        csrf_token(request)


# Origins and subprotocols.


async def status_of(app: Any, **scope: Any) -> int:
    server = Server(app, **scope)
    first = await server.next()
    if first["type"] == "websocket.accept":
        await server.hang_up()
        return 101
    await asyncio.wait_for(server.task, 20)
    return int(first["status"])


async def test_each_mount_has_its_own_policy_of_origins() -> None:
    pubsub = PubSub()
    site = Starlette(
        routes=[
            Mount("/own", socket_app(AnySocket, pubsub=pubsub)),
            Mount("/listed", socket_app(AnySocket, pubsub=pubsub, check_origin=["//*.example.org"])),
            Mount("/open", socket_app(AnySocket, pubsub=pubsub, check_origin=False)),
            Mount("/asked", socket_app(AnySocket, pubsub=pubsub, check_origin=lambda origin: "ok" in origin)),
            Mount("/exact", socket_app(AnySocket, pubsub=pubsub, check_origin="exact")),
        ]
    )
    wanted = {
        "https://app.test": (101, 403, 101, 403, 403), "https://a.b.example.org": (403, 101, 101, 403, 403),
        "https://example.org": (403, 101, 101, 403, 403), "https://ok.test": (403, 403, 101, 101, 403),
        "null": (403, 403, 101, 403, 403), "http://app.test": (101, 403, 101, 403, 101),
    }  # fmt: skip
    for origin, statuses in wanted.items():
        headers = [(b"host", b"app.test"), (b"origin", origin.encode())]
        places = ("/own", "/listed", "/open", "/asked", "/exact")
        got = [await status_of(site, path=f"{place}/websocket", headers=headers) for place in places]
        assert tuple(got) == statuses, origin


@pytest.mark.parametrize(("origin", "status"), [("https://app.test", 101), ("http://app.test", 403)])
async def test_an_exact_origin_has_the_scheme_that_the_server_was_asked_by(origin: str, status: int) -> None:
    headers = [(b"host", b"app.test"), (b"origin", origin.encode())]
    assert await status_of(app(check_origin="exact"), scheme="wss", headers=headers) == status


@pytest.mark.parametrize(
    ("offered", "asked", "agreed"),
    [
        ((), [], None),
        ((), ["graphql-ws"], None),
        ((), ["graphql-ws", "phoenix"], "phoenix"),
        (("sip", "mqtt"), [], None),
        (("sip", "mqtt"), ["mqtt", "sip"], "sip"),
        (("sip", "mqtt"), ["other", "mqtt"], "mqtt"),
        (("sip", "mqtt"), ["other"], 403),
        (("phoenix",), ["phoenix", "base64url.bearer.phx.YQ"], "phoenix"),
    ],
)
async def test_subprotocols_are_agreed_to_in_the_order_of_the_server(offered: Any, asked: Any, agreed: Any) -> None:
    server = Server(app(subprotocols=offered), subprotocols=asked)
    first = await server.next()
    if agreed == 403:
        assert first["status"] == 403
        assert (await server.next())["body"] == b"subprotocol not supported"
        await server.task
        assert INFOS == []
    else:
        assert first == {**ACCEPT, "subprotocol": agreed}
        await server.hang_up()


def test_subprotocols_are_a_list() -> None:
    with pytest.raises(ChannelError, match=r'subprotocols=\["sip"\]'):
        app(subprotocols="sip")


# Frames.

HOSTILE: dict[str, str | bytes] = {
    "broken JSON": "{",
    "an object": '{"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}',
    "a number": "1",
    "four elements": '["1","1","room:1","phx_join"]',
    "a ref that is a number": '["1",1,"room:1","phx_join",{}]',
    "a topic that is null": '["1","1",null,"phx_join",{}]',
    "NaN": '["1","1","room:1","phx_join",NaN]',
    "nested 200,000 deep": "[" * 200_000,
    "an object nested 50,000 deep": '["1","1","room:1","phx_join",' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "]",
    "an integer of a million digits": '["1","1","room:1","phx_join",' + "9" * 1_000_000 + "]",
    "no bytes": b"",
    "bytes that end inside the names": b"\x00\x05\x05\x05\x05abc",
    "a reply, which only servers send": b"\x01\x00\x00\x00\x00",
    "names that are not UTF-8": b"\x00\x00\x00\x01\x01\xff\xfe",
    "a kind that does not exist": b"\xff\x00\x00\x00\x00",
}


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_frame_closes_its_socket_with_1003_and_no_other(frame: str | bytes) -> None:
    site = app()
    server, healthy = await opened(site), await opened(site)
    started = time.process_time()
    server.incoming.put_nowait({"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame})
    assert await server.next() == {"type": "websocket.close", "code": 1003, "reason": "bad frame"}
    assert time.process_time() - started < 10
    await asyncio.wait_for(server.task, 20)
    healthy.frame("1", "1", "room:1", "phx_join", {})
    assert (await heard(healthy))[3] == "phx_reply"
    await healthy.hang_up()


STRANGE = {
    "lone surrogates": ["1", "2", "room:1", "echo", {"a": "\ud800"}],
    "a topic of 100,000 characters": ["1", "2", "room:" + "x" * 100_000, "echo", {}],
    "an event of 100,000 characters": ["1", "2", "room:1", "e" * 100_000, {}],
    "control characters": ["1", "2", "room:1", "\x00\r\n\x1b[2J", {}],
    "a name of Python": ["1", "2", "room:1", "__class__", {}],
    "the server's own events": ["1", "2", "room:1", "phx_reply", {"status": "ok", "response": {}}],
    "a heartbeat of a room": ["1", "2", "room:1", "heartbeat", {}],
    "a join of the heartbeat's topic": ["1", "2", "phoenix", "phx_join", {}],
    "an empty topic": ["1", "2", "", "phx_join", {}],
}


@pytest.mark.parametrize("frame", STRANGE.values(), ids=STRANGE.keys())
async def test_a_strange_message_is_answered_or_crashes_its_channel_alone(frame: Any, caplog: Any) -> None:
    server = await opened(app())
    server.frame("1", "1", "room:1", "phx_join", {})
    server.frame("9", "9", "room:other", "phx_join", {})
    await heard(server)
    await heard(server)
    server.frame(*frame)
    assert (await heard(server))[3] in ("phx_reply", "phx_error")
    server.frame("9", "10", "room:other", "echo", {"still": "here"})
    assert (await heard(server))[4] == {"status": "ok", "response": {"still": "here"}}
    assert all(len(line) < 5000 for line in caplog.messages), "no client fills the log"
    await server.hang_up()


async def test_control_frames_are_the_servers_and_reach_no_channel() -> None:
    async with serving() as (url, _), ws_connect(url) as client:
        await asyncio.wait_for(await client.ping(b"with a payload"), 20)
        await client.pong(b"unasked")
        await client.send(json.dumps([None, "1", "phoenix", "heartbeat", {}]))
        assert json.loads(await client.recv()) == [None, "1", "phoenix", "phx_reply", OK]


# Logging.


@pytest.mark.parametrize(("level", "logged"), [(logging.INFO, True), (logging.WARNING, False)])
async def test_connecting_is_logged_at_info(level: int, logged: bool, caplog: Any) -> None:
    caplog.set_level(level, "ectype.channels")
    await (await opened(app())).hang_up()
    assert ("connect AnySocket by websocket: 101" in caplog.text) is logged


async def test_a_socket_says_at_which_level_it_is_logged_and_what_of_its_params(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "ectype.channels")

    class Quiet(AnySocket):
        log = None

    class Loud(AnySocket):
        log = logging.WARNING
        filter_params = ParamFilter("iban")

    seen: list[Any] = []
    with telemetry.attach("ectype.socket.connected", seen.append):
        for handler in (Quiet, Loud):
            site = Starlette(routes=[Mount("/socket", socket_app(handler, pubsub=PubSub()))])
            await (await opened(site, query="vsn=2.0.0&iban=AT61&token=t&a=1")).hang_up()
    assert [(record.levelname, "connect Loud" in record.message) for record in caplog.records] == [("WARNING", True)]
    assert "AT61" not in caplog.text
    assert seen[0].params == {"vsn": "2.0.0", "iban": "AT61", "token": "[FILTERED]", "a": "1"}
    assert seen[1].params == {"vsn": "2.0.0", "iban": "[FILTERED]", "token": "[FILTERED]", "a": "1"}


@pytest.mark.parametrize("transport", ["websocket", "longpoll"])
async def test_a_filter_of_the_socket_masks_what_its_channels_are_sent(transport: str, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "ectype.channels")

    class Careful(AnySocket):
        filter_params = ParamFilter(keep=["id"])

    site = Starlette(routes=[Mount("/socket", socket_app(Careful, pubsub=PubSub(), longpoll=LongPoll()))])
    join, echo = ["1", "1", "room:1", "phx_join", {"body": "hidden-1"}], ["1", "2", "room:1", "echo", {"id": 7}]
    echo[4]["deep"] = [{"body": "hidden-2", "id": "shown"}]
    if transport == "websocket":
        server = await opened(site)
        for frame in (join, echo):
            server.frame(*frame)
            await heard(server)
        await server.hang_up()
    else:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://app.test") as client:
            token = (await client.get("/socket/longpoll?vsn=2.0.0")).json()["token"]
            url, headers = f"/socket/longpoll?vsn=2.0.0&token={token}", {"content-type": "application/x-ndjson"}
            await client.post(url, content=f"{json.dumps(join)}\n{json.dumps(echo)}", headers=headers)
            got = 0
            while got < 2:
                got += len((await client.get(url)).json()["messages"])
    assert "hidden" not in caplog.text
    assert "'id': 7" in caplog.text
    assert "'id': 'shown'" in caplog.text


@pytest.mark.parametrize("wrong", [{"log": "info"}, {"log": True}, {"filter_params": ["iban"]}])
def test_options_of_a_socket_that_make_no_sense_are_refused_when_its_class_is_made(wrong: Any) -> None:
    with pytest.raises(ChannelError, match=rf"Wrong\.{next(iter(wrong))}"):
        type("Wrong", (AnySocket,), wrong)


# Draining, and close codes.


async def test_a_drain_closes_everybody_with_1012_and_admits_nobody() -> None:
    sockets = socket_app(AnySocket, pubsub=PubSub(), longpoll=LongPoll())
    site = Starlette(routes=[Mount("/socket", sockets)])
    servers = [await opened(site) for _ in range(5)]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://app.test") as client:
        token = (await client.get("/socket/longpoll?vsn=2.0.0")).json()["token"]
        poll = asyncio.create_task(client.get("/socket/longpoll", params={"vsn": "2.0.0", "token": token}))
        await asyncio.sleep(0.05)
        await sockets.drain()
        for server in servers:
            assert await server.next() == {"type": "websocket.close", "code": 1012, "reason": "server stops"}
            assert server.task.done()
        assert (await poll).json() == {"status": 500}
        assert await status_of(site) == 503
        assert (await client.get("/socket/longpoll?vsn=2.0.0")).json() == {"status": 500}
    async with sockets:
        assert await status_of(site) == 101


async def test_who_is_being_admitted_when_a_drain_begins_is_not_admitted() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    class Slow(AnySocket):
        async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
            asked.set()
            await go.wait()
            return Connected()

    sockets = socket_app(Slow, pubsub=PubSub(), longpoll=LongPoll())
    site = Starlette(routes=[Mount("/socket", sockets)])
    status = asyncio.create_task(status_of(site))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://app.test") as client:
        await asked.wait()
        asked.clear()
        polled = asyncio.create_task(client.get("/socket/longpoll?vsn=2.0.0"))
        await asked.wait()
        await sockets.drain()
        go.set()
        assert await status == 503
        assert (await polled).json() == {"status": 500}


async def test_who_is_accepted_while_a_drain_begins_is_closed_with_1012() -> None:
    sockets = socket_app(AnySocket, pubsub=PubSub())
    server = Server(Starlette(routes=[Mount("/socket", sockets)]))
    server.reading.clear()
    await asyncio.sleep(0.02)
    await sockets.drain()
    server.reading.set()
    assert (await server.next())["type"] == "websocket.accept"
    assert (await server.next())["code"] == 1012
    await asyncio.wait_for(server.task, 20)


async def test_a_drain_goes_by_batches() -> None:
    drain = Drain(batch_size=2, batch_interval=timedelta(seconds=0.2))
    sockets = socket_app(AnySocket, pubsub=PubSub(), drain=drain)
    site = Starlette(routes=[Mount("/socket", sockets)])
    servers = [await opened(site) for _ in range(5)]
    started = time.monotonic()
    await sockets.drain()
    assert time.monotonic() - started >= 0.4, "two pauses between three batches"
    assert [(await server.next())["code"] for server in servers] == [1012] * 5


async def test_a_batch_of_a_drain_is_no_larger_than_was_said() -> None:
    sockets = socket_app(AnySocket, pubsub=PubSub(), drain=Drain(batch_size=2, batch_interval=timedelta(hours=1)))
    site = Starlette(routes=[Mount("/socket", sockets)])
    servers = [await opened(site) for _ in range(5)]
    draining = asyncio.create_task(sockets.drain())
    assert [(await server.next())["code"] for server in servers[:2]] == [1012] * 2
    await asyncio.sleep(0.02)
    assert all(server.outgoing.empty() for server in servers[2:])
    draining.cancel()
    for server in servers[2:]:
        await server.hang_up()


async def test_a_drain_does_not_wait_for_ever_for_a_client_that_does_not_read(caplog: Any) -> None:
    sockets = socket_app(AnySocket, pubsub=PubSub(), drain=Drain(shutdown=timedelta(seconds=0.1)))
    server = await opened(Starlette(routes=[Mount("/socket", sockets)]))
    server.reading.clear()
    await sockets.drain()
    assert "1 sockets had not ended" in caplog.text
    server.reading.set()
    await asyncio.wait_for(server.task, 20)


async def test_sockets_are_drained_by_the_lifespan() -> None:
    sockets = socket_app(AnySocket, pubsub=PubSub())
    site = Starlette(routes=[Mount("/socket", sockets)])
    async with repo_lifespan(sockets)(site):
        server = await opened(site)
    assert (await server.next())["code"] == 1012


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_interval": timedelta(-1)}, {"shutdown": timedelta(-1)}])
def test_a_drain_that_makes_no_sense_is_refused(options: Any) -> None:
    with pytest.raises(ChannelError, match=next(iter(options))):
        Drain(**options)


def test_nothing_ever_closes_with_1000() -> None:
    folder = Path(rooms.__file__).parent
    literal = [path.name for path in folder.glob("*.py") if re.search(r"\b(close|Closing)\(\s*\d", path.read_text())]
    assert not literal, "every close names one of the codes of server.py"
    codes = re.findall(r"(?m)^[A-Z_]+: Final = (1\d{3})$", (folder / "server.py").read_text())
    assert codes == ["1001", "1003", "1009", "1011", "1012", "1013"]
