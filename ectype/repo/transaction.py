"""The session: how every statement of a repo finds its connection, and the only task-local state there is.

A `transaction()` block is a scope. The tasks that are started inside it find the scope through a ContextVar and work
in it too, one statement at a time; what runs outside takes a connection of its own.
"""

import asyncio
from asyncio import Task
from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import Any, TypeVar, cast, get_args, overload

from ectype.adapters.base import Begin, Connection, CopyFormat, Isolation
from ectype.adapters.pool import Pool
from ectype.errors import ConfigError, TransactionClosedError, did_you_mean
from ectype.repo.after_commit import Callback, start
from ectype.repo.block import PLAIN, RolledBack, Savepoint, Transaction
from ectype.repo.chain import Link, living, of_others, without
from ectype.repo.lease import UNBOUNDED_SECONDS
from ectype.repo.scope import Scope, State, closed
from ectype.repo.transact import transact

T = TypeVar("T")

_ISOLATIONS: tuple[str, ...] = get_args(Isolation)
_chain: ContextVar[Link | None] = ContextVar("ectype_scopes", default=None)


class Session:
    """Runs the statements of one repo, each on the connection it belongs on.

    Inside a `transaction()` that is the transaction's connection, also for the tasks that were started there, one
    statement at a time; outside it is one from the pool, for that statement.

    A statement raises what `ectype.adapters.base.Connection` says; PoolTimeoutError when no connection is free in
    time; and in a transaction DeadlineError when its turn does not come in time, TransactionAbortedError after an
    error, TransactionClosedError when its transaction has ended without it.

    Attributes:
        pool: where connections come from.
        timeout: the deadline in seconds, wait for a connection included, of a call that says none; None for none.
    """

    def __init__(self, pool: Pool, *, timeout: float | None = 15.0) -> None:
        self.pool = pool
        self.timeout = timeout
        self._callbacks: set[Task[None]] = set()

    @property
    def in_transaction(self) -> bool:
        """Whether a statement here would run in an open transaction."""
        return self._find() is not None

    async def fetch(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
        *,
        reset: bool = False,
    ) -> T:
        """Run one statement and return `load(rows)`.

        Args:
            sql: the statement.
            params: its parameters, dumped.
            load: makes the result from the driver's rows.
            timeout: seconds; None for the session's.
            reset: whether the text is the user's, so that it may have changed the connection's session.
        """
        if timeout is None:
            timeout = self.timeout
        if _chain.get() is not None:
            scope = self.scope()
            if scope is not None:
                scope.lease.reset |= reset
                return await scope.run(scope.lease.connection.fetch, timeout, sql, params, load)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        try:
            return await connection.fetch(sql, params, load, timeout)
        finally:
            self.pool.release(connection, reset=reset)

    async def execute(
        self, sql: str, params: Sequence[object] = (), timeout: float | None = None, *, reset: bool = False
    ) -> int:
        """Run one statement and return how many rows it wrote; the arguments are those of `fetch`."""
        if timeout is None:
            timeout = self.timeout
        if _chain.get() is not None:
            scope = self.scope()
            if scope is not None:
                scope.lease.reset |= reset
                return await scope.run(scope.lease.connection.execute, timeout, sql, params)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        try:
            return await connection.execute(sql, params, timeout)
        finally:
            self.pool.release(connection, reset=reset)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement once a row of parameters, all or nothing; return how many rows were written."""
        return await self._run(lambda connection: connection.execute_many, timeout, sql, rows)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, in order; return `load` of all their rows."""
        return await self._run(
            lambda connection: cast("Callable[..., Awaitable[T]]", connection.fetch_many), timeout, sql, rows, load
        )

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
        *,
        reset: bool = False,
    ) -> T:
        """Run one statement of the user's and return `load(columns, rows, count)`; `reset` is that of `fetch`."""
        return await self._run(
            lambda connection: cast("Callable[..., Awaitable[T]]", connection.query),
            timeout,
            sql,
            params,
            load,
            reset=reset,
        )

    async def copy_in(
        self,
        table: str,
        columns: Sequence[str],
        records: Iterable[Sequence[object]] | AsyncIterable[Sequence[object]],
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        as_text: bool = False,
    ) -> int:
        """Send rows of dumped values to a table by COPY, all or none, and return how many.

        Raises UnsupportedError where the database has no COPY.
        """

        def call(connection: Connection) -> Callable[..., Awaitable[int]]:
            return partial(connection.copy_in, prefix=prefix, as_text=as_text)

        return await self._run(call, timeout, table, columns, records)

    async def copy_out(
        self,
        sql: str,
        params: Sequence[object],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        timeout: float | None = None,
    ) -> int:
        """Send the rows of one query to `write` by COPY, piece by piece, and return how many.

        Raises UnsupportedError where the database has no COPY.
        """
        return await self._run(lambda connection: connection.copy_out, timeout, sql, params, write, form)

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification; in a transaction it leaves with the commit."""
        await self._run(lambda connection: connection.notify, timeout, channel, payload)

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run text that may hold several statements and has no parameters; the connection is reset after it."""
        await self._run(lambda connection: connection.script, timeout, sql, reset=True)

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
    ) -> Transaction:
        """Return the block that commits when it ends, and rolls back when an exception leaves it.

        Args:
            isolation: the level; None for the database's default.
            read_only: whether it only reads (SQLite: BEGIN DEFERRED instead of IMMEDIATE).
            deferrable: whether a serializable read-only one may wait for a safe snapshot (PostgreSQL).
            timeout: seconds that the whole block may take: its statements and its COMMIT get what is left of them.

        Raises:
            ConfigError: `isolation` is no level; or, on entering, an option was given inside an open transaction.
            UnsupportedError: on entering, the database does not have what was asked for.
        """
        if isolation is not None and isolation not in _ISOLATIONS:
            raise ConfigError(
                f"isolation={isolation!r} is no isolation level", hint=did_you_mean(str(isolation), _ISOLATIONS)
            )
        plain = isolation is None and not read_only and not deferrable
        return Transaction(self, PLAIN if plain else Begin(isolation, read_only, deferrable), timeout)

    def savepoint(self) -> AbstractAsyncContextManager[None, None]:
        """Return a block that is a savepoint inside a transaction, and nothing outside one."""
        return Savepoint(self)

    @overload
    async def transact(
        self, work: Callable[[], Awaitable[T]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> T: ...

    @overload
    async def transact(
        self, work: Callable[[Transaction], Awaitable[T]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> T | RolledBack: ...

    async def transact(
        self, work: Callable[..., Awaitable[Any]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> Any:
        """Run `await work()`, or `await work(tx)` if it needs an argument, in a transaction; return what it returns.

        A result whose class says `rolls_back = True` rolls back, and is returned. `tx.rollback(value)` makes the
        result `RolledBack(value)`.

        Args:
            work: an async function; it is called anew for each try.
            isolation: as for `transaction`.
            retries: how often to try again after a serialization failure or a deadlock, each time after a random
                wait that grows.

        Raises:
            ConfigError: `isolation` or `retries` inside an open transaction; or `work` is not async.
        """
        if retries and self.scope() is not None:
            raise ConfigError(
                f"retries={retries} cannot be given inside an open transaction: a part cannot be tried again alone",
                hint="give it to the outermost `transact`",
            )
        return await transact(lambda: self.transaction(isolation=isolation), work, retries=retries)

    def after_commit(self, callback: Callback) -> None:
        """Call `callback` once the open transaction is committed; outside a transaction at once.

        Callbacks may be async. They run in order, in the task that commits, when the connection is back in the pool;
        none runs when its block, or one around it, is rolled back, or when nobody knows whether COMMIT happened. One
        that raises is reported (RuntimeWarning, event `ectype.repo.after_commit_error`) and changes nothing.

        Outside a transaction an async callback becomes a task of the session's, which `close` awaits.

        Raises:
            TransactionClosedError: the transaction of this task has ended without it.
            ConfigError: an async callback outside a transaction and outside an event loop.
        """
        scope = self.scope()
        if scope is not None:
            scope.callbacks.append(callback)
            return
        left = start(callback)
        if left is not None:
            task = asyncio.get_running_loop().create_task(left)
            self._callbacks.add(task)
            task.add_done_callback(self._callbacks.discard)

    @contextmanager
    def detached(self) -> Generator[None]:
        """Let the code of the block, and the tasks that it starts, work outside the open transaction."""
        before = _chain.get()
        outside = Link(self, None, of_others(before, self))
        _chain.set(outside)
        try:
            yield
        finally:
            # A block that ends in another context than it began in finds that one's chain, and leaves it alone.
            if _chain.get() is outside:
                _chain.set(before)

    async def close(self, timeout: float = 5.0) -> None:
        """Await the async callbacks that still run; past the deadline, in seconds, they are cancelled."""
        if not self._callbacks:
            return
        _, late = await asyncio.wait(self._callbacks, timeout=timeout)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def scope(self) -> Scope | None:
        """Return the scope that a statement here belongs in; None when it takes a connection of its own.

        Raises:
            TransactionClosedError: this task ran a statement in a transaction that has ended without it.
        """
        link = _chain.get()
        while link is not None:
            if link.owner is self:
                scope = link.scope
                if scope is None or scope.state is not State.CLOSED:
                    return scope
                task = asyncio.current_task()
                if scope.outlived_by(task):
                    raise closed(task)
            link = link.below
        return None

    def enter(self, scope: Scope) -> None:
        """Let the statements of this task, and of those that it starts, go to `scope`."""
        _chain.set(Link(self, scope, living(_chain.get())))

    def leave(self, scope: Scope) -> None:
        """Let the statements of this task go where they went before `enter`."""
        _chain.set(without(_chain.get(), scope))

    def _find(self) -> Scope | None:
        try:
            return self.scope()
        except TransactionClosedError:
            return None

    async def _run(
        self,
        call: Callable[[Connection], Callable[..., Awaitable[T]]],
        timeout: float | None,
        *args: object,
        reset: bool = False,
    ) -> T:
        if timeout is None:
            timeout = self.timeout
        scope = self.scope()
        if scope is not None:
            scope.lease.reset |= reset
            return await scope.run(call(scope.lease.connection), timeout, *args)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        try:
            return await call(connection)(*args, timeout)
        finally:
            self.pool.release(connection, reset=reset)

    async def _acquire(self, timeout: float | None) -> tuple[Connection, float | None]:
        if timeout is None:
            return await self.pool.acquire(UNBOUNDED_SECONDS), None
        started = monotonic()
        connection = await self.pool.acquire(timeout)
        return connection, max(0.0, timeout - (monotonic() - started))
