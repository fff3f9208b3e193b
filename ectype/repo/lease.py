"""The connection of one transaction, on loan from the pool."""

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from ectype.adapters.base import Begin, Connection
from ectype.adapters.pool import Pool
from ectype.errors import EctypeError
from ectype.repo.observer import Teller, Watch

T = TypeVar("T")

UNBOUNDED_SECONDS = 15.0
"""The deadline of what must have one (a connection, a rollback) in a session that has none."""
ROLLBACK_SECONDS = 5.0


class Lease:
    """A connection with a transaction open, shared by the transaction and its savepoints.

    Attributes:
        connection: the connection.
        timeout: the deadline, in seconds, of a statement that says none.
        loop: the event loop that all this happens in.
        reset: whether SQL text of the user's may have changed the connection's session.
        teller: what tells of the statements that are the transaction's own.
    """

    __slots__ = ("_busy", "_idle", "_pool", "connection", "loop", "reset", "teller", "timeout")

    def __init__(
        self, pool: Pool, connection: Connection, teller: Teller, *, timeout: float | None, loop: AbstractEventLoop
    ) -> None:
        self._pool = pool
        self.teller = teller
        self.connection = connection
        self.timeout = timeout
        self.loop = loop
        self.reset = False
        self._busy = False
        self._idle: Future[None] | None = None

    @property
    def rollback_seconds(self) -> float:
        """The deadline of a rollback: short, since a connection that is cut is rolled back too."""
        return ROLLBACK_SECONDS if self.timeout is None else min(self.timeout, ROLLBACK_SECONDS)

    async def run(self, call: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run one call of the connection; nobody else runs one meanwhile."""
        self._busy = True
        try:
            return await call(*args)
        finally:
            self._busy = False
            if self._idle is not None:
                self._idle.set_result(None)
                self._idle = None

    async def control(self, operation: str, sql: str, call: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a statement that is the transaction's own, as COMMIT, and tell of it."""
        watch = self.teller.watch()
        if watch is None:
            return await self.run(call, *args)
        return await self.teller.tell(watch, operation, sql, self.run(watch.around(call), *args))

    async def quiet(self) -> None:
        """Wait for the end of the call that runs, until a deadline; past it the connection is cut."""
        end = self.loop.time() + (UNBOUNDED_SECONDS if self.timeout is None else self.timeout)
        while self._busy:
            if self._idle is None:
                self._idle = self.loop.create_future()
            done, _ = await asyncio.wait({self._idle}, timeout=max(0.0, end - self.loop.time()))
            if not done:
                self.connection.terminate()
                return

    async def roll_back(self) -> None:
        """Roll the transaction back, or cut the connection, which does it too. Raises nothing."""
        connection = self.connection
        try:
            await self.quiet()
            if not connection.broken:
                await self.control("ROLLBACK", "ROLLBACK", connection.rollback, self.rollback_seconds)
        except (EctypeError, asyncio.CancelledError):
            connection.terminate()

    def end(self) -> None:
        """Give the connection back."""
        self._pool.release(self.connection, reset=self.reset)


async def take(pool: Pool, how: Begin, teller: Teller, *, timeout: float | None, limit: float | None) -> Lease:
    """Take a connection and open a transaction on it.

    Args:
        pool: where the connection comes from and goes back to.
        how: how the transaction begins.
        teller: what tells of its statements.
        timeout: what `Lease.timeout` will say.
        limit: how many seconds this may take; None for no deadline but the pool's.
    """
    loop = asyncio.get_running_loop()
    watch = teller.watch()
    if watch is None:
        connection = await _begun(pool, how, limit, None)
    else:
        connection = await teller.tell(watch, "BEGIN", pool.begin_text(how), _begun(pool, how, limit, watch))
    return Lease(pool, connection, teller, timeout=timeout, loop=loop)


async def _begun(pool: Pool, how: Begin, limit: float | None, watch: Watch | None) -> Connection:
    connection = pool.try_acquire()
    if connection is None:
        started = monotonic()
        connection = await pool.acquire(UNBOUNDED_SECONDS if limit is None else limit)
        limit = None if limit is None else max(0.0, limit - (monotonic() - started))
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
