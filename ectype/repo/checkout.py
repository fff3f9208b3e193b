"""A `checkout()` block: one connection for several statements, each of them stored by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, TypeVar, final

from ectype.adapters.base import Begin
from ectype.adapters.connections import Connections
from ectype.errors import TransactionClosedError
from ectype.repo.lease import UNBOUNDED_SECONDS, Lease
from ectype.repo.observer import Observer, Teller, Watch
from ectype.repo.sharing import Shared, State
from ectype.repo.shield import unhindered

T = TypeVar("T")


@final
class Hold(Shared):
    """The connection of one block. A transaction inside it has the turn from BEGIN to COMMIT."""

    __slots__ = ("_unclean",)

    kind = "checkout"

    def __init__(self, lease: Lease) -> None:
        super().__init__(lease)
        # Statements outside a transaction need not tell the id of one.
        lease.transaction = ""
        lease.rested = None
        self._unclean = False

    async def run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: object) -> T:
        """Run `call(*args, timeout)` of the connection when its turn comes.

        Raises:
            DeadlineError: the turn did not come in time.
            TransactionClosedError: the block ended while the call waited.
        """
        timeout = await self._take(timeout)
        try:
            return await self.lease.run(call, *args, timeout)
        finally:
            self.turn.pass_on()

    async def lend(self, how: Begin, limit: float | None, teller: Teller) -> Lease:
        """Take the turn and begin a transaction; the turn comes back when that ends. The errors are those of `run`."""
        limit = await self._take(limit)
        try:
            watch = teller.watch()
            running = self.lease.run(_timed(watch, self.lease.connection.begin), how, limit)
            text = self.lease.pool.begin_text(how)
            await (running if watch is None else teller.tell(watch, "BEGIN", text, running))
        except BaseException:
            # A BEGIN whose caller went away may have been done.
            self.give_back(reset=False)
            raise
        return Borrowed(self, teller)

    def give_back(self, *, reset: bool) -> None:
        """Pass the turn on after a transaction."""
        self.lease.reset |= reset
        self._unclean = self.lease.connection.in_transaction
        self.turn.pass_on()

    async def leave(self) -> bool:
        """Wait for the statement or transaction that runs, and give the connection back.

        Returns whether SQL text has left a transaction open; it is rolled back.

        Raises:
            DeadlineError: that did not end in time; the connection is cut.
        """
        connection = self.lease.connection
        alone = False
        try:
            if self.turn.taken:
                await self.turn.wait(asyncio.current_task(), self.lease.timeout)
            alone = True
        finally:
            self.close()
            if not alone:
                # Another task may be in a transaction on it.
                connection.terminate()
            left_open = connection.in_transaction and not self._unclean
            self.lease.end()
        return left_open

    async def _take(self, timeout: float | None) -> float | None:
        timeout = await self.take_turn(timeout) if self.turn.taken else self.take_free_turn(timeout)
        try:
            await self._ready()
        except BaseException:
            self.turn.pass_on()
            raise
        return timeout

    async def _ready(self) -> None:
        if self.state is State.CLOSED:
            raise self.closed(asyncio.current_task())
        if self._unclean:
            self._unclean = False
            cancelled = await unhindered(self.lease.roll_back(None))
            if cancelled is not None:
                raise cancelled


@final
class Borrowed(Lease):
    """The connection of a transaction inside a checkout, which gets it back."""

    __slots__ = ("_hold",)

    def __init__(self, hold: Hold, teller: Teller) -> None:
        lease = hold.lease
        super().__init__(lease.pool, lease.connection, teller, timeout=lease.timeout, loop=lease.loop)
        self._hold = hold

    def end(self) -> None:
        """Give the connection back to the checkout."""
        self._out = False
        self._hold.give_back(reset=self.reset)


class Place(Protocol):
    """Where a block is entered: a session, in the task that enters it."""

    pool: Connections
    timeout: float | None
    observer: Observer

    def place(self) -> Shared | None:
        """Return the transaction or checkout that is open here."""
        ...

    def enter(self, scope: Shared) -> None:
        """Let the statements of this task, and of those that it starts, go to this block."""
        ...

    def leave(self, scope: Shared) -> None:
        """Let the statements of this task go where they went before `enter`."""
        ...


@final
class Checkout:
    """Holds one connection for its block; inside a transaction or another checkout it is that one's."""

    __slots__ = ("_hold", "_place", "_timeout")

    def __init__(self, place: Place, timeout: float | None = None) -> None:
        self._place = place
        self._timeout = timeout
        self._hold: Hold | None = None

    async def __aenter__(self) -> None:
        if self._hold is not None:
            raise TransactionClosedError(
                "this `checkout()` has been entered before", hint="call `repo.checkout()` anew for each block"
            )
        place = self._place
        if place.place() is not None:
            return
        seconds = place.timeout if self._timeout is None else self._timeout
        connection = place.pool.try_acquire()
        if connection is None:
            connection = await place.pool.acquire(UNBOUNDED_SECONDS if seconds is None else seconds)
        loop = asyncio.get_running_loop()
        teller = place.observer.teller(None)
        self._hold = Hold(Lease(place.pool, connection, teller, timeout=place.timeout, loop=loop))
        place.enter(self._hold)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        hold = self._hold
        if hold is None:
            return
        try:
            left_open = await hold.leave()
        finally:
            self._place.leave(hold)
        if left_open and exc is None:
            raise TransactionClosedError(
                "SQL text in this `checkout()` left a transaction open; it is rolled back",
                hint="leave BEGIN to a `transaction()` block",
            )


def _timed(watch: Watch | None, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    return call if watch is None else watch.around(call)
