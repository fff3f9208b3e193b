"""The calls of a repo that begin transactions, hold connections, and ask about both: no logic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeVar, cast, overload

from ectype.adapters.base import Isolation
from ectype.repo.block import RolledBack, Transaction
from ectype.repo.engine import Engine
from ectype.repo.steps import Options, Plan, Results
from ectype.repo.transaction import Session

T = TypeVar("T")


class TransactionCalls:
    """The part of a repo that is about transactions and held connections."""

    _engine: Engine
    _session: Session

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[Transaction, bool]:
        """Run the block in a transaction: commit at its end, roll back on any exception. Nested, it is a savepoint."""
        return self._session.transaction(
            isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=timeout, call=self._engine.usual
        )

    @overload
    async def transact(
        self,
        work: Plan,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Results: ...
    @overload
    async def transact(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> T: ...
    @overload
    async def transact(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> T | RolledBack: ...
    async def transact(
        self,
        work: Any,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Any:
        """Run a Multi, or `work()`, or `work(tx)`, in a transaction and return what it gives. Nested: a savepoint.

        An `Invalid` rolls back and is returned; `tx.rollback(value)` makes the result `RolledBack(value)`.

        Args:
            work: a Multi, or an async function, which may run several times.
            isolation: the level, and like the next two as for `transaction`; for the outermost only.
            read_only: that it only reads.
            deferrable: that a serializable one that only reads may wait.
            timeout: seconds for all of it, further tries included.
            retries: how often to try again after a serialization failure, a deadlock or a lock that was not free, each
                time after a random wait that grows. Callbacks of failed tries do not run.

        Raises:
            MultiError: a step of a Multi failed.
            CommitUnknownError: the answer to COMMIT was lost; ask `await exc.resolve()`.
            ConfigError: an option of the whole transaction inside an open one.

        Example:
            `await repo.transact(lambda: transfer(ada, bob, 5), isolation="serializable", retries=3)`
        """
        if isinstance(work, Plan):
            options = Options(
                isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=timeout, retries=retries
            )
            return await work.transacted(self, options)
        return await self._session.transact(
            cast("Callable[..., Awaitable[Any]]", work),
            isolation=isolation,
            read_only=read_only,
            deferrable=deferrable,
            timeout=timeout,
            retries=retries,
            call=self._engine.usual,
        )

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` after the outermost transaction has committed, or at once outside of one.

        It never runs after a rollback, and an error in it never changes the outcome: it is reported as a warning.
        """
        self._session.after_commit(callback)

    def after_rollback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once the open `transaction()` block, or one around it, has been rolled back.

        It is told of failed tries of `transact` too, never of a commit, nor of one whose outcome is unknown; outside a
        transaction it is never called. An error in it is reported as a warning.
        """
        self._session.after_rollback(callback)

    def checkout(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[None, None]:
        """Hold one connection for the block: its statements, and those of tasks started in it, take turns on it.

        It is no transaction: each statement is stored by itself. A `transaction()` inside it runs on its connection.
        Inside a transaction or another checkout it changes nothing.

        Args:
            timeout: seconds that the wait for a connection may take; None for the repo's.

        Raises:
            TransactionClosedError: at the end, when SQL text has left a transaction open.

        Example:
            async with repo.checkout():
                await repo.query("select set_config('app.user', {}, false)", "ada")
                await repo.all(Post)
        """
        return self._session.checkout(timeout=timeout)

    @property
    def checked_out(self) -> bool:
        """Whether the current task is in a transaction or a checkout of this repo."""
        return self._session.checked_out

    def detached(self) -> AbstractContextManager[None]:
        """Tasks started in the block do not join the open transaction."""
        return self._session.detached()

    @property
    def in_transaction(self) -> bool:
        """Whether the current task is in a transaction of this repo."""
        return self._session.in_transaction
