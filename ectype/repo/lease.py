"""The connection of one transaction, on loan from the pool."""

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from ectype.adapters.base import Begin, Connection
from ectype.adapters.call_site import of_caller
from ectype.adapters.pool import Pool
from ectype.errors import ConnectError, EctypeError

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
    """

    __slots__ = ("_busy", "_idle", "_out", "_pool", "connection", "loop", "reset", "timeout")

    def __init__(self, pool: Pool, connection: Connection, *, timeout: float | None, loop: AbstractEventLoop) -> None:
        self._pool = pool
        self.connection = connection
        self.timeout = timeout
        self.loop = loop
        self.reset = False
        self._busy = False
        self._idle: Future[None] | None = None
        self._out = True
        pool.note_site(connection, of_caller())

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

    async def roll_back(self, end: float | None) -> None:
        """Roll the transaction back, or cut the connection, which does it too. Raises nothing.

        Past `end`, a time of the event loop, the caller does not wait: the pool rolls back what comes back open.
        """
        connection = self.connection
        try:
            await self.quiet()
            seconds = self.rollback_seconds if end is None else min(self.rollback_seconds, end - self.loop.time())
            if not connection.broken and seconds > 0:
                await self.run(connection.rollback, seconds)
        except (EctypeError, asyncio.CancelledError):
            connection.terminate()

    def drop(self) -> None:
        """Have the connection cut, unless it is back: whoever was to end this is gone. Any thread may call it."""
        if self._out:
            self._pool.reclaim(self.connection)

    def end(self) -> None:
        """Give the connection back."""
        self._out = False
        self._pool.release(self.connection, reset=self.reset)


async def take(pool: Pool, how: Begin, *, timeout: float | None, limit: float | None) -> Lease:
    """Take a connection and open a transaction on it.

    Args:
        pool: where the connection comes from and goes back to.
        how: how the transaction begins.
        timeout: what `Lease.timeout` will say.
        limit: how many seconds this may take; None for no deadline but the pool's.
    """
    started = monotonic()
    # Before the event loop is: in a forked child, where none runs, the pool says what is wrong.
    connection = pool.try_acquire()
    if connection is not None:
        # When it has died while it lay idle, nothing has run on it, and another serves as well.
        with suppress(ConnectError):
            return await _begun(pool, connection, how, limit, timeout)
    left = UNBOUNDED_SECONDS if limit is None else max(0.0, limit - (monotonic() - started))
    connection = await pool.acquire(left)
    return await _begun(
        pool, connection, how, None if limit is None else max(0.0, limit - (monotonic() - started)), timeout
    )


async def _begun(pool: Pool, connection: Connection, how: Begin, limit: float | None, timeout: float | None) -> Lease:
    try:
        await connection.begin(how, limit)
    except BaseException:
        # The pool rolls back what a BEGIN left open whose caller went away.
        pool.release(connection)
        raise
    return Lease(pool, connection, timeout=timeout, loop=asyncio.get_running_loop())
