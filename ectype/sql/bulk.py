"""The INSERT of many rows: one shape for any number of them (decision 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

from ectype.errors import QueryError, UnsupportedError
from ectype.schema.meta import SchemaInfo
from ectype.sql.dialect import Dialect
from ectype.sql.params import Dumper, array_literal, cast_of, travels_as
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement
from ectype.sql.writes import (
    column_of,
    compile_insert,
    conflict_clause,
    field_dumper,
    insert_scope,
    name,
    returning_clause,
    table_name,
    written_place,
)
from ectype.types.columns import ColumnValues

_BINARY = frozenset(
    "bigint boolean bytea date float4 float8 integer json jsonb numeric smallint text time timestamptz uuid".split(" ")  # noqa: SIM905
)
"""The types that every driver sends in binary, as `Codec.column` names them."""


def compile_unnest(shape: InsertShape, dialect: Dialect) -> Statement:
    """Return the INSERT that takes each column as one array: `INSERT … SELECT … FROM unnest($1::bigint[], …)`.

    A value that all rows share is no array; the columns of `shape.literal` are the texts of theirs.

    Raises:
        QueryError: for rows without columns.
        UnsupportedError: where the database has no arrays.
    """
    info = shape.info
    if not dialect.unnest_insert:
        raise UnsupportedError(
            f"{dialect.name} has no arrays, so the rows for {info.name} cannot be sent as arrays",
            hint="run the insert of one row once for each",
        )
    if not shape.fields:
        raise QueryError(f"the rows for {info.name} have no columns", hint="give each row at least one value")
    columns = ", ".join(name(info.fields[field].source, dialect) for field in shape.fields)
    arrays: list[str] = []
    picks: list[str] = []
    scope = insert_scope(shape, dialect, {})
    for index, field in enumerate(shape.fields):
        codec = info.fields[field].type.codec(dialect.target)
        if field in shape.shared:
            scope.dumpers[index] = dump = field_dumper(info, field, dialect)
            picks.append(f"{dialect.placeholder}{index + 1}{cast_of(dump) or f'::{codec.column}'}")
            continue
        as_text = field in shape.literal
        sent = travels_as(codec)
        arrays.append(f"{dialect.placeholder}{index + 1}{'::text' * as_text}::{sent}[]")
        picks.append(f"u.c{index}" if sent == codec.column else f"u.c{index}::{codec.column}")
        lists = codec.column.endswith("[]")
        scope.dumpers[index] = _as_it_is if as_text else _column_dumper(info, field, dialect, as_literal=lists)
    names = ", ".join(f"c{index}" for index, field in enumerate(shape.fields) if field not in shape.shared)
    conflict = conflict_clause(shape, scope)
    sql = (
        f"INSERT INTO {table_name(shape, dialect)}{' AS t0' if conflict else ''} ({columns}) "
        f"SELECT {', '.join(picks)} FROM unnest({', '.join(arrays)}) AS u({names}){conflict}"
        f"{returning_clause(info, shape.returning, dialect)}"
    )
    return Statement(
        sql,
        _dump_columns(scope.dumpers),
        tuple(column_of(info, field, dialect) for field in shape.returning),
        redacted=frozenset(scope.redacted),
        operation="INSERT",
        place=written_place(shape),
    )


def _dump_columns(dumpers: dict[int, Dumper]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    ordered = [dumpers[index] for index in sorted(dumpers)]
    return lambda values: tuple(dump(value) for dump, value in zip(ordered, values, strict=True))


def _as_it_is(text: str) -> str:
    return text


def compile_each(shape: InsertShape, dialect: Dialect) -> Statement:
    """Return the INSERT of one row that is run once for each.

    Its `dump` takes how many rows there are, the columns, and the values of the conflict, which all rows share; it
    returns the rows, dumped.
    """
    statement = compile_insert(shape, dialect)
    own = len(shape.fields)
    dumpers = [_column_dumper(shape.info, field, dialect, as_literal=False) for field in shape.fields]

    def dump_rows(values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        count, given, params = values
        columns: list[Any] = [dump(column) for dump, column in zip(dumpers, given, strict=True)]
        if params:
            columns += [[one] * count for one in statement.dump((*[None] * own, *params))[own:]]
        return list(zip(*columns, strict=True)) if columns else [()] * count

    return replace(statement, dump=dump_rows)


def _column_dumper(info: SchemaInfo, field: str, dialect: Dialect, *, as_literal: bool) -> Dumper:
    many, one = info.fields[field].type.codec(dialect.target).many, field_dumper(info, field, dialect)

    def dump_column(column: ColumnValues) -> Sequence[Any]:
        if column.kind is NoneType:
            return column.values
        found = None if many is None else many.dump(column)
        return [one(value) for value in column.values] if found is None else found

    def dump_literals(column: ColumnValues) -> list[Any]:
        return [None if value is None else array_literal(one(value)) for value in column.values]

    return dump_literals if as_literal else dump_column


@dataclass(frozen=True, slots=True, eq=False)
class CopyShape:
    """How rows are copied into a table.

    Attributes:
        sql: what is done, for people: the driver writes its own.
        columns: the names of the columns.
        types: their types, as a schema's fields have them.
        dump: from the columns to what the driver is given.
        as_text: whether a column's type has no binary form that the driver knows.
    """

    sql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    dump: Callable[[Sequence[Any]], Sequence[Any]]
    as_text: bool


def compile_copy(shape: InsertShape, dialect: Dialect) -> CopyShape:
    """Return how rows are copied into a table.

    Raises:
        QueryError: for rows without columns, or a schema without a table.
    """
    info = shape.info
    if not shape.fields:
        raise QueryError(f"the rows for {info.name} have no columns", hint="give each row at least one value")
    codecs = {field: info.fields[field].type.codec(dialect.target) for field in shape.fields}
    sources = tuple(info.fields[field].source for field in shape.fields)
    columns = ", ".join(name(source, dialect) for source in sources)
    dumpers = {
        index: _column_dumper(info, field, dialect, as_literal=False) for index, field in enumerate(shape.fields)
    }
    types = tuple(_plain_type(codec.column) for codec in codecs.values())
    return CopyShape(
        f"COPY {table_name(shape, dialect)} ({columns}) FROM STDIN",
        sources,
        types,
        _dump_columns(dumpers),
        any(one.removesuffix("[]") not in _BINARY for one in types),
    )


def _plain_type(column: str) -> str:
    """Return a type without its bounds: `numeric[]` for `numeric(12,2)[]`."""
    before, bracket, after = column.partition("(")
    return before + after.partition(")")[2] if bracket else column
