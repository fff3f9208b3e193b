"""What joining an association adds to a query: its tables in order, and on what each is joined.

Of a `many_to_many` or a `through` only the last table comes into scope. The others are read under names of their own,
so that two joins over the same table never clash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from ectype.expr import nodes
from ectype.expr.nodes import Expression, Node, intern
from ectype.expr.operand import Expr
from ectype.query.rebasing import rebased
from ectype.schema.aliases import Home
from ectype.schema.associations import Association
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource

Part: TypeAlias = tuple[Any, Expression]
"""A source, and on what it is joined."""


def association_joins(association: Association, start: Any, target: Any) -> Iterator[Part]:
    """Yield the tables between `start` and `target`, and last `target` itself.

    Raises:
        QueryError: for a key that a schema does not have.
        SchemaError: for an association whose keys or path are not known.
    """
    if not association.follows:
        yield from _direct(association, start, target)
        return
    last = len(association.steps) - 1
    for position, step in enumerate(association.steps):
        reached = (
            target
            if position == last
            else hidden(step.related, target, (start, association, position), step.options.source)
        )
        yield from association_joins(step, start, reached)
        start = reached


def _direct(association: Association, start: Any, target: Any) -> Iterator[Part]:
    join = association.join
    if join is None:
        on = equal_keys(target, association.related_keys, start, association.owner_keys)
    else:
        between = hidden(join.source.info, target, (start, association))
        ours = equal_keys(between, join.owner_keys, start, association.owner_keys)
        yield between, narrowed(ours, association.join_where, join.source, between)
        on = equal_keys(target, association.related_keys, between, join.related_keys)
    yield target, narrowed(on, association.where, association.related.source, target)


def hidden(info: SchemaInfo, target: Any, key: tuple[object, ...], other: str | None = None) -> TableSource:
    """Return a schema's table, or another one, under a name that nobody can mention; one object for each key."""
    parent: Node = target.entity.node
    home: Home | None = parent.kids.get(("hidden", *key))
    if home is None:
        table = TableSource(info, info.name, table=other, lasting=False)
        home = intern(parent, ("hidden", *key), lambda root: Home(root, table))
    source: TableSource = home.held
    return source


def equal_keys(theirs: Any, their_keys: Sequence[str], ours: Any, our_keys: Sequence[str]) -> Expression:
    """Return `theirs.key = ours.key`, of several columns all of them."""
    parts = [
        nodes.binary("=", theirs.column(their).node, ours.column(our).node)
        for their, our in zip(their_keys, our_keys, strict=True)
    ]
    made: Expression = parts[0]
    for part in parts[1:]:
        made = nodes.binary("AND", made, part)
    return made


def narrowed(on: Expression, where: Expr[Any, Any] | None, source: Any, target: Any) -> Expression:
    """Return `on AND where`, with the condition over `target` in place of `source`."""
    if where is None:
        return on
    return nodes.binary("AND", on, where.node if target is source else rebased(where.node, {source: target}))
