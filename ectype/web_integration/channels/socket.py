"""One client's channels as a pure state machine: messages in, actions out.

Nothing here knows a server, a task or a clock. `SocketState.receive` takes a decoded message and says what to do;
`joined`, `refused`, `left`, `stopped` and `crashed` take what became of a channel. The rules are those of
`Phoenix.Socket` and `Phoenix.Channel.Server`, with one departure: a join that takes long holds back the frames of
its own topic only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, final

from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.message import (
    CLOSE,
    ERROR,
    HEARTBEAT,
    HEARTBEAT_TOPIC,
    JOIN,
    LEAVE,
    Answer,
    Message,
    Push,
)
from ectype.web_integration.payload import Outgoing, Payload

R = TypeVar("R")
NOTHING: Final[Payload] = MappingProxyType({})
GRACEFUL: Final = frozenset({"normal", "shutdown"})
"""Reasons to stop after which the client is told `phx_close`; all others are errors."""


class Ref(NamedTuple):
    """Where a reply goes, taken by `socket.ref()` in a handler and given to `channel.reply` later."""

    join_ref: str | None
    ref: str
    topic: str


@final
class Socket:
    """One client in one channel: its topic, and the values that the application keeps for it.

    Attributes:
        topic: the topic that was joined.
        id: the name that `connect` gave the socket, or None.
        join_ref: the client's ref of this join.
    """

    __slots__ = ("_assigns", "_ref", "id", "join_ref", "topic")
    topic: Final[str]
    id: Final[str | None]
    join_ref: Final[str | None]

    def __init__(self, topic: str, *, id: str | None, join_ref: str | None, assigns: Mapping[str, Any]) -> None:  # noqa: A002  # Phoenix's word
        self.topic = topic
        self.id = id
        self.join_ref = join_ref
        self._assigns = dict(assigns)
        self._ref: str | None = None

    @property
    def assigns(self) -> Mapping[str, Any]:
        """The assigned values, read-only: those of `Connected`, of `Joined`, and of `assign`."""
        return MappingProxyType(self._assigns)

    def assign(self, **values: Any) -> None:  # the application decides what it keeps
        """Keep values for this client in this channel, until the channel ends."""
        self._assigns.update(values)

    def ref(self) -> Ref:
        """Return where the reply to the message in hand goes, to answer it later with `channel.reply`.

        Raises:
            ChannelError: no message is in hand, or the client wants no reply to it.
        """
        if self._ref is None:
            raise ChannelError(
                f"there is no message to reply to on {self.topic!r}",
                hint="take socket.ref() inside a handler, before it returns, of a message that has a ref",
            )
        return Ref(self.join_ref, self._ref, self.topic)

    def at(self, ref: str | None) -> None:
        """Say which message is in hand; called around each handler by the channel's runner."""
        self._ref = ref

    def __repr__(self) -> str:
        return f"Socket({self.topic!r}, assigns=<{', '.join(self._assigns)}>)"


@final
class Routes(Generic[R]):
    """Topic patterns in order: an exact topic, or a beginning followed by `*`.

    Raises:
        ChannelError: a pattern is empty or has a `*` that is not its end.

    >>> Routes({"room:lobby": 1, "room:*": 2}).match("room:7")
    2
    """

    __slots__ = ("_routes",)

    def __init__(self, routes: Mapping[str, R]) -> None:
        for pattern in routes:
            if not pattern or "*" in pattern[:-1]:
                raise ChannelError(
                    f"a topic pattern is an exact topic or ends in its only `*`, got {pattern!r}",
                    hint='write "room:lobby" or "room:*"',
                )
        self._routes = tuple((one.removesuffix("*"), one.endswith("*"), route) for one, route in routes.items())

    def match(self, topic: str) -> R | None:
        """Return the first route whose pattern fits the topic, or None."""
        for name, is_prefix, route in self._routes:
            if topic == name or (is_prefix and topic.startswith(name)):
                return route
        return None


class Phase(Enum):
    """How far a channel of one client is."""

    JOINING = "joining"
    JOINED = "joined"
    CLOSED = "closed"


@final
class Member(Generic[R]):
    """One join of one client: who it is on the wire, and how far it is."""

    __slots__ = ("join_ref", "phase", "ref", "replaces", "route", "topic")

    def __init__(self, message: Message, route: R, *, replaces: Member[R] | None) -> None:
        self.topic: Final = message.topic
        self.join_ref: Final = message.join_ref if message.join_ref is not None else message.ref
        self.ref: Final = message.ref
        self.route: Final = route
        self.phase = Phase.JOINING
        self.replaces = replaces


class Send(NamedTuple):
    """Send this to the client."""

    frame: Answer | Push


class Start(NamedTuple, Generic[R]):
    """Make the channel and let it join, after the member that it replaces has ended."""

    member: Member[R]
    payload: object


class Deliver(NamedTuple, Generic[R]):
    """Put the message into the channel's mailbox; `phx_leave` comes this way too, in its turn."""

    member: Member[R]
    message: Message


class Shut(NamedTuple, Generic[R]):
    """Let the channel finish what is in its mailbox, then end it."""

    member: Member[R]
    reason: str


Action: TypeAlias = Send | Start[R] | Deliver[R] | Shut[R]
Actions: TypeAlias = tuple[Action[R], ...]


@final
class SocketState(Generic[R]):
    """What one client has joined, and what each of its messages means.

    Args:
        routes: which channel answers for which topic.
        max_channels: how many topics one client may have joined at once.
    """

    __slots__ = ("_max_channels", "_members", "_routes")

    def __init__(self, routes: Routes[R], *, max_channels: int = 100) -> None:
        self._routes = routes
        self._max_channels = max_channels
        self._members: dict[str, Member[R]] = {}

    @property
    def members(self) -> tuple[Member[R], ...]:
        """The channels that are joining or joined, oldest first."""
        return tuple(self._members.values())

    def receive(self, message: Message) -> Actions[R]:
        """Return what to do about a client's message."""
        if message.topic == HEARTBEAT_TOPIC and message.event == HEARTBEAT:
            return (_ok(message),)
        member = self._members.get(message.topic)
        if message.event == JOIN:
            return self._join(message, member)
        if member is not None:
            # A frame of an earlier join raced with the server: Phoenix ignores it, and so does the client its answer.
            stale = message.join_ref is not None and message.join_ref != member.join_ref
            return () if stale else (Deliver(member, message),)
        if message.event == LEAVE:
            return (_ok(message),)
        return (_unmatched(message),)

    def joined(self, member: Member[R], response: Outgoing) -> Actions[R]:
        """The join was granted: answer it, then close what it replaced."""
        member.phase = Phase.JOINED
        return (_answer(member, "ok", response), *self._close_replaced(member))

    def refused(self, member: Member[R], response: Outgoing) -> Actions[R]:
        """The join was refused: answer it, and forget it."""
        self._forget(member)
        return (_answer(member, "error", response), *self._close_replaced(member))

    def left(self, member: Member[R], leave: Message) -> Actions[R]:
        """The client has left: answer `phx_leave`, then close."""
        return (Send(Answer(member.join_ref, leave.ref, member.topic, "ok", NOTHING)), *self._close(member))

    def stopped(self, member: Member[R], reason: str) -> Actions[R]:
        """The channel ended itself: `phx_close` after a graceful reason, `phx_error` after any other."""
        return self._close(member) if reason in GRACEFUL else self.crashed(member)

    def crashed(self, member: Member[R]) -> Actions[R]:
        """The channel raised: the client hears `phx_error` and joins again, or that its join crashed."""
        if member.phase is Phase.JOINING:
            return self.refused(member, {"reason": "join crashed"})
        if not self._forget(member):
            return ()
        return (Send(Push(member.join_ref, member.join_ref, member.topic, ERROR, {"reason": "channel_crash"})),)

    def _join(self, message: Message, current: Member[R] | None) -> Actions[R]:
        route = self._routes.match(message.topic)
        if route is None:
            return (_unmatched(message),)
        if current is None and len(self._members) >= self._max_channels:
            return (_refusal(message, message.join_ref, "too many channels joined"),)
        member = Member(message, route, replaces=current)
        self._members[message.topic] = member
        start = Start(member, message.payload)
        return (start,) if current is None else (Shut(current, "duplicate_join"), start)

    def _close_replaced(self, member: Member[R]) -> Actions[R]:
        old, member.replaces = member.replaces, None
        return () if old is None else (*self._close_replaced(old), *self._close(old))

    def _close(self, member: Member[R]) -> Actions[R]:
        if not self._forget(member):
            return ()
        return (Send(Push(member.join_ref, member.join_ref, member.topic, CLOSE, NOTHING)),)

    def _forget(self, member: Member[R]) -> bool:
        if member.phase is Phase.CLOSED:
            return False
        member.phase = Phase.CLOSED
        if self._members.get(member.topic) is member:
            del self._members[member.topic]
        return True


def _ok(message: Message) -> Send:
    return Send(Answer(None, message.ref, message.topic, "ok", NOTHING))


def _answer(member: Member[Any], status: str, response: Outgoing) -> Send:
    return Send(Answer(member.join_ref, member.ref, member.topic, status, response))


def _unmatched(message: Message) -> Send:
    return _refusal(message, None, "unmatched topic")


def _refusal(message: Message, join_ref: str | None, reason: str) -> Send:
    return Send(Answer(join_ref, message.ref, message.topic, "error", {"reason": reason}))
