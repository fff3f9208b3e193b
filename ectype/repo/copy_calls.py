"""The calls of a repo that move many rows by COPY (PostgreSQL): one method an operation, no logic."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar, Unpack, overload

from ectype.adapters.base import CopyFormat
from ectype.errors import ConfigError
from ectype.expr.operand import Attr
from ectype.query.builder import Query
from ectype.repo import copying
from ectype.repo.call import CallOptions
from ectype.repo.copy_source import Source
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

    @overload
    async def copy_in(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | AsyncIterable[Mapping[str, object] | M],
        *,
        timestamps: bool = ...,
        **options: Unpack[CallOptions],
    ) -> int: ...
    @overload
    async def copy_in(
        self,
        model: Of[M],
        rows: Source,
        *,
        format: Literal["text", "csv", "binary"],
        columns: Sequence[Attr[M, Any]] | None = ...,
        header: bool = ...,
        delimiter: str | None = ...,
        null: str | None = ...,
        **options: Unpack[CallOptions],
    ) -> int: ...
    async def copy_in(
        self,
        model: Any,
        rows: Any,
        *,
        timestamps: bool = False,
        format: Literal["text", "csv", "binary"] | None = None,  # noqa: A002  # PostgreSQL's word
        columns: Sequence[Any] | None = None,
        header: bool = False,
        delimiter: str | None = None,
        null: str | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        r"""Copy rows, mappings or structs, into a table, all or none, and return how many (PostgreSQL).

        They are sent as they are read, so that a source of any length takes no memory. All have the columns of the
        first. As with `insert_all` nothing is filled in but keys with `autogenerate`, and timestamps when asked for;
        nothing comes back, and a conflict is an error.

        With `format` the rows are bytes that have it already: a file open for bytes, bytes, or pieces of them from an
        iterator, async or not, as the body of a request. The server reads them, so nothing of ours is cast.

        Args:
            model: the schema of the table.
            rows: the rows, or the bytes.
            timestamps: whether rows that say none get the moments of now.
            format: `csv`, `text` or `binary`, where they are bytes.
            columns: the columns that the bytes are for, in their order.
            header: whether the first line is no row (CSV): it names the columns, unless `columns` does.
            delimiter: what stands between values, instead of a comma or a tab.
            null: what stands for NULL, instead of nothing or `\N`.
            options: those of every call, `CallOptions`; the deadline is for the whole of it.

        Raises:
            QueryError: for an unknown column, or a row with other columns than the first.
            CastError: for a value that does not fit its column.
            DatabaseError: for a line of bytes that does not; it is named, and its values are not shown.
            ConstraintError: when the database refuses a row.
            ConfigError: for options that do not go together, or bytes that nothing names the columns of.
            UnsupportedError: on SQLite; use `insert_all`.

        Example:
            await repo.copy_in(Post, ({"title": line} for line in file))
            await repo.copy_in(Post, request.stream(), format="csv", header=True)
        """
        call = self._engine.call(options, "copy_in")
        if format is not None:
            if timestamps:
                raise ConfigError(
                    f"timestamps=True cannot be given with format={format!r}: bytes are sent as they are",
                    hint="leave it out; defaults of the database fill what the bytes have no column for",
                )
            form = CopyFormat(format, header, delimiter, null)
            return await copying.copy_bytes_in(self._engine, model, rows, columns, form, call=call)
        if columns is not None or header or delimiter is not None or null is not None:
            raise ConfigError(
                "`columns`, `header`, `delimiter` and `null` are for bytes, and nothing says which format they have",
                hint='write `format="csv"`',
            )
        return await copying.copy_in(self._engine, model, rows, timestamps=timestamps, call=call)

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
        **options: Unpack[CallOptions],
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
        **options: Unpack[CallOptions],
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
        **options: Unpack[CallOptions],
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
            options: those of every call, `CallOptions`; the deadline is for the whole of it.

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
        return copying.copy_out(self._engine, query, to, form, self._engine.call(options, "copy_out"))
