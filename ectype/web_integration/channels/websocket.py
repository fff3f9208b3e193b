"""The WebSocket transport: one client's frames in and out, and how its socket closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextvars import copy_context
from datetime import timedelta
from typing import Final, cast, final

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from ectype.web_integration.channels.handler import Refused
from ectype.web_integration.channels.handshake import Admitted, Doorkeeper
from ectype.web_integration.channels.outbox import Transmit
from ectype.web_integration.channels.serializer import Frame
from ectype.web_integration.channels.server import (
    GOING_AWAY,
    INTERNAL_ERROR,
    SERVICE_RESTART,
    Closing,
    Connection,
)

logger = logging.getLogger("ectype.channels")

CLOSE_SECONDS: Final = 5.0
"""How long a close frame may wait for a client that does not read."""

_SUBPROTOCOL: Final = "phoenix"


@final
class WebSocketEndpoint:
    """Takes each client through the handshake, then serves it until it goes.

    Args:
        keeper: decides who may connect.
        subprotocols: which to agree to, best first; a client that names others only is refused. Empty: `phoenix` is
            agreed to, and nobody refused.
    """

    def __init__(self, keeper: Doorkeeper, *, subprotocols: Sequence[str] = ()) -> None:
        self._keeper = keeper
        self._subprotocols = tuple(subprotocols)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client, as ASGI asks."""
        await receive()
        request = HTTPConnection(scope)
        protocols = cast("list[str]", scope.get("subprotocols", []))
        outcome = await self._keeper.admit(
            request, tokens=protocols, transport="websocket", refusal=self._refusal(protocols)
        )
        if isinstance(outcome, Refused):
            await _deny(outcome, scope, receive, send)
            return
        agreed = next((one for one in self._subprotocols or (_SUBPROTOCOL,) if one in protocols), None)
        await send({"type": "websocket.accept", "subprotocol": agreed, "headers": []})
        await self._serve(outcome, receive, send)

    def _refusal(self, protocols: list[str]) -> Refused | None:
        if not self._subprotocols or not protocols or set(protocols) & set(self._subprotocols):
            return None
        logger.warning("refused a socket of subprotocols %.200r; %r are spoken here", protocols, self._subprotocols)
        return Refused(reason="subprotocol not supported")

    async def _serve(self, admitted: Admitted, receive: Receive, send: Send) -> None:
        keeper = self._keeper
        task = cast("asyncio.Task[None]", asyncio.current_task())
        connection = Connection(
            admitted.connected,
            routes=keeper.handler.routes,
            serializer=admitted.serializer,
            pubsub=keeper.pubsub,
            fanout=keeper.fanout,
            limits=keeper.limits,
            transmit=_transmitter(send),
            on_close=task.cancel,
            filter_params=keeper.handler.filter_params,
        )
        idle = _IdleTimer(connection, keeper.limits.idle)
        keeper.enter(connection)
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
            keeper.leave(connection)

    async def _read(self, connection: Connection, idle: _IdleTimer, receive: Receive) -> None:
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
