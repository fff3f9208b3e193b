"""SQLite through aiosqlite: one thread hop a statement, WAL, writers that queue instead of failing."""
# the deadline is a parameter of every method of the contract

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast
from urllib.parse import quote

import aiosqlite

from ectype.adapters import sqlite_jobs as jobs
from ectype.adapters.base import Begin, Use
from ectype.adapters.sqlite_cursor import KeptRows, OpenCursor, keep
from ectype.adapters.sqlite_worker import Worker, gone, hop, let_end
from ectype.adapters.url import MEMORY, Config
from ectype.errors import ConnectError, UnsupportedError
from ectype.sql.dialect import SQLITE, Dialect

T = TypeVar("T")

OLDEST = (3, 37, 0)
BUSY_TIMEOUT_MS = 5_000
STATEMENT_CACHE_SIZE = 512


class SqliteConnection:
    """One connection to a SQLite database. See `ectype.adapters.base.Connection` for the contract."""

    __slots__ = ("__weakref__", "_read_only", "_synchronous", "_worker")

    def __init__(self, worker: Worker, synchronous: str, *, read_only: bool = False) -> None:
        self._worker = worker
        self._synchronous = synchronous
        self._read_only = read_only

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        return self._worker.broken

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, or was ended by SQLite and not yet rolled back by its owner."""
        worker = self._worker
        return not worker.broken and (worker.lost or worker.raw.in_transaction)

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`; both run on the connection's thread."""
        return await self._worker.run(jobs.fetch, sql, params, load, timeout)

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        return await self._worker.run(jobs.execute, sql, params, int, timeout)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement once a row of parameters, in a transaction or savepoint of its own."""
        return await self._worker.run(jobs.execute_many, sql, rows, int, timeout)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, in a transaction or savepoint of its own."""
        return await self._worker.run(jobs.fetch_many, sql, rows, load, timeout)

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement and return `load(columns, rows, count)`; both run on the connection's thread."""
        return await self._worker.run(jobs.query, sql, params, lambda answer: load(*answer), timeout)

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> OpenCursor | KeptRows:
        """Begin to read the rows of one statement; on a shared connection all are read now, and kept aside."""
        if use == "shared":
            return await self._worker.run(keep, sql, (params, batch), KeptRows, timeout)
        opened = await self._worker.run(jobs.open_cursor, sql, params, _itself, timeout)
        return OpenCursor(self._worker, opened, batch)

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements in order, in the open transaction if there is one."""
        await self._worker.run(jobs.script, sql, (), _nothing, timeout)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction: IMMEDIATE, so that it waits for other writers now and never fails later; else DEFERRED.

        Raises:
            UnsupportedError: an isolation other than serializable, which is all SQLite has, or `deferrable`.
        """
        if how.isolation not in (None, "serializable"):
            raise UnsupportedError(
                f"isolation={how.isolation!r} is not what SQLite can do: its transactions are serializable",
                hint='leave `isolation=` out, or say "serializable"',
            )
        if how.deferrable:
            raise UnsupportedError("deferrable=True is not known to SQLite", hint="leave it out")
        await self.execute("BEGIN DEFERRED" if how.read_only or how.deferred else "BEGIN IMMEDIATE", (), timeout)

    async def commit(self, timeout: float | None = None) -> None:
        """Commit; raises TransactionAbortedError when SQLite had rolled the transaction back by itself."""
        if self._worker.lost:
            self._worker.lost = False
            raise gone()
        await self.execute("COMMIT", (), timeout)

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back; it is no error when SQLite has done so already."""
        self._worker.lost = False
        await self._worker.run(jobs.roll_back, "ROLLBACK", (), _nothing, timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Set the PRAGMAs back that change results, and drop temporary tables, views and triggers."""
        await self._worker.run(jobs.reset, self._synchronous, self._read_only, _nothing, timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Close after the statement that runs, else interrupt it and let the thread end by itself."""
        await self._worker.close(timeout)

    def terminate(self) -> None:
        """Interrupt what runs and let the thread end."""
        self._worker.stop()


def _nothing(_result: None) -> None:
    return None


def _itself(cursor: sqlite3.Cursor) -> sqlite3.Cursor:
    return cursor


class _Opening:
    """What aiosqlite holds for a connection: the file is opened by our first job on its thread, under its deadline."""

    __slots__ = ("raw",)

    raw: sqlite3.Connection

    def close(self) -> None:
        """Close what has been opened; on the driver's thread, as the last thing it does."""
        with suppress(AttributeError):
            self.raw.close()


class SqliteAdapter:
    """Makes connections to one SQLite database.

    Attributes:
        dialect: what the library can do; how many parameters it takes is known after the first `connect`.
        url: the URL as it was written.
        single: whether the database lives in memory, and so in one connection.
    """

    def __init__(self, config: Config) -> None:
        check_version(sqlite3.sqlite_version_info, config.masked)
        options = config.options
        self.url = config.masked
        self.single = config.path == MEMORY
        self.dialect: Dialect = _dialect(sqlite3.sqlite_version_info)
        self._path = config.path
        self._read_only = config.read_only
        self._mode = options.get("mode", "rw" if config.read_only else "rwc").lower()
        self._journal = (
            None
            if self.single or self._mode == "ro" or config.read_only
            else options.get("journal_mode", "wal").lower()
        )
        self._synchronous = options.get("synchronous", "normal").lower()
        self._busy_seconds = int(options.get("busy_timeout", BUSY_TIMEOUT_MS)) / 1_000
        self._cache = int(options.get("statement_cache_size", STATEMENT_CACHE_SIZE))

    async def connect(self, timeout: float) -> SqliteConnection:
        """Open the file, or make the database in memory.

        Raises:
            ConnectError: the file cannot be opened, or is no database.
        """
        opening = _Opening()
        driver = _thread_of(opening)
        try:
            async with asyncio.timeout(timeout):
                await driver
                max_params = await hop(driver, self._open, opening)
        except BaseException as exc:
            let_end(driver)
            if isinstance(exc, (sqlite3.Error, TimeoutError)):
                why = str(exc) or f"it was not done within {timeout:g} s"
                raise ConnectError(f"{self.url} could not be opened: {why}", hint=self._hint()) from exc
            raise
        if max_params != self.dialect.max_params:
            self.dialect = replace(self.dialect, max_params=max_params)
        worker = Worker(driver, opening.raw, url=self.url, busy_seconds=self._busy_seconds, in_memory=self.single)
        return SqliteConnection(worker, self._synchronous, read_only=self._read_only)

    def _open(self, opening: _Opening) -> int:
        raw = sqlite3.connect(
            MEMORY if self.single else f"file:{quote(self._path)}?mode={self._mode}",
            uri=not self.single,
            isolation_level=None,
            cached_statements=self._cache,
            check_same_thread=False,
        )
        opening.raw = raw
        turn = jobs.Turn(raw, self._busy_seconds)
        return jobs.set_up(turn, self._journal, self._synchronous, read_only=self._read_only)

    def _hint(self) -> str:
        path = Path(self._path).absolute()
        if path.is_dir():
            return f"{path} is a folder: name a file in it"
        if not path.parent.is_dir():
            return f"make the folder {path.parent} first; three slashes are relative, four are absolute"
        if self._mode != "rwc" and not path.exists():
            return f"{path} does not exist, and mode={self._mode} does not create it: leave `mode` out"
        return f"check that {path} is a SQLite database, and that this user may read and write it and its folder"


def _thread_of(opening: _Opening) -> aiosqlite.Connection:
    made: list[aiosqlite.Connection] = []
    # A thread inherits `daemon` from the one that makes it; without it, a connection that nobody closed would keep
    # the interpreter from ending.
    maker = Thread(
        target=lambda: made.append(
            aiosqlite.Connection(lambda: cast("sqlite3.Connection", opening), iter_chunk_size=1)
        ),
        daemon=True,
    )
    maker.start()
    maker.join()
    return made[0]


def check_version(found: tuple[int, ...], url: str) -> None:
    """Raise UnsupportedError when the SQLite library is older than 3.37, which brought STRICT tables."""
    if found < OLDEST:
        raise UnsupportedError(
            f"{url} needs SQLite 3.37, and this Python is linked to {'.'.join(map(str, found))}",
            hint="use a Python that brings a newer SQLite",
        )


def _dialect(found: tuple[int, ...]) -> Dialect:
    # https://www.sqlite.org/releaselog/3_39_0.html
    return replace(
        SQLITE,
        version=(found[0], found[1]),
        right_and_full_join=found >= (3, 39, 0),
        ordered_aggregates=found >= (3, 44, 0),
    )


def create(config: Config) -> SqliteAdapter:
    """Return the adapter of a `sqlite://` URL; nothing is opened yet."""
    return SqliteAdapter(config)
