"""The calls of a repo that write a changeset, or ask the database about one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeVar, Unpack, cast

from ectype.errors import SchemaError
from ectype.expr.operand import Attr
from ectype.query.builder import Query
from ectype.repo import writer
from ectype.repo.call import Call, CallOptions, WriteOptions
from ectype.repo.engine import Engine
from ectype.repo.transaction import Session
from ectype.repo.uniqueness import validate_unique
from ectype.result import Ok
from ectype.schema.changeset import Changeset
from ectype.schema.errors import Invalid, InvalidChangesetError
from ectype.schema.field_error import Message
from ectype.schema.meta import meta
from ectype.schema.schema import Schema, StructOf

M = TypeVar("M", bound=Schema)


class ChangesetCalls:
    """The calls of a `Repo` that take a changeset. `Repo` is the class that people meet."""

    _engine: Engine
    _session: Session

    async def update(
        self,
        changeset: Changeset[M],
        *,
        force: bool = False,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[WriteOptions],
    ) -> M:
        """Send the changes of a changeset and return the struct as it is now stored; no changes, no statement.

        `returning=True`, a column or several read back what the database made of the row.

        Entries of its associations are written with it in one transaction: those it belongs to first, then the row,
        then removals, updates and inserts of those that belong to it.

        Raises:
            InvalidChangesetError, ConstraintError: as for `insert`.
            StaleEntryError: the row is gone, or not what an optimistic lock says; see `WriteOptions` for other ways.
            NoPrimaryKeyError: the struct has no key.
        """
        call = self._engine.write_call(options, "update", returning)
        return cast("M", await writer.update(self._engine, changeset, force=force, call=call))

    async def delete(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[WriteOptions],
    ) -> M:
        """Delete the row of a struct and return the struct in the state `deleted`.

        What `on_delete` of its associations says happens first, in the same transaction.

        Raises:
            StaleEntryError: the row is gone already; see `WriteOptions` for other ways.
            InvalidChangesetError, ConstraintError: rows still refer to it.
        """
        call = self._engine.write_call(options, "delete", returning)
        return cast("M", await writer.delete(self._engine, subject, call=call))

    async def try_insert(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[CallOptions],
    ) -> Ok[M] | Invalid[M]:
        """Insert as `insert` does, and give an invalid changeset as a value; an open transaction stays usable."""
        return await self._try(writer.insert, subject, self._engine.call(options, "try_insert", returning))

    async def try_update(
        self,
        changeset: Changeset[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[WriteOptions],
    ) -> Ok[M] | Invalid[M]:
        """Update as `update` does, and give an invalid changeset as a value; an open transaction stays usable."""
        return await self._try(writer.update, changeset, self._engine.write_call(options, "try_update", returning))

    async def try_delete(
        self,
        subject: Changeset[M] | StructOf[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[WriteOptions],
    ) -> Ok[M] | Invalid[M]:
        """Delete as `delete` does, and give an invalid changeset as a value; an open transaction stays usable."""
        return await self._try(writer.delete, subject, self._engine.write_call(options, "try_delete", returning))

    async def _try(self, write: Callable[..., Awaitable[Any]], subject: Any, call: Call) -> Ok[Any] | Invalid[Any]:
        try:
            async with self._session.savepoint():
                return Ok(await write(self._engine, subject, call=call))
        except InvalidChangesetError as exc:
            return Invalid(cast("Changeset[Any]", exc.changeset))

    async def insert_or_update(
        self,
        changeset: Changeset[M],
        *,
        returning: Literal[True] | Attr[M, Any] | Sequence[Attr[M, Any]] | None = None,
        **options: Unpack[WriteOptions],
    ) -> M:
        """Insert the struct of a changeset when it is new, update it when it was loaded; return what is now stored.

        This is decided by `meta(struct).state`, not by asking the database: that is `upsert`.

        Raises:
            SchemaError: the struct was deleted, or it is no changeset.
            InvalidChangesetError, ConstraintError, StaleEntryError: as for `insert` and `update`.
        """
        if not isinstance(changeset, Changeset):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise SchemaError(
                f"`insert_or_update` takes a changeset, got {changeset!r:.80}",
                hint="begin one: `repo.insert_or_update(change(user, User.name.set('Ada')))`",
            )
        call = self._engine.write_call(options, "insert_or_update", returning)
        state = meta(changeset.data).state
        if state == "deleted":
            raise SchemaError(
                f"this {changeset.info.name} was deleted, so it can be neither inserted nor updated",
                hint=f"begin with a new one: `change({changeset.info.name}(…))`",
            )
        if state == "built":
            return cast("M", await writer.insert(self._engine, changeset, call=call))
        return cast("M", await writer.update(self._engine, changeset, call=call))

    async def unsafe_validate_unique(
        self,
        changeset: Changeset[M],
        *columns: Attr[M, Any],
        message: Message | None = None,
        error_key: Attr[M, Any] | str | None = None,
        nulls_distinct: bool = True,
        query: Query[M, Any, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Changeset[M]:
        """Ask whether another row has the values of some columns: "has already been taken". For a form's early word.

        It proves nothing: another may come first between this and the insert, so `unique_constraint` stays needed.
        SQL: `SELECT EXISTS (SELECT 1 FROM users WHERE email = $1 AND NOT (id = $2))`, without the row itself when
        it was loaded. Nothing is asked when no column has a change, when one is None, or has an error already.

        Args:
            changeset: the changeset.
            columns: those of the unique index; the first gets the error.
            message: another text.
            error_key: who gets the error instead, a column or a key of your own.
            nulls_distinct: whether None equals nothing, as in most indexes; otherwise None is looked for too.
            query: where to look, instead of the whole table.
            options: those of every call, `CallOptions`.

        Raises:
            SchemaError: no column, or one of another schema.
            QueryError: a query of another schema.

        Example:
            changeset = await repo.unsafe_validate_unique(changeset, User.email)
        """
        return await validate_unique(
            self._engine,
            changeset,
            columns,
            message=message,
            error_key=error_key,
            nulls_distinct=nulls_distinct,
            query=query,
            call=self._engine.call(options, "unsafe_validate_unique"),
        )
