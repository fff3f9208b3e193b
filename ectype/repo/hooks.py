"""Hooks of a repo: what they are told of a query before its plan is looked up, and what they may return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from ectype.adapters.base import Begin, Isolation
from ectype.errors import ConfigError, QueryError
from ectype.query.builder import Query

Operation: TypeAlias = Literal[
    "all",
    "get",
    "exists",
    "aggregate",
    "page",
    "stream",
    "reload",
    "preload",
    "unsafe_unique",
    "update_all",
    "delete_all",
    "insert_all",
    "on_delete",
]
"""For what a query runs. `all` is every read of rows that has no name of its own here: `one`, `get_by`, `all_by`;
`on_delete` is what associations say about a row that goes; `unsafe_unique` looks for a row with equal values."""


@dataclass(frozen=True, slots=True)
class QueryContext:
    """What a hook knows beside the query.

    Attributes:
        operation: for what the query runs.
        schema: the schema of its first source.
        tags: what the call, or `with_options`, was given as `tags=`.
        prefix: what the call was given as `prefix=`.
        repo: the repo's name.
    """

    operation: Operation
    schema: type[Any]
    tags: Mapping[str, object]
    prefix: str | None
    repo: str


PrepareQuery: TypeAlias = Callable[[Query[Any, Any, Any], QueryContext], Query[Any, Any, Any]]
"""`Repo(prepare_query=…)`: it gets each query that the repo runs, and returns the one to run instead."""


def prepared_query(hook: PrepareQuery, query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
    """Return what a hook makes of a query. Raises QueryError when that is no query."""
    made = cast("object", hook(query, context))
    if not isinstance(made, Query):
        raise QueryError(
            f"`prepare_query` returns the query to run, and it returned {made!r:.80} for {query!r:.200}",
            hint="end it with `return query`",
        )
    return cast("Query[Any, Any, Any]", made)


@dataclass(frozen=True, slots=True)
class TransactionOptions:
    """How a transaction begins, as a hook gets and returns it.

    Attributes:
        isolation: the level; None for the database's default.
        read_only: whether it only reads.
        deferrable: whether a serializable read-only one may wait for a safe snapshot.
        timeout: seconds that the whole block may take; None for any time.
    """

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    timeout: float | None = None


PrepareTransaction: TypeAlias = Callable[[TransactionOptions], TransactionOptions]
"""`Repo(prepare_transaction=…)`: it gets the options of each transaction that begins, and returns those it has."""


def prepared_transaction(hook: PrepareTransaction, how: Begin, timeout: float | None) -> tuple[Begin, float | None]:
    """Return what a hook makes of a transaction. Raises ConfigError when that is something else."""
    given = TransactionOptions(how.isolation, how.read_only, how.deferrable, timeout)
    made = cast("object", hook(given))
    if not isinstance(made, TransactionOptions):
        raise ConfigError(
            f"`prepare_transaction` returns the options of the transaction, and it returned {made!r:.80}",
            hint='write `return replace(options, isolation="serializable")`, with `dataclasses.replace`',
        )
    return Begin(made.isolation, made.read_only, made.deferrable, how.deferred), made.timeout
