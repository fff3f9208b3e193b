"""Connection: one client's socket on the server, whatever the transport. It runs what `socket.py` decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, final

from ectype.web_integration.channels.channel import Channel
from ectype.web_integration.channels.errors import ChannelError, FrameError
from ectype.web_integration.channels.handler import Connected
from ectype.web_integration.channels.message import JOIN, Answer, Message, Push
from ectype.web_integration.channels.outbox import Fanout, Outbox, Transmit
from ectype.web_integration.channels.runner import ChannelActions, ChannelMember, Runner
from ectype.web_integration.channels.serializer import Frame, Serializer
from ectype.web_integration.channels.socket import Deliver, Routes, Send, Shut, SocketState, Start
from ectype.web_integration.filters import SECRETS, ParamFilter
from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.pubsub import PubSub, Subscription

logger = logging.getLogger("ectype.channels")

# Close codes of RFC 6455, section 7.4.1, and its registry. 1000 is never sent: clients do not reconnect after it.
GOING_AWAY: Final = 1001
UNSUPPORTED_DATA: Final = 1003
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013


class Closing(NamedTuple):
    """Why the server closes a socket."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one socket may use.

    Attributes:
        max_channels: topics that it may have joined at once.
        outbox: frames that may wait for it.
        inbox: frames of its that may wait for one channel, before it is not read any more.
        frame: bytes that one of its frames may have.
        rate: frames a second that it may send for long; what is more waits. None for any number.
        idle: how long it may send nothing; None for ever.
    """

    max_channels: int = 100
    outbox: int = 1000
    inbox: int = 100
    frame: int = 1_048_576
    rate: int | None = 1_000
    idle: timedelta | None = timedelta(seconds=60)

    def __post_init__(self) -> None:
        for name in ("max_channels", "outbox", "inbox", "frame", "rate"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ChannelError(f"{name} must be at least 1, got {value}")
        if self.idle is not None and self.idle <= timedelta(0):
            raise ChannelError(f"idle must be longer than nothing, got {self.idle}", hint="idle=None means for ever")


@final
class Connection:
    """One client: decodes its frames, keeps its channels, and sends what they say.

    Args:
        connected: what `connect` returned.
        routes: the socket's channels.
        serializer: the version of the protocol that the client speaks.
        pubsub: where broadcasts come from and go to.
        fanout: shared by all connections of an application.
        limits: what this client may use.
        transmit: sends one frame to the client.
        on_close: called once, when the server wants the socket closed; `closing` says why.
        filter_params: what logs and telemetry show of what the client sends.
    """

    __slots__ = (
        "_due", "_expiry", "_loop", "_max_frame", "_on_close", "_open", "_pause", "_runners", "_subscription",
        "assigns", "closing", "context", "filter_params", "id", "inbox_limit", "outbox", "pubsub", "serializer",
        "state",
    )  # fmt: skip

    def __init__(
        self,
        connected: Connected,
        *,
        routes: Routes[type[Channel]],
        serializer: Serializer,
        pubsub: PubSub,
        fanout: Fanout,
        limits: Limits,
        transmit: Transmit,
        on_close: Callable[[], object],
        filter_params: ParamFilter = SECRETS,
    ) -> None:
        self.id: str | None = connected.id
        self.assigns: Mapping[str, Any] = connected.assigns
        self.state = SocketState(routes, max_channels=limits.max_channels)
        self.serializer: Serializer = serializer
        self.pubsub: PubSub = pubsub
        self.outbox = Outbox(transmit, fanout=fanout, overflow=self.overflow, limit=limits.outbox)
        # Channels start from the context of the connection, never from that of whoever sends to them.
        self.context: Context = copy_context()
        self.inbox_limit = limits.inbox
        self.filter_params: ParamFilter = filter_params
        self.closing: Closing | None = None
        self._loop = asyncio.get_running_loop()
        self._max_frame = limits.frame
        self._pause = 0.0 if limits.rate is None else 1 / limits.rate
        self._due = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self._open = True
        self._on_close = on_close
        self._runners: dict[ChannelMember, Runner] = {}
        self._subscription: Subscription | None = None
        if self.id is not None:
            self._subscription = pubsub.subscribe(self.id, self._on_broadcast)
        if connected.expires is not None:
            seconds = (connected.expires - datetime.now(UTC)).total_seconds()
            self._expiry = self._loop.call_later(max(0.0, seconds), self._expired, context=self.context.copy())

    async def receive(self, frame: Frame) -> None:
        """Do what a client's frame asks; waits while the client sends too many, or its channel has too much to do."""
        if len(frame) * 4 > self._max_frame and _size(frame) > self._max_frame:
            logger.warning("a client sent a frame of more than %d bytes, its socket closes", self._max_frame)
            self.close(TOO_BIG, "frame too large")
            return
        if self._pause:
            # A bucket of one second: who sent little before may send that much at once.
            now = self._loop.time()
            self._due = max(self._due, now - 1) + self._pause
            if self._due > now:
                await asyncio.sleep(self._due - now)
        try:
            message = self.serializer.decode(frame)
        except FrameError as exc:
            logger.warning("a client sent a bad frame, its socket closes: %.300s", exc)
            self.close(UNSUPPORTED_DATA, "bad frame")
            return
        actions = self.state.receive(message)
        if not actions:
            logger.debug("ignored %.200r on %.200r of an earlier join", message.event, message.topic)
        await self.settle(actions)

    async def settle(self, actions: ChannelActions) -> None:
        """Do what the state machine decided."""
        for action in actions:
            # Nearly all there is, and so not left to the patterns, which cost as much as the rest of it.
            if isinstance(action, Deliver):
                runner = self._runners[action.member]
                runner.post(action.message)
                if runner.full:
                    await runner.room()
                continue
            match action:
                case Send(frame):
                    await self._send(frame)
                case Start(member, payload):
                    await self._start(member, payload)
                case Shut(member, reason):
                    self._runners[member].shut(reason)

    def forget(self, runner: Runner) -> None:
        """Forget a channel that has ended."""
        self._runners.pop(runner.member, None)

    async def give_back(self, left_over: list[Message]) -> None:
        """Answer what a client had sent to a channel that has ended, as for a topic that was not joined."""
        for message in left_over:
            if self._open:
                await self.settle(self.state.receive(message))

    def close(self, code: int, reason: str) -> None:
        """Let the transport close the socket, with a code that is never 1000; the first call wins."""
        if self._open:
            self.hung_up()
            self.closing = Closing(code, reason)
            self._on_close()

    def hung_up(self) -> None:
        """Note that the client is gone: what its channels still say goes nowhere."""
        self._open = False
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.outbox.close()

    def overflow(self) -> None:
        """Close the socket because its client is too slow: nothing is dropped silently."""
        logger.warning("a client is too slow or gone, its socket closes")
        self.close(TRY_AGAIN_LATER, "too slow")

    async def finish(self) -> None:
        """Let every channel end: each may handle what it was sent, for five seconds, then it is cancelled."""
        self.hung_up()
        if self._subscription is not None:
            self.pubsub.unsubscribe(self._subscription)
        runners = tuple(self._runners.values())
        draining = self.closing is not None and self.closing.code == SERVICE_RESTART
        for runner in runners:
            runner.shut("draining" if draining else "disconnected")
        try:
            if runners:
                await asyncio.gather(*(runner.end() for runner in runners))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End everything now, without waiting."""
        if self._subscription is not None:
            self.pubsub.unsubscribe(self._subscription)
        for runner in tuple(self._runners.values()):
            runner.kill()
        self.outbox.abandon()

    def _expired(self) -> None:
        self.close(GOING_AWAY, "expired")

    async def _send(self, frame: Answer | Push) -> None:
        if isinstance(frame, Push):
            await self.outbox.send(self.serializer.push(frame))
            return
        if frame.status == "error" and frame.join_ref is None:
            logger.warning("no channel answers for %.200r", frame.topic)
        await self.outbox.send(self.serializer.answer(frame))

    async def _start(self, member: ChannelMember, payload: object) -> None:
        replaced = None if member.replaces is None else self._runners.get(member.replaces)
        if replaced is not None:
            logger.debug("duplicate %s on %.200r", JOIN, member.topic)
        runner = self._runners[member] = Runner(member, self)
        runner.start(payload, after=replaced)
        if replaced is not None:
            # A client that joins one topic over and over is not read until its earlier joins have begun.
            await replaced.begun()

    def _on_broadcast(self, broadcast: Broadcast) -> None:
        if broadcast.event == "disconnect":
            self.close(GOING_AWAY, "disconnected")


def _size(frame: Frame) -> int:
    return len(frame.encode("utf-8", "surrogatepass")) if isinstance(frame, str) else len(frame)
