"""What a database holds beside tables: enums, views, functions, triggers, policies and their like, as plain data.

Migrations make and compare them; queries read a view as they read a table, through a schema with its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, LiteralString, TypeAlias, cast, get_args, overload

from ectype.errors import SchemaError, did_you_mean
from ectype.schema.class_options import PROCESS
from ectype.schema.meta import SchemaInfo
from ectype.schema.registry import Registry
from ectype.schema.schema import Schema

Kind: TypeAlias = Literal["enum", "extension", "view", "materialized_view", "function", "trigger", "policy", "sequence"]
Database: TypeAlias = Literal["postgres", "sqlite"]

OF_A_TABLE: Final = ("trigger", "policy")
WITHOUT_TEXT: Final = ("enum", "extension")


@dataclass(frozen=True, slots=True)
class DatabaseObject:
    """Something that a database holds beside tables.

    Attributes:
        kind: what it is.
        name: its name.
        prefix: the PostgreSQL schema that it is in; None for the default.
        values: those of an enum, in order.
        table: that of a trigger or policy.
        create: the text that makes it; "" where its kind and name say all.
        drop: the text that removes it; "" as above.
        database: the one that has it; None for both.
    """

    kind: Kind
    name: str
    prefix: str | None = None
    values: tuple[str, ...] = ()
    table: str | None = None
    create: str = ""
    drop: str = ""
    database: Database | None = None


@overload
def database_object(
    kind: Literal["enum"],
    name: str,
    *,
    values: type[Enum] | Sequence[str],
    prefix: str | None = ...,
    base: type[Schema] = ...,
) -> DatabaseObject: ...
@overload
def database_object(
    kind: Literal["extension"], name: str, *, prefix: str | None = ..., base: type[Schema] = ...
) -> DatabaseObject: ...
@overload
def database_object(
    kind: Literal["view", "materialized_view", "function", "sequence"],
    name: str,
    *,
    create: LiteralString,
    drop: LiteralString,
    prefix: str | None = ...,
    database: Database | None = ...,
    base: type[Schema] = ...,
) -> DatabaseObject: ...
@overload
def database_object(
    kind: Literal["trigger", "policy"],
    name: str,
    *,
    on: type[Schema],
    create: LiteralString,
    drop: LiteralString,
    database: Database | None = ...,
    base: type[Schema] = ...,
) -> DatabaseObject: ...
def database_object(
    kind: Kind,
    name: str,
    *,
    values: Any = (),
    on: Any = None,
    create: str = "",
    drop: str = "",
    prefix: str | None = None,
    database: Database | None = None,
    base: type[Schema] = Schema,
) -> DatabaseObject:
    """Declare something that the database holds beside tables, for migrations to make and compare.

    Args:
        kind: `enum`, `extension`, `view`, `materialized_view`, `function`, `trigger`, `policy` or
            `sequence`.
        name: its name.
        values: those of an enum: a str Enum, or texts in order.
        on: the schema whose table a trigger or policy is of.
        create: the statement that makes it; an enum and an extension need none.
        drop: the statement that removes it.
        prefix: the PostgreSQL schema that it is in.
        database: the one that has it, where its text is for one only. SQLite has views and triggers alone.
        base: the base whose application it belongs to.

    Raises:
        SchemaError: for what its kind does not have, or another object of that kind and name.

    Example:
        database_object("enum", "role", values=Role)
        database_object(
            "view",
            "adults",
            create="CREATE VIEW adults AS SELECT * FROM users WHERE age > 17",
            drop="DROP VIEW adults",
        )
    """
    if kind not in get_args(Kind):
        raise SchemaError(f"there is no database object {kind!r:.60}", hint=did_you_mean(str(kind), get_args(Kind)))
    for what, given in (("name", name), ("prefix", prefix)):
        if not (isinstance(given, str) and given.strip()) and not (what == "prefix" and given is None):
            raise SchemaError(f"the {what} of a database object is a text, got {given!r:.60}")
    label = f'database_object("{kind}", "{name}")'
    _check_text(label, kind, create, drop)
    if database not in (None, *get_args(Database)):
        raise SchemaError(f"`{label}` is for one of {', '.join(get_args(Database))}, got {database!r:.60}")
    made = DatabaseObject(
        kind=kind,
        name=name,
        prefix=prefix,
        values=_values(label, kind, values),
        table=_table(label, kind, on),
        create=create,
        drop=drop,
        database=database if database is not None or kind in ("view", "trigger") else "postgres",
    )
    _registry(base).keep(made, (made.kind, made.prefix, made.table, made.name, made.database))
    return made


def database_objects(base: type[Schema] = Schema) -> tuple[DatabaseObject, ...]:
    """Return the objects of an application, in the order in which they were declared."""
    return cast("tuple[DatabaseObject, ...]", tuple(_registry(base).objects.values()))


def _registry(base: Any) -> Registry:
    if base is Schema:
        return PROCESS
    options = getattr(base, "__options__", None)
    if options is None:
        raise SchemaError(f"`base` is a base of schemas, got {base!r:.60}", hint="pass `Schema`, or a base of your own")
    return cast("Registry", options.registry)


def _check_text(label: str, kind: Kind, create: object, drop: object) -> None:
    for option, text in (("create", create), ("drop", drop)):
        if not isinstance(text, str) or bool(text.strip()) == (kind in WITHOUT_TEXT):
            raise SchemaError(
                f"`{label}` is made by its name alone, got {option}={text!r:.60}"
                if kind in WITHOUT_TEXT
                else f"`{label}` needs `{option}`, the statement for it, got {text!r:.60}",
                hint=f"drop `{option}=`" if kind in WITHOUT_TEXT else f'write `{option}="{option.upper()} …"`',
            )


def _values(label: str, kind: Kind, given: Any) -> tuple[str, ...]:
    if isinstance(given, type) and issubclass(given, Enum):
        given = [one.value for one in given]
    listed: tuple[Any, ...] = tuple(cast("Sequence[Any]", given)) if isinstance(given, list | tuple) else (None,)
    if kind != "enum" and listed:
        raise SchemaError(f"`{label}` has no values, got {given!r:.60}")
    if kind == "enum" and (not listed or not all(isinstance(one, str) and one for one in listed)):
        raise SchemaError(f"`{label}` has texts for values, got {given!r:.60}", hint="write `values=Role`, a str Enum")
    if len(set(listed)) < len(listed):
        raise SchemaError(f"`{label}` has a value twice: {', '.join(map(repr, listed))}")
    return cast("tuple[str, ...]", listed)


def _table(label: str, kind: Kind, on: Any) -> str | None:
    info = getattr(on, "__schema__", None)
    if kind not in OF_A_TABLE:
        if on is not None:
            raise SchemaError(f"`{label}` is of no table, got on={on!r:.60}")
        return None
    if not isinstance(info, SchemaInfo) or info.table is None:
        raise SchemaError(
            f"`{label}` is of a schema with a table, got on={on!r:.60}", hint=f"write `on=User` for a {kind} of users"
        )
    return info.table
