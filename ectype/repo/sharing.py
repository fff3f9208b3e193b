"""A connection that several tasks share in turns: what a transaction and a checkout have in common."""

from __future__ import annotations

import asyncio
from asyncio import Task
from enum import Enum
from typing import Any
from weakref import WeakSet

from ectype.errors import TransactionClosedError
from ectype.repo.lease import Lease
from ectype.repo.turn import Turn


class State(Enum):
    """What a block still takes: statements, nothing but its end, or nothing at all."""

    OPEN = "open"
    ABORTED = "aborted"
    ROLLING_BACK = "rolling back"
    CLOSED = "closed"


class Shared:
    """A block whose tasks take turns on one connection, and who used it.

    Attributes:
        kind: what people call such a block.
        lease: the connection.
        turn: who may run a statement.
        state: what it still takes.
    """

    __slots__ = ("_outliving", "_tasks", "lease", "state", "turn")

    kind = "transaction"

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.state = State.OPEN
        self.turn = Turn()
        self._tasks: set[Task[Any] | None] = set()
        self._outliving: WeakSet[Task[Any]] | None = None

    def close(self) -> None:
        """Take nothing any more, and tell those who wait."""
        own = asyncio.current_task()
        self.state = State.CLOSED
        others = [task for task in self._tasks if task is not None and task is not own and not task.done()]
        if others:
            self._outliving = WeakSet(others)
        self._tasks.clear()
        self.turn.refuse(self.closed)

    def outlived_by(self, task: Task[Any] | None) -> bool:
        """Whether the task ran a statement here, and the block has ended without it."""
        return self._outliving is not None and task in self._outliving

    def closed(self, task: Task[Any] | None) -> TransactionClosedError:
        """Return the error for a statement of a task whose block has ended."""
        who = "this task" if task is None else f"task `{task.get_name()}`"
        return TransactionClosedError(
            f"the {self.kind} that {who} works in has ended",
            hint=f"await the task inside the `{self.kind}()` block, or start it with connections of its own:\n\n"
            "    with repo.detached():\n"
            "        task = asyncio.create_task(work())",
        )

    def take_free_turn(self, timeout: float | None) -> float | None:
        """Take the turn that nobody has."""
        task = asyncio.current_task()
        if task not in self._tasks:
            self._join(task)
        self.turn.taken = True
        self.turn.holder = task
        return timeout

    async def take_turn(self, timeout: float | None) -> float | None:
        """Wait for the turn, and return how many seconds are left. Raises DeadlineError when it does not come."""
        task = asyncio.current_task()
        self._join(task)
        return await self.turn.wait(task, timeout)

    def _join(self, task: Task[Any] | None) -> None:
        if asyncio.get_running_loop() is not self.lease.loop:
            raise TransactionClosedError(
                f"the open {self.kind} belongs to another event loop",
                hint="in code that runs a loop of its own (`asyncio.run` in a thread), use a repo of that loop",
            )
        self._tasks.add(task)
