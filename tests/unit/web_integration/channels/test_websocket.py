"""The WebSocket transport: over raw ASGI for what a server tells it, and over uvicorn for what a client sees."""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ectype import telemetry
from ectype.errors import ConfigError, NoResultsError
from ectype.web_integration import (
    Channel,
    ChannelError,
    Connected,
    ConnectInfo,
    Join,
    Joined,
    Params,
    Payload,
    PubSub,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    repo_errors,
    socket_app,
)
from ectype.web_integration.channels import events
from ectype.web_integration.channels.handshake import auth_token

ENDS: list[str] = []


class Room(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined({**socket.assigns})

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def handle_in_pause(self, payload: Payload, socket: Socket) -> None:
        await asyncio.sleep(0.05)
        ENDS.append("paused")

    async def handle_in_wait(self, payload: Payload, socket: Socket) -> None:
        await asyncio.sleep(30)

    async def terminate(self, reason: str, socket: Socket) -> None:
        ENDS.append(reason)


class UserSocket(SocketHandler):
    channels = {"room:*": Room}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
        match params.get("user"):
            case "mallory":
                return Refused(429, reason="slow down")
            case "nobody":
                return Refused()
            case "ghost":
                raise NoResultsError("no user named ghost")
            case "odd":
                return {"user": "odd"}  # type: ignore[return-value]
            case user:
                known = {"user": user, "tenant": params.get("tenant"), "token": info.auth_token}
                known |= {"agent": info.headers.get("User-Agent"), "peer": bool(info.peer), "url": info.url}
                return Connected(id=f"users:{user}", **known)


class Server:
    """The application as an ASGI server sees it: what it sends comes out of a queue."""

    def __init__(self, app: Any, path: str = "/socket/websocket", query: str = "vsn=2.0.0", **scope: Any) -> None:
        self.scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "ws", "path": path, "root_path": "",
            "query_string": query.encode("latin-1"), "headers": [(b"host", b"app.test")], "subprotocols": [],
            "server": ("app.test", 80), "client": None, "extensions": {"websocket.http.response": {}}, **scope,
        }  # fmt: skip
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Any] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.reading = asyncio.Event()
        self.reading.set()
        self.task = asyncio.create_task(app(self.scope, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        self.outgoing.put_nowait(message)

    def frame(self, *parts: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(parts)})

    async def next(self) -> Any:
        return await asyncio.wait_for(self.outgoing.get(), 2)

    async def hang_up(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, 2)


def make_app(**options: Any) -> Starlette:
    options.setdefault("pubsub", PubSub())
    return Starlette(
        routes=[
            Mount("/socket", socket_app(UserSocket, **options)),
            Mount("/at/{tenant}", socket_app(UserSocket, **options)),
        ],
        exception_handlers=repo_errors(),
    )


ACCEPT = {"type": "websocket.accept", "subprotocol": None, "headers": []}


async def test_a_client_is_accepted_joins_and_hangs_up() -> None:
    ENDS.clear()
    server = Server(make_app(), query="user=ada&vsn=2.0.0")
    assert await server.next() == ACCEPT
    server.frame("1", "1", "room:1", "phx_join", {})
    reply = json.loads((await server.next())["text"])
    assert reply[:4] == ["1", "1", "room:1", "phx_reply"]
    assert reply[4]["response"]["user"] == "ada"
    await server.hang_up()
    assert ENDS == ["disconnected"]
    assert server.outgoing.empty(), "a client that is gone is not closed"


async def test_variables_of_the_path_are_parameters_and_win_over_the_query() -> None:
    server = Server(make_app(), path="/at/acme/websocket", query="vsn=2.0.0&tenant=evil")
    await server.next()
    server.frame("1", "1", "room:1", "phx_join", {})
    assert json.loads((await server.next())["text"])[4]["response"]["tenant"] == "acme"
    await server.hang_up()


async def test_connect_knows_headers_peer_url_and_the_auth_token() -> None:
    token = base64.b64encode(b"s3cret~token").decode().rstrip("=")
    server = Server(
        make_app(),
        subprotocols=["phoenix", f"base64url.bearer.phx.{token}"],
        headers=[(b"host", b"app.test"), (b"user-agent", b"tests/1")],
        client=("10.0.0.1", 99),
    )
    assert (await server.next())["subprotocol"] == "phoenix"
    server.frame("1", "1", "room:1", "phx_join", {})
    known = json.loads((await server.next())["text"])[4]["response"]
    assert known["token"] == "s3cret~token"
    assert (known["agent"], known["peer"]) == ("tests/1", True)
    assert known["url"] == "ws://app.test/socket/websocket?vsn=2.0.0"
    await server.hang_up()


@pytest.mark.parametrize(
    ("protocols", "token"),
    [
        ([], None),
        (["phoenix"], None),
        (["base64url.bearer.phx.YQ"], "a"),
        (["phoenix", "base64url.bearer.phx.8J-QjvCfkI4"], "🐎🐎"),
        (["phoenix", "base64url.bearer.phx.8J+QjvCfkI4"], "🐎🐎"),
        (["base64url.bearer.phx.YQ", "base64url.bearer.phx.Yg"], None),
    ],
)
def test_the_auth_token_is_read_in_either_alphabet(protocols: list[str], token: str | None) -> None:
    assert auth_token(protocols) == token


async def test_no_subprotocol_is_promised_that_was_not_asked_for() -> None:
    server = Server(make_app(), subprotocols=["graphql-ws"])
    assert await server.next() == ACCEPT
    await server.hang_up()


REFUSED = [
    ("vsn=2.0.0&user=nobody", {}, 403, b""),
    ("vsn=2.0.0&user=mallory", {}, 429, b"slow down"),
    ("vsn=3.0.0", {}, 403, b"version not supported"),
    ("vsn=", {}, 403, b"version not supported"),
    ("vsn=2.0.0", {"headers": [(b"host", b"app.test"), (b"origin", b"https://evil.test")]}, 403, b"origin not allowed"),
    (
        "vsn=2.0.0",
        {"headers": [(b"host", b"app.test"), (b"origin", b"http://app.test"), (b"origin", b"http://evil.test")]},
        403,
        b"origin not allowed",
    ),
    (
        "vsn=2.0.0",
        {"headers": [(b"host", b"app.test"), (b"host", b"evil.test"), (b"origin", b"http://evil.test")]},
        403,
        b"origin not allowed",
    ),
    ("vsn=2.0.0", {"subprotocols": ["phoenix", "base64url.bearer.phx.***"]}, 403, b"auth token is not base64"),
    ("vsn=2.0.0", {"subprotocols": ["base64url.bearer.phx._w"]}, 403, b"auth token is not base64"),
]


@pytest.mark.parametrize(("query", "scope", "status", "body"), REFUSED)
async def test_a_refusal_is_an_http_status_before_anything_is_accepted(
    query: str, scope: Any, status: int, body: bytes
) -> None:
    server = Server(make_app(), query=query, **scope)
    start = await server.next()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert (await server.next())["body"] == body
    await asyncio.wait_for(server.task, 2)


async def test_a_server_that_can_say_403_only_says_that() -> None:
    server = Server(make_app(), query="vsn=2.0.0&user=mallory", extensions={})
    assert (await server.next())["type"] == "websocket.close"
    await server.task


@pytest.mark.parametrize(("extensions", "kind"), [({"websocket.http.response": {}}, "start"), ({}, "close")])
async def test_an_error_of_the_repo_in_connect_refuses_with_its_status(extensions: Any, kind: str) -> None:
    server = Server(make_app(), query="vsn=2.0.0&user=ghost", extensions=extensions)
    first = await server.next()
    if kind == "start":
        assert first["status"] == 404
        assert json.loads((await server.next())["body"]) == {"type": "about:blank", "title": "Not Found", "status": 404}
    else:
        assert first["type"] == "websocket.close"
    await server.task


async def test_connect_that_returns_something_else_is_told_what_to_return() -> None:
    server = Server(make_app(), query="vsn=2.0.0&user=odd")
    with pytest.raises(ChannelError, match=r"return Connected\(user_id=…\) or Refused\(\)"):
        await server.task


async def test_a_refused_origin_is_logged_with_the_option_to_set(caplog: Any) -> None:
    server = Server(make_app(), headers=[(b"host", b"app.test"), (b"origin", b"https://evil.test")])
    await server.next()
    await server.task
    assert "check_origin=[" in caplog.text
    assert "https://evil.test" in caplog.text


async def test_origins_can_be_listed() -> None:
    app = make_app(check_origin=["https://spa.test"])
    server = Server(app, headers=[(b"host", b"app.test"), (b"origin", b"https://spa.test")])
    assert await server.next() == ACCEPT
    await server.hang_up()


def test_a_wrong_origin_in_the_list_is_found_when_the_app_is_made() -> None:
    with pytest.raises(ConfigError):
        make_app(check_origin=["spa.test"])


@pytest.mark.parametrize("options", [{"max_channels": 0}, {"outbox_limit": 0}, {"idle_timeout": timedelta(0)}])
def test_limits_that_make_no_sense_are_found_when_the_app_is_made(options: Any) -> None:
    with pytest.raises(ChannelError):
        make_app(**options)


async def test_a_plain_request_is_told_400_and_other_paths_404() -> None:
    transport = httpx.ASGITransport(app=make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
        assert (await client.get("/socket/websocket?vsn=2.0.0")).status_code == 400
        assert (await client.post("/socket/websocket")).status_code == 400
        assert (await client.get("/socket/other")).status_code == 404


async def test_another_path_is_refused() -> None:
    server = Server(make_app(), path="/socket/elsewhere")
    assert (await server.next())["type"] in ("websocket.close", "websocket.http.response.start")
    await server.task


async def test_a_bad_frame_closes_with_1003() -> None:
    server = Server(make_app())
    await server.next()
    server.incoming.put_nowait({"type": "websocket.receive", "text": "{"})
    assert await server.next() == {"type": "websocket.close", "code": 1003, "reason": "bad frame"}
    await asyncio.wait_for(server.task, 2)


async def test_a_silent_client_is_closed_with_1001_and_a_talking_one_is_not() -> None:
    server = Server(make_app(idle_timeout=timedelta(milliseconds=80)))
    await server.next()
    for n in range(6):
        await asyncio.sleep(0.03)
        server.frame(None, str(n), "phoenix", "heartbeat", {})
        assert (await server.next())["type"] == "websocket.send"
    assert await server.next() == {"type": "websocket.close", "code": 1001, "reason": "idle"}
    await asyncio.wait_for(server.task, 2)


async def test_a_server_that_stops_is_told_to_clients_as_1012() -> None:
    ENDS.clear()
    server = Server(make_app())
    await server.next()
    server.frame("1", "1", "room:1", "phx_join", {})
    await server.next()
    server.task.cancel()
    assert await server.next() == {"type": "websocket.close", "code": 1012, "reason": "server stops"}
    with pytest.raises(asyncio.CancelledError):
        await server.task
    assert ENDS == ["draining"]


async def test_an_error_of_ours_closes_with_1011_and_is_not_swallowed(monkeypatch: Any) -> None:
    server = Server(make_app())
    await server.next()
    server.incoming.put_nowait({"type": "websocket.receive"})
    assert (await server.next())["code"] == 1011
    with pytest.raises(KeyError):
        await server.task


async def test_nothing_is_left_when_a_client_goes_while_its_channel_works() -> None:
    before = len(asyncio.all_tasks())
    server = Server(make_app())
    await server.next()
    server.frame("1", "1", "room:1", "phx_join", {})
    await server.next()
    server.frame("1", "2", "room:1", "wait", {})
    await asyncio.sleep(0.01)
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await asyncio.sleep(0.01)
    server.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server.task
    await asyncio.sleep(0.01)
    assert len(asyncio.all_tasks()) == before


async def test_connecting_is_reported_with_its_secrets_masked(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "ectype.channels")
    seen: list[Any] = []
    with telemetry.attach(events.CONNECTED, seen.append):
        server = Server(make_app(), query="vsn=2.0.0&token=s3cret")
        await server.next()
        await server.hang_up()
        refused = Server(make_app(), query="vsn=2.0.0&user=mallory")
        await refused.next()
        await refused.task
    assert [(event.handler, event.status) for event in seen] == [("UserSocket", 101), ("UserSocket", 429)]
    assert seen[0].params == {"vsn": "2.0.0", "token": "[FILTERED]"}
    assert "s3cret" not in caplog.text


async def test_a_client_that_does_not_read_loses_its_channels_at_once_and_hears_1013_when_it_reads() -> None:
    pubsub = PubSub()
    server = Server(make_app(pubsub=pubsub, outbox_limit=5))
    await server.next()
    server.frame("1", "1", "room:1", "phx_join", {})
    await server.next()
    server.reading.clear()
    for n in range(8):
        pubsub.broadcast("room:1", "n", {"n": n})
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert pubsub.subscribers("room:1") == 0
    assert not server.task.done()
    server.reading.set()
    assert await server.next() == {"type": "websocket.close", "code": 1013, "reason": "too slow"}
    await asyncio.wait_for(server.task, 2)


async def test_a_disconnect_does_not_cut_short_what_a_stopping_server_lets_channels_finish() -> None:
    ENDS.clear()
    pubsub = PubSub()
    server = Server(make_app(pubsub=pubsub), query="vsn=2.0.0&user=ada")
    await server.next()
    server.frame("1", "1", "room:1", "phx_join", {})
    await server.next()
    server.frame("1", "2", "room:1", "pause", {})
    await asyncio.sleep(0.01)
    server.task.cancel()
    assert (await server.next())["code"] == 1012
    pubsub.broadcast("users:ada", "disconnect", {})
    with pytest.raises(asyncio.CancelledError):
        await server.task
    assert ENDS == ["paused", "draining"]


# Over uvicorn.


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(make_app(**options), log_level="critical", lifespan="off", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/socket/websocket?vsn=2.0.0", server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 5)


async def join(client: ClientConnection, topic: str = "room:1") -> None:
    await client.send(json.dumps(["1", "1", topic, "phx_join", {}]))
    assert json.loads(await client.recv())[3] == "phx_reply"


async def test_uvicorn_refuses_with_the_status_that_was_asked_for() -> None:
    async with serving() as (url, _):
        with pytest.raises(InvalidStatus) as refused:
            await ws_connect(f"{url}&user=mallory")
        assert refused.value.response.status_code == 429
        with pytest.raises(InvalidStatus) as refused:
            await ws_connect(url, origin="https://evil.test")  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


async def test_a_client_of_uvicorn_that_stops_reading_is_closed_with_1013_and_others_go_on() -> None:
    pubsub = PubSub()
    async with (
        serving(pubsub=pubsub, outbox_limit=20) as (url, _),
        ws_connect(url, max_queue=1, max_size=None, compression=None) as slow,
        ws_connect(url, max_size=None, compression=None) as fast,
    ):
        await join(slow)
        await join(fast)
        text = "x" * 400_000
        for n in range(60):
            pubsub.broadcast("room:1", "n", {"n": n, "text": text})
            assert json.loads(await asyncio.wait_for(fast.recv(), 2))[4]["n"] == n
        await asyncio.sleep(0.01)
        assert pubsub.subscribers("room:1") == 1, "the slow client is out, though it has not heard it yet"
        got: list[int] = []
        with pytest.raises(ConnectionClosed) as closed:
            await read_all(slow, got)
        assert got == list(range(len(got))), "no frame is missing before the close"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013


async def read_all(client: ClientConnection, got: list[int]) -> None:
    while True:
        got.append(json.loads(await asyncio.wait_for(client.recv(), 2))[4]["n"])


async def test_a_client_of_uvicorn_hears_1012_when_the_server_stops() -> None:
    ENDS.clear()
    async with serving() as (url, server), ws_connect(url) as client:
        await join(client)
        server.should_exit = True
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 3)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert ENDS == ["disconnected"]
