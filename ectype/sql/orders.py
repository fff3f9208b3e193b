"""The order of a SELECT, what is distinct in it, and limits that count equal rows."""

from __future__ import annotations

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Named
from ectype.expr.walk import unnamed
from ectype.query.ast import OrderClause, Output, Select
from ectype.query.planner import width
from ectype.sql import numbers
from ectype.sql.lower import Lowering, Scope, directed


def distinct_tree(scope: Scope, select: Select) -> exp.Expr | None:
    """Return `DISTINCT`, or `DISTINCT ON (…)`, or nothing.

    Raises:
        UnsupportedError: where the database keeps no first row of equals.
        QueryError: for the first of combined queries, whose order is that of the whole.
    """
    if not select.distinct_on:
        return exp.Distinct() if select.distinct else None
    if not scope.dialect.distinct_on:
        raise UnsupportedError(
            f"{scope.dialect.name} has no DISTINCT ON, so `distinct` takes no keys",
            hint="number the rows of each key in a subquery, and keep the first:\n\n"
            "    class Ranked(Schema):\n        id: Field[int]\n        rank: Field[int]\n\n"
            "    number = fn.row_number().over(window(partition_by=Post.author_id, order_by=Post.score.desc()))\n"
            '    ranked = subquery(from_(Post).project(Ranked(id=Post.id, rank=number)), "ranked")\n'
            "    from_(Post).join(ranked, on=ranked.id == Post.id).where(ranked.rank == 1)",
        )
    if select.combinations:
        raise QueryError(
            "`distinct` with keys chooses by an order, and the order of a combined query is that of the whole",
            hint='choose in a subquery: `from_(subquery(query.distinct(…), "best")).union(…)`',
        )
    keys = [Lowering(scope, clause.offset).key("distinct", clause.node.operand) for clause in select.distinct_on]
    return exp.Distinct(on=exp.Tuple(expressions=keys))


def order_trees(scope: Scope, select: Select) -> list[exp.Expr]:
    """Return the terms of the ORDER BY, those of DISTINCT ON first.

    Raises:
        QueryError: for an order of combined or distinct rows by what they do not select.
    """
    if select.combinations:
        return [_of_whole(scope, select, clause) for clause in select.order_bys]
    if select.distinct and not select.distinct_on:
        # SQLite would take it from any of the equal rows without a word.
        for clause in select.order_bys:
            _selected(select, clause, "a query that gives equal rows once", "group by what is selected: `fn.max(…)`")
    return [Lowering(scope, clause.offset).output_order(clause.node) for clause in _with_keys(select)]


def _with_keys(select: Select) -> list[OrderClause]:
    """Return the order with the keys of DISTINCT ON first, each once: PostgreSQL demands it."""
    keys: list[OrderClause] = []
    others = list(select.order_bys)
    for key in select.distinct_on:
        operand = key.node.operand
        same = [one for one in others if one.node.operand is operand and not width(operand)]
        plain = not key.node.descending and key.node.nulls is None
        keys.append(same[0] if same and plain else key)
        others = [one for one in others if one not in same]
    return keys + others


def _of_whole(scope: Scope, select: Select, clause: OrderClause) -> exp.Expr:
    """Return a term over the rows of a combination, by the place of the column: its names are those of no table."""
    position, output = _selected(
        select,
        clause,
        "a combined query",
        "order the whole through a subquery: `from_(subquery(a.union(b), 'all')).order_by(…)`",
    )
    operand = output.clause.node
    numbers.check_key("order by", operand, scope.dialect)
    Lowering(scope, clause.offset).repeat(operand, output.clause.offset)
    return directed(str(position), clause.node)


def _selected(select: Select, clause: OrderClause, what: str, otherwise: str) -> tuple[int, Output]:
    """Return the output that an order is over, and its place. Raises QueryError for something else."""
    operand = unnamed(clause.node.operand)
    name = clause.node.operand.name if isinstance(clause.node.operand, Named) else None
    for position, output in enumerate(select.outputs, 1):
        # Two uses of one expression with values need not have equal values, unless a name says so.
        known = output.alias == name if name is not None else not width(operand)
        if output.clause.node is operand and known:
            return position, output
    if name is None and any(output.clause.node is operand for output in select.outputs):
        raise QueryError(
            f"{what} is ordered by what it selects, and two uses of `{sketch(operand)}` may have other values",
            hint='give it a name, and say that twice:\n\n    named = (…).as_("named")\n'
            "    query.select(named).order_by(named)",
        )
    raise QueryError(
        f"{what} is ordered by what it selects, and this order is over something else",
        hint=f"select it, or {otherwise}",
    )


def ties_tree(scope: Scope, select: Select, count: exp.Expr) -> exp.Expr:
    """Return `FETCH FIRST n ROWS WITH TIES`.

    Raises:
        UnsupportedError: where the database has none.
        QueryError: without an order, by which rows are equal.
    """
    if not scope.dialect.with_ties:
        raise UnsupportedError(
            f"{scope.dialect.name} has no limit with ties",
            hint="rank the rows in a subquery, `fn.rank().over(window(order_by=…))`, and keep those up to the limit",
        )
    if not select.order_bys and not select.distinct_on:
        raise QueryError(
            "a limit with ties gives the rows that the order takes for equal, and this query has no order",
            hint="say by what: `query.order_by(Post.score.desc()).limit(3, with_ties=True)`",
        )
    return exp.Fetch(direction="FIRST", count=count, limit_options=exp.LimitOptions(rows=True, with_ties=True))
