"""Expressions as people read them: the code that would make them, with values of redacted fields hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TypeAlias, assert_never

from ectype.expr import walk
from ectype.expr.fragments import written
from ectype.expr.nodes import (
    Binary,
    Call,
    Case,
    Cast,
    ColumnRef,
    Constant,
    Entity,
    Expression,
    Fragment,
    Identifier,
    InValues,
    Items,
    Named,
    Node,
    Ordering,
    Outer,
    Over,
    Param,
    Subquery,
    Unary,
)
from ectype.types.annotations import annotation_text

Values: TypeAlias = Iterator[object]
Inner: TypeAlias = Callable[[Node, Values], str]
"""How a query inside an expression is described; the query floor knows, this one does not."""

METHODS = {
    "LIKE": "like",
    "ILIKE": "ilike",
    "IN": "in_",
    "HAS": "has",
    "HAS KEY": "has_key",
    "@>": "contains",
    "<@": "contained_by",
    "&&": "overlaps",
}
OPERATORS = {"=": "==", "<>": "!=", "AND": "&", "OR": "|"}
FUNCTIONS = {"substr": "substring"}
FRAMES = {"ROWS": "rows", "RANGE": "range_", "GROUPS": "groups"}
REDACTED = "<redacted>"
TOO_DEEP = "<nested too deep to be shown>"
NULL_TESTS = {"IS NULL": "is_null", "IS NOT NULL": "is_not_null"}


def describe(node: Expression | Ordering | Entity, values: Values, inner: Inner) -> str:
    """Return the code of a node; `values` are those of its parameters from left to right."""
    if isinstance(node, Binary | InValues | Call | Fragment | Items | Case) and walk.is_secret(node):
        values = masked(values)
    match node:
        case ColumnRef(source, name):
            return f"{source.label}.{name}"
        case Entity():
            return _entity(node)
        case Outer(operand):
            return f"outer({operand.source.label}.{operand.name})"
        case Param(type_):
            shown = _shown(next(values, ...))
            return shown if type_ is None else f"literal({shown})"
        case Constant(value):
            return repr(value)
        case Identifier(name):
            return f"identifier({name!r})"
        case Unary(op, operand):
            return _unary(op, _operand(operand, values, inner))
        case Binary(op, left, right):
            return _binary(op, left, right, values, inner)
        case Ordering():
            return _ordering(node, values, inner)
        case Cast() | InValues() | Call() | Over() | Fragment() | Subquery() | Named() | Items() | Case():
            return _compound(node, values, inner)
        case _:
            assert_never(node)


def alone(node: Expression | Ordering | Entity, values: Values) -> str:
    """Return the code of a node that stands in no query."""
    try:
        return describe(node, values, no_queries)
    except RecursionError:
        return TOO_DEEP


def sketch(node: Expression | Ordering | Entity) -> str:
    """Return the code of a node whose values are not at hand; `…` stands for each."""
    return alone(node, repeat(_Mark("…")))


def _entity(node: Entity) -> str:
    label = node.source.label
    shown = label if node.names is None else f"only({', '.join(f'{label}.{name}' for name in node.names)})"
    return f"maybe({shown})" if node.optional else shown


def _compound(
    node: Cast | InValues | Call | Over | Fragment | Subquery | Named | Items | Case, values: Values, inner: Inner
) -> str:
    match node:
        case Cast(operand, type_):
            return f"{_operand(operand, values, inner)}.as_type({annotation_text(type_.python)})"
        case Named(operand, name):
            return f"{_operand(operand, values, inner)}.as_({name!r})"
        case InValues(operand):
            return f"{_operand(operand, values, inner)}.in_({_shown(next(values, ...))})"
        case Call():
            return _call(node, values, inner)
        case Items(kind, items):
            listed = [describe(item, values, inner) for item in items]
            return f"tuple_({', '.join(listed)})" if kind == "row" else f"[{', '.join(listed)}]"
        case Case(branches, default):
            shown = [describe(part, values, inner) for part in branches]
            listed = [f"({when}, {then})" for when, then in zip(shown[::2], shown[1::2], strict=True)]
            listed += [] if default is None else [f"else_={describe(default, values, inner)}"]
            return f"case({', '.join(listed)})"
        case Over():
            return _over(node, values, inner)
        case Fragment(parts, args):
            listed = [describe(arg, values, inner) for arg in args]
            return f"fragment({', '.join([repr(written(parts)), *listed])})"
        case Subquery(kind, operand, query, width):
            head = f"{kind.strip()}(" if operand is None else f"{_operand(operand, values, inner)}.in_("
            own = [next(values, ...) for _ in range(width)]
            return f"{head}{inner(query, iter(own))})"
        case _:
            assert_never(node)


def _call(node: Call, values: Values, inner: Inner) -> str:
    name, _, word = node.name.partition(" ")
    listed = [describe(arg, values, inner) for arg in node.args] + ([repr(word)] if word else [])
    listed += ["distinct=True"] if node.distinct else []
    if node.order_by:
        listed.append(f"order_by=[{', '.join(describe(term, values, inner) for term in node.order_by)}]")
    end = "" if node.filter is None else f".filter({describe(node.filter, values, inner)})"
    return f"fn.{FUNCTIONS.get(name, name)}({', '.join(listed)}){end}"


def _over(node: Over, values: Values, inner: Inner) -> str:
    head = describe(node.call, values, inner)
    parts = [describe(part, values, inner) for part in node.partition_by]
    terms = [describe(term, values, inner) for term in node.order_by]
    inside = [f"partition_by=[{', '.join(parts)}]"] if parts else []
    inside += [f"order_by=[{', '.join(terms)}]"] if terms else []
    if node.frame is not None:
        unit, *bounds, excluded = node.frame
        start, end = (None if bound == "UNBOUNDED" else bound for bound in bounds)
        end = f"{end}" if excluded is None else f"{end}, exclude={excluded.lower()!r}"
        inside.append(f"frame=fn.{FRAMES[unit]}({start}, {end})")
    name = "" if node.name is None else f".named({node.name!r})"
    return f"{head}.over(window({', '.join(inside)}){name})"


def _operand(node: Expression, values: Values, inner: Inner) -> str:
    """Describe what stands beside an operator or before a method: an operator in it needs parentheses."""
    text = describe(node, values, inner)
    return f"({text})" if isinstance(node, Binary | Unary) and not _is_call(node) else text


def _is_call(node: Binary | Unary) -> bool:
    return node.op in NULL_TESTS or node.op in METHODS or node.op in ("||", "->")


def _unary(op: str, inside: str) -> str:
    if op in NULL_TESTS:
        return f"{inside}.{NULL_TESTS[op]}()"
    return f"{'~' if op == 'NOT' else op}{inside}"


def _binary(op: str, left: Expression, right: Expression, values: Values, inner: Inner) -> str:
    if op == "||":
        return f"fn.concat({describe(left, values, inner)}, {describe(right, values, inner)})"
    first = _operand(left, values, inner)
    if op == "->":
        return f"{first}[{_shown(next(values, ...))}]"
    if op == "HAS KEY":
        return f"{first}.has_key({_shown(next(values, ...))})"
    if op in METHODS:
        return f"{first}.{METHODS[op]}({describe(right, values, inner)})"
    return f"{first} {OPERATORS.get(op, op)} {_operand(right, values, inner)}"


def _ordering(term: Ordering, values: Values, inner: Inner) -> str:
    if not term.descending and term.nulls is None:
        return describe(term.operand, values, inner)
    end = "" if term.nulls is None else f"nulls={term.nulls!r}"
    return f"{_operand(term.operand, values, inner)}.{'desc' if term.descending else 'asc'}({end})"


class _Mark:
    """Stands for a value that must not be shown, or is not known."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def masked(values: Values) -> Values:
    """Return what stands for values that must not be shown."""
    return (_Mark(REDACTED) for _ in values)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def no_queries(_query: Node, _values: Values) -> str:
    """Describe a query inside an expression that stands alone."""
    return "…"
