"""The calls of a repo that take text: whole statements of the user's, and rows that they gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, LiteralString, Never, TypeAlias, TypeVar, Unpack, overload
from uuid import UUID

from ectype.expr.operand import Column, Operand
from ectype.repo import raw
from ectype.repo.call import CallOptions
from ectype.repo.engine import Engine
from ectype.repo.loading import load_struct
from ectype.repo.raw import Result
from ectype.schema.schema import Schema

M = TypeVar("M", bound=Schema)
T = TypeVar("T")

Bound: TypeAlias = (
    str
    | int
    | float
    | Decimal
    | bytes
    | UUID
    | date
    | time
    | timedelta
    | Enum
    | Mapping[str, Any]
    | list[Any]
    | Column[Any, Any]
    | Operand[Never, Any]
    | type[Schema]
    | None
)
"""What a gap of SQL text takes: a value, `literal(value)`, a column for its name, a schema for its table's."""


class TextCalls:
    """The part of `Repo` that takes SQL text, and what such text gave."""

    _engine: Engine

    @overload
    async def query(self, text: LiteralString, /, *params: Bound, **options: Unpack[CallOptions]) -> Result: ...
    @overload
    async def query(
        self,
        text: LiteralString,
        /,
        *params: Bound,
        into: type[T],
        **options: Unpack[CallOptions],
    ) -> list[T]: ...
    async def query(self, text: str, /, *params: Any, into: Any = None, **options: Unpack[CallOptions]) -> Any:
        """Run one statement of your own and return its rows, or with `into` a list of what each row becomes.

        The text is a literal of your program, never data: each `{}` takes a bound value, and `{{` or `}}` is a brace.
        A column stands for its quoted name, a schema for its table (the only place where `prefix` counts). A value is
        sent as its class says, and its type on PostgreSQL follows from the text around it: where nothing tells, write
        `literal(3)` or `{}::bigint`.

        Args:
            text: one statement; not BEGIN, COMMIT and the like.
            params: what stands in the gaps, in order.
            into: a schema, dataclass, NamedTuple, TypedDict or pydantic model; columns are matched by name.
            options: those of every call, `CallOptions`.

        Raises:
            QueryError: for a text that is refused, and columns that do not fit `into`.
            CastError: for a value of a class that no database knows, or a row that does not fit `into`.
            DatabaseError, ConstraintError: the database refused it.

        Example:
            `await repo.query("select title, score from {} where score > {}", Post, 3, into=Card)`
        """
        return await raw.query(self._engine, text, params, into, self._engine.call(options, "query"))

    def load(self, model: type[M], row: Mapping[str, Any] | tuple[Sequence[str], Sequence[Any]]) -> M:
        """Return a struct from values as the driver gives them, by the names of columns.

        Columns that the schema does not have are left out, and so are virtual fields; what is missing stays unset.

        Raises:
            CastError: for a value that its column's type cannot read.

        Example:
            `repo.load(Post, (result.columns, result.rows[0]))`
        """
        struct: M = load_struct(model, row, self._engine.dialect.target)
        return struct
