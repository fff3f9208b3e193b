"""socket_app: one socket with its transports, as an ASGI application to mount.

app = Starlette(routes=[Mount("/socket", socket_app(UserSocket, pubsub=pubsub))])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self, final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.handler import SocketHandler
from ectype.web_integration.channels.handshake import Doorkeeper
from ectype.web_integration.channels.longpoll import LongPoll, LongPollEndpoint
from ectype.web_integration.channels.origin import CheckOrigin
from ectype.web_integration.channels.server import Limits
from ectype.web_integration.channels.websocket import WebSocketEndpoint
from ectype.web_integration.pubsub.pubsub import PubSub

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How the sockets of a process that stops are closed, with 1012: a batch, a pause, the next batch.

    Attributes:
        batch_size: sockets that are closed at once.
        batch_interval: the pause between batches, so that not all clients come back at the same moment.
        shutdown: how long the last channels may take to end.
    """

    batch_size: int = 10_000
    batch_interval: timedelta = timedelta(seconds=2)
    shutdown: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ChannelError(f"batch_size of Drain must be at least 1, got {self.batch_size}")
        for name, value in (("batch_interval", self.batch_interval), ("shutdown", self.shutdown)):
            if value < timedelta(0):
                raise ChannelError(f"{name} of Drain cannot be negative, got {value}")


@final
class SocketApp:
    """A socket and its transports, made by `socket_app`: an ASGI application.

    It is also an asynchronous context manager, which drains at its end, for a lifespan:
    `repo_lifespan(repo, sockets)`.
    """

    __slots__ = ("_drain", "_keeper", "_router")

    def __init__(self, keeper: Doorkeeper, routes: list[BaseRoute], drain: Drain) -> None:
        self._keeper = keeper
        self._router = Router(routes=routes)
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client, as ASGI asks."""
        await self._router(scope, receive, send)

    async def drain(self) -> None:
        """Admit nobody any more, and close every socket of this process with 1012, so that clients go elsewhere."""
        drain = self._drain
        await self._keeper.drain(
            batch_size=drain.batch_size,
            batch_interval=drain.batch_interval.total_seconds(),
            shutdown=drain.shutdown.total_seconds(),
        )

    async def __aenter__(self) -> Self:
        """Admit clients, again after a drain."""
        self._keeper.draining = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain."""
        await self.drain()


def socket_app(
    handler: type[SocketHandler],
    *,
    pubsub: PubSub,
    path: str = "/websocket",
    longpoll: LongPoll | None = None,
    check_origin: CheckOrigin = True,
    subprotocols: Iterable[str] = (),
    max_channels: int = 100,
    outbox_limit: int = 1000,
    inbox_limit: int = 100,
    max_frame: int = 1_048_576,
    max_rate: int | None = 1_000,
    idle_timeout: timedelta | None = timedelta(seconds=60),
    drain: Drain | None = None,
) -> SocketApp:
    """Return an application for `Mount("/socket", …)` that speaks Phoenix's channel protocol, versions 2.0.0 and 1.0.0.

    Clients connect to `<mount>/websocket`, or poll `<mount>/longpoll`; the stock `phoenix` client adds that itself:
    `new Socket("/socket")`.

    Args:
        handler: the socket: its channels, and who may connect.
        pubsub: where broadcasts come from and go to.
        path: where below the mount WebSockets are opened; the stock client knows "/websocket" only. It may have
            variables, which are parameters: "/{project}/websocket".
        longpoll: given options, clients may poll too; `LongPoll()` does for one process.
        check_origin: which web pages may connect: True for those of the same host, "exact" for those of the same
            scheme, host and port, a list of origins, a function of the `Origin` header, or False.
        subprotocols: WebSocket subprotocols to agree to, best first; a client that names only others is refused.
        max_channels: how many topics one client may have joined at once.
        outbox_limit: how many frames may wait for a slow client, before its socket closes with code 1013.
        inbox_limit: how many frames of a client may wait for one of its channels, before it is not read any more.
        max_frame: how many bytes a frame of a client may have, before its socket closes with code 1009. The server has
            a limit of its own: `uvicorn --ws-max-size`, 16 MiB unless set.
        max_rate: how many frames a second a client may send for long; who sends more is read more slowly. None means
            any number.
        idle_timeout: how long a client may send nothing before its socket closes with code 1001; the stock client
            sends a heartbeat every 30 s. None means for ever. A client that polls is held to its window instead.
        drain: how sockets are closed when the process stops.

    Raises:
        ConfigError: `check_origin` has an entry that is no origin.
        ChannelError: a limit is below one, `subprotocols` is a string, or the secret of `longpoll` is too short.
    """
    if isinstance(subprotocols, str):
        raise ChannelError(
            f"subprotocols is a list, got {subprotocols!r}", hint=f'write subprotocols=["{subprotocols}"]'
        )
    limits = Limits(
        max_channels=max_channels,
        outbox=outbox_limit,
        inbox=inbox_limit,
        frame=max_frame,
        rate=max_rate,
        idle=idle_timeout,
    )
    keeper = Doorkeeper(handler, pubsub=pubsub, check_origin=check_origin, limits=limits)
    routes: list[BaseRoute] = [
        WebSocketRoute(path, WebSocketEndpoint(keeper, subprotocols=tuple(subprotocols))),
        Route(path, _no_upgrade, methods=_METHODS),
    ]
    if longpoll is not None:
        routes.append(Route("/longpoll", LongPollEndpoint(keeper, longpoll)))
    return SocketApp(keeper, routes, Drain() if drain is None else drain)


async def _no_upgrade(request: Request) -> Response:  # noqa: ARG001  # Starlette's signature
    return PlainTextResponse("this address speaks WebSocket only", status_code=400)
