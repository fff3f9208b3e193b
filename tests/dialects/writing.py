"""Writes as the repository makes them, down to their text: for `expect_sql`, which runs them."""

from collections.abc import Mapping
from typing import Any

from ectype import Assignment, OnConflict, Query
from ectype.query.conflicts import plan_conflict
from ectype.query.writing import assigned
from ectype.schema.meta import schema_info
from ectype.sql.bulk import compile_unnest
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, KeyedShape
from ectype.sql.statement import Statement
from ectype.sql.updates import compile_delete_all, compile_update_all
from ectype.sql.writes import compile_insert, compile_keyed
from ectype.types.columns import ColumnValues
from tests.dialects.expecting import Params, Written


def _on(dialect: Dialect, statement: Statement, values: Params) -> tuple[str, Params]:
    return statement.sql, tuple(statement.dump(values))


def _insert_shape(
    model: Any,
    fields: tuple[str, ...],
    on_conflict: OnConflict[Any] | None,
    target: tuple[Any, ...],
    returning: tuple[str, ...],
    prefix: str | None,
) -> tuple[InsertShape, Params]:
    info = schema_info(model)
    planned, values = plan_conflict(info, on_conflict, target, fields)
    return InsertShape(info, fields, returning, planned, prefix), values


def insert(
    model: Any,
    values: Mapping[str, object],
    on_conflict: OnConflict[Any] | None = None,
    target: tuple[Any, ...] = (),
    *,
    returning: tuple[str, ...] = (),
    prefix: str | None = None,
    told: bool = False,
) -> Written:
    shape, more = _insert_shape(model, tuple(values), on_conflict, target, returning, prefix)
    given = (*values.values(), *more)
    return lambda dialect: _on(dialect, compile_insert(shape, dialect, told=told), given)


def insert_all(
    model: Any,
    columns: Mapping[str, list[Any]],
    on_conflict: OnConflict[Any] | None = None,
    target: tuple[Any, ...] = (),
    *,
    returning: tuple[str, ...] = (),
    prefix: str | None = None,
) -> Written:
    shape, more = _insert_shape(model, tuple(columns), on_conflict, target, returning, prefix)
    given = (*map(ColumnValues.of, columns.values()), *more)
    return lambda dialect: _on(dialect, compile_unnest(shape, dialect), given)


def keyed(
    verb: str,
    model: Any,
    values: Mapping[str, object],
    key: Mapping[str, object],
    *,
    returning: tuple[str, ...] = (),
    prefix: str | None = None,
) -> Written:
    shape = KeyedShape(verb, schema_info(model), tuple(values), tuple(key), returning, prefix)
    return lambda dialect: _on(dialect, compile_keyed(shape, dialect), (*values.values(), *key.values()))


def _returning(query: Query[Any, Any, Any], fields: tuple[str, ...]) -> Query[Any, Any, Any]:
    columns = query.node.sources[0].columns
    return query.select(*(columns[field] for field in fields)) if fields else query


def update_all(
    query: Query[Any, Any, Any],
    *assignments: Assignment[Any],
    returning: tuple[str, ...] = (),
    prefix: str | None = None,
) -> Written:
    written = _returning(query, returning)
    given = sum((one.params for one in assignments), written.params)

    def on(dialect: Dialect) -> tuple[str, Params]:
        terms = assigned(written.node.sources[0].info, assignments, written.node)
        return _on(dialect, compile_update_all(written.node, terms, dialect, prefix=prefix), given)

    return on


def delete_all(query: Query[Any, Any, Any], *, returning: tuple[str, ...] = (), prefix: str | None = None) -> Written:
    written = _returning(query, returning)
    return lambda dialect: _on(dialect, compile_delete_all(written.node, dialect, prefix=prefix), written.params)
