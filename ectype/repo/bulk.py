"""Many rows at once: `insert_all`, `update_all`, `delete_all`. No changesets, nothing implicit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import NoneType
from typing import Any, Final, cast

from ectype.errors import QueryError
from ectype.expr.operand import Assignment, Attr, Expr
from ectype.query.ast import Step, steps
from ectype.query.builder import Query
from ectype.query.cells import Placeholder
from ectype.query.clauses import grown
from ectype.query.conflicts import OnConflict, plan_conflict
from ectype.query.subqueries import row_schema
from ectype.query.writing import assigned, mentioning
from ectype.repo import bulk_copy
from ectype.repo.atomic import Atomic
from ectype.repo.call import PLAIN, Call
from ectype.repo.cells import chunks, plain, shared_fields
from ectype.repo.engine import Engine, Prepared
from ectype.repo.hooks import Operation
from ectype.repo.insert_query import insert_query
from ectype.repo.reader import query_of
from ectype.repo.returning import COUNT, Back, Returning, back_of, no_column, virtual_column
from ectype.repo.rows import Group, grouped
from ectype.repo.select import dumped
from ectype.repo.sending import Targets, target_columns
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.sources import TableSource
from ectype.schema.table_parts import Index
from ectype.sql.compilers import (
    compile_delete_all,
    compile_each,
    compile_insert_cells,
    compile_unnest,
    compile_update_all,
)
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement
from ectype.types.base import Many
from ectype.types.columns import ColumnValues, word_array

SELECTING: Final = frozenset({"select", "merge"})
"""The steps of a query that say what comes back of its rows."""


async def insert_all(
    engine: Engine,
    model: Any,
    rows: Iterable[Mapping[str, object] | Any],
    *,
    on_conflict: OnConflict[Any] | None = None,
    conflict_target: Targets | None = None,
    returning: Returning = None,
    timestamps: bool = False,
    call: Call = PLAIN,
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
    back = back_of(source, returning)
    targets = target_columns(conflict_target)
    if isinstance(rows, Query):
        if timestamps:
            raise QueryError(
                "`insert_all` of a query fills in nothing, so it takes no `timestamps=True`",
                hint="select them: `{'inserted_at': fn.now(), …}`",
            )
        query = engine.hooked(cast("Any", rows), "insert_all", call)
        return await insert_query(engine, source, query, on_conflict, targets, back, call)
    groups = grouped(info, rows, timestamps=timestamps)
    write = _InsertAll(engine, source, on_conflict, targets, back, call)
    if not groups:
        return 0 if back is COUNT else []
    # All values are dumped before the first row is sent: one that does not fit its column is refused at once.
    writes = [write.ready(group) for group in groups]
    if len(writes) == 1:
        return await writes[0]()

    async with Atomic(engine.session, call):
        return _together(groups, [await one() for one in writes])


def _together(groups: list[Group], results: list[Any]) -> Any:
    """Put what the groups gave back into the order of the rows, where each row gave one."""
    if isinstance(results[0], int):
        return sum(results)
    if any(len(group) != len(result) for group, result in zip(groups, results, strict=True)):
        return [one for result in results for one in result]
    ordered: list[Any] = [None] * sum(len(group) for group in groups)
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
    targets: tuple[Attr[Any, Any], ...] | Index[Any]
    back: Back
    call: Call

    def ready(self, group: Group) -> Callable[[], Awaitable[Any]]:
        """Return the write of rows that all have the same columns, with its values dumped."""
        engine, back, call = self.engine, self.back, self.call
        classes = _classes(group.columns)
        if any(issubclass(one, Expr) for one in classes):
            return self._cells(plain(group))
        if engine.dialect.unnest_insert and group.fields:
            return self._at_once(group, shares=Placeholder in classes)
        if Placeholder in classes:
            group = plain(group)
        shape, params = self._shape(group.fields)
        prepared = self._plan(shape, compile_each)
        dumped = prepared.dump((len(group), group.columns, params))
        run_many = engine.execute_many if back is COUNT else engine.fetch_many
        return lambda: run_many(prepared, dumped, call)

    def _at_once(self, group: Group, *, shares: bool) -> Callable[[], Awaitable[Any]]:
        """Return the write of all rows by one statement that takes each column as an array."""
        group, shared = shared_fields(group) if shares else (group, ())
        if self.back is COUNT and not shared and len(group) >= bulk_copy.ROWS:
            shape, _ = self._shape(group.fields)
            copy = bulk_copy.copied(self.engine, shape, group, self.call, partial(self._unnested, group, shared))
            if copy is not None:
                return copy
        return self._unnested(group, shared)

    def _unnested(self, group: Group, shared: tuple[str, ...]) -> Callable[[], Awaitable[Any]]:
        engine, back, call, info = self.engine, self.back, self.call, self.source.info
        given: list[Any] = []
        literal: list[str] = []
        for field, column in zip(group.fields, group.columns, strict=True):
            if field in shared:
                given.append(column.values[0])
                continue
            text = _text(info.fields[field].type.codec(engine.dialect.target).many, column)
            given.append(column if text is None else text)
            if text is not None:
                literal.append(field)
        shape, params = self._shape(group.fields, shared, tuple(literal))
        prepared = self._plan(shape, compile_unnest)
        values = prepared.dump((*given, *params))
        return lambda: _run(engine, prepared, values, back, call)

    def _plan(self, shape: InsertShape, compiled: Callable[[InsertShape, Dialect], Statement]) -> Prepared:
        return self.engine.plan(
            ("insert_all", shape, self.back.form),
            lambda dialect: Prepared(
                compiled(shape, dialect), self.back.row(shape.info, shape.table, shape.prefix), shape.prefix
            ),
        )

    def _shape(
        self, fields: tuple[str, ...], shared: tuple[str, ...] = (), literal: tuple[str, ...] = ()
    ) -> tuple[InsertShape, tuple[object, ...]]:
        """Return what is inserted, and the values of what a conflict does."""
        info = self.source.info
        planned, params = plan_conflict(info, self.on_conflict, self.targets, fields)
        prefix = self.source.prefix or info.prefix or self.call.prefix or self.engine.prefix
        table = self.source.table
        return InsertShape(info, fields, self.back.names, planned, prefix, table, shared, literal), params

    def _cells(self, group: Group) -> Callable[[], Awaitable[Any]]:
        """Return the write of rows of which some cells are expressions: as many in a statement as it takes values."""
        engine, back, info = self.engine, self.back, self.source.info
        shape, params = self._shape(group.fields)
        statements: list[tuple[Prepared, Sequence[Any]]] = []
        for chunk in chunks(info, group, engine.dialect.max_params - len(params)):
            cells = chunk.cells
            prepared = engine.plan(
                ("insert_cells", shape, cells, back.form),
                lambda dialect, cells=cells: Prepared(
                    compile_insert_cells(shape, cells, dialect),
                    back.row(info, shape.table, shape.prefix),
                    shape.prefix,
                ),
            )
            statements.append((prepared, prepared.dump((*chunk.values, *params))))

        if len(statements) == 1:
            return lambda: _run(engine, *statements[0], back, self.call)

        async def each() -> Any:
            async with Atomic(engine.session, self.call):
                results = [await _run(engine, *one, back, self.call) for one in statements]
            return sum(results) if back is COUNT else [row for rows in results for row in rows]

        return each


def _text(many: Many | None, column: ColumnValues) -> str | None:
    """Return a column as the text of an array, where the server reads that sooner."""
    if column.kind is NoneType:
        return word_array(column)
    return None if many is None or many.literal is None else many.literal(column)


def _classes(columns: list[ColumnValues]) -> set[type]:
    """Return the classes of all values but None."""
    found: set[type] = set()
    for column in columns:
        found.update(map(type, column.values) if column.kind is None else (column.kind,))
    return found


async def _run(engine: Engine, prepared: Prepared, params: Any, back: Back, call: Call) -> Any:
    if back is COUNT:
        return await engine.execute(prepared, params, call)
    return await engine.fetch(prepared, params, call)


def chosen(query: Query[Any, Any, Any], returning: Returning, verb: str) -> Query[Any, Any, Any]:
    """Return the query that selects what `returning` asks for; without a select nothing comes back.

    Raises:
        QueryError: for what the query does not read, or two answers to what comes back.
    """
    selects = any(one.kind in SELECTING for one in steps(query.node))
    if returning is True:
        return query if selects else query.select(query.node.sources[0].entity)
    if selects and returning is not None:
        raise QueryError(
            f"`{verb}` got `returning` and a query that selects: each says what comes back",
            hint=f"leave one out: `{verb}(query.select(…), …)`",
        )
    if selects and _gives_structs(query.node):
        raise QueryError(
            f"`{verb}` gives back how many rows there were, unless it is asked for the structs that its query selects",
            hint=f"ask: `{verb}(query, …, returning=True)`",
        )
    if selects or returning is None:
        return query
    columns = _columns(query.node, returning)
    if len(columns) == 1 and isinstance(returning, tuple):
        return query.select_into(_alone, *columns)
    made: Query[Any, Any, Any] = cast("Any", query).select(*columns)
    return made


def _alone(value: object) -> tuple[object]:
    """Make a row of one column, as a tuple of one asks for it."""
    return (value,)


def _gives_structs(node: Step) -> bool:
    try:
        row_schema(node)
    except QueryError:
        return False
    return True


def _columns(node: Step, returning: Returning) -> tuple[Any, ...]:
    """Return what `returning` asks for, as a select takes it."""
    source = node.sources[0]
    info: SchemaInfo = source.info
    if getattr(returning, "__source__", None) in (info.source, source):
        return (source.entity,)
    columns = cast("tuple[Any, ...]", returning) if isinstance(returning, tuple) else (returning,)
    if not columns or not all(isinstance(one, Attr) for one in columns):
        raise no_column(info, cast("object", returning))
    return tuple(_read(node, cast("Attr[Any, Any]", one)) for one in columns)


def _read(node: Step, column: Attr[Any, Any]) -> Attr[Any, Any]:
    """Return a column of a source of the query; one of an alias takes the schema's own columns too."""
    written: Any = node.sources[0]
    source: Any = getattr(column.node, "source", None)
    if source is not written.info.source and source not in node.sources:
        raise QueryError(f"`returning` takes columns of {written.info.name}, got {column!r:.80}")
    if column.name in source.info.virtual_names:
        raise virtual_column(f"{column!r}")
    return column if source in node.sources else written.columns[column.name]


async def update_all(
    engine: Engine,
    queryable: Any,
    assignments: tuple[Assignment[Any], ...],
    *,
    returning: Returning = None,
    call: Call = PLAIN,
    operation: Operation = "update_all",
) -> Any:
    """Change all rows of a query; returns how many, or what it selects of them. Timestamps are not touched."""
    query = chosen(hooked_update(engine, query_of(queryable), assignments, call, operation), returning, "update_all")
    prefix = call.prefix or engine.prefix
    prepared, params = prepare_update(engine, query, assignments, prefix)
    return await _written(engine, prepared, dumped(prepared, query, params), query, call)


def hooked_update(
    engine: Engine,
    query: Query[Any, Any, Any],
    assignments: Sequence[Assignment[Any]],
    call: Call,
    operation: Operation = "update_all",
) -> Query[Any, Any, Any]:
    """Return the query of an update as a hook makes it, which reaches the subqueries among the values, too."""
    if engine.prepare_query is None:
        return query
    terms = assigned(query.node.sources[0].info, assignments, query.node)
    return engine.hooked(grown(query, mentioning(query.node, terms), query.params), operation, call)


def prepare_update(
    engine: Engine, query: Query[Any, Any, Any], assignments: Sequence[Assignment[Any]], prefix: str | None
) -> tuple[Prepared, tuple[object, ...]]:
    """Return the prepared UPDATE of a query's rows, and its values."""
    terms = assigned(query.node.sources[0].info, assignments, query.node)
    params = query.params
    for one in assignments:
        params += one.params
    key = ("update_all", query.node, terms, prefix)
    node = query.node
    prepared = engine.plan(
        key, lambda dialect: Prepared(compile_update_all(node, terms, dialect, prefix=prefix), prefix=prefix)
    )
    return prepared, params


async def delete_all(
    engine: Engine,
    queryable: Any,
    *,
    returning: Returning = None,
    call: Call = PLAIN,
    operation: Operation = "delete_all",
) -> Any:
    """Delete all rows of a query; returns how many, or what it selects of them."""
    query = chosen(engine.hooked(query_of(queryable), operation, call), returning, "delete_all")
    prefix = call.prefix or engine.prefix
    prepared = prepare_delete(engine, query, prefix)
    return await _written(engine, prepared, dumped(prepared, query, query.params), query, call)


def prepare_delete(engine: Engine, query: Query[Any, Any, Any], prefix: str | None) -> Prepared:
    """Return the prepared DELETE of a query's rows."""
    node = query.node
    key = ("delete_all", node, prefix)
    return engine.plan(key, lambda dialect: Prepared(compile_delete_all(node, dialect, prefix=prefix), prefix=prefix))


async def _written(engine: Engine, prepared: Prepared, params: Any, query: Query[Any, Any, Any], call: Call) -> Any:
    if any(one.kind in SELECTING for one in steps(query.node)):
        return await engine.fetch(prepared, params, call)
    return await engine.execute(prepared, params, call)
