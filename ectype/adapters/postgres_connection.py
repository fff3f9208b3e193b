"""One connection to PostgreSQL: every failure settled and turned into our own errors, what went stale done anew."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, NoReturn, Protocol, TypeVar, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.adapters.base import Begin, CopyFormat, Notice, Use
from ectype.adapters.deadlines import Deadlines, deadlines_here
from ectype.adapters.lateness import overdue
from ectype.adapters.postgres_copy import CopyDriver, Prepared, Records, Rows, Write, copy_in, copy_out
from ectype.adapters.postgres_copy_bytes import copy_bytes, unfit_line, watched
from ectype.adapters.postgres_cursor import Portal, PostgresCursor
from ectype.adapters.postgres_errors import is_of_driver, is_stale, is_unfit_argument, translate
from ectype.adapters.postgres_outcome import outcome
from ectype.adapters.postgres_pooler import refuse_session_words
from ectype.errors import (
    CastError,
    ConnectError,
    DatabaseError,
    TransactionAbortedError,
    UnsupportedError,
)

T = TypeVar("T")

SETTLE_SECONDS = 0.2
"""How long a cancelled statement may take to end before its connection is cut (a deadline has 250 ms of grace)."""
LEAST_SETTLE_SECONDS = 0.05
"""What is left of that where the deadline itself was met late, as on a machine that has too much to do."""
READ_ONLY = "25006"
"""A write met a server that only reads: after a failover, or a wrong host."""

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})

_READS = re.compile(r"\s*(?:select|values|table)\b", re.IGNORECASE)
_INTO = re.compile(r"\binto\b", re.IGNORECASE)

# DISCARD ALL would also drop the prepared statements, which are worth keeping.
_RESET = """
SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP;
DISCARD SEQUENCES
"""

Heard = Callable[[str, str, int], None]
"""What a notification is told to: `(channel, payload, pid)`."""


class Driver(CopyDriver, Protocol):
    """The part of `asyncpg.Connection` that is used here; asyncpg ships no types."""

    # Their words are asyncpg's.
    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> list[Any]: ...  # noqa: D102
    async def fetchmany(  # noqa: D102
        self, query: str, args: Sequence[Sequence[object]], *, timeout: float | None = None
    ) -> list[Any]: ...
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str: ...  # noqa: D102
    def cursor(self, query: str, *args: object, timeout: float | None = None) -> Awaitable[Portal]: ...  # noqa: D102
    async def close(self, *, timeout: float | None = None) -> None: ...  # noqa: D102
    async def reload_schema_state(self) -> None: ...  # noqa: D102
    async def add_listener(self, channel: str, callback: Callable[[Any, int, str, str], None]) -> None: ...  # noqa: D102
    def terminate(self) -> None: ...  # noqa: D102
    def is_closed(self) -> bool: ...  # noqa: D102
    def is_in_transaction(self) -> bool: ...  # noqa: D102
    def get_server_version(self) -> Any: ...  # noqa: D102
    def get_server_pid(self) -> int: ...  # noqa: D102
    def add_log_listener(self, callback: Callable[[Any, Any], None]) -> None: ...  # noqa: D102
    def remove_log_listener(self, callback: Callable[[Any, Any], None]) -> None: ...  # noqa: D102
    def add_termination_listener(self, callback: Callable[[Any], None]) -> None: ...  # noqa: D102


class Shared:
    """What the connections of one adapter know together.

    Attributes:
        changes: how often one of them met a table or type that had changed, so that all forget what they know of it.
        pooled: whether a pooler may give each transaction another server, so that nothing of a session lasts.
        named: whether statements stay prepared, under a name.
    """

    __slots__ = ("_deadlines", "changes", "named", "pooled")

    def __init__(self, *, pooled: bool) -> None:
        self.changes = 0
        self.pooled = pooled
        self.named = not pooled
        self._deadlines: Deadlines | None = None

    def deadlines(self) -> Deadlines:
        """Return what keeps the deadlines in the event loop that runs."""
        self._deadlines = deadlines_here(self._deadlines)
        return self._deadlines


def affected(tag: str) -> int:
    """Return how many rows a command tag says were written; 0 for what writes none.

    >>> affected("INSERT 0 3"), affected("SELECT 5"), affected("CREATE TABLE")
    (3, 0, 0)
    """
    command, _, count = tag.partition(" ")
    return int(count.rpartition(" ")[2]) if command in _WRITES else 0


def _left(timeout: float | None, started: float) -> float | None:
    return None if timeout is None else max(0.001, timeout - (monotonic() - started))


def begin_text(how: Begin) -> str:
    """Return the statement that begins a transaction.

    >>> begin_text(Begin(isolation="serializable", read_only=True))
    'BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY'
    """
    if not (how.isolation or how.read_only or how.deferrable):
        return "BEGIN"
    modes = [f"ISOLATION LEVEL {how.isolation.upper()}"] if how.isolation else []
    if how.read_only:
        modes.append("READ ONLY")
    if how.deferrable:
        modes.append("DEFERRABLE")
    return f"BEGIN {', '.join(modes)}"


class PostgresConnection:
    """One connection to a PostgreSQL server. See `ectype.adapters.base.Connection` for the contract."""

    __slots__ = (
        "__weakref__",
        "_again",
        "_changes",
        "_deadlines",
        "_driver",
        "_execute",
        "_fetch",
        "_in_transaction",
        "_may_write",
        "_shared",
        "_url",
        "broken",
        "retired",
    )

    def __init__(
        self, driver: Driver, url: str, shared: Shared, again: Callable[[float], Awaitable[PostgresConnection]]
    ) -> None:
        """Take a connection of the driver's; `again` makes another one to the same database."""
        self._deadlines = shared.deadlines()
        self._driver = driver
        self._again = again
        # Bound once: these are called with every statement.
        self._fetch = driver.fetch
        self._execute = driver.execute
        self._in_transaction = driver.is_in_transaction
        self._url = url
        self._shared = shared
        self._changes = shared.changes
        self._may_write = True
        self.broken = False
        self.retired = False
        driver.add_termination_listener(self._on_lost)

    @property
    def bounded(self) -> bool:
        """Whether a deadline reaches a statement that no other cancellation may stop: it does."""
        return True

    def hear_notices(self, heard: Callable[[Notice], None]) -> Callable[[], None]:
        """Tell `heard` every notice from here on; what is returned ends that."""

        def told(_driver: object, said: Any) -> None:
            severity = said.severity_en or said.severity
            heard(Notice(severity, said.message, said.detail, said.hint, said.sqlstate))

        def end() -> None:
            if not self.broken:
                self._driver.remove_log_listener(told)

        self._driver.add_log_listener(told)
        return end

    def _on_lost(self, _driver: object) -> None:
        self.broken = True

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, failed ones included."""
        return not self.broken and self._in_transaction()

    @property
    def driver(self) -> Driver:
        """The driver's connection, for the adapter that made it."""
        return self._driver

    @property
    def server_pid(self) -> int:
        """The process that serves this connection, for messages and for `pg_stat_activity`."""
        return self._driver.get_server_pid()

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`."""
        started, bound = monotonic(), None
        try:
            if timeout is not None:
                bound = self._deadlines.within(started, timeout)
            rows = await self._fetch(sql, *params)
        except BaseException as exc:  # noqa: BLE001  # whatever it is, the connection is settled before it rises
            rows, _ = await self._anew(exc if bound is None else bound.overran(exc), sql, params, timeout, started)
        else:
            if bound is not None:
                bound.ended()
        return load(rows)

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        return affected(await self._run(sql, params, timeout))

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement without RETURNING once a row of parameters, in one implicit transaction.

        `RETURNING 1` is added to it: the driver tells the rows of a batch, not its counts.
        """
        return await self.fetch_many(f"{sql.rstrip().rstrip(';')}\nRETURNING 1", rows, len, timeout)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, pipelined, in one implicit transaction."""
        started = monotonic()
        try:
            found = await self._driver.fetchmany(sql, rows, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            if not is_stale(exc) or not await self._forgets():
                await self._fail(exc, (), timeout, started)
            try:
                found = await self._driver.fetchmany(sql, rows, timeout=_left(timeout, started))
            except BaseException as again:  # noqa: BLE001  # as in `fetch`
                await self._fail(again, (), timeout, started)
        return load(found)

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement and return `load(columns, rows, count)`.

        A row knows its columns. Where there is none the statement is asked, which is a round trip more; it has no name
        on the server, so that it is gone with the next one and need not be closed.
        """
        if self._shared.pooled:
            refuse_session_words(sql, self._url)
        started = monotonic()
        rows: list[Any] | None = None
        try:
            if _READS.match(sql) and not _INTO.search(sql):
                rows = await self._fetch(sql, *params, timeout=timeout)
            statement = None if rows else await self._driver.prepare(sql, name="", timeout=_left(timeout, started))
            if rows is None:
                rows = await cast("Prepared", statement).fetch(*params, timeout=_left(timeout, started))
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            rows, statement = await self._anew(exc, sql, params, timeout, started)
        if statement is None:
            return load(tuple(rows[0].keys()), rows, len(rows))
        columns = tuple([one.name for one in statement.get_attributes()])
        return load(columns, rows, len(rows) if columns else affected(statement.get_statusmsg() or ""))

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> PostgresCursor:
        """Begin to read the rows of one statement in the open transaction: a portal, which sees no later writes."""
        try:
            portal = await self._driver.cursor(sql, *params, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            if is_stale(exc):
                await self._forgets()
            await self._fail(exc, params, timeout)
        return PostgresCursor(self, portal, sql, batch, self._fail, shared=use == "shared")

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements at once; outside a transaction they are one, unless the text says otherwise."""
        if self._shared.pooled:
            refuse_session_words(sql, self._url)
        await self._run(sql, (), timeout)

    async def copy_in(
        self,
        table: str,
        columns: Sequence[str],
        records: Records,
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        as_text: bool = False,
    ) -> int:
        """Send rows to a table by binary COPY, or as text, in one implicit transaction, and return how many.

        The rows are encoded as they are read, so that a source of any length takes no memory.

        Raises:
            CastError: a row has too few or too many values, or one that does not fit its column; the message names it.
        """
        await self._catch_up()
        rows = Rows(records, columns)
        try:
            tag = await copy_in(self._driver, table, columns, rows, prefix=prefix, timeout=timeout, as_text=as_text)
        except BaseException as exc:
            if exc is rows.failure or isinstance(exc, (CastError, UnsupportedError)):
                # The driver has told the server to forget the rows; wait until it has.
                await self._settle()
                raise
            if is_stale(exc):
                await self._forgets()
            await self._fail(exc, (), timeout)
        return affected(tag)

    async def copy_bytes(
        self,
        table: str,
        columns: Sequence[str],
        pieces: AsyncIterable[bytes],
        form: CopyFormat,
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        skipped: int = 0,
    ) -> int:
        """Send bytes that are in the format of COPY already to a table, and return how many rows they are.

        Raises:
            DatabaseError: a line does not fit its columns; the message says which, and shows no value.
        """
        await self._catch_up()
        failed: list[Exception] = []
        try:
            sent = watched(pieces, failed)
            tag = await copy_bytes(self._driver, table, columns, sent, form, prefix=prefix, timeout=timeout)
        except BaseException as exc:
            if failed and exc is failed[0]:
                # As in `copy_in`.
                await self._settle()
                raise
            if is_stale(exc):
                await self._forgets()
            unfit = unfit_line(exc, table, skipped)
            if unfit is not None:
                raise unfit from None
            await self._fail(exc, (), timeout)
        return affected(tag)

    async def copy_out(
        self,
        sql: str,
        params: Sequence[object],
        write: Write,
        form: CopyFormat,
        timeout: float | None = None,
    ) -> int:
        """Send the rows of one query to `write` by COPY, and return how many.

        COPY takes no parameters: the server writes each value as a literal of its type, and the literals take the
        places of `$1`, `$2`, … in the text.
        """
        failed: list[BaseException] = []

        async def written(data: bytes) -> None:
            try:
                await write(data)
            except BaseException as exc:
                failed.append(exc)
                raise

        try:
            tag = await copy_out(self._driver, sql, params, written, form, timeout=timeout)
        except BaseException as exc:
            if failed and exc is failed[0] and isinstance(exc, Exception):
                await self._settle()
                raise
            if is_stale(exc):
                await self._forgets()
            await self._fail(exc, params, timeout)
        return affected(tag)

    async def listen(
        self, channels: Sequence[str], heard: Heard, lost: Callable[[], None], timeout: float | None = None
    ) -> None:
        """Tell `heard` every notification of the channels from here on, and `lost` when the connection goes."""

        def on_message(_driver: object, pid: int, channel: str, payload: str) -> None:
            heard(channel, payload, pid)

        try:
            async with asyncio.timeout(timeout):
                for channel in channels:
                    await self._driver.add_listener(channel, on_message)
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc, (), timeout)
        self._driver.add_termination_listener(lambda _driver: lost())

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification; in a transaction it leaves with the commit."""
        await self._run("SELECT pg_notify($1, $2)", (channel, payload), timeout)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction."""
        if self._changes != self._shared.changes:
            # Inside the transaction it would be too late: a stale statement ends it.
            await self._catch_up()
        self._may_write = not how.read_only
        await self._run(begin_text(how), (), timeout)

    async def commit(self, timeout: float | None = None) -> None:
        """Commit; a server that answers with ROLLBACK had a failed transaction, and nothing was saved."""
        if await self._run("COMMIT", (), timeout) == "ROLLBACK":
            raise TransactionAbortedError(
                "COMMIT was answered by ROLLBACK: a statement in this transaction had failed, and nothing was saved",
                hint="the error of that statement was swallowed: let it leave the `transaction()` block, or run what "
                "may fail in a nested `transaction()`",
            )

    async def transaction(self, timeout: float | None = None) -> str | None:
        """Return the id of the open transaction, None when it has written nothing."""
        sql = "SELECT pg_current_xact_id_if_assigned()::text"
        return await self.fetch(sql, (), lambda rows: cast("str | None", rows[0][0]), timeout)

    async def committed(self, transaction: str | None, timeout: float) -> bool:
        """Ask the server, on a connection of its own, what became of a transaction."""
        return await outcome(self._again, transaction, timeout)

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back."""
        await self._run("ROLLBACK", (), timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Undo settings, roles, temporary tables, sequences' state, advisory locks, cursors and LISTEN."""
        # Through a pooler the text that would have changed the session was refused, and this might reach another.
        if not self._shared.pooled:
            await self._run(_RESET, (), timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Say goodbye within the deadline, else cut the connection."""
        try:
            await self._driver.close(timeout=timeout)
        except asyncio.CancelledError:
            self.terminate()
            raise
        except Exception:  # noqa: BLE001  # closing ends the connection whatever the driver says
            self.terminate()
        self.broken = True

    def terminate(self) -> None:
        """Cut the connection without a word."""
        self.broken = True
        # The transport may belong to an event loop that has been closed.
        with suppress(RuntimeError):
            self._driver.terminate()

    async def _run(self, sql: str, params: Sequence[object], timeout: float | None) -> str:
        started, bound = monotonic(), None
        try:
            if timeout is not None:
                bound = self._deadlines.within(started, timeout)
            tag = await self._execute(sql, *params)
        except BaseException as exc:
            failure = exc if bound is None else bound.overran(exc)
            if isinstance(failure, AttributeError):
                # asyncpg finds no command tag after text that holds no statement, as a comment alone.
                if self.broken:
                    raise
                return ""
            _, statement = await self._anew(failure, sql, params, timeout, started)
            return statement.get_statusmsg() or ""
        if bound is not None:
            bound.ended()
        return tag

    async def _anew(
        self, exc: BaseException, sql: str, params: Sequence[object], timeout: float | None, started: float
    ) -> tuple[list[Any], Prepared]:
        """Run a statement once more whose prepared form had gone stale, or raise what it raised.

        A statement that failed has done nothing, so doing it anew is safe; inside a transaction the failure has ended
        that. A parameter that does not fit is refused before anything is sent, and the type that it does not fit may be
        that of a column that has changed: it is tried as a statement that is prepared now.
        """
        stale = is_stale(exc) and await self._forgets()
        unfit = not stale and self._shared.named and not self.broken and is_unfit_argument(exc)
        if not stale and not unfit:
            await self._fail(exc, params, timeout, started)
        try:
            statement = await self._driver.prepare(sql, name="", timeout=_left(timeout, started))
            rows = await statement.fetch(*params, timeout=_left(timeout, started))
        except BaseException as again:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc if unfit and is_unfit_argument(again) else again, params, timeout, started)
        if unfit:
            await self._forgets()
        return rows, statement

    async def _forgets(self) -> bool:
        """Forget what is known of tables and types, here and on every other connection; False in a transaction."""
        if self.broken:
            return False
        self._shared.changes += 1
        await self._catch_up()
        return not self._in_transaction()

    async def _catch_up(self) -> None:
        if self._changes != self._shared.changes:
            self._changes = self._shared.changes
            # It sends nothing.
            await self._driver.reload_schema_state()

    async def _fail(
        self, exc: BaseException, params: Sequence[object], timeout: float | None, started: float | None = None
    ) -> NoReturn:
        if isinstance(exc, (asyncio.CancelledError, TimeoutError)):
            late = 0.0
            if started is not None and timeout is not None and isinstance(exc, TimeoutError):
                late = max(0.0, monotonic() - started - timeout)
            await self._settle(max(LEAST_SETTLE_SECONDS, SETTLE_SECONDS - late))
            if isinstance(exc, asyncio.CancelledError):
                raise exc
            raise overdue(self._url, timeout, "was cancelled", late) from exc
        if not isinstance(exc, Exception):
            self.terminate()
            raise exc
        if is_of_driver(exc):
            # It was prepared, and never run: until the server hears of an end, it keeps the locks of the tables.
            await self._settle()
        error = translate(exc, self._url, params)
        if isinstance(error, ConnectError):
            self.terminate()
        elif isinstance(error, DatabaseError) and error.sqlstate == READ_ONLY:
            # The server has become a standby, unless the caller asked for a transaction that only reads.
            self.retired = self.retired or self._may_write or not self._in_transaction()
        raise error from exc

    async def _settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until a cancelled statement has ended, or cut the connection; more cancellations change nothing."""
        settling = asyncio.ensure_future(self._prove_alive(seconds))
        while not settling.done():
            try:
                await asyncio.wait({settling})
            except asyncio.CancelledError:  # the caller raises the first one
                continue

    async def _prove_alive(self, seconds: float) -> None:
        try:
            # The driver waits for the end of the cancelled statement before it sends this.
            await self._driver.execute("SELECT 1", timeout=seconds)
        except asyncpg.PostgresError:
            # An answer: the transaction has failed, or a late cancel hit this statement instead.
            self.broken = self._driver.is_closed()
        except Exception:  # noqa: BLE001  # no answer in time, or no connection
            self.terminate()
