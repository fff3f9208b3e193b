"""Channel: what an application writes for one kind of topic.

    class RoomChannel(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined({}, room=topic)

        async def handle_in_new_msg(self, payload: Payload, socket: Socket) -> None:
            await self.broadcast("new_msg", {"body": payload["body"]})

One instance stands for one client in one topic. Its callbacks run one after the other, so they need no locks.
"""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeAlias

from ectype.errors import did_you_mean
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.levels import LogLevel, check_level
from ectype.web_integration.channels.socket import NOTHING, Ref, Socket
from ectype.web_integration.payload import Outgoing, Payload

logger = logging.getLogger("ectype.channels")

PREFIX = "handle_in_"


@dataclass(frozen=True, slots=True, init=False)
class Joined:
    """The join is granted: what the client gets as the reply, and values to assign to the socket.

    >>> Joined({"messages": []}, room="room:1")
    Joined(reply={'messages': []})
    """

    reply: Outgoing
    assigns: Payload = field(repr=False)

    def __init__(self, reply: Outgoing = NOTHING, /, **assigns: Any) -> None:  # as Socket.assign
        object.__setattr__(self, "reply", reply)
        object.__setattr__(self, "assigns", assigns)


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """The join is refused; the client gets the reply with status `error`, and tries again until it leaves.

    >>> JoinRefused({"reason": "unauthorized"})
    JoinRefused(reply={'reason': 'unauthorized'})
    """

    reply: Outgoing = field(default_factory=lambda: NOTHING)


Join: TypeAlias = Joined | JoinRefused
"""What `join` returns."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a client's message: an object or bytes, and a status, which is `ok` unless said.

    >>> Reply({"reason": "is invalid"}, status="error")
    Reply(payload={'reason': 'is invalid'}, status='error')
    """

    payload: Outgoing = field(default_factory=lambda: NOTHING)
    status: str = field(default="ok", kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The channel ends after this handler.

    Attributes:
        reason: `normal` or `shutdown` closes the channel; any other word is an error, and the client joins again.
        reply: the answer to the message in hand, sent first.
    """

    reason: str = "normal"
    reply: Reply | None = None


Handled: TypeAlias = Reply | Stop | None
"""What a handler of a client's message returns: None sends no answer."""

Handler: TypeAlias = Callable[[Any, Payload, Socket], Awaitable[Handled]]


class Link(Protocol):
    """What a channel needs from what runs it."""

    async def push(self, event: str, payload: Outgoing) -> None: ...  # noqa: D102  # said in Channel
    def broadcast(self, event: str, payload: Outgoing) -> None: ...  # noqa: D102
    def broadcast_from(self, event: str, payload: Outgoing) -> None: ...  # noqa: D102
    async def reply(self, ref: Ref, reply: Reply) -> None: ...  # noqa: D102
    def tell(self, message: object) -> None: ...  # noqa: D102
    def subscribe(self, topic: str) -> None: ...  # noqa: D102
    def at_end(self, callback: Callable[[], object]) -> None: ...  # noqa: D102
    def background(self) -> Context: ...  # noqa: D102
    @property
    def topic(self) -> str: ...  # noqa: D102


class Channel(ABC):
    """Base of channels: define `join`, and a `handle_in_<event>` for each event that clients may push.

    The handlers are put into a table when the class is made, and a client's event is looked up in that table only:
    no text of a client is ever taken as a name of Python. An exception in a callback ends this channel alone: it is
    logged, the client hears `phx_error` and joins again.

    Attributes:
        intercept: events whose broadcasts go through `handle_out` instead of straight to the client.
        shutdown: how long the channel may go on with what is in its mailbox when it must end; then it is cancelled.
        log_join: the level at which the log has a line for each join; None for no line.
        log_handle_in: the same for each message of a client that was handled.
    """

    intercept: ClassVar[tuple[str, ...]] = ()
    shutdown: ClassVar[timedelta] = timedelta(seconds=5)
    log_join: ClassVar[LogLevel] = logging.INFO
    log_handle_in: ClassVar[LogLevel] = logging.DEBUG
    handlers: ClassVar[MappingProxyType[str, Handler]] = MappingProxyType({})
    _link: Link | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:  # passed on
        super().__init_subclass__(**kwargs)
        cls.handlers = MappingProxyType(_handlers(cls))
        for name in ("log_join", "log_handle_in"):
            check_level(f"{cls.__name__}.{name}", getattr(cls, name))
        _check_shutdown(cls)
        if isinstance(cls.intercept, str):
            raise ChannelError(
                f"{cls.__name__}.intercept is a tuple of events",
                hint=f'write intercept = ("{cls.intercept}",)',
            )
        if cls.intercept and cls.handle_out is Channel.handle_out:
            raise ChannelError(
                f"{cls.__name__} intercepts {', '.join(cls.intercept)} and has no handle_out",
                hint="define async def handle_out(self, event, payload, socket) and push from it",
            )

    @abstractmethod
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        """Decide whether the client may join: `Joined` or `JoinRefused`. Every topic is authorised here."""

    async def handle_in(self, event: str, payload: Payload, socket: Socket) -> Handled:  # noqa: ARG002
        """Handle a client's message that no `handle_in_<event>` takes; without it, such a message is an error."""
        raise ChannelError(
            f"{type(self).__name__} on {socket.topic!r} handles no event {_short(event)}",
            hint=f"{did_you_mean(event[:100], self.handlers)}, or define handle_in(self, event, payload, socket)",
        )

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Handled:
        """Handle bytes that a client pushed (an `ArrayBuffer`); without it, they are an error."""
        raise ChannelError(
            f"{type(self).__name__} on {socket.topic!r} takes no binary data, and got {len(data)} bytes as "
            f"{_short(event)}",
            hint="define async def handle_binary(self, event, data, socket)",
        )

    async def handle_value(self, event: str, value: object, socket: Socket) -> Handled:
        """Handle JSON that is no object (a list, a text, a number, None); without it, it is an error."""
        raise ChannelError(
            f"{type(self).__name__} on {socket.topic!r} takes objects, and got {type(value).__name__} as the payload "
            f"of {_short(event)}",
            hint="push an object from the client, channel.push(event, {value: …}), or define "
            "async def handle_value(self, event, value, socket)",
        )

    async def handle_out(self, event: str, payload: Outgoing, socket: Socket) -> Stop | None:
        """Handle a broadcast whose event is in `intercept`: push it, push something else, or nothing."""
        raise ChannelError(f"{type(self).__name__} on {socket.topic!r} has no handle_out for {event!r}: {payload!r}")

    async def handle_info(self, message: object, socket: Socket) -> Stop | None:
        """Handle what `tell` was given, or a `Broadcast` of a topic given to `subscribe`.

        Without it, such a message is a warning in the log.
        """
        logger.warning(
            "%s on %.200r got a message of type %s, which nothing handles\n\nhint: define async def handle_info(self, "
            "message, socket)", type(self).__name__, socket.topic, type(message).__name__,
        )  # fmt: skip

    async def terminate(self, reason: str, socket: Socket) -> None:  # noqa: B027  # nothing to clean up is usual
        """Clean up when the channel ends other than by an exception.

        `reason` is `left`, `disconnected`, `draining` (the server stops), `duplicate_join`, or that of `Stop`. It may
        take as long as `shutdown` says.
        """

    async def push(self, event: str, payload: Outgoing) -> None:
        """Send a message to this client. It waits while the client is slower than what is sent to it.

        A client that has gone gets nothing, and that is no error.

        Raises:
            ChannelError: the join has not been answered yet.
            PayloadError: the payload is neither an object nor bytes, or holds what JSON cannot say.
        """
        await self._linked("push").push(event, payload)

    async def broadcast(self, event: str, payload: Outgoing) -> None:
        """Send a message to every client in this topic, this one included; raises as `push` does.

        With `PubSub(defer=repo.after_commit)`, a broadcast inside a transaction leaves after its commit.
        """
        self._linked("broadcast").broadcast(event, payload)

    async def broadcast_from(self, event: str, payload: Outgoing) -> None:
        """Send a message to every client in this topic but this one; raises as `push` does."""
        self._linked("broadcast_from").broadcast_from(event, payload)

    async def reply(self, ref: Ref, reply: Reply) -> None:
        """Answer a message whose `socket.ref()` was kept; raises PayloadError as `push` does."""
        await self._linked("reply").reply(ref, reply)

    def tell(self, message: object) -> None:
        """Hand a message to `handle_info` of this channel, in its turn; allowed in `join`."""
        self._linked("tell").tell(message)

    def subscribe(self, topic: str) -> None:
        """Hand every `Broadcast` of another topic to `handle_info`, until the channel ends; allowed in `join`."""
        self._linked("subscribe").subscribe(topic)

    @property
    def topic(self) -> str:
        """The topic that the client joined."""
        return self._linked("topic").topic

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call a plain function when this channel has ended, or at once when it has; allowed in `join`."""
        self._linked("at_end").at_end(callback)

    def background(self) -> Context:
        """Return a context for a task that outlives its handler: `asyncio.create_task(work(), context=…)`.

        It is what the channel's own tasks begin with, so that in the sandbox of a test the task works for the owner of
        the client; a transaction that is open in the handler is not in it.
        """
        return self._linked("background").background()

    def link(self, link: Link) -> None:
        """Tie the channel to what runs it; called once, before `join`."""
        self._link = link

    def _linked(self, what: str) -> Link:
        if self._link is None:
            raise ChannelError(
                f"{what} was called on a {type(self).__name__} that nobody joined",
                hint="channels are made by the server when a client joins; to send from outside, use "
                "pubsub.broadcast(topic, event, payload)",
            )
        return self._link


def _check_shutdown(cls: type[Channel]) -> None:
    given: Any = cls.shutdown
    if not isinstance(given, timedelta) or given < timedelta(0):
        raise ChannelError(
            f"{cls.__name__}.shutdown is a timedelta that is not negative, got {given!r:.60}",
            hint="write shutdown = timedelta(seconds=5)",
        )


def _handlers(cls: type[Channel]) -> dict[str, Handler]:
    table: dict[str, Handler] = {}
    for name in dir(cls):
        event = name.removeprefix(PREFIX)
        if event == name or not event:
            continue
        handler = getattr(cls, name)
        if not inspect.iscoroutinefunction(handler) or len(inspect.signature(handler).parameters) != 3:
            raise ChannelError(
                f"{cls.__name__}.{name} is no handler",
                hint=f"write async def {name}(self, payload, socket)",
            )
        if event.startswith("phx_"):
            raise ChannelError(f"{cls.__name__}.{name}: events that begin with phx_ belong to the protocol")
        table[event] = handler
    return table


def _short(event: str) -> str:
    return f"`{event}`" if len(event) <= 100 else f"`{event[:100]}…`"
