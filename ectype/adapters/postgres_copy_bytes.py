"""COPY of bytes that are CSV, text or PostgreSQL's binary already: the server reads them as they are."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.adapters.base import CopyFormat
from ectype.adapters.postgres_copy import CopyDriver
from ectype.errors import DatabaseError

_WHERE: Final = re.compile(r"COPY .+?, line (?P<line>\d+)(?:, column (?P<column>[^:]+))?(?::|\Z)")
_SHOWN: Final = re.compile(r'"[^"]*"')
_BAD_COPY: Final = "22P04"
"""The state whose messages name columns, and no values."""


async def watched(pieces: AsyncIterable[bytes], failed: list[Exception]) -> AsyncGenerator[bytes]:
    """Hand the pieces on, and note in `failed` what their source raised."""
    try:
        async for piece in pieces:
            yield piece
    except Exception as exc:
        failed.append(exc)
        raise


async def copy_bytes(
    driver: CopyDriver,
    table: str,
    columns: Sequence[str],
    pieces: AsyncIterable[bytes],
    form: CopyFormat,
    *,
    prefix: str | None,
    timeout: float | None,
) -> str:
    """Send bytes to a table, and return the server's command tag. Raises what the driver or the source raises."""
    # As in `copy_in`: the driver's own deadline does not cover a source that stalls.
    async with asyncio.timeout(timeout):
        return await driver.copy_to_table(
            table,
            source=pieces,
            columns=columns,
            schema_name=prefix or None,
            format=form.name,
            delimiter=form.delimiter,
            null=form.null,
        )


def unfit_line(exc: BaseException, table: str, skipped: int) -> DatabaseError | None:
    """Return the error for a line that the server could not read, without its values; None for any other one."""
    state = getattr(exc, "sqlstate", None)
    if not isinstance(exc, asyncpg.PostgresError) or not isinstance(state, str) or not state.startswith("22"):
        return None
    found = _WHERE.search(str(getattr(exc, "context", None) or ""))
    message = str(getattr(exc, "message", None) or exc)
    if state != _BAD_COPY:
        message = _SHOWN.sub('"***"', message)
    column = "" if found is None or found["column"] is None else f", column {found['column']}"
    where = "" if found is None else f"line {int(found['line']) + skipped}{column}: "
    return DatabaseError(
        f"what was copied into {table} is no row of it: {where}{message}",
        sqlstate=state,
        hint="none of it is stored; give each line a value for every column, as PostgreSQL writes its type",
    )
