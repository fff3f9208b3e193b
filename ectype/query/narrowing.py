"""Conditions on every table of a statement, put where they leave out rows of that table and nothing else.

Of a table whose rows an outer join may leave out they stand in its ON. Beside a right or full join neither ON nor
WHERE is the place, so there each such table is read through a subquery of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ectype.query.ast import Clause, Join, Select, Step
from ectype.query.rebasing import rebased
from ectype.query.sources import FragmentSource
from ectype.query.subqueries import StandIn
from ectype.schema.sources import TableSource


def narrowed(select: Select) -> Select:
    """Return a statement with what its `each` says of the tables that it reads itself."""
    apart = any(join.kind in ("right", "full") for join in select.joins)
    if apart:
        joins = tuple(replace(join, source=_alone(select, join.source)) for join in select.joins)
        return replace(select, source=_alone(select, select.source), joins=joins)
    wheres = list(_conditions(select, select.source))
    made: list[Join] = []
    for join in select.joins:
        conditions = _conditions(select, join.source)
        if join.kind in ("left", "left_lateral"):
            made.append(replace(join, also=join.also + conditions))
        else:
            wheres += conditions
            made.append(join)
    return replace(select, wheres=(*select.wheres, *wheres), joins=tuple(made))


def _conditions(select: Select, source: Any) -> tuple[Clause, ...]:
    if not isinstance(source, TableSource | FragmentSource):
        return ()
    return tuple(
        Clause(rebased(one.node, {one.info.source: source}), one.offset)
        for one in select.each
        if one.info is source.info
    )


def _alone(select: Select, source: Any) -> Any:
    """Return a table as a query of its own, which says by itself which of its rows there are."""
    if not _conditions(select, source):
        return source
    return StandIn(source, source.shape or Step(source.root, None, "from", source, (source,)))
