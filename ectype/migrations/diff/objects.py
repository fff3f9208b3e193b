"""What a database holds beside tables: enums, views, functions, triggers, policies, sequences, extensions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ectype.migrations.catalog import StoredObject
from ectype.migrations.diff import steps as at
from ectype.migrations.diff.comparison import Comparison
from ectype.migrations.diff.renames import mentions
from ectype.migrations.diff.state import ObjectKey, Place, State
from ectype.migrations.diff.steps import Step
from ectype.schema.database_objects import DatabaseObject
from ectype.sql.ddl import AlterTable, Execute, ModifyColumn, Node, Raw, RemoveColumn, RenameColumn, RenameTable
from ectype.sql.ddl_names import quote
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateSchema,
    CreateView,
    DropEnum,
    DropExtension,
    DropView,
    View,
)
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect

LEANING: Final = ("view", "materialized_view", "trigger", "policy")
EARLY: Final = ("sequence",)
QUERY: Final = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:MATERIALIZED\s+)?VIEW\s+[\w.\"]+\s+AS\s+(.*?);?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)


def compare_objects(work: Comparison, declared: Iterable[DatabaseObject], late_functions: set[str]) -> None:
    """Find the commands for all that is no table; those for tables are there already."""
    _schemas(work)
    _enums(work)
    texts = {(one.kind, one.prefix, one.table, one.name): one for one in declared}
    late = {(one.prefix, one.name) for one in texts.values() if one.kind == "function" and one.create in late_functions}
    current, want = work.current.objects, work.want.objects
    gone = {key for key in current if key not in want}
    new = {key for key in want if key not in current}
    for key, one in current.items():
        other = want.get(key)
        if other is None or other is one or work.current.same(_text(one), _text(other)):
            continue
        if one.kind == "function" and one.body == other.body:
            # What uses a function goes on to use it.
            rank = at.CREATE_OBJECTS if (key[1], one.name) in late else at.TYPES
            work.found.add(rank, Execute(other.definition, one.definition))
        else:
            gone.add(key)
            new.add(key)
    aside = _aside(work, gone)
    for key in reversed([key for key in current if key in gone | aside]):
        _drop(work, key, current[key], for_good=key in gone and key not in new)
    for key, one in want.items():
        if key in new | aside:
            _make(work, key, one, texts.get(key[:4]) if key in new else None, late)


def _aside(work: Comparison, gone: set[ObjectKey]) -> set[ObjectKey]:
    """Return what must be taken away while something that it is over changes, and put back after."""
    if not work.carefully:
        # SQLite builds a table anew with its views and triggers.
        return set()
    moving = {name for step in work.found.steps for node in step.up for name in _moved(node)}
    moving |= {key[3] for key in gone}
    found: set[ObjectKey] = set()
    for key, one in work.current.objects.items():
        if key in gone or key not in work.want.objects or one.kind not in LEANING:
            continue
        # A trigger stands on its table, and stays there; it leans on the function that it runs.
        names = moving - {one.table} if one.kind in ("trigger", "policy") else moving
        if any(mentions(one.definition, name) for name in names - {one.name}):
            found.add(key)
            moving.add(one.name)
    return found


def _text(one: StoredObject) -> object:
    # What a function returns is a part of its text; SQLite's texts are compared in one form.
    return one if one.kind in ("view", "trigger") else one.definition


def _schemas(work: Comparison) -> None:
    prefixes = {place[0] for place in work.want.tables} | {key[1] for key in work.want.objects}
    for prefix in sorted(one for one in prefixes if one is not None):
        if prefix not in work.current.schemas:
            work.found.add(at.PLACES, CreateSchema(prefix))


# --- making, removing, replacing --------------------------------------------------------------------------------------


def _make(work: Comparison, key: ObjectKey, one: StoredObject, said: DatabaseObject | None, late: set[Place]) -> None:
    rank = _rank(one, late, key)
    if one.kind in ("view", "materialized_view") and work.carefully:
        query = None if said is None else QUERY.match(said.create)
        view = _view(key, one)
        work.found.add(rank, CreateView(view if query is None else replace(view, query=query[1])))
    elif one.kind == "extension":
        prefix = None if said is None else said.prefix
        work.found.add(at.PLACES, CreateExtension(one.name, prefix))
    elif said is None or one.kind == "policy":
        # A policy's text may hold more than the policy: that the table has row level security at all.
        work.found.add(rank, Execute(one.definition, _drop_text(work.dialect, key)))
    else:
        work.found.add(rank, Execute(said.create, said.drop))


def _drop(work: Comparison, key: ObjectKey, one: StoredObject, *, for_good: bool) -> None:
    if one.kind in ("view", "materialized_view") and work.carefully:
        view = _view(key, one)
        work.found.add(at.DROP_OBJECTS, DropView(one.name, view, view.materialized, key[1]))
    elif one.kind == "extension":
        work.found.add(at.DROP_TYPES, DropExtension(one.name))
    else:
        # Defaults and triggers may need a function or a sequence until they are gone themselves.
        rank = at.DROP_TYPES if one.kind in ("function", "sequence") and for_good else at.DROP_OBJECTS
        work.found.add(rank, Execute(_drop_text(work.dialect, key), one.definition))


def _rank(one: StoredObject, late: set[Place], key: ObjectKey) -> int:
    early = one.kind in EARLY or (one.kind == "function" and (key[1], one.name) not in late)
    return at.TYPES if early else at.CREATE_OBJECTS


def _view(key: ObjectKey, one: StoredObject) -> View:
    return View(one.name, one.body, one.kind == "materialized_view", key[1])


def _drop_text(dialect: Dialect, key: ObjectKey) -> str:
    kind, prefix, table, name, arguments = key
    label = quote(name, dialect, what=kind)
    place = label if prefix is None else f"{quote(prefix, dialect, what='schema')}.{label}"
    words = kind.replace("_", " ").upper()
    if arguments is not None:
        return f"DROP {words} {place}({arguments})"
    if table is not None and dialect.schemas:
        on = quote(table, dialect, what="table")
        on = on if prefix is None else f"{quote(prefix, dialect, what='schema')}.{on}"
        return f"DROP {words} {label} ON {on}"
    return f"DROP {words} {place}"


def _moved(node: Node) -> tuple[str, ...]:
    """Return the tables whose views PostgreSQL would hold on to."""
    match node:
        case AlterTable(name, changes):
            held = any(
                isinstance(one, RemoveColumn)
                or (isinstance(one, ModifyColumn) and one.was is not None and one.to.type != one.was.type)
                for one in changes
            )
            return (name,) if held else ()
        case RenameTable(name, to):
            return name, to
        case RenameColumn(table):
            return (table,)
        case _:
            return ()


# --- enums ------------------------------------------------------------------------------------------------------------


def _enums(work: Comparison) -> None:
    for place, labels in work.want.enums.items():
        old = work.current.enums.get(place)
        if old is None:
            work.found.add(at.TYPES, CreateEnum(place[1], labels, place[0]))
        elif old != labels:
            _change_enum(work, place, old, labels)
    for place, labels in work.current.enums.items():
        if place not in work.want.enums:
            work.found.add(at.DROP_TYPES, DropEnum(place[1], labels, place[0]))


def _change_enum(work: Comparison, place: Place, old: tuple[str, ...], new: tuple[str, ...]) -> None:
    back = swap(work.want, place, old, work.dialect)
    if tuple(one for one in new if one in old) == old:
        known = list(old)
        nodes: list[Node] = []
        for at_, label in enumerate(new):
            if label not in known:
                before = None if at_ >= len(known) else known[at_]
                nodes.append(AddEnumValue(place[1], label, before, None, place[0]))
                known.insert(at_, label)
        # Nothing may use a new value before it is committed.
        work.found.steps.append(Step(at.TYPES, tuple(nodes), "before", (Execute(back, ""),)))
        return
    gone = ", ".join(repr(one) for one in old if one not in new)
    note = f"it stops where a row still holds {gone}" if gone else "the columns are written anew"
    work.found.add(at.TYPES, Execute(swap(work.current, place, new, work.dialect), back), note=note)


def swap(state: State, place: Place, labels: tuple[str, ...], dialect: Dialect) -> str:
    """Return the text that puts a type with those labels in the place of an enum, in all columns of it."""
    prefix, name = place
    head = "" if prefix is None else f"{quote(prefix, dialect, what='schema')}."
    type_, old = head + quote(name, dialect, what="enum"), quote(f"{name[:55]}_old", dialect, what="enum")
    values = ", ".join(literal_text(one, dialect) for one in labels)
    texts = [f"ALTER TYPE {type_} RENAME TO {old}", f"CREATE TYPE {type_} AS ENUM ({values})"]
    for where, table in state.tables.items():
        for column in table.columns.values():
            words = str(column.type)
            bare = words.removesuffix("[]").rpartition(".")[2].strip('"')
            if bare != name:
                continue
            array = "[]" if words.endswith("[]") else ""
            on = quote(where[1], dialect, what="table")
            on = on if where[0] is None else f"{quote(where[0], dialect, what='schema')}.{on}"
            label = quote(column.name, dialect, what="column")
            alter = f"ALTER TABLE {on} ALTER COLUMN {label}"
            if isinstance(column.default, Raw):
                texts.append(f"{alter} DROP DEFAULT")
            texts.append(f"{alter} TYPE {type_}{array} USING {label}::text{array}::{type_}{array}")
            if isinstance(column.default, Raw):
                texts.append(f"{alter} SET DEFAULT {column.default.sql}")
    return ";\n".join([*texts, f"DROP TYPE {head}{old}"])
