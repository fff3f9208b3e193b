"""The WebSocket transport: an ASGI application to mount, which serves `<mount>/websocket`.

app = Starlette(routes=[Mount("/socket", socket_app(UserSocket, pubsub=pubsub))])
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable
from contextvars import copy_context
from datetime import timedelta
from time import perf_counter
from typing import Final, NamedTuple, cast, final
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ectype import telemetry
from ectype.web_integration.channels import events
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import Connected, ConnectInfo, Params, Refused, SocketHandler
from ectype.web_integration.channels.origin import CheckOrigin, OriginCheck
from ectype.web_integration.channels.outbox import Fanout, Transmit
from ectype.web_integration.channels.serializer import Frame, Serializer, negotiate
from ectype.web_integration.channels.server import (
    GOING_AWAY,
    INTERNAL_ERROR,
    SERVICE_RESTART,
    Closing,
    Connection,
    Limits,
)
from ectype.web_integration.filters import filtered
from ectype.web_integration.pubsub.pubsub import PubSub

logger = logging.getLogger("ectype.channels")

CLOSE_SECONDS: Final = 5.0
"""How long a close frame may wait for a client that does not read."""

_SUBPROTOCOL: Final = "phoenix"
_TOKEN_PREFIX: Final = "base64url.bearer.phx."  # a prefix, no secret
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def socket_app(
    handler: type[SocketHandler],
    *,
    pubsub: PubSub,
    check_origin: CheckOrigin = True,
    max_channels: int = 100,
    outbox_limit: int = 1000,
    inbox_limit: int = 100,
    idle_timeout: timedelta | None = timedelta(seconds=60),
) -> ASGIApp:
    """Return an application for `Mount("/socket", …)` that speaks Phoenix's channel protocol, version 2.0.0.

    Clients connect to `<mount>/websocket`; the stock `phoenix` client adds that itself: `new Socket("/socket")`.

    Args:
        handler: the socket: its channels, and who may connect.
        pubsub: where broadcasts come from and go to.
        check_origin: which web pages may connect: True for those of the same host, a list of origins, or False.
        max_channels: how many topics one client may have joined at once.
        outbox_limit: how many frames may wait for a slow client, before its socket closes with code 1013.
        inbox_limit: how many frames of a client may wait for one of its channels, before it is not read any more.
        idle_timeout: how long a client may send nothing before its socket closes with code 1001; the stock client
            sends a heartbeat every 30 s. None means for ever.

    Raises:
        ConfigError: `check_origin` has an entry that is no origin.
        ChannelError: a limit is below one.
    """
    limits = Limits(max_channels=max_channels, outbox=outbox_limit, inbox=inbox_limit, idle=idle_timeout)
    endpoint = _Endpoint(handler, pubsub=pubsub, origins=OriginCheck(check_origin), limits=limits)
    return Router(routes=[WebSocketRoute("/websocket", endpoint), Route("/websocket", _no_upgrade, methods=_METHODS)])


async def _no_upgrade(request: Request) -> Response:  # noqa: ARG001  # Starlette's signature
    return PlainTextResponse("this address speaks WebSocket only", status_code=400)


class _Handshake(NamedTuple):
    serializer: Serializer
    connected: Connected
    subprotocol: str | None


@final
class _Endpoint:
    """Takes each client through the handshake, then serves it until it goes."""

    def __init__(self, handler: type[SocketHandler], *, pubsub: PubSub, origins: OriginCheck, limits: Limits) -> None:
        self._handler = handler
        self._pubsub = pubsub
        self._origins = origins
        self._limits = limits
        self._fanout = Fanout()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client, as ASGI asks."""
        await receive()
        started = perf_counter()
        request = HTTPConnection(scope)
        params: Params = {**_query(scope), **request.path_params}
        outcome = await self._shake_hands(request, params)
        self._report(outcome, params, perf_counter() - started)
        if isinstance(outcome, Refused):
            await _deny(outcome, scope, receive, send)
            return
        await send({"type": "websocket.accept", "subprotocol": outcome.subprotocol, "headers": []})
        await self._serve(outcome, receive, send)

    async def _shake_hands(self, request: HTTPConnection, params: Params) -> _Handshake | Refused:
        hosts = request.headers.getlist("host")
        origins = request.headers.getlist("origin")
        host = hosts[0] if len(hosts) == 1 else None
        if not all(self._origins.allows(origin, host=host) for origin in origins):
            logger.warning(
                "refused a socket from origin %.200r at host %.200r: it is another site's page. If it is yours, add it "
                "to socket_app(…, check_origin=[…])", origins[0], host,
            )  # fmt: skip
            return Refused(reason="origin not allowed")
        serializer = negotiate(params.get("vsn"))
        if serializer is None:
            logger.warning("refused a socket that speaks version %.50r; 2.0.0 is spoken here", params.get("vsn"))
            return Refused(reason="version not supported")
        protocols = cast("list[str]", request.scope.get("subprotocols", []))
        try:
            token = auth_token(protocols)
        except ValueError:
            return Refused(reason="auth token is not base64")
        connected = await self._handler().connect(params, _info(request, token))
        match connected:
            case Connected():
                return _Handshake(serializer, connected, _SUBPROTOCOL if _SUBPROTOCOL in protocols else None)
            case Refused():
                return connected
            case _:
                raise ChannelError(
                    f"{self._handler.__name__}.connect returned {connected!r}",
                    hint="return Connected(user_id=…) or Refused()",
                )

    async def _serve(self, handshake: _Handshake, receive: Receive, send: Send) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        connection = Connection(
            handshake.connected,
            routes=self._handler.routes,
            serializer=handshake.serializer,
            pubsub=self._pubsub,
            fanout=self._fanout,
            limits=self._limits,
            transmit=_transmitter(send),
            on_close=task.cancel,
        )
        idle = _IdleTimer(connection, self._limits.idle)
        try:
            await self._read(connection, idle, receive)
        except asyncio.CancelledError:
            if connection.closing is not None and task.uncancel() == 0:
                await self._end(connection, send)
                return
            # Somebody else cancels: the server stops.
            connection.closing = connection.closing or Closing(SERVICE_RESTART, "server stops")
            await self._end(connection, send)
            raise
        except Exception:
            connection.closing = connection.closing or Closing(INTERNAL_ERROR, "internal error")
            await self._end(connection, send)
            raise
        else:
            await self._end(connection, send)
        finally:
            idle.stop()
            connection.abandon()

    async def _read(self, connection: Connection, idle: "_IdleTimer", receive: Receive) -> None:
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                connection.hung_up()
                return
            idle.heard()
            text: str | None = event.get("text")
            await connection.receive(event["bytes"] if text is None else text)

    async def _end(self, connection: Connection, send: Send) -> None:
        connection.hung_up()
        if connection.closing is None:
            await connection.finish()
        else:
            # Together, since a client that does not read must not keep its channels.
            await asyncio.gather(_close(connection.closing, send), connection.finish())

    def _report(self, outcome: _Handshake | Refused, params: Params, duration: float) -> None:
        status = outcome.status if isinstance(outcome, Refused) else 101
        name = self._handler.__name__
        if logger.isEnabledFor(logging.INFO):
            logger.info("connect %s: %d in %.1f ms, params %.500r", name, status, duration * 1000, filtered(params))
        if telemetry.listeners(events.CONNECTED):
            event = events.SocketConnected(name, filtered(params), status, duration)
            telemetry.emit(events.CONNECTED, event)


@final
class _IdleTimer:
    """Closes a socket whose client has sent nothing for a while; one timer a socket, not one a frame."""

    __slots__ = ("_connection", "_handle", "_heard", "_loop", "_seconds")

    def __init__(self, connection: Connection, limit: timedelta | None) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._handle: asyncio.TimerHandle | None = None
        self._seconds = 0.0
        if limit is not None:
            self._seconds = limit.total_seconds()
            self._handle = self._loop.call_later(self._seconds, self._check, context=copy_context())

    def heard(self) -> None:
        self._heard = self._loop.time()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _check(self) -> None:
        left = self._seconds - (self._loop.time() - self._heard)
        if left > 0:
            self._handle = self._loop.call_later(left, self._check)
        else:
            self._handle = None
            self._connection.close(GOING_AWAY, "idle")


def auth_token(subprotocols: list[str]) -> str | None:
    """Return the token that the client's `authToken` option sends as a subprotocol, or None.

    The client writes `base64url.bearer.phx.<token>` with the standard alphabet and no padding, whatever its name
    says; both alphabets are read. More than one token is none, as in Phoenix.

    Raises:
        ValueError: the token is not base64 of UTF-8.

    >>> auth_token(["phoenix", "base64url.bearer.phx.c2VjcmV0"])
    'secret'
    """
    tokens = [one.removeprefix(_TOKEN_PREFIX) for one in subprotocols if one.startswith(_TOKEN_PREFIX)]
    if len(tokens) != 1:
        return None
    text = tokens[0].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except binascii.Error as exc:
        raise ValueError("not base64") from exc


def _query(scope: Scope) -> dict[str, str]:
    query: bytes = scope["query_string"]
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _info(request: HTTPConnection, token: str | None) -> ConnectInfo:
    peer = request.client
    return ConnectInfo(
        headers=request.headers,
        peer=None if peer is None else (peer.host, peer.port),
        url=str(request.url),
        auth_token=token,
    )


def _transmitter(send: Send) -> Transmit:
    def transmit(frame: Frame) -> Awaitable[None]:
        return send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    return transmit


async def _deny(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if "websocket.http.response" in scope.get("extensions", {}):
        await PlainTextResponse(refused.reason, status_code=refused.status)(scope, receive, send)
    else:
        # Without the extension a server answers a close before the accept with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": refused.reason[:100]})


async def _close(closing: Closing, send: Send) -> None:
    message: Message = {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await send(message)
    except (OSError, TimeoutError):
        logger.debug("a client could not be told that its socket closes: %s", closing.reason)
