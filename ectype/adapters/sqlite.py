"""SQLite through aiosqlite: one thread hop a statement, none for brief ones, WAL, writers that queue."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic
from types import CoroutineType
from typing import Any, TypeVar, cast
from urllib.parse import quote

import aiosqlite

from ectype.adapters import sqlite_jobs as jobs
from ectype.adapters.base import Begin, Copier, Use
from ectype.adapters.deadlines import Deadlines, deadlines_here
from ectype.adapters.sqlite_brief import WRITING, Brief, readers_wait
from ectype.adapters.sqlite_commits import ROWS_AT_ONCE, Commits, short
from ectype.adapters.sqlite_copies import Copies
from ectype.adapters.sqlite_cursor import KeptRows, OpenCursor, keep
from ectype.adapters.sqlite_errors import HINTS
from ectype.adapters.sqlite_queue import WriteQueue
from ectype.adapters.sqlite_texts import BEGIN_DEFERRED, BEGIN_IMMEDIATE, WRITES_SOMEWHERE
from ectype.adapters.sqlite_worker import MISSED, Job, Worker, gone, hop, let_end, start
from ectype.adapters.url import MEMORY, Config
from ectype.errors import ConnectError, DeadlineError, LockNotAvailableError, UnsupportedError
from ectype.sql.dialect import SQLITE, Dialect

T = TypeVar("T")

OLDEST = (3, 37, 0)
BUSY_TIMEOUT_MS = 5_000
STATEMENT_CACHE_SIZE = 512
BUSY = "SQLITE_BUSY"


class SqliteConnection:
    """One connection to a SQLite database. See `ectype.adapters.base.Connection` for the contract."""

    __slots__ = (
        "__weakref__",
        "_brief",
        "_busy_seconds",
        "_few",
        "_queue",
        "_setup",
        "_worker",
        "_writes",
        "retired",
    )

    def __init__(self, worker: Worker, setup: jobs.Setup, queue: WriteQueue, brief: Brief, busy_seconds: float) -> None:
        self._worker = worker
        self._brief = brief
        self._setup = setup
        self._queue = queue
        self._busy_seconds = busy_seconds
        self._writes = False
        # How many more rows the open transaction may write to be one of few: it has written them all here.
        self._few = 0
        self.retired = False

    @property
    def bounded(self) -> bool:
        """Whether a deadline reaches a statement that no other cancellation may stop: it does."""
        return True

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        return self._worker.broken

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, or was ended by SQLite and not yet rolled back by its owner."""
        return not self._worker.broken and self._worker.in_transaction

    def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> CoroutineType[Any, Any, T]:
        """Run one statement and return `load(rows)`; both on the connection's thread, or here where they are brief."""
        return self._run(jobs.fetch, sql, params, load, timeout)

    def execute(
        self, sql: str, params: Sequence[object] = (), timeout: float | None = None
    ) -> CoroutineType[Any, Any, int]:
        """Run one statement and return how many rows it wrote."""
        return self._run(jobs.execute, sql, params, int, timeout)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement once a row of parameters, in a transaction or savepoint of its own."""
        return await self._write(jobs.execute_many, sql, rows, int, timeout)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, in a transaction or savepoint of its own."""
        return await self._write(jobs.fetch_many, sql, rows, load, timeout)

    def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> CoroutineType[Any, Any, T]:
        """Run one statement and return `load(columns, rows, count)`; see `fetch`."""
        return self._run(jobs.query, sql, params, lambda answer: load(*answer), timeout)

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> OpenCursor | KeptRows:
        """Begin to read the rows of one statement; on a shared connection all are read now, and kept aside."""
        self._few = 0
        if use == "shared":
            return await self._worker.run(keep, sql, (params, batch), KeptRows, timeout)
        opened = await self._worker.run(jobs.open_cursor, sql, params, _itself, timeout)
        return OpenCursor(self._worker, opened, batch)

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements in order, in the open transaction if there is one."""
        self._brief.forget()
        run = self._write if self._writes or WRITES_SOMEWHERE.search(sql) else self._worker.run
        await run(jobs.script, sql, (), _nothing, timeout)

    async def copy_in(self, table: str, *_rest: object, **_options: object) -> int:
        """Raise UnsupportedError: SQLite has no COPY."""
        raise UnsupportedError(
            f"COPY into `{table}` is not known to SQLite",
            hint="use `repo.insert_all(model, rows)`, which is one transaction there",
        )

    async def copy_bytes(self, table: str, *_rest: object, **_options: object) -> int:
        """Raise UnsupportedError: SQLite has no COPY."""
        raise UnsupportedError(
            f"COPY into `{table}` is not known to SQLite",
            hint="read the rows with Python's `csv`, and store them by `repo.insert_all(model, rows)`",
        )

    async def copy_out(self, *_what: object, **_options: object) -> int:
        """Raise UnsupportedError: SQLite has no COPY."""
        raise UnsupportedError(
            "COPY of a query is not known to SQLite",
            hint="read the rows by `repo.all(query)`, and write them with Python's `csv`",
        )

    async def listen(self, *_what: object, **_options: object) -> None:
        """Raise UnsupportedError: SQLite tells no other connection of anything."""
        raise _silent("LISTEN")

    async def notify(self, *_what: object, **_options: object) -> None:
        """Raise UnsupportedError: SQLite tells no other connection of anything."""
        raise _silent("NOTIFY")

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
        sql = begin_text(how)
        if sql is BEGIN_IMMEDIATE:
            timeout = await self._may_write(timeout)
        brief, worker = self._brief, self._worker
        pace = brief.pace(sql)
        try:
            if (
                pace.owed
                or not (brief.in_turn() or await brief.next_turn())
                or worker.here(jobs.execute, sql, (), int, pace, timeout) is MISSED
            ):
                await worker.run(pace.learning(jobs.execute), sql, (), int, timeout)
        finally:
            self._pass_on()
        self._few = ROWS_AT_ONCE

    async def commit(self, timeout: float | None = None) -> None:
        """Commit; raises TransactionAbortedError when SQLite had rolled the transaction back by itself."""
        if self._worker.lost:
            self._worker.lost = False
            self._pass_on()
            raise gone()
        pace = self._brief.ending
        try:
            if self._few and await self._commits_here(timeout):
                return
            await self._worker.run(pace.learning(jobs.commit), "COMMIT", (), _nothing, timeout)
            self._brief.commits.was_there()
        except (DeadlineError, asyncio.CancelledError):
            # It was interrupted too late: a statement that has ended tells what it did. A deadline that falls
            # together with a cancellation of the task is one, too.
            if self.broken or self.in_transaction:
                raise
        finally:
            self._pass_on()

    async def transaction(self, timeout: float | None = None) -> str | None:  # noqa: ARG002  # the contract's
        """Return None: SQLite has no ids of transactions."""
        return None

    async def committed(self, transaction: str | None, timeout: float) -> bool:  # noqa: ARG002  # the contract's
        """Wait for the end of the COMMIT that did not end in time; its thread goes on to it."""
        return await self._worker.ended_well(timeout)

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back; it is no error when SQLite has done so already."""
        self._worker.lost = False
        try:
            await self._worker.run(jobs.roll_back, "ROLLBACK", (), _nothing, timeout)
        finally:
            self._pass_on()

    async def reset(self, timeout: float | None = None) -> None:
        """Set the PRAGMAs back that change results, and drop temporary tables, views and triggers."""
        await self._worker.run(jobs.reset, "", self._setup, _nothing, timeout)

    async def backup(self, path: str, timeout: float | None = None) -> None:
        """Copy the whole database, as it is now, into a file that does not exist yet."""
        await self._worker.run(jobs.backup, path, (), _nothing, timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Close after the statement that runs, else interrupt it and let the thread end by itself."""
        await self._worker.close(timeout)
        self._pass_on()

    def terminate(self) -> None:
        """Interrupt what runs and let the thread end."""
        self._worker.stop()
        self._pass_on()

    async def _run(
        self, job: Job[Any], sql: str, params: Sequence[object], load: Callable[[Any], T], timeout: float | None
    ) -> T:
        """Run a statement here where it is brief, else on the connection's thread, in its turn if it writes."""
        brief, worker = self._brief, self._worker
        pace = brief.pace(sql)
        if (
            not pace.owed
            and (brief.in_turn() or await brief.next_turn())
            and (pace.kind != "write" or self._may_write_here(params))
        ):
            found = worker.here(job, sql, params, load, pace, timeout)
            if found is not MISSED:
                if pace.kind == "write":
                    self._wrote_here()
                return cast("T", found)
        if pace.kind != "read":
            self._few = 0
        run = self._write if self._writes or pace.kind in WRITING else worker.run
        return await run(pace.learning(job), sql, params, load, timeout)

    def _may_write_here(self, params: Sequence[object]) -> bool:
        """Return whether a brief write need not wait: for its turn, nor, where it commits, for the disk."""
        worker = self._worker
        if worker.broken:
            return False
        if worker.raw.in_transaction:
            return self._writes and short(params)
        return (
            not (self._writes or self._queue.taken or worker.in_transaction)
            and self._brief.commits.may_be_here()
            and short(params)
        )

    def _wrote_here(self) -> None:
        if not self._writes:
            self._brief.commits.was_here(1)
        elif self._few:
            self._few -= 1

    async def _commits_here(self, timeout: float | None) -> bool:
        """Commit a transaction of few rows in this thread, and return whether that was possible."""
        brief, worker = self._brief, self._worker
        pace = brief.ending
        if (
            pace.owed
            or not (brief.in_turn() or await brief.next_turn())
            or not brief.commits.may_be_here()
            or worker.here(jobs.commit, "COMMIT", (), _nothing, pace, timeout) is MISSED
        ):
            return False
        brief.commits.was_here(ROWS_AT_ONCE - self._few)
        return True

    async def _write(
        self,
        job: Job[Any],
        sql: str,
        params: Any,  # each job says what it takes
        load: Callable[[Any], T],
        timeout: float | None,
    ) -> T:
        """Run a job that writes when its turn comes; in a transaction that writes it has it already."""
        self._few = 0
        timeout = await self._may_write(timeout)
        try:
            found = await self._worker.run(job, sql, params, load, timeout)
            if not self._worker.raw.in_transaction:
                self._brief.commits.was_there()
        finally:
            self._pass_on()
        return found

    async def _may_write(self, timeout: float | None) -> float | None:
        """Wait for the turn to write, unless it has come already; return what is left of the deadline."""
        worker = self._worker
        if self._writes or worker.broken or worker.lost or worker.raw.in_transaction:
            return timeout
        if timeout is not None and timeout <= 0:
            # The job is refused at once.
            return timeout
        if timeout is None:
            await self._take_turn(self._busy_seconds, None)
        else:
            started = monotonic()
            await self._take_turn(min(timeout, self._busy_seconds), timeout)
            timeout = max(0.001, timeout - (monotonic() - started))
        self._writes = True
        return timeout

    async def _take_turn(self, seconds: float, timeout: float | None) -> None:
        if await self._queue.take(seconds):
            return
        if timeout is not None and seconds >= timeout:
            raise DeadlineError(
                f"other writers of this program did not end within the deadline of {timeout:g} s",
                hint="make their transactions shorter, or give the call a longer `timeout=`",
            )
        raise LockNotAvailableError(
            "database is locked: another task of this program writes", sqlstate=BUSY, hint=HINTS[BUSY]
        )

    def _pass_on(self) -> None:
        """Let the next one write, unless a transaction that writes is still open here."""
        worker = self._worker
        if self._writes and (worker.broken or not (worker.lost or worker.raw.in_transaction)):
            self._writes = False
            self._queue.pass_on()


def _hint_for(path: Path | str) -> str:
    return (
        f"check that {Path(path).absolute()} is a SQLite database, and that this user may read and write it and its "
        "folder"
    )


def _silent(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} is not known to SQLite",
        hint="inside one process use `PubSub` of `ectype.web_integration`; between processes read the table anew now "
        "and then, or use PostgreSQL",
    )


def begin_text(how: Begin) -> str:
    """Return the statement that begins a transaction."""
    return BEGIN_DEFERRED if how.read_only or how.deferred else BEGIN_IMMEDIATE


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
        database: what events say of it.
        url: the URL as it was written.
        migrating: how migrations are kept.
        single: whether the database lives in memory, and so in one connection.
        copier: copies the database for tests.
    """

    def __init__(self, config: Config) -> None:
        check_version(sqlite3.sqlite_version_info, config.masked)
        options = config.options
        self.url = config.masked
        self.database = config.told
        self.migrating = config.migrating
        self.single = config.path == MEMORY
        self.dialect: Dialect = _dialect(sqlite3.sqlite_version_info)
        self._deadlines: Deadlines | None = None
        self._path = config.path
        self._mode = options.get("mode", "rw" if config.read_only else "rwc").lower()
        self._attach = config.attach
        keeps = self._mode == "ro" or config.read_only
        journal = None if keeps else options.get("journal_mode", "wal").lower()
        self._setup = jobs.Setup(
            journal=None if self.single else journal,
            synchronous=options.get("synchronous", "normal").lower(),
            attach={name: self._named(path) for name, path in config.attach.items()},
            attached_journal=journal,
            read_only=config.read_only,
        )
        self._busy_seconds = int(options.get("busy_timeout", BUSY_TIMEOUT_MS)) / 1_000
        self._queue = WriteQueue()
        self._brief = Brief(Commits(here=self.single or self._setup.synchronous in ("off", "normal")))
        self._inline = options.get("inline", "on").lower() == "on"
        self._cache = int(options.get("statement_cache_size", STATEMENT_CACHE_SIZE))
        self.copier: Copier | None = Copies(config, self.connect, SqliteAdapter)

    def begin_text(self, how: Begin) -> str:
        """Return the statement by which its connections open a transaction."""
        return begin_text(how)

    async def connect(self, timeout: float) -> SqliteConnection:
        """Open the file, or make the database in memory.

        Raises:
            ConnectError: the file cannot be opened, or is no database.
        """
        opening = _Opening()
        driver = _thread_of(opening)
        start(driver, cast("sqlite3.Connection", opening))
        try:
            async with asyncio.timeout(timeout):
                max_params, inline = await hop(driver, self._open, opening)
        except BaseException as exc:
            let_end(driver)
            if isinstance(exc, (sqlite3.Error, TimeoutError)):
                why = str(exc) or f"it was not done within {timeout:g} s"
                attached = self._attach.get((getattr(exc, "__notes__", None) or [""])[-1])
                if attached is not None:
                    raise ConnectError(
                        f"{attached}, attached to {self.url}, could not be opened: {why}", hint=_hint_for(attached)
                    ) from exc
                raise ConnectError(f"{self.url} could not be opened: {why}", hint=self._hint()) from exc
            raise
        if max_params != self.dialect.max_params:
            self.dialect = replace(self.dialect, max_params=max_params)
        self._deadlines = deadlines_here(self._deadlines)
        worker = Worker(
            driver,
            opening.raw,
            self._deadlines,
            url=self.url,
            busy_seconds=self._busy_seconds,
            in_memory=self.single,
            brief=self._brief if inline else None,
        )
        return SqliteConnection(worker, self._setup, self._queue, self._brief, self._busy_seconds)

    async def connect_session(self, timeout: float) -> SqliteConnection:
        """As `connect`: nothing stands between a program and its file."""
        return await self.connect(timeout)

    def _open(self, opening: _Opening) -> tuple[int, bool]:
        """Open the file; return how many parameters a statement may have, and whether brief ones leave the thread."""
        raw = sqlite3.connect(
            self._named(self._path),
            # Attached files are named so too.
            uri=True,
            isolation_level=None,
            cached_statements=self._cache,
            check_same_thread=False,
        )
        opening.raw = raw
        turn = jobs.Turn(raw, self._busy_seconds, set())
        max_params = jobs.set_up(turn, self._setup)
        return max_params, self._inline and not readers_wait(turn)

    def _named(self, path: str) -> str:
        return MEMORY if path == MEMORY else f"file:{quote(path)}?mode={self._mode}"

    def _hint(self) -> str:
        path = Path(self._path).absolute()
        if path.is_dir():
            return f"{path} is a folder: name a file in it"
        if not path.parent.is_dir():
            return f"make the folder {path.parent} first; three slashes are relative, four are absolute"
        if self._mode != "rwc" and not path.exists():
            return f"{path} does not exist, and mode={self._mode} does not create it: leave `mode` out"
        return _hint_for(path)


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
