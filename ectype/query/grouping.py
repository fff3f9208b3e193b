"""Whether a query with groups mentions only what a group has one of.

PostgreSQL refuses a column that is neither grouped nor aggregated; SQLite takes it from any row of the group without a
word. So it is refused here, on every database alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import Call, ColumnRef, Fragment, Named, Outer, Over, Subquery
from ectype.query.ast import Select, Step, steps
from ectype.query.planner import step_parts, width
from ectype.schema.sources import TableSource


def check_grouped(select: Select, *, outputs_count: bool = True) -> None:
    """Raise QueryError for a column that a group has many of, or an aggregate over none of the query's own columns.

    Without `outputs_count` nothing is selected.
    """
    outputs: list[walk.Part] = [output.clause.node for output in select.outputs] if outputs_count else []
    havings: list[walk.Part] = [clause.node for clause in select.havings]
    orders: list[walk.Part] = [] if select.combinations else [one.node for one in select.order_bys]
    orders += [one.node for one in select.distinct_on]
    parts = {"select": outputs, "having": havings, "order_by": orders}
    for node in (*outputs, *havings, *orders):
        _check_own(node)
    if not (select.group_bys or havings or any(map(_aggregates, (*outputs, *orders)))):
        return
    groups = _Groups(select)
    for clause, nodes in parts.items():
        for node in nodes:
            loose = next(groups.loose(node), None)
            if loose is not None:
                raise _refusal(select, clause, loose)


def _refusal(select: Select, clause: str, loose: ColumnRef) -> QueryError:
    column = f"{loose.source.label}.{loose.name}"
    keys = ", ".join([*(sketch(key.node) for key in select.group_bys), column])
    return QueryError(
        f"the `{clause}` of a query with groups mentions `{column}`, which is neither grouped nor aggregated: "
        "a group has many of it",
        hint=f"group by it, or aggregate it:\n\n    query.group_by({keys})\n    fn.max({column})",
    )


class _Groups:
    """What a group has one of: the keys, and every column of a table whose primary key is among them."""

    def __init__(self, select: Select) -> None:
        # Two uses of one expression with values need not have equal values, unless a name says so.
        named = {walk.unnamed(key.node) for key in select.group_bys if isinstance(key.node, Named)}
        self.keys = named | {key.node for key in select.group_bys if not width(key.node)}
        sources = (select.source, *(join.source for join in select.joins))
        self.whole = {source for source in sources if self._is_keyed(source)}

    def _is_keyed(self, source: Any) -> bool:
        # Only of a table does the database know the primary key.
        if not isinstance(source, TableSource):
            return False
        keys = source.info.primary_key
        return bool(keys) and all(source.columns[name].node in self.keys for name in keys)

    def loose(self, node: walk.Part) -> Iterator[ColumnRef]:
        """Yield the columns in an expression that a group has many of. What a fragment does with its own is unknown."""
        if node in self.keys or isinstance(node, Fragment) or _is_aggregate(node):
            return
        if isinstance(node, ColumnRef):
            if node.source not in self.whole:
                yield node
            return
        parts = walk.parts(node)
        if isinstance(node, Over):
            # The function of a window runs over the groups: an aggregate there aggregates nothing.
            parts = (*walk.parts(node.call), *parts[1:])
        elif isinstance(node, Subquery):
            parts = (*parts, *_outers(cast("Step", node.query)))
        for part in parts:
            yield from self.loose(part)


def _outers(node: Step) -> Iterator[ColumnRef]:
    """Yield the columns of the enclosing query that a subquery mentions."""
    for step in steps(node):
        for part in step_parts(step):
            yield from _marked(part)


def _marked(node: walk.Part) -> Iterator[ColumnRef]:
    if isinstance(node, Outer):
        yield node.operand
    for part in walk.parts(node):
        yield from _marked(part)


def _check_own(node: walk.Part) -> None:
    """Raise QueryError for an aggregate over nothing of its own query: in SQL it is one of the enclosing query."""
    if _is_aggregate(node):
        marked = next(_marked(node), None)
        if marked is not None and not any(walk.sources(node)):
            column = f"{marked.source.label}.{marked.name}"
            raise QueryError(
                f"`{sketch(cast('Call', node))}` aggregates `outer({column})` alone, and in SQL that makes one row of "
                "the rows of the enclosing query",
                hint=f"aggregate a column of the subquery, or count its rows and use `{column}` outside of it",
            )
    parts = walk.parts(node)
    if isinstance(node, Over):
        parts = (*walk.parts(node.call), *parts[1:])
    for part in parts:
        _check_own(part)


def _is_aggregate(node: walk.Part) -> bool:
    return isinstance(node, Call) and node.name in walk.AGGREGATES


def _aggregates(node: walk.Part) -> bool:
    """Whether an expression makes one row of many: an aggregate that is not put over a window does."""
    if _is_aggregate(node):
        return True
    parts = walk.parts(node)
    if isinstance(node, Over):
        parts = (*walk.parts(node.call), *parts[1:])
    return any(map(_aggregates, parts))
