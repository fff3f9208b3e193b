"""The long-poll transport: channels over plain requests, for clients that no WebSocket reaches.

A GET opens a session or waits for its messages, a POST brings frames. The HTTP status is 200 almost always; that of
the protocol stands in the body, as in `Phoenix.Transports.LongPoll`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Refused
from ectype.web_integration.channels.handshake import Doorkeeper, token_protocol
from ectype.web_integration.channels.longpoll_relay import Answerer, Asker
from ectype.web_integration.channels.longpoll_session import GONE, OK, Session, Sessionlike
from ectype.web_integration.channels.longpoll_token import SessionId, SessionTokens
from ectype.web_integration.channels.serializer import Frame
from ectype.web_integration.channels.server import SERVICE_RESTART

MAX_BATCH: Final = 100
"""Frames of one POST that are handled; the client sends no more in one, and more are ignored, as in Phoenix."""
MAX_BODY: Final = 8_000_000
"""Bytes that one POST may have."""

NDJSON: Final = "application/x-ndjson"
_NO_CONTENT: Final = 204
_FORBIDDEN: Final = 403
_FAILED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPoll:
    """Options of long polling, for `socket_app(…, longpoll=LongPoll())`.

    Attributes:
        secret: signs the tokens of sessions; the same in every process of the application, at least 32 bytes. None
            makes a random one, which does for one process.
        window: how long a poll waits for messages. A session ends when nobody polls for one and a half times that.
        max_age: how long a session's token is taken for.
        answer_timeout: how long another process may take to say that it has the session.
    """

    secret: str | None = field(default=None, repr=False)
    window: timedelta = timedelta(seconds=10)
    max_age: timedelta = timedelta(days=14)
    answer_timeout: timedelta = timedelta(seconds=2)

    def __post_init__(self) -> None:
        times = {"window": self.window, "max_age": self.max_age, "answer_timeout": self.answer_timeout}
        for name, value in times.items():
            if value <= timedelta(0):
                raise ChannelError(f"{name} of LongPoll must be longer than nothing, got {value}")


class _BadBodyError(Exception):
    """A body that is too large, or not of the protocol."""


@final
class LongPollEndpoint:
    """Answers the requests of long-polling clients.

    Args:
        keeper: decides who may connect.
        options: the window, the secret, and how long other processes may take.
    """

    def __init__(self, keeper: Doorkeeper, options: LongPoll) -> None:
        self._keeper = keeper
        self._window = options.window.total_seconds()
        self._tokens = SessionTokens(options.secret, max_age=options.max_age.total_seconds())
        self._node = secrets.token_urlsafe(12)
        self._sessions: dict[str, Session] = {}
        self._asker = Asker(keeper.pubsub, patience=options.answer_timeout.total_seconds())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI asks."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in ("GET", "POST", "OPTIONS"):
            return Response(status_code=400)
        if not self._keeper.knows(request):
            return _status(_FORBIDDEN)
        if request.method == "OPTIONS":
            return _preflight(request)
        token = _token(request)
        session = await self._find(token)
        if request.method == "POST":
            return await self._publish(request, session)
        if session is None or token is None:
            return await self._open(request)
        return await self._listen(request, session, token)

    async def _find(self, token: str | None) -> Sessionlike | None:
        known = None if token is None else self._tokens.verify(token)
        if known is None:
            return None
        if known.node == self._node:
            return self._sessions.get(known.topic)
        return await self._asker.find(known.topic)

    async def _open(self, request: Request) -> Response:
        header = request.headers.get("x-phoenix-authtoken")
        tokens = () if header is None else (token_protocol(header),)
        outcome = await self._keeper.admit(request, tokens=tokens, transport="longpoll", binary=False)
        if self._keeper.draining:
            # The one status that every client takes as "connect anew, later".
            return _status(_FAILED)
        if isinstance(outcome, Refused):
            return _status(_FORBIDDEN)
        topic = f"phx:lp:{secrets.token_urlsafe(24)}"

        def on_end(_: Session) -> None:
            answerer.stop()
            del self._sessions[topic]

        session = self._sessions[topic] = Session(outcome, self._keeper, window=self._window, on_end=on_end)
        answerer = Answerer(session, self._keeper.pubsub, topic)
        return _status(GONE, token=self._tokens.sign(SessionId(self._node, topic)), messages=[])

    async def _listen(self, request: Request, session: Sessionlike, token: str) -> Response:
        poll = asyncio.ensure_future(session.poll(self._window))
        hang_up = asyncio.ensure_future(_hang_up(request))
        try:
            await asyncio.wait({poll, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _server_stops(session)
            raise
        finally:
            hang_up.cancel()
            # What came for a client that is gone stays for its next poll.
            if not poll.done():
                poll.cancel()
        if not poll.done():
            return Response(status_code=_NO_CONTENT)
        messages = poll.result()
        if messages is None:
            # Not 410: clients before 1.8 would take it as a new session, and not join their channels again.
            return _status(_FAILED)
        return _status(OK if messages else _NO_CONTENT, token=token, messages=messages)

    async def _publish(self, request: Request, session: Sessionlike | None) -> Response:
        if session is None:
            return _status(GONE)
        try:
            body = await _body(request)
            frames = _frames(body) if request.headers.get("content-type") == NDJSON else [body.decode()]
        except (_BadBodyError, ValueError):
            return Response(status_code=400)
        for frame in frames:
            status = await session.dispatch(frame, self._window)
            if status != OK:
                return _status(status)
        return _status(OK)


def _token(request: Request) -> str | None:
    # The header of newer clients wins: the query may hold the application's own `token`.
    return request.headers.get("x-phoenix-longpoll-token") or request.query_params.get("token")


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _server_stops(session: Sessionlike) -> None:
    if isinstance(session, Session):
        session.connection.close(SERVICE_RESTART, "server stops")
        await session.ended()


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _BadBodyError
        chunks.append(chunk)
    return b"".join(chunks)


def _frames(body: bytes) -> list[Frame]:
    lines = body.replace(b"\r\n", b"\n").split(b"\n", MAX_BATCH)[:MAX_BATCH]
    return [line.decode() if line.startswith(b"[") else _binary(line) for line in lines if line]


def _binary(line: bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as exc:
        raise _BadBodyError from exc


def _status(status: int, **more: object) -> Response:
    headers = {"cache-control": "no-store", "access-control-allow-origin": "*"}
    return JSONResponse({"status": status, **more}, headers=headers, media_type="application/json; charset=utf-8")


def _preflight(request: Request) -> Response:
    wanted: Iterable[str] = request.headers.getlist("access-control-request-headers")
    return Response(
        headers={
            "access-control-allow-origin": "*",
            "access-control-allow-headers": ", ".join(wanted),
            "access-control-allow-methods": "get, post, options",
            "access-control-max-age": "3600",
        }
    )
