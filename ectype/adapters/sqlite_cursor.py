"""The rows of a SQLite statement, a batch at a time: an open statement, or what it gave, kept in a file.

On a connection that others use meanwhile a statement cannot stay open: SQLite does not say whether it sees what they
write, and a rollback ends it. So there all rows are read at once, into a file where they are many.
"""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import marshal
import sqlite3
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import Any, TypeVar

from ectype.adapters import sqlite_jobs as jobs
from ectype.adapters.sqlite_worker import Worker
from ectype.errors import DeadlineError

T = TypeVar("T")

IN_MEMORY_BYTES = 4_000_000
"""How much is kept in memory before a file is made of it."""


class OpenCursor:
    """A statement that stays open. See `ectype.adapters.base.Cursor` for the contract."""

    __slots__ = ("_batch", "_cursor", "_worker")

    def __init__(self, worker: Worker, cursor: sqlite3.Cursor, batch: int) -> None:
        self._worker = worker
        self._cursor = cursor
        self._batch = batch

    async def fetch(self, load: Callable[[list[Any]], T], timeout: float | None = None) -> T:
        """Return `load(rows)` of the next batch; both run on the connection's thread."""
        return await self._worker.run(jobs.next_rows, "", (self._cursor, self._batch), load, timeout)

    async def close(self, timeout: float | None = None) -> None:
        """End the statement: nothing else on the connection could be interrupted or rolled back before."""
        await self._worker.run(jobs.end_cursor, "", self._cursor, _nothing, timeout)

    def forget(self) -> None:
        """Leave the statement to the end of its connection."""


class KeptRows:
    """All rows of a statement, kept in memory or in a file. See `ectype.adapters.base.Cursor` for the contract."""

    __slots__ = ("_file",)

    def __init__(self, file: SpooledTemporaryFile[bytes]) -> None:
        self._file = file

    def __del__(self) -> None:
        # Its caller may have been cancelled before it got it.
        self._file.close()

    async def fetch(self, load: Callable[[list[Any]], T], timeout: float | None = None) -> T:
        """Return `load(rows)` of the next batch; both run on a thread of the event loop's."""
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.to_thread(self._next, load)
        except TimeoutError as exc:
            raise DeadlineError(
                f"a batch of rows was not ready within its deadline of {timeout:g} s",
                hint="give the call a longer `timeout=`, or read smaller batches",
            ) from exc

    async def close(self, timeout: float | None = None) -> None:  # noqa: ARG002  # it is the contract's
        """Let go of the file."""
        self.forget()

    def forget(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _next(self, load: Callable[[list[Any]], T]) -> T:
        try:
            rows: list[Any] = marshal.load(self._file)  # what `keep` wrote, and nobody else
        except EOFError:
            rows = []
        return load(rows)


def keep(turn: jobs.Turn, sql: str, params: Any) -> SpooledTemporaryFile[bytes]:
    """Run a statement on the connection's thread, and keep its rows in batches."""
    values, batch = params
    cursor = turn.execute(sql, jobs.bindings(sql, values))
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  # `KeptRows` closes it
    try:
        while rows := jobs.next_rows(turn, sql, (cursor, batch)):
            marshal.dump(rows, file)
        file.seek(0)
    except BaseException:
        cursor.close()
        file.close()
        raise
    return file


def _nothing(_result: None) -> None:
    return None
