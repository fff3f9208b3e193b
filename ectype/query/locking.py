"""Row locks: `FOR UPDATE` and its weaker kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ectype.errors import QueryError
from ectype.query.ast import Step
from ectype.query.scope import grow, source_of
from ectype.schema.sources import TableSource

METHODS = {
    "UPDATE": "for_update",
    "NO KEY UPDATE": "for_no_key_update",
    "SHARE": "for_share",
    "KEY SHARE": "for_key_share",
}


def lock_step(node: Step, strength: str, of: Any, *, skip_locked: bool, nowait: bool) -> Step:
    """Return the step that locks the rows of a query; `of` is one source or a list of them, None for all.

    Raises:
        QueryError: for both ways not to wait, or a source that the query does not read from a table.
    """
    method = METHODS[strength]
    if skip_locked and nowait:
        raise QueryError(
            f"`{method}` got `skip_locked` and `nowait`: locked rows are left out, or they are an error",
            hint=f"choose one: `{method}(skip_locked=True)`",
        )
    given = cast("Sequence[Any]", of) if isinstance(of, list | tuple) else () if of is None else (of,)
    sources = tuple(map(source_of, given))
    for source in sources:
        if source not in node.sources:
            known = ", ".join(one.label for one in node.sources)
            raise QueryError(
                f"`{method}` locks {source.label}, which is not in this query: in scope are {known}",
                hint=f"join it first, or leave it out: `{method}(of={node.sources[0].label})`",
            )
        if not isinstance(source, TableSource) and getattr(source, "query", None) is None:
            raise QueryError(
                f"`{method}` locks rows of tables, and {source.label} is none",
                hint="lock inside a CTE's own query, or name the tables",
            )
    waiting = "skip" if skip_locked else "nowait" if nowait else None
    return grow(node, ("lock", strength, sources, waiting), "lock", (strength, sources, waiting))
