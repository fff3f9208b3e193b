"""The calls of a repo that read: one method an operation, no logic."""

from __future__ import annotations

from typing import Any, TypeVar, Unpack, cast, overload

from ectype.expr.operand import Agg, Expr
from ectype.query.builder import Query, Reduced
from ectype.repo import reader
from ectype.repo.call import CallOptions
from ectype.repo.engine import Engine
from ectype.repo.preloader import preload_copies
from ectype.repo.reloading import reload, reload_or_raise
from ectype.repo.streaming import Stream
from ectype.repo.table_exists import table_exists
from ectype.schema.rel import Rel
from ectype.schema.schema import Of, Schema, StructOf

M = TypeVar("M", bound=Schema)
T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
Z = TypeVar("Z")


class ReadCalls:
    """The part of a repo that reads rows and loads what hangs on them."""

    _engine: Engine

    async def all(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> list[R]:
        """Return the rows of a query, or of a whole table: structs, values or tuples, as it selects."""
        rows: list[R] = await reader.read(self._engine, query, self._engine.call(options, "all"))
        return rows

    async def one(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> R | None:
        """Return the only row, or None. Raises MultipleResultsError for more than one."""
        row: R | None = await reader.read_one(self._engine, query, self._engine.call(options, "one"))
        return row

    async def one_or_raise(self, query: Query[A, Z, R] | Of[R], **options: Unpack[CallOptions]) -> R:
        """Return the only row. Raises NoResultsError for none, MultipleResultsError for more than one."""
        row: R = await reader.read_one_or_raise(self._engine, query, self._engine.call(options, "one_or_raise"))
        return row

    @overload
    async def get(self, queryable: Of[M], key: object, **options: Unpack[CallOptions]) -> M | None: ...
    @overload
    async def get(self, queryable: Query[A, Z, R], key: object, **options: Unpack[CallOptions]) -> R | None: ...
    async def get(self, queryable: Any, key: object, **options: Unpack[CallOptions]) -> Any:
        """Return the row with a primary key, or None.

        Args:
            queryable: a schema; or a query, whose first schema's key it is, and what it selects comes back.
            key: the value; of a composite key a tuple in order of declaration.
            options: those of every call, `CallOptions`.

        Raises:
            QueryError: for None, or a key with the wrong number of parts.
            CastError: for a value that is no key.
            NoPrimaryKeyError: for a schema without one.

        Example:
            `await repo.get(from_(Post).where(Post.draft.is_null()).preload(Post.author), post_id)`
        """
        return await reader.get(self._engine, queryable, key, self._engine.call(options, "get"))

    @overload
    async def get_or_raise(self, queryable: Of[M], key: object, **options: Unpack[CallOptions]) -> M: ...
    @overload
    async def get_or_raise(self, queryable: Query[A, Z, R], key: object, **options: Unpack[CallOptions]) -> R: ...
    async def get_or_raise(self, queryable: Any, key: object, **options: Unpack[CallOptions]) -> Any:
        """Return the row with a primary key. Raises NoResultsError when there is none; else as `get`."""
        row = await reader.get(self._engine, queryable, key, self._engine.call(options, "get_or_raise"))
        if row is None:
            raise reader.no_row(f"{reader.shown(queryable)} with the key {key!r}")
        return row

    async def get_by(self, model: Of[M], *predicates: Expr[M, bool | None], **options: Unpack[CallOptions]) -> M | None:
        """Return the only struct for which all predicates hold, or None."""
        query = reader.by_predicates(model, predicates)
        return cast("M | None", await reader.read_one(self._engine, query, self._engine.call(options, "get_by")))

    async def get_by_or_raise(
        self, model: Of[M], *predicates: Expr[M, bool | None], **options: Unpack[CallOptions]
    ) -> M:
        """Return the only struct for which all predicates hold. Raises NoResultsError when there is none."""
        query = reader.by_predicates(model, predicates)
        return cast(
            "M", await reader.read_one_or_raise(self._engine, query, self._engine.call(options, "get_by_or_raise"))
        )

    async def all_by(self, model: Of[M], *predicates: Expr[M, bool | None], **options: Unpack[CallOptions]) -> list[M]:
        """Return the structs for which all predicates hold.

        Raises:
            QueryError: without a predicate; `all` reads the whole table.

        Example:
            `await repo.all_by(Post, Post.author_id == user.id, Post.score > 3)`
        """
        query = reader.by_predicates(model, predicates, "all_by")
        return cast("list[M]", await reader.read(self._engine, query, self._engine.call(options, "all_by")))

    @overload
    async def reload(self, subject: list[M], **options: Unpack[CallOptions]) -> list[M | None]: ...
    @overload
    async def reload(self, subject: StructOf[M], **options: Unpack[CallOptions]) -> M | None: ...
    async def reload(self, subject: Any, **options: Unpack[CallOptions]) -> Any:
        """Return a struct, or those of a list in its order, as their rows are now; None where a row is gone.

        They are read by primary key from the table and prefix that they came from. Associations are not loaded.

        Raises:
            QueryError: for structs of two schemas, or one without its key.
            NoPrimaryKeyError: for a schema without one.

        Example:
            `post = await repo.reload(post)`
        """
        return await reload(self._engine, subject, self._engine.call(options, "reload"))

    @overload
    async def reload_or_raise(self, subject: list[M], **options: Unpack[CallOptions]) -> list[M]: ...
    @overload
    async def reload_or_raise(self, subject: StructOf[M], **options: Unpack[CallOptions]) -> M: ...
    async def reload_or_raise(self, subject: Any, **options: Unpack[CallOptions]) -> Any:
        """Return structs as their rows are now. Raises NoResultsError where a row is gone; else as `reload`."""
        return await reload_or_raise(self._engine, subject, self._engine.call(options, "reload_or_raise"))

    async def exists(self, query: Query[A, Z, R] | Of[M], **options: Unpack[CallOptions]) -> bool:
        """Whether a query, or a table, has a row."""
        return await reader.has_rows(self._engine, query, self._engine.call(options, "exists"))

    async def aggregate(
        self,
        query: Query[A, Z, R] | Of[A],
        expression: Reduced[A, T],
        **options: Unpack[CallOptions],
    ) -> T:
        """Return one aggregate over the rows of a query, as in `await repo.aggregate(Post, fn.max(Post.score))`."""
        return await reader.aggregate(
            self._engine, query, cast("Agg[Any, T]", expression), self._engine.call(options, "aggregate")
        )

    async def table_exists(self, table: str | type[Schema], **options: Unpack[CallOptions]) -> bool:
        """Whether there is a table, or a view, where a query of this name would look for it.

        Args:
            table: a schema, or `source(…)`, for its table; or a name, as it stands in the database.
            options: those of every call, `CallOptions`; `prefix` says in which PostgreSQL schema, or attached database
                of SQLite, what names none is looked for. Without one it is the search path, or every database.

        Raises:
            QueryError: for what has no table, as an embedded schema.

        Example:
            `await repo.table_exists("posts", prefix="archive")`
        """
        return await table_exists(self._engine, table, self._engine.call(options, "table_exists"))

    def stream(self, query: Query[A, Z, R] | Of[R], *, batch: int = 500, **options: Unpack[CallOptions]) -> Stream[R]:
        """Read the rows of a query, or of a whole table, a batch at a time: memory holds one batch only.

        The block has a connection and a transaction of its own until it ends, and its statements use others; inside a
        `transaction()` it reads in that one. Rows are those of the moment when the block began, whatever is written
        meanwhile. What the query preloads is loaded for each batch. In a transaction on SQLite, and over `:memory:`,
        all rows are read when the block begins and kept in a temporary file.

        Args:
            query: a query or a schema.
            batch: how many rows are read at once.
            options: those of every call, `CallOptions`; the deadline is that of each batch.

        Raises:
            QueryError: for a query that writes, or preloads from a join.
            TransactionClosedError: read outside its block.

        Example:
            async with repo.stream(from_(Post).order_by(Post.id), batch=100) as posts:
                async for post in posts:
                    print(post.title)
        """
        return Stream(self._engine, query, batch, self._engine.call(options, "stream"))

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
        return await preload_copies(self._engine, rows, paths, force=force, call=self._engine.call(options, "preload"))
