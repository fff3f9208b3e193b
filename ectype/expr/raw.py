"""SQL text of one's own as an expression: `fragment("lower({})", User.name)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic, LiteralString, Never, TypeAlias, TypeVar, cast, final, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.fragments import pieces
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Operand, Value, any_operand, operand_of, operands_of
from ectype.types.scalars import text_fault

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)
N3 = typing_extensions.TypeVar("N3", default=Never)
N4 = typing_extensions.TypeVar("N4", default=Never)
N5 = typing_extensions.TypeVar("N5", default=Never)
N6 = typing_extensions.TypeVar("N6", default=Never)
N7 = typing_extensions.TypeVar("N7", default=Never)
N8 = typing_extensions.TypeVar("N8", default=Never)


MAX_BYTES: Final = 63
"""How long a name may be: what PostgreSQL keeps of it."""
MAX_TEXT: Final = 255
"""How many characters a constant text may have: it is part of the plan, so what is long belongs into a parameter."""


@final
class Splice(Generic[S_co]):
    """What fills a gap of a fragment and is no single value: see `splice`, `identifier` and `constant`.

    Without a node it is `text`, which becomes a part of the fragment's own.
    """

    __slots__ = ("node", "params", "text")

    def __init__(
        self, node: nodes.Items | nodes.Identifier | None, params: tuple[object, ...] = (), text: str = ""
    ) -> None:
        self.node: Final = node
        self.params: Final = params
        self.text: Final = text


Piece: TypeAlias = Expr[S, Any] | Splice[S] | Value


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
@overload
def fragment(
    text: LiteralString, a: Piece[N1], b: Piece[N2], c: Piece[N3], d: Piece[N4], e: Piece[N5], /
) -> Operand[N1 | N2 | N3 | N4 | N5, Any]: ...
@overload
def fragment(
    text: LiteralString, a: Piece[N1], b: Piece[N2], c: Piece[N3], d: Piece[N4], e: Piece[N5], f: Piece[N6], /
) -> Operand[N1 | N2 | N3 | N4 | N5 | N6, Any]: ...
@overload
def fragment(
    text: LiteralString,
    a: Piece[N1],
    b: Piece[N2],
    c: Piece[N3],
    d: Piece[N4],
    e: Piece[N5],
    f: Piece[N6],
    g: Piece[N7],
    /,
) -> Operand[N1 | N2 | N3 | N4 | N5 | N6 | N7, Any]: ...
@overload
def fragment(
    text: LiteralString,
    a: Piece[N1],
    b: Piece[N2],
    c: Piece[N3],
    d: Piece[N4],
    e: Piece[N5],
    f: Piece[N6],
    g: Piece[N7],
    h: Piece[N8],
    /,
) -> Operand[N1 | N2 | N3 | N4 | N5 | N6 | N7 | N8, Any]: ...
def fragment(text: str, *args: Any) -> Any:
    """Return SQL text of your own as an expression; each `{}` takes an expression or a bound value.

    The text is a literal of your program, never data: values go into the gaps. `{{` and `}}` are braces. A gap also
    takes a fragment, `splice([…])` for several values, `identifier("name")` for a quoted name, and `constant(value)`
    for a value that must stand in the text itself.

    Raises:
        QueryError: when the gaps and the arguments differ in number, a brace stands alone, or the text is none.

    Example:
        `from_(User).where(fragment("lower({})", User.name) == "ada")`
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise QueryError(f"the text of a fragment is a str, got {text!r:.80}")
    parts = pieces(text)
    if len(parts) - 1 != len(args):
        raise QueryError(
            f"the fragment {text!r} has {len(parts) - 1} gaps and got {len(args)} arguments",
            hint="write one `{}` for each argument, and `{{` or `}}` for a brace",
        )
    inner: list[Expression] = []
    written = [parts[0]]
    params: tuple[object, ...] = ()
    for argument, part in zip(args, parts[1:], strict=True):
        if isinstance(argument, Splice):
            spliced = cast("Splice[Any]", argument)
            if spliced.node is None:
                written[-1] += spliced.text + part
                continue
            node, values = spliced.node, spliced.params
        else:
            node, values = operand_of(argument)
        inner.append(node)
        written.append(part)
        params += values
    return any_operand(nodes.fragment(tuple(written), tuple(inner)), params)


@overload
def splice(values: Sequence[Value]) -> Splice[Never]: ...
@overload
def splice(values: Sequence[Expr[S, Any] | Value]) -> Splice[S]: ...
def splice(values: Any) -> Any:
    """Return several values or expressions for one gap of a fragment, with commas between them.

    Each number of values is another text, and so another plan: `Post.id.in_(values)` has one for every number.

    Raises:
        QueryError: for what is no list, or an empty one, which would leave a hole in the text.

    Example:
        `fragment("{} in ({}, {})", Post.id, 1, splice([2, 3, 4]))`
    """
    if isinstance(values, str | bytes) or not isinstance(values, Sequence) or not values:
        raise QueryError(
            f"`splice` takes a list of at least one value, got {values!r:.80}",
            hint="for a list that may be empty write `Post.id.in_(values)`",
        )
    parts, params = operands_of(cast("Sequence[object]", values))
    return Splice[Any](nodes.items("list", parts), params)


def identifier(name: str) -> Splice[Never]:
    """Return a name for a gap of a fragment, in quotes: what it holds is never read as SQL.

    Each name is another text, and so another plan. A name that nothing has is an error on every database: SQLite may
    take one between double quotes for text, so that it gets other quotes there. SQL: `"name"`.

    Raises:
        QueryError: for an empty name, one with a NUL character, or of more than 63 bytes.

    Example:
        `fragment("{}.{} + 1", identifier("p0"), identifier("legacy column"))`
    """
    fault = text_fault(name) if isinstance(name, str) and name else "is none"  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
    if fault is not None or len(name.encode()) > MAX_BYTES:
        raise QueryError(f"a name has 1 to {MAX_BYTES} bytes of text, got {name!r:.80}")
    return Splice(nodes.identifier(name))


def constant(value: int | str) -> Splice[Never]:
    """Return a number, a truth value or a short text for a gap of a fragment, written into the SQL itself.

    It is for places where SQL takes no parameter, as the unit of an interval; a text stands in quotes, and what it
    holds is never read as SQL. Each value is another text, and so another plan: everything else is passed as it is,
    and bound.

    Raises:
        QueryError: for another class of value, an int of more than 64 bits, or a text of more than 255 characters,
            with a NUL character, or with a backslash, which older settings of PostgreSQL read as an escape.

    Example:
        `fragment("{} + interval {}", Post.posted_at, constant("1 day"))`
    """
    if value.__class__ is bool:
        return Splice(None, text="TRUE" if value else "FALSE")
    if isinstance(value, int) and value.__class__ is int and -(2**63) < value < 2**63:
        # In parentheses: a minus after a minus would begin a comment.
        return Splice(None, text=str(value) if value >= 0 else f"({value})")
    if isinstance(value, str) and value.__class__ is str and _is_plain(value):
        doubled = value.replace("'", "''")
        return Splice(None, text=f"'{doubled}'")
    raise QueryError(
        f"a constant is an int of 64 bits, a bool, or at most {MAX_TEXT} characters of text without a backslash, got "
        f"{value!r:.80}",
        hint="pass the value itself, which is bound: `fragment('f({})', value)`",
    )


def _is_plain(text: str) -> bool:
    return len(text) <= MAX_TEXT and "\\" not in text and text_fault(text) is None
