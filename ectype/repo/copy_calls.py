"""The calls of a repo that move many rows by COPY (PostgreSQL): one method an operation, no logic."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar, overload

from ectype.adapters.base import CopyFormat
from ectype.query.builder import Query
from ectype.repo import copying
from ectype.repo.call import Call, call_of
from ectype.repo.copying import BinaryFile
from ectype.repo.engine import Engine
from ectype.schema.schema import Of, Schema

M = TypeVar("M", bound=Schema)
R = TypeVar("R")
A = TypeVar("A")
Z = TypeVar("Z")


class CopyCalls:
    """The part of `Repo` that copies."""

    _engine: Engine

    async def copy_in(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | AsyncIterable[Mapping[str, object] | M],
        *,
        timestamps: bool = False,
        timeout: float | None = None,
        prefix: str | None = None,
    ) -> int:
        """Copy rows, mappings or structs, into a table, all or none, and return how many (PostgreSQL).

        They are sent as they are read, so that a source of any length takes no memory. All have the columns of the
        first. As with `insert_all` nothing is filled in but keys with `autogenerate`, and timestamps when asked for;
        nothing comes back, and a conflict is an error.

        Raises:
            QueryError: for an unknown column, or a row with other columns than the first.
            CastError: for a value that does not fit its column.
            ConstraintError: when the database refuses a row.
            UnsupportedError: on SQLite; use `insert_all`.

        Example:
            await repo.copy_in(Post, ({"title": line} for line in file))
        """
        return await copying.copy_in(self._engine, model, rows, timestamps=timestamps, call=self._call(timeout, prefix))

    @overload
    def copy_out(
        self,
        query: Query[A, Z, R] | Of[R],
        to: BinaryFile | Callable[[bytes], Awaitable[object]],
        *,
        format: Literal["text", "csv", "binary"] = ...,
        header: bool = ...,
        delimiter: str | None = ...,
        null: str | None = ...,
        timeout: float | None = ...,
        prefix: str | None = ...,
    ) -> Awaitable[int]: ...
    @overload
    def copy_out(
        self,
        query: Query[A, Z, R] | Of[R],
        to: None = None,
        *,
        format: Literal["text", "csv", "binary"] = ...,
        header: bool = ...,
        delimiter: str | None = ...,
        null: str | None = ...,
        timeout: float | None = ...,
        prefix: str | None = ...,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...
    def copy_out(
        self,
        query: Any,
        to: Any = None,
        *,
        format: Literal["text", "csv", "binary"] = "csv",  # noqa: A002  # PostgreSQL's word
        header: bool = False,
        delimiter: str | None = None,
        null: str | None = None,
        timeout: float | None = None,
        prefix: str | None = None,
    ) -> Any:
        r"""Write the rows of a query as PostgreSQL's COPY has them: to a file, or in pieces of bytes (PostgreSQL).

        Given `to`, it is awaited and returns how many rows there were. Without it, it is a block whose pieces are
        iterated, as a web response does; leaving the block early cancels the statement, which ends a transaction that
        is open.

        Args:
            query: a query without preloads, or a schema for its whole table.
            to: a file open for bytes, or an async function of them.
            format: `csv`, `text` or `binary`.
            header: whether the names of the columns come first (CSV).
            delimiter: what stands between values, instead of a comma or a tab.
            null: what stands for NULL, instead of nothing or `\N`.
            timeout: seconds for the whole of it; None for the repo's.
            prefix: where tables without a prefix of their own are.

        Raises:
            ConfigError: for options that do not go together, or a file that takes no bytes.
            QueryError: for a query that preloads.
            UnsupportedError: on SQLite; read the rows and use Python's `csv`.

        Example:
            async with repo.copy_out(from_(Post).order_by(Post.id), header=True) as pieces:
                async for piece in pieces:
                    await response.write(piece)
        """
        form = CopyFormat(format, header, delimiter, null)
        return copying.copy_out(self._engine, query, to, form, self._call(timeout, prefix))

    def _call(self, timeout: float | None, prefix: str | None) -> Call:
        said = {"timeout": timeout, "prefix": prefix}
        return call_of(self._engine.usual, {name: value for name, value in said.items() if value is not None})
