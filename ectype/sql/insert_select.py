"""INSERT from a query, and from rows of expressions: what `unnest` cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.describe import sketch
from ectype.expr.nodes import Expression
from ectype.query.ast import Output, Step
from ectype.query.planner import plan_select, query_width, width
from ectype.schema.meta import SchemaInfo
from ectype.sql import numbers
from ectype.sql.compiler import select_tree, subselect
from ectype.sql.depth import depth_told
from ectype.sql.dialect import Dialect
from ectype.sql.dump import dump_with
from ectype.sql.lower import Lowering, Scope, render
from ectype.sql.renumber import numbered
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement
from ectype.sql.writes import (
    column_of,
    conflict_clause,
    field_dumper,
    insert_scope,
    name,
    returning_clause,
    set_value,
    table_name,
    written_place,
)
from ectype.types.base import Type
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER
from ectype.types.scalars import STRING

Cells = Sequence[Sequence[Expression | None]]
"""The expression of each cell, row by row; None for a plain value."""
_FITS = {(INTEGER, FLOAT), (INTEGER, DECIMAL)}
"""What is stored as the other type without any loss, on every database."""


@depth_told
def compile_insert_query(shape: InsertShape, step: Step, prefix: str | None, dialect: Dialect) -> Statement:
    """Return `INSERT INTO … SELECT …`; the query's values come first, then those of a conflict.

    The outputs of the query are the fields of the shape, in their order.

    Raises:
        QueryError: for an output of another type than its field.
        UnsupportedError: for what this database cannot do.
    """
    info = shape.info
    planned = plan_select(step, outermost=True, all_members=False)
    for field, output in zip(shape.fields, planned.outputs, strict=True):
        _check_fits(info, field, output, dialect)
    own = query_width(step)

    def lower(scope: Scope) -> exp.Expr:
        tree = select_tree(scope.beside(), planned, prefix, "insert")
        ctes = tree.args.pop("with_", None)
        for field, output in zip(shape.fields, planned.outputs, strict=True):
            if field in info.hidden:
                first = output.clause.offset
                scope.redacted.update(range(first, first + width(output.clause.node)))
        rows = render(tree, dialect)
        scope.names[info.source] = "t0"
        scope.names[info.excluded] = "excluded"
        conflict = conflict_clause(shape, scope, own)
        if conflict and not dialect.upsert_after_select:
            # Its parser takes ON for a join: https://sqlite.org/lang_upsert.html#parsing_ambiguity
            rows = f"SELECT * FROM ({rows}) WHERE true"
        before = "" if ctes is None else f"{render(ctes, dialect)} "
        return exp.Var(this=f"{before}{_head(shape, dialect, conflict)} {rows}{conflict}")

    made = numbered(step, dialect, subselect(prefix), lower, _conflict_width(shape))
    sql = render(made.tree, dialect) + returning_clause(info, shape.returning, dialect)
    columns = tuple(column_of(info, field, dialect) for field in shape.returning)
    return Statement(sql, made.dump, columns, redacted=made.redacted, operation="INSERT", place=written_place(shape))


@depth_told
def compile_insert_cells(shape: InsertShape, cells: Cells, dialect: Dialect) -> Statement:
    """Return `INSERT INTO … VALUES (…), (…)`; the values come row by row, then those of a conflict."""
    info = shape.info
    scope = insert_scope(shape, dialect, {})
    scope.redacted.clear()
    offset, rows = 0, list[str]()
    for row in cells:
        texts: list[str] = []
        for field, cell in zip(shape.fields, row, strict=True):
            if cell is None:
                dump = field_dumper(info, field, dialect)
                texts.append(render(Lowering(scope, offset).lower(nodes.PARAM, dump), dialect))
                if field in info.hidden:
                    scope.redacted.add(offset)
                offset += 1
            else:
                texts.append(set_value(scope, info, field, cell, offset))
                offset += width(cell)
        rows.append(f"({', '.join(texts)})")
    conflict = conflict_clause(shape, scope, offset)
    sql = f"{_head(shape, dialect, conflict)} VALUES {', '.join(rows)}{conflict}"
    return Statement(
        sql + returning_clause(info, shape.returning, dialect),
        dump_with(scope.dumpers, scope.redacted),
        tuple(column_of(info, field, dialect) for field in shape.returning),
        redacted=frozenset(scope.redacted),
        operation="INSERT",
        place=written_place(shape),
    )


def _head(shape: InsertShape, dialect: Dialect, conflict: str) -> str:
    columns = ", ".join(name(shape.info.fields[field].source, dialect) for field in shape.fields)
    return f"INSERT INTO {table_name(shape, dialect)}{' AS t0' if conflict else ''} ({columns})"


def _conflict_width(shape: InsertShape) -> int:
    planned = shape.on_conflict
    if planned is None:
        return 0
    where = 0 if planned.where is None else width(planned.where)
    return where + sum(width(node) for _, node in planned.assignments)


def _check_fits(info: SchemaInfo, field: str, output: Output, dialect: Dialect) -> None:
    known, given = info.fields[field].type, output.type
    node = output.clause.node
    numbers.check_stored(f"{info.name}.{field}", known, node, dialect)
    if given is None or node is nodes.NULL or _fits(given, known):
        return
    raise QueryError(
        f"`{sketch(node)}` gives {given.name}, and `{info.name}.{field}` stores {known.name}",
        hint="convert it in the query: `.as_type(…)`",
    )


def _fits(given: Type[object], known: Type[object]) -> bool:
    if given == known or (given, known) in _FITS:
        return True
    text = given.__class__ is STRING.__class__ and known.__class__ is STRING.__class__
    return text or (given.python == known.python and given.name == known.name)
