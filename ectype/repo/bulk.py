"""Many rows at once: `insert_all`, `update_all`, `delete_all`. No changesets, nothing implicit."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr.operand import Assignment, Attr
from ectype.query.ast import EntityRow, RowShape, TupleRow, ValueRow
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict, plan_conflict
from ectype.query.planner import origin
from ectype.repo.engine import Engine, Prepared
from ectype.repo.reader import query_of
from ectype.repo.rows import Group, grouped
from ectype.repo.select import dumped
from ectype.repo.sending import DEFAULT, Call, Targets, target_columns
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.sources import TableSource
from ectype.sql.compilers import compile_delete_all, compile_insert, compile_unnest, compile_update_all
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, assigned

Returning: TypeAlias = Any
"""A column, a tuple of columns, or a schema; None for a count."""


@dataclass(frozen=True, slots=True)
class _Back:
    """What comes back of each row: the fields, and how they make a row (`count` for none)."""

    names: tuple[str, ...]
    form: str

    def row(self, info: SchemaInfo, table: str | None = None, prefix: str | None = None) -> RowShape | None:
        if self.form == "count":
            return None
        if self.form == "struct":
            return EntityRow(info, self.names, 0, False, table, prefix)  # noqa: FBT003  # a positional field
        items = tuple(ValueRow(index) for index in range(len(self.names)))
        return items[0] if self.form == "value" else TupleRow(items)


_COUNT = _Back((), "count")


def _back(source: Any, returning: Returning) -> _Back:
    """Read `returning`. Raises QueryError for what is no column of the schema, nor the schema itself."""
    info: SchemaInfo = source.info
    if returning is None:
        return _COUNT
    if isinstance(returning, Attr):
        return _Back((_own(source, cast("Attr[Any, Any]", returning)),), "value")
    columns = cast("tuple[Attr[Any, Any], ...]", returning) if isinstance(returning, tuple) else ()
    if columns:
        return _Back(tuple(_own(source, column) for column in columns), "tuple")
    if getattr(cast("Any", returning), "__source__", None) in (info.source, source):
        return _Back(info.column_names, "struct")
    raise QueryError(
        f"`returning` takes columns of {info.name} or {info.name} itself, got {returning!r:.80}",
        hint=f"write `returning={info.name}.…`, `returning=({info.name}.…, …)` or `returning={info.name}`",
    )


def _own(source: Any, column: Attr[Any, Any]) -> str:
    info: SchemaInfo = source.info
    if getattr(getattr(column, "node", None), "source", None) not in (info.source, source):
        raise QueryError(f"`returning` takes columns of {info.name}, got {column!r:.80}")
    if column.name in info.virtual_names:
        raise QueryError(f"`{info.name}.{column.name}` is virtual: it is not stored, so it cannot come back")
    return column.name


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
    source = getattr(model, "__source__", None)
    if not isinstance(source, TableSource):
        raise QueryError(
            f"`insert_all` writes a table, got {model!r:.80}", hint=f"pass the schema: `insert_all({info.name}, …)`"
        )
    if source.hint is not None:
        raise QueryError(f"`insert_all` takes no hint, got {source.hint!r}", hint="write over a source without one")
    back = _back(source, returning)
    groups = grouped(info, rows, timestamps=timestamps)
    write = _InsertAll(engine, source, on_conflict, target_columns(conflict_target), back, call)
    if not groups:
        return 0 if back is _COUNT else []
    # All values are dumped before the first row is sent: one that does not fit its column is refused at once.
    writes = [write.ready(group) for group in groups]
    if len(writes) == 1:
        return await writes[0]()

    async def each() -> list[Any]:
        return [await one() for one in writes]

    return _together(groups, await engine.session.transact(each))


def _together(groups: list[Group], results: list[Any]) -> Any:
    """Put what the groups gave back into the order of the rows, where each row gave one."""
    if isinstance(results[0], int):
        return sum(results)
    if any(len(group.rows) != len(result) for group, result in zip(groups, results, strict=True)):
        return [one for result in results for one in result]
    ordered: list[Any] = [None] * sum(len(group.rows) for group in groups)
    for group, result in zip(groups, results, strict=True):
        for position, one in zip(group.positions, result, strict=True):
            ordered[position] = one
    return ordered


@dataclass(frozen=True, slots=True)
class _InsertAll:
    """What all groups of one `insert_all` have in common."""

    engine: Engine
    source: TableSource
    on_conflict: OnConflict[Any] | None
    targets: tuple[Attr[Any, Any], ...]
    back: _Back
    call: Call

    def ready(self, group: Group) -> Callable[[], Awaitable[Any]]:
        """Return the write of rows that all have the same columns, with its values dumped."""
        engine, back, timeout, info = self.engine, self.back, self.call.timeout, self.source.info
        planned, params = plan_conflict(info, self.on_conflict, self.targets, group.fields)
        prefix = self.source.prefix or info.prefix or self.call.prefix or engine.prefix
        shape = InsertShape(info, group.fields, back.names, planned, prefix, self.source.table)
        at_once = engine.dialect.unnest_insert and bool(group.fields)
        prepared = engine.plan(
            ("insert_all", shape, back.form), lambda dialect: self._prepared(shape, dialect, at_once=at_once)
        )
        if at_once:
            values = prepared.dump((*group.columns(), *params))
            return lambda: _run(engine, prepared, values, back, timeout)
        dumped = [prepared.dump((*row, *params) if params else row) for row in group.rows]
        run_many = engine.execute_many if back is _COUNT else engine.fetch_many
        return lambda: run_many(prepared, dumped, timeout)

    def _prepared(self, shape: InsertShape, dialect: Dialect, *, at_once: bool) -> Prepared:
        statement = compile_unnest(shape, dialect) if at_once else compile_insert(shape, dialect)
        return Prepared(statement, self.back.row(shape.info, shape.table, shape.prefix), shape.prefix)


async def _run(engine: Engine, prepared: Prepared, params: Any, back: _Back, timeout: float | None) -> Any:
    if back is _COUNT:
        return await engine.execute(prepared, params, timeout)
    return await engine.fetch(prepared, params, timeout)


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
    source = query.node.sources[0]
    terms = assigned(source.info, assignments)
    back = _back(source, returning)
    prefix = call.prefix or engine.prefix
    params = query.params
    for one in assignments:
        params += one.params

    def prepared_for(dialect: Dialect) -> Prepared:
        statement = compile_update_all(query.node, terms, dialect, returning=back.names, prefix=prefix)
        return Prepared(statement, back.row(source.info, *origin(query.node)), prefix)

    prepared = engine.plan(("update_all", query.node, terms, back, prefix), prepared_for)
    return await _run(engine, prepared, dumped(prepared, query, params), back, call.timeout)


async def delete_all(engine: Engine, queryable: Any, *, returning: Returning = None, call: Call = DEFAULT) -> Any:
    """Delete all rows of a query; returns how many, or what `returning` asks for."""
    query: Query[Any, Any, Any] = query_of(queryable)
    source = query.node.sources[0]
    back = _back(source, returning)
    prefix = call.prefix or engine.prefix

    def prepared_for(dialect: Dialect) -> Prepared:
        statement = compile_delete_all(query.node, dialect, returning=back.names, prefix=prefix)
        return Prepared(statement, back.row(source.info, *origin(query.node)), prefix)

    prepared = engine.plan(("delete_all", query.node, back, prefix), prepared_for)
    return await _run(engine, prepared, dumped(prepared, query, query.params), back, call.timeout)
