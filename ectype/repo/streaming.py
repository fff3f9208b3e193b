"""`repo.stream`: the rows of a query, a batch at a time, with what it preloads of each batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, final

from ectype.adapters.base import Cursor
from ectype.errors import EctypeError, QueryError, TransactionClosedError
from ectype.query.ast import steps
from ectype.query.builder import Query
from ectype.query.subqueries import row_schema
from ectype.repo.call import Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.paths import Branch, merge
from ectype.repo.preloader import preload_into, refuse_joined
from ectype.repo.reader import below_query, query_of
from ectype.repo.scope import Scope
from ectype.repo.select import dumped, prepare
from ectype.repo.sharing import State
from ectype.repo.shield import unhindered

R = TypeVar("R")

CLOSE_SECONDS = 5.0
"""How long the end of a cursor may take."""


@final
class Stream(Generic[R]):
    """The rows of a query, in its order: an async context manager, and inside its block an async iterator.

    Example:
        async with repo.stream(from_(Post).preload(Post.author), batch=100) as posts:
            async for post in posts:
                ...
    """

    __slots__ = (
        "_batch",
        "_branches",
        "_call",
        "_cursor",
        "_ended",
        "_engine",
        "_exhausted",
        "_own",
        "_params",
        "_prepared",
        "_query",
        "_rows",
        "_scope",
        "_started",
    )

    def __init__(self, engine: Engine, queryable: Any, batch: int, call: Call) -> None:
        """Make a stream; nothing happens before it is entered. Raises QueryError for what cannot be streamed."""
        if batch.__class__ is not int or batch < 1:
            raise QueryError(f"`batch` is how many rows are read at once, got {batch!r:.40}", hint="write `batch=500`")
        self._engine = engine
        self._query: Query[Any, Any, Any] = query_of(queryable)
        self._batch = batch
        self._call = call
        self._branches: dict[str, Branch] = {}
        self._rows: deque[R] = deque()
        self._cursor: Cursor | None = None
        self._scope: Scope | None = None
        self._own = self._started = self._exhausted = self._ended = False

    async def __aenter__(self) -> Self:
        if self._started:
            raise TransactionClosedError(
                "this stream has been entered before", hint="call `repo.stream(…)` anew for each block"
            )
        self._started = True
        engine, call = self._engine, self._call
        query = self._query = engine.hooked(self._query, "stream", call)
        if any(one.kind == "write_cte" for one in steps(query.node)):
            raise QueryError(
                "a stream reads, and this query changes rows in `with_cte(…)`",
                hint="run it with `repo.all(query)`, or write first and stream afterwards, in one transaction",
            )
        if query.preloads:
            self._branches = merge(row_schema(query.node), query.preloads)
            refuse_joined(self._branches, "a stream gives its rows batch by batch")
        self._prepared: Prepared = prepare(engine, query.node, call.prefix or engine.prefix)
        self._params = dumped(self._prepared, query, query.params)
        self._cursor, self._scope, self._own = await engine.session.cursor(
            self._prepared.sql, self._params, self._batch, call.timeout
        )
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        if self._cursor is None or self._ended:
            raise TransactionClosedError(
                "a stream is read inside its block" + (", and this one has ended" if self._ended else ""),
                hint="write `async with repo.stream(query) as rows:` and read in there; keep what you need in a list",
            )
        while not self._rows:
            if self._exhausted:
                raise StopAsyncIteration
            try:
                await self._fill(self._cursor)
            except BaseException:
                # A batch may be lost: who goes on would not know of it.
                self._ended = True
                raise
        return self._rows.popleft()

    async def _fill(self, cursor: Cursor) -> None:
        engine, call, scope = self._engine, self._call, self._current()
        timeout = engine.session.timeout if call.timeout is None else call.timeout

        def read(load: Callable[[list[Any]], list[Any]]) -> Awaitable[list[Any]]:
            return cursor.fetch(load, timeout) if scope is None else scope.run(cursor.fetch, timeout, load)

        rows = await engine.fetch_next(self._prepared, self._params, read, call)
        self._exhausted = len(rows) < self._batch
        if self._branches and rows:
            await self._preload(rows)
        self._rows.extend(rows)

    async def _preload(self, rows: list[Any]) -> None:
        """Load what hangs on a batch, on the connection of the stream: a second one might never come."""
        engine, call = self._engine, below_query(self._query, self._call)
        if not self._own or self._scope is None:
            await preload_into(engine, rows, self._branches, call)
            return
        engine.session.enter(self._scope)
        try:
            await preload_into(engine, rows, self._branches, call)
        finally:
            engine.session.leave(self._scope)

    def _current(self) -> Scope | None:
        """Return the scope to read in: of those on this connection the innermost, which has the turn of the others."""
        if self._own or self._scope is None:
            return self._scope
        inner = self._engine.session.scope()
        return inner if inner is not None and inner.lease is self._scope.lease else self._scope

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._rows.clear()
        cancelled = await self._end(exc)
        if cancelled is not None and not isinstance(exc, asyncio.CancelledError):
            raise cancelled from exc

    async def _end(self, exc: BaseException | None) -> asyncio.CancelledError | None:
        """End the cursor, and its own transaction with it; return the cancellation that came meanwhile."""
        cursor, scope = self._cursor, self._scope
        assert cursor is not None  # `async with` enters first
        if scope is None:
            await cursor.close(CLOSE_SECONDS)
            return None
        if self._own:
            cancelled = await unhindered(_closed(scope, cursor))
            return await (scope.keep() if exc is None else scope.undo()) or cancelled
        if exc is None and scope.state is State.OPEN:
            await (self._current() or scope).run(cursor.close, CLOSE_SECONDS)
        # Else the transaction is about to be rolled back, most likely: what is left goes with it.
        cursor.forget()
        return None


async def _closed(scope: Scope, cursor: Cursor) -> None:
    # A connection that is broken has ended the cursor itself.
    with suppress(EctypeError):
        await scope.lease.run(cursor.close, CLOSE_SECONDS)
