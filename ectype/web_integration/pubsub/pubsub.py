"""PubSub: topic → subscribers, in one process or in many.

    pubsub = PubSub(defer=repo.after_commit)
    pubsub.broadcast("posts", "created", {"id": 1})

`broadcast` is a plain function: it hands the message to every subscriber in this process before it returns, and
nothing needs an `await`. With `defer`, that happens after the commit of the transaction that is open, or never when it
rolls back; PubSub itself knows no database. With a `bus`, the message goes on to all other processes that share it.
Delivery is at most once, without history, in the order of the calls; what may have been lost between processes is told
to the subscribers of `RESYNC`.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from secrets import token_hex
from types import TracebackType
from typing import Final, Self, TypeAlias, final

from ectype.web_integration.payload import Outgoing
from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.bus import Bus
from ectype.web_integration.pubsub.errors import PubSubError
from ectype.web_integration.pubsub.relay import Relay

logger = logging.getLogger("ectype.pubsub")

RESYNC: Final = "ectype:resync"
"""A topic that tells, in this process only, that messages of other processes may have been missed: event `resync`,
payload `{"since": a datetime, "reason": a text}`. Messages arrive again by then, so that what is read anew is whole."""

LONGEST_NODE: Final = 32
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


Subscriber: TypeAlias = Callable[[Broadcast], object]
Defer: TypeAlias = Callable[[Callable[[], None]], object]
"""Runs the function later, or now: `repo.after_commit`."""


@final
class Subscription:
    """One subscriber of one topic; the thing to give to `unsubscribe` and `broadcast_from`."""

    __slots__ = ("subscriber", "topic")
    topic: Final[str]
    subscriber: Final[Subscriber]

    def __init__(self, topic: str, subscriber: Subscriber) -> None:
        self.topic = topic
        self.subscriber = subscriber

    def __repr__(self) -> str:
        return f"Subscription({self.topic!r})"


@final
class PubSub:
    """Hands each broadcast to the subscribers of its topic.

    Args:
        bus: a way to other processes: `PostgresBus(repo)`, `RedisBus(url)`. Such a PubSub is opened, with `async with`
            or in `repo_lifespan(repo, pubsub)`. Without it, all is in this process.
        node: the name of this process among those on the bus, of 32 letters, digits, `-`, `_` or `.` at most; a random
            one unless said. No two that run at a time may have the same.
        defer: given a function, runs it when what is being done has become true: `repo.after_commit`. Without it
            broadcasts go out at once.
        room: how many broadcasts may wait while the bus is away.

    Raises:
        PubSubError: for a name or a room that is none.
    """

    __slots__ = ("_defer", "_relay", "_thread", "_topics", "node")
    node: Final[str]

    def __init__(
        self, *, bus: Bus | None = None, node: str | None = None, defer: Defer | None = None, room: int = 10_000
    ) -> None:
        self.node = token_hex(8) if node is None else node
        if not 1 <= len(self.node) <= LONGEST_NODE or not set(self.node) <= _LETTERS:
            raise PubSubError(
                f"node={self.node!r:.80} is no name of a process",
                hint=f'name it with {LONGEST_NODE} letters, digits, "-", "_" or "." at most: node="web-1"',
            )
        if room < 1:
            raise PubSubError(f"room={room} leaves no room for a broadcast", hint="say 1 at least")
        self._defer = defer
        self._topics: dict[str, dict[Subscription, None]] = {}
        self._thread = 0
        self._relay: Relay | None = None if bus is None else Relay(bus, self.node, self._deliver, self._missed, room)

    async def __aenter__(self) -> Self:
        """Open the bus; without one there is nothing to do.

        Raises:
            UnsupportedError: the bus cannot hear what is sent to it, as behind a pooler.
            ConnectError: it cannot be reached.
        """
        await self.open()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the bus, as `async with` does."""
        if self._relay is not None:
            self._thread = threading.get_ident()
            await self._relay.open()

    async def close(self) -> None:
        """Send what waits, for five seconds at most, and close the bus."""
        if self._relay is not None:
            await self._relay.close()

    def subscribe(self, topic: str, subscriber: Subscriber) -> Subscription:
        """Call `subscriber(broadcast)` with every broadcast to the topic, until `unsubscribe`.

        The subscriber is a plain function that returns quickly; when it raises, that is logged and the others get
        their message all the same. Two subscriptions of one function get the message twice, as in Phoenix.

        Raises:
            PubSubError: the subscriber is `async`, or the call comes from another thread than earlier ones.
        """
        if inspect.iscoroutinefunction(subscriber):
            raise PubSubError(
                f"a subscriber of {topic!r} is async, and a broadcast waits for nobody",
                hint="hand the message to a task of yours: pubsub.subscribe(topic, queue.put_nowait)",
            )
        if not self._topics and self._relay is None:
            self._thread = threading.get_ident()
        self._check_thread("subscribe", topic)
        subscription = Subscription(topic, subscriber)
        self._topics.setdefault(topic, {})[subscription] = None
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; it is no error when it has ended already."""
        subscriptions = self._topics.get(subscription.topic)
        if subscriptions is None:
            return
        subscriptions.pop(subscription, None)
        if not subscriptions:
            del self._topics[subscription.topic]

    def broadcast(self, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to every subscriber of the topic, in all processes.

        The payload becomes JSON now, so that a wrong one fails here and later changes to it are not sent.

        Raises:
            PayloadError: the payload is neither an object nor bytes, or holds what JSON cannot say.
            PubSubError: the call comes from another thread than the subscriptions; or it has a bus and is not open, or
                too many broadcasts wait for it. Nobody gets the message then.
        """
        self._send(Broadcast(topic, event, payload), None, local=False)

    def broadcast_from(self, sender: Subscription, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to every subscriber of the topic but `sender`, in all processes; raises as `broadcast`."""
        self._send(Broadcast(topic, event, payload), sender, local=False)

    def local_broadcast(self, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to the subscribers in this process only; raises as `broadcast` does."""
        self._send(Broadcast(topic, event, payload), None, local=True)

    def local_broadcast_from(self, sender: Subscription, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to the subscribers in this process but `sender`; raises as `broadcast` does."""
        self._send(Broadcast(topic, event, payload), sender, local=True)

    def direct_broadcast(self, node: str, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to the subscribers in one process, by its `node`; raises as `broadcast` does.

        A node that does not exist gets nothing, and that is no error.
        """
        if node == self.node:
            self._send(Broadcast(topic, event, payload), None, local=True)
            return
        broadcast = Broadcast(topic, event, payload)
        self._check_thread("direct_broadcast", topic)
        relay = self._relay
        if relay is not None:
            self._when_true(lambda: relay.post(broadcast, node))

    def subscribers(self, topic: str) -> int:
        """Return how many subscriptions the topic has."""
        return len(self._topics.get(topic, ()))

    def _send(self, broadcast: Broadcast, sender: Subscription | None, *, local: bool) -> None:
        self._check_thread("broadcast", broadcast.topic)
        relay = None if local else self._relay

        def go() -> None:
            if relay is not None:
                relay.post(broadcast)
            self._dispatch(broadcast, sender)

        self._when_true(go)

    def _when_true(self, do: Callable[[], None]) -> None:
        if self._defer is None:
            do()
        else:
            self._defer(do)

    def _deliver(self, broadcast: Broadcast) -> None:
        self._dispatch(broadcast, None)

    def _missed(self, since: datetime, reason: str) -> None:
        logger.warning("messages of other processes may be missing since %s: %s", since.isoformat(), reason)
        self._dispatch(Broadcast(RESYNC, "resync", {"since": since, "reason": reason}), None)

    def _dispatch(self, broadcast: Broadcast, sender: Subscription | None) -> None:
        # A copy, since a subscriber may end its subscription while it is called.
        for subscription in tuple(self._topics.get(broadcast.topic, ())):
            if subscription is sender:
                continue
            try:
                subscription.subscriber(broadcast)
            except Exception:
                logger.exception("a subscriber of %r raised on %r", broadcast.topic, broadcast.event)

    def _check_thread(self, what: str, topic: str) -> None:
        if (self._topics or self._relay is not None) and self._thread not in (0, threading.get_ident()):
            raise PubSubError(
                f"{what} on {topic!r} came from another thread than the subscriptions live in",
                hint="from a thread, write: loop.call_soon_threadsafe(pubsub.broadcast, topic, event, payload)",
            )
