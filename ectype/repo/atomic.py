"""A write of several statements: all of them are stored, or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, TypeAlias, final

from ectype.errors import ConstraintError
from ectype.repo.block import Transaction
from ectype.repo.call import Call
from ectype.repo.scope import Scope

Told: TypeAlias = Callable[[ConstraintError], Awaitable[Exception]]


class Place(Protocol):
    """Where the statements run: a session."""

    def scope(self) -> Scope | None:
        """Return the scope that is open here."""
        ...

    def transaction(self, *, call: Call | None = None) -> Transaction:
        """Return a block that begins a transaction."""
        ...

    async def transact(self, work: Callable[[], Awaitable[Any]], *, call: Call | None = None) -> Any:
        """Return what a function gives, run in a transaction, or in a savepoint of the one that is open."""
        ...


@final
class Atomic:
    """A transaction of its own where none is open. In an open one no statement, and an exception ends what it takes.

    So a write that failed half-way can only be rolled back, as after an error of the database.

    Attributes:
        told: returns what to raise when COMMIT refuses what was written; None for what it refused with.
    """

    __slots__ = ("_call", "_place", "_scope", "_transaction", "told")

    def __init__(
        self,
        place: Place,
        call: Call | None = None,
        *,
        told: Told | None = None,
    ) -> None:
        """Make a block.

        Args:
            place: where it runs.
            call: the options by which its BEGIN and COMMIT are told of.
            told: returns what to raise when COMMIT refuses what was written.
        """
        self._place = place
        self._call = call
        self.told = told
        self._scope: Scope | None = None
        self._transaction: Transaction | None = None

    async def __aenter__(self) -> None:
        self._scope = self._place.scope()
        if self._scope is None:
            self._transaction = self._place.transaction(call=self._call)
            await self._transaction.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transaction is not None:
            try:
                await self._transaction.__aexit__(kind, exc, trace)
            except ConstraintError as refusal:
                if exc is not None or self.told is None:
                    raise
                raise await self.told(refusal) from refusal
        elif exc is not None and self._scope is not None:
            self._scope.abort(exc)


async def undisturbed(place: Place, work: Callable[[], Awaitable[Any]], call: Call) -> Any:
    """Return what statements give that no task of an open transaction may come between: they hold its turn.

    An exception ends that transaction, as one of a single statement does.
    """
    scope = place.scope()
    try:
        return await place.transact(work, call=call)
    except BaseException as exc:
        if scope is not None:
            scope.abort(exc)
        raise
