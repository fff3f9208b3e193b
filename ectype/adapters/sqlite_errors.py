"""What sqlite3 raises, turned into ectype's own errors, with the constraint's name looked up where SQLite hides it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from ectype.errors import (
    MISSING_TABLE_HINT,
    TOO_DEEP_HINT,
    CastError,
    ConnectError,
    ConstraintError,
    DatabaseError,
    DivisionByZeroError,
    EctypeError,
    LockNotAvailableError,
    OutOfRangeError,
    UnsupportedError,
)

# https://www.sqlite.org/rescode.html
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_TIMEOUT"})
_UNIQUE = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"})
_FAILED = re.compile(r"^(?:UNIQUE|NOT NULL|CHECK) constraint failed: (?P<what>.*)$", re.DOTALL)
# What ON DELETE RESTRICT refuses has the code of a trigger, since SQLite keeps it by one, and this text.
_FOREIGN_KEY = "FOREIGN KEY constraint failed"
_INDEX = re.compile(r"^index '(?P<name>.*)'$")
_BINDING = re.compile(r"^Error binding parameter :?(\d+): (?P<why>.*)$", re.DOTALL)
_UNDECODABLE = re.compile(r"^(Could not decode to UTF-8 column .*?) with text .*$", re.DOTALL)
_RAISED = re.compile(r"'ectype: (?P<what>.*)'")
"""What the text of a statement raises by itself: see `ectype.sql.raising`."""
_UNKNOWN_TO_PYTHON = {3091: "SQLITE_CONSTRAINT_DATATYPE"}
HINTS = {
    "SQLITE_BUSY": "another connection holds the write lock: make its transaction shorter, or raise `busy_timeout` "
    "(milliseconds) in the URL",
    "SQLITE_BUSY_SNAPSHOT": "a transaction that began read-only cannot write once others have: begin it as a writing "
    "one, without `read_only=True`",
    "SQLITE_READONLY": "the file or its folder cannot be written, or the URL says `mode=ro`",
    "SQLITE_FULL": "the disk is full, or `PRAGMA max_page_count` is reached",
}

_SAID = {
    "no such table: ": MISSING_TABLE_HINT,
    "Expression tree is too large": TOO_DEEP_HINT,
    "parser stack overflow": TOO_DEEP_HINT,
}
"""Hints for errors that have the one code of most mistakes, by how they begin."""

Raised = sqlite3.Error | sqlite3.Warning | OverflowError | UnicodeEncodeError
RAISED = (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeEncodeError)
"""All that sqlite3 raises for a statement or its parameters."""


def translate(exc: Raised, connection: sqlite3.Connection, url: str, params: Sequence[object] = ()) -> EctypeError:
    """Return the error of ectype that stands for an exception of sqlite3. Runs on the connection's own thread."""
    if isinstance(exc, (OverflowError, UnicodeEncodeError)):
        return _unfit(exc, params)
    name = _name(exc)
    message = _UNDECODABLE.sub(r"\1", str(exc))
    if name is None:
        return _without_code(message, url, params)
    if name == "SQLITE_AUTH":
        return UnsupportedError(
            "ATTACH and VACUUM INTO in SQL text are refused on SQLite: they open another file",
            hint="open a repo of its own for the other file",
        )
    if name.startswith("SQLITE_CONSTRAINT"):
        return _constraint(message, name, connection)
    if name in _BUSY:
        return LockNotAvailableError(message, sqlstate="SQLITE_BUSY", hint=HINTS["SQLITE_BUSY"])
    hint = next((hint for start, hint in _SAID.items() if message.startswith(start)), HINTS.get(name))
    return _raised(message, name) or DatabaseError(message, sqlstate=name, hint=hint)


def _raised(message: str, name: str) -> DatabaseError | None:
    """Return the error of a computation without a result, None for every other one."""
    found = _RAISED.search(message)
    what = message if found is None else found["what"]
    if found is not None and what == "division by zero":
        return DivisionByZeroError(what, sqlstate=name)
    return OutOfRangeError(what, sqlstate=name) if found is not None or what == "integer overflow" else None


def _name(exc: sqlite3.Error | sqlite3.Warning) -> str | None:
    name: str | None = getattr(exc, "sqlite_errorname", None)
    if name == "unknown":
        code: int = getattr(exc, "sqlite_errorcode", 0)
        return _UNKNOWN_TO_PYTHON.get(code, f"SQLITE_{code}")
    return name


def _without_code(message: str, url: str, params: Sequence[object]) -> EctypeError:
    binding = _BINDING.match(message)
    if binding is not None:
        return _parameter(int(binding[1]), binding["why"], params)
    if "closed database" in message:
        return ConnectError(f"the connection to {url} is closed", hint="a new one is made at the next call")
    return DatabaseError(message)


def _unfit(exc: OverflowError | UnicodeEncodeError, params: Sequence[object]) -> CastError:
    for position, value in enumerate(params, 1):
        if isinstance(exc, OverflowError) and isinstance(value, int) and not -(2**63) <= value < 2**63:
            return _parameter(position, "SQLite's integers have 64 bits", params)
        if isinstance(exc, UnicodeEncodeError) and isinstance(value, str) and not _encodable(value):
            return _parameter(position, "the text holds a lone surrogate, which UTF-8 cannot say", params)
    return CastError(f"a parameter cannot be sent: {exc.__class__.__name__}")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parameter(position: int, why: str, params: Sequence[object]) -> CastError:
    got = f" ({params[position - 1].__class__.__name__})" if 0 < position <= len(params) else ""
    return CastError(f"parameter ?{position}{got} cannot be sent: {why}")


def _constraint(message: str, name: str, connection: sqlite3.Connection) -> DatabaseError:
    failed = _FAILED.match(message)
    what = failed["what"] if failed else ""
    if name in _UNIQUE:
        return _unique(message, name, what, connection)
    if name == "SQLITE_CONSTRAINT_NOTNULL":
        table, columns = _table_and_columns(what)
        return ConstraintError(message, kind="not_null", table=table, columns=columns, sqlstate=name)
    if name == "SQLITE_CONSTRAINT_CHECK":
        return ConstraintError(message, kind="check", constraint=what or None, sqlstate=name)
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY" or message == _FOREIGN_KEY:
        return ConstraintError(message, kind="foreign_key", sqlstate=name)
    return DatabaseError(message, sqlstate=name)


def _table_and_columns(what: str) -> tuple[str | None, tuple[str, ...]]:
    """Read `t.a, t.b`. A column's name has no dot in it, a table's may."""
    pairs = [part.rpartition(".") for part in what.split(", ")]
    table = pairs[0][0] or None
    return table, tuple(column for _, _, column in pairs)


def _unique(message: str, name: str, what: str, connection: sqlite3.Connection) -> ConstraintError:
    index = _INDEX.match(what)
    if index is not None:
        found = _look_up(
            connection, "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?", index["name"]
        )
        table = str(found[0][0]) if found else None
        return ConstraintError(message, kind="unique", constraint=index["name"], table=table, sqlstate=name)
    table, columns = _table_and_columns(what)
    return ConstraintError(
        message,
        kind="unique",
        constraint=_index_name(connection, table, columns) if table else None,
        table=table,
        columns=columns,
        sqlstate=name,
    )


def _index_name(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> str | None:
    """Return the name of the one unique index over exactly these columns, if a user gave it.

    SQLite reports columns, not names; a table's own UNIQUE or PRIMARY KEY clause leaves none to report.
    """
    rows = _look_up(
        connection,
        "SELECT l.name, l.origin, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
        'WHERE l."unique" ORDER BY l.name, i.seqno',
        table,
    )
    indexes: dict[tuple[str, str], tuple[str, ...]] = {}
    for index, origin, column in rows:
        indexes[index, origin] = (*indexes.get((index, origin), ()), column)
    matching = [key for key, covered in indexes.items() if covered == columns]
    if len(matching) != 1:
        return None
    index, origin = matching[0]
    return index if origin == "c" else None


def _look_up(connection: sqlite3.Connection, sql: str, *params: str) -> list[tuple[str, ...]]:
    try:
        return connection.execute(sql, params).fetchall()
    except sqlite3.Error:
        # The name is an addition to an error that is on its way: without it the error stands as it is.
        return []
