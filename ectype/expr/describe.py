"""Expressions as people read them: the code that would make them, with values of redacted fields hidden."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, assert_never

from ectype.expr.nodes import (
    Binary,
    Call,
    Cast,
    ColumnRef,
    Constant,
    Entity,
    Expression,
    Fragment,
    InValues,
    Node,
    Ordering,
    Outer,
    Over,
    Param,
    Subquery,
    Unary,
)

Values: TypeAlias = Iterator[object]
Inner: TypeAlias = Callable[[Node, Values], str]
"""How a query inside an expression is described; the query floor knows, this one does not."""

METHODS = {"LIKE": "like", "ILIKE": "ilike"}
OPERATORS = {"=": "==", "<>": "!=", "AND": "&", "OR": "|"}
REDACTED = "<redacted>"
NULL_TESTS = {"IS NULL": "is_null", "IS NOT NULL": "is_not_null"}


def describe(node: Expression | Ordering | Entity, values: Values, inner: Inner) -> str:
    """Return the code of a node; `values` are those of its parameters from left to right."""
    match node:
        case ColumnRef(source, name):
            return f"{source.label}.{name}"
        case Entity(source, optional):
            return f"maybe({source.label})" if optional else source.label
        case Outer(operand):
            return f"outer({operand.source.label}.{operand.name})"
        case Param(type_):
            shown = _shown(next(values, ...))
            return shown if type_ is None else f"literal({shown})"
        case Constant(value):
            return repr(value)
        case Unary(op, operand):
            return _unary(op, _operand(operand, values, inner))
        case Binary(op, left, right):
            return _binary(op, left, right, values, inner)
        case Ordering(operand, descending, nulls):
            return _ordering(node, values, inner)
        case Cast(operand, type_):
            return f"{_operand(operand, values, inner)}.as_type({annotation_text(type_.python)})"
        case InValues(operand):
            return f"{_operand(operand, values, inner)}.in_({_shown(next(values, ...))})"
        case Call() | Over() | Fragment() | Subquery():
            return _compound(node, values, inner)
        case _:
            assert_never(node)


def _compound(node: Call | Over | Fragment | Subquery, values: Values, inner: Inner) -> str:
    match node:
        case Call(name, args, distinct, filter_):
            listed = [describe(arg, values, inner) for arg in args] + (["distinct=True"] if distinct else [])
            end = "" if filter_ is None else f".filter({describe(filter_, values, inner)})"
            return f"fn.{name}({', '.join(listed)}){end}"
        case Over(call, partition_by, order_by, frame):
            head = describe(call, values, inner)
            parts = [describe(part, values, inner) for part in partition_by]
            terms = [describe(term, values, inner) for term in order_by]
            inside = [f"partition_by=[{', '.join(parts)}]"] if parts else []
            inside += [f"order_by=[{', '.join(terms)}]"] if terms else []
            inside += [f"frame=rows({frame[1]}, {frame[2]})"] if frame is not None else []
            return f"{head}.over(window({', '.join(inside)}))"
        case Fragment(parts, args):
            listed = [describe(arg, values, inner) for arg in args]
            return f"fragment({', '.join([repr('{}'.join(parts)), *listed])})"
        case Subquery(kind, operand, query):
            if operand is None:
                return f"{kind}({inner(query, values)})"
            left = describe(operand, values, inner)
            return f"{left}.in_({inner(query, values)})"
        case _:
            assert_never(node)


def _unary(op: str, inside: str, operand: Expression) -> str:
    if op in ("IS NULL", "IS NOT NULL"):
        return f"{inside}.{op.lower().replace(' ', '_')}()"
    sign = "~" if op == "NOT" else op
    return f"{sign}({inside})" if isinstance(operand, PRECEDENCE) else f"{sign}{inside}"


def _binary(op: str, left: Expression, right: Expression, values: Values, inner: Inner) -> str:
    first = describe(left, values, inner)
    second = _hidden(left, next(values, ...)) if isinstance(right, Param) else describe(right, values, inner)
    if op in METHODS:
        return f"{first}.{METHODS[op]}({second})"
    if isinstance(left, PRECEDENCE):
        first = f"({first})"
    if isinstance(right, PRECEDENCE):
        second = f"({second})"
    return f"{first} {OPERATORS.get(op, op)} {second}"


def _ordering(operand: str, nulls: str | None, *, descending: bool) -> str:
    if not descending and nulls is None:
        return operand
    return f"{operand}.{'desc' if descending else 'asc'}({'' if nulls is None else f'nulls={nulls!r}'})"


def _hidden(beside: Expression, value: object) -> str:
    """Return a value, or the mark of a secret when it stands beside a redacted column."""
    if isinstance(beside, ColumnRef):
        info: Any = getattr(beside.source, "info", None)
        if info is not None and beside.name in info.redacted:
            return REDACTED
    return _shown(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def no_queries(_query: Node, _values: Values) -> str:
    """Describe a query inside an expression that stands alone."""
    return "…"
