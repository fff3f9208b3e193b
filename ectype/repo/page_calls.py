"""The call of a repo that reads a query page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, Unpack

from ectype.expr.operand import Expr
from ectype.query.builder import Query
from ectype.query.cursors import Secret
from ectype.repo.call import CallOptions
from ectype.repo.engine import Engine
from ectype.repo.pages import Page, read_page
from ectype.schema.schema import Of

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")


class PageCalls:
    """The part of `Repo` that reads pages."""

    _engine: Engine

    async def page(
        self,
        query: Query[A, Z, R] | Of[R],
        *,
        size: int = 20,
        after: str | None = None,
        before: str | None = None,
        secret: Secret,
        unique: Sequence[Expr[A, Any]] | None = None,
        **options: Unpack[CallOptions],
    ) -> Page[R]:
        """Return `size` rows of a query in its order, with the cursors of the pages around it.

        The order is made total by the primary keys of what is read, and each page begins where the one before it ended,
        whatever was inserted or deleted elsewhere. SQL: `WHERE (score, id) < ($1, $2) ORDER BY … LIMIT 21`.

        Args:
            query: a query without `limit`; its order may mix directions and NULLs.
            size: rows of a page, 1,000 at most.
            after: `page.next`, for the page after it; it may come from anywhere.
            before: `page.previous`, for the page before it.
            secret: at least 16 bytes that sign cursors; a tuple to change it: the first one signs, all are accepted.
            unique: columns that together no two rows share, where primary keys do not say (subqueries, CTEs).
            options: those of every call, `CallOptions`.

        Raises:
            CursorError: the cursor was changed, or is of another query, order or version.
            CastError: `size` is out of bounds.
            QueryError: the query has no total order, or one that cannot be continued: by a window function, a document,
                a redacted column.

        Example:
            `page = await repo.page(from_(Post).order_by(Post.score.desc()), size=20, after=cursor, secret=SECRET)`
        """
        return await read_page(
            self._engine,
            query,
            size=size,
            after=after,
            before=before,
            secret=secret,
            unique=unique,
            call=self._engine.call(options, "page"),
        )
