"""The repository: the one place that does I/O. One method an operation, no logic."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from copy import copy
from typing import Any, Literal, Self, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from ectype.adapters.base import Adapter, Isolation
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.adapters.settings import Prepare
from ectype.expr.operand import Agg, Assignment, Attr, Expr
from ectype.query.builder import Query, Reduced
from ectype.query.conflicts import OnConflict
from ectype.repo import reader, upserter, writer
from ectype.repo.call import CallOptions
from ectype.repo.changeset_calls import ChangesetCalls
from ectype.repo.copy_calls import CopyCalls
from ectype.repo.engine import Engine
from ectype.repo.many_rows import ManyRows
from ectype.repo.notify_calls import NotifyCalls
from ectype.repo.outcomes import Outcome
from ectype.repo.page_calls import PageCalls
from ectype.repo.preloader import preload_copies
from ectype.repo.text_calls import TextCalls
from ectype.repo.texts import text_of
from ectype.repo.transaction import RolledBack, Session, Transaction
from ectype.schema.changeset import Changeset
from ectype.schema.rel import Rel
from ectype.schema.schema import Of, Schema, StructOf

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


class Repo(ManyRows, ChangesetCalls, TextCalls, PageCalls, NotifyCalls, CopyCalls):
    """A database, and everything that is done with it.

    Args:
        url: `postgresql://user:password@host/database`, `sqlite:///file.db` or `sqlite:///:memory:`.
        pool_size: how many connections at most.
        timeout: the deadline of a statement in seconds, unless the call has its own.
        prefix: the PostgreSQL schema of all tables that do not name their own.
        name: what it is called in events and errors.
        log_params: whether parameters are shown to telemetry; those of `redact` columns never are.
        plan_cache_size: how many query shapes keep their SQL.
        direct_url: the address of the PostgreSQL server itself, where `url` leads to a pooler: for what needs a session
            of its own, which is `listen` and the lock of migrations.
        prepare: whether PostgreSQL keeps statements under a name: "auto" does unless it finds a pooler, "named" and
            "unnamed" say so.
        attach: SQLite's further files, by the name of the schema that each becomes.

    Raises:
        ConfigError: for a URL that cannot be used; its password is never shown.

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
        log_params: bool = True,
        plan_cache_size: int = 1_000,
        direct_url: str | None = None,
        prepare: Prepare | None = None,
        attach: Mapping[str, str] | None = None,
    ) -> None:
        self.adapter: Adapter = adapter_for(url, direct_url=direct_url, prepare=prepare, attach=attach)
        self.name = name
        self.pool = Pool(self.adapter, size=pool_size)
        self._session = Session(self.pool, timeout=timeout)
        self._engine = Engine(
            self.adapter,
            self._session,
            name=name,
            prefix=prefix,
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
        self.pool.release(await self.pool.acquire(self._session.timeout or OPEN_SECONDS))

    async def close(self) -> None:
        """Close the pool: wait for what runs, then close every connection; listeners end."""
        for listener in tuple(self._listeners):
            await listener.close()
        await self._session.close()
        await self.pool.close()

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
        """Insert a row, or do what `on_conflict` says, and tell which: `Inserted`, `Updated` or `Ignored`."""
        return await upserter.upsert(
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
            isolation=isolation, read_only=read_only, deferrable=deferrable, timeout=timeout
        )

    @overload
    async def transact(
        self, work: Callable[[], Awaitable[T]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> T: ...
    @overload
    async def transact(
        self, work: Callable[[Transaction], Awaitable[T]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> T | RolledBack: ...
    async def transact(
        self, work: Callable[..., Awaitable[Any]], *, isolation: Isolation | None = None, retries: int = 0
    ) -> Any:
        """Run `work()`, or `work(tx)`, in a transaction and return what it returns.

        An `Invalid` rolls back and is returned; `tx.rollback(value)` makes the result `RolledBack(value)`.
        Serialization failures and deadlocks run it again, `retries` times at most, with a pause in between.
        """
        return await self._session.transact(work, isolation=isolation, retries=retries)

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` after the outermost transaction has committed, or at once outside of one.

        It never runs after a rollback, and an error in it never changes the outcome: it is reported as a warning.
        """
        self._session.after_commit(callback)

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
