"""CTEs: a query under a name, SQL text under a name, or what writes rows under a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.nodes import Fragment
from ectype.expr.operand import Assignment, Expr
from ectype.query.ast import Step
from ectype.query.joining import Grown
from ectype.query.partial import check_complete
from ectype.query.scope import grow, source_of
from ectype.query.subqueries import row_schema
from ectype.query.writing import write_cte


def cte_step(
    node: Step,
    name: object,
    query: Any,
    *,
    recursive: bool,
    materialized: bool | None,
    update: Sequence[Assignment[Any]] | None,
    delete: bool,
) -> Grown:
    """Return the step of a CTE that is a query or SQL text, and the values of its parameters.

    Raises:
        QueryError: for a name or a text that is none, rows of another schema than the name's, or two things at once.
    """
    source = source_of(name)
    if materialized not in (None, True, False):
        raise QueryError(f"`materialized` is True, False or None, got {materialized!r:.80}")
    if getattr(source, "query", ...) is not None:
        raise QueryError(f"`with_cte` takes a name made by `cte(Shape, …)`, got {name!r}")
    writes = update is not None or delete
    if isinstance(query, Expr):
        found: Any = _text(source, cast("Expr[Any, Any]", query), writes=writes)
    else:
        found = query.node
        made = row_schema(found)
        if made is not source.info:
            raise QueryError(
                f"the CTE `{source.label}` has rows of {source.info.name}, its query gives {made.name}",
                hint=f"make them: `query.project({source.info.name}(…))`",
            )
        check_complete(source, found)
    if writes:
        if materialized is not None:
            raise QueryError(
                f"the CTE `{source.label}` changes rows, which is done once in any case",
                hint="leave out `materialized`",
            )
        grown, values = write_cte(node, source, found, update, delete=delete, recursive=recursive)
        return grown, query.params + values
    key = ("cte", source, found, recursive, materialized)
    return grow(node, key, "cte", key[1:]), query.params


def _text(source: Any, text: Expr[Any, Any], *, writes: bool) -> Fragment:
    node = text.node
    if not isinstance(node, Fragment):
        raise QueryError(
            f"`with_cte` takes a query or a fragment, got {text!r:.80}",
            hint='write the whole query of the CTE: `with_cte(name, fragment("SELECT …"))`',
        )
    if writes:
        raise QueryError(
            f"the CTE `{source.label}` is SQL text, which says itself what it writes",
            hint="leave out `update` and `delete`, or write its query with `from_`",
        )
    for mentioned in walk.sources(node):
        raise QueryError(
            f"the CTE `{source.label}` stands before the query, and its text mentions {mentioned.label}, which stands "
            "in it",
            hint="name the table and its columns in the text",
        )
    return node
