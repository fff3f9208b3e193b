"""A client of channels for tests, in the memory of the test: no server, no network, the real protocol.

    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}) as client:
        room = await client.subscribe_and_join("room:lobby")
        ref = await room.push("new_msg", {"body": "hi"})
        await room.assert_reply(ref, "ok")
        await room.assert_push("new_msg", {"body": "hi"})

Channels run in the context of the test: inside a sandbox they see what the test wrote. What arrives went through the
serializer and back, so it is what a browser would get: dates and UUIDs are strings. Payloads that are expected name
the part that matters: `{"body": "hi"}` fits `{"body": "hi", "id": 7}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, cast, final
from urllib.parse import urlencode

from starlette.requests import HTTPConnection

from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Refused, SocketHandler
from ectype.web_integration.channels.handshake import Admitted, Doorkeeper, token_protocol
from ectype.web_integration.channels.message import CLOSE, ERROR, JOIN, LEAVE, REPLY
from ectype.web_integration.channels.serializer import Frame
from ectype.web_integration.channels.server import Connection, Limits
from ectype.web_integration.payload import Outgoing, encode_json
from ectype.web_integration.pubsub.pubsub import Broadcast, PubSub, Subscription

WITHIN: Final = 2.0
"""Seconds that an assertion waits for what it expects; it returns as soon as that is there."""
QUIET: Final = 0.1
"""Seconds that a refutation listens."""

Received = Mapping[str, Any] | bytes
"""A payload that arrived: a JSON object, or bytes of a binary frame."""

_NO_HEADERS: Final[Mapping[str, str]] = {}


class SocketRefusedError(ChannelError):
    """`connect` refused the client; `status` is the HTTP status that it would have got."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"the socket was refused with {refused.status} {refused.reason}".rstrip())
        self.status = refused.status
        self.reason = refused.reason


class JoinRefusedError(ChannelError):
    """The join was refused; `response` is what the client was told."""

    def __init__(self, topic: str, response: Received) -> None:
        super().__init__(f"the join of {topic!r} was refused: {response!r}")
        self.response = response


class Arrived(NamedTuple):
    """One frame that the client was sent; `status` is that of a reply."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Received
    status: str | None = None

    def __repr__(self) -> str:
        what = f"reply {self.status!r} to {self.ref!r}" if self.event == REPLY else repr(self.event)
        return f"{what} on {self.topic!r}: {self.payload!r}"


@asynccontextmanager
async def connect(
    handler: type[SocketHandler],
    *,
    pubsub: PubSub,
    params: Mapping[str, str] = _NO_HEADERS,
    auth_token: str | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
    limits: Limits | None = None,
) -> AsyncGenerator[Client, None]:
    """Connect a client, and end it and its channels at the end of the block.

    Args:
        handler: the socket.
        pubsub: the one that the application broadcasts with.
        params: what the client gives in its URL.
        auth_token: its `authToken`.
        headers: of the request that connects.
        limits: what the client may use; those of `socket_app` without.

    Raises:
        SocketRefusedError: `connect` refused it.
    """
    keeper = Doorkeeper(handler, pubsub=pubsub, check_origin=True, limits=Limits() if limits is None else limits)
    scope = {
        "type": "websocket", "scheme": "ws", "path": "/socket/websocket", "root_path": "", "client": ("127.0.0.1", 1),
        "query_string": urlencode({**params, "vsn": "2.0.0"}).encode(), "server": ("testserver", 80),
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()
        ],
    }  # fmt: skip
    tokens = () if auth_token is None else (token_protocol(auth_token),)
    outcome = await keeper.admit(HTTPConnection(scope), tokens=tokens, transport="test")
    if isinstance(outcome, Refused):
        raise SocketRefusedError(outcome)
    client = Client(outcome, keeper)
    try:
        yield client
    finally:
        await client.close()


@final
class Client:
    """A connected client; made by `connect`."""

    __slots__ = ("_arrived", "_changed", "_connection", "_pubsub", "_refs", "_subscriptions")

    def __init__(self, admitted: Admitted, keeper: Doorkeeper) -> None:
        self._arrived: list[Arrived] = []
        self._changed = asyncio.Event()
        self._refs = 0
        self._pubsub = keeper.pubsub
        self._subscriptions: list[Subscription] = []
        self._connection = Connection(
            admitted.connected,
            routes=keeper.handler.routes,
            serializer=admitted.serializer,
            pubsub=keeper.pubsub,
            fanout=keeper.fanout,
            limits=keeper.limits,
            transmit=self._transmit,
            on_close=self._notice,
            filter_params=keeper.handler.filter_params,
        )

    @property
    def id(self) -> str | None:
        """The name that `connect` gave the socket."""
        return self._connection.id

    async def join(self, topic: str, payload: Mapping[str, Any] | None = None) -> JoinedChannel:
        """Join a topic and return the channel, as the client sees it.

        Raises:
            JoinRefusedError: the channel refused, crashed, or no channel answers for the topic.
            AssertionError: the join was not answered in time.
        """
        ref = self._next_ref()
        await self.send(ref, ref, topic, JOIN, {} if payload is None else payload)
        reply = await self.expect(
            lambda one: one.event == REPLY and one.ref == ref, f"an answer to the join of {topic!r}"
        )
        if reply.status != "ok":
            raise JoinRefusedError(topic, reply.payload)
        return JoinedChannel(self, topic, ref, reply.payload)

    async def subscribe_and_join(self, topic: str, payload: Mapping[str, Any] | None = None) -> JoinedChannel:
        """Join as `join` does, and hear the topic's broadcasts too, for `assert_broadcast`."""
        heard: list[Broadcast] = []

        def hear(broadcast: Broadcast) -> None:
            heard.append(broadcast)
            self._notice()

        # Before the join, so that what the join itself makes others say is heard.
        self._subscriptions.append(self._pubsub.subscribe(topic, hear))
        channel = await self.join(topic, payload)
        channel.hears(heard)
        return channel

    async def assert_disconnected(self, code: int | None = None, *, within: float = WITHIN) -> int:
        """Return the code that the server closed the socket with; it must be `code`, if given."""
        await self._until(lambda: self._connection.closing, within, lambda: "the socket was not closed")
        closing = self._connection.closing
        assert closing is not None
        if code is not None and closing.code != code:
            raise AssertionError(f"the socket was closed with {closing.code} ({closing.reason}), not with {code}")
        return closing.code

    async def close(self) -> None:
        """Hang up, and wait until every channel has ended; as when a browser's tab is closed."""
        for subscription in self._subscriptions:
            self._pubsub.unsubscribe(subscription)
        await self._connection.finish()

    async def send(self, join_ref: str | None, ref: str | None, topic: str, event: str, payload: Outgoing) -> None:
        """Send one frame as it is, for tests of the protocol itself."""
        if isinstance(payload, bytes):
            names = [name.encode() for name in (join_ref or "", ref or "", topic, event)]
            await self._connection.receive(bytes([0, *map(len, names)]) + b"".join(names) + payload)
        else:
            frame = (join_ref, ref, topic, event, payload)
            await self._connection.receive(encode_json(frame, topic=topic, event=event, payload=payload))

    async def expect(self, fits: Callable[[Arrived], bool], what: str, *, within: float = WITHIN) -> Arrived:
        """Take the first frame that fits from what arrived, or wait for it."""

        def take() -> Arrived | None:
            for index, one in enumerate(self._arrived):
                if fits(one):
                    return self._arrived.pop(index)
            return None

        return await self._until(take, within, lambda: f"{what} did not arrive; there {_list(self._arrived)}")

    async def until_heard(
        self, heard: list[Broadcast], fits: Callable[[Broadcast], bool], what: str, *, within: float
    ) -> Broadcast:
        """Take the first broadcast that fits from what was heard, or wait for it."""

        def take() -> Broadcast | None:
            for index, one in enumerate(heard):
                if fits(one):
                    return heard.pop(index)
            return None

        return await self._until(take, within, lambda: f"{what} was not made; there {_list(heard)}")

    def next_ref(self) -> str:
        """Return a ref that no frame of this client had."""
        return self._next_ref()

    def _next_ref(self) -> str:
        self._refs += 1
        return str(self._refs)

    async def _transmit(self, frame: Frame) -> None:
        self._arrived.append(_read(frame))
        self._notice()

    def _notice(self) -> None:
        self._changed.set()

    async def _until(self, look: Callable[[], Any], within: float, complaint: Callable[[], str]) -> Any:
        try:
            async with asyncio.timeout(within):
                while (found := look()) is None:
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"within {within:g} s {complaint()}") from None


@final
class JoinedChannel:
    """One topic that the client has joined.

    Attributes:
        topic: the topic.
        join_ref: the client's ref of this join.
        response: what the join was answered with.
    """

    __slots__ = ("_client", "_heard", "join_ref", "response", "topic")

    def __init__(self, client: Client, topic: str, join_ref: str, response: Received) -> None:
        self.topic: Final = topic
        self.join_ref: Final = join_ref
        self.response: Final = response
        self._client = client
        self._heard: list[Broadcast] | None = None

    def hears(self, heard: list[Broadcast]) -> None:
        """Take broadcasts from this list; called by `subscribe_and_join`."""
        self._heard = heard

    async def push(self, event: str, payload: Outgoing | None = None) -> str:
        """Send a message to the channel, bytes as a binary frame, and return its ref for `assert_reply`."""
        ref = self._client.next_ref()
        await self._client.send(self.join_ref, ref, self.topic, event, {} if payload is None else payload)
        return ref

    async def leave(self) -> str:
        """Leave the topic; the reply is `ok`, and the channel closes: `assert_closed`."""
        return await self.push(LEAVE)

    async def assert_reply(
        self, ref: str, status: str = "ok", payload: Outgoing | None = None, *, within: float = WITHIN
    ) -> Any:
        """Return the payload of the reply to a push, which must have the status, and fit the payload if given.

        Raises:
            AssertionError: no reply came in time, or another one.
        """
        what = f"a reply to {ref!r} on {self.topic!r}"
        reply = await self._client.expect(
            lambda one: one.event == REPLY and one.topic == self.topic and one.ref == ref, what, within=within
        )
        if reply.status != status or not _fits(payload, reply.payload):
            raise AssertionError(f"expected {status!r} with {payload!r}, got {reply!r}")
        return reply.payload

    async def refute_reply(self, ref: str, *, within: float = QUIET) -> None:
        """Check that the push is not answered for a while."""
        await self._refute(lambda: self._client.expect(
            lambda one: one.event == REPLY and one.ref == ref, "", within=within
        ))  # fmt: skip

    async def assert_push(self, event: str, payload: Outgoing | None = None, *, within: float = WITHIN) -> Any:
        """Return the payload of the first message of this event that fits, from the channel or by a broadcast."""
        found = await self._client.expect(self._pushed(event, payload), self._what(event, payload), within=within)
        return found.payload

    async def refute_push(self, event: str, payload: Outgoing | None = None, *, within: float = QUIET) -> None:
        """Check that no message of this event that fits has come or comes for a while."""
        await self._refute(lambda: self._client.expect(self._pushed(event, payload), "", within=within))

    async def assert_broadcast(self, event: str, payload: Outgoing | None = None, *, within: float = WITHIN) -> Any:
        """Return the payload of the first broadcast of this event to the topic that fits.

        Raises:
            AssertionError: none was made in time.
            ChannelError: the topic was joined by `join`, which does not listen.
        """
        found = await self._client.until_heard(
            self._listening(), _broadcasts(event, payload), f"a broadcast {self._what(event, payload)}", within=within
        )
        return _payload(found)

    async def refute_broadcast(self, event: str, payload: Outgoing | None = None, *, within: float = QUIET) -> None:
        """Check that no broadcast of this event that fits was made or is made for a while."""
        heard = self._listening()
        await self._refute(lambda: self._client.until_heard(heard, _broadcasts(event, payload), "", within=within))

    async def assert_closed(self, *, within: float = WITHIN) -> None:
        """Check that the channel told the client that it ended well: it left, or the channel stopped."""
        await self._client.expect(
            lambda one: one.event == CLOSE and one.ref == self.join_ref, f"phx_close on {self.topic!r}", within=within
        )

    async def assert_crashed(self, *, within: float = WITHIN) -> None:
        """Check that the channel told the client that it crashed; a browser would join again."""
        await self._client.expect(
            lambda one: one.event == ERROR and one.ref == self.join_ref, f"phx_error on {self.topic!r}", within=within
        )

    def _pushed(self, event: str, payload: Outgoing | None) -> Callable[[Arrived], bool]:
        return lambda one: (one.topic, one.event) == (self.topic, event) and _fits(payload, one.payload)

    def _what(self, event: str, payload: Outgoing | None) -> str:
        return f"{event!r} on {self.topic!r}" + ("" if payload is None else f" with {payload!r}")

    def _listening(self) -> list[Broadcast]:
        if self._heard is None:
            raise ChannelError(
                f"nobody listens to the broadcasts of {self.topic!r}",
                hint=f'join by client.subscribe_and_join("{self.topic}")',
            )
        return self._heard

    async def _refute(self, expect: Callable[[], Any]) -> None:
        try:
            found = await expect()
        except AssertionError:
            return
        raise AssertionError(f"this should not have come: {found!r}")


def _broadcasts(event: str, payload: Outgoing | None) -> Callable[[Broadcast], bool]:
    return lambda one: one.event == event and _fits(payload, _payload(one))


def _payload(broadcast: Broadcast) -> Received:
    body = broadcast.body
    return body if isinstance(body, bytes) else cast("Mapping[str, Any]", json.loads(body))


def _fits(expected: object, actual: object) -> bool:
    if expected is None:
        return True
    if isinstance(expected, bytes) or isinstance(actual, bytes):
        return expected == actual
    wanted = json.loads(encode_json(expected, topic="", event="", payload=expected))
    return _contains(wanted, actual)


def _contains(wanted: object, actual: object) -> bool:
    if isinstance(wanted, dict) and isinstance(actual, Mapping):
        known = cast("Mapping[str, object]", actual)
        return all(
            key in known and _contains(value, known[key]) for key, value in cast("dict[str, object]", wanted).items()
        )
    if isinstance(wanted, list) and isinstance(actual, list):
        pairs = tuple(zip(cast("list[object]", wanted), cast("list[object]", actual), strict=False))
        return len(wanted) == len(actual) and all(_contains(one, other) for one, other in pairs)  # pyright: ignore[reportUnknownArgumentType]
    return wanted == actual


def _list(arrived: list[Any]) -> str:
    return "was nothing else" if not arrived else "was:\n" + "\n".join(f"  {one!r}" for one in arrived)


def _read(frame: Frame) -> Arrived:
    if isinstance(frame, bytes):
        return _read_binary(frame)
    join_ref, ref, topic, event, payload = json.loads(frame)
    if event == REPLY:
        return Arrived(join_ref, ref, topic, event, payload["response"], payload["status"])
    return Arrived(join_ref, ref, topic, event, payload)


def _read_binary(frame: bytes) -> Arrived:
    # Layouts: push has join_ref, topic, event; reply has join_ref, ref, topic, status; broadcast has topic, event.
    kind = frame[0]
    count = {0: 3, 1: 4, 2: 2}[kind]
    start = 1 + count
    names: list[str] = []
    for size in frame[1 : 1 + count]:
        names.append(frame[start : start + size].decode())
        start += size
    data = frame[start:]
    match kind:
        case 0:
            return Arrived(names[0], None, names[1], names[2], data)
        case 1:
            return Arrived(names[0], names[1], names[2], REPLY, data, names[3])
        case _:
            return Arrived(None, None, names[0], names[1], data)
