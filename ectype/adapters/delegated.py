"""A connection that is another one's, with some of its methods done differently by a class below."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from ectype.adapters.base import Begin, Connection, CopyFormat, Cursor, Use

T = TypeVar("T")


class DelegatedConnection:
    """Hands every call on, through `_run`. See `ectype.adapters.base.Connection` for what each method does."""

    __slots__ = ("__weakref__", "_inner", "retired")

    def __init__(self, inner: Connection) -> None:
        self._inner = inner
        self.retired = False

    @property
    def bounded(self) -> bool:
        """Whether a deadline reaches a statement that no other cancellation may stop: not here."""
        return False

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        return self._inner.broken

    @property
    def in_transaction(self) -> bool:
        """Whether the application has a transaction open."""
        return self._inner.in_transaction

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`."""
        return await self._run(self._inner.fetch, timeout, sql, params, load)

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        return await self._run(self._inner.execute, timeout, sql, params)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement without RETURNING once a row of parameters, all or nothing."""
        return await self._run(self._inner.execute_many, timeout, sql, rows)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, all or nothing."""
        return await self._run(self._inner.fetch_many, timeout, sql, rows, load)

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement and return `load(columns, rows, count)`."""
        return await self._run(self._inner.query, timeout, sql, params, load)

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements at once."""
        await self._run(self._inner.script, timeout, sql)

    async def copy_in(
        self,
        table: str,
        columns: Sequence[str],
        records: Iterable[Sequence[object]] | AsyncIterable[Sequence[object]],
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        as_text: bool = False,
    ) -> int:
        """Send rows to a table by COPY, all or none, and return how many."""
        call = partial(self._inner.copy_in, prefix=prefix, as_text=as_text)
        return await self._run(call, timeout, table, columns, records)

    async def copy_bytes(
        self,
        table: str,
        columns: Sequence[str],
        pieces: AsyncIterable[bytes],
        form: CopyFormat,
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        skipped: int = 0,
    ) -> int:
        """Send bytes that are in the format of COPY already to a table, and return how many rows they are."""
        call = partial(self._inner.copy_bytes, prefix=prefix, skipped=skipped)
        return await self._run(call, timeout, table, columns, pieces, form)

    async def copy_out(
        self,
        sql: str,
        params: Sequence[object],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        timeout: float | None = None,
    ) -> int:
        """Send the rows of one query to `write` by COPY, and return how many."""
        return await self._run(self._inner.copy_out, timeout, sql, params, write, form)

    async def listen(
        self,
        channels: Sequence[str],
        heard: Callable[[str, str, int], None],
        lost: Callable[[], None],
        timeout: float | None = None,
    ) -> None:
        """Tell `heard` every notification from here on."""
        await self._run(self._inner.listen, timeout, channels, heard, lost)

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification; in a transaction it leaves with the commit."""
        await self._run(self._inner.notify, timeout, channel, payload)

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> Cursor:
        """Begin to read the rows of one statement, `batch` at a time."""
        return await self._run(self._inner.cursor, timeout, sql, params, batch, use)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction."""
        await self._run(self._inner.begin, timeout, how)

    async def commit(self, timeout: float | None = None) -> None:
        """Commit."""
        await self._run(self._inner.commit, timeout)

    async def transaction(self, timeout: float | None = None) -> str | None:
        """Return the id of the open transaction."""
        return await self._run(self._inner.transaction, timeout)

    async def committed(self, transaction: str | None, timeout: float) -> bool:
        """Return what became of a transaction."""
        return await self._inner.committed(transaction, timeout)

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back."""
        await self._run(self._inner.rollback, timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Undo what SQL text may have changed in the session."""
        await self._run(self._inner.reset, timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Close politely within the deadline, else cut the connection."""
        await self._inner.close(timeout)

    def terminate(self) -> None:
        """Cut the connection now."""
        self._inner.terminate()

    async def _run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: Any) -> T:
        return await call(*args, timeout)
