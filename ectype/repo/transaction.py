"""The session: how every statement of a repo finds its connection, and the only task-local state there is.

A `transaction()` block is a scope. The tasks that are started inside it find the scope through a ContextVar and work
in it too, one statement at a time; what runs outside takes a connection of its own.
"""

from __future__ import annotations

import asyncio
from asyncio import Task
from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, TypeVar, cast, get_args

from ectype.adapters.base import Begin, Connection, CopyFormat, Cursor, Isolation
from ectype.adapters.connections import Connections
from ectype.errors import ConfigError, ConnectError, TransactionClosedError, did_you_mean
from ectype.repo.after_commit import Callback, check_callback, start
from ectype.repo.block import PLAIN, Savepoint, Transaction
from ectype.repo.call import Call
from ectype.repo.chain import Link, living, of_others, without
from ectype.repo.checkout import Checkout, Hold
from ectype.repo.hooks import PrepareTransaction, prepared_transaction
from ectype.repo.lease import UNBOUNDED_SECONDS, take
from ectype.repo.observer import Observer, Watch
from ectype.repo.scope import Scope
from ectype.repo.sharing import Shared, State
from ectype.repo.transact import transact

T = TypeVar("T")

DEFERRED = Begin(deferred=True)
"""How the transaction of a cursor begins."""

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
        observer: what tells of BEGIN, COMMIT and their like.
        read_only: whether its transactions only read.
        prepare_transaction: the hook that the options of each transaction go through.
    """

    prepare_transaction: PrepareTransaction | None = None

    def __init__(
        self,
        pool: Connections,
        *,
        timeout: float | None = 15.0,
        observer: Observer | None = None,
        read_only: bool = False,
    ) -> None:
        self.pool = pool
        self.timeout = timeout
        self.observer = Observer() if observer is None else observer
        self.read_only = read_only
        self._callbacks: set[Task[None]] = set()

    @property
    def in_transaction(self) -> bool:
        """Whether a statement here would run in an open transaction."""
        return isinstance(self._find(), Scope)

    @property
    def checked_out(self) -> bool:
        """Whether a statement here would run on a connection that is held: by a transaction or a checkout."""
        return self._find() is not None

    async def fetch(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
        *,
        reset: bool = False,
        watch: Watch | None = None,
    ) -> T:
        """Run one statement and return `load(rows)`.

        Args:
            sql: the statement.
            params: its parameters, dumped.
            load: makes the result from the driver's rows.
            timeout: seconds; None for the session's.
            reset: whether the text is the user's, so that it may have changed the connection's session.
            watch: takes the time of it; None where nobody wants to know.
        """
        if timeout is None:
            timeout = self.timeout
        if _chain.get() is not None:
            place = self.place()
            if place is not None:
                place.lease.reset |= reset
                call = place.lease.connection.fetch
                return await place.run(_inside(watch, place, call), timeout, sql, params, load)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        started = monotonic()
        try:
            if watch is None:
                return await connection.fetch(sql, params, load, timeout)
            return await self._timed(watch, connection, connection.fetch)(sql, params, load, timeout)
        except ConnectError as exc:
            # It died while it lay idle, most likely. A query of ours only reads, so it may run twice; nothing else may.
            if not exc.unsent and (reset or not sql.startswith("SELECT")):
                raise
        finally:
            self.pool.release(connection, reset=reset)
        end = None if timeout is None else started + timeout
        return await self._again(watch, lambda one: one.fetch, end, (sql, params, load), reset=reset)

    def write(
        self,
        sql: str,
        marked: str | None,
        params: Sequence[object],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
        *,
        watch: Watch | None = None,
    ) -> Awaitable[T]:
        """Run one writing statement that returns rows, and return `load(rows)`.

        Args:
            sql: the statement.
            marked: the same with the id of its transaction as a last column; None where there is no such text.
            params: as for `fetch`, and so are the others.
            load: see there.
            timeout: see there.
            watch: see there.
        """
        if _chain.get() is not None:
            place = self.place()
            if place is not None:
                lease = place.lease
                if timeout is None:
                    timeout = self.timeout
                if marked is None or lease.transaction is not None:
                    lease.wrote = True
                    return place.run(_inside(watch, place, lease.connection.fetch), timeout, sql, params, load)
                return place.run(_inside(watch, place, lease.fetch_marked), timeout, marked, params, load)
        return self.fetch(sql, params, load, timeout, watch=watch)

    async def execute(
        self,
        sql: str,
        params: Sequence[object] = (),
        timeout: float | None = None,
        *,
        reset: bool = False,
        marked: str | None = None,
        watch: Watch | None = None,
    ) -> int:
        """Run one statement and return how many rows it wrote; the arguments are those of `fetch` and `write`."""
        if timeout is None:
            timeout = self.timeout
        if _chain.get() is not None:
            place = self.place()
            if place is not None:
                lease = place.lease
                lease.reset |= reset
                if marked is None or lease.transaction is not None:
                    lease.wrote = True
                    return await place.run(_inside(watch, place, lease.connection.execute), timeout, sql, params)
                return await place.run(_inside(watch, place, lease.execute_marked), timeout, marked, params)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        started = monotonic()
        try:
            return await self._timed(watch, connection, connection.execute)(sql, params, timeout)
        except ConnectError as exc:
            if not exc.unsent:
                raise
        finally:
            self.pool.release(connection, reset=reset)
        end = None if timeout is None else started + timeout
        return await self._again(watch, lambda one: one.execute, end, (sql, params), reset=reset)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement once a row of parameters, all or nothing; return how many rows were written."""
        return await self.run(lambda connection: connection.execute_many, timeout, sql, rows)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, in order; return `load` of all their rows."""
        return await self.run(
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
        return await self.run(
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
        watch: Watch | None = None,
    ) -> int:
        """Send rows of dumped values to a table by COPY, all or none, and return how many.

        Raises UnsupportedError where the database has no COPY.
        """

        def call(connection: Connection) -> Callable[..., Awaitable[int]]:
            return partial(connection.copy_in, prefix=prefix, as_text=as_text)

        return await self.run(call, timeout, table, columns, records, watch=watch)

    async def copy_out(
        self,
        sql: str,
        params: Sequence[object],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        timeout: float | None = None,
        *,
        watch: Watch | None = None,
    ) -> int:
        """Send the rows of one query to `write` by COPY, piece by piece, and return how many.

        Raises UnsupportedError where the database has no COPY.
        """
        return await self.run(lambda connection: connection.copy_out, timeout, sql, params, write, form, watch=watch)

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification; in a transaction it leaves with the commit."""
        await self.run(lambda connection: connection.notify, timeout, channel, payload)

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, timeout: float | None = None
    ) -> tuple[Cursor, Scope | None, bool]:
        """Begin to read the rows of a statement, `batch` at a time; the arguments are those of `fetch`.

        Returns:
            The cursor; the scope that it reads in, None where it needs no connection any more; and whether that is one
            of its own, which the caller ends.
        """
        if timeout is None:
            timeout = self.timeout
        scope = self.scope()
        if scope is not None:
            return await scope.run(scope.lease.connection.cursor, timeout, sql, params, batch, "shared"), scope, False
        if self.pool.single:
            # While its only connection were out, nothing else could run.
            kept = await self.run(
                lambda connection: cast("Callable[..., Awaitable[Cursor]]", connection.cursor),
                timeout,
                sql,
                params,
                batch,
                "shared",
            )
            return kept, None, False
        teller = self.observer.teller(None)
        own = Scope(await take(self.pool, DEFERRED, teller, timeout=self.timeout, limit=timeout))
        try:
            return await own.run(own.lease.connection.cursor, timeout, sql, params, batch, "alone"), own, True
        except BaseException:
            await own.undo()
            raise

    def free(self, wanted: int) -> list[Connection]:
        """Take connections that lie free, without waiting for one: two or more, up to `wanted`, or none at all.

        In a transaction or a checkout it is none. Each goes back to the pool when its work is done.
        """
        if self.place() is not None or self.pool.single:
            return []
        found: list[Connection] = []
        while len(found) < wanted and (one := self.pool.try_acquire()) is not None:
            found.append(one)
        if len(found) == 1:
            self.pool.release(found.pop())
        return found

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run text that may hold several statements and has no parameters; the connection is reset after it."""
        await self.run(lambda connection: connection.script, timeout, sql, reset=True)

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        call: Call | None = None,
    ) -> Transaction:
        """Return the block that commits when it ends, and rolls back when an exception leaves it.

        Args:
            isolation: the level; None for the database's default.
            read_only: whether it only reads (SQLite: BEGIN DEFERRED instead of IMMEDIATE).
            deferrable: whether a serializable read-only one may wait for a safe snapshot (PostgreSQL).
            timeout: seconds that the whole block may take: its statements and its COMMIT get what is left of them.
            call: the options by which BEGIN and COMMIT are told of; None for the repo's own.

        Raises:
            ConfigError: `isolation` is no level; or, on entering, an option was given inside an open transaction.
            UnsupportedError: on entering, the database does not have what was asked for.
        """
        if isolation is not None and isolation not in _ISOLATIONS:
            raise ConfigError(
                f"isolation={isolation!r} is no isolation level", hint=did_you_mean(str(isolation), _ISOLATIONS)
            )
        plain = isolation is None and not read_only and not deferrable
        return Transaction(self, PLAIN if plain else Begin(isolation, read_only, deferrable), timeout, call)

    def checkout(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[None, None]:
        """Return a block that holds one connection for the statements in it, each of which is stored by itself.

        Args:
            timeout: seconds that the wait for a connection may take; None for the session's.
        """
        return Checkout(self, timeout)

    def savepoint(self) -> AbstractAsyncContextManager[None, None]:
        """Return a block that is a savepoint inside a transaction, and nothing outside one."""
        return Savepoint(self)

    async def transact(
        self,
        work: Callable[..., Awaitable[Any]],
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
        call: Call | None = None,
    ) -> Any:
        """Run `await work()`, or `await work(tx)` if it needs an argument, in a transaction; return what it returns.

        A result whose class says `rolls_back = True` rolls back, and is returned. `tx.rollback(value)` makes the
        result `RolledBack(value)`.

        Args:
            work: an async function; it is called anew for each try.
            isolation: as for `transaction`, and so are `read_only` and `deferrable`.
            read_only: see there.
            deferrable: see there.
            timeout: seconds that all tries may take together, with the waits between them.
            retries: how often to try again after a serialization failure, a deadlock or a lock that was not free, each
                time after a random wait that grows.
            call: as for `transaction`.

        Raises:
            ConfigError: `isolation` or `retries` inside an open transaction; or `work` is not async.
        """
        if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise ConfigError(f"retries={retries!r} is no count of further tries", hint="say 0 or more")
        if retries and self.scope() is not None:
            raise ConfigError(
                f"retries={retries} cannot be given inside an open transaction: a part cannot be tried again alone",
                hint="give it to the outermost `transact`",
            )

        def begin(left: float | None) -> Transaction:
            return self.transaction(
                isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=left, call=call
            )

        return await transact(begin, work, retries=retries, timeout=timeout)

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
        check_callback(callback, "after_commit")
        scope = self.scope()
        if scope is not None:
            scope.callbacks.append(callback)
            return
        left = start(callback)
        if left is not None:
            task = asyncio.get_running_loop().create_task(left)
            self._callbacks.add(task)
            task.add_done_callback(self._callbacks.discard)

    def after_rollback(self, callback: Callback) -> None:
        """Call `callback` once the block that is open here, or one around it, has been rolled back.

        Callbacks may be async. They run in order, in the task that leaves the block, when the block is undone; those
        of a failed try of `transact` run too. None runs after a commit, nor when nobody knows whether COMMIT happened,
        and outside a transaction there is nothing to roll back. One that raises is reported as for `after_commit`.

        Raises:
            TransactionClosedError: the transaction of this task has ended without it.
        """
        check_callback(callback, "after_rollback")
        scope = self.scope()
        if scope is not None:
            scope.undoings.append(callback)

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
        """Return the transaction that is open here; the errors are those of `place`."""
        found = self.place()
        return found if isinstance(found, Scope) else None

    def hold(self) -> Hold | None:
        """Return the checkout that is open here, where no transaction is open in it."""
        found = self.place()
        return found if isinstance(found, Hold) else None

    def place(self) -> Scope | Hold | None:
        """Return the block that a statement here belongs in; None when it takes a connection of its own.

        Raises:
            TransactionClosedError: this task ran a statement in a block that has ended without it.
        """
        link = _chain.get()
        while link is not None:
            if link.owner is self:
                scope = cast("Scope | Hold | None", link.scope)
                if scope is None or scope.state is not State.CLOSED:
                    return scope
                task = asyncio.current_task()
                if scope.outlived_by(task):
                    raise scope.closed(task)
            link = link.below
        return None

    def prepared(self, how: Begin, timeout: float | None) -> tuple[Begin, float | None]:
        """Return how a transaction begins here, and how many seconds it may take: what the hook says, and the kind."""
        if self.prepare_transaction is not None:
            how, timeout = prepared_transaction(self.prepare_transaction, how, timeout)
        return (replace(how, read_only=True) if self.read_only else how), timeout

    def enter(self, scope: Shared) -> None:
        """Let the statements of this task, and of those that it starts, go to `scope`."""
        _chain.set(Link(self, scope, living(_chain.get())))

    def leave(self, scope: Shared) -> None:
        """Let the statements of this task go where they went before `enter`."""
        _chain.set(without(_chain.get(), scope))

    def _find(self) -> Scope | Hold | None:
        try:
            return self.place()
        except TransactionClosedError:
            return None

    async def run(
        self,
        call: Callable[[Connection], Callable[..., Awaitable[T]]],
        timeout: float | None,
        *args: object,
        reset: bool = False,
        watch: Watch | None = None,
    ) -> T:
        """Run one call of the connection that a statement here belongs on, `call(connection)(*args, timeout)`.

        `reset` is that of `fetch`; `watch` takes the time of it.
        """
        if timeout is None:
            timeout = self.timeout
        place = self.place()
        if place is not None:
            place.lease.reset |= reset
            place.lease.wrote = True
            made = call(place.lease.connection)
            return await place.run(_inside(watch, place, made), timeout, *args)
        connection = self.pool.try_acquire()
        if connection is None:
            connection, timeout = await self._acquire(timeout)
        try:
            return await self._timed(watch, connection, call(connection))(*args, timeout)
        finally:
            self.pool.release(connection, reset=reset)

    async def _again(
        self,
        watch: Watch | None,
        call: Callable[[Connection], Callable[..., Awaitable[Any]]],
        end: float | None,
        args: tuple[Any, ...],
        *,
        reset: bool,
    ) -> Any:
        """Run a statement on another connection, and on others while they turn out to be lost before it is sent.

        They may all have died, each at its own moment, and a new connection is only made when they are used up.
        """
        lost = 0
        while True:
            connection, seconds = await self._acquire(None if end is None else max(0.0, end - monotonic()))
            try:
                return await self._timed(watch, connection, call(connection))(*args, seconds)
            except ConnectError as exc:
                lost += 1
                if not exc.unsent or lost >= self.pool.report().size:
                    raise
            finally:
                self.pool.release(connection, reset=reset)

    def _timed(
        self, watch: Watch | None, connection: Connection, call: Callable[..., Awaitable[T]]
    ) -> Callable[..., Awaitable[T]]:
        """Return a call of a connection from the pool that notes its times, where somebody wants to know them."""
        if watch is None:
            return call
        watch.idle = self.pool.idle_of(connection)
        return watch.around(call)

    async def _acquire(self, timeout: float | None) -> tuple[Connection, float | None]:
        if timeout is None:
            return await self.pool.acquire(UNBOUNDED_SECONDS), None
        started = monotonic()
        connection = await self.pool.acquire(timeout)
        return connection, max(0.0, timeout - (monotonic() - started))


def _inside(watch: Watch | None, place: Scope | Hold, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Return a call of a block's connection that notes its times, where somebody wants to know them."""
    if watch is None:
        return call
    if isinstance(place, Scope):
        watch.transaction = place.lease.teller.number
    return watch.around(call)
