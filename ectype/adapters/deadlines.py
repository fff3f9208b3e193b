"""The deadlines of all statements in an event loop, kept by one timer that rings only when the next of them may be due.

A timer for each statement costs more than all else that is done for it on the way to the driver: it is put into the
loop's heap, cancelled, and swept out. Here a statement that begins is put into a set, and taken out when it ends.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Task, TimerHandle, current_task, get_running_loop
from math import inf
from time import monotonic
from typing import Any, Final, final

DUE: Final = "the deadline of a statement"
"""What a task is cancelled with whose statement is past its end; nothing else cancels with this very object."""


@final
class Deadline:
    """The end of one statement, and the task that awaits it."""

    __slots__ = ("_cancelling", "_expired", "_kept", "_task", "end")

    def __init__(self, kept: set[Deadline], end: float, task: Task[Any]) -> None:
        self._kept = kept
        self.end = end
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        kept.add(self)

    def ended(self) -> None:
        """Note that the statement has ended, in time or with an answer that came together with its end."""
        self._kept.discard(self)
        if self._expired:
            self._task.uncancel()

    def overran(self, exc: BaseException) -> BaseException:
        """Return what the statement failed with: TimeoutError in place of the cancellation by its end.

        A cancellation that came from elsewhere at the same time stays one, as with `asyncio.timeout`
        (https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.uncancel).
        """
        self._kept.discard(self)
        if not self._expired:
            return exc
        ours = self._task.uncancel() <= self._cancelling
        return TimeoutError() if ours and isinstance(exc, CancelledError) else exc

    def expire(self) -> None:
        """Cancel the task: the statement is past its end."""
        self._kept.discard(self)
        self._expired = True
        self._task.cancel(DUE)


@final
class Deadlines:
    """The deadlines in one event loop.

    Attributes:
        loop: the event loop.
    """

    __slots__ = ("_kept", "_next", "_timer", "loop")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self._kept: set[Deadline] = set()
        self._next = inf
        self._timer: TimerHandle | None = None

    @property
    def resting(self) -> bool:
        """Whether the timer is off."""
        return self._timer is None

    def within(self, now: float, seconds: float) -> Deadline:
        """Let what this task awaits next end in so many seconds after a time of `time.monotonic`.

        `ended` or `overran` follows it. Raises TimeoutError when no time is left, so that nothing is begun.
        """
        if seconds <= 0:
            raise TimeoutError
        task = current_task(self.loop)
        assert task is not None  # nothing that awaits a driver runs outside one
        end = now + seconds
        if end < self._next:
            self._ring_at(end)
        return Deadline(self._kept, end, task)

    def _ring_at(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = end
        self._timer = self.loop.call_later(max(0.0, end - monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._next = inf
        now = monotonic()
        for one in [one for one in self._kept if one.end <= now]:
            one.expire()
        end = min([one.end for one in self._kept], default=inf)
        if end < inf:
            self._ring_at(end)


def deadlines_here(known: Deadlines | None) -> Deadlines:
    """Return the deadlines of the event loop that runs: `known` where they are its, else new ones."""
    loop = get_running_loop()
    return known if known is not None and known.loop is loop else Deadlines(loop)
