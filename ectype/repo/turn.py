"""One turn, handed on in the order in which it was asked for."""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import deque
from collections.abc import Callable
from typing import Any

from ectype.adapters.lateness import BLOCKED_HINT, blocked
from ectype.errors import DeadlineError, EctypeError


class Turn:
    """Who may use a transaction's connection now, and who waits for it.

    Whoever finds it not `taken` sets `taken` and `holder`, without a call, since most statements do; everybody else
    awaits `wait`. Both end with `pass_on`.

    Attributes:
        taken: whether somebody has the turn.
        holder: the task that has it.
    """

    __slots__ = ("_waiting", "holder", "taken")

    def __init__(self) -> None:
        self.taken = False
        self.holder: Task[Any] | None = None
        self._waiting: deque[tuple[Future[None], Task[Any] | None]] = deque()

    async def wait(self, task: Task[Any] | None, timeout: float | None) -> float | None:
        """Wait for the turn of a task, and return how many seconds of `timeout` are left.

        Raises:
            DeadlineError: it did not come in time; the message names both tasks.
        """
        loop = asyncio.get_running_loop()
        waiter: Future[None] = loop.create_future()
        place = (waiter, task)
        self._waiting.append(place)
        if timeout is None:
            await self._sit_out(place)
            return None
        started = loop.time()
        bell = loop.call_later(timeout, self._expire, place, timeout, started)
        try:
            await self._sit_out(place)
        finally:
            bell.cancel()
        return max(0.0, timeout - (loop.time() - started))

    def pass_on(self) -> None:
        """Give the turn to the one that has waited longest, or leave it free."""
        while self._waiting:
            waiter, task = self._waiting.popleft()
            if not waiter.done():
                self.holder = task
                waiter.set_result(None)
                return
        self.taken = False
        self.holder = None

    def refuse(self, error: Callable[[Task[Any] | None], EctypeError]) -> None:
        """Tell all who wait that the turn will not come."""
        while self._waiting:
            waiter, task = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error(task))

    async def _sit_out(self, place: tuple[Future[None], Task[Any] | None]) -> None:
        waiter = place[0]
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.pass_on()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def _expire(self, place: tuple[Future[None], Task[Any] | None], timeout: float, started: float) -> None:
        waiter, task = place
        if waiter.done():
            return
        self._waiting.remove(place)
        why = blocked(asyncio.get_running_loop().time() - started - timeout)
        waiter.set_exception(
            DeadlineError(
                f"task {_name(task)} waited {timeout:g} s for its turn in a transaction; task {_name(self.holder)} has "
                f"it, with a statement or a nested `transaction()`{why}",
                hint=BLOCKED_HINT
                if why
                else "await the one before the other; inside a nested `transaction()` wait only for tasks that were "
                "started inside it; or start the task under `repo.detached()`, with a connection of its own",
            )
        )


def _name(task: Task[Any] | None) -> str:
    return "(none)" if task is None else f"`{task.get_name()}`"
