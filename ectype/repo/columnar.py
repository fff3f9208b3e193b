"""The conductor of columnar reads: plan, run, and make the driver's rows Arrow columns, without a struct between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from ectype.errors import CastError, QueryError
from ectype.expr.nodes import ColumnRef
from ectype.query.ast import EntityRow, LinkedRow, Output, RowShape, Select, Step, TupleRow, ValueRow
from ectype.query.planner import plan_select
from ectype.repo.arrow_kinds import DeclinedError, Kind, extra, kind_of, pyarrow
from ectype.repo.call import Call
from ectype.repo.collector import uncollected
from ectype.repo.engine import Engine, Prepared
from ectype.repo.loader import Loader, build
from ectype.repo.reader import query_of
from ectype.repo.select import dumped
from ectype.schema.meta import FieldInfo
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import Dialect
from ectype.sql.statement import Column
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime

CHUNK = 16_384
"""Rows of one piece of a table: few enough that their values are still near when the next column is read."""
_BEYOND = (BeyondDate, BeyondDateTime, BeyondTime)


async def read_arrow(engine: Engine, queryable: Any, call: Call) -> Any:
    """Return the rows of a query as an Arrow table."""
    pyarrow("to_arrow")
    query = engine.hooked(query_of(queryable), "all", call)
    if query.preloads:
        raise QueryError(
            f"a table has columns and no associations, and this query preloads: {query!r:.200}",
            hint='leave the preloads out: `query.exclude("preload")`; what hangs on a row is joined and selected',
        )
    known, node = call.prefix or engine.prefix, query.node
    prepared: Prepared = engine.plan(("arrow", node, known), lambda dialect: _prepared(node, dialect, known))
    return await engine.fetch(prepared, dumped(prepared, query, query.params), call)


async def read_polars(engine: Engine, queryable: Any, call: Call) -> Any:
    """Return the rows of a query as a polars frame."""
    polars: Any = extra("polars", "to_polars", "polars")
    return polars.from_arrow(await read_arrow(engine, queryable, call), rechunk=False)


def _prepared(node: Step, dialect: Dialect, prefix: str | None) -> Prepared:
    """Return the statement that `repo.all` runs for a query, with a loader of its rows into a table."""
    statement = compile_select(node, dialect, prefix)
    select = plan_select(node, outermost=True, all_members=False)
    chosen = list(_chosen(select.row, select.outputs))
    names = _names(select, chosen)
    made = [
        _ArrowColumn(name, statement.columns[index], _kind(select.outputs[index], dialect), index, optional=optional)
        for name, (_, index, optional) in zip(names, chosen, strict=True)
    ]
    # A loader of structs is not needed; it would be made with the statement.
    prepared = Prepared(replace(statement, columns=()), prefix=prefix)
    prepared.load = cast("Loader", _table_loader(made))
    return prepared


def _chosen(row: RowShape, outputs: tuple[Output, ...]) -> Iterator[tuple[str, int, bool]]:
    """Yield what a row is made of, from left to right: names, outputs, and whether they are of a row that may miss."""
    match row:
        case ValueRow(index=index):
            yield _value_name(outputs[index]), index, False
        case EntityRow():
            if any(merge.conditional for merge in row.merges):
                raise QueryError(
                    "a member filled by `select_merge` from an outer join has no column of its own in a table",
                    hint="select the columns: `query.select(Post.id, maybe(Comment.body).as_('body'))`",
                )
            for position, name in enumerate(row.names):
                yield name, row.start + position, row.optional
            for merge in row.merges:
                yield merge.name, merge.index, row.optional
        case TupleRow(items=items, names=names) if names:
            for name, item in zip(names, items, strict=True):
                inner = list(_chosen(item, outputs))
                if len(inner) == 1 and isinstance(item, ValueRow):
                    yield name, inner[0][1], False
                else:
                    yield from ((f"{name}.{member}", index, optional) for member, index, optional in inner)
        case TupleRow(items=items):
            for item in items:
                yield from _chosen(item, outputs)
        case LinkedRow():
            raise QueryError("joined preloads have no place in a table", hint="select the columns of the joined tables")


def _value_name(output: Output) -> str:
    if output.alias is not None:
        return output.alias
    node = output.clause.node
    return node.name if isinstance(node, ColumnRef) else output.name


def _names(select: Select, chosen: Sequence[tuple[str, int, bool]]) -> list[str]:
    """Return the names of a table's columns; those that would be equal say whose they are: `Post.id`, `User.id`.

    Raises:
        QueryError: two columns are the same even so.
    """
    counted = Counter(name for name, _, _ in chosen)
    names: list[str] = []
    for name, index, _ in chosen:
        node = select.outputs[index].clause.node
        whose = f"{node.source.label}." if counted[name] > 1 and isinstance(node, ColumnRef) else ""
        names.append(f"{whose}{name}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise QueryError(
            f"two columns of the table would be called `{twice[0]}`", hint=f'name one: `.as_("other_{twice[0]}")`'
        )
    return names


def _kind(output: Output, dialect: Dialect) -> Kind:
    if output.type is None:
        raise QueryError(
            f"nothing says of which type the column `{output.name}` is, so a table has none for it",
            hint="say it: `fragment(…).as_type(int)`",
        )
    node, column = output.clause.node, None
    if isinstance(node, ColumnRef):
        source: Any = node.source
        structure = cast("FieldInfo", source.info.fields[node.name]).options.db
        column = None if structure is None else structure.type
    return kind_of(output.type, dialect.target, column)


class _ArrowColumn:
    """One column of a table: its values become an array the quick way, or else by what `repo.all` gives."""

    def __init__(self, name: str, column: Column, kind: Kind, index: int, *, optional: bool) -> None:
        # Of a row that is not there an empty list is NULL like all else.
        self.column = replace(column, empty=column.empty and not optional)
        self.name = name
        self.kind = kind
        self.index = index
        self._loader: Loader | None = None

    def array(self, values: Sequence[Any]) -> Any:
        """Return the array of the driver's values. Raises CastError for a value that Arrow's type cannot hold."""
        quick = self.kind.quick
        if quick is not None and not self.column.empty:
            try:
                made = quick(values)
                if self.column.nullable or not made.null_count:
                    return made
            except (DeclinedError, CastError, ArithmeticError, LookupError, TypeError, ValueError, NotImplementedError):
                pass  # The other way knows every form, and says what is wrong.
        return self._carefully(values)

    def _carefully(self, values: Sequence[Any]) -> Any:
        if self._loader is None:
            self._loader = build((self.column,), ValueRow(0))
        plain = self.kind.plain
        loaded = self._loader([(value,) for value in values])
        if plain is not None:
            loaded = [None if value is None else plain(value) for value in loaded]
        made = self._made(loaded)
        if made is None:
            culprit = next((value for value in loaded if self._made([value]) is None), loaded)
            refusal = CastError(
                f"{culprit!r:.80} of `{self.name}` cannot be held by Arrow's type {self.kind.type}",
                hint="leave such rows out by a condition, or select the column as text: `.as_type(str)`",
            )
            refusal.add_note(f"in the column `{self.column.name}`")
            raise refusal
        return made

    def _made(self, loaded: list[Any]) -> Any:
        """Return the array of loaded values, or None for what the Arrow type cannot hold."""
        # Moments outside the years 1 to 9999 would pass as the last moment before.
        if any(isinstance(value, _BEYOND) for value in loaded):
            return None
        try:
            return pyarrow("to_arrow").array(loaded, self.kind.type)
        except (ArithmeticError, AttributeError, TypeError, ValueError, NotImplementedError):
            return None


def _turned(rows: list[Any]) -> list[tuple[Any, ...]]:
    """Return the values of rows column by column: one call makes an iterator a row, of which none is garbage."""
    return list(zip(*rows, strict=False))


def _table_loader(columns: list[_ArrowColumn]) -> Callable[[list[Any]], Any]:
    pa: Any = pyarrow("to_arrow")
    schema = pa.schema([pa.field(one.name, one.kind.type, nullable=one.column.nullable) for one in columns])

    def load(rows: list[Any]) -> Any:
        batches: list[Any] = []
        for start in range(0, len(rows), CHUNK):
            values = uncollected(_turned, rows[start : start + CHUNK])
            arrays = [one.array(values[one.index]) for one in columns]
            batches.append(pa.Table.from_arrays(arrays, schema=schema))
        return pa.concat_tables(batches) if batches else schema.empty_table()

    return load
