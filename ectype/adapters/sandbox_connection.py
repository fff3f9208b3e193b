"""Connections that belong to a test: what would be committed is kept in savepoints, and rolled back at the end.

On PostgreSQL one transaction lies around everything. A statement runs in a savepoint of its own, so that one that fails
harms nothing; what the application calls a transaction is a savepoint too, and ends as a COMMIT would: deferred
constraints are checked.
"""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from ectype.adapters.base import Begin, Connection, Cursor, Use
from ectype.adapters.delegated import DelegatedConnection
from ectype.adapters.sandbox_blockers import DEADLOCK, Watch
from ectype.adapters.sandbox_notifications import Outbox
from ectype.adapters.steady import steadily
from ectype.errors import ConfigError, DatabaseError, EctypeError, OwnershipError, UnsupportedError

T = TypeVar("T")

SAVEPOINT_SECONDS: Final = 5.0
"""How long a SAVEPOINT, or the way back to one, may take before the connection is cut."""

_STATEMENT: Final = "ectype_statement"
_TRANSACTION: Final = "ectype_transaction"
_NOT_IN_A_TRANSACTION: Final = "25001"

# A COMMIT checks what is deferred, and puts each constraint back to how it was declared. `SET CONSTRAINTS` refuses a
# name that a constraint has which cannot be deferred. https://www.postgresql.org/docs/current/sql-set-constraints.html
_KEEP: Final = """
SET CONSTRAINTS ALL IMMEDIATE;
DO $ectype$
DECLARE names text;
BEGIN
    SELECT string_agg(name, ', ') INTO names FROM (
        SELECT format('%I.%I', n.nspname, c.conname) AS name
        FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
        GROUP BY 1 HAVING bool_or(c.condeferred) AND bool_and(c.condeferrable)
    ) AS deferred;
    IF names IS NOT NULL THEN
        EXECUTE 'SET CONSTRAINTS ' || names || ' DEFERRED';
    END IF;
END $ectype$;
"""


class Ownership(Protocol):
    """What a connection asks of its owner: how statements are watched, and why one that was cut was cut."""

    @property
    def isolation(self) -> str:
        """The isolation of its transaction."""
        ...

    @property
    def label(self) -> str:
        """What messages call it."""
        ...

    def watch(self, timeout: float) -> Watch:
        """Look, before the deadline, whom a statement waits for."""
        ...

    def deadlocked(self, exc: DatabaseError) -> EctypeError:
        """Return the error of a deadlock, with the names of the owners in it."""
        ...

    def ended_error(self) -> EctypeError | None:
        """Return the error for a statement that meets the end of its owner; None while it lives."""
        ...

    async def introduce(self) -> None:
        """Tell the server whose connection this is."""
        ...

    def send(self, channel: str, payload: str) -> None:
        """Tell a notification that has left to whom it concerns."""
        ...


class OwnedConnection(DelegatedConnection):
    """A connection of an owner: when the owner ends, what runs on it is told so."""

    __slots__ = ("_owner",)

    def __init__(self, inner: Connection, owner: Ownership) -> None:
        super().__init__(inner)
        self._owner = owner

    async def _run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: Any) -> T:
        try:
            return await super()._run(call, timeout, *args)
        except EctypeError as exc:
            ended = self._owner.ended_error()
            if ended is None:
                raise
            raise ended from exc


class SandboxConnection(OwnedConnection):
    """An owner's connection to PostgreSQL, inside the transaction that is rolled back when the owner ends.

    It keeps the contract of `ectype.adapters.base.Connection`, with `in_transaction` speaking of the application's own.
    """

    __slots__ = ("_closed", "_open", "_outbox")

    def __init__(self, inner: Connection, owner: Ownership) -> None:
        super().__init__(inner, owner)
        self._open = False
        self._closed = False
        self._outbox = Outbox()

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        return self._closed or self._inner.broken

    @property
    def in_transaction(self) -> bool:
        """Whether the application has a transaction open."""
        return self._open and not self.broken

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        count = await super().execute(sql, params, timeout)
        self._outbox.see(sql)
        return count

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements at once."""
        await super().script(sql, timeout)
        self._outbox.see(sql)

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification to the owner's listeners; in the application's transaction it leaves with its end."""
        await super().notify(channel, payload, timeout)
        self._outbox.add(channel, payload)
        if not self._open:
            self._deliver()

    async def cursor(
        self,
        sql: str,
        params: Sequence[object],
        batch: int,
        use: Use,  # noqa: ARG002  # all of an owner's tasks share this connection
        timeout: float | None = None,
    ) -> Cursor:
        """Read the rows of one statement, and give them a batch at a time: a portal would end with its savepoint."""
        return _ReadRows(await self.fetch(sql, params, list, timeout), batch)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open what the application sees as a transaction.

        Raises:
            ConfigError: an isolation that is not the owner's, whose transaction has begun already.
            UnsupportedError: `deferrable`.
        """
        if how.isolation is not None and how.isolation != self._owner.isolation:
            raise ConfigError(
                f"isolation={how.isolation!r} was asked for in the sandbox, where {self._owner.label} has begun with "
                f"{self._owner.isolation!r}",
                hint=f'open the owner with it: `async with sandbox(repo, isolation="{how.isolation}") as owner:`',
            )
        if how.deferrable:
            raise UnsupportedError(
                "deferrable=True is not known to the sandbox: the owner's transaction has begun already",
                hint="test what needs it on a `Repo(url)` without `sandbox=True`, and clean up behind it",
            )
        sql = f"SAVEPOINT {_TRANSACTION}"
        self._open = True
        try:
            await self._begin(f"{sql}; SET TRANSACTION READ ONLY" if how.read_only else sql, timeout)
        except EctypeError:
            self._open = False
            raise

    async def commit(self, timeout: float | None = None) -> None:
        """Check what a COMMIT would check, and keep the work until the owner ends; else undo it and raise."""
        try:
            await self._keep(_TRANSACTION, timeout)
            self._deliver()
        finally:
            self._open = False
            self._outbox.empty()

    async def transaction(self, timeout: float | None = None) -> str | None:  # noqa: ARG002  # nobody is asked
        """Return no id: what the owner writes is rolled back in the end, whatever becomes of this transaction."""
        return None

    async def committed(self, transaction: str | None, timeout: float) -> bool:  # noqa: ARG002  # nobody is asked
        """Return that it is not stored: where the connection is lost, all that its owner wrote is."""
        return False

    async def rollback(self, timeout: float | None = None) -> None:
        """Undo what the application's transaction did."""
        try:
            await self._undo(_TRANSACTION, SAVEPOINT_SECONDS if timeout is None else timeout)
        finally:
            self._open = False
            self._outbox.empty()

    async def reset(self, timeout: float | None = None) -> None:
        """Undo what SQL text may have changed in the session."""
        await self._run(self._inner.reset, timeout)
        await self._owner.introduce()

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ARG002  # nothing here takes time
        """Take no more statements; the owner gives the connection itself back."""
        self._closed = True

    def _deliver(self) -> None:
        for channel, payload in self._outbox.empty():
            self._owner.send(channel, payload)

    async def _run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: Any) -> T:
        if self._open:
            return await self._watched(call, timeout, args)
        await self._begin(f"SAVEPOINT {_STATEMENT}", SAVEPOINT_SECONDS, _STATEMENT)
        try:
            result = await self._watched(call, timeout, args)
        except BaseException:
            await steadily(self._undo(_STATEMENT, SAVEPOINT_SECONDS))
            raise
        await steadily(self._keep(_STATEMENT, timeout))
        return result

    async def _watched(self, call: Callable[..., Awaitable[T]], timeout: float | None, args: tuple[Any, ...]) -> T:
        watch = None if timeout is None else self._owner.watch(timeout)
        try:
            return await super()._run(call, timeout, *args)
        except OwnershipError:
            raise
        except EctypeError as exc:
            error = self._explained(exc)
            if watch is not None:
                error = await watch.explained(error)
            if error is exc:
                raise
            raise error from exc.__cause__
        finally:
            if watch is not None:
                watch.stop()

    async def _begin(self, sql: str, timeout: float | None, savepoint: str | None = None) -> None:
        try:
            await steadily(self._inner.script(sql, timeout))
        except asyncio.CancelledError:
            if savepoint is not None:
                await steadily(self._undo(savepoint, SAVEPOINT_SECONDS))
            raise
        except EctypeError as exc:
            # Whether the savepoint is there, nobody knows.
            self._inner.terminate()
            raise self._owner.ended_error() or exc from exc

    async def _keep(self, savepoint: str, timeout: float | None) -> None:
        try:
            await self._watched(self._inner.script, timeout, (f"{_KEEP}RELEASE SAVEPOINT {savepoint}",))
        except BaseException:
            await steadily(self._undo(savepoint, SAVEPOINT_SECONDS))
            raise

    async def _undo(self, savepoint: str, timeout: float) -> None:
        if self._inner.broken:
            return
        try:
            await self._inner.script(f"ROLLBACK TO SAVEPOINT {savepoint}; RELEASE SAVEPOINT {savepoint}", timeout)
        except EctypeError:
            self._inner.terminate()

    def _explained(self, exc: EctypeError) -> EctypeError:
        if not isinstance(exc, DatabaseError):
            return exc
        if exc.sqlstate == DEADLOCK:
            return self._owner.deadlocked(exc)
        if exc.sqlstate == _NOT_IN_A_TRANSACTION:
            # What PostgreSQL does outside of any transaction only, as VACUUM and CREATE DATABASE.
            return UnsupportedError(
                f"{exc.message} (PostgreSQL), and in the sandbox everything is inside one",
                hint="run it on a `Repo(url)` without `sandbox=True`, as in the set-up of the tests, and undo it "
                "afterwards",
            )
        return exc


class _ReadRows:
    """Rows that have been read. See `ectype.adapters.base.Cursor` for the contract."""

    __slots__ = ("_batch", "_rows")

    def __init__(self, rows: list[Any], batch: int) -> None:
        self._rows = deque(rows)
        self._batch = batch

    async def fetch(self, load: Callable[[list[Any]], T], timeout: float | None = None) -> T:  # noqa: ARG002  # no wait
        """Return `load(rows)` of the next batch."""
        rows = self._rows
        return load([rows.popleft() for _ in range(min(self._batch, len(rows)))])

    async def close(self, timeout: float | None = None) -> None:  # noqa: ARG002  # nothing here takes time
        """Let go of what has not been read."""
        self.forget()

    def forget(self) -> None:
        """Let go of what has not been read."""
        self._rows.clear()
