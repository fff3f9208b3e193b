"""Enums, views, functions, triggers, extensions and schemas as SQL text."""

from __future__ import annotations

import re
from typing import Final, assert_never

from ectype.errors import MigrationError
from ectype.sql.ddl_names import lacks, qualified, quote
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateFunction,
    CreateSchema,
    CreateTrigger,
    CreateView,
    DropEnum,
    DropExtension,
    DropFunction,
    DropSchema,
    DropTrigger,
    DropView,
    Function,
    ObjectNode,
    RenameEnumValue,
    ReplaceFunction,
    ReplaceTrigger,
    ReplaceView,
    Trigger,
    View,
)
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect

HINTS: Final = {
    "enum type": "take a column of text with a check: t.check(\"role_known\", \"role IN ('admin', 'member')\")",
    "function": "write what it does into the trigger, or into a generated column",
    "extension": "leave it out: what SQLite has is compiled in",
    "schema": "put the schema into the table's name: `audit_events`",
    "materialized view": "make a plain view, or a table that a trigger keeps",
}


def object_node_texts(node: ObjectNode, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements of a command about something beside tables.

    Raises:
        MigrationError: it cannot be meant so.
        UnsupportedError: this database has no such thing.
    """
    match node:
        case CreateEnum() | DropEnum() | AddEnumValue() | RenameEnumValue():
            return (_enum(node, dialect),)
        case CreateView() | DropView() | ReplaceView():
            return _view(node, dialect)
        case CreateFunction() | DropFunction() | ReplaceFunction():
            return (_function(node, dialect),)
        case CreateTrigger() | DropTrigger() | ReplaceTrigger():
            return _trigger(node, dialect)
        case CreateExtension() | DropExtension():
            return (_extension(node, dialect),)
        case CreateSchema(name, condition):
            return (f"CREATE SCHEMA {_unless(there=condition)}{_server_name(name, None, dialect, 'schema')}",)
        case DropSchema(name, condition):
            return (f"DROP SCHEMA {_if(exists=condition)}{_server_name(name, None, dialect, 'schema')}",)
        case _:
            assert_never(node)


def _server_name(name: str, prefix: str | None, dialect: Dialect, what: str) -> str:
    if not dialect.schemas:
        raise lacks(f"the {what} `{name}`", dialect, HINTS[what])
    return qualified(name, prefix, dialect, what=what)


def _if(*, exists: bool) -> str:
    return "IF EXISTS " if exists else ""


def _unless(*, there: bool) -> str:
    return "IF NOT EXISTS " if there else ""


def _enum(node: CreateEnum | DropEnum | AddEnumValue | RenameEnumValue, dialect: Dialect) -> str:
    name = _server_name(node.name, node.prefix, dialect, "enum type")
    match node:
        case CreateEnum(_, values):
            return f"CREATE TYPE {name} AS ENUM ({', '.join(literal_text(one, dialect) for one in values)})"
        case DropEnum():
            return f"DROP TYPE {_if(exists=node.if_exists)}{name}"
        case AddEnumValue(_, value, before, after):
            place = "" if before is None else f" BEFORE {literal_text(before, dialect)}"
            place += "" if after is None else f" AFTER {literal_text(after, dialect)}"
            condition = _unless(there=node.if_not_exists)
            return f"ALTER TYPE {name} ADD VALUE {condition}{literal_text(value, dialect)}{place}"
        case RenameEnumValue(_, value, to):
            return f"ALTER TYPE {name} RENAME VALUE {literal_text(value, dialect)} TO {literal_text(to, dialect)}"


def _view(node: CreateView | DropView | ReplaceView, dialect: Dialect) -> tuple[str, ...]:
    match node:
        case CreateView(view):
            return (_create_view(view, dialect),)
        case DropView(name, _, materialized, prefix, if_exists):
            return (_drop_view(name, prefix, dialect, materialized=materialized, if_exists=if_exists),)
        case ReplaceView(view):
            # CREATE OR REPLACE can add columns and take none away, so that it could not be rolled back.
            gone = _drop_view(view.name, view.prefix, dialect, materialized=view.materialized)
            return gone, _create_view(view, dialect)


def _function(node: CreateFunction | DropFunction | ReplaceFunction, dialect: Dialect) -> str:
    match node:
        case CreateFunction(function):
            return _create_function(function, dialect)
        case DropFunction():
            return _drop_function(node, dialect)
        case ReplaceFunction(function):
            return _create_function(function, dialect, verb="CREATE OR REPLACE FUNCTION")


def _trigger(node: CreateTrigger | DropTrigger | ReplaceTrigger, dialect: Dialect) -> tuple[str, ...]:
    match node:
        case CreateTrigger(trigger):
            return (_create_trigger(trigger, dialect),)
        case DropTrigger(name, table, _, prefix, if_exists):
            return (_drop_trigger(name, table, prefix, dialect, if_exists=if_exists),)
        case ReplaceTrigger(trigger):
            gone = _drop_trigger(trigger.name, trigger.table, trigger.prefix, dialect)
            return gone, _create_trigger(trigger, dialect)


def _kind(name: str, dialect: Dialect, *, materialized: bool) -> str:
    if materialized and not dialect.schemas:
        raise lacks(f"the materialized view `{name}`", dialect, HINTS["materialized view"])
    return "MATERIALIZED VIEW" if materialized else "VIEW"


def _create_view(view: View, dialect: Dialect) -> str:
    kind = _kind(view.name, dialect, materialized=view.materialized)
    return f"CREATE {kind} {qualified(view.name, view.prefix, dialect, what='view')} AS {view.query}"


def _drop_view(name: str, prefix: str | None, dialect: Dialect, *, materialized: bool, if_exists: bool = False) -> str:
    kind = _kind(name, dialect, materialized=materialized)
    return f"DROP {kind} {_if(exists=if_exists)}{qualified(name, prefix, dialect, what='view')}"


def _create_function(one: Function, dialect: Dialect, verb: str = "CREATE FUNCTION") -> str:
    return f"{verb} {_server_name(one.name, one.prefix, dialect, 'function')}({one.arguments}) {one.body}"


def _drop_function(node: DropFunction, dialect: Dialect) -> str:
    name = _server_name(node.name, node.prefix, dialect, "function")
    arguments = "" if node.arguments is None else f"({without_defaults(node.arguments)})"
    return f"DROP FUNCTION {_if(exists=node.if_exists)}{name}{arguments}"


def without_defaults(arguments: str) -> str:
    """Return the arguments of a function as DROP FUNCTION takes them.

    >>> without_defaults("a int, b numeric(4,2) DEFAULT 1.5, c text = 'x, y'")
    'a int, b numeric(4,2), c text'
    """
    parts, depth, quoted = [""], 0, False
    for sign in arguments:
        quoted ^= sign == "'"
        depth += 0 if quoted else (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return ", ".join(re.split(r"(?i)\s+default\b|\s*:?=", part, maxsplit=1)[0].strip() for part in parts)


def _create_trigger(one: Trigger, dialect: Dialect) -> str:
    if "\0" in one.when + one.run:
        raise MigrationError(f"the trigger `{one.name}` holds a NUL character", hint="take it out")
    table = qualified(one.table, one.prefix, dialect, what="table")
    return f"CREATE TRIGGER {quote(one.name, dialect, what='trigger')} {one.when} ON {table} {one.run}"


def _drop_trigger(name: str, table: str, prefix: str | None, dialect: Dialect, *, if_exists: bool = False) -> str:
    on = qualified(table, prefix, dialect, what="table")
    text = f"DROP TRIGGER {_if(exists=if_exists)}{quote(name, dialect, what='trigger')}"
    # On PostgreSQL a trigger's name is its table's own; SQLite has one of each name in the database.
    return f"{text} ON {on}" if dialect.schemas else text


def _extension(node: CreateExtension | DropExtension, dialect: Dialect) -> str:
    name = _server_name(node.name, None, dialect, "extension")
    if isinstance(node, DropExtension):
        return f"DROP EXTENSION {_if(exists=node.if_exists)}{name}"
    within = "" if node.prefix is None else f" SCHEMA {quote(node.prefix, dialect, what='schema')}"
    version = "" if node.version is None else f" VERSION {literal_text(node.version, dialect)}"
    return f"CREATE EXTENSION {_unless(there=node.if_not_exists)}{name}{within}{version}"
