"""PubSub: topic → subscribers, in one process.

    pubsub = PubSub(defer=repo.after_commit)
    pubsub.broadcast("posts", "created", {"id": 1})

`broadcast` is a plain function: it hands the message to every subscriber before it returns, and nothing needs an
`await`. With `defer`, that happens after the commit of the transaction that is open, or never when it rolls back;
PubSub itself knows no database. Delivery is at most once, without history, in the order of the calls.
"""

import inspect
import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeAlias, TypeVar, cast, final

from ectype.errors import EctypeError
from ectype.web_integration.payload import Outgoing, body_of

logger = logging.getLogger("ectype.pubsub")

T = TypeVar("T")


class PubSubError(EctypeError):
    """PubSub was used in a way that would lose messages."""


@final
class Broadcast:
    """One message to all who subscribed to a topic.

    Attributes:
        topic: where it goes.
        event: what happened.
        payload: an object or bytes, the value that the caller gave. Do not change it.
        body: the payload as JSON text (or the bytes), made when the message was sent.
    """

    __slots__ = ("_made", "body", "event", "payload", "topic")
    topic: Final[str]
    event: Final[str]
    payload: Final[Outgoing]
    body: Final[str | bytes]

    def __init__(self, topic: str, event: str, payload: Outgoing) -> None:
        self.topic = topic
        self.event = event
        self.payload = payload
        self.body = body_of(payload, topic=topic, event=event)
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: "Callable[[Broadcast], T]") -> T:
        """Return `make(self)`, made once for each key however many subscribers ask: encode once, send to thousands."""
        try:
            return cast("T", self._made[key])
        except KeyError:
            made = self._made[key] = make(self)
            return made

    def __repr__(self) -> str:
        return f"Broadcast({self.topic!r}, {self.event!r})"


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
        defer: given a function, runs it when what is being done has become true: `repo.after_commit`. Without it
            broadcasts go out at once.
    """

    __slots__ = ("_defer", "_thread", "_topics")

    def __init__(self, *, defer: Defer | None = None) -> None:
        self._defer = defer
        self._topics: dict[str, dict[Subscription, None]] = {}
        self._thread = 0

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
        if not self._topics:
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
        """Send a message to every subscriber of the topic.

        The payload becomes JSON now, so that a wrong one fails here and later changes to it are not sent.

        Raises:
            PayloadError: the payload is neither an object nor bytes, or holds what JSON cannot say.
            PubSubError: the call comes from another thread than the subscriptions.
        """
        self._send(Broadcast(topic, event, payload), None)

    def broadcast_from(self, sender: Subscription, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to every subscriber of the topic but `sender`; raises as `broadcast` does."""
        self._send(Broadcast(topic, event, payload), sender)

    def local_broadcast(self, topic: str, event: str, payload: Outgoing) -> None:
        """Send a message to the subscribers in this process only; raises as `broadcast` does.

        This PubSub lives in one process, so `broadcast` reaches no more; code that must stay local says so here.
        """
        self._send(Broadcast(topic, event, payload), None)

    def subscribers(self, topic: str) -> int:
        """Return how many subscriptions the topic has."""
        return len(self._topics.get(topic, ()))

    def _send(self, broadcast: Broadcast, sender: Subscription | None) -> None:
        self._check_thread("broadcast", broadcast.topic)
        if self._defer is None:
            self._dispatch(broadcast, sender)
        else:
            self._defer(lambda: self._dispatch(broadcast, sender))

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
        if self._topics and threading.get_ident() != self._thread:
            raise PubSubError(
                f"{what} on {topic!r} came from another thread than the subscriptions live in",
                hint="from a thread, write: loop.call_soon_threadsafe(pubsub.broadcast, topic, event, payload)",
            )
