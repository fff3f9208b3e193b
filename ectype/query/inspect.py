"""Queries as people read them: the code that would make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ectype.expr.describe import TOO_DEEP, Values, describe, masked
from ectype.expr.nodes import TRUE, Expression, Fragment, Node
from ectype.query.ast import Step, steps
from ectype.query.locking import METHODS
from ectype.query.sources import FragmentSource, ValuesSource
from ectype.query.subqueries import StandIn
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource

COMBINATIONS = {"except": "except_"}
"""The methods that are not called as their operator is."""
ENDS = {"skip": "skip_locked=True", "nowait": "nowait=True"}


def inspect(node: Step, params: tuple[object, ...]) -> str:
    """Return the code of a query with its values, those of redacted fields hidden.

    >>> inspect(from_(Post).where(Post.score > 3).limit(5).node, (3, 5))   # doctest: +SKIP
    'from_(Post).where(Post.score > 3).limit(5)'
    """
    try:
        return _query(node, iter(params))
    except RecursionError:
        return TOO_DEEP


def _query(node: Node, values: Values) -> str:
    return "".join(_step(step, values) for step in steps(cast("Step", node)))


def _step(step: Step, values: Values) -> str:
    arg = step.arg
    match step.kind:
        case "from":
            return f"from_({_source(arg, values)})"
        case "where" | "having" | "or_where" | "or_having":
            return f".{step.kind}({describe(arg, values, _query)})"
        case "group":
            return f".group_by({describe(arg, values, _query)})"
        case "order":
            return f".order_by({describe(arg, values, _query)})"
        case "join":
            kind, source, on = arg
            return _join(kind, source, on, values)
        case "select":
            return _select(arg, values)
        case "merge":
            return f".select_merge({step.sources[0].label}.{arg[0]}.set({describe(arg[1], values, _query)}))"
        case "keys":
            return ""
        case _:
            return _whole(step, values)


def _whole(step: Step, values: Values) -> str:
    match step.kind:
        case "prefix":
            return f".prefix({step.arg!r})"
        case "prepend_order" | "distinct":
            terms = ", ".join(describe(term, values, _query) for term in step.arg or ())
            return f".{'distinct' if step.kind == 'distinct' else 'prepend_order_by'}({terms})"
        case "reverse":
            return ".reverse_order()"
        case "limit" | "offset":
            number, how = step.arg
            return f".{step.kind}({describe(number, values, _query)}{', with_ties=True' if how == 'ties' else ''})"
        case "lock":
            return _lock(*step.arg)
        case "write_cte":
            return _write_cte(step.arg, values)
        case "cte":
            source, query, recursive, materialized = step.arg
            end = f"{', recursive=True' if recursive else ''}"
            end += "" if materialized is None else f", materialized={materialized}"
            inside = describe(query, values, _query) if isinstance(query, Fragment) else _query(query, values)
            return f".with_cte({source.label}, {inside}{end})"
        case "combine":
            operator, query = step.arg
            return f".{COMBINATIONS.get(operator, operator)}({_query(query, values)})"
        case "each":
            shown = ", ".join(f"{info.name}: {describe(condition, values, _query)}" for info, condition in step.arg)
            return f".where_each({shown})"
        case "also" | "values":
            return ""
        case _:
            return f".{step.kind}()"


def _join(kind: str, source: Any, on: Expression, values: Values) -> str:
    name, lateral = kind.removesuffix("_lateral"), kind.endswith("_lateral")
    shown = [_source(source, values)]
    if on is not TRUE:
        shown.append(f"on={describe(on, values, _query)}")
    if isinstance(source, StandIn) and source.source.label != source.source.info.name:
        shown.append(f"as_={source.source.label}")
    shown += ["lateral=True"] if lateral else []
    return f".{'join' if name == 'inner' else f'{name}_join'}({', '.join(shown)})"


def _lock(strength: str, of: tuple[Any, ...], waiting: str | None) -> str:
    labels = [str(source.label) for source in of]
    listed = labels[0] if len(labels) == 1 else f"[{', '.join(labels)}]"
    parts = ([f"of={listed}"] if of else []) + ([] if waiting is None else [ENDS[waiting]])
    return f".{METHODS[strength]}({', '.join(parts)})"


def _write_cte(arg: tuple[Any, str, Node, tuple[tuple[str, Expression], ...]], values: Values) -> str:
    source, verb, query, assignments = arg
    inside = _query(query, values)
    if verb == "delete":
        return f".with_cte({source.label}, {inside}, delete=True)"
    target = cast("Step", query).sources[0]
    listed: list[str] = []
    for name, node in assignments:
        shown = masked(values) if target.hides(name) else values
        listed.append(f"{target.label}.{name}.set({describe(node, shown, _query)})")
    return f".with_cte({source.label}, {inside}, update=[{', '.join(listed)}])"


def _source(source: Any, values: Iterator[object]) -> str:
    match source:
        case TableSource():
            return source.label if source.lasting or source.alias else _table(source)
        case FragmentSource():
            columns = f", columns=[{', '.join(f'{source.info.name}.{name}' for name in source.names)}]"
            inside = describe(source.node, values, _query)
            return f"source({source.info.name}, {inside}{columns if source.names else ''})"
        case ValuesSource():
            return _values(source, values)
        case StandIn():
            return _query(source.query, values)
        case _:
            query: Step | None = source.query
            return str(source.label) if query is None else f"subquery({_query(query, values)}, {source.label!r})"


def _table(source: TableSource) -> str:
    parts = [source.info.name]
    parts += [] if source.table == source.info.table else [repr(source.table)]
    parts += [] if source.prefix is None else [f"prefix={source.prefix!r}"]
    parts += [] if source.hint is None else [f"hint={source.hint!r}"]
    return f"source({', '.join(parts)})"


def _values(source: ValuesSource, values: Iterator[object]) -> str:
    names = source.info.column_names
    rows: Any = next(values, ...)
    for _ in names[1:]:
        next(values, ...)
    shown: list[str] = []
    for row in rows if rows is not ... else ():
        pairs = zip(names, row, strict=True)
        given = [f"{one}={'<redacted>' if one in source.info.redacted else repr(value)}" for one, value in pairs]
        shown.append(f"{source.info.name}({', '.join(given)})")
    text = ", ".join(shown)
    return f"values({source.info.name}, [{text if len(text) <= 80 else f'{text[:77]}...'}], name={source.label!r})"


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
