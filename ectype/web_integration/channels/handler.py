"""SocketHandler: which channels a socket offers, and who may connect."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeAlias, cast

from starlette.datastructures import Headers

from ectype.web_integration.channels.channel import Channel
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.levels import LogLevel, check_level
from ectype.web_integration.channels.socket import Routes
from ectype.web_integration.filters import SECRETS, ParamFilter

Params: TypeAlias = Mapping[str, Any]
"""What the client gave in the URL: query parameters, nested as Plug nests them (`filter[tag]=x` is
`{"filter": {"tag": "x"}}`), and the variables of the path that it is mounted under."""


@dataclass(frozen=True, slots=True, init=False)
class Connected:
    """The client may connect: values to assign to each of its channels.

    Attributes:
        id: a topic that names this client, such as `users:1`; `pubsub.broadcast(id, "disconnect", {})` closes all
            sockets of that name.
        expires: when the client must prove anew who it is, as when its token ends: the socket closes then with 1001,
            and the client comes back through `connect`. None for never.
        assigns: the values.

    Raises:
        ChannelError: `id` is no text, or `expires` has no time zone.
    """

    id: str | None
    expires: datetime | None
    assigns: Mapping[str, Any] = field(repr=False)

    def __init__(self, *, id: str | None = None, expires: datetime | None = None, **assigns: Any) -> None:  # noqa: A002  # Phoenix's word
        name = cast("object", id)
        if name is not None and (not isinstance(name, str) or not name):
            raise ChannelError(
                f"id of Connected is a topic or None, got {id!r}", hint='write Connected(id=f"users:{user.id}")'
            )
        if expires is not None and expires.tzinfo is None:
            raise ChannelError(
                f"expires of Connected has no time zone, got {expires}", hint="write datetime.now(UTC) + timedelta(…)"
            )
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "expires", expires)
        object.__setattr__(self, "assigns", assigns)


@dataclass(frozen=True, slots=True)
class Refused:
    """The client may not connect; it gets an HTTP status.

    Attributes:
        status: 400 to 599. A server without ASGI's denial response extension sends 403 in its place.
        reason: the body of the response, plain text.
    """

    status: int = 403
    reason: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise ChannelError(f"a refused connection has a status of 400 to 599, got {self.status}")


@dataclass(frozen=True, slots=True)
class ConnectInfo:
    """What is known of a client beside its parameters.

    Attributes:
        headers: the request's headers, names in any case; `x-*`, `traceparent` and `user-agent` are here.
        peer: address and port of the other end, where the server knows it.
        url: the full URL, parameters included.
        auth_token: the client's `authToken`, which never appears in a URL; None without one.
        session: the browser's session, where the page gave the socket its `csrf_token(request)`; else None.
    """

    headers: Headers = field(repr=False)
    peer: tuple[str, int] | None
    url: str = field(repr=False)
    auth_token: str | None = field(repr=False)
    session: Mapping[str, Any] | None = field(default=None, repr=False)


class SocketHandler:
    """Base of sockets: lists the channels, and decides who may connect.

        class UserSocket(SocketHandler):
            channels = {"room:*": RoomChannel}

            async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
                user = await user_of(info.auth_token)
                return Connected(user_id=user.id, id=f"users:{user.id}") if user else Refused()

    Attributes:
        channels: topic pattern → channel; an exact topic, or a beginning and `*`. The first that fits is taken.
        log: the level at which the log has a line for each client that asks to connect; None for no line.
        filter_params: what logs and telemetry show of parameters, here and in the channels.
    """

    channels: ClassVar[Mapping[str, type[Channel]]] = {}
    routes: ClassVar[Routes[type[Channel]]] = Routes[type[Channel]]({})
    log: ClassVar[LogLevel] = logging.INFO
    filter_params: ClassVar[ParamFilter] = SECRETS

    def __init_subclass__(cls, **kwargs: Any) -> None:  # passed on
        super().__init_subclass__(**kwargs)
        for pattern, channel in cls.channels.items():
            _check_channel(cls.__name__, pattern, channel)
        check_level(f"{cls.__name__}.log", cls.log)
        given: Any = cls.filter_params
        if not isinstance(given, ParamFilter):
            raise ChannelError(
                f"{cls.__name__}.filter_params must be a ParamFilter, got {given!r:.60}",
                hint='write filter_params = ParamFilter("iban")',
            )
        cls.routes = Routes(cls.channels)

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:  # noqa: ARG002
        """Decide whether the client may connect; without it, everybody may."""
        return Connected()


def _check_channel(owner: str, pattern: str, channel: object) -> None:
    if not isinstance(channel, type) or not issubclass(channel, Channel):
        raise ChannelError(
            f"{owner}.channels[{pattern!r}] must be a Channel class, got {channel!r}",
            hint=f'write channels = {{"{pattern}": RoomChannel}}',
        )
    missing = channel.__abstractmethods__
    if missing:
        raise ChannelError(
            f"{owner}.channels[{pattern!r}]: {channel.__name__} has no {', '.join(sorted(missing))}",
            hint="define async def join(self, topic, payload, socket) and return Joined() or JoinRefused(…)",
        )
