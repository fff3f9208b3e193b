"""Parameters that a statement says once, though a query has them twice.

A named expression that is used again is printed as its name, or with the values that the select sent: its own are not
sent. PostgreSQL cannot tell the type of a `$n` that stands nowhere, so the others move up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from ectype.errors import QueryError
from ectype.query.ast import Step
from ectype.query.planner import query_width
from ectype.sql.dialect import Dialect
from ectype.sql.dump import dump_with
from ectype.sql.lower import Scope, SubSelect


class Numbered:
    """A lowered statement: its tree, and how its parameters are dumped.

    Attributes:
        tree: what is rendered.
        dump: from the query's values to the driver's parameters.
        redacted: the indexes, among the driver's parameters, of those that must not be shown.
    """

    __slots__ = ("dump", "redacted", "tree")

    def __init__(
        self,
        tree: exp.Expr,
        dump: Callable[[Sequence[Any]], Sequence[Any]],
        redacted: frozenset[int],
    ) -> None:
        self.tree = tree
        self.dump = dump
        self.redacted = redacted


def numbered(
    step: Step, dialect: Dialect, select: SubSelect, lower: Callable[[Scope], exp.Expr], further: int = 0
) -> Numbered:
    """Return the tree that `lower` makes in a fresh scope; made anew where not every value of the query is sent.

    `further` is how many values follow those of the query.
    """
    scope = Scope(dialect, {}, select)
    tree = lower(scope)
    count = query_width(step) + further
    if len(scope.dumpers) == count:
        return Numbered(tree, dump_with(scope.dumpers, scope.redacted), frozenset(scope.redacted))
    places = {index: place for place, index in enumerate(sorted(scope.dumpers))}
    again = Scope(dialect, {}, select)
    again.places = places
    tree = lower(again)
    for own, first in again.repeated:
        if own in again.redacted:
            again.redacted.add(first)
    redacted = [index for index in again.redacted if index in places]
    dump = dump_with(again.dumpers, redacted, count)
    return Numbered(tree, _checked(dump, tuple(again.repeated)), frozenset(places[index] for index in redacted))


def _checked(
    dump: Callable[[Sequence[Any]], Sequence[Any]], repeated: tuple[tuple[int, int], ...]
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a dump that refuses a name which stands for other values where it is used again."""

    def dump_checked(values: Sequence[Any]) -> Sequence[Any]:
        for own, first in repeated:
            one, other = values[own], values[first]
            if one is not other and (one.__class__ is not other.__class__ or one != other):
                raise QueryError(
                    "one name stands for expressions with other values in two clauses of the query",
                    hint="make the expression once, and use it again: `n = (Post.score + bonus).as_('n')`",
                )
        return dump(values)

    return dump_checked
