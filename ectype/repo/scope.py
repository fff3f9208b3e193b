"""An open transaction or savepoint: its state, its turn, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from ectype.errors import (
    CommitUnknownError,
    ConnectError,
    DatabaseError,
    DeadlineError,
    EctypeError,
    TransactionAbortedError,
    TransactionClosedError,
)
from ectype.repo.after_commit import Callback
from ectype.repo.lease import Lease
from ectype.repo.sharing import Shared, State
from ectype.repo.shield import unhindered

T = TypeVar("T")

# A CastError is not among them: it is raised before anything is sent.
_ABORTING = (DatabaseError, DeadlineError, ConnectError, TransactionAbortedError, asyncio.CancelledError)
_UNCERTAIN = (ConnectError, DeadlineError, asyncio.CancelledError)


class Scope(Shared):
    """One `transaction()` block: the transaction itself, or a savepoint in the scope `outer`.

    Attributes:
        outer: the scope around this one; None for the transaction itself.
        depth: how many scopes there are around it.
        nested: the savepoint that has this scope's turn now.
        callbacks: what runs after the commit.
        undoings: what runs after the rollback.
        rolled_back: whether its work is undone.
    """

    __slots__ = (
        "_deadline",
        "_failure",
        "callbacks",
        "depth",
        "nested",
        "outer",
        "rolled_back",
        "undoings",
    )

    def __init__(self, lease: Lease, *, deadline: float | None = None, outer: Scope | None = None) -> None:
        """Make the scope of what has been opened.

        Args:
            lease: the connection.
            deadline: the loop's time at which the scope must have ended; None for no such time.
            outer: the scope around it.
        """
        super().__init__(lease)
        self.outer = outer
        self.nested: Scope | None = None
        self.callbacks: list[Callback] = []
        self.undoings: list[Callback] = []
        self.rolled_back = False
        self._deadline = deadline
        self.depth: int = 0 if outer is None else outer.depth + 1
        self._failure: BaseException | None = None

    async def run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: object) -> T:
        """Run `call(*args, timeout)` of the connection when its turn comes.

        Raises:
            DeadlineError: the turn did not come in time, or the scope's own deadline has passed.
            TransactionAbortedError: the scope can only be rolled back.
            TransactionClosedError: the scope ended while the call waited.
        """
        timeout = await self.take_turn(timeout) if self.turn.taken else self.take_free_turn(timeout)
        try:
            self._admit()
            return await self.lease.run(call, *args, self._left(timeout))
        except _ABORTING as exc:
            self.abort(exc)
            raise
        finally:
            self.turn.pass_on()

    async def begin_nested(self, timeout: float | None, whole: float | None) -> Scope:
        """Take the turn and open a savepoint; the turn comes back when that scope ends.

        Args:
            timeout: how many seconds the wait and the statement may take.
            whole: how many seconds the new scope may take to its end; None for as many as this one has.

        Raises:
            DeadlineError, TransactionAbortedError, TransactionClosedError: as `run`.
        """
        deadline = self._deadline
        if whole is not None:
            deadline = min(self.lease.loop.time() + whole, float("inf") if deadline is None else deadline)
        timeout = await self.take_turn(timeout) if self.turn.taken else self.take_free_turn(timeout)
        scope = Scope(self.lease, deadline=deadline, outer=self)
        try:
            self._admit()
            self.nested = scope
            left = scope._left(timeout)
            cancelled = await unhindered(scope._open_savepoint(self, left), bounded=self._is_bounded(left))
        except BaseException:
            scope._give_back()
            raise
        if cancelled is not None:
            await scope.undo()
            raise cancelled
        return scope

    async def keep(self) -> asyncio.CancelledError | None:
        """Commit, or release the savepoint; undo what cannot be kept, or what `ask_rollback` was called for.

        Returns:
            The cancellation that came while the outcome was on its way.

        Raises:
            TransactionAbortedError: a statement had failed, and nothing is saved.
            TransactionClosedError: a scope around it ended first, and undid it.
            CommitUnknownError: the outcome of COMMIT is not known.
            DeadlineError: another task's turn did not end in time, or the scope's own deadline has passed; nothing is
                saved.
            DatabaseError: COMMIT was refused; nothing is saved.
        """
        try:
            if self.turn.taken:
                await self.turn.wait(asyncio.current_task(), self._left(self.lease.timeout))
            if self.state is State.ROLLING_BACK:
                return await self.undo()
            self._admit()
            timeout = self._left(self.lease.timeout)
        except BaseException as exc:
            cancelled = await self.undo()
            if cancelled is not None and not isinstance(exc, asyncio.CancelledError):
                raise cancelled from exc
            raise
        self.close()
        outer = self.outer
        try:
            ending = self._commit(timeout) if outer is None else self._release(outer, timeout)
            return await unhindered(ending, bounded=self._is_bounded(timeout))
        finally:
            self._give_back()

    async def undo(self) -> asyncio.CancelledError | None:
        """Roll back, or back to the savepoint, and return the cancellation that came meanwhile. Raises nothing."""
        self.close()
        self.rolled_back = True
        outer = self.outer
        try:
            ending = self.lease.roll_back(self._deadline) if outer is None else self._roll_back_savepoint(outer)
            return await unhindered(ending, bounded=self._is_bounded(self.lease.rollback_seconds))
        finally:
            self._give_back()

    def abort(self, failure: BaseException) -> None:
        """Take no more statements; the first failure is the one that later errors name."""
        if self.state is State.OPEN:
            self.state = State.ABORTED
            self._failure = failure

    def ask_rollback(self) -> None:
        """Take no more statements here and in the savepoints inside: the user wants all of it undone."""
        if self.state is not State.CLOSED:
            self.state = State.ROLLING_BACK
        if self.nested is not None:
            self.nested.ask_rollback()

    def close(self) -> None:
        """Take nothing any more, here and in the savepoints inside, and tell those who wait."""
        super().close()
        if self.nested is not None:
            self.nested.close()

    def _admit(self) -> None:
        if self.state is not State.OPEN:
            raise self._refusal()

    def _refusal(self) -> EctypeError:
        if self.state is State.CLOSED:
            return self.closed(asyncio.current_task())
        if self._failure is None:
            return TransactionAbortedError(
                "`tx.rollback()` was called in this transaction, and it takes no more statements",
                hint="`tx.rollback()` leaves the block by an exception: let it pass",
            )
        error = TransactionAbortedError(
            f"an earlier statement failed, and this transaction can only be rolled back: {_words(self._failure)}",
            hint="let the error leave the `transaction()` block; what may fail goes into a nested `transaction()`, or "
            "is written with `try_insert`, `try_update`, `try_delete`",
        )
        error.__cause__ = self._failure
        return error

    def _left(self, timeout: float | None) -> float | None:
        if self._deadline is None:
            return timeout
        left = self._deadline - self.lease.loop.time()
        if left <= 0:
            raise DeadlineError(
                "the transaction ran past its `timeout=`, and is rolled back",
                hint="give `transaction(timeout=…)` more seconds, or do less in the block",
            )
        return left if timeout is None else min(left, timeout)

    def _is_bounded(self, timeout: float | None) -> bool:
        """Whether the end of the transaction may wait for the server in this task: only where it ends in time."""
        return timeout is not None and self.lease.connection.bounded

    def _give_back(self) -> None:
        self._failure = None
        if self.outer is None:
            self.lease.end()
        else:
            self.outer.nested = None
            self.outer.turn.pass_on()

    async def _commit(self, timeout: float | None) -> None:
        lease, connection = self.lease, self.lease.connection
        if not connection.in_transaction and not connection.broken:
            raise TransactionClosedError(
                "SQL text in this block has ended the transaction: what ran after it was stored statement by statement",
                hint="leave COMMIT and ROLLBACK to the `transaction()` block and to `tx.rollback()`",
            )
        try:
            timeout = await lease.know(timeout)
        except BaseException:
            # COMMIT was not sent: the server, or the pool, rolls back.
            self.rolled_back = True
            raise
        lost_before = connection.broken
        try:
            await lease.control("COMMIT", "COMMIT", connection.commit, timeout)
        except _UNCERTAIN as exc:
            if not lost_before and (connection.broken or not connection.in_transaction):
                connection.terminate()
                raise _unknown(exc, lease) from exc
            self.rolled_back = True
            raise
        except EctypeError:
            # Where the transaction is still open, as on SQLite, the pool rolls it back.
            self.rolled_back = True
            raise

    async def _open_savepoint(self, outer: Scope, timeout: float | None) -> None:
        if outer.state is State.CLOSED:
            raise self.closed(None)
        try:
            sql = f"SAVEPOINT {self._savepoint}"
            await self.lease.control("SAVEPOINT", sql, self.lease.connection.execute, sql, (), timeout)
        except BaseException as exc:
            outer.abort(exc)
            raise
        if self.state is State.CLOSED:
            raise self.closed(None)

    async def _release(self, outer: Scope, timeout: float | None) -> None:
        if outer.state is not State.CLOSED:
            try:
                sql = f"RELEASE SAVEPOINT {self._savepoint}"
                await self.lease.control("RELEASE SAVEPOINT", sql, self.lease.connection.execute, sql, (), timeout)
            except BaseException as exc:
                self.rolled_back = True
                outer.abort(exc)
                raise
        if outer.state is State.CLOSED:
            self.rolled_back = True
            raise self.closed(None)
        outer.callbacks += self.callbacks
        outer.undoings += self.undoings

    async def _roll_back_savepoint(self, outer: Scope) -> None:
        lease = self.lease
        try:
            await lease.quiet()
            # A scope around this one may have ended meanwhile, and the savepoint with it.
            if outer.state is not State.CLOSED:
                sql = f"ROLLBACK TO SAVEPOINT {self._savepoint}; RELEASE SAVEPOINT {self._savepoint}"
                script = lease.connection.script
                await lease.control("ROLLBACK TO SAVEPOINT", sql, script, sql, lease.rollback_seconds)
        except (EctypeError, asyncio.CancelledError) as exc:
            outer.abort(exc)

    @property
    def _savepoint(self) -> str:
        return f"ectype_{self.depth}"


def _words(failure: BaseException) -> str:
    if isinstance(failure, EctypeError):
        return f"{failure.__class__.__name__}: {failure.message}"
    return "it was cancelled while it ran"


def _unknown(exc: BaseException, lease: Lease) -> CommitUnknownError:
    why = f"{exc.__class__.__name__}: {exc.message}" if isinstance(exc, EctypeError) else "the event loop was stopped"
    return CommitUnknownError(
        f"COMMIT was sent, and no answer came: {why}",
        hint="the work may be stored or not: ask `await exc.resolve()` before you do it again",
        transaction=lease.transaction,
        ask=partial(lease.connection.committed, lease.transaction),
    )
