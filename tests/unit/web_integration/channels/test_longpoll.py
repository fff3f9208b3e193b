"""The long-poll transport over ASGI: each test in one process, and with the session in another one."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ectype import telemetry
from ectype.web_integration import (
    Channel,
    ChannelError,
    Connected,
    ConnectInfo,
    Join,
    Joined,
    LongPoll,
    Params,
    Payload,
    PubSub,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    socket_app,
)
from ectype.web_integration.channels import events
from ectype.web_integration.channels.longpoll_token import SessionId, SessionTokens

SECRET = "a secret for the tests, which is long enough"
NDJSON = {"content-type": "application/x-ndjson"}


class Room(Channel):
    ends: list[str]
    go: asyncio.Event

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined({key: value for key, value in socket.assigns.items() if key in payload.get("show", ())})

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def handle_in_shout(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast("shout", payload)

    async def handle_in_boom(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("boom")

    async def handle_in_flood(self, payload: Payload, socket: Socket) -> None:
        for n in range(payload["frames"]):
            await self.broadcast("flood", {"n": n})
            await asyncio.sleep(0)

    async def handle_in_wait(self, payload: Payload, socket: Socket) -> None:
        await self.go.wait()

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Reply:
        return Reply(data[::-1])

    async def terminate(self, reason: str, socket: Socket) -> None:
        self.ends.append(reason)


class Session:
    """A client that polls; where there are two processes, none of its requests comes to the one with its session."""

    def __init__(self, opener: httpx.AsyncClient, other: httpx.AsyncClient, **params: str) -> None:
        self.opener = opener
        self.other = other
        self.params = {"vsn": "2.0.0", **params}
        self.token: str | None = None
        self.headers: dict[str, str] = {}

    def _url(self) -> str:
        known = self.params if self.token is None else {**self.params, "token": self.token}
        return str(httpx.URL("/socket/longpoll", params=known))

    async def get(self) -> Any:
        client = self.opener if self.token is None else self.other
        response = await client.get(self._url(), headers=self.headers)
        assert response.status_code == 200
        return response.json()

    async def open(self) -> "Session":
        opened = await self.get()
        assert opened.pop("token")
        assert opened == {"status": 410, "messages": []}
        return self

    async def start(self) -> "Session":
        self.token = (await self.get())["token"]
        return self

    async def post(self, body: str | bytes, **headers: str) -> Any:
        response = await self.other.post(self._url(), content=body, headers={**NDJSON, **headers})
        assert response.status_code == 200
        return response.json()

    async def send(self, *frames: Any) -> Any:
        return await self.post("\n".join(json.dumps(frame) for frame in frames))

    async def messages(self, count: int = 1) -> list[Any]:
        got: list[Any] = []
        async with asyncio.timeout(20):
            while len(got) < count:
                polled = await self.get()
                assert polled["status"] in (200, 204), polled
                assert polled["token"] == self.token
                got += [json.loads(message) for message in polled["messages"]]
        assert len(got) == count
        return got

    async def join(self, topic: str = "room:1", **payload: Any) -> Any:
        assert await self.send(["1", "1", topic, "phx_join", payload]) == {"status": 200}
        return (await self.messages())[0]


class Site:
    """An application in one process, or in two that share a PubSub."""

    def __init__(self, mode: str, room: type[Room]) -> None:
        self.mode = mode
        self.pubsub = PubSub()
        self.room = room
        self.infos: list[tuple[Params, ConnectInfo]] = []
        self._clients: list[httpx.AsyncClient] = []

    def app(self, **options: Any) -> Starlette:
        infos, room = self.infos, self.room

        class UserSocket(SocketHandler):
            channels = {"room:*": room}

            async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
                infos.append((params, info))
                if params.get("user") == "mallory":
                    return Refused(429)
                return Connected(user=params.get("user"), auth=info.auth_token, id=f"users:{params.get('user')}")

        window = options.pop("window", timedelta(seconds=5))
        patience = options.pop("answer_timeout", timedelta(seconds=5))
        poll = LongPoll(secret=SECRET, window=window, answer_timeout=patience)
        sockets = socket_app(UserSocket, pubsub=self.pubsub, longpoll=poll, **options)
        return Starlette(routes=[Mount("/socket", sockets), Mount("/at/{tenant}", sockets)])

    def client(self, app: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, client=("10.1.2.3", 99))
        self._clients.append(httpx.AsyncClient(transport=transport, base_url="http://app.test", timeout=30))
        return self._clients[-1]

    def pair(self, **options: Any) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
        opener = self.client(self.app(**options))
        return opener, opener if self.mode == "local" else self.client(self.app(**options))

    def session(self, params: dict[str, str] | None = None, **options: Any) -> Session:
        return Session(*self.pair(**options), **(params or {}))

    async def close(self) -> None:
        self.room.go.set()
        for client in self._clients:
            await client.aclose()


@pytest.fixture(params=["local", "pubsub"])
async def site(request: Any) -> AsyncIterator[Site]:
    site = Site(request.param, type("RoomHere", (Room,), {"ends": [], "go": asyncio.Event()}))
    yield site
    await site.close()


@pytest.fixture
async def local() -> AsyncIterator[Site]:
    site = Site("local", type("RoomHere", (Room,), {"ends": [], "go": asyncio.Event()}))
    yield site
    await site.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


OK = {"status": "ok", "response": {}}


async def test_the_first_poll_opens_a_session_with_410_and_a_token(site: Site) -> None:
    await site.session().open()


async def test_a_client_joins_by_post_and_hears_by_poll(site: Site) -> None:
    session = await site.session().start()
    assert await session.join() == ["1", "1", "room:1", "phx_reply", OK]
    assert await session.send(["1", "2", "room:1", "echo", {"é": "🐎"}]) == {"status": 200}
    assert (await session.messages())[0][4] == {"status": "ok", "response": {"é": "🐎"}}


async def test_an_empty_poll_is_204_after_its_window(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=1)).start()
    assert await session.get() == {"status": 204, "token": session.token, "messages": []}


async def test_a_poll_waits_for_what_comes(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=30)).start()
    await session.join()
    poll = asyncio.create_task(session.messages())
    await asyncio.sleep(0.05)
    site.pubsub.broadcast("room:1", "news", {"n": 1})
    assert await poll == [[None, None, "room:1", "news", {"n": 1}]]


async def test_what_comes_between_polls_is_one_batch_in_order(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    for n in range(50):
        site.pubsub.broadcast("room:1", "n", {"n": n})
    assert [message[4]["n"] for message in await session.messages(50)] == list(range(50))


async def test_the_101st_channel_is_refused_over_long_poll(site: Site) -> None:
    session = await site.session().start()
    for n in range(100):
        await session.send([str(n), str(n), f"room:{n}", "phx_join", {}])
    assert {message[4]["status"] for message in await session.messages(100)} == {"ok"}
    await session.send(["x", "x", "room:x", "phx_join", {}])
    assert (await session.messages())[0][4] == {"status": "error", "response": {"reason": "too many channels joined"}}


async def test_connect_knows_headers_peer_and_url_of_the_request_that_opened_the_session(site: Site) -> None:
    session = site.session({"user": "ada"})
    session.headers = {"x-one": "1", "user-agent": "tests/1", "traceparent": "00-ab", "x-phoenix-authtoken": "s3.cret"}
    await session.start()
    params, info = site.infos[0]
    assert dict(params) == {"vsn": "2.0.0", "user": "ada"}
    assert (info.headers["X-One"], info.headers["User-Agent"], info.headers["traceparent"]) == ("1", "tests/1", "00-ab")
    assert info.peer == ("10.1.2.3", 99)
    assert info.url == "http://app.test/socket/longpoll?vsn=2.0.0&user=ada"
    assert info.auth_token == "s3.cret"


async def test_the_auth_token_is_read_when_the_session_opens_only(site: Site) -> None:
    session = await site.session().start()
    session.headers = {"x-phoenix-authtoken": "later"}
    assert (await session.join(show=["auth"]))[4]["response"] == {"auth": None}


async def test_a_message_to_a_room_not_joined_gets_an_error_reply(site: Site) -> None:
    session = await site.session().start()
    assert await session.send([None, "7", "room:1", "echo", {}]) == {"status": 200}
    assert await session.messages() == [
        [None, "7", "room:1", "phx_reply", {"status": "error", "response": {"reason": "unmatched topic"}}]
    ]


async def test_messages_need_no_join_ref(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    await session.send([None, "2", "room:1", "echo", {"a": 1}])
    assert (await session.messages())[0] == ["1", "2", "room:1", "phx_reply", {"status": "ok", "response": {"a": 1}}]


async def test_a_batch_holds_text_and_base64_and_what_is_stale_is_ignored(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    binary = b"\x00" + bytes([1, 1, 6, 2]) + b"1" + b"3" + b"room:1" + b"up" + b"\x01\x02\xff"
    lines = [
        json.dumps(["1", "2", "room:1", "echo", {"a": 1}]),
        json.dumps(["0", "9", "room:1", "echo", {"stale": True}]),
        base64.b64encode(binary).decode(),
        json.dumps(["1", "4", "room:1", "echo", {"a": 2}]),
    ]
    assert await session.post("\r\n".join(lines)) == {"status": 200}
    replies = await session.messages(3)
    assert [(reply[1], reply[4]["response"]) for reply in replies] == [
        ("2", {"a": 1}), ("3", {"base64": "/wIB"}), ("4", {"a": 2}),
    ]  # fmt: skip


async def test_entries_after_the_first_hundred_are_ignored(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    await session.send(*(["1", str(n), "room:1", "echo", {"n": n}] for n in range(110)))
    assert [reply[4]["response"]["n"] for reply in await session.messages(100)] == list(range(100))
    site.pubsub.broadcast("room:1", "end", {})
    assert (await session.messages())[0][3] == "end"


async def test_a_session_that_nobody_polls_ends_and_posts_hear_410(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=1), answer_timeout=timedelta(seconds=1)).start()
    token = session.token
    await session.send(["1", "1", "room:1", "phx_join", {}])
    await until(lambda: site.room.ends == ["disconnected"])
    assert await session.post("[]") == {"status": 410}
    again = await session.get()
    assert again["status"] == 410
    assert again["token"] != token


async def test_a_session_that_is_polled_lives_on(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=2)).start()
    await session.join()
    for _ in range(2):
        assert (await session.get())["status"] == 204
    assert site.room.ends == []


async def test_a_post_that_is_not_handled_within_the_window_is_told_408_and_stops_its_batch(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=2), inbox_limit=1).start()
    await session.join()
    poll = asyncio.create_task(session.get())
    first = await session.send(*(["1", str(n), "room:1", "wait", {}] for n in range(2, 6)))
    assert first == {"status": 408}
    await poll
    assert await session.send(["1", "8", "room:1", "echo", {}]) == {"status": 408}, "it waits behind the others"
    site.room.go.set()
    async with asyncio.timeout(20):
        while (await session.send(["1", "9", "room:1", "echo", {}]))["status"] == 408:
            await asyncio.sleep(0.005)
    assert (await session.messages())[0][1] == "9"


async def test_a_refused_connect_is_403_in_the_body(site: Site) -> None:
    assert await site.session({"user": "mallory"}).get() == {"status": 403}


@pytest.mark.parametrize("version", ["3.0.0", "2.1.0", "x", ""])
async def test_a_version_that_is_not_spoken_is_403_in_the_body(version: str, local: Site) -> None:
    assert await local.session({"vsn": version}).get() == {"status": 403}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_foreign_origin_is_403_in_the_body_of_every_request(method: str, local: Site) -> None:
    opener, _ = local.pair()
    response = await opener.request(method, "/socket/longpoll?vsn=2.0.0", headers={"origin": "https://evil.test"})
    assert (response.status_code, response.json()) == (200, {"status": 403})
    assert local.infos == []


async def test_parameters_are_masked_in_the_log_of_the_join(site: Site, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "ectype.channels")
    session = await site.session({"password": "hidden-1"}).start()
    await session.join(password="hidden-2")
    await session.send(["1", "2", "room:1", "echo", {"token": "hidden-3"}])
    await session.messages()
    assert "hidden" not in caplog.text
    assert caplog.text.count("[FILTERED]") >= 3


async def test_a_crash_is_phx_error_and_the_session_lives_on(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    await session.send(["1", "2", "room:1", "boom", {}])
    assert await session.messages() == [["1", "1", "room:1", "phx_error", {"reason": "channel_crash"}]]
    assert (await session.join())[4]["status"] == "ok"


async def test_a_stale_leave_is_ignored_and_one_without_join_ref_is_taken(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    await session.send(["0", "2", "room:1", "phx_leave", {}], [None, "3", "room:1", "phx_leave", {}])
    assert await session.messages(2) == [["1", "3", "room:1", "phx_reply", OK], ["1", "1", "room:1", "phx_close", {}]]
    assert site.room.ends == ["left"]


async def test_a_disconnect_broadcast_ends_the_session(site: Site) -> None:
    session = await site.session({"user": "ada"}, answer_timeout=timedelta(seconds=1)).start()
    await session.join()
    site.pubsub.broadcast("users:ada", "disconnect", {})
    await until(lambda: site.room.ends == ["disconnected"])
    assert (await session.get())["status"] == 410


async def test_a_poll_that_waits_when_its_session_ends_is_told_to_connect_anew(site: Site) -> None:
    session = await site.session({"user": "ada"}, window=timedelta(seconds=30)).start()
    await session.join()
    poll = asyncio.create_task(session.get())
    await asyncio.sleep(0.05)
    site.pubsub.broadcast("users:ada", "disconnect", {})
    assert await poll == {"status": 500}


@pytest.mark.parametrize("params", [{"vsn": "1.0.0"}, {"vsn": "1.0.0", "user": "ada"}])
async def test_version_1_is_spoken_without_ndjson(params: dict[str, str], site: Site) -> None:
    session = await site.session(params).start()
    join = {"topic": "room:1", "event": "phx_join", "payload": {}, "ref": "1"}
    headers = {"content-type": "application/json"}
    assert await session.post(json.dumps(join, indent=2), **headers) == {"status": 200}
    reply = {"topic": "room:1", "event": "phx_reply", "payload": OK, "ref": "1"}
    assert await session.messages() == [reply]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-ndjson; charset=utf-8"])
async def test_a_body_of_another_content_type_is_one_text_frame(kind: str, site: Site) -> None:
    session = await site.session().start()
    frame = json.dumps(["1", "1", "room:1", "phx_join", {}], indent=2)
    assert await session.post(frame, **{"content-type": kind}) == {"status": 200}
    assert (await session.messages())[0][3] == "phx_reply"


async def test_variables_of_the_path_are_parameters(local: Site) -> None:
    opener, _ = local.pair()
    await opener.get("/at/acme/longpoll?vsn=2.0.0&tenant=evil")
    assert local.infos[0][0]["tenant"] == "acme"


async def test_a_token_in_the_header_beats_one_in_the_query(site: Site) -> None:
    session = await site.session().start()
    session.headers = {"x-phoenix-longpoll-token": session.token or ""}
    session.token = None
    session.params["token"] = "a token of the application"
    session.opener = session.other
    polled = asyncio.create_task(session.get())
    frame = json.dumps(["1", "1", "room:1", "phx_join", {}])
    await session.post(frame, **session.headers)
    assert (await polled)["status"] == 200


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: "A" + t, lambda _: "x", lambda _: "é.é", lambda _: ""])
async def test_a_token_that_was_changed_opens_a_new_session(spoil: Callable[[str], str], local: Site) -> None:
    session = await local.session().start()
    session.token = spoil(session.token or "")
    assert (await session.get())["status"] == 410
    assert await session.post("[]") == {"status": 410}


async def test_responses_are_json_never_cached_and_open_to_listed_origins(site: Site) -> None:
    opener, _ = site.pair(check_origin=["https://spa.test"])
    origin = {"origin": "https://spa.test"}
    wanted = {
        "cache-control": "no-store", "access-control-allow-origin": "*",
        "content-type": "application/json; charset=utf-8",
    }  # fmt: skip
    for method in ("GET", "POST"):
        response = await opener.request(method, "/socket/longpoll?vsn=2.0.0", headers=origin)
        assert {name: response.headers[name] for name in wanted} == wanted


async def test_a_preflight_is_answered_with_what_was_asked_for(local: Site) -> None:
    opener, _ = local.pair()
    asked = {"access-control-request-headers": "content-type, x-phoenix-authtoken"}
    response = await opener.options("/socket/longpoll", headers=asked)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["access-control-allow-headers"] == "content-type, x-phoenix-authtoken"
    assert response.headers["access-control-allow-methods"] == "get, post, options"
    assert response.headers["access-control-max-age"] == "3600"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_400(method: str, local: Site) -> None:
    opener, _ = local.pair()
    assert (await opener.request(method, "/socket/longpoll?vsn=2.0.0")).status_code == 400


BAD_BODIES = {
    "not base64": b"%%%",
    "base64 with a hole": b"AAA",
    "text that is not UTF-8": b'["1","1","room:1","\xff",{}]',
    "more than eight megabytes": b"[" + b" " * 8_000_001,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_cannot_be_read_is_400_and_harms_no_session(body: bytes, site: Site) -> None:
    session = await site.session().start()
    response = await session.other.post(session._url(), content=body, headers=NDJSON)  # pyright: ignore[reportPrivateUsage]
    assert response.status_code == 400
    await session.join()


HOSTILE = {
    "broken JSON": "[",
    "an object": '[{"a":1}]',
    "a short list": '["1","2"]',
    "numbers": "[1,2,3,4,5]",
    "deep nesting": "[" * 200_000,
    "NaN": '["1","1","room:1","phx_join",NaN]',
    "a binary frame that ends early": base64.b64encode(b"\x00\xff\xff\xff\xffab").decode(),
    "a binary frame of the server's kind": base64.b64encode(b"\x02\x00\x00\x00\x00").decode(),
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_frame_ends_its_session_alone(line: str, site: Site) -> None:
    session = await site.session().start()
    healthy = await Session(session.opener, session.other).start()
    await session.join()
    assert await session.post(line) == {"status": 410}
    await until(lambda: site.room.ends == ["disconnected"])
    await healthy.join()


async def test_a_client_that_does_not_poll_is_cut_off_at_its_bound_and_told(site: Site, caplog: Any) -> None:
    session = await site.session(outbox_limit=20, answer_timeout=timedelta(seconds=1)).start()
    await session.join()
    await session.send(["1", None, "room:1", "flood", {"frames": 100}])
    await until(lambda: "disconnected" in site.room.ends)
    assert "too slow" in caplog.text
    assert (await session.get())["status"] == 410


async def test_a_client_that_polls_in_time_loses_nothing_up_to_the_bound(site: Site) -> None:
    session = await site.session(outbox_limit=20).start()
    await session.join()
    for _ in range(5):
        for n in range(20):
            site.pubsub.broadcast("room:1", "n", {"n": n})
        assert [message[4]["n"] for message in await session.messages(20)] == list(range(20))


class Request:
    """One request as an ASGI server gives it, so that a client can hang up in the middle."""

    def __init__(self, app: Any, session: Session) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[Any] = []
        url = httpx.URL(session._url())  # pyright: ignore[reportPrivateUsage]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "method": "GET", "scheme": "http", "path": url.path,
            "root_path": "", "query_string": url.query, "headers": [(b"host", b"app.test")],
            "server": ("app.test", 80), "client": None,
        }  # fmt: skip
        self.incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task = asyncio.create_task(app(scope, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


async def test_what_comes_while_a_client_hung_up_in_its_poll_waits_for_the_next(site: Site) -> None:
    first = site.app(window=timedelta(seconds=30))
    second = first if site.mode == "local" else site.app(window=timedelta(seconds=30))
    session = await Session(site.client(first), site.client(second)).start()
    await session.join()
    poll = Request(second, session)
    await asyncio.sleep(0.05)
    poll.incoming.put_nowait({"type": "http.disconnect"})
    await asyncio.wait_for(poll.task, 20)
    await asyncio.sleep(0.05)
    site.pubsub.broadcast("room:1", "news", {})
    assert (await session.messages())[0][3] == "news"


async def test_a_server_that_stops_ends_the_session_of_a_poll_that_waits(local: Site) -> None:
    app = local.app(window=timedelta(seconds=30))
    session = await Session(local.client(app), local.client(app)).start()
    await session.join()
    poll = Request(app, session)
    await asyncio.sleep(0.05)
    poll.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(poll.task, 20)
    assert local.room.ends == ["draining"]


async def test_the_later_of_two_polls_gets_the_messages(site: Site) -> None:
    session = await site.session(window=timedelta(seconds=3)).start()
    await session.join()
    earlier = asyncio.create_task(session.get())
    await asyncio.sleep(0.05)
    later = asyncio.create_task(session.get())
    await asyncio.sleep(0.05)
    site.pubsub.broadcast("room:1", "news", {})
    assert (await later)["status"] == 200
    assert (await earlier)["status"] == 204


async def test_frames_of_posts_are_handled_in_their_order(site: Site) -> None:
    session = await site.session().start()
    await session.join()
    posts = [session.send(["1", str(n), "room:1", "echo", {"n": n}]) for n in range(30)]
    assert await asyncio.gather(*posts) == [{"status": 200}] * 30
    assert sorted(reply[4]["response"]["n"] for reply in await session.messages(30)) == list(range(30))


async def test_a_session_that_ended_leaves_nothing(local: Site) -> None:
    before = len(asyncio.all_tasks())
    session = await local.session({"user": "ada"}).start()
    await session.join()
    local.pubsub.broadcast("users:ada", "disconnect", {})
    await until(lambda: local.room.ends == ["disconnected"])
    await until(lambda: len(asyncio.all_tasks()) == before)
    assert local.pubsub.subscribers("room:1") == 0
    assert local.pubsub._topics == {}  # pyright: ignore[reportPrivateUsage]


async def test_connecting_by_long_poll_is_reported(local: Site) -> None:
    seen: list[Any] = []
    with telemetry.attach(events.CONNECTED, seen.append):
        await local.session().start()
        await local.session({"user": "mallory"}).get()
    assert [(event.transport, event.status) for event in seen] == [("longpoll", 101), ("longpoll", 429)]


async def test_long_polling_is_off_unless_asked_for() -> None:
    app = Starlette(routes=[Mount("/socket", socket_app(SocketHandler, pubsub=PubSub()))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app.test") as client:
        assert (await client.get("/socket/longpoll?vsn=2.0.0")).status_code == 404


# Tokens.


def test_a_token_names_its_session_in_every_process_of_the_secret() -> None:
    known = SessionId("node", "phx:lp:1")
    token = SessionTokens(SECRET, max_age=60).sign(known)
    assert SessionTokens(SECRET, max_age=60).verify(token) == known
    assert SessionTokens(SECRET + "!", max_age=60).verify(token) is None
    assert SessionTokens(None, max_age=60).verify(token) is None
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_is_taken_until_it_is_too_old(monkeypatch: Any) -> None:
    tokens = SessionTokens(SECRET, max_age=60)
    token = tokens.sign(SessionId("n", "t"))
    signed_at = time.time()
    monkeypatch.setattr("ectype.web_integration.tokens.time", lambda: signed_at + 50)
    assert tokens.verify(token) is not None
    monkeypatch.setattr("ectype.web_integration.tokens.time", lambda: signed_at + 62)
    assert tokens.verify(token) is None


def test_a_short_secret_is_refused_with_the_line_that_makes_one() -> None:
    with pytest.raises(ChannelError, match=r"secrets.token_urlsafe\(48\)"):
        socket_app(SocketHandler, pubsub=PubSub(), longpoll=LongPoll(secret="short"))


@pytest.mark.parametrize("name", ["window", "max_age", "answer_timeout"])
def test_times_of_long_polling_are_longer_than_nothing(name: str) -> None:
    options: dict[str, Any] = {name: timedelta(0)}
    with pytest.raises(ChannelError, match=name):
        LongPoll(**options)


def test_the_secret_is_not_printed() -> None:
    assert "secret" not in repr(LongPoll(secret=SECRET))
