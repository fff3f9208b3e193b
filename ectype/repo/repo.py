"""The repository: the one place that does I/O. One method an operation, no logic."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from copy import copy
from typing import Any, Literal, Self, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from ectype.adapters.base import Adapter, Isolation
from ectype.adapters.connections import Connections
from ectype.adapters.pool import Pool
from ectype.adapters.pool_options import PoolKeywords, keywords, timeout_of
from ectype.adapters.registry import adapter_for
from ectype.adapters.sandbox import Sandbox
from ectype.adapters.settings import Prepare
from ectype.adapters.url import Password, parse
from ectype.expr.operand import Agg, Assignment, Attr, Expr
from ectype.query.builder import Query, Reduced
from ectype.query.conflicts import OnConflict
from ectype.repo import reader, writer
from ectype.repo.block import RolledBack, Transaction
from ectype.repo.call import Call, CallOptions
from ectype.repo.changeset_calls import ChangesetCalls
from ectype.repo.copy_calls import CopyCalls
from ectype.repo.engine import Engine
from ectype.repo.explain_calls import ExplainCalls
from ectype.repo.log_line import Log, level_of, seconds_of
from ectype.repo.many_rows import ManyRows
from ectype.repo.notify_calls import NotifyCalls
from ectype.repo.observer import Observer
from ectype.repo.outcomes import Outcome
from ectype.repo.page_calls import PageCalls
from ectype.repo.preloader import preload_copies
from ectype.repo.steps import Options, Plan, Results
from ectype.repo.text_calls import TextCalls
from ectype.repo.texts import text_of
from ectype.repo.transaction import Session
from ectype.schema.changeset import Changeset
from ectype.schema.rel import Rel
from ectype.schema.schema import Of, Schema, StructOf
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


class Repo(ManyRows, ChangesetCalls, TextCalls, PageCalls, ExplainCalls, NotifyCalls, CopyCalls):
    """A database, and everything that is done with it.

    Args:
        url: `postgresql://user:password@host/database`, `sqlite:///file.db` or `sqlite:///:memory:`. What it says
            about the pool, as `?pool_size=20`, is stronger than the keywords.
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
        direct_url: the address of the PostgreSQL server itself, where `url` leads to a pooler: for what needs a session
            of its own, which is `listen` and the lock of migrations.
        prepare: whether PostgreSQL keeps statements under a name: "auto" does unless it finds a pooler, "named" and
            "unnamed" say so.
        attach: SQLite's further files, by the name of the schema that each becomes.
        sandbox: for tests: every statement belongs to an owner that `sandbox` opened, and is undone when it ends.
        password: a function, async or not, that is asked for the password at each new connection.
        pool: how the pool behaves, see `docs/pool.md`: `queue_target`, `queue_interval`, `pool_timeout`,
            `connect_timeout`, `idle_check`, `max_idle`, `max_lifetime`, `hold_warning`, `backoff`, `after_connect`.

    Raises:
        ConfigError: for a URL or an option that cannot be used; no password is ever shown.

    Example:
        async with Repo("sqlite:///:memory:") as repo:
            user = await repo.insert(User(name="Ada"))
    """

    def __init__(
        self,
        url: str,
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
        sandbox: bool = False,
        password: Password | None = None,
        direct_url: str | None = None,
        prepare: Prepare | None = None,
        attach: Mapping[str, str] | None = None,
        **pool: Unpack[PoolKeywords],
    ) -> None:
        config = parse(url)
        self.adapter: Adapter = adapter_for(
            config, password=password, direct_url=direct_url, prepare=prepare, attach=attach
        )
        self.name = name
        options = keywords(config.options, pool_size, **pool)
        self.pool: Connections = (Sandbox if sandbox else Pool)(self.adapter, name=name, **options)
        usual = Call(log=level_of(log))
        observer = Observer(
            name, self.adapter.database, usual=usual, slow=seconds_of(slow_query), call_sites=call_sites
        )
        self._session = Session(self.pool, timeout=timeout_of(config.options, timeout), observer=observer)
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
        self._listeners = WeakSet()

    def __repr__(self) -> str:
        return f"Repo({self.adapter.url!r})"

    async def __aenter__(self) -> Self:
        """Connect once, so that a wrong URL or an unreachable server shows at start."""
        await self.open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def with_options(self, **options: Unpack[CallOptions]) -> Self:
        """Return this repo with options that each of its calls has unless it says otherwise.

        It shares the pool and the transactions of the repo it comes from, and is not opened or closed itself. The
        options reach everything that a call does: preloads, associations, the functions of `prepare_changes`.

        Raises:
            ConfigError: for an option that does not exist, or a deadline that is none.

        Example:
            `reports = repo.with_options(timeout=60, tags={"job": "reports"})`
        """
        made = copy(self)
        made._engine = self._engine.with_usual(options)  # noqa: SLF001  # a repo of its own kind
        made._engine.repo = made  # noqa: SLF001  # as above
        return made

    async def open(self) -> None:
        """Make the first connection. Raises ConnectError with what was tried and the fix."""
        await self.pool.open(self._session.timeout or OPEN_SECONDS)
        self._tell(OPENED)

    async def close(self) -> None:
        """Close the pool: wait for what runs, then close every connection; listeners end."""
        for listener in tuple(self._listeners):
            await listener.close()
        await self._session.close()
        await self.pool.close()
        self._tell(CLOSED)

    def _tell(self, event: str) -> None:
        if listeners(event):
            dialect = self.adapter.dialect
            emit(event, RepoEvent(self.name, self.adapter.url, dialect.name, self.pool.report().size))

    # --- reads

    async def all(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> list[R]:
        """Return the rows of a query, or of a whole table: structs, values or tuples, as it selects."""
        rows: list[R] = await reader.read(self._engine, query, self._engine.call(options))
        return rows

    async def one(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> R | None:
        """Return the only row, or None. Raises MultipleResultsError for more than one."""
        row: R | None = await reader.read_one(self._engine, query, self._engine.call(options))
        return row

    async def one_or_raise(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> R:
        """Return the only row. Raises NoResultsError for none, MultipleResultsError for more than one."""
        row: R = await reader.read_one_or_raise(self._engine, query, self._engine.call(options))
        return row

    async def get(self, model: type[M], key: object, **options: Unpack[CallOptions]) -> M | None:
        """Return the struct with a primary key, or None. A composite key is a tuple in order of declaration."""
        return cast("M | None", await reader.get(self._engine, model, key, self._engine.call(options)))

    async def get_or_raise(self, model: type[M], key: object, **options: Unpack[CallOptions]) -> M:
        """Return the struct with a primary key. Raises NoResultsError when there is none."""
        row = await reader.get(self._engine, model, key, self._engine.call(options))
        if row is None:
            raise reader.no_row(f"{model.__name__} with the key {key!r}")
        return cast("M", row)

    async def get_by(self, model: Of[M], *predicates: Expr[M, bool | None], **options: Unpack[CallOptions]) -> M | None:
        """Return the only struct for which all predicates hold, or None."""
        query = reader.by_predicates(model, predicates)
        return cast("M | None", await reader.read_one(self._engine, query, self._engine.call(options)))

    async def get_by_or_raise(
        self, model: Of[M], *predicates: Expr[M, bool | None], **options: Unpack[CallOptions]
    ) -> M:
        """Return the only struct for which all predicates hold. Raises NoResultsError when there is none."""
        query = reader.by_predicates(model, predicates)
        return cast("M", await reader.read_one_or_raise(self._engine, query, self._engine.call(options)))

    async def exists(self, query: "Query[A, Z, R] | Of[M]", **options: Unpack[CallOptions]) -> bool:
        """Whether a query, or a table, has a row."""
        return await reader.has_rows(self._engine, query, self._engine.call(options))

    async def aggregate(
        self,
        query: Query[A, Z, R] | Of[A],
        expression: Reduced[A, T],
        **options: Unpack[CallOptions],
    ) -> T:
        """Return one aggregate over the rows of a query, as in `await repo.aggregate(Post, fn.max(Post.score))`."""
        return await reader.aggregate(self._engine, query, cast("Agg[Any, T]", expression), self._engine.call(options))

    # --- writes

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
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
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
            call=self._engine.call(options, returning),
        )

    async def upsert(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        on_conflict: OnConflict[M],
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[CallOptions],
    ) -> Outcome[M]:
        """Insert a row, or do what `on_conflict` says, and tell which: `Inserted`, `Updated` or `Ignored`.

        Related structs are inserted with it in one transaction; none of them where nothing is written.

        Raises:
            InvalidChangesetError, ConstraintError: as for `insert`.
            QueryError: for a conflict target or an action that cannot be used.
        """
        return await writer.upsert(
            self._engine,
            subject,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            call=self._engine.call(options),
        )

    # --- associations

    @overload
    async def preload(
        self,
        rows: list[M],
        *paths: Rel[M, Any],
        force: bool = ...,
        **options: Unpack[CallOptions],
    ) -> list[M]: ...
    @overload
    async def preload(
        self,
        rows: list[M | None],
        *paths: Rel[M, Any],
        force: bool = ...,
        **options: Unpack[CallOptions],
    ) -> list[M | None]: ...
    @overload
    async def preload(
        self,
        rows: StructOf[M],
        *paths: Rel[M, Any],
        force: bool = ...,
        **options: Unpack[CallOptions],
    ) -> M: ...
    async def preload(self, rows: Any, *paths: Any, force: bool = False, **options: Unpack[CallOptions]) -> Any:
        """Return copies of structs with associations loaded, one query a step; what is loaded already is kept.

        None among the rows stays None. `force` loads anew what is loaded already; `prefix` says where tables without
        one of their own are read, that of the first struct unless given.

        Raises:
            QueryError: for structs of two schemas, or a customised path over what is loaded already.

        Example:
            `user = await repo.preload(user, User.posts / Post.comments)`
        """
        return await preload_copies(self._engine, rows, paths, force=force, call=self._engine.call(options))

    # --- transactions

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[Transaction, bool]:
        """Run the block in a transaction: commit at its end, roll back on any exception. Nested, it is a savepoint."""
        return self._session.transaction(
            isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=timeout, call=self._engine.usual
        )

    @overload
    async def transact(
        self,
        work: Plan,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Results: ...
    @overload
    async def transact(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> T: ...
    @overload
    async def transact(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> T | RolledBack: ...
    async def transact(
        self,
        work: Any,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        timeout: float | None = None,
        retries: int = 0,
    ) -> Any:
        """Run a Multi, or `work()`, or `work(tx)`, in a transaction and return what it gives. Nested: a savepoint.

        An `Invalid` rolls back and is returned; `tx.rollback(value)` makes the result `RolledBack(value)`.

        Args:
            work: a Multi, or an async function, which may run several times.
            isolation: the level, and like the next two as for `transaction`; for the outermost only.
            read_only: that it only reads.
            deferrable: that a serializable one that only reads may wait.
            timeout: seconds for all of it, further tries included.
            retries: how often to try again after a serialization failure, a deadlock or a lock that was not free, each
                time after a random wait that grows. Callbacks of failed tries do not run.

        Raises:
            MultiError: a step of a Multi failed.
            CommitUnknownError: the answer to COMMIT was lost; ask `await exc.resolve()`.
            ConfigError: an option of the whole transaction inside an open one.

        Example:
            `await repo.transact(lambda: transfer(ada, bob, 5), isolation="serializable", retries=3)`
        """
        if isinstance(work, Plan):
            options = Options(
                isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=timeout, retries=retries
            )
            return await work.transacted(self, options)
        return await self._session.transact(
            cast("Callable[..., Awaitable[Any]]", work),
            isolation=isolation,
            read_only=read_only,
            deferrable=deferrable,
            timeout=timeout,
            retries=retries,
            call=self._engine.usual,
        )

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` after the outermost transaction has committed, or at once outside of one.

        It never runs after a rollback, and an error in it never changes the outcome: it is reported as a warning.
        """
        self._session.after_commit(callback)

    def after_rollback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once the open `transaction()` block, or one around it, has been rolled back.

        It is told of failed tries of `transact` too, never of a commit, nor of one whose outcome is unknown; outside a
        transaction it is never called. An error in it is reported as a warning.
        """
        self._session.after_rollback(callback)

    def checkout(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[None, None]:
        """Hold one connection for the block: its statements, and those of tasks started in it, take turns on it.

        It is no transaction: each statement is stored by itself. A `transaction()` inside it runs on its connection.
        Inside a transaction or another checkout it changes nothing.

        Args:
            timeout: seconds that the wait for a connection may take; None for the repo's.

        Raises:
            TransactionClosedError: at the end, when SQL text has left a transaction open.

        Example:
            async with repo.checkout():
                await repo.query("select set_config('app.user', {}, false)", "ada")
                await repo.all(Post)
        """
        return self._session.checkout(timeout=timeout)

    @property
    def checked_out(self) -> bool:
        """Whether the current task is in a transaction or a checkout of this repo."""
        return self._session.checked_out

    def detached(self) -> AbstractContextManager[None]:
        """Tasks started in the block do not join the open transaction."""
        return self._session.detached()

    @property
    def in_transaction(self) -> bool:
        """Whether the current task is in a transaction of this repo."""
        return self._session.in_transaction

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
