"""The connection of one transaction, on loan from the pool."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

from ectype.adapters.base import Begin, Connection
from ectype.adapters.call_site import of_caller
from ectype.adapters.connections import Connections
from ectype.errors import ConnectError, EctypeError
from ectype.repo.idle import EVENT, tell
from ectype.repo.observer import Teller, Watch
from ectype.telemetry import listeners

T = TypeVar("T")

UNBOUNDED_SECONDS = 15.0
"""The deadline of what must have one (a connection, a rollback) in a session that has none."""
ROLLBACK_SECONDS = 5.0


class Lease:
    """A connection with a transaction open, shared by the transaction and its savepoints.

    Attributes:
        pool: where it comes from.
        busy: whether it runs a call.
        connection: the connection.
        timeout: the deadline, in seconds, of a statement that says none.
        loop: the event loop that all this happens in.
        reset: whether SQL text of the user's may have changed the connection's session.
        reads: whether the transaction cannot write.
        rested: when the last call had ended, by the loop's clock, where that is watched; None outside a transaction.
        teller: what tells of the statements that are the transaction's own.
        transaction: the id that the database gave the transaction; None while it is not known.
        wrote: whether something may have been written that did not tell the id.
    """

    __slots__ = (
        "_idle",
        "_out",
        "busy",
        "connection",
        "loop",
        "pool",
        "reads",
        "reset",
        "rested",
        "teller",
        "timeout",
        "transaction",
        "wrote",
    )

    def __init__(
        self,
        pool: Connections,
        connection: Connection,
        teller: Teller,
        *,
        timeout: float | None,
        loop: AbstractEventLoop,
    ) -> None:
        self.pool = pool
        self.teller = teller
        self.connection = connection
        self.timeout = timeout
        self.loop = loop
        self.reads = False
        self.reset = False
        self.rested: float | None = loop.time()
        self.transaction: str | None = None
        self.wrote = False
        self.busy = False
        self._idle: Future[None] | None = None
        self._out = True
        pool.note_site(connection, of_caller())

    @property
    def rollback_seconds(self) -> float:
        """The deadline of a rollback: short, since a connection that is cut is rolled back too."""
        return ROLLBACK_SECONDS if self.timeout is None else min(self.timeout, ROLLBACK_SECONDS)

    async def run(self, call: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run one call of the connection; nobody else runs one meanwhile."""
        watched = self.rested is not None and listeners(EVENT)
        if watched and self.rested is not None:
            tell(self.loop.time() - self.rested)
        self.busy = True
        try:
            return await call(*args)
        finally:
            self.busy = False
            if watched:
                self.rested = self.loop.time()
            if self._idle is not None:
                self._idle.set_result(None)
                self._idle = None

    async def fetch_marked(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None
    ) -> T:
        """Run a write whose rows end with the transaction's id, and return `load` of the rows without it."""
        rows = await self.connection.fetch(sql, params, _as_they_are, timeout)
        self._note(rows)
        return load([row[:-1] for row in rows])

    async def execute_marked(self, sql: str, params: Sequence[object], timeout: float | None) -> int:
        """Run a write whose rows are the transaction's id, and return how many rows were written."""
        rows = await self.connection.fetch(sql, params, _as_they_are, timeout)
        self._note(rows)
        return len(rows)

    async def know(self, timeout: float | None) -> float | None:
        """Ask for the id of the transaction, if it may have written and nothing told it; return the seconds left."""
        if not self.wrote or self.transaction is not None or self.reads:
            return timeout
        started = self.loop.time()
        self.transaction = await self.run(self.connection.transaction, timeout)
        return None if timeout is None else max(0.0, timeout - (self.loop.time() - started))

    def _note(self, rows: list[Any]) -> None:
        if rows:
            self.transaction = rows[0][-1]
        else:
            # No row was written, but a trigger may have.
            self.wrote = True

    async def control(self, operation: str, sql: str, call: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a statement that is the transaction's own, as COMMIT, and tell of it."""
        watch = self.teller.watch()
        if watch is None:
            return await self.run(call, *args)
        return await self.teller.tell(watch, operation, sql, self.run(watch.around(call), *args))

    async def quiet(self) -> None:
        """Wait for the end of the call that runs, until a deadline; past it the connection is cut."""
        end = self.loop.time() + (UNBOUNDED_SECONDS if self.timeout is None else self.timeout)
        while self.busy:
            if self._idle is None:
                self._idle = self.loop.create_future()
            done, _ = await asyncio.wait({self._idle}, timeout=max(0.0, end - self.loop.time()))
            if not done:
                self.connection.terminate()
                return

    async def roll_back(self, end: float | None) -> None:
        """Roll the transaction back, or cut the connection, which does it too. Raises nothing.

        Past `end`, a time of the event loop, the caller does not wait: the pool rolls back what comes back open.
        """
        connection = self.connection
        try:
            await self.quiet()
            seconds = self.rollback_seconds if end is None else min(self.rollback_seconds, end - self.loop.time())
            if not connection.broken and seconds > 0:
                await self.control("ROLLBACK", "ROLLBACK", connection.rollback, seconds)
        except (EctypeError, asyncio.CancelledError):
            connection.terminate()

    def drop(self) -> None:
        """Have the connection cut, unless it is back: whoever was to end this is gone. Any thread may call it."""
        if self._out:
            self.pool.reclaim(self.connection)

    def end(self) -> None:
        """Give the connection back."""
        self._out = False
        self.pool.release(self.connection, reset=self.reset)


def _as_they_are(rows: list[Any]) -> list[Any]:
    return rows


async def take(pool: Connections, how: Begin, teller: Teller, *, timeout: float | None, limit: float | None) -> Lease:
    """Take a connection and open a transaction on it.

    Args:
        pool: where the connection comes from and goes back to.
        how: how the transaction begins.
        teller: what tells of its statements.
        timeout: what `Lease.timeout` will say.
        limit: how many seconds this may take; None for no deadline but the pool's.
    """
    watch = teller.watch()
    running = _taken(pool, how, limit, watch)
    connection = await (running if watch is None else teller.tell(watch, "BEGIN", pool.begin_text(how), running))
    return Lease(pool, connection, teller, timeout=timeout, loop=asyncio.get_running_loop())


async def _taken(pool: Connections, how: Begin, limit: float | None, watch: Watch | None) -> Connection:
    started = monotonic()
    # Before the event loop is: in a forked child, where none runs, the pool says what is wrong.
    connection = pool.try_acquire()
    if connection is not None:
        # When it has died while it lay idle, nothing has run on it, and another serves as well.
        try:
            return await _begun(pool, connection, how, limit, watch)
        except ConnectError:
            pass
    lost = 0
    while True:
        left = UNBOUNDED_SECONDS if limit is None else max(0.0, limit - (monotonic() - started))
        connection = await pool.acquire(left)
        left = None if limit is None else max(0.0, limit - (monotonic() - started))
        try:
            return await _begun(pool, connection, how, left, watch)
        except ConnectError:
            # They may all have died, each at its own moment; a new connection is only made when they are used up.
            lost += 1
            if lost >= pool.report().size:
                raise


async def _begun(
    pool: Connections, connection: Connection, how: Begin, limit: float | None, watch: Watch | None
) -> Connection:
    begin = connection.begin
    if watch is not None:
        watch.idle = pool.idle_of(connection)
        begin = watch.around(begin)
    try:
        await begin(how, limit)
    except BaseException:
        # The pool rolls back what a BEGIN left open whose caller went away.
        pool.release(connection)
        raise
    return connection
