"""Ranges: what PostgreSQL knows of two of them, or of one and a value; SQLite has none and is told so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Call, Expression, Param
from ectype.query.inference import plain, type_of
from ectype.sql import lower_lists
from ectype.sql.fence import Lowers, atom, called, compound, refuse
from ectype.types.base import Type
from ectype.types.numeric import DECIMAL, INTEGER, DecimalType
from ectype.types.ranges import RangeType
from ectype.types.temporal import DATE, DATETIME

ENDS: Final = (INTEGER, DECIMAL, DATE, DATETIME)
LYING: Final = {"adjacent": "-|-", "strictly_left": "<<", "strictly_right": ">>"}


def _end(type_: Type[Any] | None) -> Type[Any] | None:
    """Return the type of the ends that a type is, None for one that no range has."""
    if isinstance(type_, DecimalType):
        return DECIMAL
    return type_ if type_ in ENDS else None


def _range_beside(node: Binary) -> RangeType | None:
    """Return the range that an operator is over; None for one that is over lists or documents."""
    left, right = plain(type_of(node.left)), plain(type_of(node.right))
    for side in (left, right):
        if isinstance(side, RangeType):
            return side
    whole, part = (right, left) if node.op == "<@" else (left, right)
    end = _end(part)
    return RangeType(end) if end is not None and whole is None and node.op != "&&" else None


def _operator(lowering: Lowers, node: Binary) -> exp.Expr:
    known = _range_beside(node)
    if known is None:
        return lower_lists.OPERATORS[node.op](lowering, node)
    _refuse(lowering, node)
    sides = [_side(lowering, node, one, known) for one in (node.left, node.right)]
    return compound(f"{sides[0]} {node.op} {sides[1]}")


def _side(lowering: Lowers, node: Binary, side: Expression, known: RangeType) -> str:
    """Return one side of an operator: a range, or what may lie in the other one, which is of the type of its ends."""
    found = plain(type_of(side))
    if isinstance(side, Param) and found is not None and not isinstance(found, RangeType):
        dump = known.element.codec(lowering.dialect.target)
        return f"CAST({lowering.place(dump.dump)} AS {dump.column})"
    inside = side is (node.left if node.op == "<@" else node.right) and node.op != "&&"
    if found not in (None, known) and not (inside and _end(found) == known.element):
        raise QueryError(
            f"`{sketch(node)}` compares a {known.name} with what is of type {found.name if found else 'none'}",
            hint=f"a {known.name} holds values of type {known.element.name}, and other ranges of them",
        )
    return lowering.text(side, lowering.dumper(known))


def _refuse(lowering: Lowers, node: Expression) -> None:
    if not lowering.dialect.ranges:
        raise refuse(
            "keeps ranges as text, of which it knows only whether two are equal", node, lowering.dialect,
            "keep the ends in two columns beside it, and compare those",
        )  # fmt: skip


OPERATORS: dict[str, Callable[[Lowers, Binary], exp.Expr]] = {"@>": _operator, "<@": _operator, "&&": _operator}
"""What lists and documents have too: those go on to their own table."""


def _checked(lowering: Lowers, node: Call) -> RangeType | None:
    """Return the type of a function's range, None where nobody knows it. Raises QueryError for two that differ."""
    _refuse(lowering, node)
    known = next((found for found in map(plain, map(type_of, node.args)) if found is not None), None)
    for arg in node.args:
        found = plain(type_of(arg))
        if found not in (None, known) or not (found is None or isinstance(found, RangeType)):
            raise QueryError(
                f"`fn.{node.name}` is over ranges of one kind, and `{sketch(arg)}` is of type "
                f"{found.name if found else 'none'}",
                hint="a range is a field of `Range[int]`, of Decimal, date or datetime",
            )
    return known if isinstance(known, RangeType) else None


def _lying(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    dump = lowering.dumper(_checked(lowering, node))
    first, second = (lowering.text(arg, dump) for arg in node.args)
    return compound(f"{first} {LYING[node.name]} {second}")


def _empty(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    _checked(lowering, node)
    return atom(f"isempty({lowering.text(node.args[0])})")


def _of_text_or_range(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    """Return `lower(x)`, which is the name of two functions: of a text, and of a range."""
    if isinstance(plain(type_of(node.args[0])), RangeType):
        _refuse(lowering, node)
    return called(node.name, lowering.lower(node.args[0]))


CALLS: dict[str, Callable[[Lowers, Call, str], exp.Expr]] = {
    **dict.fromkeys(LYING, _lying),
    "is_empty": _empty,
    "lower": _of_text_or_range,
    "upper": _of_text_or_range,
}
