"""The conductor of pages: read the cursor, ask for one row more than the page has, sign the cursors of its ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ectype.errors import CastError, QueryError
from ectype.expr.operand import Expr
from ectype.query.builder import Query
from ectype.query.cursors import Position, Secret, keys_of, read, sign
from ectype.query.paging import Paging, paging_of, unique_nodes
from ectype.query.subqueries import row_schema
from ectype.repo.call import Call
from ectype.repo.engine import Engine
from ectype.repo.paths import merge
from ectype.repo.preloader import preload_into, refuse_joined
from ectype.repo.reader import query_of
from ectype.repo.select import fetch_rows

R = TypeVar("R")

MAX_SIZE = 1_000
"""Rows of a page: its size often comes from a request."""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A page of rows, in the query's order.

    Attributes:
        rows: the rows.
        next: the cursor for `after=`; None when this is the last page.
        previous: the cursor for `before=`; None when this is the first page.
    """

    rows: list[R]
    next: str | None
    previous: str | None

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one. On the way back it is the one that was left."""
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one. On the way forward it is the one that was left."""
        return self.previous is not None


async def read_page(
    engine: Engine,
    queryable: Any,
    *,
    size: int,
    after: str | None,
    before: str | None,
    secret: Secret,
    unique: Sequence[Expr[Any, Any]] | None,
    call: Call,
) -> Page[Any]:
    """Return one page of a query."""
    keys = keys_of(secret)
    _check(size, after, before)
    query = engine.hooked(query_of(queryable), "page", call)
    paging = _paging(engine, query, unique)
    cursor = before if after is None else after
    position = None if cursor is None else read(cursor, paging.fingerprint, paging.slots, keys)
    backward = before is not None
    branches = merge(row_schema(query.node), query.preloads) if query.preloads else {}
    refuse_joined(branches, "a page counts the rows of its query")
    found = await fetch_rows(engine, paging.query(query, position, size + 1, backward=backward), call)
    more = len(found) > size
    del found[size:]
    if backward:
        found.reverse()
    rows = [row[0] for row in found]
    await preload_into(engine, rows, branches, call)
    ends = _ends(found, position)
    first, last = (None if end is None else sign(end, paging.fingerprint, keys[0]) for end in ends)
    forward_more, backward_more = (position is not None, more) if backward else (more, position is not None)
    return Page(rows, last if forward_more else None, first if backward_more else None)


def _ends(found: list[Any], position: Position | None) -> tuple[Position | None, Position | None]:
    """Return the positions of the first and last row; without rows both are where the page was looked for."""
    if found:
        return Position(tuple(found[0][1:])), Position(tuple(found[-1][1:]))
    return (None, None) if position is None else ((here := Position(position.values, inclusive=True)), here)


def _paging(engine: Engine, query: Query[Any, Any, Any], unique: Sequence[Expr[Any, Any]] | None) -> Paging:
    shape, nodes = query.node, None if unique is None else unique_nodes(unique)
    return engine.plan(
        ("page", shape, nodes),
        lambda dialect: paging_of(shape, nodes, nulls_are_largest=dialect.nulls_are_largest),
    )


def _check(size: object, after: object, before: object) -> None:
    if size.__class__ is not int:
        raise QueryError(f"`size` is a number of rows, got {size!r:.40}")
    if not 1 <= size <= MAX_SIZE:  # type: ignore[operator]  # it is an int by now
        raise CastError(f"a page has 1 to {MAX_SIZE} rows, got size={size}")
    if after is not None and before is not None:
        raise QueryError("a page is after one cursor or before one, not both", hint="leave one of them out")
