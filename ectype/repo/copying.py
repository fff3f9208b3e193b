"""The conductor of COPY: rows into a table as they are read, and the bytes of a query as they come."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, cast, runtime_checkable

from ectype.adapters.base import CopyFormat
from ectype.errors import CastError, ConfigError, DeadlineError, QueryError, UnsupportedError
from ectype.expr.nodes import ColumnRef
from ectype.query.builder import Query
from ectype.repo.call import Call
from ectype.repo.copy_source import Pieces, names_in
from ectype.repo.engine import Engine, Prepared
from ectype.repo.reader import query_of
from ectype.repo.rows import check_rows, fields_of, grouped
from ectype.repo.select import dumped
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.schema.sources import TableSource
from ectype.sql.compilers import compile_copy, compile_select
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape
from ectype.sql.statement import Statement
from ectype.types.columns import ColumnValues

CHUNK = 1_000
"""How many rows are dumped at a time."""
_FORMATS = ("text", "csv", "binary")
_WAITING = 4
"""How many pieces wait for a reader that is slower than the database."""

Rows: TypeAlias = Iterable[Mapping[str, object] | Any] | AsyncIterable[Mapping[str, object] | Any]
Write: TypeAlias = Callable[[bytes], Awaitable[object]]


@runtime_checkable
class BinaryFile(Protocol):
    """A file opened for writing bytes, or what writes like one."""

    def write(self, data: bytes, /) -> object:
        """Write the bytes."""
        ...


async def copy_in(engine: Engine, model: Any, rows: Rows, *, timestamps: bool, call: Call) -> int:
    """Copy rows that all have the same columns into a table, all or none, and return how many."""
    info, source = _table(model)
    _only_postgres(engine.dialect, "`copy_in`", "use `repo.insert_all(model, rows)`, which is one transaction there")
    check_rows(info, rows)
    chunks = _chunks(rows)
    first = await anext(chunks, None)
    if first is None:
        return 0
    fields = _fields(info, first, timestamps=timestamps)
    prefix = source.prefix or info.prefix or call.prefix or engine.prefix
    shape = InsertShape(info, fields, (), None, prefix, source.table)
    told, copy = engine.plan(("copy_in", shape), lambda dialect: prepared_copy(shape, dialect))

    async def records() -> AsyncIterator[tuple[Any, ...]]:
        start = 0
        chunk: list[Any] | None = first
        while chunk is not None:
            columns = _columns(info, chunk, fields, start, timestamps=timestamps)
            for row in zip(*_dumped(copy.dump, columns, start), strict=True):
                yield row
            start += len(chunk)
            chunk = await anext(chunks, None)

    table = source.table or info.table
    return await engine.copy_in(told, str(table), copy.columns, records(), call, prefix=prefix, as_text=copy.as_text)


def prepared_copy(shape: InsertShape, dialect: Dialect) -> tuple[Prepared, Any]:
    """Return what is told of a COPY into a table, and its `CopyShape`."""
    copy = compile_copy(shape, dialect)
    return Prepared(
        Statement(copy.sql, copy.dump, operation="COPY", place=(shape.table or shape.info.table, shape.prefix))
    ), copy


async def copy_bytes_in(
    engine: Engine, model: Any, source: object, columns: Sequence[Any] | None, form: CopyFormat, *, call: Call
) -> int:
    """Copy bytes that are CSV, text or binary already into a table, all or none, and return how many rows they are."""
    info, table = _table(model)
    check_form(form)
    _only_postgres(
        engine.dialect, "`copy_in`", "read the rows with Python's `csv`, and store them by `repo.insert_all`"
    )
    pieces = Pieces(source)
    fields = None if columns is None else tuple([_field(info, one) for one in columns])
    skipped = 0
    if form.header:
        seconds = engine.session.timeout if call.timeout is None else call.timeout
        try:
            async with asyncio.timeout(seconds):
                line, skipped = await pieces.line()
        except TimeoutError:
            raise DeadlineError(
                f"the header did not come within the deadline of {seconds or 0:g} s",
                hint="give the call a longer `timeout=`",
            ) from None
        if not line and fields is None:
            return 0
        fields = _named(info, names_in(line, form.delimiter or ",")) if fields is None else fields
    if fields is None:
        raise ConfigError(
            f"nothing says which columns of {info.name} the bytes are for",
            hint=f"write `columns=[{info.name}.{info.column_names[-1]}, …]`, or `header=True` where the first line has "
            "their names",
        )
    _once(info, fields)
    prefix = table.prefix or info.prefix or call.prefix or engine.prefix
    shape = InsertShape(info, fields, (), None, prefix, table.table)
    told, copy = engine.plan(("copy_in", shape), lambda dialect: prepared_copy(shape, dialect))
    return await engine.copy_bytes(
        told, str(table.table or info.table), copy.columns, pieces.read(), form, call, prefix=prefix, skipped=skipped
    )


def _table(model: Any) -> tuple[SchemaInfo, TableSource]:
    info = schema_info(model)
    source = getattr(model, "__source__", None)
    if not isinstance(source, TableSource):
        raise QueryError(f"`copy_in` writes a table, got {model!r:.80}", hint=f"pass the schema: `{info.name}`")
    return info, source


def _field(info: SchemaInfo, column: Any) -> str:
    node = getattr(column, "node", None)
    if isinstance(node, ColumnRef) and getattr(node.source, "info", None) is info:
        return node.name
    raise QueryError(
        f"`columns` are columns of {info.name}, got {column!r:.80}",
        hint=f"write `columns=[{info.name}.{info.column_names[-1]}]`",
    )


def _named(info: SchemaInfo, names: list[str]) -> tuple[str, ...]:
    """Return the fields that a header names, by their own names or those of their columns."""
    by_column = {info.fields[name].source: name for name in info.column_names}
    return tuple([name if name in info.column_names else by_column.get(name, name) for name in names])


def _once(info: SchemaInfo, fields: tuple[str, ...]) -> None:
    fields_of(info, fields)
    twice = next((name for at, name in enumerate(fields) if name in fields[:at]), None)
    if twice is not None:
        raise QueryError(f"`{info.name}.{twice}` stands twice among the columns of a copy", hint="name it once")


async def _chunks(rows: Rows) -> AsyncIterator[list[Any]]:
    chunk: list[Any] = []
    if isinstance(rows, AsyncIterable):
        async for row in cast("AsyncIterable[Any]", rows):
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    else:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _fields(info: SchemaInfo, chunk: list[Any], *, timestamps: bool) -> tuple[str, ...]:
    return grouped(info, chunk[:1], timestamps=timestamps)[0].fields


def _columns(
    info: SchemaInfo, chunk: list[Any], fields: tuple[str, ...], start: int, *, timestamps: bool
) -> list[ColumnValues]:
    """Return the columns of some rows. Raises QueryError for a row that has other columns than the first one."""
    groups = grouped(info, chunk, timestamps=timestamps)
    for group in groups:
        if group.fields != fields:
            raise QueryError(
                f"row {start + group.positions[0] + 1} for {info.name} has the columns ({', '.join(group.fields)}), "
                f"and the first one ({', '.join(fields)}): COPY needs the same for all",
                hint="give every row all of them, None for NULL, or use `repo.insert_all`, which sorts rows by columns",
            )
    return groups[0].columns


def _dumped(dump: Callable[[Any], Any], columns: list[ColumnValues], start: int) -> Any:
    try:
        return dump(columns)
    except CastError as exc:
        exc.add_note(f"in one of the rows {start + 1} to {start + len(columns[0].values)}")
        raise


class CopyOut:
    """The rows of a query as bytes, in pieces: the block and the iterator of `repo.copy_out(query)`."""

    def __init__(self, send: Callable[[Write], Awaitable[int]]) -> None:
        self._send = send
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._ended = False

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ConfigError("a copy is entered once", hint="call `repo.copy_out(…)` again")
        self._task = asyncio.create_task(self._run(), name="ectype copy_out")
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._task is None:
            raise ConfigError("the copy was not entered", hint="write `async with repo.copy_out(query) as pieces:`")
        if self._ended:
            raise StopAsyncIteration
        piece = await self._pieces.get()
        if piece is None:
            self._ended = True
            if self._failure is not None:
                raise self._failure
            raise StopAsyncIteration
        return piece

    async def _run(self) -> None:
        try:
            await self._send(self._pieces.put)
        except Exception as exc:  # noqa: BLE001  # it is the reader's
            self._failure = exc
        await self._pieces.put(None)


def copy_out(engine: Engine, queryable: Any, to: Any, form: CopyFormat, call: Call) -> Any:
    """Return what copies the rows of a query: awaited to `to`, or as a block of pieces where there is none."""
    check_form(form)

    async def send(write: Write) -> int:
        query = query_of(queryable)
        _only_postgres(engine.dialect, "`copy_out`", "read by `repo.all(query)`, and write with Python's `csv`")
        query = engine.hooked(query, "all", call)
        if query.preloads:
            raise QueryError("`copy_out` writes rows, and the query preloads", hint="leave the preloads out")
        prepared, params = _selected(engine, query, call.prefix or engine.prefix)
        return await engine.copy_out(prepared, params, cast("Any", write), form, call)

    return CopyOut(send) if to is None else send(_writer(to))


def _selected(engine: Engine, query: Query[Any, Any, Any], prefix: str | None) -> tuple[Prepared, Any]:
    node = query.node
    # Times go out as the server has them, not as the text that is quickest to read.
    prepared = engine.plan(
        ("copy_out", node, prefix),
        lambda dialect: Prepared(compile_select(node, replace(dialect, text_select=False), prefix), prefix=prefix),
    )
    return prepared, dumped(prepared, query, query.params)


def _writer(to: object) -> Write:
    if isinstance(to, io.TextIOBase):
        raise ConfigError("`copy_out` writes bytes, and the file is open for text", hint='open it with "wb"')
    if isinstance(to, BinaryFile):
        file = to

        async def write(data: bytes) -> None:
            await asyncio.to_thread(file.write, data)

        return write
    if callable(to):
        return cast("Write", to)
    raise ConfigError(
        f"`copy_out` cannot write to {to!r:.80}", hint='give it a file open with "wb", or an async function of bytes'
    )


def check_form(form: CopyFormat) -> None:
    """Raise ConfigError for options that do not go together."""
    if form.name not in _FORMATS:
        raise ConfigError(f"format={form.name!r} is not a choice", hint=f"choose one of {', '.join(_FORMATS)}")
    if form.name == "binary" and (form.header or form.delimiter is not None or form.null is not None):
        raise ConfigError(
            "the binary format has no header, delimiter or null text", hint='leave them out, or use "csv"'
        )
    if form.header and form.name == "text":
        raise ConfigError('the format "text" has a header from PostgreSQL 15 on only', hint='use "csv"')
    if form.delimiter is not None and (len(form.delimiter.encode()) != 1 or form.delimiter in "\r\n\\\0"):
        raise ConfigError(f"delimiter={form.delimiter!r} is not one ASCII character", hint='write delimiter=";", say')


def _only_postgres(dialect: Dialect, what: str, hint: str) -> None:
    if dialect.target != "postgres":
        raise UnsupportedError(f"{what} is COPY, which {dialect.name} does not have", hint=hint)
