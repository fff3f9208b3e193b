"""Queries as people read them: the code that would make them."""

from collections.abc import Iterator
from typing import Any, cast

from ectype.expr.describe import Values, describe
from ectype.expr.nodes import Node
from ectype.query.ast import Step, steps
from ectype.schema.meta import SchemaInfo

COMBINATIONS = {"union": "union", "union_all": "union_all", "intersect": "intersect", "except": "except_"}


def inspect(node: Step, params: tuple[object, ...]) -> str:
    """Return the code of a query with its values, those of redacted fields hidden.

    >>> inspect(from_(Post).where(Post.score > 3).limit(5).node, (3, 5))   # doctest: +SKIP
    'from_(Post).where(Post.score > 3).limit(5)'
    """
    return _query(node, iter(params))


def _query(node: Node, values: Values) -> str:
    return "".join(_step(step, values) for step in steps(cast("Step", node)))


def _step(step: Step, values: Values) -> str:
    arg = step.arg
    match step.kind:
        case "from":
            return f"from_({_source(arg, values)})"
        case "where" | "having":
            return f".{step.kind}({describe(arg, values, _query)})"
        case "group":
            return f".group_by({describe(arg, values, _query)})"
        case "order":
            return f".order_by({describe(arg, values, _query)})"
        case "limit" | "offset":
            return f".{step.kind}({next(values, ...)!r})"
        case "join":
            kind, source, on = arg
            name = "join" if kind == "inner" else f"{kind}_join"
            return f".{name}({_source(source, values)}, on={describe(on, values, _query)})"
        case "select":
            return _select(arg, values)
        case "merge":
            return f".select_merge({step.sources[0].label}.{arg[0]}.set({describe(arg[1], values, _query)}))"
        case _:
            return _whole(step, values)


def _whole(step: Step, values: Values) -> str:
    match step.kind:
        case "cte":
            source, query, recursive = step.arg
            return f".with_cte({source.label}, {_query(query, values)}{', recursive=True' if recursive else ''})"
        case "combine":
            operator, query = step.arg
            return f".{COMBINATIONS[operator]}({_query(query, values)})"
        case _:
            return f".{step.kind}()"


def _source(source: Any, values: Iterator[object]) -> str:
    query: Step | None = getattr(source, "query", None)
    return str(source.label) if query is None else f"subquery({_query(query, values)}, {source.label!r})"


def _select(arg: tuple[Any, tuple[Any, ...], tuple[str, ...]], values: Values) -> str:
    maker, items, names = arg
    listed = [describe(item, values, _query) for item in items]
    if isinstance(maker, SchemaInfo):
        members = ", ".join(f"{name}={item}" for name, item in zip(names, listed, strict=True))
        return f".project({maker.name}({members}))"
    if maker is dict and names:
        return f".select({{{', '.join(f'{name!r}: {item}' for name, item in zip(names, listed, strict=True))}}})"
    if maker is not None:
        if names:
            listed = [f"{name}={item}" for name, item in zip(names, listed, strict=True)]
        return f".select_into({', '.join([getattr(maker, '__name__', repr(maker)), *listed])})"
    return f".select({', '.join(listed)})"
