"""Runner: one channel of one client, its mailbox, and the task that lives while there is mail."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from time import perf_counter
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, cast, final

from ectype import telemetry
from ectype.web_integration.channels import events
from ectype.web_integration.channels.channel import Channel, Handled, Joined, JoinRefused, Reply, Stop
from ectype.web_integration.channels.errors import ChannelError
from ectype.web_integration.channels.message import LEAVE, Answer, Message, Push
from ectype.web_integration.channels.outbox import Outbox
from ectype.web_integration.channels.serializer import Serializer
from ectype.web_integration.channels.socket import Actions, Member, Phase, Ref, Socket, SocketState
from ectype.web_integration.filters import ParamFilter
from ectype.web_integration.payload import Outgoing, Payload
from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.pubsub import PubSub, Subscription

logger = logging.getLogger("ectype.channels")

ChannelMember: TypeAlias = Member[type[Channel]]
ChannelActions: TypeAlias = Actions[type[Channel]]


class Host(Protocol):
    """What a runner needs from the connection that it belongs to."""

    id: str | None
    assigns: Mapping[str, Any]
    state: SocketState[type[Channel]]
    serializer: Serializer
    outbox: Outbox
    pubsub: PubSub
    context: Context
    inbox_limit: int
    filter_params: ParamFilter

    async def settle(self, actions: ChannelActions) -> None: ...  # noqa: D102  # said in Connection
    def forget(self, runner: Runner) -> None: ...  # noqa: D102
    async def give_back(self, left_over: list[Message]) -> None: ...  # noqa: D102
    def overflow(self) -> None: ...  # noqa: D102


class _Join(NamedTuple):
    payload: object
    after: Runner | None


class _Out(NamedTuple):
    broadcast: Broadcast


class _Info(NamedTuple):
    message: object


class _Shut(NamedTuple):
    reason: str


_Inside: TypeAlias = _Join | _Out | _Info | _Shut
_Mail: TypeAlias = Message | _Inside


@final
class Runner:
    """Runs one channel: takes its mail in order, calls the channel, tells the connection what became of it."""

    __slots__ = (
        "_begun", "_channel", "_ends", "_host", "_killed", "_mail", "_member", "_over", "_room", "_socket",
        "_subscriptions", "_task",
    )  # fmt: skip

    def __init__(self, member: ChannelMember, host: Host) -> None:
        self._member: Final = member
        self._host = host
        self._mail: deque[_Mail] = deque()
        self._task: asyncio.Task[None] | None = None
        self._socket = Socket(member.topic, id=host.id, join_ref=member.join_ref, assigns=host.assigns)
        self._channel: Channel | None = None
        self._subscriptions: list[Subscription] = []
        self._ends: list[Callable[[], object]] = []
        self._begun = False
        self._over = False
        self._killed = False
        self._room: asyncio.Event | None = None

    # What the connection calls.

    def start(self, payload: object, *, after: Runner | None) -> None:
        """Let the channel join, once the runner that it replaces has ended."""
        self._put(_Join(payload, after))

    def post(self, message: Message) -> None:
        """Put a client's message into the mailbox."""
        self._put(message)

    def shut(self, reason: str) -> None:
        """Let the channel end after the mail that it has."""
        if not self._over:
            self._put(_Shut(reason))

    @property
    def full(self) -> bool:
        """Whether the client must wait before it sends more."""
        return len(self._mail) >= self._host.inbox_limit

    @property
    def member(self) -> ChannelMember:
        """The join that this is the channel of."""
        return self._member

    async def room(self) -> None:
        """Wait until the mailbox is half empty, or the channel has ended."""
        while self.full and not self._over:
            await self._wait()

    async def begun(self) -> None:
        """Wait until the join runs, which is when the runner that this one replaced has ended."""
        while not self._begun and not self._over:
            await self._wait()

    async def end(self) -> None:
        """Wait until the channel has ended; after the time that its class allows it is cancelled."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._member.route.shutdown.total_seconds())
        self.kill()

    def kill(self) -> None:
        """End the channel now, whatever it does."""
        if not self._over:
            self._finish()
        self._host.forget(self)
        if self._task is not None:
            self._killed = True
            self._task.cancel()

    # What the channel calls, as its Link.

    async def push(self, event: str, payload: Outgoing) -> None:
        """Send a message to the client; see Channel.push."""
        self._check_joined("push")
        push = Push(self._member.join_ref, None, self._member.topic, event, payload)
        await self._host.outbox.send(self._host.serializer.push(push))

    def broadcast(self, event: str, payload: Outgoing) -> None:
        """Send a message to all in the topic; see Channel.broadcast."""
        self._check_joined("broadcast")
        self._host.pubsub.broadcast(self._member.topic, event, payload)

    def broadcast_from(self, event: str, payload: Outgoing) -> None:
        """Send a message to all others in the topic; see Channel.broadcast_from."""
        self._check_joined("broadcast_from")
        if self._subscriptions:
            self._host.pubsub.broadcast_from(self._subscriptions[0], self._member.topic, event, payload)
        else:
            # The channel has ended and hears nothing any more: everybody there is somebody else.
            self._host.pubsub.broadcast(self._member.topic, event, payload)

    async def reply(self, ref: Ref, reply: Reply) -> None:
        """Answer a message of the client; see Channel.reply."""
        answer = Answer(ref.join_ref, ref.ref, ref.topic, reply.status, reply.payload)
        await self._host.outbox.send(self._host.serializer.answer(answer))

    def tell(self, message: object) -> None:
        """Put a message for handle_info into the mailbox; see Channel.tell."""
        self._put_bounded(_Info(message))

    def subscribe(self, topic: str) -> None:
        """Put each broadcast of the topic into the mailbox; see Channel.subscribe."""
        if not self._over:
            self._subscriptions.append(self._host.pubsub.subscribe(topic, self.tell))

    def at_end(self, callback: Callable[[], object]) -> None:
        """Keep a function for the end of the channel; see Channel.at_end."""
        self._ends.append(callback)
        if self._over:
            self._call_ends()

    def background(self) -> Context:
        """Return what tasks of this channel begin with; see Channel.background."""
        return self._host.context.copy()

    @property
    def topic(self) -> str:
        """The topic that the client joined."""
        return self._member.topic

    # The mailbox.

    def deliver(self, broadcast: Broadcast) -> None:
        """Send a broadcast of the topic to the client, or to handle_out when the channel intercepts its event."""
        if broadcast.event in self._member.route.intercept:
            self._put_bounded(_Out(broadcast))
        else:
            serializer = self._host.serializer
            self._host.outbox.post(broadcast.once(serializer, serializer.broadcast))

    def _put(self, mail: _Mail) -> None:
        if self._over:
            return
        self._mail.append(mail)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), context=self.background())

    def _put_bounded(self, mail: _Mail) -> None:
        # The client's own frames are held back by not reading them; what comes from elsewhere cannot be.
        if len(self._mail) >= 10 * self._host.inbox_limit:
            self._host.overflow()
        else:
            self._put(mail)

    async def _work(self) -> None:
        try:
            while self._mail and not self._over:
                mail = self._mail.popleft()
                if isinstance(mail, Message):
                    await self._on_message(mail)
                else:
                    await self._take(mail)
                if self._room is not None and not self.full:
                    self._wake()
        except asyncio.CancelledError as exc:
            if self._killed:
                raise
            await self._crash(exc)
        except Exception as exc:  # noqa: BLE001  # whatever the application raises ends this channel alone
            await self._crash(exc)
        finally:
            self._task = None

    async def _take(self, mail: _Inside) -> None:
        match mail:
            case _Out(broadcast):
                out = self._joined_channel.handle_out(broadcast.event, broadcast.payload, self._socket)
                await self._settle(await out, None)
            case _Info(message):
                await self._settle(await self._joined_channel.handle_info(message, self._socket), None)
            case _Join(payload, after):
                await self._on_join(payload, after)
            case _Shut(reason):
                await self._end(reason, ())

    # Joining.

    async def _on_join(self, payload: object, after: Runner | None) -> None:
        if after is not None:
            await after.end()
        self._begun = True
        self._wake()
        started = perf_counter()
        result: Literal["ok", "error", "crash"] = "crash"
        try:
            result = await self._join(payload)
        finally:
            self._report_join(result, payload, perf_counter() - started)

    async def _join(self, payload: object) -> Literal["ok", "error"]:
        member, host = self._member, self._host
        channel = self._channel = member.route()
        channel.link(self)
        outcome = await channel.join(member.topic, self._params(payload), self._socket)
        match outcome:
            case Joined(reply, assigns):
                # Before anything is decided: a reply that cannot be sent is a crashed join.
                host.serializer.answer(Answer(member.join_ref, member.ref, member.topic, "ok", reply))
                self._socket.assign(**assigns)
                self._subscriptions.insert(0, host.pubsub.subscribe(member.topic, self.deliver))
                await host.settle(host.state.joined(member, reply))
                return "ok"
            case JoinRefused(reply):
                host.serializer.answer(Answer(member.join_ref, member.ref, member.topic, "error", reply))
                await self._give_back(host.state.refused(member, reply))
                return "error"
            case _:
                raise ChannelError(
                    f"{member.route.__name__}.join on {member.topic!r} returned {outcome!r}",
                    hint="return Joined({…}, name=value) or JoinRefused({…})",
                )

    def _report_join(self, result: Literal["ok", "error", "crash"], payload: object, duration: float) -> None:
        level, shown, topic = self._member.route.log_join, self._host.filter_params, self._member.topic
        if level is not None and logger.isEnabledFor(level):
            logger.log(
                level, "join %.200r: %s in %.1f ms, params %.500r", topic, result, duration * 1000, shown(payload)
            )
        if telemetry.listeners(events.JOINED):
            name = self._member.route.__name__
            telemetry.emit(events.JOINED, events.ChannelJoined(name, topic, shown(payload), result, duration))

    # Messages.

    async def _on_message(self, message: Message) -> None:
        if message.event == LEAVE:
            await self._end("left", self._host.state.left(self._member, message))
        elif telemetry.listeners(events.HANDLED_IN) or self._logs():
            await self._measured(message)
        else:
            await self._handle(message)

    def _logs(self) -> bool:
        level = self._member.route.log_handle_in
        return level is not None and logger.isEnabledFor(level)

    async def _measured(self, message: Message) -> None:
        started = perf_counter()
        error: BaseException | None = None
        try:
            await self._handle(message)
        except BaseException as exc:
            error = exc
            raise
        finally:
            duration = perf_counter() - started
            params = self._host.filter_params(message.payload)
            level, name = self._member.route.log_handle_in, self._member.route.__name__
            if level is not None:
                logger.log(
                    level, "%.200r on %.200r in %.1f ms, params %.500r",
                    message.event, message.topic, duration * 1000, params,
                )  # fmt: skip
            event = events.ChannelHandledIn(name, message.topic, message.event, params, duration, error)
            telemetry.emit(events.HANDLED_IN, event)

    async def _handle(self, message: Message) -> None:
        channel, socket = self._joined_channel, self._socket
        event, payload = message.event, message.payload
        socket.at(message.ref)
        try:
            if isinstance(payload, dict):
                known = cast("Payload", payload)
                handler = channel.handlers.get(event)
                if handler is None:
                    outcome = await channel.handle_in(event, known, socket)
                else:
                    outcome = await handler(channel, known, socket)
            elif isinstance(payload, bytes):
                outcome = await channel.handle_binary(event, payload, socket)
            else:
                outcome = await channel.handle_value(event, payload, socket)
        finally:
            socket.at(None)
        if isinstance(outcome, Reply):
            await self._answer(outcome, message)
        elif outcome is not None:
            await self._settle(outcome, message)

    async def _settle(self, outcome: Handled, message: Message | None) -> None:
        match outcome:
            case None:
                pass
            case Stop(reason=reason, reply=reply):
                if reply is not None and message is not None:
                    await self._answer(reply, message)
                await self._end(reason, self._host.state.stopped(self._member, reason))
            case _:
                raise ChannelError(
                    f"a handler of {self._member.route.__name__} on {self._member.topic!r} returned {outcome!r}",
                    hint="return Reply({…}) or Stop() or None; only messages with a ref are answered by Reply",
                )

    async def _answer(self, reply: Reply, message: Message) -> None:
        host = self._host
        answer = Answer(self._member.join_ref, message.ref, message.topic, reply.status, reply.payload)
        await host.outbox.send(host.serializer.answer(answer))

    # The end.

    async def _end(self, reason: str, actions: ChannelActions) -> None:
        left_over = self._finish()
        await self._host.settle(actions)
        try:
            if self._channel is not None:
                await self._channel.terminate(reason, self._socket)
        except Exception:
            logger.exception("%s.terminate on %.200r raised", self._member.route.__name__, self._member.topic)
        self._host.forget(self)
        await self._host.give_back(left_over)

    async def _give_back(self, actions: ChannelActions) -> None:
        left_over = self._finish()
        self._host.forget(self)
        await self._host.settle(actions)
        await self._host.give_back(left_over)

    async def _crash(self, exc: BaseException) -> None:
        name = self._member.route.__name__
        logger.error("%s on %.200r crashed", name, self._member.topic, exc_info=exc)
        await self._give_back(self._host.state.crashed(self._member))

    def _finish(self) -> list[Message]:
        self._over = True
        for subscription in self._subscriptions:
            self._host.pubsub.unsubscribe(subscription)
        self._subscriptions.clear()
        self._call_ends()
        left_over = [mail for mail in self._mail if isinstance(mail, Message)]
        self._mail.clear()
        self._wake()
        return left_over

    def _call_ends(self) -> None:
        ends, self._ends = self._ends, []
        for callback in ends:
            try:
                callback()
            except Exception:
                logger.exception("what was to be called at the end of %.200r raised", self._member.topic)

    async def _wait(self) -> None:
        if self._room is None:
            self._room = asyncio.Event()
        await self._room.wait()

    def _wake(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None

    @property
    def _joined_channel(self) -> Channel:
        channel = self._channel
        if channel is None:
            raise ChannelError(f"{self._member.route.__name__} on {self._member.topic!r} got mail before its join")
        return channel

    def _params(self, payload: object) -> Payload:
        if isinstance(payload, dict):
            return cast("Payload", payload)
        raise ChannelError(
            f"{self._member.route.__name__} on {self._member.topic!r} is joined with an object, and got "
            f"{type(payload).__name__}",
            hint="join with an object from the client: socket.channel(topic, {value: …})",
        )

    def _check_joined(self, what: str) -> None:
        if self._member.phase is Phase.JOINING:
            raise ChannelError(
                f"{what} was called before the join of {self._member.topic!r} was answered",
                hint="put it into the join's reply, Joined({…}), or do it right after the join:\n\n"
                "    async def join(self, topic, payload, socket):\n"
                '        self.tell("joined")\n'
                "        return Joined()\n\n"
                "    async def handle_info(self, message, socket):\n"
                f'        await self.{what}("hello", {{}})',
            )
