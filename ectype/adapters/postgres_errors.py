"""What asyncpg raises, turned into ectype's own errors: one table, one function."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.errors import (
    MISSING_TABLE_HINT,
    CastError,
    ConnectError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    DivisionByZeroError,
    EctypeError,
    LockNotAvailableError,
    OutOfRangeError,
    StaleStatementError,
    TransactionAbortedError,
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
CONSTRAINT_KINDS = {
    "23001": "foreign_key",
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
}
_LOST = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"})
_READ_ONLY_HINT = (
    "this server, or this transaction, only reads. After a failover the next call connects anew: name all hosts in the "
    "URL, with `target_session_attrs=read-write`"
)
_DATA_CLASS = "22"
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK_HINT = "another transaction holds it: make that one shorter, wait longer (`lock_timeout`), or try again with \
`transact(…, retries=3)`"
_DIVISION_BY_ZERO = "22012"
_OUT_OF_RANGE = frozenset({"22003", "22008", "22015"})

# What the server says of an object that was dropped under a prepared statement.
_GONE = re.compile(r"^(?:cache lookup failed for|could not open relation with OID|type with OID \d+ does not exist)")
_KEY_COLUMNS = re.compile(r"^Key \((?P<columns>.*?)\)=")
_DETAIL_VALUES = re.compile(r"(=|contains )\(.*\)", re.DOTALL)
_ARGUMENT = re.compile(r"query argument \$(\d+)")
_TOO_MANY = "number of query arguments cannot exceed"
_TOO_MANY_HINT = (
    "send many values as one list: `Post.id.in_(ids)`, in SQL text `id = ANY({})` with `literal(ids, list[int])`; and "
    "many rows by `insert_all`"
)
_AWARE = "can't subtract offset-naive and offset-aware datetimes"
"""What the driver says of an aware datetime for a column without a time zone."""
_AWARE_HINT = (
    "make the column one with a time zone: `ALTER TABLE posts ALTER COLUMN at TYPE timestamptz USING at AT TIME ZONE "
    "'UTC'`"
)


def is_stale(exc: BaseException) -> bool:
    """Whether a prepared statement, or what the driver knows of a type, is older than the table or type it is about."""
    if isinstance(exc, asyncpg.InvalidCachedStatementError):
        return True
    message = str(exc)
    if isinstance(exc, asyncpg.InternalServerError):
        return _GONE.search(message) is not None
    return isinstance(exc, asyncpg.UndefinedObjectError) and _GONE.search(message) is not None


def is_unfit_argument(exc: BaseException) -> bool:
    """Whether the driver could not encode a parameter, so that nothing was sent."""
    return is_of_driver(exc) and _ARGUMENT.search(str(exc)) is not None


def is_of_driver(exc: BaseException) -> bool:
    """Whether the driver refused to send a statement that it had prepared, so that the server waits for its end."""
    if isinstance(exc, asyncpg.InterfaceError):
        return "another operation" not in str(exc) and "connection is closed" not in str(exc)
    # An answer of the server has fields; what the driver raises itself under the same class has none.
    return isinstance(exc, asyncpg.DataError) and _text(exc, "message") is None


def translate(exc: Exception, url: str, params: Sequence[object] = ()) -> EctypeError:
    """Return the error of ectype that stands for an exception of asyncpg.

    The values of a row, which PostgreSQL prints in DETAIL, are masked in ours and in the driver's exception, since it
    is the `__cause__` that a traceback prints.
    """
    for kind, make in _TABLE:
        if isinstance(exc, kind):
            return make(exc, url, params)
    return DatabaseError(f"the driver failed on {url}: {exc.__class__.__name__}: {exc}")


def _from_server(exc: Exception, url: str, params: Sequence[object]) -> EctypeError:
    assert isinstance(exc, asyncpg.PostgresError)  # it is the key of this row of the table
    message = _text(exc, "message")
    if message is None:
        # The driver raises the server's DataError itself, before anything is sent.
        return _from_client(exc, url, params)
    state = _text(exc, "sqlstate") or "XX000"
    if state in _LOST or state.startswith("08"):
        return _lost(f"{message} (SQLSTATE {state})", url)
    if state == "25P02":
        return TransactionAbortedError(
            "the transaction has failed, and takes no more statements until it is rolled back",
            hint="an earlier statement raised, and the error was swallowed: let it leave the `transaction()` block, or "
            "run what may fail in a nested `transaction()`",
        )
    if state == "57014" and "user request" not in message:
        return DeadlineError(f"{message} (SQLSTATE 57014)", hint="raise `statement_timeout`, or make the query cheaper")
    detail = _masked_detail(exc, state)
    if state == _DIVISION_BY_ZERO:
        return DivisionByZeroError(message, sqlstate=state)
    if state in _OUT_OF_RANGE:
        return OutOfRangeError(message, sqlstate=state, hint=_text(exc, "hint"))
    if state == _LOCK_NOT_AVAILABLE:
        return LockNotAvailableError(message, sqlstate=state, hint=_LOCK_HINT)
    if is_stale(exc):
        return StaleStatementError(message, sqlstate=state, detail=detail)
    if state == "25006":
        return DatabaseError(message, sqlstate=state, detail=detail, hint=_READ_ONLY_HINT)
    kind = CONSTRAINT_KINDS.get(state)
    if kind is None:
        hint = _text(exc, "hint")
        if state == "42P01" and hint is None and message.startswith("relation "):
            hint = MISSING_TABLE_HINT
        return DatabaseError(message, sqlstate=state, detail=detail, hint=hint)
    return ConstraintError(
        message,
        kind=kind,
        constraint=_text(exc, "constraint_name"),
        table=_text(exc, "table_name"),
        columns=_columns(exc, detail),
        sqlstate=state,
        detail=detail,
    )


def _text(exc: asyncpg.PostgresError, name: str) -> str | None:
    # asyncpg sets these fields on its exceptions at run time, so no checker sees them.
    value: object = getattr(exc, name, None)
    return value if isinstance(value, str) and value else None


def _masked_detail(exc: asyncpg.PostgresError, state: str) -> str | None:
    detail = _text(exc, "detail")
    if detail is not None:
        detail = None if state.startswith(_DATA_CLASS) else _DETAIL_VALUES.sub(r"\1(***)", detail)
        vars(exc)["detail"] = detail
    return detail


def _columns(exc: asyncpg.PostgresError, detail: str | None) -> tuple[str, ...]:
    column = _text(exc, "column_name")
    if column is not None:
        return (column,)
    key = _KEY_COLUMNS.match(detail or "")
    return tuple(part.strip().strip('"') for part in key["columns"].split(",")) if key else ()


_BIDDING_FAREWELL = "another operation (2) is in progress"


def _lost(why: str, url: str) -> ConnectError:
    return ConnectError(
        f"the connection to {url} was lost: {why}",
        hint="the statement may or may not have run; a new connection is made at the next call",
    )


def _from_lost(exc: Exception, url: str, _params: Sequence[object]) -> EctypeError:
    cause = exc.__cause__
    if isinstance(cause, asyncpg.PostgresError):
        return _lost(f"{_text(cause, 'message') or cause} (SQLSTATE {_text(cause, 'sqlstate')})", url)
    return _lost(str(exc) or exc.__class__.__name__, url)


def _unsent(why: str, url: str) -> ConnectError:
    # The driver drops what the server said last, when it said it between two statements.
    error = ConnectError(
        f"the connection to {url} was lost before the statement was sent: {why}",
        hint="the server's log says why: `idle_in_transaction_session_timeout` in a transaction that waited for "
        "something else, `idle_session_timeout`, `pg_terminate_backend` or a restart",
    )
    error.unsent = True
    return error


def _from_inside(exc: Exception, url: str, params: Sequence[object]) -> EctypeError:
    # The driver reads the server's farewell, and does not know yet that it is one.
    if _BIDDING_FAREWELL in str(exc):
        return _unsent("the server has ended it", url)
    return _from_lost(exc, url, params)


def _from_client(exc: Exception, url: str, params: Sequence[object]) -> EctypeError:
    message = str(exc)
    argument = _ARGUMENT.search(message)
    if argument is not None:
        return _from_argument(exc, int(argument[1]), params)
    if "connection is closed" in message:
        return _unsent(message, url)
    if "another operation" in message:
        return DatabaseError(
            "two tasks ran a statement on one connection at the same time",
            hint="each task checks out its own, or they take turns inside one `transaction()`",
        )
    return DatabaseError(message, hint=_TOO_MANY_HINT if _TOO_MANY in message else None)


def _from_argument(exc: Exception, position: int, params: Sequence[object]) -> CastError:
    said = str(exc.__cause__ or "it does not fit the parameter's type")
    reason = said.replace(
        _AWARE, "the database's type there is `timestamp`, without a time zone, and the value has one"
    )
    got = f" ({params[position - 1].__class__.__name__})" if 0 < position <= len(params) else ""
    error = CastError(
        f"parameter ${position}{got} cannot be sent: {reason}", hint=None if reason == said else _AWARE_HINT
    )
    # The driver's message prints the value, and it is the `__cause__` of ours.
    exc.args = (error.message,)
    return error


def _from_decoding(exc: Exception, _url: str, _params: Sequence[object]) -> EctypeError:
    return CastError(
        f"a value that the database returned has no Python counterpart: {exc}",
        hint="select it as text, as in `expr.as_type(str)`",
    )


def _from_outdated(exc: Exception, _url: str, _params: Sequence[object]) -> EctypeError:
    return StaleStatementError(f"the statement has run, and its rows cannot be read: {exc}")


_Make = Callable[[Exception, str, Sequence[object]], EctypeError]

# The order matters: the driver's classes derive from one another, and its DataError is a ValueError.
_TABLE: tuple[tuple[type[Exception], _Make], ...] = (
    (asyncpg.ConnectionDoesNotExistError, _from_lost),
    (asyncpg.PostgresError, _from_server),
    (asyncpg.InterfaceError, _from_client),
    (asyncpg.OutdatedSchemaCacheError, _from_outdated),
    (asyncpg.InternalClientError, _from_inside),
    (OSError, _from_lost),
    (ValueError, _from_decoding),
    (OverflowError, _from_decoding),
)
