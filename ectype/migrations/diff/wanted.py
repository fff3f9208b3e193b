"""What an application declares, as the statements that build it in an empty database, and what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from ectype.errors import CastError, SchemaError, UnsupportedError
from ectype.schema.class_options import PROCESS
from ectype.schema.database_objects import DatabaseObject
from ectype.schema.meta import SchemaInfo
from ectype.schema.registry import Registry
from ectype.schema.schema import Schema
from ectype.schema.structure import Structure
from ectype.sql.ddl_names import quote
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect
from ectype.sql.structure_text import (
    column_text,
    comment_texts,
    constraint_text,
    index_text,
    object_texts,
    table_name,
)

Place: TypeAlias = tuple[str | None, str]
"""A prefix, None for the default schema, and a name."""

FIRST: Final = ("extension", "enum", "sequence")
PYTHON_NAMES: Final = (
    "bool",
    "bytes",
    "date",
    "datetime",
    "Decimal",
    "float",
    "int",
    "str",
    "time",
    "timedelta",
    "UUID",
)
"""The types that a migration names as a schema does."""


@dataclass(slots=True)
class Unsaid:
    """Of a table: what its schemas leave open, so that the database keeps what it has.

    Attributes:
        structure: whether nothing is said about indexes and constraints.
        columns: the columns of which only type and NULL are said.
        keys: the columns of each `belongs_to` whose foreign key is not declared.
    """

    structure: bool = True
    columns: set[str] = field(default_factory=set[str])
    keys: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])


@dataclass(slots=True)
class Wanted:
    """What an application declares, for one database.

    Attributes:
        early: the statements before those of tables: enums, extensions, sequences.
        functions: those of functions, which may be needed before the tables or need them.
        tables: those of tables.
        late: those that stand on tables: keys, indexes, comments, then views and the rest.
        places: the tables by place, with what is left unsaid of each.
        loose: tables that are known by their name only.
        renamed: the former names of tables and columns.
        python: by table and column, the Python type that a schema says.
        fills: by table and column, a literal for the rows that are there when the column comes.
        objects: what is declared beside tables.
    """

    early: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])
    late: list[str] = field(default_factory=list[str])
    places: dict[Place, Unsaid] = field(default_factory=dict[Place, Unsaid])
    loose: set[Place] = field(default_factory=set[Place])
    renamed: dict[tuple[Place, str | None], str] = field(default_factory=dict[tuple[Place, str | None], str])
    python: dict[tuple[Place, str], str] = field(default_factory=dict[tuple[Place, str], str])
    fills: dict[tuple[Place, str], str] = field(default_factory=dict[tuple[Place, str], str])
    objects: list[DatabaseObject] = field(default_factory=list[DatabaseObject])

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The schemas of PostgreSQL that are named, sorted."""
        named = {place[0] for place in self.places} | {one.prefix for one in self.objects}
        return tuple(sorted(one for one in named if one is not None))


def wanted(base: type[Schema], dialect: Dialect) -> Wanted:
    """Return what the schemas of a base, and its database objects, want of a database.

    Raises:
        SchemaError: two schemas of one table contradict each other.
        UnsupportedError: the database has no such thing.
    """
    registry = PROCESS if cast("Any", base) is Schema else cast("Registry", cast("Any", base).__options__.registry)
    made = Wanted()
    for one in cast("Iterable[DatabaseObject]", registry.objects.values()):
        texts = object_texts(one, dialect)
        if texts is not None:
            made.objects.append(one)
            into = made.early if one.kind in FIRST else made.functions if one.kind == "function" else None
            if into is not None:
                into.append(texts[0])
    views = {(one.prefix, one.name) for one in made.objects if one.kind in ("view", "materialized_view")}
    by_place: dict[Place, list[SchemaInfo]] = {}
    for schema in registry.schemas():
        info: SchemaInfo = schema.__schema__
        if info.table is not None and not info.embedded and (info.prefix, info.table) not in views:
            by_place.setdefault((info.prefix, info.table), []).append(info)
    for place, infos in by_place.items():
        if place[0] is not None and not dialect.schemas:
            raise UnsupportedError(
                f"{infos[0].name} stands in `{place[0]}`, and {dialect.name} compares the tables of one file",
                hint="leave `prefix=` out of the schema, and give it to the calls that need it",
            )
        _table(made, place, infos, dialect)
    # Tables that only associations name.
    made.loose -= set(made.places)
    for one in made.objects:
        if one.kind not in (*FIRST, "function"):
            texts = object_texts(one, dialect)
            made.late += [] if texts is None else [texts[0]]
    return made


def _table(made: Wanted, place: Place, infos: Sequence[SchemaInfo], dialect: Dialect) -> None:
    """Add a table: that of the schema with most columns, and what narrower ones have besides."""
    main, *others = sorted(infos, key=lambda info: -len(info.column_names))
    columns = _columns(main, others, dialect)
    said = [info.structure for info in infos if info.structure is not None]
    if len(said) > 1:
        raise SchemaError(
            f"two schemas say what `{place[1]}` holds: {' and '.join(info.name for info in infos if info.structure)}",
            hint="keep one `structure(…)` for the table",
        )
    unsaid = made.places[place] = Unsaid(structure=not said)
    keys = main.primary_key
    inside = list(columns.values())
    if keys and "PRIMARY KEY" not in "".join(columns[main.field(key).source] for key in keys):
        names = ", ".join(quote(main.field(key).source, dialect, what="column") for key in keys)
        inside.append(f"PRIMARY KEY ({names})")
    for info in infos:
        _column_facts(made, unsaid, place, info, dialect)
        _links(made, unsaid, info)
    table = table_name(main, dialect)
    if said:
        inside += _structure(made, place, said[0], table, dialect)
    suffix = "" if dialect.schemas else " STRICT"
    made.tables.append(f"CREATE TABLE {table} ({', '.join(inside)}){suffix}")
    made.late += comment_texts(main.schema if not said else said[0].schema, dialect)


def _columns(main: SchemaInfo, others: Sequence[SchemaInfo], dialect: Dialect) -> dict[str, str]:
    columns = {main.fields[name].source: column_text(main.schema, name, dialect) for name in main.column_names}
    for info in others:
        for name in info.column_names:
            text, source = column_text(info.schema, name, dialect), info.fields[name].source
            if columns.setdefault(source, text) != text and info.fields[name].options.db is not None:
                raise SchemaError(
                    f"{main.name} and {info.name} say different things of `{source}` of `{main.table}`",
                    hint=f"one says {columns[source]}, the other {text}",
                )
    return columns


def _structure(made: Wanted, place: Place, said: Structure[Any], table: str, dialect: Dialect) -> list[str]:
    """Add what a structure says; return what stands within the table."""
    if said.renamed_from is not None:
        made.renamed[place, None] = said.renamed_from
    inside = [constraint_text(said.schema, one, dialect) for one in (*said.checks, *said.exclusions)]
    keys = [constraint_text(said.schema, one, dialect) for one in said.foreign_keys]
    # PostgreSQL refers to tables that are there; SQLite adds no key to a table that is.
    if dialect.alter_column:
        made.late += [f"ALTER TABLE {table} ADD {text}" for text in keys]
    else:
        inside += keys
    # What a key refers to may be unique by an index.
    made.late[:0] = [index_text(said.schema, one, dialect) for one in said.indexes]
    return inside


def _column_facts(made: Wanted, unsaid: Unsaid, place: Place, info: SchemaInfo, dialect: Dialect) -> None:
    for name in info.column_names:
        known = info.fields[name]
        db, options = known.options.db, known.options
        if db is None or not db.says_what_it_is:
            unsaid.columns.add(known.source)
        if db is not None and db.renamed_from is not None:
            made.renamed[place, known.source] = db.renamed_from
        text = info.declarations[name].text.replace(" ", "").removeprefix("Field[").removesuffix("]")
        plain = "|".join(part for part in text.split("|") if part != "None").rpartition(".")[2]
        if plain in PYTHON_NAMES and (db is None or db.type is None) and options.type is None and not options.scale:
            made.python[place, known.source] = plain
        if options.has_default and options.default is not None and not options.virtual:
            codec = known.type.codec(dialect.target)
            try:
                made.fills[place, known.source] = literal_text(codec.dump(options.default), dialect, codec.column)
            except CastError:
                continue


def _links(made: Wanted, unsaid: Unsaid, info: SchemaInfo) -> None:
    declared = set[tuple[str, ...]]()
    if info.structure is not None:
        declared = {tuple(info.fields[name].source for name in key.fields) for key in info.structure.foreign_keys}
    for one in info.associations.values():
        if one.kind == "belongs_to":
            columns = tuple(info.fields[name].source for name in one.keys_here)
            if columns not in declared:
                unsaid.keys.add(columns)
        elif one.kind == "many_to_many" and one.join is not None:
            table = one.join.source
            made.loose.add((table.info.prefix, cast("str", table.info.table)))
        elif one.options.source is not None:
            made.loose.add((one.related.prefix, one.options.source))
