"""Functions of text that mean the same on every database, and search for words."""

from __future__ import annotations

from typing import Any, Literal, Never, TypeVar, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.calls import call_of, check_argument, check_text
from ectype.expr.operand import Expr, Operand, any_operand, operand_of

S = TypeVar("S")
T = TypeVar("T")
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)
N3 = typing_extensions.TypeVar("N3", default=Never)
N4 = typing_extensions.TypeVar("N4", default=Never)


@overload
def concat(a: Expr[N1, str], b: Expr[N2, str] | str, /) -> Operand[N1 | N2, str]: ...
@overload
def concat(a: Expr[N1, str], b: Expr[N2, str] | str, c: Expr[N3, str] | str, /) -> Operand[N1 | N2 | N3, str]: ...
@overload
def concat(
    a: Expr[N1, str],
    b: Expr[N2, str] | str,
    c: Expr[N3, str] | str,
    d: Expr[N4, str] | str,
    /,
    *more: Expr[N4, str] | str,
) -> Operand[N1 | N2 | N3 | N4, str]: ...
def concat(*parts: Any) -> Any:
    """The texts, one after the other; the first is an expression. SQL: `a || b`."""
    check_argument("concat", parts[0] if parts else None)
    first: Expr[Any, Any] = parts[0]
    node, params = first.node, first.params
    for part in parts[1:]:
        other, own = operand_of(part)
        node = nodes.connected("||", node, other)
        params += own
    return any_operand(node, params)


def replace(expr: Expr[S, T], old: str, new: str) -> Operand[S, T]:
    """The text with every `old` in it made `new`. SQL: `replace(x, $1, $2)`."""
    return Operand(call_of("replace", expr, nodes.PARAM, nodes.PARAM), (*expr.params, old, new))


def starts_with(expr: Expr[S, str | None], start: str) -> Operand[S, bool]:
    """Whether the text begins so, upper and lower case told apart. SQL: `x LIKE 'start%'`, escaped and bound."""
    check_text("starts_with", start)
    return Operand(call_of("starts_with", expr, nodes.PARAM), (*expr.params, start))


def ends_with(expr: Expr[S, str | None], end: str) -> Operand[S, bool]:
    """Whether the text ends so, upper and lower case told apart. SQL: `x LIKE '%end'`, escaped and bound."""
    check_text("ends_with", end)
    return Operand(call_of("ends_with", expr, nodes.PARAM), (*expr.params, end))


def contains_text(expr: Expr[S, str | None], part: str) -> Operand[S, bool]:
    """Whether the text holds another, upper and lower case told apart. SQL: `x LIKE '%part%'`, escaped and bound."""
    check_text("contains_text", part)
    return Operand(call_of("contains_text", expr, nodes.PARAM), (*expr.params, part))


def regexp(expr: Expr[S, str | None], pattern: str, *, ignore_case: bool = False) -> Operand[S, bool]:
    """Whether the text matches a regular expression of PostgreSQL. SQL: `x ~ $1`. SQLite has none."""
    check_text("regexp", pattern)
    name = "regexp i" if ignore_case else "regexp"
    return Operand(call_of(name, expr, nodes.PARAM), (*expr.params, pattern))


def collate(expr: Expr[S, T], collation: Literal["C"]) -> Operand[S, T]:
    """The text, compared and ordered by code point on every database. SQL: `x COLLATE "C"`.

    Raises:
        QueryError: for another collation.

    Example:
        `query.order_by(fn.collate(User.name, "C"))`
    """
    if collation != "C":  # pyright: ignore[reportUnnecessaryComparison]  # users pass what they like
        raise QueryError(
            f"only the collation 'C' is the same on every database, got {collation!r:.80}",
            hint="order as the database does, or write `fragment('{} COLLATE \"de_DE\"', User.name)`",
        )
    return Operand(call_of("collate C", expr), expr.params)


def search(expr: Expr[S, str | None], words: str, *, language: str = "simple") -> Operand[S, bool]:
    """Whether a text holds all of some words, wherever they stand.

    SQL: `to_tsvector('simple', x) @@ plainto_tsquery('simple', $1)`; on SQLite `x MATCH ?1`, for which the column must
    be one of an FTS5 table. What is no letter, digit or underscore only separates words, and no word is an operator.
    Whether `é` finds `e` is up to the tokenizer of the FTS5 table (`remove_diacritics 0`: as on PostgreSQL).

    Args:
        expr: the text; on SQLite a column.
        words: what to look for. No word finds nothing.
        language: a text search configuration of PostgreSQL, as `english`.

    Raises:
        QueryError: for a language that is no name.
    """
    return Operand(_searched("search", expr, words, language), (*expr.params, words))


def search_rank(expr: Expr[S, str | None], words: str, *, language: str = "simple") -> Operand[S, float]:
    """How well a text fits what `search` looked for in the same query; more is better, and only the order counts.

    SQL: `ts_rank(…)`, SQLite's `rank` (bm25) turned round.
    """
    return Operand(_searched("search_rank", expr, words, language), (*expr.params, words))


def _searched(name: str, expr: Expr[Any, Any], words: object, language: str) -> nodes.Call:
    check_text(name, words)
    # The name is written into the text, so that an index over the same expression is used.
    if not language.isidentifier() or not language.isascii():
        raise QueryError(f"a language is named like a variable, got {language!r:.80}")
    return call_of(f"{name} {language}", expr, nodes.PARAM)
