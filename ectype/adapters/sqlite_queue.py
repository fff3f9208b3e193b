"""The writers of one process on one SQLite file: first come, first served.

SQLite itself lets whoever asks at the right moment have the lock, and those who wait ask every few milliseconds.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque


class WriteQueue:
    """Who may write. It is used in the event loop of the pool alone.

    Attributes:
        taken: whether somebody writes.
    """

    __slots__ = ("_waiting", "taken")

    def __init__(self) -> None:
        self.taken = False
        self._waiting: deque[Future[None]] = deque()

    async def take(self, seconds: float) -> bool:
        """Wait for the turn, so long at most; whether it came."""
        if not self.taken:
            self.taken = True
            return True
        turn: Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait({turn}, timeout=seconds)
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise
        if turn.done():
            return True
        self._withdraw(turn)
        return False

    def pass_on(self) -> None:
        """Let the next one write."""
        while self._waiting:
            turn = self._waiting.popleft()
            # One whose event loop has been closed waits no more.
            if not turn.done() and not turn.get_loop().is_closed():
                turn.set_result(None)
                return
        self.taken = False

    def _withdraw(self, turn: Future[None]) -> None:
        if turn.done():
            self.pass_on()
        else:
            self._waiting.remove(turn)
