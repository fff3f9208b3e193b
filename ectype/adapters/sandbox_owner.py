"""Whose connection a test works on: the owner, from its begin to its end."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import os
import time
from asyncio import Task, TimerHandle
from collections.abc import Generator
from contextlib import contextmanager
from secrets import token_hex
from typing import Any, Protocol

from ectype.adapters import sandbox_token
from ectype.adapters.base import Connection, Isolation
from ectype.adapters.sandbox_blockers import Watch, application_name, deadlocked
from ectype.adapters.sandbox_lanes import Lane, TransactionLane
from ectype.adapters.sandbox_notifications import Exchange
from ectype.errors import ConfigError, DatabaseError, EctypeError, OwnershipError

OWNER_SECONDS = 120.0
"""How long a test may wait for its owner, and how long its owner may live after that."""
GRACE_SECONDS = 1.0
"""How long the end of an owner waits for a statement that still runs."""


class House(Protocol):
    """The sandbox, as far as its owners know it.

    Attributes:
        key: signs the headers of its owners.
    """

    key: bytes

    async def lane(self, owner: Owner, isolation: Isolation | None, timeout: float) -> Lane:
        """Return the connections for a new owner."""
        ...

    def allow(self, owner: Owner, who: Task[Any] | str, *, reassign: bool) -> None:
        """Remember that a task, or a name of tasks, works for an owner."""
        ...

    def enter(self, owner: Owner) -> None:
        """Let the current task work for an owner. Raises OwnershipError inside a transaction of another one."""
        ...

    def leave(self, owner: Owner) -> None:
        """Let it work for whom it worked before."""
        ...

    def forget(self, owner: Owner) -> None:
        """Drop all that leads to an owner that has ended."""
        ...

    def labels(self) -> dict[int | None, str]:
        """Return the owners that live, by the server process that works for each."""
        ...

    async def blockers(self, pid: int) -> list[str]:
        """Return, in words, who holds what a server process waits for."""
        ...


class Owner:
    """Whose connection a test works on, and who else may. `async with sandbox(repo) as owner:` makes one.

    Attributes:
        id: what the header calls it.
        name: the test, or the task, that opened it.
        shared: whether tasks without an owner work for this one.
        isolation: the level of its transaction.
        exchange: who hears its notifications.
    """

    def __init__(self, sandbox: House, name: str, *, shared: bool, seconds: float) -> None:
        self.id = token_hex(8)
        self.name = name
        self.shared = shared
        self.exchange = Exchange()
        self._sandbox = sandbox
        self._seconds = seconds
        self._lane: Lane | None = None
        self._expires = 0.0
        self._bell: TimerHandle | None = None
        self._end: Task[None] | None = None
        self._over: str | None = None
        self._fix = ""

    def __repr__(self) -> str:
        return f"<Owner {self.name!r}{'' if self._over is None else ', ' + self._over}>"

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"the owner `{self.name}`"

    @property
    def isolation(self) -> str:
        """The isolation of its transactions."""
        return self.lane.isolation

    @property
    def lane(self) -> Lane:
        """Its connections. Raises OwnershipError when it has none, or none any more."""
        ended = self.ended_error()
        if ended is not None:
            raise ended
        assert self._lane is not None  # it is started before anybody sees it
        return self._lane

    def allow(self, who: Task[Any] | str, *, reassign: bool = False) -> None:
        """Let a task that was started elsewhere work for this owner, and what it starts after its first statement.

        Args:
            who: the task, or the name that a task has or will have.
            reassign: whether to take it from another owner that lives.

        Raises:
            OwnershipError: this owner has ended, or the task works for another one.

        Example:
            `owner.allow("mailer")` beside `asyncio.create_task(mailer(), name="mailer")`
        """
        _ = self.lane
        if not isinstance(who, (str, Task)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers give what they like
            raise ConfigError(
                f"`allow` takes a task or the name of one, got {who!r:.80}",
                hint='`owner.allow(asyncio.create_task(work()))`, or `owner.allow("name")`',
            )
        self._sandbox.allow(self, who, reassign=reassign)

    @contextmanager
    def active(self) -> Generator[None]:
        """Let the code of the block, and the tasks that it starts, work for this owner.

        Raises:
            OwnershipError: it has ended, or the task is inside an open transaction of another owner.
        """
        _ = self.lane
        self._sandbox.enter(self)
        try:
            yield
        finally:
            self._sandbox.leave(self)

    def header(self) -> str:
        """Return the value of a header that makes a request work for this owner, until the owner ends.

        `SandboxMiddleware` reads it. It may stand in a header of its own, or at the end of a User-Agent.
        """
        _ = self.lane
        return sandbox_token.sign(self._sandbox.key, self.id, int(self._expires) + 1)

    async def stop(self) -> None:
        """Undo all that was done for this owner, and give back what it holds. It is no error to stop twice.

        A statement that still runs is waited for, a second at most; then it is cut, and raises OwnershipError.
        """
        await self._finish("has ended", "await or cancel the task before the end of its test", GRACE_SECONDS)

    def ended_error(self) -> EctypeError | None:
        """Return the error for a statement that comes after the end; None while this owner lives."""
        if self._over is None:
            return None
        return OwnershipError(f"{self.label} {self._over}, and {here()} still works for it", hint=self._fix)

    def belongs_to(self, sandbox: object) -> bool:
        """Whether it is an owner of this repo's."""
        return self._sandbox is sandbox

    def pid(self) -> int | None:
        """Return the server's process that works for it; None where there is none."""
        return None if self._lane is None else self._lane.pid

    def send(self, channel: str, payload: str) -> None:
        """Tell a notification that has left to whom it concerns."""
        self.exchange.send(channel, payload, self.pid() or 0)

    def give_back(self, connection: Connection, *, reset: bool) -> None:
        """Take a connection back; after the end there is nothing to take."""
        assert self._lane is not None  # the connection came from there
        self._lane.pool.release(connection, reset=reset)

    def watch(self, timeout: float) -> Watch:
        """Look, before the deadline of a statement, which owners it waits for."""
        return Watch(timeout, self.label, self._blockers)

    def deadlocked(self, exc: DatabaseError) -> EctypeError:
        """Return the error of a deadlock, with the names of the owners in it."""
        return deadlocked(exc, self._sandbox.labels())

    async def introduce(self) -> None:
        """Tell the server whose connection this is."""
        if isinstance(self._lane, TransactionLane):
            await self._lane.introduce(application_name(self.name))

    async def start(self, isolation: Isolation | None) -> None:
        """Take a connection, or make the copy; from now on the time counts."""
        self._lane = await self._sandbox.lane(self, isolation, self._seconds)
        self._expires = time.time() + self._seconds
        loop = asyncio.get_running_loop()
        self._bell = loop.call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        fix = "give `sandbox(repo, timeout=…)` more seconds, or look for what the test waits for"
        self._end = asyncio.ensure_future(self._finish(f"has lived its {self._seconds:g} s", fix, 0.0))

    async def _finish(self, over: str, fix: str, grace: float) -> None:
        if self._over is not None:
            if self._end is not None and self._end is not asyncio.current_task():
                await asyncio.wait({self._end})
            return
        self._over, self._fix = over, fix
        if self._bell is not None:
            self._bell.cancel()
        self._sandbox.forget(self)
        self.exchange.end()
        if self._lane is not None:
            await self._lane.end(grace)

    async def _blockers(self) -> list[str]:
        pid = self.lane.pid
        return [] if pid is None else await self._sandbox.blockers(pid)


def here() -> str:
    """Return in words which task runs, and for which test."""
    test = running_test()
    return f"task `{task_name()}`" + ("" if test is None else f", in the test `{test}`,")


def task_name() -> str:
    """Return the name of the task that runs."""
    task = current_task()
    return "no task" if task is None else task.get_name()


def current_task() -> Task[Any] | None:
    """Return the task that runs; None where there is none."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        # No event loop runs in this thread.
        return None


def running_test() -> str | None:
    """Return the test that pytest runs, as `tests/test_posts.py::test_a_post_is_stored`."""
    # https://docs.pytest.org/en/stable/example/simple.html#pytest-current-test-environment-variable
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0] or None
