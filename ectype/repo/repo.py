"""The repository: the one place that does I/O. One method an operation, no logic."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from ectype.adapters.base import Adapter
from ectype.adapters.connections import Connections
from ectype.adapters.listener import Listener
from ectype.adapters.migrating import MigrationLock
from ectype.adapters.pool import Pool
from ectype.adapters.pool_options import PoolKeywords, keywords, timeout_of
from ectype.adapters.registry import adapter_for
from ectype.adapters.sandbox import Sandbox
from ectype.adapters.sandbox_notifications import OwnedListener
from ectype.adapters.settings import Prepare
from ectype.adapters.url import Password, parse
from ectype.errors import ConfigError, UnsupportedError
from ectype.expr.operand import Assignment, Attr
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict
from ectype.repo import writer
from ectype.repo.call import Call, CallOptions, RepoOptions
from ectype.repo.changeset_calls import ChangesetCalls
from ectype.repo.columnar_calls import ColumnarCalls
from ectype.repo.copy_calls import CopyCalls
from ectype.repo.engine import Engine
from ectype.repo.explain_calls import ExplainCalls
from ectype.repo.gathering import Gatherer
from ectype.repo.hooks import PrepareQuery, PrepareTransaction
from ectype.repo.log_line import Log, level_of, seconds_of
from ectype.repo.many_rows import ManyRows
from ectype.repo.notify_calls import NotifyCalls
from ectype.repo.observer import Observer
from ectype.repo.outcomes import Outcome
from ectype.repo.page_calls import PageCalls
from ectype.repo.positions import Position, arrived, position
from ectype.repo.read_calls import ReadCalls
from ectype.repo.text_calls import TextCalls
from ectype.repo.texts import text_of
from ectype.repo.transaction import Session
from ectype.repo.transaction_calls import TransactionCalls
from ectype.schema.changeset import Changeset
from ectype.schema.schema import Of, Schema, StructOf
from ectype.schema.table_parts import Index
from ectype.sql.comment import sql_comment as comment_text
from ectype.telemetry import CLOSED, OPENED, RepoEvent, emit, listeners

OPEN_SECONDS = 15.0
"""How long the first connection may take where statements have no deadline."""

M = TypeVar("M", bound=Schema)
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
R = TypeVar("R")
A = TypeVar("A")
Z = TypeVar("Z")


class ReadRepo(ReadCalls, ColumnarCalls, TextCalls, PageCalls, TransactionCalls, ExplainCalls):
    """A database that is only read: no method of it writes, and its connections refuse to.

    A `Repo` is one that writes too, so what only reads may ask for a `ReadRepo` and take either.

    Args:
        url: `postgresql://user:password@host/database`, `sqlite:///file.db` or `sqlite:///:memory:`; what it says
            about the pool, as `?pool_size=20`, is stronger than the keywords. Or an adapter, which makes the
            connections by itself and knows all that a URL says.
        pool_size: how many connections at most.
        timeout: the deadline of a statement in seconds, unless the call has its own.
        prefix: the PostgreSQL schema of all tables that do not name their own.
        name: what it is called in events and errors.
        log: whether statements go to the logger `ectype.repo`, and at which level; True is `debug`.
        log_params: whether parameters are shown to telemetry and the log; those of `redact` columns never are.
        slow_query: from how many seconds on a statement is warned of in the log, with where it was called.
        call_sites: whether every event says where its call was made, which costs a walk through the stack.
        sql_comment: what each statement ends with, as a comment for the database's own logs (sqlcommenter).
        plan_cache_size: how many query shapes keep their SQL.
        prepare_query: gets each query that the repo runs, and a `QueryContext`, and returns the query to run.
        prepare_transaction: gets the `TransactionOptions` of each transaction that begins, and returns those it has.
        default_options: the options of calls that say none: a mapping, or a function of the name of the method.
        batch_gets: whether `get` calls that are made in one turn of the event loop become one statement, outside
            transactions; those by one key, with equal options.
        parallel_preloads: whether several associations are loaded at once, outside transactions, on connections that
            lie free at that moment; it never waits for one.
        replicas: URLs of databases that follow this one, for `replica()`; each has a pool of its own, and all else as
            this one.
        direct_url: the address of the PostgreSQL server itself, where `url` leads to a pooler: for what needs a session
            of its own, which is `listen` and the lock of migrations.
        prepare: whether PostgreSQL keeps statements under a name: "auto" does unless it finds a pooler, "named" and
            "unnamed" say so.
        attach: SQLite's further files, by the name of the schema that each becomes.
        migration_source: the table that is the journal of migrations, instead of `schema_migrations`.
        migration_lock: what keeps two runs of migrations apart on PostgreSQL: a lock of a "session" of its own, or of a
            "transaction" that stays open, which passes through poolers.
        sandbox: for tests: every statement belongs to an owner that `sandbox` opened, and is undone when it ends.
        password: a function, async or not, that is asked for the password at each new connection.
        pool: how the pool behaves, see `docs/pool.md`: `queue_target`, `queue_interval`, `pool_timeout`,
            `connect_timeout`, `idle_check`, `max_idle`, `max_lifetime`, `hold_warning`, `backoff`, `after_connect`.

    Raises:
        ConfigError: for a URL or an option that cannot be used; no password is ever shown.

    Example:
        async with ReadRepo("postgresql://replica/blog") as repo:
            posts = await repo.all(from_(Post).preload(Post.author))
    """

    _reads_only = True
    _lent = False
    """Whether its connections are another repo's."""
    _listeners: WeakSet[Listener | OwnedListener]

    def __init__(
        self,
        url: str | Adapter,
        *,
        pool_size: int = 10,
        timeout: float | None = 15.0,
        prefix: str | None = None,
        name: str = "repo",
        log: Log = True,
        log_params: bool = True,
        slow_query: float | None = None,
        call_sites: bool = False,
        sql_comment: Mapping[str, str] | None = None,
        plan_cache_size: int = 1_000,
        prepare_query: PrepareQuery | None = None,
        prepare_transaction: PrepareTransaction | None = None,
        default_options: CallOptions | Callable[[str], CallOptions] | None = None,
        batch_gets: bool = False,
        parallel_preloads: bool = True,
        replicas: Sequence[str] = (),
        sandbox: bool = False,
        password: Password | None = None,
        direct_url: str | None = None,
        prepare: Prepare | None = None,
        attach: Mapping[str, str] | None = None,
        migration_source: str | None = None,
        migration_lock: MigrationLock | None = None,
        **pool: Unpack[PoolKeywords],
    ) -> None:
        self.adapter, said = _adapter(
            url,
            password=password,
            direct_url=direct_url,
            prepare=prepare,
            attach=attach,
            migration_source=migration_source,
            migration_lock=migration_lock,
            read_only=self._reads_only,
        )
        self.name = name
        options = keywords(said, pool_size, **pool)
        self._size = options.get("size", pool_size)
        self.pool: Connections = (Sandbox if sandbox else Pool)(self.adapter, name=name, **options)
        usual = Call(log=level_of(log))
        observer = Observer(
            name, self.adapter.database, usual=usual, slow=seconds_of(slow_query), call_sites=call_sites
        )
        self._session = Session(
            self.pool,
            timeout=timeout_of(said, timeout),
            observer=observer,
            read_only=self._reads_only,
        )
        self._session.prepare_transaction = prepare_transaction
        self._engine = Engine(
            self.adapter,
            self._session,
            observer=observer,
            prefix=prefix,
            comment=comment_text(sql_comment),
            plan_cache_size=plan_cache_size,
            log_params=log_params,
        )
        self._engine.repo = self
        self._engine.prepare_query = prepare_query
        self._engine.gatherer = Gatherer() if batch_gets else None
        self._engine.parallel_preloads = parallel_preloads
        if callable(default_options):
            self._engine.defaults = cast("Callable[[str], Mapping[str, Any]]", default_options)
        elif default_options is not None:
            self._engine = self._engine.with_usual(default_options)
            self._engine.repo = self
        self._listeners = WeakSet()
        urls = _urls(replicas)
        # In tests everybody works on the owner's connections.
        self._replicas: tuple[ReadRepo, ...] = (
            ()
            if sandbox
            else tuple(
                ReadRepo(
                    one,
                    pool_size=pool_size,
                    timeout=timeout,
                    prefix=prefix,
                    name=f"{name}.replica{number}",
                    log=log,
                    log_params=log_params,
                    slow_query=slow_query,
                    call_sites=call_sites,
                    sql_comment=sql_comment,
                    plan_cache_size=plan_cache_size,
                    prepare_query=prepare_query,
                    prepare_transaction=prepare_transaction,
                    default_options=default_options,
                    batch_gets=batch_gets,
                    parallel_preloads=parallel_preloads,
                    password=password,
                    prepare=prepare,
                    migration_source=migration_source,
                    **pool,
                )
                for number, one in enumerate(urls, 1)
            )
        )

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.adapter.url!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and hasattr(Repo, name):
                raise UnsupportedError(
                    f"a {self.__class__.__name__} only reads, and `{name}` writes",
                    hint="write through a `Repo`; of replicas that is the repo whose `replica()` this is",
                )
            raise AttributeError(f"{self.__class__.__name__!r} object has no attribute {name!r}")

    async def __aenter__(self) -> Self:
        """Connect once, so that a wrong URL or an unreachable server shows at start."""
        await self.open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def with_options(self, **options: Unpack[RepoOptions]) -> Self:
        """Return this repo with options that each of its calls has unless it says otherwise.

        It shares the pool and the transactions of the repo it comes from, and is not opened or closed itself. The
        options reach everything that a call does: preloads, associations, the functions of `prepare_changes`.
        `query_cache=False` keeps no plans of its queries.

        Raises:
            ConfigError: for an option that does not exist, or a deadline that is none.

        Example:
            `reports = repo.with_options(timeout=60, tags={"job": "reports"})`
        """
        made = copy(self)
        made._lent = True  # noqa: SLF001  # a repo of its own kind
        made._engine = self._engine.with_usual(options)  # noqa: SLF001  # a repo of its own kind
        made._engine.repo = made  # noqa: SLF001  # as above
        made._replicas = tuple(one.with_options(**options) for one in self._replicas)  # noqa: SLF001  # as above
        return made

    def replica(self) -> ReadRepo:
        """Return a repo over one of the replicas, chosen by chance; without replicas, this one.

        What was just written may not be there yet: `replica_after` finds one where it is. Inside a transaction it is
        this one, which sees its own writes.

        Example:
            `posts = await repo.replica().all(Post)`
        """
        if not self._replicas or self.in_transaction:
            return self
        # Not for secrets: it spreads the reads.
        return random.choice(self._replicas)

    async def position(self, *, timeout: float | None = None) -> Position:
        """Return how far the database has come: everything that was committed before the call is in it (PostgreSQL).

        `replica_after` takes it, also in another request or process: `str(position)` and `Position.parse` carry it.
        SQLite has no such log, and gives a position that is reached from the start.

        Args:
            timeout: seconds; None for the repo's.

        Raises:
            ConfigError: inside a transaction, whose COMMIT comes after it.
            DatabaseError: this database is a replica itself.

        Example:
            await repo.insert(post)
            response.set_cookie("position", str(await repo.position()))
        """
        return await position(self._engine, timeout)

    async def replica_after(self, position: Position, *, wait: float = 0.0) -> ReadRepo:
        """Return a replica that has all that was written up to a position, or else this repo, which has it.

        They are asked in an order of chance. One that does not answer within a second, or cannot say how far it is
        (SQLite's, a logical one's), counts as behind. Without replicas, and inside a transaction, it is this repo.

        Args:
            position: what `position` gave after the write.
            wait: for how many seconds to wait for one that is behind.

        Raises:
            ConfigError: `position` is none, or `wait` is no number of seconds.

        Example:
            reader = await repo.replica_after(Position.parse(request.cookies["position"]))
            posts = await reader.all(Post)
        """
        replicas = () if self.in_transaction else self._replicas
        found = await arrived([one._engine for one in replicas], position, wait)  # noqa: SLF001  # repos of its own
        return self if found is None else cast("ReadRepo", found.repo)

    async def open(self) -> None:
        """Make the first connection. Raises ConnectError with what was tried and the fix."""
        await self.pool.open(self._session.timeout or OPEN_SECONDS)
        self._tell(OPENED)

    async def close(self) -> None:
        """Close the pool: wait for what runs, then close every connection; listeners end."""
        # Whoever is cancelled in one of these, the next ones are closed too.
        async with AsyncExitStack() as stack:
            for replica in self._replicas:
                stack.push_async_callback(replica.close)
            stack.push_async_callback(self.pool.close)
            stack.push_async_callback(self._session.close)
            for listener in tuple(self._listeners):
                stack.push_async_callback(listener.close)
        self._tell(CLOSED)

    def _tell(self, event: str) -> None:
        if listeners(event):
            dialect = self.adapter.dialect
            emit(event, RepoEvent(self.name, self.adapter.url, dialect.name, self._size))

    # --- text

    @overload
    def to_sql(self, query: Query[A, Z, R] | Of[A], *, pretty: bool = False) -> tuple[str, tuple[object, ...]]: ...
    @overload
    def to_sql(
        self, query: Query[A, Z, R] | Of[A], *, update: Sequence[Assignment[A]], pretty: bool = False
    ) -> tuple[str, tuple[object, ...]]: ...
    @overload
    def to_sql(
        self, query: Query[A, Z, R] | Of[A], *, delete: Literal[True], pretty: bool = False
    ) -> tuple[str, tuple[object, ...]]: ...
    def to_sql(
        self,
        query: Any,
        *,
        update: Sequence[Assignment[Any]] | None = None,
        delete: bool = False,
        pretty: bool = False,
    ) -> tuple[str, tuple[object, ...]]:
        """Return the text and the parameters that `all`, `update_all` or `delete_all` would send.

        Args:
            query: a query, or a schema for its whole table.
            update: the assignments of an `update_all`.
            delete: whether it is a `delete_all`.
            pretty: begin a line for each clause, for people; nothing but blanks differs.

        Raises:
            QueryError: for a query that cannot be written over, or for both `update` and `delete`.
            UnsupportedError: for what the database cannot do.

        Example:
            `print(repo.to_sql(from_(Post).where(Post.score > 3), delete=True, pretty=True)[0])`
        """
        return text_of(self._engine, query, update=update, delete=delete, pretty=pretty)


def _adapter(
    url: str | Adapter,
    *,
    password: Password | None,
    direct_url: str | None,
    prepare: Prepare | None,
    attach: Mapping[str, str] | None,
    migration_source: str | None,
    migration_lock: MigrationLock | None,
    read_only: bool,
) -> tuple[Adapter, Mapping[str, str]]:
    """Return the adapter of a repo, and what its URL says about the pool."""
    if isinstance(url, str):
        config = parse(url)
        made = adapter_for(
            config,
            password=password,
            direct_url=direct_url,
            prepare=prepare,
            attach=attach,
            migration_source=migration_source,
            migration_lock=migration_lock,
            read_only=read_only,
        )
        return made, config.options
    settings = {
        "password": password,
        "direct_url": direct_url,
        "prepare": prepare,
        "attach": attach,
        "migration_source": migration_source,
        "migration_lock": migration_lock,
    }
    unused = [name for name, value in settings.items() if value is not None]
    if unused or read_only:
        raise ConfigError(
            f"an adapter makes its connections by itself: {', '.join(unused) or '`ReadRepo`'} cannot change them",
            hint="give a URL instead of the adapter",
        )
    return url, {}


def _urls(replicas: object) -> Sequence[str]:
    if isinstance(replicas, str) or not isinstance(replicas, Sequence):
        raise ConfigError(
            f"`replicas` is a list of URLs, got a {replicas.__class__.__name__}",
            hint='write `replicas=["postgresql://…"]`',
        )
    return cast("Sequence[str]", replicas)


class Repo(ReadRepo, ManyRows, ChangesetCalls, NotifyCalls, CopyCalls):
    """A database, and everything that is done with it: what `ReadRepo` does, and writes.

    Arguments and errors are those of `ReadRepo`.

    Example:
        async with Repo("sqlite:///:memory:") as repo:
            user = await repo.insert(User(name="Ada"))
    """

    _reads_only = False

    @overload
    async def insert(self, subject: Changeset[M] | M, **options: Unpack[CallOptions]) -> M: ...
    @overload
    async def insert(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]],
        **options: Unpack[CallOptions],
    ) -> M: ...
    @overload
    async def insert(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        on_conflict: OnConflict[M] | None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        **options: Unpack[CallOptions],
    ) -> M: ...
    async def insert(
        self,
        subject: Any,
        *,
        on_conflict: OnConflict[Any] | None = None,
        conflict_target: Any = None,
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Insert a row and return its struct, with what the database filled in.

        What is unset or None in a struct is not sent, so that database defaults apply; `force_change` sends NULL.
        Related structs, of the changeset or given to the constructor, are written with it in one transaction.
        What the database makes of the row, by triggers, is read back by `returning=True`, a column, or several; with
        `on_conflict` the whole row always is.

        Raises:
            InvalidChangesetError: the changeset has errors, or the database refused it by a constraint it declares.
            ConstraintError: the database refused it by a constraint it does not declare.
            ConflictIgnoredError: `on_conflict` wrote nothing.
        """
        return await writer.insert(
            self._engine,
            subject,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            call=self._engine.call(options, "insert", returning),
        )

    async def upsert(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        on_conflict: OnConflict[M],
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        **options: Unpack[CallOptions],
    ) -> Outcome[M]:
        """Insert a row, or do what `on_conflict` says, and tell which: `Inserted`, `Updated` or `Ignored`.

        Related structs are inserted with it in one transaction; none of them where nothing is written.
        `conflict_target` is a column, several, or an index over some rows or over expressions, as the `structure`
        declares it: `unique(User.email, where=User.deleted_at.is_null())`.

        Raises:
            InvalidChangesetError, ConstraintError: as for `insert`.
            QueryError: for a conflict target or an action that cannot be used.
        """
        return await writer.upsert(
            self._engine,
            subject,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            call=self._engine.call(options, "upsert"),
        )
