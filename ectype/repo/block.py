"""The `transaction()` block: what the user enters, rolls back and asks afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Protocol, cast, final

from ectype.adapters.base import Begin
from ectype.adapters.connections import Connections
from ectype.errors import ConfigError, TransactionClosedError
from ectype.repo.after_commit import AFTER_COMMIT, AFTER_ROLLBACK, run_all
from ectype.repo.call import Call
from ectype.repo.checkout import Hold
from ectype.repo.lease import take
from ectype.repo.observer import Observer
from ectype.repo.scope import Scope
from ectype.repo.sharing import Shared, State

PLAIN = Begin()
"""How a transaction begins of which nothing special was asked."""


class Place(Protocol):
    """Where a block is entered: a session, in the task that enters it."""

    pool: Connections
    timeout: float | None
    observer: Observer

    def scope(self) -> Scope | None:
        """Return the scope that is open here."""
        ...

    def hold(self) -> Hold | None:
        """Return the checkout that is open here, where no transaction is open in it."""
        ...

    def prepared(self, how: Begin, timeout: float | None) -> tuple[Begin, float | None]:
        """Return how a transaction begins here, and how many seconds it may take."""
        ...

    def enter(self, scope: Shared) -> None:
        """Let the statements of this task, and of those that it starts, go to this scope."""
        ...

    def leave(self, scope: Shared) -> None:
        """Let the statements of this task go where they went before `enter`."""
        ...


@final
class Rollback(BaseException):
    """What `tx.rollback()` raises and its block swallows; no Exception, so that `except Exception` lets it pass."""

    def __init__(self, scope: Scope) -> None:
        super().__init__("tx.rollback() was called in a task that its block does not await")
        self.scope = scope


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What `transact` returns after `tx.rollback(value)`.

    >>> match RolledBack("no money"):
    ...     case RolledBack(value):
    ...         value
    'no money'
    """

    value: object


@final
class Transaction:
    """One `transaction()` block: `async with` begins it, and commits when the block ends without an exception.

    Inside another one of the same repo it is a savepoint, and is stored when that one is. After an error of the
    database nothing but its end is taken, on every database: leaving it by that error rolls back; leaving it normally
    rolls back and raises TransactionAbortedError, so that nothing is lost unsaid.

    Attributes:
        rolled_back: whether the block has ended with its work undone.
        value: what `rollback` was given.
    """

    __slots__ = ("_call", "_how", "_place", "_scope", "_timeout", "rolled_back", "value")

    def __init__(
        self, place: Place, how: Begin = PLAIN, timeout: float | None = None, call: Call | None = None
    ) -> None:
        """Make a block; nothing happens before it is entered.

        Args:
            place: the session.
            how: how it begins.
            timeout: seconds that the block may take; None for any time.
            call: the options by which its BEGIN and COMMIT are told of; None for the repo's own.
        """
        self._place = place
        self._call = call
        self._how = how
        self._timeout = timeout
        self._scope: Scope | None = None
        self.rolled_back = False
        self.value: object = None

    def rollback(self, value: object = None) -> NoReturn:
        """End this block, from anywhere inside it, and undo its work; what runs next is the line after the block.

        Called for an outer transaction in an inner block it ends both. `transact` returns `RolledBack(value)`.

        Raises:
            TransactionClosedError: the block has not begun, or has ended.
        """
        scope = self._scope
        if scope is None or scope.state is State.CLOSED:
            raise TransactionClosedError(
                "`tx.rollback()` was called outside its block",
                hint="call it inside `async with repo.transaction() as tx:`; what is committed stays",
            )
        self.value = value
        scope.ask_rollback()
        raise Rollback(scope)

    async def __aenter__(self) -> Transaction:
        if self._scope is not None:
            raise TransactionClosedError(
                "this `transaction()` has been entered before", hint="call `repo.transaction()` anew for each block"
            )
        outer = self._place.scope()
        self._scope = await (self._begin() if outer is None else self._begin_nested(outer))
        self._place.enter(self._scope)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        scope = self._scope
        assert scope is not None  # `async with` enters first
        cancelled = failure = None
        try:
            cancelled = await (scope.keep() if exc is None else scope.undo())
        except BaseException as raised:  # noqa: BLE001  # it is raised below
            failure = raised
        self.rolled_back = scope.rolled_back
        self._place.leave(scope)
        if scope.rolled_back:
            if scope.undoings:
                cancelled = await run_all(scope.undoings, AFTER_ROLLBACK) or cancelled
        elif scope.callbacks and scope.outer is None and failure is None:
            cancelled = await run_all(scope.callbacks, AFTER_COMMIT) or cancelled
        if failure is not None:
            if cancelled is not None and not isinstance(failure, asyncio.CancelledError):
                raise cancelled from failure
            raise failure
        rest = None if exc is None else _without(scope, exc)
        if cancelled is not None and not isinstance(rest, asyncio.CancelledError):
            raise cancelled from rest
        if rest is not None and rest is not exc:
            raise rest
        return exc is not None and rest is None

    def __del__(self) -> None:
        # Nobody is left who could leave the block. The scope says nothing of it: contexts of tasks hold it for longer.
        if self._scope is not None and self._scope.outer is None:
            self._scope.lease.drop()

    async def _begin(self) -> Scope:
        usual = self._place.timeout
        how, whole = self._place.prepared(self._how, self._timeout)
        deadline, limit = None, usual
        if whole is not None:
            deadline = asyncio.get_running_loop().time() + whole
            limit = whole if usual is None else min(whole, usual)
        teller = self._place.observer.teller(self._call)
        hold = self._place.hold()
        if hold is not None:
            lease = await hold.lend(how, limit, teller)
        else:
            lease = await take(self._place.pool, how, teller, timeout=usual, limit=limit)
        lease.reads = how.read_only
        return Scope(lease, deadline=deadline)

    async def _begin_nested(self, outer: Scope) -> Scope:
        how = self._how
        if how is not PLAIN:
            given = (f"{name}={getattr(how, name)!r}" for name in Begin.__slots__ if getattr(how, name))
            raise ConfigError(
                f"{', '.join(given)} cannot be given to a `transaction()` inside an open one: that is a savepoint",
                hint="give it to the outermost `transaction()`, or run this one under `repo.detached()`",
            )
        return await outer.begin_nested(self._place.timeout, self._timeout)


@final
class Savepoint:
    """A savepoint in the transaction that is open on entering; nothing at all when none is."""

    __slots__ = ("_place", "_transaction")

    def __init__(self, place: Place) -> None:
        self._place = place
        self._transaction: Transaction | None = None

    async def __aenter__(self) -> None:
        if self._place.scope() is not None:
            self._transaction = Transaction(self._place)
            await self._transaction.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transaction is not None:
            await self._transaction.__aexit__(kind, exc, trace)


def _without(scope: Scope, exc: BaseException) -> BaseException | None:
    """Return what is left of an exception when the rollback of this scope is taken out of it.

    A task group wraps what its tasks raise, `tx.rollback()` included, in a group.
    """
    if isinstance(exc, Rollback):
        return None if exc.scope is scope else exc
    if not isinstance(exc, BaseExceptionGroup):
        return exc
    group = cast("BaseExceptionGroup[BaseException]", exc)
    mine, rest = cast(
        "tuple[BaseException | None, BaseException | None]",
        group.split(lambda one: isinstance(one, Rollback) and one.scope is scope),
    )
    return group if mine is None else rest
