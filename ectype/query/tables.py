"""Which tables a query reads, and those that its data-modifying CTEs write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ectype.expr import walk
from ectype.expr.nodes import Fragment, Subquery
from ectype.query.ast import Step, steps
from ectype.query.planner import step_parts
from ectype.query.sources import FragmentSource
from ectype.schema.sources import TableSource


def tables(node: Step) -> tuple[str, ...]:
    """Return the tables of a query in the order in which it mentions them, each once."""
    return tuple(dict.fromkeys(_of_query(node, None)))


def _of_query(node: Step, prefix: str | None) -> Iterator[str]:
    built = steps(node)
    prefix = next((one.arg for one in reversed(built) if one.kind == "prefix"), prefix)
    for step in built:
        arg = step.arg
        match step.kind:
            case "from":
                yield from _of_source(arg, prefix)
            case "join":
                yield from _of_source(arg[1], prefix)
            case "cte" if isinstance(arg[1], Fragment):
                yield from _of_expression(arg[1], prefix)
            case "cte" | "combine":
                yield from _of_query(arg[1], prefix)
            case "write_cte":
                yield from _of_query(arg[2], prefix)
                for _, value in arg[3]:
                    yield from _of_expression(value, prefix)
            case "each":
                for _, condition in arg:
                    yield from _of_expression(condition, prefix)
            case _:
                pass
        for part in step_parts(step):
            yield from _of_expression(part, prefix)


def _of_source(source: Any, prefix: str | None) -> Iterator[str]:
    if isinstance(source, TableSource):
        known = source.prefix or source.info.prefix or prefix
        yield str(source.table) if known is None else f"{known}.{source.table}"
    elif isinstance(source, FragmentSource):
        yield from _of_expression(source.node, prefix)
    elif getattr(source, "query", None) is not None:
        yield from _of_query(source.query, prefix)


def _of_expression(node: walk.Part, prefix: str | None) -> Iterator[str]:
    if isinstance(node, Subquery):
        yield from _of_query(cast("Step", node.query), prefix)
    for part in walk.parts(node):
        yield from _of_expression(part, prefix)
