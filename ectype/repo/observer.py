"""What a repo tells of its statements: to those who listen to its events, and to the log.

Nothing is measured when nobody wants it. Who asks first (`Observer.wants`) then hands a `Watch` along, which the
statement's way to its connection and back fills in.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from itertools import count
from time import perf_counter
from typing import Any, Final, TypeVar, final

from ectype.repo.call import PLAIN, Call
from ectype.repo.call_site import call_site
from ectype.repo.log_line import SILENT, line_of, logger
from ectype.sql.statement import Said
from ectype.telemetry import NOWHERE, Database, QueryEvent, attached, emit, wants_call_sites

T = TypeVar("T")

enabled: Final = logger.isEnabledFor
_numbers: Final = count(1)


@final
class Watch:
    """The clock of one statement.

    Attributes:
        idle: how long its connection had lain idle, in seconds; None where it did not come from the pool.
        transaction: the number of the transaction that it runs in, or None.
        site: where the call was made, or None.
    """

    __slots__ = ("_began", "_decode", "_ended", "_started", "idle", "site", "transaction")

    def __init__(self) -> None:
        self._started = perf_counter()
        self._began: float | None = None
        self._ended: float | None = None
        self._decode: float | None = None
        self.idle: float | None = None
        self.transaction: int | None = None
        self.site: str | None = None

    def around(self, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """Return a call of a connection that notes when it begins and ends."""

        async def timed(*args: object) -> T:
            self._began = perf_counter()
            try:
                return await call(*args)
            finally:
                self._ended = perf_counter()

        return timed

    def loading(self, load: Callable[..., T]) -> Callable[..., T]:
        """Return a loader that notes how long it takes, on whatever thread it runs."""

        def timed(*args: Any) -> T:
            started = perf_counter()
            try:
                return load(*args)
            finally:
                self._decode = perf_counter() - started

        return timed

    def times(self) -> tuple[float, float | None, float | None]:
        """Return how long the statement waited, ran, and was decoded, in seconds."""
        began, ended = self._began, self._ended
        if began is None:
            return perf_counter() - self._started, None, None
        ran = (perf_counter() if ended is None else ended) - began
        # A thread that was abandoned may have loaded for longer than anybody waited for it.
        return began - self._started, max(0.0, ran - (self._decode or 0.0)), self._decode


@final
class Observer:
    """Decides what of a repo's statements is told, and tells it.

    Attributes:
        name: the repo's name.
        usual: the options of statements that no call's options reach.
    """

    __slots__ = ("_call_sites", "_database", "name", "slow", "usual")

    def __init__(
        self,
        name: str = "repo",
        database: Database = NOWHERE,
        *,
        usual: Call = PLAIN,
        slow: float | None = None,
        call_sites: bool = False,
    ) -> None:
        """Make an observer.

        Args:
            name: the repo's name.
            database: what events say of the database.
            usual: the repo's own options.
            slow: from how many seconds on a statement is warned of; None for never.
            call_sites: whether every event says where its call was made.
        """
        self.name = name
        self._database = database
        self.usual = usual
        self.slow = slow
        self._call_sites = call_sites

    def wants(self, call: Call) -> bool:
        """Whether anybody wants to know of a statement of this call."""
        return call.event in attached or self.slow is not None or enabled(call.log)

    def watch(self, call: Call) -> Watch:
        """Start the clock of a statement."""
        watch = Watch()
        if self._call_sites or wants_call_sites(call.event):
            watch.site = call_site()
        return watch

    async def observe(
        self,
        watch: Watch,
        call: Call,
        said: Said,
        params: Callable[[], tuple[object, ...]],
        running: Awaitable[T],
        rows: Callable[[T], int | None],
    ) -> T:
        """Await a statement, and tell of it however it ends.

        Args:
            watch: its clock.
            call: what the call was given.
            said: its text, and what it is about.
            params: returns its parameters, masked.
            running: what is awaited.
            rows: counts the rows of its result.
        """
        try:
            result = await running
        except BaseException as exc:
            self._tell(watch, call, said, params(), None, exc)
            raise
        self._tell(watch, call, said, params(), rows(result), None)
        return result

    def teller(self, call: Call | None) -> Teller:
        """Return what tells of the statements of one transaction; None for the repo's usual options."""
        return Teller(self, self.usual if call is None else call)

    def _tell(
        self,
        watch: Watch,
        call: Call,
        said: Said,
        params: tuple[object, ...],
        rows: int | None,
        error: BaseException | None,
    ) -> None:
        queue, query, decode = watch.times()
        slow = self.slow is not None and query is not None and query + (decode or 0.0) >= self.slow
        slow = slow and call.log != SILENT
        if slow and watch.site is None:
            watch.site = call_site()
        event = QueryEvent(
            repo=self.name,
            operation=said.operation,
            sql=said.sql,
            params=params,
            source=said.table,
            prefix=said.prefix,
            rows=rows,
            queue_time=queue,
            query_time=query,
            decode_time=decode,
            idle_time=watch.idle,
            error=error,
            tags=call.tags,
            transaction=watch.transaction,
            call_site=watch.site,
            database=self._database,
        )
        if call.event is not None:
            emit(call.event, event)
        level = max(call.log, logging.WARNING) if slow else call.log
        if enabled(level):
            head = f"{'SLOW ' if slow else ''}QUERY {'OK' if error is None else 'ERROR'}"
            logger.log(level, "%s", line_of(event, head), extra={"query": event})


@final
class Teller:
    """Tells of what begins and ends one transaction: BEGIN, COMMIT, ROLLBACK and what concerns savepoints.

    Attributes:
        number: the transaction's number, which all its statements have in their events.
    """

    __slots__ = ("_call", "_observer", "_site", "number")

    def __init__(self, observer: Observer, call: Call) -> None:
        self._observer = observer
        self._call = call
        self._site: str | None = None
        self.number = next(_numbers)

    def watch(self) -> Watch | None:
        """Start the clock of a statement; None when nobody wants to know of it."""
        observer = self._observer
        if not observer.wants(self._call):
            return None
        watch = observer.watch(self._call)
        # COMMIT and ROLLBACK run in tasks of their own, on whose stacks the block does not stand.
        if watch.site is None and observer.slow is not None:
            watch.site = call_site()
        self._site = watch.site = watch.site or self._site
        watch.transaction = self.number
        return watch

    async def tell(self, watch: Watch, operation: str, sql: str, running: Awaitable[T]) -> T:
        """Await a statement, and tell of it."""
        return await self._observer.observe(watch, self._call, Said(sql, operation), _none, running, _no_rows)


def _none() -> tuple[object, ...]:
    return ()


def _no_rows(_result: object) -> None:
    return None
