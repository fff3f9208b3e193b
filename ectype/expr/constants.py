"""Values as expressions, and text made safe for patterns."""

from __future__ import annotations

from typing import Any, Never, TypeVar, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr, Operand, any_operand
from ectype.types.resolve import field_type
from ectype.types.values import type_of_value

T = TypeVar("T")


@overload
def literal(value: T) -> Operand[Never, T]: ...
@overload
def literal(value: T, type_: type[T] | Expr[Any, T]) -> Operand[Never, T]: ...
def literal(value: Any, type_: Any = None) -> Any:
    """Return a value as an expression, bound as a parameter; its type is its own, another, or that of a column.

    The type decides how the value is sent and how it is loaded. SQL: `CAST($1 AS text)`.

    Raises:
        CastError: for a class that no database knows.
        QueryError: for a type that is neither a class nor a column.
        SchemaError: nothing stores such a type.

    Example:
        `query.select(Post.id, literal("new"), literal(Role.ADMIN, User.role))`
    """
    if value is None:
        return any_operand(nodes.NULL)
    if type_ is None:
        return any_operand(nodes.param(type_of_value(value)), (value,))
    column: Any = type_.node if isinstance(type_, Expr) else None
    if isinstance(column, nodes.ColumnRef):
        return any_operand(nodes.param(column.source.column_type(column.name)), (value,))
    if isinstance(type_, Expr):
        raise QueryError(f"`literal` takes its type from a class or a column, got {type_!r:.80}")
    return any_operand(nodes.param(field_type(type_)[0]), (value,))


def escape_like(text: str) -> str:
    r"""Return `text` so that LIKE and ILIKE take it literally: `\`, `%` and `_` are escaped.

    >>> escape_like("100%_sure")
    '100\\%\\_sure'
    """
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
