"""What is done on a SQLite connection's own thread: plain functions of a turn, a statement and its parameters."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ectype.adapters.sqlite_script import statements

BUSY_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025)
"""The seconds between two looks at a lock that another program holds, the last of them again and again. SQLite, which
has the same, cannot be interrupted while it waits, nor be told to wait in one call and not in another."""

_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_TIMEOUT})
"""What passes when another connection is done: it writes, or brings a file with WAL in order. A snapshot that is too
old (SQLITE_BUSY_SNAPSHOT) stays so."""

# These take `?1` with a sequence for a named placeholder, and warn (https://github.com/python/cpython/issues/117995).
_NUMBERED_BY_NAME = (3, 12, 0) <= sys.version_info[:3] < (3, 12, 4)

_STALE = "ON CONFLICT clause does not match"
"""What SQLite says without a look at the file, when another connection has made the index: a read makes it look."""

_SESSION = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA query_only = OFF",
    "PRAGMA ignore_check_constraints = OFF",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA case_sensitive_like = OFF",
)


class Stopped(Exception):
    """The caller of a job went away before it began, or between two of its statements."""


class Turn:
    """One job's token.

    Attributes:
        raw: the connection.
        reading: the statements of the connection that are open for further batches.
        cancelled: whether its caller has gone.
        was_open: whether a transaction was open before it; None until it has begun.
        ended_well: whether it was done, or failed; None until it has ended.
    """

    __slots__ = ("_busy_seconds", "cancelled", "ended_well", "raw", "reading", "was_open")

    def __init__(self, raw: sqlite3.Connection, busy_seconds: float, reading: set[sqlite3.Cursor]) -> None:
        self.raw = raw
        self.reading = reading
        self.cancelled = False
        self.was_open: bool | None = None
        self.ended_well: bool | None = None
        self._busy_seconds = busy_seconds

    def execute(self, sql: str, params: Any = ()) -> sqlite3.Cursor:  # a sequence or a mapping
        """Run one statement, and wait for a lock as long as the URL's `busy_timeout` says or the caller stays."""
        if self.cancelled:
            raise Stopped
        give_up = 0.0
        pauses = iter(BUSY_PAUSES)
        looked = False
        while True:
            try:
                return self.raw.execute(sql, params)
            except sqlite3.OperationalError as exc:
                if not looked and _STALE in str(exc):
                    looked = True
                    self._look()
                    continue
                if exc.sqlite_errorcode not in _PASSING or self.cancelled:
                    raise
                now = time.monotonic()
                give_up = give_up or now + self._busy_seconds
                if now >= give_up:
                    raise
                time.sleep(next(pauses, BUSY_PAUSES[-1]))

    def execute_many(self, sql: str, rows: Any) -> sqlite3.Cursor:  # a sequence of sequences or mappings
        """Run one statement once a row."""
        try:
            return self.raw.executemany(sql, rows)
        except sqlite3.OperationalError as exc:
            if _STALE not in str(exc):
                raise
            self._look()
            return self.raw.executemany(sql, rows)

    def rows(self, cursor: sqlite3.Cursor) -> list[Any]:
        """Return all rows of a statement; it has ended then, also where one of them cannot be read.

        sqlite3 leaves it open after a text that is no UTF-8, and the traceback of that error keeps it so.
        """
        try:
            return cursor.fetchall()
        except BaseException:
            cursor.close()
            raise

    def end_reading(self) -> None:
        """End the statements that are still open: their reader has gone, and may not even have got them.

        An open one goes on reading after ROLLBACK, and what the connection then writes meets the old state of the file.
        """
        while self.reading:
            self.reading.pop().close()

    def _look(self) -> None:
        """Let SQLite read the schema anew, if it has changed."""
        self.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()

    @contextmanager
    def all_or_nothing(self) -> Generator[None]:
        """Keep all that the block writes, or nothing: a transaction, or a savepoint inside one."""
        raw = self.raw
        nested = raw.in_transaction
        self.execute("SAVEPOINT ectype_batch" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            self.execute("RELEASE ectype_batch" if nested else "COMMIT")
        except BaseException:
            # Some errors, and an interrupted write, have rolled all of it back already.
            if raw.in_transaction and nested:
                raw.execute("ROLLBACK TO ectype_batch")
                raw.execute("RELEASE ectype_batch")
            elif raw.in_transaction:
                raw.execute("ROLLBACK")
            raise


@dataclass(frozen=True, slots=True)
class Setup:
    """How connections are prepared.

    Attributes:
        journal: the journal mode; None leaves it.
        synchronous: when it waits for the disk.
        attach: the further files, by the name of their schema, as ATTACH takes them.
        attached_journal: the journal mode of those.
        read_only: whether the connection refuses to write.
    """

    journal: str | None
    synchronous: str
    attach: Mapping[str, str]
    attached_journal: str | None
    read_only: bool = False


def set_up(turn: Turn, setup: Setup) -> int:
    """Prepare a new connection; returns how many parameters a statement may have."""
    raw = turn.raw
    journal_mode, synchronous = setup.journal, setup.synchronous
    raw.execute("PRAGMA busy_timeout = 0")
    raw.execute("PRAGMA foreign_keys = ON")
    # It reads the file, which another program may have for itself: one that closes it as the last, for example.
    turn.execute(f"PRAGMA synchronous = {synchronous}")
    if sys.version_info >= (3, 12):
        # A name between double quotes that nothing has would be text.
        raw.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)  # noqa: FBT003  # it has no name
        raw.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DDL, False)  # noqa: FBT003  # it has no name
    # Setting the mode that is already set would still ask for locks.
    if journal_mode is not None and turn.execute("PRAGMA journal_mode").fetchone()[0] != journal_mode.lower():
        turn.execute(f"PRAGMA journal_mode = {journal_mode}").fetchall()
    turn.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    for name, file in setup.attach.items():
        _attach(turn, setup, name, file)
    if setup.read_only:
        raw.execute("PRAGMA query_only = ON")
    raw.set_authorizer(_authorize)
    return raw.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)


def _attach(turn: Turn, setup: Setup, name: str, file: str) -> None:
    try:
        turn.execute(f'ATTACH ? AS "{name}"', (file,))
        turn.execute(f'PRAGMA "{name}".synchronous = {setup.synchronous}')
        mode = turn.execute(f'PRAGMA "{name}".journal_mode').fetchone()[0]
        if setup.attached_journal is not None and mode != setup.attached_journal and file != ":memory:":
            turn.execute(f'PRAGMA "{name}".journal_mode = {setup.attached_journal}').fetchall()
        turn.execute(f'SELECT count(*) FROM "{name}".sqlite_schema').fetchall()
    except sqlite3.Error as exc:
        exc.add_note(name)
        raise


def _authorize(action: int, argument: str | None, *_more: str | None) -> int:
    # VACUUM attaches a temporary database, whose name is empty.
    refused = action == sqlite3.SQLITE_ATTACH and argument != ""
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def fetch(turn: Turn, sql: str, params: Sequence[object]) -> list[Any]:
    """Return all rows; the statement has ended, and holds no lock."""
    return turn.rows(turn.execute(sql, bindings(sql, params)))


def open_cursor(turn: Turn, sql: str, params: Sequence[object]) -> sqlite3.Cursor:
    """Return a statement that has begun, and stays open until `end_cursor` is called, or the transaction ends."""
    cursor = turn.execute(sql, bindings(sql, params))
    turn.reading.add(cursor)
    return cursor


def next_rows(turn: Turn, _sql: str, params: tuple[sqlite3.Cursor, int]) -> list[Any]:
    """Return the next rows of an open statement."""
    if turn.cancelled:
        raise Stopped
    cursor, count = params
    return cursor.fetchmany(count)


def end_cursor(turn: Turn, _sql: str, cursor: sqlite3.Cursor) -> None:
    """End an open statement."""
    cursor.close()
    turn.reading.discard(cursor)


def execute(turn: Turn, sql: str, params: Sequence[object]) -> int:
    """Return how many rows were written."""
    before = turn.raw.total_changes
    cursor = turn.execute(sql, bindings(sql, params))
    if cursor.description is not None:
        # An unread RETURNING would keep the write lock.
        turn.rows(cursor)
    return _written(turn, cursor, before)


def query(turn: Turn, sql: str, params: Sequence[object]) -> tuple[tuple[str, ...], list[Any], int]:
    """Return the names of the columns, the rows, and how many rows came back or were written."""
    before = turn.raw.total_changes
    cursor = turn.execute(sql, bindings(sql, params))
    if cursor.description is None:
        return (), [], _written(turn, cursor, before)
    rows = turn.rows(cursor)
    return tuple([column[0] for column in cursor.description]), rows, len(rows)


def _written(turn: Turn, cursor: sqlite3.Cursor, before: int) -> int:
    if cursor.rowcount >= 0:
        return cursor.rowcount
    # sqlite3 does not count what begins with WITH.
    if turn.raw.total_changes == before:
        return 0
    return int(turn.raw.execute("SELECT changes()").fetchone()[0])


def execute_many(turn: Turn, sql: str, rows: Sequence[Sequence[object]]) -> int:
    """Run a statement once a row, all or nothing, and return how many rows were written."""
    before = turn.raw.total_changes
    with turn.all_or_nothing():
        cursor = turn.execute_many(sql, rows if not _NUMBERED_BY_NAME else [bindings(sql, row) for row in rows])
    return cursor.rowcount if cursor.rowcount >= 0 else turn.raw.total_changes - before


def fetch_many(turn: Turn, sql: str, rows: Sequence[Sequence[object]]) -> list[Any]:
    """Run a statement once a row, all or nothing, and return the rows of all of them, in order."""
    found: list[Any] = []
    with turn.all_or_nothing():
        for row in rows:
            found += turn.rows(turn.execute(sql, bindings(sql, row)))
    return found


def script(turn: Turn, sql: str, _params: Sequence[object]) -> None:
    """Run several statements in order, in the transaction that is open, if one is."""
    for statement in statements(sql):
        turn.rows(turn.execute(statement))


def backup(turn: Turn, path: str, _params: Sequence[object]) -> None:
    """Copy the database into a file."""
    target = sqlite3.connect(path, isolation_level=None)
    try:
        # Nobody needs the copy after a crash.
        target.execute("PRAGMA synchronous = OFF")
        turn.raw.backup(target)
    finally:
        target.close()


def commit(turn: Turn, sql: str, _params: Sequence[object]) -> None:
    """Commit."""
    turn.end_reading()
    turn.execute(sql)


def roll_back(turn: Turn, sql: str, _params: Sequence[object]) -> None:
    """Roll the transaction back, unless SQLite has done so already."""
    turn.end_reading()
    if turn.raw.in_transaction:
        turn.raw.execute(sql)


def reset(turn: Turn, _sql: str, setup: Setup) -> None:
    """Set the PRAGMAs back that change results or wait, and drop what is temporary."""
    raw = turn.raw
    raw.execute("PRAGMA busy_timeout = 0").fetchall()
    for schema in ("main", *setup.attach):
        turn.execute(f'PRAGMA "{schema}".synchronous = {setup.synchronous}')
    for sql in _SESSION:
        turn.execute(sql).fetchall()
    for kind, name in turn.execute("SELECT type, name FROM temp.sqlite_schema WHERE type <> 'index'").fetchall():
        quoted = str(name).replace('"', '""')
        turn.execute(f'DROP {kind} IF EXISTS temp."{quoted}"')
    if setup.read_only:
        raw.execute("PRAGMA query_only = ON")


def bindings(sql: str, params: Sequence[object]) -> Any:  # a sequence or a mapping, as sqlite3 wants
    """Return the parameters as this Python's sqlite3 takes them: by name for `?1` where it warns, else as given."""
    if _NUMBERED_BY_NAME and "?1" in sql:
        return {str(number): value for number, value in enumerate(params, 1)}
    return params
