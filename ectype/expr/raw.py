"""SQL text of one's own as an expression: `fragment("lower({})", User.name)`."""

from typing import Any, LiteralString, Never, TypeAlias, TypeVar, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.fragments import pieces
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Operand, Value, operand_of

S = TypeVar("S")
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)
N3 = typing_extensions.TypeVar("N3", default=Never)
N4 = typing_extensions.TypeVar("N4", default=Never)

Piece: TypeAlias = Expr[S, Any] | Value


# One type variable for each argument: mypy would join two sources to their base class.
@overload
def fragment(text: LiteralString, /) -> Operand[Never, Any]: ...
@overload
def fragment(text: LiteralString, a: Piece[N1], /) -> Operand[N1, Any]: ...
@overload
def fragment(text: LiteralString, a: Piece[N1], b: Piece[N2], /) -> Operand[N1 | N2, Any]: ...
@overload
def fragment(text: LiteralString, a: Piece[N1], b: Piece[N2], c: Piece[N3], /) -> Operand[N1 | N2 | N3, Any]: ...
@overload
def fragment(
    text: LiteralString, a: Piece[N1], b: Piece[N2], c: Piece[N3], d: Piece[N4], /
) -> Operand[N1 | N2 | N3 | N4, Any]: ...
def fragment(text: str, *args: Any) -> Any:
    """Return SQL text of your own as an expression; each `{}` takes an expression or a bound value.

    The text is a literal of your program, never data: values go into the gaps. `{{` and `}}` are braces.

    Raises:
        QueryError: when the gaps and the arguments differ in number, or a brace stands alone.

    Example:
        `from_(User).where(fragment("lower({})", User.name) == "ada")`
    """
    parts = pieces(text)
    if len(parts) - 1 != len(args):
        raise QueryError(
            f"the fragment {text!r} has {len(parts) - 1} gaps and got {len(args)} arguments",
            hint="write one `{}` for each argument, and `{{` or `}}` for a brace",
        )
    inner: list[Expression] = []
    params: tuple[object, ...] = ()
    for argument in args:
        node, values = operand_of(argument)
        inner.append(node)
        params += values
    return Operand[Any, Any](nodes.fragment(parts, tuple(inner)), params)
