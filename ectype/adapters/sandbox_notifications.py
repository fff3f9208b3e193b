"""Notifications in the sandbox, where nothing is committed: what an owner sends is heard by its own listeners.

They are handed over in the process, at the moment at which the server would: at once, or with the end of the
application's outermost transaction, and never where that is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

from ectype.adapters.inbox import Inbox
from ectype.adapters.listener import check_channels, not_entered
from ectype.adapters.notifications import Notification, Resync
from ectype.errors import ConfigError

_SAVEPOINT: Final = re.compile(
    r"\s*(?P<word>savepoint|release(?:\s+savepoint)?|rollback\s+(?:(?:work|transaction)\s+)?to(?:\s+savepoint)?)"
    r'\s+(?P<name>"[^"]+"|\w+)\s*',
    re.IGNORECASE,
)


class Outbox:
    """What one transaction has sent, until it ends: equal ones once, and none of a savepoint that was undone."""

    __slots__ = ("_marks", "_sent")

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], None] = {}
        self._marks: list[tuple[str, int]] = []

    def add(self, channel: str, payload: str) -> None:
        """Keep a notification, unless there is an equal one."""
        self._sent[channel, payload] = None

    def see(self, sql: str) -> None:
        """Follow what a statement did to savepoints; any other one is no matter."""
        for statement in sql.split(";"):
            found = _SAVEPOINT.fullmatch(statement)
            if found is None:
                return
            name = found["name"].strip('"') if found["name"].startswith('"') else found["name"].lower()
            if found["word"].lower() == "savepoint":
                self._marks.append((name, len(self._sent)))
                continue
            place = next((at for at in reversed(range(len(self._marks))) if self._marks[at][0] == name), None)
            if place is None:
                continue
            if found["word"].lower().startswith("release"):
                del self._marks[place:]
            else:
                del self._marks[place + 1 :]
                while len(self._sent) > self._marks[place][1]:
                    self._sent.popitem()

    def empty(self) -> list[tuple[str, str]]:
        """Return what is there, in order, and keep nothing."""
        sent = list(self._sent)
        self._sent.clear()
        self._marks.clear()
        return sent


class Exchange:
    """The listeners of one owner."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[OwnedListener] = []

    def join(self, listener: OwnedListener) -> None:
        """Let a listener hear from here on."""
        self._listeners.append(listener)

    def leave(self, listener: OwnedListener) -> None:
        """Let it hear no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def send(self, channel: str, payload: str, pid: int) -> None:
        """Tell a notification to those that listen to its channel."""
        for listener in self._listeners:
            listener.hear(Notification(channel, payload, pid))

    def end(self) -> None:
        """End all of them."""
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()


class HasExchange(Protocol):
    """An owner, as far as its listeners know it."""

    @property
    def exchange(self) -> Exchange:
        """Where its notifications go."""
        ...


class OwnedListener:
    """The block and the iterator of `repo.listen(…)` in the sandbox: it hears what its owner sends.

    It has no connection, so it can be lost by nothing but the end of its owner, at which it ends.
    """

    __slots__ = ("__weakref__", "_channels", "_exchange", "_find", "_inbox")

    def __init__(self, find: Callable[[], HasExchange], channels: tuple[str, ...], *, room: int) -> None:
        """Check the channels.

        Args:
            find: returns whom the task works for, or raises.
            channels: names, as NOTIFY has them.
            room: how many notifications wait for a consumer that is slow.

        Raises:
            ConfigError: no channel, a name that PostgreSQL would cut, or no room.
        """
        check_channels(channels)
        self._find = find
        self._channels = frozenset(channels)
        self._inbox = Inbox(room)
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> Self:
        """Listen. Raises OwnershipError in a task that has no owner."""
        if self._exchange is not None:
            raise ConfigError("a listener is entered once", hint="call `repo.listen(…)` again")
        self._exchange = self._find().exchange
        self._exchange.join(self)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification | Resync:
        if self._exchange is None:
            raise not_entered()
        return await self._inbox.take()

    def hear(self, one: Notification) -> None:
        """Keep a notification of its channels for the consumer."""
        if one.channel in self._channels:
            self._inbox.put(one)

    def end(self) -> None:
        """Hear no more; who iterates gets what is there, and then the end."""
        self._inbox.end()

    async def close(self) -> None:
        """Stop listening."""
        if self._exchange is not None:
            self._exchange.leave(self)
        self.end()
