"""The calls of a repo that read whole columns: one method an operation, no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, Unpack

from ectype.query.builder import Query
from ectype.repo.call import CallOptions
from ectype.repo.engine import Engine
from ectype.schema.schema import Of

if TYPE_CHECKING:
    import polars
    import pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")


class ColumnarCalls:
    """The part of `Repo` that reads for analytics."""

    _engine: Engine

    async def to_arrow(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> pyarrow.Table:
        """Return the rows of a query, or of a whole table, as an Arrow table; it needs `pip install 'ectype[arrow]'`.

        The statement is the one of `repo.all`; its rows become columns without a struct between. A column is called
        like its field, its `as_` name, or the member of `project`; where two would be equal, `Post.id` and `User.id`.
        Types are known from the query, so a table of no rows has them too: `docs/repo.md` lists them. Virtual
        fields and associations are no columns.

        Args:
            query: a query without preloads, or a schema for its whole table.
            options: those of every call, `CallOptions`.

        Raises:
            QueryError: for a query that preloads, an expression without a type, or two columns of one name.
            CastError: for a value that `repo.all` refuses, or that Arrow's type cannot hold, as `infinity`.
            UnsupportedError: without pyarrow.

        Example:
            table = await repo.to_arrow(from_(Post).where(Post.score > 3).select(Post.id, Post.score))
        """
        # Whoever reads no tables pays nothing for them at import.
        from ectype.repo.columnar import read_arrow  # noqa: PLC0415

        return await read_arrow(self._engine, query, self._engine.call(options, "to_arrow"))

    async def to_polars(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> polars.DataFrame:
        """Return the rows of a query as a polars frame; it needs `pip install 'ectype[polars]'`.

        The same as `to_arrow`, whose columns polars takes over.

        Example:
            frame = await repo.to_polars(from_(Post).group_by(Post.author_id).select(Post.author_id, fn.count()))
        """
        from ectype.repo.columnar import read_polars  # noqa: PLC0415

        return await read_polars(self._engine, query, self._engine.call(options, "to_polars"))
