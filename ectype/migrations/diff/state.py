"""What a database holds, as the values that migrations are made of, by name: what the diff compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, TypeAlias, cast

from ectype.migrations.catalog import (
    Catalog,
    StoredColumn,
    StoredForeignKey,
    StoredIndex,
    StoredObject,
    StoredTable,
)
from ectype.migrations.catalog_text import plain
from ectype.sql.ddl import (
    Check,
    Column,
    CreateConstraint,
    Exclusion,
    ForeignKey,
    Identity,
    Index,
    IndexColumn,
    Key,
    OnDelete,
    Raw,
    References,
    SetColumns,
)
from ectype.types.base import Target

Place: TypeAlias = tuple[str | None, str]
"""A prefix, None for the default schema, and a name."""
ObjectKey: TypeAlias = tuple[str, str | None, str | None, str, str | None]
"""The kind of an object, its prefix, its table, its name, its arguments."""

PLAIN_ORDER: Final = "BINARY"
"""How SQLite orders what names no collation."""
NAMELESS: Final = "\0"
"""What the name of a constraint begins with to which the database gives none."""


@dataclass(slots=True)
class TableState:
    """One table, its parts by their names.

    Attributes:
        indexes: those that no constraint made.
        invalid: the indexes that the database does not use, since their making was broken off.
        constraints: each as the command that adds it.
        strict: whether SQLite holds values to their columns' types.
    """

    place: Place
    columns: dict[str, Column]
    indexes: dict[str, Index]
    constraints: dict[str, CreateConstraint]
    invalid: set[str] = field(default_factory=set[str])
    comment: str | None = None
    row_security: bool = False
    strict: bool = True

    @property
    def primary_key(self) -> Key | None:
        """The primary key."""
        keys = (one.constraint for one in self.constraints.values())
        return next((one for one in keys if isinstance(one, Key) and one.primary), None)


@dataclass(slots=True)
class State:
    """What a database holds."""

    target: Target
    tables: dict[Place, TableState] = field(default_factory=dict[Place, TableState])
    enums: dict[Place, tuple[str, ...]] = field(default_factory=dict[Place, tuple[str, ...]])
    objects: dict[ObjectKey, StoredObject] = field(default_factory=dict[ObjectKey, StoredObject])
    schemas: set[str] = field(default_factory=set[str])

    def same(self, one: object, other: object) -> bool:
        """Whether both mean the same to the database."""
        return comparable(one, self.target) == comparable(other, self.target)


def state_of(catalogs: Sequence[Catalog]) -> State:
    """Return what catalogues hold, one for each schema of one database."""
    made = State(catalogs[0].target)
    for catalog in catalogs:
        default = catalog.default_schema

        def prefix(schema: str | None, default: str = default) -> str | None:
            return None if schema in (None, default) else schema

        made.schemas.add(catalog.schema)
        for table in catalog.tables:
            place = (prefix(table.schema), table.name)
            made.tables[place] = _table(place, table, default, catalog.target)
        for enum in catalog.enums:
            made.enums[prefix(enum.schema), enum.name] = enum.labels
        for one in catalog.objects:
            where = None if one.kind == "extension" else prefix(one.schema)
            made.objects[one.kind, where, one.table, one.name, one.arguments] = one
    return made


def comparable(value: object, target: Target) -> object:
    """Return the value with its SQL texts in one form; PostgreSQL has given them one form already.

    >>> comparable(Raw('`age`  > 17'), "sqlite") == comparable(Raw('(age > 17)'), "sqlite")
    True
    """
    if target == "postgres":
        return value
    if isinstance(value, StoredObject):
        return plain(value.definition)
    if isinstance(value, tuple):
        return tuple(comparable(one, target) for one in cast("tuple[object, ...]", value))
    if is_dataclass(value):
        found = [(one.name, getattr(value, one.name)) for one in fields(value)]
        return type(value), *(
            plain(part) if name in ("sql", "where") and isinstance(part, str) else comparable(part, target)
            for name, part in found
        )
    return value


def _table(place: Place, table: StoredTable, default: str, target: Target) -> TableState:
    numbered = target == "postgres"
    made = TableState(
        place,
        {one.name: _column(one, numbered=numbered) for one in table.columns},
        {one.name: _index(place, one) for one in table.indexes},
        {},
        {one.name for one in table.indexes if not one.valid},
        table.comment,
        table.row_security,
        table.strict,
    )
    if table.primary_key is not None:
        key = table.primary_key
        name = key.name or f"{NAMELESS}primary key"
        _hold(made, Key(name, key.columns, primary=True, deferrable=key.deferrable), comment=key.comment)
    for key in table.uniques:
        if key.name is not None:
            unique = Key(key.name, key.columns, nulls_distinct=key.nulls_distinct, deferrable=key.deferrable)
            _hold(made, unique, comment=key.comment)
    for number, check in enumerate(table.checks):
        name = check.name or f"{NAMELESS}check {number}"
        _hold(made, Check(name, check.condition), validate=check.valid, comment=check.comment)
    for one in table.exclusions:
        _hold(made, Exclusion(one.name, one.rule, one.deferrable), comment=one.comment)
    for number, key in enumerate(table.foreign_keys):
        name = key.name or f"{NAMELESS}foreign key {number}"
        made_key = ForeignKey(name, key.columns[0], _references(key, default))
        _hold(made, made_key, validate=key.valid, comment=key.comment)
    return made


def _hold(
    table: TableState,
    one: Check | Exclusion | Key | ForeignKey,
    *,
    validate: bool = True,
    comment: str | None = None,
) -> None:
    prefix, name = table.place
    table.constraints[one.name] = CreateConstraint(name, one, validate, comment, prefix)


def _column(one: StoredColumn, *, numbered: bool) -> Column:
    identity: Identity | bool = False
    if one.identity is not None and numbered:
        start, step = one.numbering
        identity = Identity(one.identity == "always", None if start == 1 else start, None if step == 1 else step)
    return Column(
        one.name,
        one.type,
        null=one.nullable,
        default=None if one.default is None or one.identity == "sequence" else Raw(cast("Any", one.default)),
        identity=identity,
        generated=None if one.expression is None else Raw(cast("Any", one.expression)),
        stored=one.generated != "virtual",
        collation=None if one.collation == PLAIN_ORDER and not numbered else one.collation,
        comment=one.comment,
    )


def _index(place: Place, one: StoredIndex) -> Index:
    parts = tuple(
        _part(
            IndexColumn(
                part.text if part.is_column else Raw(cast("Any", _bare(part.text))),
                "desc" if part.descending else None,
                part.nulls,
                part.operator_class,
                part.collation,
            )
        )
        for part in one.parts
    )
    return Index(
        place[1],
        parts,
        one.name,
        unique=one.unique,
        where=one.where,
        include=one.include,
        using=None if one.method == "btree" else one.method,
        nulls_distinct=one.nulls_distinct,
        comment=one.comment,
        prefix=place[0],
        options=one.options,
    )


def _part(one: IndexColumn) -> str | Raw | IndexColumn:
    return one.of if one == IndexColumn(one.of) else one


def _bare(text: str) -> str:
    """Return an expression without the brackets round all of it."""
    depth = 0
    if not (text.startswith("(") and text.endswith(")")):
        return text
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 and at < len(text) - 1:
            return text
    return text[1:-1]


def _references(key: StoredForeignKey, default: str) -> References:
    on_delete: OnDelete = key.on_delete
    if key.sets and key.on_delete in ("set_null", "set_default"):
        on_delete = SetColumns(key.on_delete, key.sets)
    return References(
        key.table,
        key.references[0],
        on_delete,
        key.on_update,
        others=tuple(zip(key.columns[1:], key.references[1:], strict=True)),
        match="full" if key.full else None,
        deferrable=key.deferrable,
        prefix=None if key.schema in (None, default) else key.schema,
    )


def columns_of(one: CreateConstraint) -> tuple[str, ...]:
    """Return the columns that a key or a foreign key is over."""
    match one.constraint:
        case Key(_, columns):
            return columns
        case ForeignKey(_, column, to):
            return column, *(here for here, _ in to.others)
        case _:
            return ()


def names_of(states: Iterable[State]) -> set[Place]:
    """Return the tables of any of the states."""
    return {place for state in states for place in state.tables}
