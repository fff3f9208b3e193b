"""From a catalogue to what is written: the conductor of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ectype.errors import ConfigError, did_you_mean
from ectype.migrations.catalog import Catalog, StoredColumn, StoredEnum, StoredTable
from ectype.migrations.scaffold import naming
from ectype.migrations.scaffold.column_types import DATETIME, NoType, Typed, typed
from ectype.migrations.scaffold.defaults import quoted
from ectype.migrations.scaffold.fields import Column, member
from ectype.migrations.scaffold.links import Linked, link
from ectype.migrations.scaffold.plan import RESERVED_CLASSES, RESERVED_MEMBERS, ClassPlan, EnumPlan, LeftOut, Plan

CLOCKED: Final = ("inserted_at", "updated_at")
"""The columns of `Timestamps`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to write of a catalogue, and how.

    Attributes:
        tables: the tables to write; None for all.
        exclude: the tables to leave out.
        names: the class of a table, where the rule gives a wrong one.
        base: the base class as `module:Class`; None for `Schema`.
    """

    tables: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    base: str | None = None


@dataclass(frozen=True, slots=True)
class _Enum:
    plan: EnumPlan
    typed: Typed
    labels: Mapping[str, str]


def plan(catalog: Catalog, choice: Choice) -> Plan:
    """Return what to write.

    Raises:
        ConfigError: a table that does not exist, a name that no class can have, or nothing to write.
    """
    tables = _chosen(catalog, choice)
    names = _class_names(tables, choice)
    enums = _enums(catalog, tables, {*names.values(), *_reserved(choice)})
    left_out: list[LeftOut] = []
    linked = [
        Linked(table, _class(catalog, table, names, enums, left_out))
        for table in sorted(tables, key=lambda one: one.name)
    ]
    left_out += link(catalog.schema, linked)
    used = {one.enum for each in linked for one in each.plan.fields}
    return Plan(
        enums=tuple(one.plan for one in enums.values() if one.plan.name in used),
        classes=tuple(one.plan for one in linked),
        left_out=tuple(sorted(left_out, key=lambda one: one.table)),
    )


def _chosen(catalog: Catalog, choice: Choice) -> list[StoredTable]:
    known = [table.name for table in catalog.tables]
    if not known:
        raise ConfigError(
            f"there are no tables in the schema `{catalog.schema}` of the database",
            hint="name another one with --prefix" if catalog.target == "postgres" else "name another file",
        )
    for option, given in (("--tables", choice.tables or ()), ("--exclude", choice.exclude), ("--name", choice.names)):
        for name in given:
            if name not in known:
                raise ConfigError(
                    f"`{option}` names `{name}`, and there is no such table", hint=did_you_mean(name, known)
                )
    chosen = [
        table
        for table in catalog.tables
        if (choice.tables is None or table.name in choice.tables) and table.name not in choice.exclude
    ]
    if not chosen:
        raise ConfigError("nothing is left to write: every table is excluded", hint="take one out of --exclude")
    return chosen


def _reserved(choice: Choice) -> set[str]:
    return {*RESERVED_CLASSES, *([choice.base.partition(":")[2]] if choice.base else [])}


def _class_names(tables: Sequence[StoredTable], choice: Choice) -> dict[str, str]:
    reserved = _reserved(choice)
    names: dict[str, str] = {}
    for table, name in choice.names.items():
        if not name.isidentifier() or name.startswith("_") or not naming.is_free(name, reserved | {*names.values()}):
            raise ConfigError(
                f"`{name}` cannot be the class of `{table}`",
                hint="give an identifier that nothing else in the module has: --name people=Person",
            )
        names[table] = name
    for table in sorted(table.name for table in tables):
        if table not in names:
            name = naming.class_name(table)
            names[table] = naming.first_free([name, f"{name}Row"], reserved | {*names.values()}, mark="")
    return names


def _enums(catalog: Catalog, tables: Sequence[StoredTable], taken: set[str]) -> dict[tuple[str, str], _Enum]:
    used = {column.enum for table in tables for column in table.columns}
    found: dict[tuple[str, str], _Enum] = {}
    for stored in catalog.enums:
        if (stored.schema, stored.name) in used:
            name = naming.camel(stored.name, "Choice")
            name = naming.first_free([name, f"{name}Enum"], taken, mark="")
            taken.add(name)
            found[stored.schema, stored.name] = _enum(stored, name, catalog.default_schema)
    return found


def _enum(stored: StoredEnum, name: str, default_schema: str) -> _Enum:
    given: dict[str, str] = {}
    for label in stored.labels:
        wanted = naming.identifier(label, "value").upper()
        given[label] = naming.first_free([wanted], set(given.values()))
    options = [name, f"name={quoted(stored.name)}"]
    if stored.schema != default_schema:
        options.append(f"schema={quoted(stored.schema)}")
    imports = (("ectype", "pg_enum"),)
    return _Enum(
        plan=EnumPlan(name, tuple((member, label) for label, member in given.items()), stored.comment),
        typed=Typed(name, "enum", imports, (f"type=pg_enum({', '.join(options)})",)),
        labels={label: f"{name}.{member}" for label, member in given.items()},
    )


def _class(
    catalog: Catalog,
    table: StoredTable,
    names: Mapping[str, str],
    enums: Mapping[tuple[str, str], _Enum],
    left_out: list[LeftOut],
) -> ClassPlan:
    made = ClassPlan(
        name=names[table.name],
        table=table.name,
        prefix=None if catalog.schema == catalog.default_schema else catalog.schema,
        comment=table.comment,
    )
    reserved = {*RESERVED_MEMBERS, *names.values(), *(one.plan.name for one in enums.values())}
    members = naming.members((column.name for column in table.columns), reserved)
    found = {
        column.name: typed(column, catalog.target, None if column.enum is None else enums[column.enum].typed)
        for column in table.columns
    }
    key = _key(made, table, found, left_out)
    tied = {name for one in table.foreign_keys for name in one.columns}
    columns = [
        Column(
            # SQLite numbers every key of whole numbers, but one that is a foreign key too has another row's number.
            stored=replace(column, identity=None) if column.name in tied and column.identity == "rowid" else column,
            member=members[column.name],
            typed=found[column.name],
            in_key=column.name in key,
            labels={} if column.enum is None else enums[column.enum].labels,
            enum=None if column.enum is None else enums[column.enum].plan.name,
        )
        for column in _ordered(table)
    ]
    made.key = tuple(members[column] for column in key)
    made.taken = {*reserved, *members.values()}
    made.timestamps = _fits_timestamps(table, columns, catalog)
    for column in columns:
        if isinstance(column.typed, NoType):
            why = column.typed.reason + (_MISSED if column.is_required else "")
            left_out.append(LeftOut(table.name, column.stored.name, why))
            made.notes.append(f"{column.stored.name} ({column.stored.type or 'no type'}) is left out: {why}")
            continue
        made.by_column[column.stored.name] = column.member
        if not (made.timestamps and column.stored.name in CLOCKED):
            made.fields.append(member(column, column.typed))
    return made


_MISSED: Final = "; it takes no NULL and has no default, so that inserts fail without it"


def _key(
    made: ClassPlan, table: StoredTable, found: Mapping[str, Typed | NoType], left_out: list[LeftOut]
) -> tuple[str, ...]:
    """Return the columns of the primary key; none where there is none that a schema can have."""
    columns = () if table.primary_key is None else table.primary_key.columns
    if columns and all(isinstance(found[column], Typed) for column in columns):
        return columns
    why = "a column of its primary key is left out" if columns else "it has no primary key"
    left_out.append(LeftOut(table.name, "its key", f"{why}: its rows can be read and inserted, no more"))
    made.notes.append(f"{why[0].upper()}{why[1:]}: its rows can be read and inserted, no more.")
    return ()


def _ordered(table: StoredTable) -> list[StoredColumn]:
    """Return the columns in their order, but those of the key in the key's order, which is that of `repo.get`."""
    key = () if table.primary_key is None else table.primary_key.columns
    by_name = {column.name: column for column in table.columns}
    keys = iter(key)
    return [by_name[next(keys)] if column.name in key else column for column in table.columns]


def _fits_timestamps(table: StoredTable, columns: Sequence[Column], catalog: Catalog) -> bool:
    """Whether two columns are those of `Timestamps`; SQLite keeps their text, and has no word for it."""
    tied = {name for key in table.foreign_keys for name in key.columns}
    found = [column for column in columns if column.stored.name in CLOCKED]
    text = {DATETIME.annotation, "str"} if catalog.target == "sqlite" and table.strict else {DATETIME.annotation}
    return len(found) == len(CLOCKED) and all(
        isinstance(column.typed, Typed)
        and column.typed.annotation in text
        and not column.in_key
        and not column.stored.nullable
        and column.stored.generated is None
        and column.stored.comment is None
        and column.stored.name not in tied
        for column in found
    )
