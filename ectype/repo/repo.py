"""The repository: the one place that does I/O. One method an operation, no logic."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, overload

from ectype.adapters.base import Adapter, Isolation
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, UnsupportedError
from ectype.expr.operand import Assignment, Attr
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict
from ectype.repo import upserter, writer
from ectype.repo.call import CallOptions
from ectype.repo.changeset_calls import ChangesetCalls
from ectype.repo.engine import Engine
from ectype.repo.gathering import Gatherer
from ectype.repo.hooks import PrepareQuery, PrepareTransaction
from ectype.repo.many_rows import ManyRows
from ectype.repo.outcomes import Outcome
from ectype.repo.page_calls import PageCalls
from ectype.repo.read_calls import ReadCalls
from ectype.repo.text_calls import TextCalls
from ectype.repo.texts import text_of
from ectype.repo.transaction import RolledBack, Session, Transaction
from ectype.schema.changeset import Changeset
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


class ReadRepo(ReadCalls, TextCalls, PageCalls):
    """A database that is only read: no method of it writes, and its connections refuse to.

    A `Repo` is one that writes too, so what only reads may ask for a `ReadRepo` and take either.

    Args:
        url: `postgresql://user:password@host/database`, `sqlite:///file.db` or `sqlite:///:memory:`.
        pool_size: how many connections at most.
        timeout: the deadline of a statement in seconds, unless the call has its own.
        prefix: the PostgreSQL schema of all tables that do not name their own.
        name: what it is called in events and errors.
        log_params: whether parameters are shown to telemetry; those of `redact` columns never are.
        plan_cache_size: how many query shapes keep their SQL.
        prepare_query: gets each query that the repo runs, and a `QueryContext`, and returns the query to run.
        prepare_transaction: gets the `TransactionOptions` of each transaction that begins, and returns those it has.
        default_options: the options of calls that say none: a mapping, or a function of the name of the method.
        batch_gets: whether `get` calls that are made in one turn of the event loop become one statement, outside
            transactions; those by one key, with equal options.
        parallel_preloads: whether several associations are loaded at once, outside transactions, on connections that
            lie free at that moment; it never waits for one.
        replicas: URLs of databases that follow this one, for `replica()`; each has a pool of its own.

    Raises:
        ConfigError: for a URL that cannot be used; its password is never shown.

    Example:
        async with ReadRepo("postgresql://replica/blog") as repo:
            posts = await repo.all(from_(Post).preload(Post.author))
    """

    _reads_only = True

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
        prepare_query: PrepareQuery | None = None,
        prepare_transaction: PrepareTransaction | None = None,
        default_options: CallOptions | Callable[[str], CallOptions] | None = None,
        batch_gets: bool = False,
        parallel_preloads: bool = True,
        replicas: Sequence[str] = (),
    ) -> None:
        self.adapter: Adapter = adapter_for(url, read_only=self._reads_only)
        self.name = name
        self.pool = Pool(self.adapter, size=pool_size)
        self._session = Session(self.pool, timeout=timeout, read_only=self._reads_only)
        self._session.prepare_transaction = prepare_transaction
        self._engine = Engine(
            self.adapter,
            self._session,
            name=name,
            prefix=prefix,
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
        self._replicas: tuple[ReadRepo, ...] = tuple(
            ReadRepo(
                one,
                pool_size=pool_size,
                timeout=timeout,
                prefix=prefix,
                name=f"{name}.replica{number}",
                log_params=log_params,
                plan_cache_size=plan_cache_size,
                prepare_query=prepare_query,
                prepare_transaction=prepare_transaction,
                default_options=default_options,
                batch_gets=batch_gets,
                parallel_preloads=parallel_preloads,
            )
            for number, one in enumerate(_urls(replicas), 1)
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
        made._replicas = tuple(one.with_options(**options) for one in self._replicas)  # noqa: SLF001  # as above
        return made

    def replica(self) -> "ReadRepo":
        """Return a repo over one of the replicas, chosen by chance; without replicas, this one.

        What was just written may not be there yet. So inside a transaction it is this one, which sees its own writes.

        Example:
            `posts = await repo.replica().all(Post)`
        """
        if not self._replicas or self.in_transaction:
            return self
        # Not for secrets: it spreads the reads.
        return random.choice(self._replicas)

    async def open(self) -> None:
        """Make the first connection. Raises ConnectError with what was tried and the fix."""
        self.pool.release(await self.pool.acquire(self._session.timeout or OPEN_SECONDS))

    async def close(self) -> None:
        """Close the pool: wait for what runs, then close every connection."""
        await self._session.close()
        await asyncio.gather(self.pool.close(), *(replica.close() for replica in self._replicas))

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


def _urls(replicas: object) -> Sequence[str]:
    if isinstance(replicas, str) or not isinstance(replicas, Sequence):
        raise ConfigError(
            f"`replicas` is a list of URLs, got a {replicas.__class__.__name__}",
            hint='write `replicas=["postgresql://…"]`',
        )
    return cast("Sequence[str]", replicas)


class Repo(ReadRepo, ManyRows, ChangesetCalls):
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
        **options: Unpack[CallOptions],
    ) -> Any:
        """Insert a row and return its struct, with what the database filled in.

        What is unset or None in a struct is not sent, so that database defaults apply; `force_change` sends NULL.
        Related structs, of the changeset or given to the constructor, are written with it in one transaction.

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
            call=self._engine.call(options, "insert"),
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
            call=self._engine.call(options, "upsert"),
        )
