"""Writes as the repository makes them, down to their text: for `expect_sql`, which runs them."""

from collections.abc import Mapping
from typing import Any

from ectype import Assignment, OnConflict, Query
from ectype.query.conflicts import plan_conflict
from ectype.schema.meta import schema_info
from ectype.sql.bulk import compile_unnest
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, KeyedShape, assigned
from ectype.sql.statement import Statement
from ectype.sql.writes import compile_delete_all, compile_insert, compile_keyed, compile_update_all
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
    given = (*columns.values(), *more)
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


def update_all(
    query: Query[Any, Any, Any],
    *assignments: Assignment[Any],
    returning: tuple[str, ...] = (),
    prefix: str | None = None,
) -> Written:
    given = sum((one.params for one in assignments), query.params)

    def written(dialect: Dialect) -> tuple[str, Params]:
        terms = assigned(query.node.sources[0].info, assignments)
        return _on(dialect, compile_update_all(query.node, terms, dialect, returning=returning, prefix=prefix), given)

    return written


def delete_all(query: Query[Any, Any, Any], *, returning: tuple[str, ...] = (), prefix: str | None = None) -> Written:
    return lambda dialect: _on(
        dialect, compile_delete_all(query.node, dialect, returning=returning, prefix=prefix), query.params
    )
