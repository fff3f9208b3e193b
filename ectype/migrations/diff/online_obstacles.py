"""What keeps a column from getting another type in steps: each in the words of the refusal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from ectype.migrations.backfill_text import WORD
from ectype.migrations.diff.comparison import Comparison, covers, short
from ectype.migrations.diff.renames import mentions
from ectype.migrations.diff.state import Place, TableState, columns_of
from ectype.sql.ddl import Check, Column, CreateConstraint, Exclusion, ForeignKey, Index, IndexColumn, Raw

INCOMPARABLE: Final = ("json", "xml", "point", "line", "polygon", "path", "box")
"""Types of which PostgreSQL cannot say whether two values are one."""
PADDED: Final = ("char", "bpchar", "character")


def in_the_way(work: Comparison, there: TableState, wanted: TableState, was: Column, one: Column) -> Iterator[str]:
    """Yield what stands in the way."""
    yield from _values(was, one)
    yield from _columns(there, wanted, was.name)
    yield from _constraints(work, there, wanted, was.name)
    yield from _indexes(work, there, wanted, was.name)
    yield from _objects(work, there, was.name)
    if WORD.fullmatch(spoken(there.place)) is None:
        yield "a backfill takes no table of that name"


def spoken(place: Place) -> str:
    """Return a table as a backfill names it."""
    return place[1] if place[0] is None else ".".join((place[0], place[1]))


def _values(was: Column, one: Column) -> Iterator[str]:
    base = str(one.type).partition("(")[0].strip().lower()
    if base in (*INCOMPARABLE, *PADDED):
        yield f"two values of {base} cannot be compared as they are stored"
    if was.null != one.null:
        yield "it also takes NULL now, or takes it no more: that is another diff"
    if was.identity is not False or one.identity is not False:
        yield "the database numbers it"


def _columns(there: TableState, wanted: TableState, name: str) -> Iterator[str]:
    for column in there.columns.values():
        if column.generated is not None and mentions(column.generated.sql, name):
            yield f"`{column.name}` is computed from it"
    for beside in (short(name, "_new"), short(name, "_old")):
        if beside in there.columns or beside in wanted.columns:
            yield f"there is a column `{beside}`"


def _constraints(work: Comparison, there: TableState, wanted: TableState, name: str) -> Iterator[str]:
    for one in chain(there.constraints.values(), wanted.constraints.values()):
        if name in columns_of(one) or mentions(_text(one), name):
            yield f"it is part of the constraint `{one.constraint.name}`"
    tables = chain(work.current.tables.values(), work.want.tables.values())
    for one in chain.from_iterable(table.constraints.values() for table in tables):
        if _refers(one, there.place, name):
            yield f"the foreign key `{one.constraint.name}` refers to it"


def _text(one: CreateConstraint) -> str:
    return one.constraint.sql if isinstance(one.constraint, Check | Exclusion) else ""


def _refers(one: CreateConstraint, place: Place, column: str) -> bool:
    key = one.constraint
    if not isinstance(key, ForeignKey) or (key.to.prefix, key.to.table) != place:
        return False
    return column in (key.to.column, *(there for _, there in key.to.others))


def _indexes(work: Comparison, there: TableState, wanted: TableState, name: str) -> Iterator[str]:
    for label, index in {**there.indexes, **wanted.indexes}.items():
        if not covers(index, name):
            continue
        here, then = there.indexes.get(label), wanted.indexes.get(label)
        if here is None or then is None or label in there.invalid or not work.current.same(here, then):
            yield f"the index `{label}` over it changes too: that is another diff"
        if not _is_plain(index, name):
            yield f"the index `{label}` has it in an expression or a condition"


def _is_plain(index: Index, column: str) -> bool:
    parts = [part.of if isinstance(part, IndexColumn) else part for part in index.columns]
    texts = [part.sql for part in parts if isinstance(part, Raw)]
    return not any(mentions(text, column) for text in (*texts, index.where or ""))


def _objects(work: Comparison, there: TableState, name: str) -> Iterator[str]:
    for key, one in work.current.objects.items():
        if key[0] != "function" and mentions(one.definition, name) and mentions(one.definition, there.place[1]):
            yield f"the {one.kind.replace('_', ' ')} `{one.name}` mentions it"
