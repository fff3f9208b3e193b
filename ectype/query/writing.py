"""What `update_all` and data-modifying CTEs write: assignments, checked against the query that they are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ectype.errors import QueryError
from ectype.expr.nodes import Expression
from ectype.expr.operand import Assignment
from ectype.query.ast import Step
from ectype.query.joining import Grown
from ectype.query.scope import check_scope, grow, refuse_unwritable, refuse_virtual
from ectype.schema.meta import SchemaInfo


def assigned(
    info: SchemaInfo, assignments: Sequence[Assignment[Any]], node: Step | None = None
) -> tuple[tuple[str, Expression], ...]:
    """Return the fields and nodes of assignments to the first source of a query, `node`, where it is given.

    Raises:
        QueryError: for none, one of another schema, of a joined source or of a virtual field, or two of one column.
    """
    if not assignments:
        raise QueryError("nothing is assigned", hint=f"pass at least one: `{info.name}.….set(…)`")
    joined = () if node is None else node.sources[1:]
    for one in assignments:
        if not isinstance(one, Assignment):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"an assignment was expected, got {one!r:.80}", hint="write `Post.title.set('x')`")
        if getattr(one.column.source, "info", None) is not info:
            raise QueryError(f"{one!r} assigns to another schema than {info.name}")
        if one.column.source in joined:
            raise QueryError(
                f"{one!r} assigns to a joined source, and only rows of {info.name} itself are written",
                hint="begin the query at the table that is written",
            )
        refuse_virtual(one.column)
        refuse_unwritable(info, one.column.name, "update_all")
    names = [one.column.name for one in assignments]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(f"`{info.name}.{name}` is assigned twice", hint="assign once what it should become")
    return tuple((one.column.name, one.node) for one in assignments)


def write_cte(
    node: Step,
    source: Any,
    query: Step,
    update: Sequence[Assignment[Any]] | None,
    *,
    delete: bool,
    recursive: bool,
) -> Grown:
    """Return the step of a CTE that changes rows, and the values of its assignments' parameters.

    Raises:
        QueryError: for a CTE that updates and deletes, or is recursive, or what `assigned` refuses.
    """
    if recursive or (update is not None and delete):
        raise QueryError(
            f"the CTE `{source.label}` does one thing: it reads, updates or deletes, and only what reads is recursive",
            hint="write a CTE for each: `.with_cte(changed, query, update=[…]).with_cte(gone, other, delete=True)`",
        )
    terms: tuple[tuple[str, Expression], ...] = ()
    params: tuple[object, ...] = ()
    if update is not None:
        terms = assigned(query.sources[0].info, update, query)
        for one in update:
            check_scope(query, one.node, "update")
            params += one.params
    verb = "delete" if delete else "update"
    return grow(node, ("write_cte", source, verb, query, terms), "write_cte", (source, verb, query, terms)), params


def mentioning(node: Step, terms: tuple[tuple[str, Expression], ...]) -> Step:
    """Return the step of an update's query with its values beside it, for `where_each` to find what they read."""
    return grow(node, ("values", terms), "values", terms)
