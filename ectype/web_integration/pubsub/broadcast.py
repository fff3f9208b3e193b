"""Broadcast: one message to all who subscribed to a topic."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, Self, TypeVar, cast, final

from ectype.web_integration.payload import Outgoing, body_of, decode_json

T = TypeVar("T")


@final
class Broadcast:
    """One message to all who subscribed to a topic.

    Attributes:
        topic: where it goes.
        event: what happened.
        body: the payload as JSON text (or the bytes), made when the message was sent.
    """

    __slots__ = ("_made", "_payload", "body", "event", "topic")
    topic: Final[str]
    event: Final[str]
    body: Final[str | bytes]

    def __init__(self, topic: str, event: str, payload: Outgoing) -> None:
        self.topic = topic
        self.event = event
        self._payload: Outgoing | None = payload
        self.body = body_of(payload, topic=topic, event=event)
        self._made: dict[Hashable, Any] = {}

    @classmethod
    def received(cls, topic: str, event: str, body: str | bytes) -> Self:
        """Return a message of another process, whose payload is JSON text or bytes already."""
        made = cls.__new__(cls)
        for name, value in (("topic", topic), ("event", event), ("body", body)):
            object.__setattr__(made, name, value)
        # Its own, which no constructor takes.
        made._payload = body if isinstance(body, bytes) else None  # noqa: SLF001
        made._made = {}  # noqa: SLF001
        return made

    @property
    def payload(self) -> Outgoing:
        """An object or bytes: the value that the caller gave, or what its JSON says. Do not change it."""
        if self._payload is None:
            self._payload = cast("Outgoing", decode_json(cast("str", self.body)))
        return self._payload

    def once(self, key: Hashable, make: Callable[[Broadcast], T]) -> T:
        """Return `make(self)`, made once for each key however many subscribers ask: encode once, send to thousands."""
        try:
            return cast("T", self._made[key])
        except KeyError:
            made = self._made[key] = make(self)
            return made

    def __repr__(self) -> str:
        return f"Broadcast({self.topic!r}, {self.event!r})"
