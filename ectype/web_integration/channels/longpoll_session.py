"""A long-poll session: what stands for the socket of a client that has none, between its requests."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol, final

from ectype.web_integration.channels.handshake import Admitted, Doorkeeper
from ectype.web_integration.channels.serializer import Frame
from ectype.web_integration.channels.server import GOING_AWAY, INTERNAL_ERROR, Connection

logger = logging.getLogger("ectype.channels")

OK: Final = 200
TIMEOUT: Final = 408
GONE: Final = 410


class Sessionlike(Protocol):
    """A session, here or in another process."""

    async def poll(self, seconds: float) -> list[str] | None:
        """Return what waits for the client, or what comes within that time; None when the session ends meanwhile."""
        ...

    async def dispatch(self, frame: Frame, seconds: float) -> int:
        """Handle a client's frame: 200 when that is done, 408 when it takes longer, 410 when the session has ended."""
        ...


@final
class Session:
    """One client between its polls. It ends when nobody polls for one and a half windows, as in Phoenix.

    Frames for the client wait in a buffer, and beyond it in the outbox of its connection; each holds what
    `outbox_limit` says, and one frame more ends the session.

    Args:
        admitted: the client.
        keeper: what all clients share.
        window: seconds that a poll may wait.
        on_end: called once, when the session takes nothing any more.
    """

    __slots__ = (
        "_arrived", "_buffer", "_capacity", "_end", "_heard", "_keeper", "_lock", "_loop", "_on_end", "_patience",
        "_room", "_tasks", "_timer", "connection", "over",
    )  # fmt: skip

    def __init__(
        self, admitted: Admitted, keeper: Doorkeeper, *, window: float, on_end: Callable[[Session], object]
    ) -> None:
        self._keeper = keeper
        self._capacity = keeper.limits.outbox
        self._buffer: deque[str] = deque()
        self._loop = asyncio.get_running_loop()
        self._patience = 1.5 * window
        self._heard = self._loop.time()
        self._arrived: asyncio.Future[None] | None = None
        self._room: asyncio.Event | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_end = on_end
        self._end: asyncio.Task[None] | None = None
        self.over = False
        self.connection: Final = Connection(
            admitted.connected,
            routes=keeper.handler.routes,
            serializer=admitted.serializer,
            pubsub=keeper.pubsub,
            fanout=keeper.fanout,
            limits=keeper.limits,
            transmit=self._transmit,
            on_close=self._closed,
            filter_params=keeper.handler.filter_params,
        )
        self._timer = self._loop.call_later(self._patience, self._check, context=self.connection.context.copy())
        keeper.enter(self.connection)

    async def poll(self, seconds: float) -> list[str] | None:
        """Return what waits for the client, or what comes within that time; None when the session ends meanwhile.

        A later poll takes the place of one that still waits, which then comes back empty at its time. A poll that is
        cancelled takes nothing with it.
        """
        if self.over:
            return None
        self._heard = self._loop.time()
        try:
            if not self._buffer:
                await self._arrival(seconds)
        finally:
            self._heard = self._loop.time()
        if not self._buffer and self.over:
            return None
        frames = list(self._buffer)
        self._buffer.clear()
        self._make_room()
        return frames

    async def dispatch(self, frame: Frame, seconds: float) -> int:
        """Handle a client's frame: 200 when that is done, 408 when it takes longer, 410 when the session has ended.

        Frames are handled in the order of the calls. One that takes too long is handled all the same, later; when
        `inbox_limit` of them wait, no more are taken.
        """
        if self.over:
            return GONE
        if len(self._tasks) >= self.connection.inbox_limit:
            return TIMEOUT
        task = self._loop.create_task(self._receive(frame), context=self.connection.context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=seconds)
        if self.over:
            return GONE
        return OK if task.done() else TIMEOUT

    async def ended(self) -> None:
        """Wait until every channel of a closed session has ended."""
        if self._end is not None:
            await asyncio.wait({self._end})

    async def _arrival(self, seconds: float) -> None:
        mine = self._arrived = self._loop.create_future()
        try:
            await asyncio.wait({mine}, timeout=seconds)
        finally:
            if self._arrived is mine:
                self._arrived = None

    async def _transmit(self, frame: Frame) -> None:
        while len(self._buffer) >= self._capacity and not self.over:
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()
        # Bytes never come here: the serializer of such a client makes text of them.
        self._buffer.append(frame if isinstance(frame, str) else frame.decode())
        self._wake()

    async def _receive(self, frame: Frame) -> None:
        async with self._lock:
            try:
                await self.connection.receive(frame)
            except Exception:
                logger.exception("a long-poll session failed, and ends")
                self.connection.close(INTERNAL_ERROR, "internal error")

    def _check(self) -> None:
        left = self._patience - (self._loop.time() - self._heard)
        if left > 0:
            self._timer = self._loop.call_later(left, self._check)
        else:
            self.connection.close(GOING_AWAY, "idle")

    def _closed(self) -> None:
        self.over = True
        self._timer.cancel()
        self._make_room()
        self._on_end(self)
        # Never in the context of whoever closes it, which may hold an open transaction.
        self._end = self._loop.create_task(self._finish(), context=self.connection.context.copy())

    async def _finish(self) -> None:
        try:
            for task in tuple(self._tasks):
                task.cancel()
            self._wake()
            await self.connection.finish()
        finally:
            self.connection.abandon()
            self._keeper.leave(self.connection)

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None
