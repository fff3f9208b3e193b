"""How a repo runs a prepared statement: dump, run, load, tell the listeners."""

from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar, cast

from ectype.adapters.base import Adapter, CopyFormat
from ectype.query.ast import RowShape
from ectype.repo import loader
from ectype.repo.cache import PlanCache
from ectype.repo.call import PLAIN, WRITE_OPTIONS, Call, Wanted, call_of
from ectype.repo.transaction import Session
from ectype.sql.dialect import Dialect
from ectype.sql.statement import Statement
from ectype.telemetry import QueryEvent, emit, listeners

T = TypeVar("T")
P = TypeVar("P")
HIDDEN = "<hidden>"
REDACTED = "<redacted>"


class Prepared:
    """A statement of one shape and its loader.

    Attributes:
        sql: the text.
        dump: from values to the driver's parameters.
        load: from the driver's rows to what a row is.
        redacted: the indexes of parameters that must not be shown.
    """

    __slots__ = ("dump", "load", "redacted", "sql")

    def __init__(self, statement: Statement, row: RowShape | None = None, prefix: str | None = None) -> None:
        """Build the loader.

        Args:
            statement: what was compiled.
            row: how a row is made, where the statement does not say.
            prefix: where tables without a prefix of their own were read.
        """
        self.sql = statement.sql
        self.dump = statement.dump
        self.redacted = statement.redacted
        # Without columns nobody looks at more than whether there are rows.
        self.load: loader.Loader = (
            loader.build(statement.columns, statement.row or row, prefix) if statement.columns else list
        )


class Engine:
    """What every operation of a repo shares: the dialect, the plans, and the way to a connection.

    Attributes:
        adapter: the database.
        session: finds the connection of each statement.
        plans: what was compiled, by shape.
        name: the repo's name, for events.
        prefix: the default prefix.
        log_params: whether parameters are shown to listeners.
        usual: the options of a call that says none.
        repo: what functions of `prepare_changes` are given.
    """

    repo: Any = None

    def __init__(
        self,
        adapter: Adapter,
        session: Session,
        *,
        name: str,
        prefix: str | None = None,
        plan_cache_size: int = 1_000,
        log_params: bool = True,
    ) -> None:
        self.adapter = adapter
        self.session = session
        self.usual = PLAIN
        self.name = name
        self.prefix = prefix
        self.log_params = log_params
        self.plans: PlanCache[Any] = PlanCache(plan_cache_size)

    @property
    def dialect(self) -> Dialect:
        """What the database says and can do."""
        return self.adapter.dialect

    def with_usual(self, options: Mapping[str, Any]) -> "Engine":
        """Return an engine on the same connections and plans, whose calls have these options without saying so."""
        made = copy(self)
        made.usual = call_of(self.usual, options)
        return made

    def call(self, options: Mapping[str, Any], returning: Wanted = None) -> Call:
        """Return the options of a call, those that it was given over the usual ones; and what shall come back."""
        call = call_of(self.usual, options) if options else self.usual
        return call if returning is None else replace(call, returning=returning)

    def write_call(self, options: Mapping[str, Any], returning: Wanted = None) -> Call:
        """Return the options of a call that may meet a stale row."""
        call = call_of(self.usual, options, WRITE_OPTIONS) if options else self.usual
        return call if returning is None else replace(call, returning=returning)

    def plan(self, key: Hashable, make: Callable[[Dialect], P]) -> P:
        """Return the plan of a shape, made at its first use."""
        found = self.plans.get(key)
        return found if found is not None else self.plans.put(key, make(self.adapter.dialect))

    async def fetch(self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN) -> list[Any]:
        """Run a statement that returns rows, and return them loaded; the parameters are dumped."""
        running = self.session.fetch(prepared.sql, params, prepared.load, call.timeout)
        if listeners(call.event):
            return await self._observed(prepared, params, call, running, len)
        return await running

    async def execute(self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN) -> int:
        """Run a statement that returns no rows, and return how many it wrote; the parameters are dumped."""
        running = self.session.execute(prepared.sql, params, call.timeout)
        if listeners(call.event):
            return await self._observed(prepared, params, call, running, int)
        return await running

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Sequence[Any]], call: Call = PLAIN) -> list[Any]:
        """Run a returning statement once a row of dumped parameters, all or nothing; return all their rows, loaded."""
        running = self.session.fetch_many(prepared.sql, rows, prepared.load, call.timeout)
        if listeners(call.event):
            return await self._observed(prepared, rows, call, running, len, many=True)
        return await running

    async def execute_many(self, prepared: Prepared, rows: Sequence[Sequence[Any]], call: Call = PLAIN) -> int:
        """Run a writing statement once a row of dumped parameters, all or nothing; return how many rows it wrote."""
        running = self.session.execute_many(prepared.sql, rows, call.timeout)
        if listeners(call.event):
            return await self._observed(prepared, rows, call, running, int, many=True)
        return await running

    async def query(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        count: Callable[[T], int],
        call: Call = PLAIN,
        *,
        reset: bool,
    ) -> T:
        """Run a statement of the user's and return `load(columns, rows, count)`; `count` is that of the result.

        `reset` says that the text may have changed the connection's session.
        """
        running = self.session.query(prepared.sql, params, load, call.timeout, reset=reset)
        if listeners(call.event):
            return await self._observed(prepared, params, call, running, count)
        return await running

    async def copy_in(
        self,
        told: Prepared,
        table: str,
        columns: Sequence[str],
        rows: AsyncIterable[Sequence[Any]],
        call: Call = PLAIN,
        *,
        as_text: bool,
    ) -> int:
        """Send rows of dumped values to a table by COPY, and return how many; listeners are told of `told`."""
        running = self.session.copy_in(table, columns, rows, call.timeout, prefix=call.prefix, as_text=as_text)
        if listeners(call.event):
            return await self._observed(told, (), call, running, int)
        return await running

    async def copy_out(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        call: Call = PLAIN,
    ) -> int:
        """Send the rows of a query to `write` by COPY, and return how many; the parameters are dumped."""
        running = self.session.copy_out(prepared.sql, params, write, form, call.timeout)
        if listeners(call.event):
            return await self._observed(prepared, params, call, running, int)
        return await running

    async def _observed(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        call: Call,
        running: Awaitable[T],
        count: Callable[[T], int],
        *,
        many: bool = False,
    ) -> T:
        started = perf_counter()
        rows, error = None, None
        try:
            result = await running
            rows = count(result)
        except BaseException as exc:
            error = exc
            raise
        finally:
            taken = perf_counter() - started
            shown = tuple(self._shown(prepared, row) for row in params) if many else self._shown(prepared, params)
            emit(
                cast("str", call.event),
                QueryEvent(self.name, prepared.sql, shown, rows, None, taken, error, call.tags),
            )
        return result

    def _shown(self, prepared: Prepared, params: Sequence[Any]) -> tuple[object, ...]:
        if not self.log_params:
            return (HIDDEN,) * len(params)
        return tuple(REDACTED if i in prepared.redacted else value for i, value in enumerate(params))
