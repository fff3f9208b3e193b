"""Names of outputs: within one query a name stands for one expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import Named
from ectype.query.ast import Step, steps


def check_names(node: Step, *added: walk.Part) -> None:
    """Raise QueryError when what is added gives a name to another expression than the query does."""
    new = [one for part in added for one in walk.names(part)]
    if not new:
        return
    known = {one.name.casefold(): one for step in steps(node) for one in _named(step)}
    for one in new:
        first = known.setdefault(one.name.casefold(), one)
        if first.operand is not one.operand:
            raise QueryError(
                f"the name `{one.name}` stands for `{sketch(first.operand)}` and for `{sketch(one.operand)}`",
                hint="give each a name of its own, and use one expression again: `n = fn.count().as_('n')`",
            )


def check_outputs(chosen: tuple[Any, ...]) -> None:
    """Raise QueryError when two outputs have one name; some databases take `n` and `N` for the same."""
    seen: set[str] = set()
    for item in chosen:
        if isinstance(item, Named):
            if item.name.casefold() in seen:
                raise QueryError(
                    f"two outputs are named `{item.name}`", hint=f"rename one: `….as_({item.name + '_2'!r})`"
                )
            seen.add(item.name.casefold())


def _named(step: Step) -> Iterator[Named]:
    arg = step.arg
    match step.kind:
        case "where" | "or_where" | "having" | "or_having" | "group" | "order":
            yield from walk.names(arg)
        case "prepend_order" | "distinct":
            for term in arg or ():
                yield from walk.names(term)
        case "select":
            for item in arg[1]:
                yield from walk.names(item)
        case "merge":
            yield from walk.names(arg[1])
        case _:
            return
