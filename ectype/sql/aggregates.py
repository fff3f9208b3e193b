"""One aggregate over the rows of a query, whatever chose them: the query stands in FROM."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import ColumnRef, Expression, Subquery
from ectype.query.ast import Clause, Output, Select, Step, ValueRow, steps
from ectype.query.inference import type_of
from ectype.query.planner import plan_select, query_width, width
from ectype.sql.compiler import output_column, read_place, select_tree, subselect
from ectype.sql.depth import depth_told
from ectype.sql.dialect import Dialect
from ectype.sql.lower import Lowering, Scope, quoted, render
from ectype.sql.renumber import numbered
from ectype.sql.statement import Statement

NAME = "rows"


@depth_told
def compile_aggregate(step: Step, aggregate: Expression, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return `SELECT f(x) FROM (query)`; the query's values come first, then the aggregate's own.

    A query without a select of its own gives the columns that the aggregate needs.

    Raises:
        QueryError: for an aggregate over what the query does not give.
    """
    rows = _with_columns(plan_select(step), step, aggregate)

    def lower(scope: Scope) -> exp.Expr:
        inner = select_tree(scope.beside(), rows, prefix)
        for output in rows.outputs:
            node = output.clause.node
            if isinstance(node, ColumnRef):
                named = exp.Column(this=quoted(output.name, dialect), table=quoted(NAME, dialect))
                scope.renamed.setdefault(node, named)
        _check_given(scope, aggregate)
        value = Lowering(scope, query_width(step)).lower(aggregate)
        source = exp.Subquery(this=inner, alias=exp.TableAlias(this=quoted(NAME, dialect)))
        return exp.Select(expressions=[value], from_=exp.From(this=source))

    sent = numbered(step, dialect, subselect(prefix), lower, width(aggregate))
    made = Output(Clause(aggregate, 0), type_of(aggregate), nullable=True, name="c0")
    shown = replace(rows, distinct=True)  # computed, and so never read as text
    return Statement(
        render(sent.tree, dialect),
        sent.dump,
        (output_column(shown, made, dialect),),
        ValueRow(0),
        redacted=sent.redacted,
        place=read_place(rows, prefix),
    )


def _with_columns(rows: Select, step: Step, aggregate: Expression) -> Select:
    """Return the query with outputs of one name each; those the aggregate needs, where nothing else is said."""
    if rows.distinct or rows.combinations or any(one.kind in ("select", "merge") for one in steps(step)):
        named = tuple(replace(output, name=f"c{index}") for index, output in enumerate(rows.outputs))
        return replace(rows, outputs=named)
    columns = dict.fromkeys(walk.columns(aggregate))
    outputs = [
        Output(Clause(column, 0), type_of(column), nullable=True, name=f"c{index}")
        for index, column in enumerate(columns)
    ]
    if not outputs:
        # It is the rows that are counted, and those need something to be selected.
        first = replace(rows.outputs[0], name="c0")
        keys = [Output(key, type_of(key.node), nullable=True, name="c0") for key in rows.group_bys]
        outputs = [*keys, first][:1]
    return replace(rows, outputs=tuple(outputs))


def _check_given(scope: Scope, node: walk.Part) -> None:
    if isinstance(node, Subquery):
        raise QueryError(
            f"`aggregate` over a query of its own takes no further subquery: `{sketch(node)}`",
            hint='select its value, and aggregate that: `rows = subquery(query.project(…), "rows")`',
        )
    if isinstance(node, ColumnRef) and node not in scope.renamed:
        raise QueryError(
            f"`aggregate` is over the rows of the query, and those have no `{sketch(node)}`",
            hint=f"select it: `query.select({sketch(node)})`",
        )
    for part in walk.parts(node):
        _check_given(scope, part)
