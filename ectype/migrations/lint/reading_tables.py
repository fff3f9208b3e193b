"""CREATE TABLE and ALTER TABLE to facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ectype.migrations.lint.facts import ConstraintKind, Fact, NewColumn
from ectype.migrations.lint.tokens import Cursor, Token, parts, text_of
from ectype.migrations.lint.types import type_name

# What ends the type of a column.
AFTER_TYPE: Final = frozenset(
    {
        "COLLATE",
        "CONSTRAINT",
        "NOT",
        "NULL",
        "CHECK",
        "DEFAULT",
        "GENERATED",
        "UNIQUE",
        "PRIMARY",
        "REFERENCES",
        "STORAGE",
        "COMPRESSION",
        "USING",
        "AUTOINCREMENT",
        "AS",
    }
)
CONSTRAINTS: Final[dict[str, ConstraintKind]] = {
    "CHECK": "check",
    "FOREIGN KEY": "foreign key",
    "UNIQUE": "unique",
    "PRIMARY KEY": "primary key",
    "EXCLUDE": "exclude",
    "NOT NULL": "not null",
}
REWRITES: Final = ("SET TABLESPACE", "SET LOGGED", "SET UNLOGGED", "SET ACCESS METHOD")
SERIALS: Final = frozenset({"smallserial", "serial", "bigserial"})


def create_table(cursor: Cursor) -> Fact:
    """Read a new table, after the word TABLE."""
    cursor.takes("IF", "NOT", "EXISTS")
    table = cursor.name()
    columns: list[NewColumn] = []
    for part in parts(cursor.brackets()):
        inner = Cursor(part)
        if part and not _is_constraint(inner) and not inner.sees("LIKE"):
            columns.append(new_column(inner))
    return Fact("create table", table, new_columns=tuple(columns))


def alter_table(cursor: Cursor) -> list[Fact]:
    """Read what an ALTER TABLE does, after the word TABLE: one fact for each of its actions."""
    cursor.takes("IF", "EXISTS")
    cursor.takes("ONLY")
    table = cursor.name()
    cursor.takes("*")
    return [fact for part in parts(cursor.rest) for fact in _action(table, Cursor(part))]


def _action(table: str, cursor: Cursor) -> list[Fact]:
    if cursor.takes("ADD"):
        return _add(table, cursor)
    if cursor.takes("DROP"):
        return _drop(table, cursor)
    if cursor.takes("RENAME"):
        return _rename(table, cursor)
    if cursor.takes("ALTER"):
        return _alter_column(table, cursor)
    if cursor.takes("VALIDATE", "CONSTRAINT"):
        return [Fact("validate", table, cursor.name())]
    if cursor.takes("DETACH", "PARTITION"):
        name = cursor.name()
        return [Fact("detach", table, name, concurrently=cursor.takes("CONCURRENTLY"))]
    if cursor.takes("SET", "SCHEMA"):
        return [Fact("move", table, table, to=cursor.name(), text="table")]
    word = cursor.takes_any(*REWRITES)
    return [] if word is None else [Fact("rewrite", table, word)]


def _is_constraint(cursor: Cursor) -> bool:
    return cursor.sees("CONSTRAINT") or any(cursor.sees(*word.split()) for word in CONSTRAINTS)


def _add(table: str, cursor: Cursor) -> list[Fact]:
    if _is_constraint(cursor):
        return [_constraint(table, cursor)]
    cursor.takes("COLUMN")
    cursor.takes("IF", "NOT", "EXISTS")
    column = new_column(cursor)
    return [Fact("add column", table, column.name, column=column)]


def _constraint(table: str, cursor: Cursor) -> Fact:
    name = cursor.name() if cursor.takes("CONSTRAINT") else ""
    word = cursor.takes_any(*CONSTRAINTS)
    fact = Fact("add constraint", table, name, constraint=None if word is None else CONSTRAINTS[word])
    if word == "NOT NULL":
        fact = replace(fact, columns=(cursor.name(),))
    if cursor.takes("USING", "INDEX"):
        return replace(fact, using_index=True, to=cursor.name())
    cursor.takes("NULLS", "NOT", "DISTINCT")
    inside = cursor.brackets()
    if word == "CHECK":
        fact = replace(fact, text=text_of(inside))
    elif word in ("FOREIGN KEY", "UNIQUE", "PRIMARY KEY"):
        fact = replace(fact, columns=Cursor(inside).names())
    if cursor.takes("REFERENCES"):
        to = cursor.name()
        fact = replace(fact, references=to, references_columns=Cursor(cursor.brackets()).names())
    return replace(fact, not_valid=" not valid" in f" {text_of(cursor.rest)}")


def _drop(table: str, cursor: Cursor) -> list[Fact]:
    if cursor.takes("CONSTRAINT"):
        cursor.takes("IF", "EXISTS")
        return [Fact("drop constraint", table, cursor.name())]
    cursor.takes("COLUMN")
    cursor.takes("IF", "EXISTS")
    return [Fact("drop column", table, cursor.name())]


def _rename(table: str, cursor: Cursor) -> list[Fact]:
    if cursor.takes("TO"):
        return [Fact("rename table", table, table, to=cursor.name())]
    if cursor.takes("CONSTRAINT"):
        return []
    cursor.takes("COLUMN")
    name = cursor.name()
    cursor.takes("TO")
    return [Fact("rename column", table, name, to=cursor.name())]


def _alter_column(table: str, cursor: Cursor) -> list[Fact]:
    if cursor.takes("CONSTRAINT"):
        return []
    cursor.takes("COLUMN")
    name = cursor.name()
    if cursor.takes("SET", "NOT", "NULL"):
        return [Fact("set not null", table, name)]
    if cursor.takes("DROP", "NOT", "NULL"):
        return [Fact("drop not null", table, name)]
    if cursor.takes("DROP", "DEFAULT"):
        return [Fact("drop default", table, name)]
    if cursor.takes_any("SET EXPRESSION"):
        return [Fact("rewrite", table, "SET EXPRESSION")]
    if cursor.takes_any("SET DATA TYPE", "TYPE"):
        new = type_name(cursor.until("COLLATE", "USING"))
        return [Fact("set type", table, name, to=new, using=any(token.value == "USING" for token in cursor.rest))]
    return []


def new_column(cursor: Cursor) -> NewColumn:
    """Read a column's definition."""
    name = cursor.name()
    type_tokens = _type(cursor)
    rest = cursor.rest
    text = f" {text_of(_outside_brackets(rest))} "
    default = _default(Cursor(rest))
    kinds: set[ConstraintKind] = set()
    if " references " in text:
        kinds.add("foreign key")
    kinds |= {kind for word, kind in CONSTRAINTS.items() if word != "FOREIGN KEY" and f" {word.lower()} " in text}
    type_ = type_name(type_tokens)
    to, to_column = _referenced(Cursor(rest))
    return NewColumn(
        name,
        type_,
        not_null="not null" in kinds or "primary key" in kinds,
        default=None if default is None else text_of(default),
        calls=() if default is None else _calls(default),
        constraint=frozenset(kinds - {"not null"}),
        references=to,
        references_column=to_column,
        check=_check(Cursor(rest)),
        stored=" stored " in text,
        numbered=type_ in SERIALS or " identity " in text or " autoincrement " in text,
    )


def _outside_brackets(tokens: Sequence[Token]) -> list[Token]:
    found: list[Token] = []
    cursor = Cursor(tokens)
    while not cursor.at_end:
        if cursor.sees("("):
            cursor.brackets()
        else:
            found.append(cursor.tokens[cursor.position])
            cursor.position += 1
    return found


def _type(cursor: Cursor) -> Sequence[Token]:
    begin = cursor.position
    while not cursor.at_end:
        token = cursor.tokens[cursor.position]
        if token.kind == "word" and token.value in AFTER_TYPE:
            break
        if cursor.sees("("):
            cursor.brackets()
        else:
            cursor.position += 1
    return cursor.tokens[begin : cursor.position]


def _default(cursor: Cursor) -> Sequence[Token] | None:
    cursor.until("DEFAULT")
    if not cursor.takes("DEFAULT"):
        return None
    return cursor.until("CONSTRAINT", "NOT", "CHECK", "GENERATED", "UNIQUE", "PRIMARY", "REFERENCES", "COLLATE")


def _calls(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the names that a bracket follows: functions, not `numeric(10,2)` after a cast."""
    found: list[str] = []
    for number, token in enumerate(tokens[:-1]):
        is_open = tokens[number + 1].kind == "sign" and tokens[number + 1].value == "("
        is_cast = number > 0 and tokens[number - 1].value in ("::", "AS")
        if token.kind in ("word", "name") and is_open and not is_cast:
            found.append(token.name)
    return tuple(found)


def _referenced(cursor: Cursor) -> tuple[str, str]:
    cursor.until("REFERENCES")
    if not cursor.takes("REFERENCES"):
        return "", ""
    table = cursor.name()
    names = Cursor(cursor.brackets()).names()
    return table, names[0] if names else ""


def _check(cursor: Cursor) -> str:
    cursor.until("CHECK")
    return text_of(cursor.brackets()) if cursor.takes("CHECK") else ""
