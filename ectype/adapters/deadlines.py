"""The deadlines of all statements in an event loop, kept by one timer that rings only when the next of them may be due.

A timer for each statement costs more than all else that is done for it on the way to the driver: it is put into the
loop's heap, cancelled, and swept out. Here a statement notes its end and its task in attributes of its connection.
"""

from asyncio import AbstractEventLoop, CancelledError, Task, TimerHandle, current_task
from math import inf
from time import monotonic
from typing import Any, Final
from weakref import WeakSet

DUE: Final = "the deadline of a statement"
"""What a task is cancelled with whose statement is past its end; nothing else cancels with this very object."""


class Bounded:
    """What runs one statement at a time, whose task is cancelled when that runs past its end."""

    __slots__ = ("_cancelling", "_deadlines", "_end", "_expired", "_task")

    def __init__(self, deadlines: "Deadlines") -> None:
        self._deadlines = deadlines
        self._end = inf
        self._task: Task[Any] | None = None
        self._cancelling = 0
        self._expired = False
        deadlines.add(self)

    def _must_end(self, end: float) -> None:
        """Let what this task awaits next end at a time of `time.monotonic`; `_ended` or `_overran` follows it."""
        task = current_task()
        assert task is not None  # nothing that awaits a driver runs outside one
        self._end = end
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        if end < self._deadlines.next:
            self._deadlines.ring_at(end)

    def _ended(self) -> None:
        """Note that it has ended."""
        self._task = None

    def _overran(self, exc: BaseException) -> BaseException:
        """Return what it failed with: TimeoutError in place of the cancellation by its end.

        A cancellation that came from elsewhere at the same time stays one, as with `asyncio.timeout`
        (https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.uncancel).
        """
        task, self._task = self._task, None
        if task is None or not self._expired:
            return exc
        self._expired = False
        ours = task.uncancel() <= self._cancelling
        return TimeoutError() if ours and isinstance(exc, CancelledError) else exc

    def look(self, now: float) -> float:
        """Cancel the task if it is past its end, and return when to look again; infinite where nothing runs."""
        if self._task is None or self._expired:
            return inf
        if self._end > now:
            return self._end
        self._expired = True
        self._task.cancel(DUE)
        return inf


class Deadlines:
    """What is bounded in one event loop.

    Attributes:
        loop: the event loop.
        next: when the timer rings, by `time.monotonic`; infinite while it is off. What ends earlier calls `ring_at`.
    """

    __slots__ = ("_bounded", "_timer", "loop", "next")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.next = inf
        self._timer: TimerHandle | None = None
        self._bounded: WeakSet[Bounded] = WeakSet()

    def add(self, one: Bounded) -> None:
        """Look at one more when the timer rings; it is forgotten when nothing else refers to it."""
        self._bounded.add(one)

    def ring_at(self, end: float) -> None:
        """Let the timer ring at a time that is earlier than `next`."""
        if self._timer is not None:
            self._timer.cancel()
        self.next = end
        self._timer = self.loop.call_later(max(0.0, end - monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.next = inf
        now = monotonic()
        end = min([one.look(now) for one in list(self._bounded)], default=inf)
        if end < inf:
            self.ring_at(end)
