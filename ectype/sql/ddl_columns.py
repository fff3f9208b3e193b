"""Columns as they stand in CREATE TABLE, and after ADD COLUMN in ALTER TABLE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.ddl import Column, ForeignKey, Identity, foreign_key_name
from ectype.sql.ddl_constraints import foreign_key_text
from ectype.sql.ddl_names import quote
from ectype.sql.ddl_types import column_type, default_text, primary_key_text
from ectype.sql.dialect import Dialect

SQLITE_COLLATIONS: Final = ("BINARY", "NOCASE", "RTRIM")
HOWS: Final[Mapping[bool, str]] = {True: "STORED", False: "VIRTUAL"}


def column_text(table: str, column: Column, dialect: Dialect, *, with_key: bool = True) -> str:
    """Return a column's definition; a foreign key of several columns, or one told apart by `with_key`, is not in it.

    Raises:
        MigrationError: its options contradict each other.
        UnsupportedError: the database has no such column.
    """
    name = quote(column.name, dialect, what="column")
    where = f"`{column.name}` of `{table}`"
    _refuse_contradictions(where, column)
    if is_row_id(column, dialect):
        _refuse_row_id(where, column, dialect)
        return f"{name} {primary_key_text(dialect)}"
    parts = [name, column_type(table, column, dialect)]
    if column.collation is not None:
        parts.append(f"COLLATE {collation_text(where, column.collation, dialect)}")
    if isinstance(column.identity, Identity):
        parts.append(_identity(where, column.identity, dialect))
    if column.default is not None:
        parts.append(f"DEFAULT {default_text(table, column, dialect)}")
    if column.generated is not None:
        parts.append(_generated(where, column, dialect))
    if not column.null or column.primary_key:
        parts.append("NOT NULL")
    # The constraint stands at its column: SQLite can drop such a column again, one named by a table constraint not.
    if column.references is not None and with_key and not column.references.others:
        parts.append(foreign_key_text(table, None, column.name, column.references, dialect, within_table=False))
    return " ".join(parts)


def wide_key(table: str, column: Column) -> ForeignKey | None:
    """Return the column's foreign key where it has further columns, and so stands by itself."""
    to = column.references
    if to is None or not to.others:
        return None
    return ForeignKey(to.name or foreign_key_name(table, column.name), column.name, to)


def is_row_id(column: Column, dialect: Dialect) -> bool:
    """Whether the column is the key that the database numbers, in words that make it the primary key too."""
    return column.identity is True or (
        isinstance(column.identity, Identity) and column.primary_key and not dialect.schemas
    )


def collation_text(where: str, name: str, dialect: Dialect) -> str:
    """Return a collation in quotes; the order by code point has a name of its own on each database."""
    if name == "C":
        return '"' + dialect.code_point_collation.strip('"') + '"'
    if not dialect.server_collations and name.upper() not in SQLITE_COLLATIONS:
        raise UnsupportedError(
            f"{where}: {dialect.name} has no collation {name!r}",
            hint=f"it has {', '.join(SQLITE_COLLATIONS)}, and C, the order by code point, as every database",
        )
    return quote(name, dialect, what="collation")


def _refuse_contradictions(where: str, column: Column) -> None:
    filled = [
        word
        for word, given in (
            ("default=", column.default is not None),
            ("generated=", column.generated is not None),
            ("identity=", column.identity is not False),
        )
        if given
    ]
    if len(filled) > 1:
        raise MigrationError(
            f"{where} has `{'` and `'.join(filled)}`: one of them fills the column, not both", hint="take one out"
        )
    if not column.stored and column.generated is None:
        raise MigrationError(
            f"{where} has `stored=False`, and nothing that is computed",
            hint='say what computes it: generated=Raw("price * count")',
        )
    if column.references is not None and not column.references.validate:
        raise MigrationError(
            f"{where} has `validate=False`, and a new table has no rows that could break the key",
            hint="leave `validate=False` out",
        )


def _refuse_row_id(where: str, column: Column, dialect: Dialect) -> None:
    if isinstance(column.identity, Identity) and column.identity != Identity():
        raise UnsupportedError(
            f"{where}: {dialect.name} numbers a key by itself, from 1, unless an INSERT gives a number",
            hint="leave `always=`, `start=` and `increment=` out; to start later, insert a first row with that key",
        )


def _identity(where: str, one: Identity, dialect: Dialect) -> str:
    if not dialect.schemas:
        raise UnsupportedError(
            f"{where}: {dialect.name} numbers the primary key alone",
            hint="give the number in the application, or by a trigger",
        )
    options = [
        f"{word} {number:d}"
        for word, number in (("START WITH", one.start), ("INCREMENT BY", one.increment))
        if number is not None
    ]
    how = "ALWAYS" if one.always else "BY DEFAULT"
    return f"GENERATED {how} AS IDENTITY" + (f" ({' '.join(options)})" if options else "")


def _generated(where: str, column: Column, dialect: Dialect) -> str:
    if not column.stored and dialect.version < dialect.virtual_columns_since:
        raise UnsupportedError(
            f"{where}: {dialect.name} {dialect.version[0]} keeps what it computes, and `stored=False` asks it not to",
            hint="PostgreSQL 18 can; before, drop `stored=False`",
        )
    sql = "" if column.generated is None else column.generated.sql
    return f"GENERATED ALWAYS AS ({sql}) {HOWS[column.stored]}"
