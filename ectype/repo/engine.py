"""How a repo runs a prepared statement: dump, run, load, tell the listeners."""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar, cast

from ectype.adapters.base import Adapter, Connection
from ectype.query.ast import RowShape
from ectype.repo import loader
from ectype.repo.cache import PlanCache
from ectype.repo.call import PLAIN, WRITE_OPTIONS, Call, call_of
from ectype.repo.observer import Observer, Watch, enabled
from ectype.repo.scope import Scope
from ectype.repo.transaction import Session
from ectype.sql.dialect import Dialect
from ectype.sql.statement import Said, Statement
from ectype.telemetry import attached

T = TypeVar("T")
P = TypeVar("P")
HIDDEN = "<hidden>"
REDACTED = "<redacted>"

_FETCH = attrgetter("fetch")
_EXECUTE = attrgetter("execute")
_FETCH_MANY = attrgetter("fetch_many")
_EXECUTE_MANY = attrgetter("execute_many")
_QUERY = attrgetter("query")


class Prepared:
    """A statement of one shape and its loader.

    Attributes:
        said: what is told of it.
        sql: the text.
        dump: from values to the driver's parameters.
        load: from the driver's rows to what a row is.
        redacted: the indexes of parameters that must not be shown.
    """

    __slots__ = ("dump", "load", "redacted", "said", "sql")

    def __init__(self, statement: Statement, row: RowShape | None = None, prefix: str | None = None) -> None:
        """Build the loader.

        Args:
            statement: what was compiled.
            row: how a row is made, where the statement does not say.
            prefix: where tables without a prefix of their own were read.
        """
        self.said = statement.said
        self.sql = statement.sql
        self.dump = statement.dump
        self.redacted = statement.redacted
        # Without columns nobody looks at more than whether there are rows.
        self.load: loader.Loader = (
            loader.build(statement.columns, statement.row or row, prefix) if statement.columns else list
        )

    def add(self, comment: str) -> None:
        """End the text with a comment."""
        self.sql += comment
        self.said = replace(self.said, sql=self.sql)


def _prepared_in(made: object) -> Iterator[Prepared]:
    """Yield the statements of what is kept for a shape: one, one beside other things, or none."""
    found = getattr(made, "prepared", made)
    for one in cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found,):
        if isinstance(one, Prepared):
            yield one


class Engine:
    """What every operation of a repo shares: the dialect, the plans, and the way to a connection.

    Attributes:
        adapter: the database.
        session: finds the connection of each statement.
        plans: what was compiled, by shape.
        prefix: the default prefix.
        log_params: whether parameters are shown to listeners.
        usual: the options of a call that says none.
        observer: what tells of the statements.
        comment: what each statement ends with.
        slow: from how many seconds on a statement is warned of, or None.
        repo: what functions of `prepare_changes` are given.
    """

    repo: Any = None

    def __init__(
        self,
        adapter: Adapter,
        session: Session,
        *,
        observer: Observer,
        prefix: str | None = None,
        comment: str = "",
        plan_cache_size: int = 1_000,
        log_params: bool = True,
    ) -> None:
        self.adapter = adapter
        self.session = session
        self.observer = observer
        self.slow = observer.slow
        self.comment = comment
        self.usual = observer.usual
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

    def call(self, options: Mapping[str, Any]) -> Call:
        """Return the options of a call, those that it was given over the usual ones."""
        return call_of(self.usual, options) if options else self.usual

    def write_call(self, options: Mapping[str, Any]) -> Call:
        """Return the options of a call that may meet a stale row."""
        return call_of(self.usual, options, WRITE_OPTIONS) if options else self.usual

    def plan(self, key: Hashable, make: Callable[[Dialect], P]) -> P:
        """Return the plan of a shape, made at its first use."""
        found = self.plans.get(key)
        if found is not None:
            return found
        made = make(self.adapter.dialect)
        if self.comment:
            for prepared in _prepared_in(made):
                prepared.add(self.comment)
        return self.plans.put(key, made)

    async def fetch(self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN) -> list[Any]:
        """Run a statement that returns rows, and return them loaded; the parameters are dumped."""
        if call.event in attached or self.slow is not None or enabled(call.log):
            return await self._observed(prepared, params, call, _FETCH, prepared.load, len)
        return await self.session.fetch(prepared.sql, params, prepared.load, call.timeout)

    async def execute(self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN) -> int:
        """Run a statement that returns no rows, and return how many it wrote; the parameters are dumped."""
        if call.event in attached or self.slow is not None or enabled(call.log):
            return await self._observed(prepared, params, call, _EXECUTE, None, int)
        return await self.session.execute(prepared.sql, params, call.timeout)

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Sequence[Any]], call: Call = PLAIN) -> list[Any]:
        """Run a returning statement once a row of dumped parameters, all or nothing; return all their rows, loaded."""
        if self.observer.wants(call):
            return await self._observed(prepared, rows, call, _FETCH_MANY, prepared.load, len, many=True)
        return await self.session.fetch_many(prepared.sql, rows, prepared.load, call.timeout)

    async def execute_many(self, prepared: Prepared, rows: Sequence[Sequence[Any]], call: Call = PLAIN) -> int:
        """Run a writing statement once a row of dumped parameters, all or nothing; return how many rows it wrote."""
        if self.observer.wants(call):
            return await self._observed(prepared, rows, call, _EXECUTE_MANY, None, int, many=True)
        return await self.session.execute_many(prepared.sql, rows, call.timeout)

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
        if self.observer.wants(call):
            return await self._observed(prepared, params, call, _QUERY, load, count, reset=reset)
        return await self.session.query(prepared.sql, params, load, call.timeout, reset=reset)

    async def ask(self, sql: str, params: tuple[object, ...]) -> list[Any]:
        """Read what an error message needs, also in a transaction that can only be rolled back."""
        scope, call = self.session.scope(), self.usual
        if not self.observer.wants(call):
            return await self._asked(scope, sql, params, None)
        watch = self.observer.watch(call)
        hidden = (HIDDEN,) * len(params)
        running = self._asked(scope, sql, params, watch)
        return await self.observer.observe(watch, call, Said(sql, "SELECT"), lambda: hidden, running, len)

    async def _asked(self, scope: Scope | None, sql: str, params: Sequence[object], watch: Watch | None) -> list[Any]:
        if scope is None:
            return await self.session.run(_FETCH, None, sql, params, list, watch=watch)
        fetch: Callable[..., Awaitable[list[Any]]] = scope.lease.connection.fetch
        if watch is not None:
            watch.transaction = scope.lease.teller.number
            fetch = watch.around(fetch)
        return await scope.lease.run(fetch, sql, params, list, self.session.timeout)

    async def _observed(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        call: Call,
        method: Callable[[Connection], Callable[..., Awaitable[Any]]],
        load: Callable[..., Any] | None,
        count: Callable[[Any], int],
        *,
        many: bool = False,
        reset: bool = False,
    ) -> Any:
        watch = self.observer.watch(call)
        loading = () if load is None else (watch.loading(load),)
        running = self.session.run(method, call.timeout, prepared.sql, params, *loading, reset=reset, watch=watch)

        def shown() -> tuple[object, ...]:
            return tuple(self._shown(prepared, row) for row in params) if many else self._shown(prepared, params)

        return await self.observer.observe(watch, call, prepared.said, shown, running, count)

    def _shown(self, prepared: Prepared, params: Sequence[Any]) -> tuple[object, ...]:
        if not self.log_params:
            return (HIDDEN,) * len(params)
        if not prepared.redacted:
            return tuple(params)
        return tuple(REDACTED if i in prepared.redacted else value for i, value in enumerate(params))
