"""Events that anyone may listen to, at no cost when nobody does.

    with telemetry.attach("ectype.repo.query", handler):
        ...

A handler that raises is detached and reported as a warning, as in Erlang's `telemetry`: measuring never breaks
what is measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Final, TypeAlias, final

Handler: TypeAlias = Callable[[Any], object]

QUERY: Final = "ectype.repo.query"
"""One statement has ended: `QueryEvent`. A call may name another event by `event=`."""
OPENED: Final = "ectype.repo.opened"
"""A repo has made its first connection: `RepoEvent`."""
CLOSED: Final = "ectype.repo.closed"
"""A repo has closed its pool: `RepoEvent`."""

_handlers: dict[str, tuple[Handler, ...]] = {}
attached: Final[Mapping[str | None, tuple[Handler, ...]]] = MappingProxyType(_handlers)  # type: ignore[arg-type]
"""Who listens to what; to be looked into, not changed."""
_sited: dict[str, tuple[Handler, ...]] = {}


@dataclass(frozen=True, slots=True)
class Database:
    """Which database a repo is of.

    Attributes:
        system: `postgresql` or `sqlite`, as OpenTelemetry calls it.
        name: the database's name, or SQLite's path; None for that of the user.
        host: the server's name, address or folder of sockets; None for none or several.
        port: the server's port; None for none, several or the default.
    """

    system: str
    name: str | None = None
    host: str | None = None
    port: int | None = None


NO_TAGS: Final[Mapping[str, object]] = MappingProxyType({})
NOWHERE: Final = Database("other_sql")
"""A database that nothing is known of."""


@dataclass(frozen=True, init=False)
class QueryEvent:
    """One statement that a repo ran. Times are in seconds, None where there was nothing to measure.

    Attributes:
        repo: the repo's name.
        operation: what it did, in SQL's words: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `BEGIN`, `COMMIT`, `ROLLBACK`,
            `SAVEPOINT`, `RELEASE SAVEPOINT`, `ROLLBACK TO SAVEPOINT`; the first word of SQL text.
        sql: the text that ran.
        params: the parameters as they were sent, with those of `redact` columns masked; of a batch, those of each row.
        source: the table that it reads first or writes; None for SQL text, subqueries and what has none.
        prefix: where that table is; None for the database's default.
        rows: how many rows came back or were written; None when it failed, and for what has none.
        queue_time: how long the call waited for a connection, or in a transaction for its turn.
        query_time: how long the database and the driver took; None when the statement was never sent.
        decode_time: how long the rows took to become structs or tuples; None for a statement without rows.
        idle_time: how long the connection had lain idle before; None for a statement in an open transaction.
        error: the exception that ended it, or None.
        tags: what the call was given as `tags=`.
        transaction: the number of the transaction that it ran in, or None; two that are open have different ones.
        call_site: `file:line` of the code that made the call; None when nobody asked for it, or none was found.
        database: which database it ran on; one object for each repo.
    """

    repo: str
    operation: str
    sql: str
    params: tuple[object, ...]
    source: str | None
    prefix: str | None
    rows: int | None
    queue_time: float | None
    query_time: float | None
    decode_time: float | None
    idle_time: float | None
    error: BaseException | None
    tags: Mapping[str, object]
    transaction: int | None
    call_site: str | None
    database: Database

    # One is made for each statement: the constructor that `dataclass` writes takes three times as long.
    def __init__(
        self,
        *,
        repo: str,
        operation: str,
        sql: str,
        params: tuple[object, ...],
        source: str | None,
        prefix: str | None,
        rows: int | None,
        queue_time: float | None,
        query_time: float | None,
        decode_time: float | None,
        idle_time: float | None,
        error: BaseException | None = None,
        tags: Mapping[str, object] = NO_TAGS,
        transaction: int | None = None,
        call_site: str | None = None,
        database: Database = NOWHERE,
    ) -> None:
        self.__dict__.update(
            repo=repo,
            operation=operation,
            sql=sql,
            params=params,
            source=source,
            prefix=prefix,
            rows=rows,
            queue_time=queue_time,
            query_time=query_time,
            decode_time=decode_time,
            idle_time=idle_time,
            error=error,
            tags=tags,
            transaction=transaction,
            call_site=call_site,
            database=database,
        )

    @property
    def total_time(self) -> float:
        """What the call took: queue, query and decode together, without the idle time."""
        return (self.queue_time or 0.0) + (self.query_time or 0.0) + (self.decode_time or 0.0)


@dataclass(frozen=True, slots=True)
class PoolConnected:
    """`ectype.pool.connected`: a repo's pool has made a connection.

    Attributes:
        repo: the repo's name.
        seconds: how long it took.
        connections: how many there are now.
    """

    repo: str
    seconds: float
    connections: int


@dataclass(frozen=True, slots=True)
class PoolDisconnected:
    """`ectype.pool.disconnected`: a connection is gone.

    Attributes:
        repo: the repo's name.
        reason: `lost`, `idle`, `retired` (its life was over, or its server takes no writes), `leaked` or `closed`.
        connections: how many are left.
    """

    repo: str
    reason: str
    connections: int


@dataclass(frozen=True, slots=True)
class PoolConnectionError:
    """`ectype.pool.connection_error`: an attempt to connect failed.

    Attributes:
        repo: the repo's name.
        error: what it failed with.
        failures: how many have failed in a row.
    """

    repo: str
    error: Exception
    failures: int


@dataclass(frozen=True, slots=True)
class PoolTimeout:
    """`ectype.pool.timeout`: a call got no connection.

    Attributes:
        repo: the repo's name.
        waited: for how many seconds it waited.
        refused: whether it was refused because of an overload, and not by its deadline.
        error: what the call raises.
    """

    repo: str
    waited: float
    refused: bool
    error: Exception


@dataclass(frozen=True, slots=True)
class PoolHeld:
    """`ectype.pool.held`: a transaction keeps its connection for longer than `hold_warning`.

    Attributes:
        repo: the repo's name.
        task: the name of the task that took it.
        seconds: for how long.
        taken_at: `file:line` of the program's code that took it.
        now_at: `file:line` where the task stands now; None where it cannot be seen.
    """

    repo: str
    task: str
    seconds: float
    taken_at: str
    now_at: str | None


@dataclass(frozen=True, slots=True)
class PoolLeaked:
    """`ectype.pool.leaked`: a transaction was dropped without being left; its connection has been cut.

    Attributes:
        repo: the repo's name.
        task: the name of the task that took it.
        seconds: how long ago.
        taken_at: `file:line` of the program's code that took it.
    """

    repo: str
    task: str
    seconds: float
    taken_at: str


@dataclass(frozen=True, slots=True)
class ListenEvent:
    """A listener lost its connection, or has another.

    Attributes:
        url: the database, without its password.
        channels: what is listened to.
        state: `lost` or `restored`.
        error: how it was lost; None when it is restored.
    """

    url: str
    channels: tuple[str, ...]
    state: str
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class RepoEvent:
    """A repo was opened or closed.

    Attributes:
        repo: its name.
        url: the URL, without its password.
        database: `PostgreSQL` or `SQLite`.
        pool_size: how many connections it may have.
    """

    repo: str
    url: str
    database: str
    pool_size: int


@final
class Attachment:
    """A handler that is attached: until the end of the `with` block that it is used as, or until `detach`."""

    __slots__ = ("_event", "_handler")

    def __init__(self, event: str, handler: Handler) -> None:
        self._event = event
        self._handler = handler

    def detach(self) -> None:
        """Stop calling the handler; it is no error to do it twice, and another attachment of it stays."""
        for table in (_handlers, _sited):
            found = table.get(self._event, ())
            place = next((place for place, one in enumerate(found) if one is self._handler), None)
            if place is not None:
                _keep(table, self._event, found[:place] + found[place + 1 :])

    def __enter__(self) -> Attachment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()


def attach(event: str, handler: Handler, *, call_sites: bool = False) -> Attachment:
    """Call `handler` with every event of that name, from now on until the end of the `with` block, if it is one.

    Args:
        event: the name, as `telemetry.QUERY`.
        handler: a plain function, called in place when the event has ended: it must not block.
        call_sites: whether it wants `QueryEvent.call_site`, which costs a walk through the stack for each statement.

    Example:
        with telemetry.attach("ectype.repo.query", lambda event: print(event.operation, event.total_time)):
            await repo.all(Post)
    """
    for table in (_handlers, _sited) if call_sites else (_handlers,):
        table[event] = (*table.get(event, ()), handler)
    return Attachment(event, handler)


def detach(event: str, handler: Handler) -> None:
    """Stop calling `handler`, however often it was attached; it is no error when it was not."""
    for table in (_handlers, _sited):
        # By equality: two looks at one method, as `seen.append`, are equal and not identical.
        _keep(table, event, tuple(one for one in table.get(event, ()) if one != handler))


def _keep(table: dict[str, tuple[Handler, ...]], event: str, handlers: tuple[Handler, ...]) -> None:
    if handlers:
        table[event] = handlers
    else:
        table.pop(event, None)


def listeners(event: str | None) -> bool:
    """Whether anyone listens, so that an event that nobody wants is never built."""
    return event in _handlers


def wants_call_sites(event: str | None) -> bool:
    """Whether a handler of the event asked for call sites."""
    return event in _sited


def emit(event: str, payload: object) -> None:
    """Hand the event to every listener, in the order they were attached."""
    for handler in _handlers.get(event, ()):
        try:
            handler(payload)
        except Exception as exc:  # noqa: BLE001  # a listener may raise anything, and must not break the caller
            detach(event, handler)
            warnings.warn(
                f"the handler {handler!r} of {event!r} raised {exc!r} and was detached", RuntimeWarning, stacklevel=2
            )
