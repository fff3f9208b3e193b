"""Hooks of a repo: what they are told of a query before its plan is looked up, and what they may return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from ectype.errors import QueryError
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
