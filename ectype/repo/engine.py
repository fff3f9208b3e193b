"""How a repo runs a prepared statement: dump, run, load, tell the listeners."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar, cast

from ectype.adapters.base import Adapter, Connection, CopyFormat
from ectype.errors import ConfigError
from ectype.query.ast import RowShape
from ectype.query.builder import Query
from ectype.repo import loader
from ectype.repo.cache import NoCache, PlanCache
from ectype.repo.call import CALL_OPTIONS, PLAIN, WRITE_OPTIONS, Call, Wanted, call_of
from ectype.repo.gathering import Gatherer
from ectype.repo.hooks import Operation, PrepareQuery, QueryContext, prepared_query
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
        marked: the text that tells the transaction too; see `Statement`.
        writes: whether it may write.
    """

    __slots__ = ("dump", "load", "marked", "redacted", "said", "sql", "writes")

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
        self.marked = statement.marked
        self.writes = statement.writes
        # Without columns nobody looks at more than whether there are rows.
        self.load: loader.Loader = (
            loader.build(statement.columns, statement.row or row, prefix) if statement.columns else list
        )

    def add(self, comment: str) -> None:
        """End the text with a comment."""
        self.sql += comment
        if self.marked is not None:
            self.marked += comment
        self.said = replace(self.said, sql=self.sql)


def _prepared_in(made: object) -> Iterator[Prepared]:
    """Yield the statements of what is kept for a shape: one, one beside other things, or none."""
    found = getattr(made, "prepared", made)
    for one in cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found,):
        if isinstance(one, Prepared):
            yield one


def _plans(plans: PlanCache[Any], *, cached: object) -> PlanCache[Any]:
    if not isinstance(cached, bool):
        raise ConfigError(
            f"query_cache={cached!r:.80} is no choice", hint="False keeps no plans of the queries of this repo"
        )
    kept = plans.kept if isinstance(plans, NoCache) else plans
    return kept if cached else NoCache(kept)


class Engine:
    """What every operation of a repo shares: the dialect, the plans, and the way to a connection.

    Attributes:
        adapter: the database.
        session: finds the connection of each statement.
        plans: what was compiled, by shape.
        prefix: the default prefix.
        log_params: whether parameters are shown to listeners.
        usual: the options of a call that says none.
        given: those of them that `with_options` said.
        defaults: what `default_options` says for a method's name, where it is a function.
        observer: what tells of the statements.
        comment: what each statement ends with.
        slow: from how many seconds on a statement is warned of, or None.
        repo: what functions of `prepare_changes` are given.
        gatherer: collects gets to read them together; None where each is a statement.
        parallel_preloads: whether associations are loaded at once where connections are free.
        prepare_query: the hook that each query goes through before its plan is looked up.
    """

    repo: Any = None
    gatherer: Gatherer | None = None
    parallel_preloads: bool = True
    prepare_query: PrepareQuery | None = None

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
        self.given: Mapping[str, Any] = {}
        self.defaults: Callable[[str], Mapping[str, Any]] | None = None
        self.prefix = prefix
        self.log_params = log_params
        self.plans: PlanCache[Any] = PlanCache(plan_cache_size)

    @property
    def dialect(self) -> Dialect:
        """What the database says and can do."""
        return self.adapter.dialect

    def with_usual(self, options: Mapping[str, Any]) -> Engine:
        """Return an engine on the same connections and plans, whose calls have these options without saying so."""
        made = copy(self)
        if "query_cache" in options:
            options = dict(options)
            made.plans = _plans(self.plans, cached=options.pop("query_cache"))
        made.usual = call_of(self.usual, options)
        made.given = {**self.given, **options}
        return made

    def call(self, options: Mapping[str, Any], name: str, returning: Wanted = None) -> Call:
        """Return the options of a call, those that it was given over the usual ones.

        `name` is that of the method, `returning` what shall come back of a row.
        """
        if not options and returning is None and self.defaults is None:
            return self.usual
        return self._call(options, name, returning, CALL_OPTIONS)

    def write_call(self, options: Mapping[str, Any], name: str, returning: Wanted = None) -> Call:
        """Return the options of a call that may meet a stale row."""
        if not options and returning is None and self.defaults is None:
            return self.usual
        return self._call(options, name, returning, WRITE_OPTIONS)

    def _call(self, options: Mapping[str, Any], name: str, returning: Wanted, names: tuple[str, ...]) -> Call:
        if self.defaults is not None:
            call = call_of(self._default(self.defaults, name), options, names)
        else:
            call = call_of(self.usual, options, names) if options else self.usual
        return call if returning is None else replace(call, returning=returning)

    def _default(self, defaults: Callable[[str], Mapping[str, Any]], name: str) -> Call:
        """Return the options that a call has when it says none: the repo's defaults, below those of `with_options`."""
        found = cast("object", defaults(name))
        if not isinstance(found, Mapping):
            raise ConfigError(
                f"`default_options` returns a mapping of options, and for {name!r} it returned {found!r:.80}",
                hint='write `return {"timeout": 5.0}`, or `return {}`',
            )
        return call_of(PLAIN, {**cast("Mapping[str, Any]", found), **self.given})

    def hooked(self, query: Query[Any, Any, Any], operation: Operation, call: Call) -> Query[Any, Any, Any]:
        """Return the query to run: what the repo's hook makes of it."""
        if self.prepare_query is None:
            return query
        schema = query.node.sources[0].info.schema
        context = QueryContext(operation, schema, call.tags, call.prefix, self.observer.name)
        return prepared_query(self.prepare_query, query, context)

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

    def fetch(
        self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN, on: Connection | None = None
    ) -> Awaitable[list[Any]]:
        """Run a statement that returns rows, and return them loaded; the parameters are dumped.

        `on` is a connection that is held for it.
        """
        if on is not None:
            return self._fetch_on(prepared, params, call, on)
        if call.event in attached or self.slow is not None or enabled(call.log):
            return self._told(prepared, params, call, self._fetching, prepared.load, len)
        if prepared.writes:
            return self.session.write(prepared.sql, prepared.marked, params, prepared.load, call.timeout)
        return self.session.fetch(prepared.sql, params, prepared.load, call.timeout)

    async def _fetch_on(self, prepared: Prepared, params: Sequence[Any], call: Call, on: Connection) -> list[Any]:
        timeout = self.session.timeout if call.timeout is None else call.timeout
        if not self.observer.wants(call):
            return await on.fetch(prepared.sql, params, prepared.load, timeout)
        watch = self.observer.watch(call)
        running = watch.around(on.fetch)(prepared.sql, params, watch.loading(prepared.load), timeout)
        return await self.observer.observe(
            watch, call, prepared.said, lambda: self._shown(prepared, params), running, len
        )

    async def fetch_next(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        start: Callable[[Callable[[list[Any]], list[Any]]], Awaitable[list[Any]]],
        call: Call,
    ) -> list[Any]:
        """Return the next rows of a statement that is read in batches, loaded; each batch is an event of its own.

        `start(load)` reads them.
        """
        if not self.observer.wants(call):
            return await start(prepared.load)
        watch = self.observer.watch(call)
        running = watch.around(start)(watch.loading(prepared.load))
        return await self.observer.observe(
            watch, call, prepared.said, lambda: self._shown(prepared, params), running, len
        )

    def execute(self, prepared: Prepared, params: Sequence[Any], call: Call = PLAIN) -> Awaitable[int]:
        """Run a statement that returns no rows, and return how many it wrote; the parameters are dumped."""
        if call.event in attached or self.slow is not None or enabled(call.log):
            return self._told(prepared, params, call, self._executing, None, int)
        return self.session.execute(prepared.sql, params, call.timeout, marked=prepared.marked)

    def _fetching(
        self, prepared: Prepared, params: Sequence[Any], load: Any, timeout: float | None, watch: Watch
    ) -> Awaitable[list[Any]]:
        if prepared.writes:
            return self.session.write(prepared.sql, prepared.marked, params, load, timeout, watch=watch)
        return self.session.fetch(prepared.sql, params, load, timeout, watch=watch)

    def _executing(
        self, prepared: Prepared, params: Sequence[Any], _load: Any, timeout: float | None, watch: Watch
    ) -> Awaitable[int]:
        return self.session.execute(prepared.sql, params, timeout, marked=prepared.marked, watch=watch)

    async def _told(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        call: Call,
        start: Callable[[Prepared, Sequence[Any], Any, float | None, Watch], Awaitable[Any]],
        load: Callable[..., Any] | None,
        count: Callable[[Any], int],
    ) -> Any:
        watch = self.observer.watch(call)
        running = start(prepared, params, None if load is None else watch.loading(load), call.timeout, watch)
        return await self.observer.observe(
            watch, call, prepared.said, lambda: self._shown(prepared, params), running, count
        )

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

    async def copy_in(
        self,
        told: Prepared,
        table: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]] | AsyncIterable[Sequence[Any]],
        call: Call = PLAIN,
        *,
        prefix: str | None,
        as_text: bool,
    ) -> int:
        """Send rows of dumped values to a table by COPY, and return how many; listeners are told of `told`."""
        copying = partial(self.session.copy_in, table, columns, rows, call.timeout, prefix=prefix, as_text=as_text)
        return await self._copied(told, (), call, copying)

    async def copy_bytes(
        self,
        told: Prepared,
        table: str,
        columns: Sequence[str],
        pieces: AsyncIterable[bytes],
        form: CopyFormat,
        call: Call = PLAIN,
        *,
        prefix: str | None,
        skipped: int,
    ) -> int:
        """Send bytes to a table by COPY, and return how many rows they are; listeners are told of `told`."""

        def method(connection: Connection) -> Callable[..., Awaitable[int]]:
            return partial(connection.copy_bytes, prefix=prefix, skipped=skipped)

        copying = partial(self.session.run, method, call.timeout, table, columns, pieces, form)
        return await self._copied(told, (), call, copying)

    async def copy_out(
        self,
        prepared: Prepared,
        params: Sequence[Any],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        call: Call = PLAIN,
    ) -> int:
        """Send the rows of a query to `write` by COPY, and return how many; the parameters are dumped."""
        copying = partial(self.session.copy_out, prepared.sql, params, write, form, call.timeout)
        return await self._copied(prepared, params, call, copying)

    async def _copied(
        self, prepared: Prepared, params: Sequence[Any], call: Call, copying: Callable[..., Awaitable[int]]
    ) -> int:
        if not self.observer.wants(call):
            return await copying()
        watch = self.observer.watch(call)
        shown = self._shown(prepared, params)
        return await self.observer.observe(watch, call, prepared.said, lambda: shown, copying(watch=watch), int)

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
