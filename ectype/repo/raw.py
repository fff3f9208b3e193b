"""The conductor of raw SQL: the user's text with bound values, its rows as they are or as what they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ectype.errors import CastError, QueryError
from ectype.expr.nodes import ColumnRef, Constant, Param
from ectype.expr.operand import Expr
from ectype.repo.call import Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.into import loader_into
from ectype.schema.sources import TableSource
from ectype.sql.dialect import Dialect
from ectype.sql.raw import Gap, RawStatement, compile_raw

Filled: TypeAlias = tuple[Gap, tuple[object, ...]]
"""What stands in a gap, and the values that are bound there: one, or none for a name."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a text gave.

    Attributes:
        columns: the names of its columns; empty for a statement that gives no rows.
        rows: the rows, each value as the driver gives it: PostgreSQL has dates and decimals, SQLite the text or number
            that is stored. `into=` loads them.
        count: how many rows came back, or were written by a statement that gives none.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    count: int


async def query(engine: Engine, text: object, params: tuple[object, ...], into: Any, call: Call) -> Any:
    """Run one statement of the user's, and return its `Result`, or a list of what `into` says."""
    filled = [_gap(value) for value in params]
    raw, prepared = _prepared(engine, text, tuple([gap for gap, _ in filled]), call.prefix)
    try:
        dumped = prepared.dump([value for _, values in filled for value in values])
        if into is None:
            return await engine.query(prepared, dumped, _result, _count, call, reset=raw.resets)
        known = call.prefix or engine.prefix

        def load(columns: tuple[str, ...], rows: list[Any], _count: int) -> list[Any]:
            make = engine.plan(
                ("into", columns, into, known), lambda dialect: loader_into(into, columns, dialect.target, known)
            )
            return make(rows)

        return await engine.query(prepared, dumped, load, len, call, reset=raw.resets)
    except CastError as exc:
        exc.add_note(f"in the SQL text {text!r:.200}")
        raise


def _result(columns: tuple[str, ...], rows: list[Any], count: int) -> Result:
    return Result(columns, [tuple(row) for row in rows], count)


def _count(result: Result) -> int:
    return result.count


def _prepared(engine: Engine, text: object, gaps: tuple[Gap, ...], prefix: str | None) -> tuple[RawStatement, Prepared]:
    if not isinstance(text, str):
        raise QueryError(
            f"`repo.query` takes SQL text, got {text!r:.80}", hint="rows of a query are read by `repo.all(query)`"
        )
    if prefix is not None and not any(isinstance(gap, TableSource) for gap in gaps):
        raise QueryError(
            f"prefix={prefix!r} changes nothing in SQL text that names its own tables",
            hint='let a schema stand for its table: `repo.query("select * from {}", Post, prefix="wiki")`',
        )
    known = prefix or engine.prefix

    def make(dialect: Dialect) -> tuple[RawStatement, Prepared]:
        raw = compile_raw(text, gaps, dialect, known)
        return raw, Prepared(raw.statement)

    return engine.plan(("raw", text, gaps, known), make)


def _gap(value: object) -> Filled:
    """Return what stands in a gap and what is bound there: a value, a column's name or a table's.

    Raises:
        QueryError: for an expression, and for a schema that has no table.
    """
    if isinstance(value, Expr):
        return _expression(cast("Expr[Any, Any]", value))
    source = getattr(value, "__source__", None)
    if source is None or isinstance(value, source.info.schema):
        return None, (value,)
    if not isinstance(source, TableSource) or source.table is None:
        raise QueryError(f"{value!r:.80} has no table that SQL text could name")
    return source, ()


def _expression(value: Expr[Any, Any]) -> Filled:
    node = value.node
    if isinstance(node, ColumnRef) and isinstance(node.source, TableSource):
        return node, ()
    if isinstance(node, Param) and node.type is not None:
        return node, value.params
    if isinstance(node, Constant) and node.value is None:
        return None, (None,)
    what = "a column of a subquery or CTE" if isinstance(node, ColumnRef) else "an expression"
    raise QueryError(
        f"{what} cannot stand in a gap of SQL text: {value!r:.80}",
        hint="a gap takes a value, `literal(value)`, a column of a schema or the schema itself; write the rest as text",
    )
