"""Values as expressions, and text made safe for patterns."""

from typing import Never, TypeVar

from ectype.expr import nodes
from ectype.expr.operand import Operand
from ectype.types.values import type_of_value

T = TypeVar("T")


def literal(value: T) -> Operand[Never, T]:
    """Return a value as an expression of its own type, bound as a parameter.

    Raises:
        CastError: for a class that no database knows.

    Example:
        `query.select(Post.id, literal("new"))`
    """
    if value is None:
        return Operand(nodes.NULL)
    return Operand(nodes.param(type_of_value(value)), (value,))


def escape_like(text: str) -> str:
    r"""Return `text` so that LIKE and ILIKE take it literally: `\`, `%` and `_` are escaped.

    >>> escape_like("100%_sure")
    '100\\%\\_sure'
    """
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
