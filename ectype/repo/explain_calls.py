"""The call of a repo that shows how the database runs a query."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, Unpack, overload

from ectype.expr.operand import Assignment
from ectype.query.builder import Query
from ectype.repo.call import CALL_OPTIONS, CallOptions
from ectype.repo.engine import Engine
from ectype.repo.explaining import explain
from ectype.repo.plan import Plan
from ectype.schema.schema import Of

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")


class ExplainOptions(CallOptions, total=False):
    """What PostgreSQL may be asked to tell; what is left out is as the server has it.

    Attributes:
        analyze: run the statement, and tell what it took.
        verbose: tell the columns of each node, and names with their schema.
        costs: tell costs and expected rows; the server does unless told not to.
        settings: tell settings of the planner that differ from their defaults.
        buffers: tell how many blocks were read and written.
        timing: tell the time of each node, with `analyze`; the server does unless told not to.
        summary: tell the time of the planning and of the whole.
        wal: tell what was written to the write-ahead log, with `analyze`.
        plan: `custom` for the values of the query; `generic` for any values, which is planned for none of them.
    """

    analyze: bool
    verbose: bool
    costs: bool
    settings: bool
    buffers: bool
    timing: bool
    summary: bool
    wal: bool
    plan: Literal["custom", "generic"]


class ExplainCalls:
    """The part of `Repo` that explains queries."""

    _engine: Engine

    @overload
    async def explain(
        self,
        query: Query[A, Z, R] | Of[A],
        *assignments: Assignment[A],
        delete: bool = False,
        format: Literal["text", "yaml"] = "text",
        rollback: bool = True,
        **options: Unpack[ExplainOptions],
    ) -> str: ...
    @overload
    async def explain(
        self,
        query: Query[A, Z, R] | Of[A],
        *assignments: Assignment[A],
        delete: bool = False,
        format: Literal["json"],
        rollback: bool = True,
        **options: Unpack[ExplainOptions],
    ) -> list[dict[str, Any]]: ...
    @overload
    async def explain(
        self,
        query: Query[A, Z, R] | Of[A],
        *assignments: Assignment[A],
        delete: bool = False,
        format: Literal["plan"],
        rollback: bool = True,
        **options: Unpack[ExplainOptions],
    ) -> Plan: ...
    async def explain(
        self,
        query: Any,
        *assignments: Any,
        delete: bool = False,
        format: Literal["text", "yaml", "json", "plan"] = "text",  # noqa: A002  # EXPLAIN's own word
        rollback: bool = True,
        **options: Unpack[ExplainOptions],
    ) -> Any:
        """Return how the database runs a query, or the `update_all` or `delete_all` of its rows.

        Nothing runs without `analyze=True`; with it the statement does, in a transaction that is rolled back, or in an
        open one in a savepoint. Where a parameter belongs to a `redact` column, all constants of the plan are hidden.

        Args:
            query: a query, or a schema for its whole table.
            assignments: those of an `update_all`.
            delete: whether it is a `delete_all`.
            format: `text` as the database's shell shows it, `json` as it says it, `plan` as a tree of `Plan`; `yaml`
                on PostgreSQL.
            rollback: whether what `analyze` ran is undone.
            options: `ExplainOptions`, which are PostgreSQL's, and those of every call.

        Raises:
            QueryError: for a query that cannot be written over, or options that contradict each other.
            UnsupportedError: for an option of PostgreSQL's on SQLite.

        Example:
            `print(await repo.explain(from_(Post).where(Post.score > 3), Post.score.inc(1), analyze=True))`
        """
        usual: dict[str, Any] = {name: value for name, value in options.items() if name not in _OWN}
        own: dict[str, Any] = {name: value for name, value in options.items() if name in _OWN}
        return await explain(
            self._engine,
            query,
            assignments,
            self._engine.call(usual, "explain"),
            delete=delete,
            form=format,
            rollback=rollback,
            options=own,
        )


_OWN = frozenset(ExplainOptions.__annotations__) - frozenset(CALL_OPTIONS)
