"""The calls of a repo that write many rows at once: one method an operation, no logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Unpack, overload

from ectype.expr.operand import Assignment, Attr
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict
from ectype.repo import bulk
from ectype.repo.call import CallOptions
from ectype.repo.engine import Engine
from ectype.schema.schema import Of, Schema
from ectype.schema.table_parts import Index

M = TypeVar("M", bound=Schema)
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
R = TypeVar("R")
A = TypeVar("A")
Z = TypeVar("Z")


class ManyRows:
    """What `Repo` does with many rows at once."""

    _engine: Engine

    @overload
    async def insert_all(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | Query[Any, Any, Any],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> int: ...
    @overload
    async def insert_all(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | Query[Any, Any, Any],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        returning: Attr[M, T],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    @overload
    async def insert_all(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | Query[Any, Any, Any],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        returning: tuple[Attr[M, T1], Attr[M, T2]],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2]]: ...
    @overload
    async def insert_all(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | Query[Any, Any, Any],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        returning: tuple[Attr[M, T1], Attr[M, T2], Attr[M, T3]],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2, T3]]: ...
    @overload
    async def insert_all(
        self,
        model: Of[M],
        rows: Iterable[Mapping[str, object] | M] | Query[Any, Any, Any],
        *,
        on_conflict: OnConflict[M] | None = None,
        conflict_target: Attr[M, Any] | Sequence[Attr[M, Any]] | Index[M] | None = None,
        returning: Of[M],
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> list[M]: ...
    async def insert_all(
        self,
        model: Any,
        rows: Any,
        *,
        on_conflict: Any = None,
        conflict_target: Any = None,
        returning: Any = None,
        timestamps: bool = False,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Insert many rows, all or none, and return how many, or what `returning` asks for.

        Rows are grouped by the columns they have, so that database defaults fill the others. Nothing else is filled
        in, except keys with `autogenerate`, and timestamps when asked for. A query fills in nothing.

        Args:
            model: the schema, or a source of it.
            rows: mappings of field names to values, to expressions that read no row (`scalar(query)`, `fn.now()`), or
                to a `placeholder(value)`; structs; or a query that gives names: of a `project`, of
                `select({"title": …})`, or a whole struct.
            on_conflict: what becomes of a row that is there already.
            conflict_target: the columns by which it is known, or the index, as `unique(User.email, where=…)`.
            returning: a column, a tuple of columns, or the schema for structs; in the order of `rows`.
            timestamps: whether the clock fills in `inserted_at` and `updated_at`.
            options: those of every call, `CallOptions`.

        Raises:
            QueryError: for an unknown column, an expression that reads a row, a query without names.
            CastError: for a value that does not fit its column.
            ConstraintError: when the database refuses a row.

        Example:
            `await repo.insert_all(Post, from_(Draft).select({"title": Draft.title, "score": literal(0)}))`
        """
        return await bulk.insert_all(
            self._engine,
            model,
            rows,
            on_conflict=on_conflict,
            conflict_target=conflict_target,
            returning=returning,
            timestamps=timestamps,
            call=self._engine.call(options, "insert_all"),
        )

    # A query of structs gives back a count, unless it is asked for them; one of values gives the values. A column
    # that comes back has a type variable of its own: mypy would join two sources to their base class.
    @overload
    async def update_all(  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
        self,
        query: Query[A, Z, M] | Of[A],
        *assignments: Assignment[A],
        **options: Unpack[CallOptions],
    ) -> int: ...
    @overload
    async def update_all(
        self,
        query: Query[A, Z, R],
        *assignments: Assignment[A],
        returning: Literal[True] | None = None,
        **options: Unpack[CallOptions],
    ) -> list[R]: ...
    @overload
    async def update_all(
        self,
        query: Query[A, Z, R],
        *assignments: Assignment[A],
        returning: Attr[Z, T],
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    @overload
    async def update_all(
        self,
        query: Of[A],
        *assignments: Assignment[A],
        returning: Attr[A, T],
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    @overload
    async def update_all(
        self,
        query: Query[A, Z, R] | Of[A],
        *assignments: Assignment[A],
        returning: tuple[Attr[A, T1], Attr[A, T2]],
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2]]: ...
    @overload
    async def update_all(
        self,
        query: Query[A, Z, R] | Of[A],
        *assignments: Assignment[A],
        returning: tuple[Attr[A, T1], Attr[A, T2], Attr[A, T3]],
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2, T3]]: ...
    @overload
    async def update_all(
        self,
        query: Query[A, Z, M],
        *assignments: Assignment[A],
        returning: Of[M],
        **options: Unpack[CallOptions],
    ) -> list[M]: ...
    @overload
    async def update_all(
        self,
        query: Of[M],
        *assignments: Assignment[M],
        returning: Of[M],
        **options: Unpack[CallOptions],
    ) -> list[M]: ...
    async def update_all(
        self,
        query: Any,
        *assignments: Any,
        returning: Any = None,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Change all rows of a query, and return how many, or what comes back of them. No timestamp is touched.

        What is joined can be read by conditions and assignments. SQL: `UPDATE … SET … FROM … WHERE … RETURNING …`.

        Args:
            query: which rows, by `where`, `join` and `with_cte`; what it selects comes back of each, as it is
                afterwards. For a limit or an order, join a subquery.
            assignments: what becomes of their columns: `Post.score.inc(1)`, `Post.title.set(fn.lower(Post.title))`.
            returning: instead of a select a column, a tuple of columns, or the schema for structs; True gives the
                structs that the query selects. Select what comes from several tables.
            options: those of every call, `CallOptions`.

        Raises:
            QueryError: for a query with other clauses, or an assignment of another schema.
            UnsupportedError: on SQLite, for columns of joined tables among what comes back.

        Example:
            `await repo.update_all(from_(Post).join(Post.author).where(User.name == "Ada"), Post.score.inc(1))`
        """
        return await bulk.update_all(
            self._engine, query, assignments, returning=returning, call=self._engine.call(options, "update_all")
        )

    @overload
    async def delete_all(  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
        self,
        query: Query[A, Z, M] | Of[A],
        **options: Unpack[CallOptions],
    ) -> int: ...
    @overload
    async def delete_all(
        self,
        query: Query[A, Z, R],
        *,
        returning: Literal[True] | None = None,
        **options: Unpack[CallOptions],
    ) -> list[R]: ...
    @overload
    async def delete_all(
        self,
        query: Query[A, Z, R],
        *,
        returning: Attr[Z, T],
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    @overload
    async def delete_all(
        self,
        query: Of[A],
        *,
        returning: Attr[A, T],
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    @overload
    async def delete_all(
        self,
        query: Query[A, Z, R] | Of[A],
        *,
        returning: tuple[Attr[A, T1], Attr[A, T2]],
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2]]: ...
    @overload
    async def delete_all(
        self,
        query: Query[A, Z, R] | Of[A],
        *,
        returning: tuple[Attr[A, T1], Attr[A, T2], Attr[A, T3]],
        **options: Unpack[CallOptions],
    ) -> list[tuple[T1, T2, T3]]: ...
    @overload
    async def delete_all(
        self,
        query: Query[A, Z, M] | Of[M],
        *,
        returning: Of[M],
        **options: Unpack[CallOptions],
    ) -> list[M]: ...
    async def delete_all(self, query: Any, *, returning: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Delete all rows of a query, and return how many, or what comes back of them.

        What is joined can be read by conditions. SQL: `DELETE FROM … USING … WHERE … RETURNING …`; SQLite, which joins
        nothing in a DELETE, gets `WHERE key IN (SELECT …)`.

        Arguments and errors are those of `update_all`.

        Example:
            `await repo.delete_all(from_(Post).join(Post.author).where(User.name == "Ada"))`
        """
        return await bulk.delete_all(
            self._engine, query, returning=returning, call=self._engine.call(options, "delete_all")
        )
