"""What PostgreSQL refuses to compute, and SQLite answers with NULL or another number: here both raise.

SQLite raises nothing on demand outside of triggers, but for a path into JSON that is none; its message shows the path,
by which the adapter knows what is meant. A function in a branch that is not taken is not called.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from ectype.errors import DivisionByZeroError
from ectype.expr.nodes import Binary, ColumnRef, Constant, Expression, Outer, Param, Unary
from ectype.query.inference import ARITHMETIC
from ectype.sql.fence import Lowers, atom, compound, render
from ectype.sql.params import Dumper, alike, by_class


def raised(what: str) -> str:
    """Return the text of an expression that raises when it is reached."""
    return f"json_extract('{{}}', 'ectype: {what}')"


def divided(lowering: Lowers, node: Binary, dumps: tuple[Dumper | None, Dumper | None]) -> exp.Expr:
    """Return `a / b` or `a % b`, which raises where `b` is zero and `a` is not NULL.

    A bound value is known to be zero before it is sent, on every database.
    """
    left, right = node.left, node.right
    first = lowering.text(left, dumps[0])
    if isinstance(right, Param):
        return compound(f"{first} {node.op} {_bound(lowering, right, dumps[1])}")
    second = lowering.text(right, dumps[1])
    if not lowering.dialect.division_raises and not isinstance(right, Constant):
        columns = _columns(left)
        given = [first] if columns is None else [lowering.text(column) for column in columns]
        test = "".join(f" AND {text} IS NOT NULL" for text in dict.fromkeys(given))
        second = f"coalesce(nullif({second}, 0), CASE WHEN {second} = 0{test} THEN {raised('division by zero')} END)"
    return compound(f"{first} {node.op} {second}")


def _bound(lowering: Lowers, node: Param, dump: Dumper | None) -> str:
    send = lowering.dumper(node.type) or dump or by_class(lowering.dialect.target)

    def dump_divisor(value: Any) -> Any:
        dumped = send(value)
        if value == 0:
            raise DivisionByZeroError
        return dumped

    mark = lowering.place(alike(send, dump_divisor))
    return mark if node.type is None else render(lowering.cast(atom(mark), node.type), lowering.dialect)


def _columns(node: Expression) -> list[ColumnRef | Outer] | None:
    """Return the columns by which a number is NULL or not; None where more than columns decide."""
    match node:
        case ColumnRef() | Outer():
            return [node]
        case Param():
            return []
        case Unary("-", operand):
            return _columns(operand)
        case Binary(op, left, right) if op in ARITHMETIC:
            found = _columns(left), _columns(right)
            return None if found[0] is None or found[1] is None else [*found[0], *found[1]]
        case _:
            return None
