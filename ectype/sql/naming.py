"""Output names: what a select says under a name, and which clauses may say the name for it."""

from __future__ import annotations

from typing import Any

from ectype.expr.nodes import Named
from ectype.query.ast import Select, source_names
from ectype.sql.lower import Scope


def said(select: Select) -> frozenset[str]:
    """Return the names by which the order and the groups of a statement call what it selects."""
    terms = [clause.node.operand for clause in select.order_bys] + [clause.node for clause in select.group_bys]
    return frozenset(term.name for term in terms if isinstance(term, Named))


def name_outputs(scope: Scope, select: Select, form: str) -> None:
    """Tell a scope what its select names, and in the outermost select how ORDER BY and GROUP BY may say it."""
    outputs = [(index, output) for index, output in enumerate(select.outputs) if output.alias is not None]
    if not outputs:
        return
    scope.named = {output.alias or "": output.clause for _, output in outputs}
    if form != "top":
        return
    columns = _columns(select)
    for index, output in outputs:
        alias = output.alias or ""
        # GROUP BY takes a column of the tables before an output of that name; the output's number is never a column.
        scope.aliases[alias] = index + 1 if alias.casefold() in columns else None


def _columns(select: Select) -> set[str]:
    """Return the names that a bare identifier in GROUP BY could mean besides an output."""
    sources: list[Any] = [select.source, *(join.source for join in select.joins)]
    return {source.column_source(name).casefold() for source in sources for name in source_names(source)}
