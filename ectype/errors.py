"""The words ectype uses when it refuses: one base class, and every error that carries text only.

Errors that carry a value of a higher floor live beside that value: `InvalidChangesetError` in
`ectype.schema.errors`, `MultiError` in `ectype.repo`.

    EctypeError
    ├── SchemaError              a schema that cannot be built, or is used against its own rules
    │   └── FrozenError          assignment to a struct
    ├── QueryError               a query that cannot mean anything
    ├── CastError                a value that does not fit its type
    │   └── CursorError          a page's cursor that was changed, or belongs to another query
    ├── UnsupportedError         the database cannot do what was asked
    ├── NotLoadedError           an association was read before it was loaded
    ├── NoResultsError           one row was asked for, none came
    ├── MultipleResultsError     one row was asked for, several came
    ├── NoPrimaryKeyError        a write that needs the primary key met a struct without it
    ├── StaleEntryError          the row to write is gone or has changed
    ├── ConflictIgnoredError     an insert wrote nothing, because of `on_conflict`
    ├── ConfigError              a URL or an option that cannot be used
    ├── ConnectError             no connection to the database could be made, or it was lost
    ├── PoolTimeoutError         no connection became free in time
    ├── DeadlineError            a call ran past its deadline (also a `TimeoutError`)
    ├── DatabaseError            the database refused a statement
    │   ├── ConstraintError      … because of a constraint
    │   ├── LockNotAvailableError  … because a lock was not free in time
    │   ├── DivisionByZeroError  … because it divides by zero
    │   ├── OutOfRangeError      … because what it computes has no place in its type
    │   └── StaleStatementError  … because a table or type has changed under it
    ├── TransactionClosedError   a statement came after its transaction had ended
    ├── TransactionAbortedError  a statement or COMMIT in a transaction that can only roll back
    ├── CommitUnknownError       nobody knows yet whether COMMIT happened
    ├── MigrationError           a migration, or the folder of migrations, cannot be used
    │   └── IrreversibleError    a command cannot be turned round
    └── OwnershipError           the test sandbox does not know who asks
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import Any, Final


class EctypeError(Exception):
    """Base of all errors raised by ectype: what happened, where, what it got, and what to do.

    Attributes:
        message: what happened, without the hint.
        hint: what to do about it; None where the message says all.

    >>> print(EctypeError("field `titel` does not exist in Post", hint="did you mean `title`?"))
    field `titel` does not exist in Post
    <BLANKLINE>
    hint: did you mean `title`?
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n\nhint: {hint}")
        self.message = message
        self.hint = hint


class SchemaError(EctypeError):
    """A schema that cannot be built, or is used against its own rules."""


class FrozenError(SchemaError, AttributeError):
    """Assignment to a struct: structs never change, `evolve` and changesets make new ones."""


class QueryError(EctypeError):
    """A query that cannot mean anything, found when it is built or planned."""


class CastError(EctypeError):
    """A value that does not fit its type, met where no changeset can hold the error."""


class CursorError(CastError):
    """A page's cursor that was changed, is too old, or belongs to another query. The web layer answers 400."""


class UnsupportedError(EctypeError):
    """The database cannot do what was asked; the message names the construct and the adapter."""


class NotLoadedError(EctypeError):
    """An association was read before it was loaded; the hint is the line that loads it."""


class NoResultsError(EctypeError):
    """One row was asked for, none came. The web layer answers 404."""


class MultipleResultsError(EctypeError):
    """At most one row was asked for, several came."""


class NoPrimaryKeyError(EctypeError):
    """A write that needs the primary key met a schema or a struct without it."""


class StaleEntryError(EctypeError):
    """The row that was to be written is gone, or has changed since it was read."""


class ConflictIgnoredError(EctypeError):
    """An insert wrote nothing because of its `on_conflict`, and a struct was asked for."""


class ConfigError(EctypeError):
    """A database URL or an option that cannot be used."""


class ConnectError(EctypeError):
    """No connection to the database could be made, or the one in use was lost.

    Attributes:
        unsent: whether it was lost before the statement was sent, so that the statement has done nothing.
    """

    unsent: bool = False


class PoolTimeoutError(EctypeError):
    """No connection became free in time; the message says who holds them."""


class DeadlineError(EctypeError, TimeoutError):
    """A call ran past its deadline. It is a `TimeoutError` too."""


# https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
_TRANSIENT = frozenset({"40001", "40P01", "55P03", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"})


class DatabaseError(EctypeError):
    """The database refused a statement.

    Attributes:
        sqlstate: the five-character SQLSTATE on PostgreSQL, SQLite's error name (`SQLITE_BUSY`) there.
        detail: the database's own second line, if it gave one.
        transient: whether the same transaction may succeed when it is run anew: after a lost race, a deadlock, a lock
            that was not free, a table that was altered meanwhile. `transact(…, retries=3)` does so.
    """

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        transient: bool = False,
    ) -> None:
        super().__init__(message if detail is None else f"{message}\n{detail}", hint=hint)
        self.sqlstate = sqlstate
        self.detail = detail
        self.transient = transient or sqlstate in _TRANSIENT


class ConstraintError(DatabaseError):
    """A statement broke a constraint of the database.

    Attributes:
        kind: `unique`, `foreign_key`, `check`, `exclusion` or `not_null`.
        constraint: the constraint's name; None where the database gives none (SQLite's foreign keys).
        table: the table, where known.
        columns: the columns, where the database names them.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        constraint: str | None = None,
        table: str | None = None,
        columns: tuple[str, ...] = (),
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, sqlstate=sqlstate, detail=detail, hint=hint)
        self.kind = kind
        self.constraint = constraint
        self.table = table
        self.columns = columns


class LockNotAvailableError(DatabaseError):
    """A lock was not free: at once for `nowait`, else within the database's `lock_timeout` or `busy_timeout`."""


class DivisionByZeroError(DatabaseError):
    """A statement divided by zero, or was given zero as the value to divide by."""

    def __init__(self, message: str = "division by zero", *, sqlstate: str | None = None) -> None:
        super().__init__(
            message,
            sqlstate=sqlstate,
            hint="leave such rows out, or make their result NULL: `Post.score / fn.nullif(Post.votes, 0)`",
        )


class OutOfRangeError(DatabaseError):
    """A statement computed what its type does not hold: an int of more than 64 bits, a moment of the year 10,000."""


class StaleStatementError(DatabaseError):
    """A table or type was changed under a transaction that had begun, or under a statement that was running.

    Outside a transaction such a statement is prepared anew and run again, and nobody hears of it.
    """

    def __init__(self, message: str, *, sqlstate: str | None = None, detail: str | None = None) -> None:
        super().__init__(
            message,
            sqlstate=sqlstate,
            detail=detail,
            hint="run the transaction anew, as `repo.transact(work, retries=1)` does: its statements are prepared anew",
            transient=True,
        )


class TransactionClosedError(EctypeError):
    """A statement came after the transaction of its task had ended."""


class TransactionAbortedError(EctypeError):
    """A statement or a COMMIT in a transaction that can only be rolled back."""


class CommitUnknownError(EctypeError):
    """COMMIT was sent, and nobody knows yet whether it happened: `await exc.resolve()` asks the database.

    Attributes:
        transaction: the id that the database gave the transaction; None where it gave none, or it is not known.

    Example:
        except CommitUnknownError as exc:
            if not await exc.resolve():
                ...  # it was rolled back: do it again
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        transaction: str | None = None,
        ask: Callable[[float], Awaitable[bool]] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.transaction = transaction
        self._ask = ask

    def __reduce__(self) -> tuple[Any, ...]:
        # The connection stays in its process: a copy from another one cannot ask.
        return partial(self.__class__, self.message, hint=self.hint, transaction=self.transaction), ()

    def resolve(self, timeout: float = 15.0) -> Awaitable[bool]:
        """Find out whether the transaction was committed: True, or False when it was rolled back.

        PostgreSQL is asked by the transaction's id, on a new connection; one whose COMMIT never arrived, and that
        still waits for it on the server, is ended by that. On SQLite the end of the COMMIT that was sent is awaited.

        Args:
            timeout: seconds.

        Raises:
            CommitUnknownError: it cannot be known: the server has forgotten, or never knew, the transaction.
            DeadlineError: COMMIT is still running; ask again later.
            ConnectError: the server cannot be reached; ask again later.
        """
        if self._ask is None:
            raise self
        return self._ask(timeout)


class MigrationError(EctypeError):
    """A migration, or the folder of migrations, cannot be used as it is."""


class IrreversibleError(MigrationError):
    """A migration command that cannot be turned round."""


class OwnershipError(EctypeError):
    """The test sandbox does not know on whose behalf a connection is asked for."""


MISSING_TABLE_HINT: Final = (
    "is the migration applied that makes it? `ectype status` lists those that are pending, `ectype migrate` applies "
    "them; a table of another schema needs `prefix=`"
)
TOO_DEEP_HINT: Final = (
    "put the parts of a long chain in parentheses, `(a + b) + (c + d)`, or compute some of it in a subquery; name "
    "queries inside queries by `with_cte`; of conditions `&`, `|`, `and_` and `or_` take any number"
)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known name, or lists all that are known.

    >>> did_you_mean("titel", ["id", "title"])
    'did you mean `title`?'
    >>> did_you_mean("x", ["id", "title"])
    'known names are: id, title'
    """
    names = list(known)
    close = get_close_matches(name, names, n=1) or get_close_matches(name.lower(), names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known names are: {', '.join(names)}" if names else "there are none"
