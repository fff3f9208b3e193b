"""Constraints as they stand in CREATE TABLE, and after ADD in ALTER TABLE."""

from __future__ import annotations

from typing import Final

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.ddl import (
    Check,
    Constraint,
    Exclusion,
    ForeignKey,
    Key,
    OnAction,
    OnDelete,
    References,
    SetColumns,
    foreign_key_name,
)
from ectype.sql.ddl_names import columns_text, quote, table_name
from ectype.sql.dialect import Dialect

ACTIONS: Final[dict[OnAction, str]] = {
    "nothing": "NO ACTION",
    "restrict": "RESTRICT",
    "cascade": "CASCADE",
    "set_null": "SET NULL",
    "set_default": "SET DEFAULT",
}


def constraint_text(table: str, one: Constraint, dialect: Dialect, *, validate: bool = True) -> str:
    """Return a constraint as SQL.

    Raises:
        MigrationError: it cannot be meant so.
        UnsupportedError: this database has no such constraint.
    """
    head = f"CONSTRAINT {quote(one.name, dialect, what='check' if isinstance(one, Check) else 'constraint')} "
    tail = "" if validate else _not_valid(table, one, dialect)
    match one:
        case Check(_, sql):
            return f"{head}CHECK ({sql}){tail}"
        case Exclusion():
            return head + _exclusion(table, one, dialect)
        case Key():
            return head + _key(table, one, dialect)
        case ForeignKey(name, column, to):
            return foreign_key_text(table, name, column, to, dialect, within_table=True) + tail


def _not_valid(table: str, one: Constraint, dialect: Dialect) -> str:
    where = f"`{one.name}` of `{table}`"
    if not isinstance(one, Check | ForeignKey):
        raise MigrationError(
            f"{where} has `validate=False`, which checks and foreign keys alone can have",
            hint="leave it out; a unique index made `concurrently=True` can become the constraint by `using_index=`",
        )
    if not dialect.late_validation:
        raise UnsupportedError(
            f"{where} has `validate=False`, and {dialect.name} checks all rows when a table gets a constraint",
            hint="leave `validate=False` out",
        )
    return " NOT VALID"


def _exclusion(table: str, one: Exclusion, dialect: Dialect) -> str:
    if not dialect.exclusion_constraints:
        raise UnsupportedError(
            f"`{one.name}` of `{table}`: {dialect.name} has no exclusion constraints",
            hint="check before the insert, in an IMMEDIATE transaction, or by a trigger that raises",
        )
    return f"EXCLUDE USING {one.sql}{_deferrable(one.deferrable)}"


def _key(table: str, one: Key, dialect: Dialect) -> str:
    kind = "PRIMARY KEY" if one.primary else "UNIQUE"
    where = f"`{one.name}` of `{table}`"
    refused = [
        option
        for option, given in (
            ("using_index", one.using_index is not None),
            ("deferrable", one.deferrable is not None),
            ("nulls_distinct=False", not one.nulls_distinct),
        )
        if given
    ]
    if refused and not dialect.index_options:
        raise UnsupportedError(
            f"{where} has `{refused[0]}`, which no key of {dialect.name} has",
            hint="leave it out, or make a unique index that says it: m.create_index(…, unique=True)",
        )
    if one.using_index is not None:
        text = f"{kind} USING INDEX {quote(one.using_index, dialect, what='index')}"
    else:
        refuse_equal_nulls(where, dialect, nulls_distinct=one.nulls_distinct)
        nulls = "" if one.nulls_distinct else "NULLS NOT DISTINCT "
        text = f"{kind} {nulls}({columns_text(one.columns, dialect)})"
    return text + _deferrable(one.deferrable)


def refuse_equal_nulls(where: str, dialect: Dialect, *, nulls_distinct: bool) -> None:
    """Raise UnsupportedError where `nulls_distinct=False` was asked of a server that does not know it yet."""
    if not nulls_distinct and dialect.version < (15, 0):
        raise UnsupportedError(
            f"{where}: {dialect.name} {dialect.version[0]} has no `nulls_distinct=False`",
            hint='PostgreSQL 15 has it; before, add a unique index over the rows with NULL: `where="… IS NULL"`',
        )


def foreign_key_text(
    table: str, name: str | None, column: str, to: References, dialect: Dialect, *, within_table: bool
) -> str:
    """Return a foreign key: at its column, or `within_table`, where it names its columns itself.

    Raises:
        UnsupportedError: this database, or its version, has no such key.
    """
    _refuse(f"`{column}` of `{table}`", to, dialect)
    quoted = quote(name or to.name or foreign_key_name(table, column), dialect, what="foreign key")
    there = columns_text((to.column, *(other for _, other in to.others)), dialect)
    here = columns_text((column, *(one for one, _ in to.others)), dialect)
    head = f"CONSTRAINT {quoted} " + (f"FOREIGN KEY ({here}) " if within_table else "")
    text = f"{head}REFERENCES {table_name(to.table, to.prefix, dialect)} ({there})"
    if to.match is not None:
        text += f" MATCH {to.match.upper()}"
    if to.on_delete != "nothing":
        text += f" ON DELETE {_action(to.on_delete, dialect)}"
    if to.on_update != "nothing":
        text += f" ON UPDATE {ACTIONS[to.on_update]}"
    return text + _deferrable(to.deferrable)


def _action(action: OnDelete, dialect: Dialect) -> str:
    if isinstance(action, SetColumns):
        return f"{ACTIONS[action.action]} ({columns_text(action.columns, dialect)})"
    return ACTIONS[action]


def _refuse(where: str, to: References, dialect: Dialect) -> None:
    if to.match == "full" and not dialect.late_validation:
        raise UnsupportedError(
            f"{where}: {dialect.name} reads MATCH FULL and does not keep to it",
            hint="leave `match=` out, and add a check: all columns of the key are NULL, or none",
        )
    if isinstance(to.on_delete, SetColumns) and (not dialect.late_validation or dialect.version < (15, 0)):
        raise UnsupportedError(
            f"{where}: {dialect.name} {'.'.join(map(str, dialect.version))} sets all columns of a key, not some",
            hint='PostgreSQL 15 can; else take on_delete="set_null", or a trigger',
        )


def _deferrable(when: str | None) -> str:
    return "" if when is None else f" DEFERRABLE INITIALLY {when.upper()}"
