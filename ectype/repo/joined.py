"""Preloads that a join of the same query fills: which sources they are, and their rows merged by primary key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ectype.errors import QueryError
from ectype.expr import walk
from ectype.expr.nodes import Entity
from ectype.query.association_joins import association_joins
from ectype.query.ast import Link, Step, steps
from ectype.query.builder import Query, query_at
from ectype.query.scope import grow
from ectype.query.subqueries import StandIn
from ectype.repo.attaching import mark, slot_of
from ectype.repo.paths import Branch
from ectype.schema.associations import Association
from ectype.schema.keys import keys_of
from ectype.schema.sources import TableSource
from ectype.schema.targets import related_source

FILLING = ("inner", "left", "inner_lateral", "left_lateral")
"""The joins of which each row has its parent."""
CONDITIONS = ("where", "or_where", "having", "or_having")
"""The clauses that leave rows out."""
REFUSED = {
    "group": "groups have no single row to fill from",
    "combine": "the parts of a combined query give one row each",
    "distinct": "it would count the rows of the join",
}


@dataclass(frozen=True, slots=True)
class Joined:
    """One association that a join fills.

    Attributes:
        association: which.
        source: the joined source.
        parent: where the structs that hold it stand in a row, 0 for the row's own.
        partial: whether the query leaves rows of it out.
    """

    association: Association
    source: Any
    parent: int
    partial: bool


def joined_in(query: Query[Any, Any, Any], branches: dict[str, Branch]) -> list[Joined]:
    """Return the associations that joins of a query fill, parents before what hangs on them.

    Raises:
        QueryError: when a source is not joined, or joined so that its rows are not those of their parents.
    """
    if not any(_mentions(branch) for branch in branches.values()):
        return []
    found: list[Joined] = []
    built = steps(query.node)
    _collect(built, _root(built), 0, branches, found)
    for one in found:
        _check_query(built, one)
    return found


def _mentions(branch: Branch) -> bool:
    return branch.custom.joined or any(_mentions(one) for one in branch.branches.values())


def _root(built: list[Step]) -> Any:
    """Return the source whose structs are the rows."""
    for step in built:
        if step.kind == "select":
            first = step.arg[1][0]
            if not isinstance(first, Entity):
                raise QueryError(
                    "`joined()` fills structs as they are stored, and this query projects into others",
                    hint="leave the projection out, or preload by a query of its own",
                )
            return first.source
    return built[0].arg


def _collect(built: list[Step], start: Any, parent: int, branches: dict[str, Branch], found: list[Joined]) -> None:
    for branch in branches.values():
        association = branch.association
        if not branch.custom.joined:
            if any(_mentions(one) for one in branch.branches.values()):
                inner = next(one for one in branch.branches.values() if _mentions(one)).association
                raise QueryError(
                    f"`{inner.label}.joined()` hangs on `{association.label}`, which has a query of its own",
                    hint=f"fill both from the join: `{association.label}.joined() / {inner.label}.joined()`",
                )
            continue
        join = _join_of(built, association, branch.custom.source)
        source = _source_of(join)
        found.append(Joined(association, source, parent, _is_partial(built, association, start, join)))
        _collect(built, source, len(found), branch.branches, found)


def _join_of(built: list[Step], association: Association, wanted: Any) -> Step:
    joins = [one for one in built if one.kind == "join"]
    if wanted is None:
        wanted = related_source(association)
        others = [_source_of(one).label for one in joins if _source_of(one).info is association.related]
    else:
        others = []
    for one in joins:
        if _source_of(one) is wanted:
            if wanted.info is not association.related:
                raise QueryError(
                    f"`{association.label}` leads to {association.related.name}, and not to {wanted.label}"
                )
            return one
    label = association.label
    named = f"say which: `{label}.joined({others[0]})`" if others else f"join it: `.left_join({label})`"
    raise QueryError(f"`{label}.joined()` finds no join of {wanted.label} in this query", hint=named)


def _source_of(join: Step) -> Any:
    """Return the source that a join brings into the query, a query that stands in for its schema too."""
    read = join.arg[1]
    return read.source if isinstance(read, StandIn) else read


def _check_query(built: list[Step], one: Joined) -> None:
    """Raise QueryError where merging rows would give something else than what the query reads like."""
    label = one.association.label
    for info in (one.association.owner, one.association.related):
        if not info.primary_key:
            raise QueryError(
                f"`{label}.joined()` merges rows by primary key, and {info.name} has none",
                hint=f"preload it by a query of its own: `.preload({label})`",
            )
    for step in built:
        if step.kind == "join" and step.arg[0] not in FILLING:
            raise QueryError(
                f"`{label}.joined()` is filled from inner and left joins only, and this query has a {step.arg[0]} one",
                hint=f"preload it by a query of its own: `.preload({label})`",
            )
        if step.kind in REFUSED:
            raise QueryError(
                f"`{label}.joined()` cannot be filled from this query: {REFUSED[step.kind]}",
                hint=f"preload it by a query of its own: `.preload({label})`",
            )
        if step.kind in ("limit", "offset") and one.association.cardinality == "many":
            raise QueryError(
                f"this query's {step.kind} counts rows of the join, not {one.association.owner.name} structs: with "
                f"`{label}.joined()` it would cut lists short and leave parents out",
                hint=f"preload by a query of its own, `.preload({label})`, or limit in a subquery: "
                f"`from_(subquery(query.limit(…), 'page'))`",
            )


def _is_partial(built: list[Step], association: Association, start: Any, join: Step) -> bool:
    """Whether the query may leave out rows of a joined association.

    It may where a query stands in for its table, where it is joined on anything else than its own condition, where a
    condition mentions it or what hangs on it, and where an inner join hangs on it.
    """
    _, source, on = join.arg
    if not isinstance(source, TableSource):
        return True
    *_, (_, own) = association_joins(association, start, source)
    if own is not on:
        return True
    hanging = {source}
    for step in built:
        if step.kind == "join" and _source_of(step) is not source and _touches(step.arg[2], hanging):
            if step.arg[0] != "left":
                return True
            hanging.add(_source_of(step))
    return any(step.kind in CONDITIONS and _touches(step.arg, hanging) for step in built)


def _touches(node: Any, sources: set[Any]) -> bool:
    return any(column.source in sources for column in walk.columns(node))


def with_joined(query: Query[Any, Any, Any], joins: Sequence[Joined]) -> Query[Any, Any, Any]:
    """Return the query whose rows have the joined structs beside their own."""
    also = tuple(one.source.optional.node for one in joins)
    return query_at(grow(query.node, ("also", also), "also", also), query.params)


def links_of(query: Query[Any, Any, Any], joins: Sequence[Joined]) -> tuple[Link, ...] | None:
    """Return how the structs of a row hold each other, where each row is one struct; None where rows must be merged.

    That is where nothing is joined but what the rows and their joined structs belong to, by its primary key.
    """
    filled = {id(one.source) for one in joins}
    for step in steps(query.node):
        read = step.arg[1] if step.kind == "join" else step.arg
        if step.kind in ("from", "join") and not isinstance(read, TableSource):
            return None
        if step.kind == "join" and id(_source_of(step)) not in filled:
            return None
    for one in joins:
        association = one.association
        if association.kind != "belongs_to" or set(association.related_keys) != set(association.related.primary_key):
            return None
    return tuple(Link(one.parent, position, one.association.name, one.partial) for position, one in enumerate(joins, 1))


def merged(rows: Sequence[tuple[Any, ...]], joins: Sequence[Joined]) -> list[Any]:
    """Return the structs of the rows, each once in the order of the query, with what the joins gave them.

    A struct that stands below two parents is one for each of them.
    """
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    roots: dict[Any, Any] = {}
    keys = keys_of(joins[0].association.owner.primary_key, columns[0])
    # By position in a row, the struct that each row stands for: the first of those that are the same.
    standing: list[list[Any]] = [list(map(roots.setdefault, keys, columns[0]))]
    for one, children in zip(joins, columns[1:], strict=True):
        parents = standing[one.parent]
        holders = list({id(parent): parent for parent in parents if parent is not None}.values())
        fill = _fill_lists if one.association.cardinality == "many" else _fill_single
        standing.append(fill(one.association, holders, parents, children))
        if one.partial:
            mark(holders, one.association, partial=True)
    return list(roots.values())


def _fill_lists(
    association: Association, holders: list[Any], parents: Sequence[Any], children: Sequence[Any]
) -> list[Any]:
    """Give each parent the list of its children, each once; return which child each row stands for."""
    give, key_of = slot_of(association).__set__, attrgetter(*association.related.primary_key)
    lists: dict[int, list[Any]] = {}
    for holder in holders:
        lists[id(holder)] = found = []
        give(holder, found)
    known: dict[tuple[int, Any], Any] = {}
    standing: list[Any] = []
    for parent, child in zip(parents, children, strict=True):
        if parent is None or child is None:
            standing.append(None)
            continue
        place = (id(parent), key_of(child))
        first = known.get(place)
        if first is None:
            known[place] = first = child
            lists[place[0]].append(child)
        standing.append(first)
    return standing


def _fill_single(
    association: Association, holders: list[Any], parents: Sequence[Any], children: Sequence[Any]
) -> list[Any]:
    """Give each parent its first child, or None; return which child each row stands for."""
    give, key_of = slot_of(association).__set__, attrgetter(*association.related.primary_key)
    for holder in holders:
        give(holder, None)
    known: dict[int, Any] = {}
    standing: list[Any] = []
    for parent, child in zip(parents, children, strict=True):
        if parent is None or child is None:
            standing.append(None)
            continue
        first = known.get(id(parent))
        if first is None:
            known[id(parent)] = first = child
            give(parent, child)
        standing.append(first if first is child or key_of(first) == key_of(child) else None)
    return standing
