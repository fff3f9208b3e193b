"""Whom a statement waits for: asked of the server before its deadline, while it still waits."""

from __future__ import annotations

import asyncio
import re
from asyncio import Task
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ectype.adapters.base import Adapter
from ectype.errors import DatabaseError, DeadlineError, EctypeError

MARK: Final = "ectype sandbox: "
"""What the `application_name` of an owner's connection begins with, on the server."""

UNIQUE_VALUES: Final = (
    "two tests wrote the same unique value, or the same row: the second waits until the first has ended. Use values "
    'that are unique to each test, as `f"ada-{uuid4()}@example.org"`'
)
DEADLOCK: Final = "40P01"

_PROCESS: Final = re.compile(r"[Pp]rocess (\d+)")
_SHOWN: Final = 63 - len(MARK)
_ASK_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 0.2
_BLOCKERS: Final = """
SELECT pid, application_name FROM pg_catalog.pg_stat_activity
WHERE pid = ANY(pg_catalog.pg_blocking_pids($1::int)) ORDER BY pid
"""


def application_name(owner: str) -> str:
    """Return what an owner is called on the server, which keeps 63 bytes: of a test's address, the end tells most.

    >>> application_name("tests/test_posts.py::test_a_post_is_stored")
    'ectype sandbox: tests/test_posts.py::test_a_post_is_stored'
    """
    plain = owner.encode("ascii", "replace").decode()
    return MARK + (plain if len(plain) <= _SHOWN else f"...{plain[3 - _SHOWN :]}")


async def blockers(adapter: Adapter, pid: int) -> list[tuple[int, str]]:
    """Return the processes that a server process waits for, each with its `application_name`."""
    connection = await adapter.connect(_ASK_SECONDS)
    try:
        return await connection.fetch(_BLOCKERS, (pid,), _pairs, _ASK_SECONDS)
    finally:
        await connection.close(_ASK_SECONDS)


def _pairs(rows: list[Any]) -> list[tuple[int, str]]:
    return [(int(row[0]), str(row[1])) for row in rows]


def deadlocked(exc: DatabaseError, owners: Mapping[int | None, str]) -> DatabaseError:
    """Return the error of a deadlock with the names of the owners whose processes it mentions."""
    pids = dict.fromkeys(int(pid) for pid in _PROCESS.findall(exc.detail or ""))
    named = [f"process {pid} is {owners[pid]}" for pid in pids if pid in owners]
    if not named:
        return exc
    return DatabaseError(f"{exc.message}\n{', '.join(named)}", sqlstate=exc.sqlstate, hint=UNIQUE_VALUES)


class Watch:
    """A statement that may have to wait: asks `ask` from half of its time on, and says in its error what came of it."""

    __slots__ = ("_ask", "_asking", "_bell", "_found", "_timeout", "_waiter")

    def __init__(self, timeout: float, waiter: str, ask: Callable[[], Awaitable[list[str]]]) -> None:
        """Begin to watch.

        Args:
            timeout: the statement's deadline, in seconds.
            waiter: who runs it.
            ask: returns who holds what it waits for.
        """
        self._waiter = waiter
        self._ask = ask
        self._timeout = timeout
        self._found: list[str] = []
        self._asking: Task[None] | None = None
        self._bell = asyncio.get_running_loop().call_later(timeout / 2, self._begin)

    def stop(self) -> None:
        """Watch no longer."""
        self._bell.cancel()
        if self._asking is not None:
            self._asking.cancel()

    async def explained(self, exc: EctypeError) -> EctypeError:
        """Return the error of the statement, with the names of those that it waited for."""
        if not isinstance(exc, DeadlineError) or self._asking is None:
            return exc
        if not self._found:
            await asyncio.wait({self._asking}, timeout=_GRACE_SECONDS)
        if not self._found:
            return exc
        return DeadlineError(
            f"{exc.message}; {self._waiter} waited for what is held by {', '.join(self._found)}", hint=UNIQUE_VALUES
        )

    def _begin(self) -> None:
        self._asking = asyncio.ensure_future(self._ask_until_found())

    async def _ask_until_found(self) -> None:
        while not self._found:
            try:
                self._found = await self._ask()
            except EctypeError:
                # The deadline is told all the same, without names.
                return
            if not self._found:
                await asyncio.sleep(self._timeout / 8)
