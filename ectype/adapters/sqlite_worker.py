"""One SQLite connection on its own thread: one hop a statement, interrupted by token when its caller goes away."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic
from typing import Any, Final, TypeVar, cast

import aiosqlite

from ectype.adapters.deadlines import Deadlines
from ectype.adapters.lateness import overdue
from ectype.adapters.sqlite_brief import Brief, Pace
from ectype.adapters.sqlite_errors import RAISED, translate
from ectype.adapters.sqlite_jobs import Stopped, Turn
from ectype.errors import ConnectError, DeadlineError, TransactionAbortedError

T = TypeVar("T")

SETTLE_SECONDS = 0.2
"""How long an interrupted statement may take to end before its connection is given up."""
SETTLE_SECONDS_IN_MEMORY = 5.0
"""The same where giving up the connection would lose the database."""
_INTERRUPT_EVERY_SECONDS = 0.01
MISSED: Final = object()
"""In place of a result: the statement has not been run."""

Job = Callable[[Turn, str, Any], T]
"""What runs on the thread: `(turn, sql, params) -> result`."""


class Worker:
    """Runs jobs on a connection's thread, and knows what state they leave it in.

    Attributes:
        raw: the connection; used on its thread only, but for its state and `interrupt`.
        broken: whether the thread does not answer, or has been stopped.
        lost: whether an error or an interrupt ended a transaction that its owner believes to be open.
    """

    __slots__ = (
        "_brief",
        "_busy_seconds",
        "_checkpoint",
        "_current",
        "_deadlines",
        "_driver",
        "_here",
        "_jobs",
        "_last",
        "_lock",
        "_reading",
        "_settle_seconds",
        "_url",
        "broken",
        "lost",
        "raw",
    )

    def __init__(
        self,
        driver: aiosqlite.Connection,
        raw: sqlite3.Connection,
        deadlines: Deadlines,
        *,
        url: str,
        busy_seconds: float,
        in_memory: bool,
        brief: Brief | None,
    ) -> None:
        self._deadlines = deadlines
        self._brief = brief
        self._jobs = 0
        self._checkpoint: int | None = None
        self._driver = driver
        self.raw = raw
        self._url = url
        self._busy_seconds = busy_seconds
        self._settle_seconds = SETTLE_SECONDS_IN_MEMORY if in_memory else SETTLE_SECONDS
        self._lock = Lock()
        self._current: Turn | None = None
        self._reading: set[sqlite3.Cursor] = set()
        self._last = Turn(raw, busy_seconds, self._reading)
        self._here = Turn(raw, 0, self._reading)
        self.broken = False
        self.lost = False

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, by BEGIN or by a statement that is still being read, or an error ended one."""
        return self.lost or self.raw.in_transaction or bool(self._reading)

    async def run(
        self,
        job: Job[Any],
        sql: str,
        params: Any,  # each job says what it takes
        load: Callable[[Any], T],
        timeout: float | None,
    ) -> T:
        """Run a job and `load` its result, both on the thread.

        Raises:
            DeadlineError: it did not end in time, and has been interrupted.
            TransactionAbortedError: the transaction it was meant for is gone.
            ConnectError: the connection is closed.
        """
        if self.lost:
            raise gone()
        if self.broken:
            raise ConnectError(f"the connection to {self._url} is closed", hint="a new one is made at the next call")
        started = monotonic()
        try:
            bound = None if timeout is None else self._deadlines.within(started, timeout)
        except TimeoutError:
            raise overdue(self._url, timeout, ended="") from None
        turn = self._last = Turn(self.raw, self._busy_seconds, self._reading)
        answer = hop(self._driver, self._work, turn, job, sql, params, load)
        self._jobs += 1
        try:
            result = await answer
        except asyncio.CancelledError as exc:
            # The exception itself stays out of this frame's names: in a cycle the frame would keep the answer.
            late = bound is not None and isinstance(bound.overran(exc), TimeoutError)
            # When the event loop was blocked, the answer had come before the deadline was looked at.
            if late and answer.done() and not answer.cancelled():
                return answer.result()
            lateness = monotonic() - started - (timeout or 0)
            await self._settle(turn)
            if late:
                raise overdue(self._url, timeout, "was interrupted", lateness) from None
            raise
        except BaseException:
            if bound is not None:
                bound.ended()
            raise
        finally:
            self._jobs -= 1
        if bound is not None:
            bound.ended()
        return result

    def here(
        self,
        job: Job[Any],
        sql: str,
        params: Sequence[object],
        load: Callable[[Any], Any],
        pace: Pace,
        timeout: float | None,
    ) -> Any:
        """Return the loaded result of a brief statement, run in this thread; MISSED where its own has to be asked.

        Raises what the statement failed with, where it has left a trace.
        """
        brief = self._brief
        if brief is None or self._jobs or self.lost or self.broken or (timeout is not None and timeout <= 0):
            return MISSED
        raw = self.raw
        was_open, written = raw.in_transaction, raw.total_changes
        commits = pace is brief.ending or (pace.kind == "write" and not was_open)
        if commits and self._checkpoint is None:
            self._checkpoint = raw.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
            raw.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            result = brief.run(job, self._here, sql, params, pace)
        except RAISED as exc:
            pace.failed()
            self.lost = was_open and not raw.in_transaction
            # A row whose RETURNING cannot be read is written all the same.
            if self.lost or raw.total_changes != written:
                raise translate(exc, raw, self._url, params) from exc
            # On its thread it comes to the same end, and there is time to say why.
            return MISSED
        loaded = load(result)
        brief.ended(pace)
        return loaded

    async def ended_well(self, timeout: float) -> bool:
        """Wait for the end of the last job, and return whether it was done; its caller has left it.

        Raises:
            DeadlineError: it has not ended in time.
        """
        turn, loop = self._last, asyncio.get_running_loop()
        give_up = loop.time() + timeout
        # The thread may belong to a loop that has been closed, so that nothing but its marks tells.
        while turn.ended_well is None:
            if loop.time() >= give_up:
                raise DeadlineError(
                    f"the statement that was sent last on {self._url} has not ended within {timeout:g} s",
                    hint="ask again later; a disk that does not answer may hold it",
                )
            await asyncio.sleep(_INTERRUPT_EVERY_SECONDS)
        return turn.ended_well

    def stop(self) -> None:
        """Interrupt what runs and let the thread end after it; nothing waits."""
        if self.broken:
            return
        self.broken = True
        with self._lock:
            if self._current is not None:
                self._current.cancelled = True
                self.raw.interrupt()
        let_end(self._driver)

    async def close(self, timeout: float) -> None:
        """Close the connection and end the thread, after what it does now; cut it past the deadline. Never raises."""
        if self.broken:
            return
        self.broken = True
        closing = hop(self._driver, self.raw.close)
        let_end(self._driver)
        await asyncio.wait({closing}, timeout=timeout)
        if not closing.done():
            self.raw.interrupt()
        elif not closing.cancelled():
            # A file that has vanished is no reason to raise: the thread has ended. Reading the error retires it.
            closing.exception()

    def _work(
        self,
        turn: Turn,
        job: Job[Any],
        sql: str,
        params: Any,  # as in `run`
        load: Callable[[Any], T],
    ) -> T:
        raw = turn.raw
        with self._lock:
            if turn.cancelled:
                raise Stopped
            self._current = turn
            turn.was_open = raw.in_transaction
        try:
            if self._checkpoint is not None:
                raw.execute(f"PRAGMA wal_autocheckpoint = {self._checkpoint}")
                self._checkpoint = None
            result = job(turn, sql, params)
            turn.ended_well = True
        except RAISED as exc:
            self.lost = turn.was_open is True and not raw.in_transaction
            raise translate(exc, raw, self._url, params) from exc
        finally:
            with self._lock:
                self._current = None
            turn.ended_well = turn.ended_well is True
        return load(result)

    async def _settle(self, turn: Turn) -> None:
        """Interrupt the statement and wait for its end; more cancellations change nothing."""
        settling = asyncio.ensure_future(self._quiet(turn))
        while not settling.done():
            try:
                await asyncio.wait({settling})
            except asyncio.CancelledError:  # the caller raises the first one
                continue

    async def _quiet(self, turn: Turn) -> None:
        if not self._interrupt(turn):
            return
        # The queue is first in, first out: what is queued now runs when the cancelled statement has ended.
        ended = asyncio.ensure_future(hop(self._driver, self._tidy, turn))
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._settle_seconds
        while not ended.done() and loop.time() < give_up:
            self._interrupt(turn)
            await asyncio.wait({ended}, timeout=_INTERRUPT_EVERY_SECONDS)
        if not ended.done():
            ended.cancel()
            self.stop()
        elif ended.exception() is not None:
            self.stop()

    def _interrupt(self, turn: Turn) -> bool:
        """Interrupt the job if it runs; returns whether it was ever begun, and if not, it never will be."""
        # Under the lock, so that it cannot reach the statement that comes after this one.
        with self._lock:
            turn.cancelled = True
            if self._current is turn:
                self.raw.interrupt()
            return turn.was_open is not None

    def _tidy(self, turn: Turn) -> None:
        """Roll back what a cancelled statement began (a BEGIN, a SAVEPOINT) that nobody knows of."""
        if turn.was_open is False and self.raw.in_transaction:
            self.raw.rollback()


def gone() -> TransactionAbortedError:
    """Return the error for a statement in a transaction that SQLite has rolled back by itself."""
    return TransactionAbortedError(
        "SQLite rolled the transaction back by itself, after an error or an interrupt: nothing of it is saved",
        hint="let the error leave the `transaction()` block, and run the transaction anew",
    )


def start(driver: aiosqlite.Connection, raw: sqlite3.Connection) -> None:
    """Start the connection's thread. Awaiting the driver would do so, too, with an answer as in `hop`."""
    driver._connection = raw  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    driver._thread.start()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def hop(driver: aiosqlite.Connection, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
    """Run `work(*args)` on the connection's thread: this and `start` alone use private members of aiosqlite.

    Its public methods cost a hop each for execute, fetch and close; and its own answer to a caller whose event loop
    has been closed ends the thread, with the connection open and its locks held.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    # The driver keeps `run` until its next job comes, and would keep what goes in and what comes out with it.
    asked = [(answer, args)]

    def run() -> None:
        mine, given = asked.pop()
        try:
            result = work(*given)
        except BaseException as exc:  # noqa: BLE001  # it is the caller's, who is on another thread
            _tell(loop, _refuse, mine, exc)
        else:
            _tell(loop, _give, mine, result)

    driver._tx.put_nowait((None, run))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    return answer


def _tell(loop: asyncio.AbstractEventLoop, say: Callable[[asyncio.Future[Any], Any], None], *what: Any) -> None:
    # On a loop that has been closed nobody waits any more.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(say, *what)


def _give(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _refuse(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def let_end(driver: aiosqlite.Connection) -> None:
    """Have the connection closed and its thread ended after what it does now."""
    # `stop` makes a future where it finds an event loop, and that loop may be closed before the thread ends.
    stop = cast("Callable[[], object]", driver.stop)  # pyright: ignore[reportUnknownMemberType]
    Thread(target=stop, daemon=True).start()
