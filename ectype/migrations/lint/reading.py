"""Statements to facts: what a statement does, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ectype.migrations.lint.facts import Fact
from ectype.migrations.lint.reading_tables import alter_table, create_table
from ectype.migrations.lint.tokens import Cursor, Token, text_of

WRITES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
TRANSACTIONS: Final = ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE")
OUTSIDE: Final = (
    "VACUUM", "ALTER SYSTEM", "CREATE DATABASE", "DROP DATABASE", "CREATE TABLESPACE", "DROP TABLESPACE",
    "CREATE SUBSCRIPTION", "DROP SUBSCRIPTION", "ATTACH", "DETACH",
)  # fmt: skip
OBJECTS: Final = (
    "MATERIALIZED VIEW", "VIEW", "FUNCTION", "PROCEDURE", "AGGREGATE", "TYPE", "DOMAIN", "SCHEMA", "SEQUENCE",
    "EXTENSION", "TRIGGER", "POLICY", "RULE",
)  # fmt: skip


def facts_of(tokens: Sequence[Token]) -> tuple[Fact, ...]:
    """Return what a statement does; one `other` where no rule asks for it."""
    cursor = Cursor(tokens)
    for word in TRANSACTIONS:
        if cursor.sees(word):
            return (Fact("transaction", name=text_of(tokens).upper()),)
    for word in OUTSIDE:
        if cursor.sees(*word.split()):
            return _outside(cursor, word)
    for word, read in READERS.items():
        if cursor.takes(word):
            return tuple(read(cursor)) or (Fact("other"),)
    return (Fact("other"),)


def _outside(cursor: Cursor, word: str) -> tuple[Fact, ...]:
    cursor.takes(*word.split())
    found = Fact("outside", name=word)
    if word == "DROP DATABASE":
        cursor.takes("IF", "EXISTS")
        return (found, Fact("drop object", name=cursor.name(), to="database"))
    if word == "VACUUM" and any(token.value == "FULL" for token in cursor.rest):
        cursor.brackets()
        while cursor.takes_any("FULL", "FREEZE", "VERBOSE", "ANALYZE"):
            pass
        return (found, Fact("rewrite", table=cursor.name(), name="VACUUM FULL"))
    return (found,)


def _create(cursor: Cursor) -> list[Fact]:
    cursor.takes("OR", "REPLACE")
    if cursor.takes_any("UNIQUE INDEX", "INDEX"):
        return [_create_index(cursor)]
    if cursor.takes("TYPE"):
        name = cursor.name()
        return [Fact("create enum", name=name)] if cursor.takes("AS", "ENUM") else []
    while cursor.takes_any("GLOBAL", "LOCAL", "UNLOGGED", "FOREIGN", "VIRTUAL"):
        pass
    if cursor.takes_any("TEMPORARY", "TEMP"):
        return []
    return [create_table(cursor)] if cursor.takes("TABLE") else []


def _create_index(cursor: Cursor) -> Fact:
    unique = cursor.tokens[cursor.position - 2].value == "UNIQUE"
    concurrently = cursor.takes("CONCURRENTLY")
    cursor.takes("IF", "NOT", "EXISTS")
    name = "" if cursor.sees("ON") else cursor.name()
    cursor.takes("ON")
    cursor.takes("ONLY")
    table = cursor.name()
    cursor.until("(")
    columns = tuple(token.name for token in cursor.brackets() if token.kind in ("word", "name"))
    return Fact("create index", table, name, columns=columns, concurrently=concurrently, unique=unique)


def _drop(cursor: Cursor) -> list[Fact]:
    if cursor.takes("INDEX"):
        concurrently = cursor.takes("CONCURRENTLY")
        cursor.takes("IF", "EXISTS")
        return [Fact("drop index", name=name, concurrently=concurrently) for name in cursor.names()]
    if cursor.takes_any("FOREIGN TABLE", "TABLE"):
        cursor.takes("IF", "EXISTS")
        return [Fact("drop table", name) for name in cursor.names()]
    kind = cursor.takes_any(*OBJECTS)
    if kind is None:
        return []
    cursor.takes("IF", "EXISTS")
    return [Fact("drop object", name=name, to=kind.lower()) for name in cursor.names()]


def _alter(cursor: Cursor) -> list[Fact]:
    if cursor.takes_any("FOREIGN TABLE", "TABLE"):
        return alter_table(cursor)
    if cursor.takes("TYPE"):
        return _alter_type(cursor)
    kind = cursor.takes_any(*OBJECTS, "INDEX", "COLLATION", "ROLE", "SERVER")
    if kind is None:
        return []
    cursor.takes("IF", "EXISTS")
    name = cursor.name()
    cursor.until("RENAME", "SET", "ADD", "VALIDATE")
    if kind == "DOMAIN" and cursor.takes("ADD"):
        not_valid = text_of(cursor.rest).endswith("not valid")
        return [Fact("add constraint", name=name, to="domain", constraint="check", not_valid=not_valid)]
    if cursor.takes("RENAME", "TO"):
        return [] if kind == "INDEX" else [Fact("rename object", name=name, to=cursor.name(), text=kind.lower())]
    if cursor.takes("SET", "SCHEMA"):
        return [Fact("move", name=name, to=cursor.name(), text=kind.lower())]
    return []


def _alter_type(cursor: Cursor) -> list[Fact]:
    name = cursor.name()
    if cursor.takes("ADD", "VALUE"):
        cursor.takes("IF", "NOT", "EXISTS")
        value = cursor.next()
        return [Fact("add value", name=name, to="" if value is None else value.value)]
    if cursor.takes("RENAME", "VALUE"):
        value = cursor.next()
        return [Fact("rename value", name=name, to="" if value is None else value.value)]
    if cursor.takes("RENAME", "TO"):
        return [Fact("rename object", name=name, to=cursor.name(), text="type")]
    if cursor.takes("SET", "SCHEMA"):
        return [Fact("move", name=name, to=cursor.name(), text="type")]
    return []


def _truncate(cursor: Cursor) -> list[Fact]:
    cursor.takes("TABLE")
    cursor.takes("ONLY")
    return [Fact("truncate", name) for name in cursor.names()]


def _reindex(cursor: Cursor) -> list[Fact]:
    in_brackets = text_of(cursor.brackets())
    what = cursor.takes_any("INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM") or ""
    concurrently = cursor.takes("CONCURRENTLY") or "concurrently" in in_brackets
    name = cursor.name()
    return [Fact("reindex", name if what == "TABLE" else "", name, to=what, concurrently=concurrently)]


def _cluster(cursor: Cursor) -> list[Fact]:
    cursor.takes("VERBOSE")
    return [Fact("rewrite", cursor.name(), "CLUSTER")]


def _refresh(cursor: Cursor) -> list[Fact]:
    cursor.takes("MATERIALIZED", "VIEW")
    if cursor.takes("CONCURRENTLY"):
        return []
    return [Fact("rewrite", cursor.name(), "REFRESH MATERIALIZED VIEW")]


def _set(cursor: Cursor) -> list[Fact]:
    cursor.takes_any("LOCAL", "SESSION")
    name = cursor.name()
    if not (cursor.takes("TO") or cursor.takes("=")):
        return []
    return [Fact("set", name=name, text=" ".join(token.value for token in cursor.rest))]


def _pragma(cursor: Cursor) -> list[Fact]:
    name = cursor.name()
    value = text_of(cursor.rest).strip("=() ")
    return [Fact("pragma", name=name, text=value)]


def _lock(cursor: Cursor) -> list[Fact]:
    cursor.takes("TABLE")
    cursor.takes("ONLY")
    return [Fact("lock", name) for name in cursor.names()]


def _write(cursor: Cursor) -> list[Fact]:
    word = cursor.tokens[cursor.position - 1].value
    cursor.takes_any("OR REPLACE INTO", "OR IGNORE INTO", "INTO", "FROM")
    cursor.takes("ONLY")
    name = cursor.name()
    # `COPY t TO …` reads.
    if word == "COPY":
        cursor.brackets()
        if not cursor.takes("FROM"):
            return []
    return [Fact("write", name, word)]


def _with(cursor: Cursor) -> list[Fact]:
    cursor.until(*WRITES, "SELECT", "TABLE", "VALUES")
    word = cursor.takes_any(*WRITES)
    return [] if word is None else _write(cursor)


def _select(cursor: Cursor) -> list[Fact]:
    # `SELECT set_config('lock_timeout', '0', …)` is a SET.
    if not cursor.takes("SET_CONFIG"):
        return []
    given = [part for part in cursor.brackets() if part.kind == "text"]
    return [Fact("set", name=given[0].value, text=given[1].value)] if len(given) > 1 else []


READERS: Final[dict[str, Callable[[Cursor], list[Fact]]]] = {
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "TRUNCATE": _truncate,
    "REINDEX": _reindex,
    "CLUSTER": _cluster,
    "REFRESH": _refresh,
    "SET": _set,
    "PRAGMA": _pragma,
    "LOCK": _lock,
    "SELECT": _select,
    "WITH": _with,
    **dict.fromkeys(WRITES, _write),
}
