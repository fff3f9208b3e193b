"""Notifications on their way to the consumer of a listener, who may be slower than they come."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

from ectype.adapters.notifications import Notification, Resync
from ectype.errors import ConfigError


class Inbox:
    """What one listener has heard and its consumer has not taken. Several consumers share it."""

    __slots__ = ("_ended", "_failure", "_items", "_news", "_room")

    def __init__(self, room: int) -> None:
        """Make an empty one.

        Args:
            room: how many notifications wait for a consumer that is slow.

        Raises:
            ConfigError: there is no room.
        """
        if room < 1:
            raise ConfigError(f"queue={room} leaves no room for a notification", hint="say 1 at least")
        self._room = room
        self._items: deque[Notification | Resync] = deque()
        self._news = asyncio.Event()
        self._failure: Exception | None = None
        self._ended = False

    def put(self, item: Notification) -> None:
        """Lay a notification behind the others, or say that it was lost where there is no room."""
        if len(self._items) < self._room:
            self._items.append(item)
            self._news.set()
        else:
            self.miss(datetime.now(UTC), f"{self._room} notifications waited, and there was no room for more")

    def miss(self, since: datetime, reason: str) -> None:
        """Say that notifications may be missing from a moment on."""
        # One that waits already stands for this too: it is handed out later than now.
        if not self._items or not isinstance(self._items[-1], Resync):
            self._items.append(Resync(since, reason))
        self._news.set()

    def fail(self, failure: Exception) -> None:
        """Have the consumer told, after what is there, why nothing comes any more."""
        self._failure = failure
        self._news.set()

    def end(self) -> None:
        """Have the consumer told, after what is there, that nothing comes any more."""
        self._ended = True
        self._news.set()

    async def take(self) -> Notification | Resync:
        """Return what has waited longest, waiting for it. Raises StopAsyncIteration at the end, or the failure."""
        while not self._items:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()
