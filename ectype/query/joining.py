"""Joins: by an association, whose condition is known, or by a source and its condition."""

from collections.abc import Hashable
from typing import Any, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr
from ectype.query.ast import Step
from ectype.query.scope import check_joined_once, check_readable, check_scope, grow, source_of
from ectype.schema.associations import PLAIN, Hop, Rel

Grown: TypeAlias = tuple[Step, tuple[object, ...]]
"""The step after a join, and the values that its parameters add."""


def join_step(node: Step, kind: str, to: Any, on: Any, as_: Any) -> Grown:
    """Return the step that joins an association, or a source on a condition.

    Raises:
        QueryError: for a missing or superfluous condition, a source that is joined already, or one out of scope.
    """
    if isinstance(to, Rel):
        if on is not None:
            raise QueryError(f"`{to!r}` knows its own condition", hint="put further conditions into `where`")
        grown = _by_association(node, kind, cast("Rel[Any, Any]", to), as_)
        return grown, () if as_ is None else as_.__params__
    if as_ is not None:
        raise QueryError("`as_` names an association's schema", hint="pass the alias itself: `.join(other, on=…)`")
    source = source_of(to)
    if not isinstance(on, Expr):
        raise QueryError(
            f"joining {source.label} needs its condition, got on={on!r:.60}",
            hint=f"write `.join({source.label}, on=… == …)`, or join an association: `.join(Post.author)`",
        )
    condition = cast("Expr[Any, bool]", on)
    key = ("join", kind, source, condition.node)
    grown = node.kids.get(key)
    if grown is None:
        check_readable(source)
        check_joined_once(node, source)
        check_scope(node, condition.node, "on", source)
        grown = grow(node, key, "join", (kind, source, condition.node), source)
    return grown, to.__params__ + condition.params


def _by_association(node: Step, kind: str, path: Rel[Any, Any], as_: Any) -> Step:
    hop = path.hops[0]
    if len(path.hops) > 1 or hop.custom is not PLAIN:
        raise QueryError(
            f"a join takes one plain association, got {path!r}",
            hint="join one after the other, and put conditions into `where`",
        )
    source = hop.association.related.source if as_ is None else source_of(as_)
    key: Hashable = path if kind == "inner" and as_ is None else ("join", kind, path, source)
    grown = node.kids.get(key)
    return cast("Step", grown) if grown is not None else _grow(node, key, kind, hop, source)


def _grow(node: Step, key: Hashable, kind: str, hop: Hop, source: Any) -> Step:
    association = hop.association
    if source.info is not association.related:
        raise QueryError(
            f"`{association.owner.name}.{association.name}` leads to {association.related.name}, "
            f"so `as_` cannot be an alias of {source.info.name}"
        )
    if hop.source not in node.sources:
        raise QueryError(
            f"`{hop.source.label}.{association.name}` cannot be joined: {hop.source.label} is not in this query",
            hint=f"in scope are: {', '.join(one.label for one in node.sources)}",
        )
    check_readable(source)
    check_joined_once(node, source)
    own = hop.source.column(association.owner_key).node
    theirs = source.column(association.related_key).node
    return grow(node, key, "join", (kind, source, nodes.binary("=", theirs, own)), source)
