"""Many rows at once: `insert_all`, `update_all`, `delete_all`. No changesets, nothing implicit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr.operand import Assignment, Attr
from ectype.query.ast import EntityRow, RowShape, TupleRow, ValueRow
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict, plan_conflict
from ectype.repo.engine import Engine, Prepared
from ectype.repo.loader import Loader, build
from ectype.repo.reader import query_of
from ectype.repo.writer import DEFAULT, Call, Targets, target_columns
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.structs import values_of
from ectype.sql.compilers import compile_delete_all, compile_insert, compile_unnest, compile_update_all
from ectype.sql.shapes import InsertShape, assigned
from ectype.sql.statement import Statement

Returning = Any
"""A column, a tuple of columns, or a schema; None for a count."""


def returned(info: SchemaInfo, returning: Returning) -> tuple[tuple[str, ...], RowShape | None]:
    """Return the fields that come back and how a row is made of them.

    Raises:
        QueryError: for a column of another schema.
    """
    if returning is None:
        return (), None
    if isinstance(returning, Attr):
        return (_own(info, cast("Attr[Any, Any]", returning)),), ValueRow(0)
    if isinstance(returning, tuple):
        columns = cast("tuple[Attr[Any, Any], ...]", returning)
        names = tuple(_own(info, column) for column in columns)
        return names, TupleRow(tuple(ValueRow(index) for index in range(len(names))))
    if getattr(returning, "__schema__", None) is info:
        return info.column_names, EntityRow(info, info.column_names, 0, optional=False)
    raise QueryError(
        f"`returning` takes columns of {info.name} or {info.name} itself, got {returning!r:.80}",
        hint=f"write `returning={info.name}.id`, `returning=({info.name}.id, …)` or `returning={info.name}`",
    )


def _own(info: SchemaInfo, column: Attr[Any, Any]) -> str:
    if getattr(column.node, "source", None) is not info.source:
        raise QueryError(f"{column!r} is no column of {info.name}")
    return column.name


def returning_loader(statement: Statement, row: RowShape) -> Loader:
    """Return the loader of a RETURNING list."""
    return build(statement.columns, row)


async def insert_all(
    engine: Engine,
    model: Any,
    rows: Iterable[Mapping[str, object] | Any],
    *,
    on_conflict: OnConflict[Any] | None = None,
    conflict_target: Targets | None = None,
    returning: Returning = None,
    timestamps: bool = False,
    call: Call = DEFAULT,
) -> Any:
    """Insert rows, grouped by which columns they have so that database defaults apply to the others.

    Returns how many rows were written, or what `returning` asks for, in the order of `rows`.
    """
    info = schema_info(model)
    names, row = returned(info, returning)
    given = [_row(info, one, timestamps=timestamps) for one in rows]
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, one in enumerate(given):
        groups.setdefault(tuple(one), []).append(index)
    if not groups:
        return 0 if row is None else []
    write = _Write(info, on_conflict, target_columns(conflict_target), names, row, call)
    if len(groups) == 1:
        return await _group(engine, write, next(iter(groups)), given)

    async def write_groups() -> list[tuple[list[int], Any]]:
        return [
            (indexes, await _group(engine, write, fields, [given[i] for i in indexes]))
            for fields, indexes in groups.items()
        ]

    return _together(await engine.session.transact(write_groups), len(given), row)


def _together(results: list[tuple[list[int], Any]], count: int, row: RowShape | None) -> Any:
    """Put what the groups gave back into the order of the rows, where each row gave one."""
    if row is None:
        return sum(result for _, result in results)
    if any(len(indexes) != len(result) for indexes, result in results):
        return [one for _, result in results for one in result]
    ordered: list[Any] = [None] * count
    for indexes, result in results:
        for index, one in zip(indexes, result, strict=True):
            ordered[index] = one
    return ordered


def _row(info: SchemaInfo, row: Any, *, timestamps: bool) -> dict[str, Any]:
    """Return the values of one row by field name; keys that are generated here are filled in."""
    if isinstance(row, Mapping):
        values = dict(cast("Mapping[str, Any]", row))
        for name in values:
            if name not in info.column_names:
                _refuse_key(info, name)
    else:
        if getattr(row, "__schema__", None) is not info:
            raise QueryError(f"a row of {info.name} is a mapping or a struct of it, got {row!r:.80}")
        found = values_of(row)
        values = {name: found[name] for name in info.column_names if found.get(name) is not None}
    made: dict[Any, Any] = {}
    for name, function in info.autogenerated:
        wanted = timestamps or name in info.primary_key
        if wanted and values.get(name) is None and function is not None:
            if function not in made:
                made[function] = function()
            values[name] = made[function]
    return values


def _refuse_key(info: SchemaInfo, name: object) -> None:
    if name in info.virtual_names:
        raise QueryError(f"`{info.name}.{name}` is virtual, so it is not stored")
    if name in info.associations:
        raise QueryError(f"`{info.name}.{name}` is an association: insert the related rows by their foreign key")
    raise QueryError(f"field `{name}` does not exist in {info.name}", hint=info.suggest(str(name)))


@dataclass(frozen=True, slots=True)
class _Write:
    """What all groups of one `insert_all` have in common."""

    info: SchemaInfo
    on_conflict: OnConflict[Any] | None
    targets: tuple[Attr[Any, Any], ...]
    names: tuple[str, ...]
    row: RowShape | None
    call: Call


async def _group(engine: Engine, write: _Write, fields: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Any:
    """Insert rows that all have the same columns."""
    info, row, call = write.info, write.row, write.call
    planned, params = plan_conflict(info, write.on_conflict, write.targets, fields)
    names = write.names
    shape = InsertShape(info, fields, names, planned, call.prefix or engine.prefix)
    if engine.dialect.unnest_insert and fields:
        prepared = engine.prepared(("insert_all", shape), lambda dialect: compile_unnest(shape, dialect))
        columns = [[one[field] for one in rows] for field in fields]
        return await _run(engine, prepared, (*columns, *params), row, call)
    prepared = engine.prepared(shape, lambda dialect: compile_insert(shape, dialect))
    dumped = [prepared.dump((*one.values(), *params)) for one in rows]
    if row is None:
        return await engine.session.execute_many(prepared.sql, dumped, call.timeout)
    load = returning_loader(prepared.statement, row)
    return await engine.session.fetch_many(prepared.sql, dumped, load, call.timeout)


async def _run(engine: Engine, prepared: Prepared, values: Sequence[Any], row: RowShape | None, call: Call) -> Any:
    if row is None:
        return await engine.execute(prepared, values, call.timeout)
    load = returning_loader(prepared.statement, row)
    return await engine.session.fetch(prepared.sql, prepared.dump(values), load, call.timeout)


async def update_all(
    engine: Engine,
    queryable: Any,
    assignments: tuple[Assignment[Any], ...],
    *,
    returning: Returning = None,
    call: Call = DEFAULT,
) -> Any:
    """Change all rows of a query; returns how many, or what `returning` asks for. Timestamps are not touched."""
    query: Query[Any, Any, Any] = query_of(queryable)
    info: SchemaInfo = query.node.sources[0].info
    terms = assigned(info, assignments)
    names, row = returned(info, returning)
    prefix = call.prefix or engine.prefix
    params = query.params
    for one in assignments:
        params += one.params
    prepared = engine.prepared(
        ("update_all", query.node, terms, names, prefix),
        lambda dialect: compile_update_all(query.node, terms, dialect, returning=names, prefix=prefix),
    )
    return await _run(engine, prepared, params, row, call)


async def delete_all(engine: Engine, queryable: Any, *, returning: Returning = None, call: Call = DEFAULT) -> Any:
    """Delete all rows of a query; returns how many, or what `returning` asks for."""
    query: Query[Any, Any, Any] = query_of(queryable)
    names, row = returned(query.node.sources[0].info, returning)
    prefix = call.prefix or engine.prefix
    prepared = engine.prepared(
        ("delete_all", query.node, names, prefix),
        lambda dialect: compile_delete_all(query.node, dialect, returning=names, prefix=prefix),
    )
    return await _run(engine, prepared, query.params, row, call)
