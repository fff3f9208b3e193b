"""What is replaced must be what the migration says it was: else somebody's change would be lost, now or at a rollback.

The database compares in its own words: inside a savepoint the old definition is made anew from `was`, read back by
hash, and undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from ectype.adapters.base import Connection
from ectype.errors import DatabaseError, MigrationError
from ectype.migrations.catalog_text import parts_of, unquoted
from ectype.sql.ddl import Node
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.ddl_names import qualified
from ectype.sql.ddl_objects import ReplaceFunction, ReplaceTrigger, ReplaceView
from ectype.sql.dialect import Dialect

Replaced: TypeAlias = ReplaceView | ReplaceFunction | ReplaceTrigger

SAVEPOINT: Final = "ectype_replacing"
VIEW: Final = "SELECT pg_get_viewdef(to_regclass($1))"
FUNCTION: Final = """\
SELECT string_agg(pg_get_functiondef(p.oid), ';' ORDER BY p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.proname = $1 AND n.nspname = coalesce($2, current_schema()) AND p.prokind = 'f\'"""
TRIGGER: Final = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2"
SQLITE: Final = "SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2 COLLATE NOCASE"


async def check_replaced(connection: Connection, node: Node, dialect: Dialect) -> None:
    """See that what the command replaces is what its `was` says; without `was` there is nothing to see to.

    Raises:
        MigrationError: it is another text, or `was` cannot be made.
    """
    if not isinstance(node, Replaced) or node.was is None:
        return
    what, before = _called(node), _before(node)
    now = await _definition(connection, node, dialect)
    await connection.execute(f"SAVEPOINT {SAVEPOINT}")
    try:
        for sql in compile_ddl(before, dialect):
            await connection.execute(sql)
        said = await _definition(connection, node, dialect)
    except DatabaseError as exc:
        raise MigrationError(
            f"the {what} cannot be made as `was=` says: {exc.message}",
            hint="give the text that the database has, so that a rollback can go back to it",
        ) from exc
    await connection.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
    await connection.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
    if now != said:
        raise MigrationError(
            f"the {what} is not what `was=` says: the database has the text {_hash(now)}, and `was=` is {_hash(said)}",
            hint="somebody changed it outside the migrations: look at it, and give `was=` what it is now",
        )


def _before(node: Replaced) -> Replaced:
    """Return the command that makes what was; a materialized view without its rows, which nobody reads here."""
    match node:
        case ReplaceView(view, was):
            was = was or view
            return ReplaceView(replace(was, query=f"{was.query} WITH NO DATA") if was.materialized else was)
        case ReplaceFunction(function, was):
            return ReplaceFunction(was or function)
        case ReplaceTrigger(trigger, was):
            return ReplaceTrigger(was or trigger)


def _called(node: Replaced) -> str:
    match node:
        case ReplaceView(view):
            return f"view `{view.name}`"
        case ReplaceFunction(function):
            return f"function `{function.name}`"
        case ReplaceTrigger(trigger):
            return f"trigger `{trigger.name}` of `{trigger.table}`"


async def _definition(connection: Connection, node: Replaced, dialect: Dialect) -> str:
    """Return the text by which the database would make the thing anew; "" where there is none."""
    if not dialect.schemas:
        kind, name = ("view", node.view.name) if isinstance(node, ReplaceView) else ("trigger", _name(node))
        return _plain(await _text(connection, SQLITE, (kind, name)))
    match node:
        case ReplaceView(view):
            return await _text(connection, VIEW, (qualified(view.name, view.prefix, dialect, what="view"),))
        case ReplaceFunction(function):
            # All of that name: the one with these arguments is among them, and the others do not change here.
            return await _text(connection, FUNCTION, (function.name, function.prefix))
        case ReplaceTrigger(trigger):
            table = qualified(trigger.table, trigger.prefix, dialect, what="table")
            return await _text(connection, TRIGGER, (table, trigger.name))


def _name(node: Replaced) -> str:
    return node.trigger.name if isinstance(node, ReplaceTrigger) else ""


async def _text(connection: Connection, sql: str, params: Sequence[object]) -> str:
    rows = await connection.fetch(sql, params, list)
    return (rows[0][0] or "") if rows else ""


def _plain(sql: str) -> str:
    """Return SQLite's text, which is its author's own, without what does not matter: spaces, case and quotes."""
    words: list[str] = []
    for part in parts_of(sql):
        if part.text.startswith("("):
            words.append(f"({_plain(part.text[1:-1])})")
        else:
            words.append(part.text if part.text.startswith("'") else unquoted(part.text).lower())
    return " ".join(words)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "none"
