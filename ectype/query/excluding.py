"""Queries without some of their clauses, as if those had never been written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.query.ast import JoinKind, Step, steps
from ectype.query.each import fitted
from ectype.query.planner import step_parts, step_width
from ectype.query.scope import regrow

KeptClause: TypeAlias = Literal[
    "where",
    "join",
    "inner_join",
    "left_join",
    "right_join",
    "full_join",
    "cross_join",
    "inner_lateral_join",
    "left_lateral_join",
    "cross_lateral_join",
    "group_by",
    "having",
    "order_by",
    "distinct",
    "limit",
    "offset",
    "preload",
    "lock",
    "prefix",
    "with_cte",
    "combinations",
]
"""What can be excluded and leaves the type of the rows as it is."""
AnyClause: TypeAlias = KeptClause | Literal["select"]

KINDS: Mapping[str, frozenset[str]] = {
    "where": frozenset({"where", "or_where"}),
    "join": frozenset({"join"}),
    "group_by": frozenset({"group"}),
    "having": frozenset({"having", "or_having"}),
    "order_by": frozenset({"order", "prepend_order", "reverse"}),
    "distinct": frozenset({"distinct"}),
    "limit": frozenset({"limit"}),
    "offset": frozenset({"offset"}),
    "select": frozenset({"select", "merge"}),
    "preload": frozenset[str](),
    "lock": frozenset({"lock"}),
    "prefix": frozenset({"prefix"}),
    "with_cte": frozenset({"cte", "write_cte"}),
    "combinations": frozenset({"combine"}),
}
"""The kinds of steps that each clause is made of."""
JOINS: Mapping[str, str] = {f"{kind}_join": kind for kind in get_args(JoinKind)}
"""The kind of joins that each name leaves out, where not all are."""
WRITTEN = {kind: clause for clause, kinds in KINDS.items() for kind in kinds} | {"each": "where_each"}
"""What people call the clause that a kind of step belongs to."""


def without(node: Step, params: tuple[object, ...], clauses: tuple[str, ...]) -> tuple[Step, tuple[object, ...]]:
    """Return the shape and the values of a query without some clauses.

    Raises:
        QueryError: for an unknown clause, or a join whose source what stays still mentions.
    """
    dropped: set[str] = set()
    joins: set[str] = set()
    for clause in clauses:
        if clause not in KINDS and clause not in JOINS:
            known = (*KINDS, *JOINS)
            close = get_close_matches(str(clause), known, n=1)
            raise QueryError(
                f"`exclude` takes the names of clauses, got {clause!r:.80}",
                hint=f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}",
            )
        if clause in JOINS:
            joins.add(JOINS[clause])
        else:
            dropped |= KINDS[clause]

    def is_kept(step: Step) -> bool:
        return step.kind not in dropped and not (step.kind == "join" and step.arg[0] in joins)

    if joins or "join" in dropped:
        _check_scopes(node, is_kept, clauses)
    return fitted(*replayed(node, params, is_kept))


def replayed(node: Step, params: tuple[object, ...], keep: Callable[[Step], bool]) -> tuple[Step, tuple[object, ...]]:
    """Return the query with those steps only that are to be kept; the first always is."""
    first, *others = steps(node)
    made = first
    place = step_width(first)
    values = params[:place]
    for step in others:
        width = step_width(step)
        if keep(step):
            made = regrow(made, step)
            values += params[place : place + width]
        place += width
    return made, values


def _check_scopes(node: Step, is_kept: Callable[[Step], bool], clauses: tuple[str, ...]) -> None:
    """Refuse to leave clauses behind that mention a joined source: once grown they would be taken for checked."""
    built = steps(node)
    joined = [
        source
        for before, step in pairwise(built)
        if step.kind == "join" and not is_kept(step)
        for source in step.sources[len(before.sources) :]
    ]
    for step in built:
        if not is_kept(step):
            continue
        mentioned: set[object] = {source for part in step_parts(step) for source in walk.sources(part)}
        mentioned |= set(step.arg[1]) if step.kind == "lock" else set[object]()
        gone = [source for source in joined if source in mentioned]
        if gone:
            clause = f"{step.arg[0]}_join" if step.kind == "join" else WRITTEN.get(step.kind, step.kind)
            names = (clause, *clauses) if clause == "select" else (*clauses, clause)
            listed = ", ".join(f'"{name}"' for name in names)
            raise QueryError(
                f"without its joins this query does not read {gone[0].label}, which its `{clause}` mentions",
                hint=f"leave that out too: `query.exclude({listed})`",
            )
