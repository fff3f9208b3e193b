"""Telemetry events of sockets and channels. Times are in seconds; parameters have their secrets masked.

Listen with `telemetry.attach("ectype.socket.connected", handler)`, and `ectype.socket.closed`, `ectype.socket.drained`,
`ectype.channel.joined`, `ectype.channel.handled_in` likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CONNECTED: Final = "ectype.socket.connected"
CLOSED: Final = "ectype.socket.closed"
DRAINED: Final = "ectype.socket.drained"
JOINED: Final = "ectype.channel.joined"
HANDLED_IN: Final = "ectype.channel.handled_in"


@dataclass(frozen=True, slots=True)
class SocketConnected:
    """A client asked to connect; `status` is 101 where it may, else the HTTP status of the refusal.

    `transport` is `websocket` or `longpoll`, and `test` for the client of `channels.testing`.
    """

    handler: str
    params: object
    status: int
    duration: float
    transport: str


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """A client is served no more; `code` and `reason` say why the server closed its socket, None that it went itself.

    `id` is what `connect` named it.
    """

    handler: str
    id: str | None
    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class SocketsDrained:
    """A batch of sockets is closed because the server stops: `count` of the `total` that were open."""

    handler: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class ChannelJoined:
    """A client asked to join a topic."""

    channel: str
    topic: str
    params: object
    result: Literal["ok", "error", "crash"]
    duration: float


@dataclass(frozen=True, slots=True)
class ChannelHandledIn:
    """A channel handled a client's message; `error` is the exception that ended it, or None."""

    channel: str
    topic: str
    event: str
    params: object
    duration: float
    error: BaseException | None = None
