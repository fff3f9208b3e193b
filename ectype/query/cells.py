"""What a cell of `insert_all` may hold beside a plain value: an expression, or a value that many cells share."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, final

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.describe import sketch
from ectype.expr.operand import Expr

T = TypeVar("T")


@final
class Placeholder(Generic[T]):
    """A value that is sent once for all rows of a column that hold it. Made by `placeholder`."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"placeholder({self.value!r})"


def placeholder(value: T) -> Placeholder[T]:
    """Return a value for cells of `insert_all` that travels once, however many rows have it.

    Where all rows have the same one in a column, PostgreSQL is sent one parameter instead of an array of equal
    values; elsewhere it is the value. As in Ecto's `:placeholders`.

    Example:
        body = placeholder(long_text)
        await repo.insert_all(Letter, [{"to": user.id, "body": body} for user in users])
    """
    return Placeholder(value)


def checked_cell(info_name: str, field: str, value: Expr[Any, Any]) -> Expr[Any, Any]:
    """Return an expression that a cell can hold. Raises QueryError for one that reads a row: there is none yet."""
    node = value.node
    for source in walk.sources(node):
        raise QueryError(
            f"the value of `{info_name}.{field}` reads a column of {source.label}, and a row that is being inserted "
            f"has none: `{sketch(node)}`",
            hint=f"read it by a query: `scalar(from_({source.label}).where(…).select(…))`",
        )
    return value
