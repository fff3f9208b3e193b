"""Outboxes: what waits to be sent to each client, and the one task that empties them.

A frame for an idle client is sent at once, by the task that has it. Frames of a broadcast go through `Fanout`: one
task sends to client after client for as long as none makes it wait; the moment one does, that task stays with the
slow client, and another takes over the rest. So a slow client delays nobody, and there is no task per client.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, final

from ectype.web_integration.channels.serializer import Frame

logger = logging.getLogger("ectype.channels")

Transmit = Callable[[Frame], Awaitable[None]]


@final
class Outbox:
    """Frames that wait for one client, in order and bounded.

    Args:
        transmit: sends one frame, and waits while the client is slow.
        fanout: what empties this outbox when the frames did not come from a task that can wait.
        overflow: called once, when a frame comes and `limit` frames wait. Nothing is sent after that.
        limit: how many frames may wait.
    """

    __slots__ = ("_busy", "_closed", "_fanout", "_limit", "_overflow", "_room", "_sender", "_transmit", "_waiting")

    def __init__(self, transmit: Transmit, *, fanout: Fanout, overflow: Callable[[], None], limit: int) -> None:
        self._transmit = transmit
        self._fanout = fanout
        self._overflow = overflow
        self._limit = limit
        self._waiting: deque[Frame] = deque()
        self._busy = False
        self._closed = False
        self._room: asyncio.Event | None = None
        self._sender: asyncio.Task[Any] | None = None

    def post(self, frame: Frame) -> None:
        """Let the frame be sent soon, after those that wait. For callers that cannot wait: broadcasts."""
        if self._closed:
            return
        if len(self._waiting) >= self._limit:
            self.close()
            self._overflow()
            return
        self._waiting.append(frame)
        if not self._busy and len(self._waiting) == 1:
            self._fanout.wake(self)

    async def send(self, frame: Frame) -> None:
        """Send the frame now if nothing waits, else after what waits; wait while half the outbox is full."""
        if self._busy or self._waiting:
            while len(self._waiting) * 2 >= self._limit and not self._closed:
                await self._has_room()
            self.post(frame)
            return
        if self._closed:
            return
        self._busy = True
        try:
            await self._transmit(frame)
        except Exception as exc:  # noqa: BLE001  # a server may raise anything for a client that is gone
            self._failed(exc)
        finally:
            self._busy = False
            if self._waiting:
                self._fanout.wake(self)

    async def flush(self, sender: asyncio.Task[Any] | None) -> None:
        """Send what waits; called by the fan-out only, with the task that it runs in."""
        if self._busy:
            return
        self._busy = True
        self._sender = sender
        waiting, transmit = self._waiting, self._transmit
        try:
            while waiting:
                await transmit(waiting.popleft())
                if self._room is not None and len(waiting) * 2 < self._limit:
                    self._wake_senders()
        except Exception as exc:  # noqa: BLE001  # as above
            self._failed(exc)
        finally:
            self._busy = False
            self._sender = None

    def close(self) -> None:
        """Forget what waits and send nothing more. A frame that is being sent may still arrive."""
        self._closed = True
        self._waiting.clear()
        self._wake_senders()

    def abandon(self) -> None:
        """Close, and stop waiting for a client that does not read."""
        self.close()
        if self._sender is not None:
            self._sender.cancel()

    def _failed(self, exc: Exception) -> None:
        # OSError says that the client is gone, which the receiving side learns too, and deals with.
        unexpected = not isinstance(exc, OSError) and not self._closed
        self.close()
        if unexpected:
            logger.error("a frame could not be sent, the socket closes", exc_info=exc)
            self._overflow()

    async def _has_room(self) -> None:
        if self._room is None:
            self._room = asyncio.Event()
        await self._room.wait()

    def _wake_senders(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None


@final
class Fanout:
    """Empties outboxes that have frames; its task lives only while there are any."""

    __slots__ = ("_ready", "_tasks", "_worker")

    def __init__(self) -> None:
        self._ready: deque[Outbox] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None

    def wake(self, outbox: Outbox) -> None:
        """Let the outbox be flushed soon."""
        self._ready.append(outbox)
        if self._worker is None:
            self._start()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        # A context of its own: the broadcaster's may hold an open transaction, which must not be inherited.
        self._worker = worker = loop.create_task(self._run(), context=Context())
        self._tasks.add(worker)
        worker.add_done_callback(self._tasks.discard)
        # Runs right after the worker's first step: whatever is ready then waits because a client made it wait.
        loop.call_soon(self._relieve, worker, context=Context())

    async def _run(self) -> None:
        me = asyncio.current_task()
        while self._ready and self._worker is me:
            await self._ready.popleft().flush(me)

    def _relieve(self, worker: asyncio.Task[None]) -> None:
        if self._worker is worker:
            self._worker = None
            if self._ready:
                self._start()
