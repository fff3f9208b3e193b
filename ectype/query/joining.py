"""Joins: by an association, whose condition is known, by a source and its condition, by a query of one schema."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr, shape_of
from ectype.query.association_joins import association_joins
from ectype.query.ast import Step, steps
from ectype.query.scope import check_joined_once, check_readable, check_scope, grow, outer_sources, source_of
from ectype.query.sources import FragmentSource
from ectype.query.subqueries import QuerySource, StandIn, refuse_preloads, row_schema
from ectype.schema.aliases import Home
from ectype.schema.rel import Hop, Rel
from ectype.schema.sources import TableSource
from ectype.schema.targets import related_source, related_table

Grown: TypeAlias = tuple[Step, tuple[object, ...]]
"""The step after a join, and the values that its parameters add."""
OUTER = frozenset({"right", "full"})
"""The joins that may leave out what the query read before."""


def join_step(node: Step, kind: str, to: Any, on: Any, as_: Any, *, lateral: bool = False) -> Grown:
    """Return the step that joins an association, a source on a condition, or a query of one schema.

    Raises:
        QueryError: for a missing condition, a source that is joined already, or one out of scope.
    """
    if kind in OUTER:
        _check_selectable(node, kind)
    if isinstance(to, Rel):
        if lateral:
            raise QueryError(f"`lateral` is for subqueries, and `{to!r}` is an association", hint="leave it out")
        path = cast("Rel[Any, Any]", to)
        grown, values = _by_association(node, kind, path, as_)
        return (grown, values) if on is None else _narrowed(node, grown, values, on, path)
    if shape_of(to) is not None:
        return _by_query(node, kind, to, on, as_, lateral=lateral)
    if as_ is not None:
        raise QueryError("`as_` names an association's schema", hint="pass the alias itself: `.join(other, on=…)`")
    source = source_of(to)
    if lateral and not isinstance(source, QuerySource | FragmentSource):
        raise QueryError(
            f"`lateral` is for what reads the sources before it, and {source.label} does not",
            hint="join a subquery whose columns of this query are marked: `outer(Post.id)`",
        )
    condition, params = _condition(kind, source.label, on, lateral=lateral)
    return _by_source(node, f"{kind}_lateral" if lateral else kind, source, condition), to.__params__ + params


def joined_already(node: Step, to: Any, as_: Any) -> bool:
    """Whether a query reads what would be joined. Raises QueryError where it reads it as an outer side."""
    if as_ is not None:
        source = source_of(as_)
    elif isinstance(to, Rel):
        source = related_source(cast("Rel[Any, Any]", to).hops[-1].association)
    else:
        source = _read_as(to) if shape_of(to) is not None else source_of(to)
    if source not in node.sources:
        return False
    if source in outer_sources(node):
        raise QueryError(
            f"{source.label} is in this query already, and an outer join may leave it out",
            hint="ask before: `if not query.has_binding(…)`, or filter its rows with `is_not_null()`",
        )
    return True


def _check_selectable(node: Step, kind: str) -> None:
    for one in steps(node):
        if one.kind == "select":
            raise QueryError(
                f"a {kind} join may leave out what this query selects already",
                hint="select after the joins, with `maybe(…)`",
            )


def _condition(kind: str, label: str, on: Any, *, lateral: bool) -> tuple[Any, tuple[object, ...]]:
    """Return the node and the values of a join's condition; a cross join has none, a lateral one needs none."""
    if on is None and (kind == "cross" or lateral):
        return nodes.TRUE, ()
    if not isinstance(on, Expr):
        raise QueryError(
            f"joining {label} needs its condition, got on={on!r:.60}",
            hint=f"write `.join({label}, on=… == …)`, or join an association: `.join(Post.author)`",
        )
    condition = cast("Expr[Any, bool]", on)
    return condition.node, condition.params


def _by_source(node: Step, kind: str, read: Any, condition: Any) -> Step:
    """Return the step that joins a source, or the query that stands in for one."""
    key = ("join", kind, read, condition)
    grown = node.kids.get(key)
    if grown is None:
        source = read.source if isinstance(read, StandIn) else read
        if source is read:
            check_readable(source)
        check_joined_once(node, source)
        check_scope(node, condition, "on", source)
        grown = grow(node, key, "join", (kind, read, condition), source)
    return cast("Step", grown)


def _narrowed(node: Step, grown: Step, values: tuple[object, ...], on: Any, path: Rel[Any, Any]) -> Grown:
    """Return the join of an association with a further condition, which adds to its own."""
    if not isinstance(on, Expr):
        raise QueryError(
            f"the condition that adds to `{path!r}` is an expression, got {on!r:.60}", hint="write `on=… == …`"
        )
    extra = cast("Expr[Any, bool]", on)
    key = ("on", extra.node)
    known = grown.kids.get(key)
    if known is None:
        check_scope(grown, extra.node, "on")
        kind, source, own = grown.arg
        known = _on(grown.parent or node, kind, source, nodes.binary("AND", own, extra.node))
        grown.kids[key] = known
    return cast("Step", known), values + extra.params


def _on(node: Step, kind: str, source: Any, condition: Any, *, in_scope: bool = True) -> Step:
    """Return the step that joins a source on a condition: one and the same, however the condition came about."""
    arg = (kind, source, condition)
    return grow(node, ("join", *arg), "join", arg, source if in_scope else None)


def _by_query(node: Step, kind: str, query: Any, on: Any, as_: Any, *, lateral: bool) -> Grown:
    """Join the rows of a query: with filters only as its table, with more as a subquery under its schema's name."""
    refuse_preloads("join", query)
    built = steps(query.node)
    source = _read_as(query) if as_ is None else source_of(as_)
    if as_ is not None and not isinstance(source, TableSource):
        raise QueryError(
            f"`as_` is an alias of the query's schema, got {source.label}",
            hint="pass the subquery itself: `.join(other, on=…)`",
        )
    if source.info is not row_schema(query.node):
        raise QueryError(
            f"this query gives rows of {row_schema(query.node).name}, so `as_` cannot be an alias of {source.info.name}"
        )
    condition, params = _condition(kind, source.label, on, lateral=lateral)
    # Beside a right or full join a filter in ON would let the rows pass that the query leaves out.
    if as_ is None and not lateral and kind in ("inner", "left") and {one.kind for one in built[1:]} <= {"where"}:
        for one in reversed(built[1:]):
            condition = nodes.connected("AND", one.arg, condition)
        return _by_source(node, kind, source, condition), query.params + params
    key = ("joined", source)
    known: Home | None = query.node.kids.get(key)
    home = known or nodes.intern(query.node, key, lambda root: Home(root, StandIn(source, query.node)))
    return _by_source(node, f"{kind}_lateral" if lateral else kind, home.held, condition), query.params + params


def _read_as(query: Any) -> Any:
    """Return the source under which the rows of a joined query are read: its own, or that of what it projects to."""
    info = row_schema(query.node)
    first = query.node.sources[0]
    return first if first.info is info else info.source


def _by_association(node: Step, kind: str, path: Rel[Any, Any], as_: Any) -> Grown:
    hop = path.hops[0]
    if len(path.hops) > 1 or not path.plain:
        raise QueryError(
            f"a join takes one plain association, got {path!r}",
            hint="join one after the other, and put conditions into `where`",
        )
    source = related_source(hop.association) if as_ is None else source_of(as_)
    before, after = hop.association.params
    # The path itself is the key of a join that adds no values: `Query.join` looks it up without coming here.
    bare = kind == "inner" and as_ is None and not before and not after
    key: Hashable = path if bare else ("join", kind, path, source)
    grown = node.kids.get(key)
    if grown is None:
        grown = _grow(node, key, kind, hop, source)
    return cast("Step", grown), (*before, *(() if as_ is None else as_.__params__), *after)


def _grow(node: Step, key: Hashable, kind: str, hop: Hop, source: Any) -> Step:
    association = hop.association
    if source.info is not association.related:
        raise QueryError(
            f"`{association.owner.name}.{association.name}` leads to {association.related.name}, "
            f"so `as_` cannot be an alias of {source.info.name}"
        )
    table = related_table(association)
    if isinstance(source, TableSource) and source.table == association.related.table != table:
        read = "no table" if source.table is None else f"`{source.table}`"
        raise QueryError(
            f"the rows of `{association.label}` stand in `{table}`, and {source.label} reads {read}",
            hint=f'name that table: `as_=alias(source({association.related.name}, "{table}"), "{source.label}")`',
        )
    if hop.source not in node.sources:
        raise QueryError(
            f"`{hop.source.label}.{association.name}` cannot be joined: {hop.source.label} is not in this query",
            hint=f"in scope are: {', '.join(one.label for one in node.sources)}",
        )
    check_readable(source)
    check_joined_once(node, source)
    grown = node
    for one, on in association_joins(association, hop.source, source):
        # What only leads there is in no scope: nobody can mention it.
        grown = _on(grown, kind, one, on, in_scope=one is source)
    node.kids[key] = grown
    return grown
