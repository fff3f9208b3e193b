"""Schemas as a diagram: boxes and the lines between them, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ectype.schema.associations import Association
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.targets import related_table

End: TypeAlias = Literal["one", "maybe", "many"]


@dataclass(frozen=True, slots=True)
class Row:
    """One column of a box; `key` is `PK`, `FK`, both, or empty."""

    name: str
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class Box:
    """One table."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A foreign key: from the column of one box to another; `to_end` says whether it may be missing."""

    source: str
    column: str
    target: str
    label: str
    to_end: End


@dataclass(frozen=True, slots=True)
class Diagram:
    """All boxes, by name, and all lines."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def diagram(schemas: Iterable[type[Any]]) -> Diagram:
    """Return the diagram of schemas, and of those that they reference.

    Raises:
        SchemaError: an association names what is not there.
    """
    infos = _with_related([schema_info(one) for one in schemas])
    lines: dict[tuple[str, str, str], Line] = {}
    joined: dict[str, Box] = {}
    for info in infos:
        for association in info.associations.values():
            for line in _lines(association, joined):
                # Both sides of a relation declare the same foreign key; the side that has it says more.
                lines.setdefault((line.source, line.column, line.target), line)
    keys = {(line.source, line.column) for line in lines.values()}
    boxes = {str(info.table): _box(info, str(info.table), keys) for info in infos}
    named = {table: _box(info, table, keys) for table, info in _named(infos)}
    # A table that is only joined through has no schema of its own.
    boxes = {**joined, **named, **boxes}
    return Diagram(tuple(boxes[name] for name in sorted(boxes)), tuple(lines[key] for key in sorted(lines)))


def _with_related(infos: list[SchemaInfo]) -> list[SchemaInfo]:
    found: dict[SchemaInfo, None] = {}
    waiting = list(infos)
    while waiting:
        info = waiting.pop(0)
        if info in found or info.table is None or info.embedded:
            continue
        found[info] = None
        waiting += [one.related for one in info.associations.values() if not one.follows and one.options.source is None]
    return sorted(found, key=lambda info: _order(info, infos))


def _named(infos: Iterable[SchemaInfo]) -> Iterable[tuple[str, SchemaInfo]]:
    """Yield the tables that associations name themselves, with the schemas of their rows."""
    for info in infos:
        for association in info.associations.values():
            if association.options.source is not None:
                yield association.options.source, association.related


def _order(info: SchemaInfo, given: list[SchemaInfo]) -> tuple[bool, str]:
    return info not in given, str(info.table)


def _lines(association: Association, joined: dict[str, Box]) -> Iterable[Line]:
    if association.follows:
        return
    owner, related = str(association.owner.table), str(related_table(association))
    if association.kind == "belongs_to":
        column = association.owner.fields[association.owner_keys[0]].source
        yield Line(owner, column, related, association.name, "maybe" if association.optional else "one")
    elif association.kind == "many_to_many":
        yield from _through(association, owner, related, joined)
    else:
        field = association.related.fields[association.related_keys[0]]
        yield Line(related, field.source, owner, association.name, "maybe" if field.nullable else "one")


def _through(association: Association, owner: str, related: str, joined: dict[str, Box]) -> Iterable[Line]:
    join = association.join
    if join is None:
        return
    owner_key, related_key = join.owner_keys[0], join.related_keys[0]
    table = str(join.source.info.table)
    if join.named:
        rows = (Row(owner_key, "int", "FK"), Row(related_key, "int", "FK"))
        joined.setdefault(table, Box(table, rows))
    yield Line(table, owner_key, owner, association.name, "one")
    yield Line(table, related_key, related, association.name, "one")


def _box(info: SchemaInfo, table: str, keys: set[tuple[str, str]]) -> Box:
    rows: list[Row] = []
    for name in info.column_names:
        column = info.fields[name].source
        marks = [*(["PK"] if name in info.primary_key else []), *(["FK"] if (table, column) in keys else [])]
        rows.append(Row(column, _type(info.declarations[name].text), " ".join(marks)))
    return Box(table, tuple(rows))


def _type(text: str) -> str:
    """Return what stands in the brackets of an annotation, `Field[int | None]`: `int?`."""
    match = re.fullmatch(r"\w+\[(.*)\]", text.strip(), re.DOTALL)
    inner = match[1] if match else text
    optional = re.sub(r"\s*\|\s*None$", "?", inner)
    return re.sub(r"\s+", " ", optional)
