"""What a database holds beside tables: enums, views, functions, triggers, policies, sequences, extensions."""

from collections.abc import Iterable
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

EARLY: Final = ("sequence",)


def compare_objects(work: Comparison, declared: Iterable[DatabaseObject], late_functions: set[str]) -> None:
    """Find the commands for all that is no table."""
    _schemas(work)
    _enums(work)
    texts = {(one.kind, one.prefix, one.table, one.name): one for one in declared}
    late = {(one.prefix, one.name) for one in texts.values() if one.kind == "function" and one.create in late_functions}
    for key, one in work.current.objects.items():
        other = work.want.objects.get(key)
        if other is None:
            _drop(work, key, one)
        elif other is not one and not work.current.same(_text(one), _text(other)):
            _replace(work, key, one, other, late)
    for key, one in work.want.objects.items():
        if key not in work.current.objects:
            _make(work, key, one, texts.get(key[:4]), late)


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
        work.found.add(rank, CreateView(_view(key, one)))
    elif one.kind == "extension":
        prefix = None if said is None else said.prefix
        work.found.add(at.PLACES, CreateExtension(one.name, prefix))
    else:
        drop = _drop_text(work.dialect, key) if said is None else said.drop
        work.found.add(rank, Execute(one.definition, drop))


def _drop(work: Comparison, key: ObjectKey, one: StoredObject) -> None:
    match one.kind:
        case "view" | "materialized_view" if work.carefully:
            view = _view(key, one)
            work.found.add(at.DROP_OBJECTS, DropView(one.name, view, view.materialized, key[1]))
        case "extension":
            work.found.add(at.DROP_TYPES, DropExtension(one.name))
        case "function" | "sequence":
            work.found.add(at.DROP_TYPES, Execute(_drop_text(work.dialect, key), one.definition))
        case _:
            work.found.add(at.DROP_OBJECTS, Execute(_drop_text(work.dialect, key), one.definition))


def _replace(work: Comparison, key: ObjectKey, one: StoredObject, other: StoredObject, late: set[Place]) -> None:
    if one.kind == "function" and one.body == other.body:
        # What uses a function goes on to use it.
        rank = at.CREATE_OBJECTS if (key[1], one.name) in late else at.TYPES
        work.found.add(rank, Execute(other.definition, one.definition))
        return
    if one.kind in ("view", "materialized_view") and work.carefully:
        old, new = _view(key, one), _view(key, other)
        work.found.add(at.DROP_OBJECTS, DropView(one.name, old, old.materialized, key[1]))
        work.found.add(at.CREATE_OBJECTS, CreateView(new))
        return
    drop = _drop_text(work.dialect, key)
    work.found.add(at.DROP_OBJECTS, Execute(drop, one.definition))
    work.found.add(_rank(other, late, key), Execute(other.definition, drop))


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


def step_aside(work: Comparison) -> None:
    """Take views away while a table that they are over changes, and put them back after."""
    moving = {name for step in work.found.steps for node in step.up for name in _moved(node)}
    handled = {node.name for step in work.found.steps for node in step.up if isinstance(node, DropView)}
    for key, one in work.current.objects.items():
        if one.kind not in ("view", "materialized_view") or one.name in handled or key not in work.want.objects:
            continue
        if work.carefully and any(mentions(one.definition, name) for name in moving):
            view = _view(key, one)
            work.found.add(at.DROP_OBJECTS, DropView(one.name, view, view.materialized, key[1]))
            work.found.add(at.CREATE_OBJECTS, CreateView(_view(key, work.want.objects[key])))


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
