"""Which node stands for a value beside an operator, and for a key in a path."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Expression
from ectype.expr.walk import holds_documents, holds_range, is_whole
from ectype.types.numeric import INTEGER
from ectype.types.scalars import STRING
from ectype.types.values import type_of_value

SCALARS = frozenset({int, str, float, bool})
"""Classes of values that need no closer look when an expression is built."""


def stepped(
    document: Expression, params: tuple[object, ...], keys: tuple[object, ...]
) -> tuple[Binary, tuple[object, ...]]:
    """Return the node of what keys lead to in a document, and its parameters.

    Raises:
        QueryError: for what is no document, or for what is no key.
    """
    if not holds_documents(document):
        raise QueryError(
            f"only a JSON document has keys, and `{sketch(document)}` is none",
            hint="write `Post.tags.has('x')` to look for an element of a list of scalars",
        )
    node = document
    for key in keys:
        if key.__class__ not in (str, int):
            raise QueryError(f"a key of JSON is a text or a whole number, got {key!r:.80}")
        node = nodes.binary("->", node, nodes.param(STRING if key.__class__ is str else INTEGER))
        params = (*params, key)
    if not isinstance(node, Binary) or not keys:
        raise QueryError("`path` needs at least one key", hint="write `Post.meta.path('stats', 'views')`")
    return node, params


def number_beside(op: str, beside: Expression, value: object) -> Expression:
    """Return the place of a value beside an operator.

    PostgreSQL takes a bare parameter for one of the other side's type: a fraction beside whole numbers, and a span
    taken from a moment, must say what they are.
    """
    kind = value.__class__
    if (kind in (float, Decimal) and is_whole(beside)) or (kind is timedelta and op == "-"):
        return nodes.param(type_of_value(value))
    return nodes.PARAM


def end_beside(ranged: Expression, value: object) -> Expression | None:
    """Return the place of a value that may lie in a range; None for all else.

    PostgreSQL takes a bare parameter beside a range for another range: a value must say what it is.
    """
    if not isinstance(value, int | Decimal | date) or not holds_range(ranged):
        return None
    return nodes.param(type_of_value(value))
