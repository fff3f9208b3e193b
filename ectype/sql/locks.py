"""Row locks of a SELECT, or why there are none."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr import walk
from ectype.expr.nodes import Over
from ectype.query.ast import Join, Lock, Select
from ectype.query.locking import METHODS
from ectype.query.subqueries import StandIn
from ectype.sql.lower import Scope, quoted

WAITS: dict[str | None, bool | None] = {None: None, "skip": False, "nowait": True}


def lock_tree(scope: Scope, select: Select, lock: Lock) -> exp.Expr:
    """Return `FOR UPDATE OF … SKIP LOCKED`.

    Raises:
        UnsupportedError: where the database locks no rows.
        QueryError: for a query whose rows are not those of tables, or a table that a join may leave out.
    """
    method = METHODS[lock.strength]
    if not scope.dialect.row_locks:
        raise UnsupportedError(
            f"{scope.dialect.name} locks no rows, so there is no `{method}`",
            hint="leave it out: a transaction that writes has the whole database to itself there",
        )
    _check_rows(select, method)
    nullable = _left_out(select)
    for source in lock.of or (select.source, *map(_read_as, select.joins)):
        if source in nullable:
            locked = select.source.label if select.source not in nullable else "…"
            raise QueryError(
                f"`{method}` cannot lock {source.label}, which an outer join may leave out",
                hint=f"say whose rows are locked: `{method}(of={locked})`",
            )
    if select.with_ties and lock.waiting == "skip":
        raise QueryError(
            f"`{method}(skip_locked=True)` leaves rows out, so which are equal to the last one nobody knows",
            hint="use `limit(n)` without `with_ties`",
        )
    strong, key = "UPDATE" in lock.strength, "KEY" in lock.strength
    return exp.Lock(
        update=strong,
        key=key or None,
        expressions=[quoted(scope.names[source], scope.dialect) for source in lock.of],
        wait=WAITS[lock.waiting],
    )


def _check_rows(select: Select, method: str) -> None:
    outputs = [output.clause.node for output in select.outputs]
    what = (
        "is combined with another"
        if select.combinations
        else "is distinct"
        if select.distinct or select.distinct_on
        else "has groups"
        if select.group_bys or select.havings
        else "computes over several rows"
        if any(walk.is_aggregate(node) or _has_window(node) for node in outputs)
        else None
    )
    if what is not None:
        raise QueryError(
            f"`{method}` locks rows of tables, and the rows of a query that {what} are none",
            hint=f"choose the rows to lock first, by their key: `from_(Post).where(Post.id.in_(query)).{method}()`",
        )


def _has_window(node: walk.Part) -> bool:
    return isinstance(node, Over) or any(map(_has_window, walk.parts(node)))


def _left_out(select: Select) -> set[Any]:
    """Return the sources that outer joins may leave out."""
    found: set[Any] = set()
    before: list[Any] = [select.source]
    for join in select.joins:
        source = _read_as(join)
        found |= {source} if join.kind in ("left", "left_lateral", "full") else set[Any]()
        found |= set(before) if join.kind in ("right", "full") else set[Any]()
        before.append(source)
    return found


def _read_as(join: Join) -> Any:
    """Return the source whose columns a join brings: that of the schema where a query stands in for its table."""
    return join.source.source if isinstance(join.source, StandIn) else join.source
