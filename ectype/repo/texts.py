"""The text that a repo would send for a query, and its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ectype.errors import QueryError
from ectype.expr.operand import Assignment
from ectype.query.builder import Query
from ectype.repo.bulk import hooked_update, prepare_delete, prepare_update
from ectype.repo.engine import Engine
from ectype.repo.reader import query_of
from ectype.repo.select import dumped, prepare
from ectype.sql.lines import in_lines


def text_of(
    engine: Engine, queryable: Any, *, update: Sequence[Assignment[Any]] | None, delete: bool, pretty: bool
) -> tuple[str, tuple[object, ...]]:
    """Return the text and the parameters of a SELECT, or of an UPDATE or DELETE of the query's rows.

    Raises:
        QueryError: for a query that cannot be written over, or for both `update` and `delete`.
    """
    query: Query[Any, Any, Any] = query_of(queryable)
    if update is not None and delete:
        raise QueryError("`to_sql` shows one statement, and got `update` and `delete`", hint="ask for one of them")
    if update is not None:
        query = hooked_update(engine, query, update, engine.usual)
        prepared, params = prepare_update(engine, query, update, engine.prefix)
    elif delete:
        query = engine.hooked(query, "delete_all", engine.usual)
        prepared, params = prepare_delete(engine, query, engine.prefix), query.params
    else:
        query = engine.hooked(query, "all", engine.usual)
        prepared, params = prepare(engine, query.node, engine.prefix), query.params
    values = tuple(dumped(prepared, query, params))
    return in_lines(prepared.sql) if pretty else prepared.sql, values
