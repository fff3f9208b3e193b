"""COPY through asyncpg: rows into a table, and the bytes of a query out of it."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from typing import Any, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.adapters.base import CopyFormat
from ectype.adapters.postgres_copy_text import line
from ectype.adapters.postgres_literals import with_literals
from ectype.errors import CastError, UnsupportedError

ROWS_IN_ONE_GO = 1_000
"""How many rows are encoded before other tasks get a turn: the driver encodes as fast as it is given rows."""

Write = Callable[[bytes], Awaitable[None]]
Records = Iterable[Sequence[object]] | AsyncIterable[Sequence[object]]


class CopyDriver(Protocol):
    """The part of `asyncpg.Connection` that copies."""

    async def prepare(self, query: str, *, name: str, timeout: float | None = None) -> Prepared: ...  # noqa: D102
    async def copy_from_query(  # noqa: D102
        self,
        query: str,
        *,
        output: Callable[[bytes], Awaitable[None]],
        format: str,  # noqa: A002  # asyncpg's word
        header: bool | None = None,
        delimiter: str | None = None,
        null: str | None = None,
    ) -> str: ...
    async def copy_to_table(  # noqa: D102
        self,
        table_name: str,
        *,
        source: AsyncIterable[bytes],
        columns: Sequence[str],
        schema_name: str | None = None,
        format: str,  # noqa: A002  # asyncpg's word
        delimiter: str | None = None,
        null: str | None = None,
    ) -> str: ...
    async def copy_records_to_table(  # noqa: D102  # it is asyncpg's
        self, table_name: str, *, records: Any, columns: Sequence[str], schema_name: str | None = None
    ) -> str: ...


class Prepared(Protocol):
    """The part of `asyncpg.PreparedStatement` that is used."""

    # Their words are asyncpg's.
    def get_parameters(self) -> tuple[Any, ...]: ...  # noqa: D102
    def get_attributes(self) -> tuple[Any, ...]: ...  # noqa: D102
    def get_statusmsg(self) -> str | None: ...  # noqa: D102
    async def fetch(self, *args: object, timeout: float | None = None) -> list[Any]: ...  # noqa: D102


class Rows:
    """Rows on their way to the driver.

    Attributes:
        number: how many the driver has asked for.
        failure: what their source raised, a row of the wrong length included.
    """

    __slots__ = ("_names", "_records", "_width", "failure", "number")

    def __init__(self, records: Records, columns: Sequence[str]) -> None:
        self._records = records
        self._names = tuple(columns)
        self._width = len(self._names)
        self.number = 0
        self.failure: Exception | None = None

    def read(self) -> Generator[Sequence[object]] | AsyncGenerator[Sequence[object]]:
        """Return what the driver takes: at once where the rows are few, else with a pause for others now and then."""
        records = self._records
        if isinstance(records, AsyncIterable):
            return self._awaited(records)
        few = isinstance(records, Sequence) and len(records) <= ROWS_IN_ONE_GO
        return self._at_once(records) if few else self._in_turns(records)

    async def lines(self) -> AsyncGenerator[bytes]:
        """Return the rows in COPY's text format, many lines at a time."""
        lines: list[bytes] = []
        records = self._records
        source = self._awaited(records) if isinstance(records, AsyncIterable) else self._in_turns(records)
        async for row in source:
            lines.append(line(row))
            if len(lines) == ROWS_IN_ONE_GO:
                yield b"".join(lines)
                lines.clear()
        if lines:
            yield b"".join(lines)

    def _at_once(self, records: Iterable[Sequence[object]]) -> Generator[Sequence[object]]:
        try:
            for row in records:
                yield self._counted(row)
        except Exception as exc:
            self.failure = exc
            raise

    async def _in_turns(self, records: Iterable[Sequence[object]]) -> AsyncGenerator[Sequence[object]]:
        for row in self._at_once(records):
            yield row
            if self.number % ROWS_IN_ONE_GO == 0:
                await asyncio.sleep(0)

    async def _awaited(self, records: AsyncIterable[Sequence[object]]) -> AsyncGenerator[Sequence[object]]:
        try:
            async for row in records:
                yield self._counted(row)
                if self.number % ROWS_IN_ONE_GO == 0:
                    await asyncio.sleep(0)
        except Exception as exc:
            self.failure = exc
            raise

    def _counted(self, row: Sequence[object]) -> Sequence[object]:
        self.number += 1
        if len(row) != self._width:
            raise CastError(
                f"row {self.number} has {len(row)} values for {self._width} columns ({', '.join(self._names)})",
                hint="give each row a value for every column, None for NULL",
            )
        return row


async def copy_in(
    driver: CopyDriver,
    table: str,
    columns: Sequence[str],
    rows: Rows,
    *,
    prefix: str | None,
    timeout: float | None,
    as_text: bool,
) -> str:
    """Send rows to a table by binary COPY, or as text, and return the server's command tag.

    Raises whatever the driver or the source of the rows raises, and CastError for a value that cannot be encoded.
    """
    # The driver's own deadline does not cover the statement that it prepares first, nor a source that stalls.
    async with asyncio.timeout(timeout):
        try:
            if as_text:
                return await driver.copy_to_table(
                    table, source=rows.lines(), columns=columns, schema_name=prefix or None, format="text"
                )
            return await driver.copy_records_to_table(
                table, records=rows.read(), columns=columns, schema_name=prefix or None
            )
        except asyncpg.InternalClientError as exc:
            if "no binary format encoder" not in str(exc):
                raise
            raise UnsupportedError(
                f"a column of {table} ({', '.join(columns)}) cannot be copied in binary: {exc} (PostgreSQL)",
                hint="use `repo.insert_all(model, rows)`",
            ) from None
        except (ValueError, TypeError, OverflowError, AttributeError) as exc:
            if exc is rows.failure or getattr(exc, "sqlstate", None) is not None:
                raise
            raise CastError(
                f"row {rows.number} cannot be copied into {table} ({', '.join(columns)}): a value does not fit its "
                f"column's type ({exc.__class__.__name__})",
                hint="give the values as the columns store them",
            ) from None


async def copy_out(
    driver: CopyDriver, sql: str, params: Sequence[object], write: Write, form: CopyFormat, *, timeout: float | None
) -> str:
    """Send the rows of a query to `write`, and return the server's command tag; the values become literals first.

    Raises whatever the driver or `write` raises.
    """
    async with asyncio.timeout(timeout):
        literals = await _literals(driver, sql, params) if params else ()
        return await driver.copy_from_query(
            with_literals(sql, literals),
            output=write,
            format=form.name,
            header=form.header or None,
            delimiter=form.delimiter,
            null=form.null,
        )


async def _literals(driver: CopyDriver, sql: str, params: Sequence[object]) -> tuple[str, ...]:
    """Return each value as the server writes it, with the type that the server takes it for."""
    statement = await driver.prepare(sql, name="")
    types = [_type_name(one) for one in statement.get_parameters()]
    del statement
    parts = ", ".join(f"quote_nullable(${number}::{name}::text)" for number, name in enumerate(types, 1))
    asking = await driver.prepare(f"SELECT {parts}", name="")
    [row] = await asking.fetch(*params)
    return tuple(f"({text}::{name})" for text, name in zip(row, types, strict=True))


def _type_name(one: Any) -> str:
    # An array is called `text[]`, with its element's schema.
    name, brackets = (one.name[:-2], "[]") if one.name.endswith("[]") else (one.name, "")
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (one.schema, name))
    return quoted + brackets
