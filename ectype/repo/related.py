"""The query of the related rows of some owners: narrowed, in order, with a limit for each owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import functions as fn
from ectype.expr import nodes
from ectype.expr.nodes import Entity
from ectype.expr.operand import Expr, Order, any_operand
from ectype.query.associated import in_keys
from ectype.query.association_joins import equal_keys, hidden, narrowed
from ectype.query.ast import steps
from ectype.query.builder import Query, from_, query_at
from ectype.query.partial import row_names
from ectype.query.rebasing import moved, rebased_term
from ectype.query.scope import grow
from ectype.query.selecting import select_step
from ectype.query.subqueries import row_schema, subquery
from ectype.schema.associations import Association
from ectype.schema.rel import PLAIN, Custom
from ectype.schema.targets import related_model, related_source

Rows = Query[Any, Any, Any]
WHOLE = {
    "limit": "a limit counts over all owners together: write `.limit(…)` on the association, which counts for each",
    "offset": "an offset counts over all owners together: leave rows out in Python",
    "combine": "it has two parts: read the whole through a subquery, `from_(subquery(query, 'rows'))`",
    "also": "it is a preload's own",
}


@dataclass(frozen=True, slots=True)
class _Base:
    """A query of related rows before the owners are known.

    Attributes:
        query: the query.
        source: the related rows in it.
        keys: the source that holds the owners' keys: the table between, or the related rows themselves.
        names: its columns.
    """

    query: Rows
    source: Any
    keys: Any
    names: tuple[str, ...]


def related_query(association: Association, custom: Custom, keys: list[Any]) -> Rows:
    """Return the query of all related rows of some owners.

    Of a `many_to_many` each row comes with the key of the owner for whom it is found, after the struct.

    Raises:
        QueryError: for a limit where the related schema has no key, or a query of `using` that cannot be narrowed.
    """
    known = association.preloaded if custom is PLAIN else None
    if known is not None:
        node, before, after = known
        return query_at(node, (*before, keys, *after))
    base = _base(association, custom)
    given = len(base.query.params)
    query = base.query.where(in_keys(base.keys, base.names, keys))
    query = _narrowed(query, association, base.source)
    query = query.where(*[moved(one, association.related.source, base.source) for one in custom.wheres])
    if custom.limit is None:
        query = query.order_by(*_order(association, custom, base.source))
    else:
        base, query = _limited(association, custom, query, base)
    query = _finished(association, custom, query, base)
    if custom is PLAIN and len(base.names) == 1:
        # The keys are one value, whatever they are: nothing else differs from one preload to the next.
        association.preloaded = query.node, query.params[:given], query.params[given + 1 :]
    return query


def _base(association: Association, custom: Custom) -> _Base:
    query: Rows = from_(related_model(association)) if custom.using is None else _checked(association, custom.using)
    source = _entity_source(query)
    join = association.join
    if join is None:
        return _Base(query, source, source, association.related_keys)
    # Under its own name where it can be, so that an order of the association may mention the schema between.
    taken = join.source in query.node.sources
    between: Any = hidden(join.source.info, source, (association,)) if taken else join.source
    on = narrowed(
        equal_keys(between, join.related_keys, source, association.related_keys),
        association.join_where,
        join.source,
        between,
    )
    values = () if association.join_where is None else association.join_where.params
    node = grow(query.node, ("join", "inner", between, on), "join", ("inner", between, on), between)
    query = query_at(node, query.params + values)
    if any(step.kind == "group" for step in steps(node)):
        query = query.group_by(*(between.column(name) for name in join.owner_keys))
    return _Base(query, source, between, join.owner_keys)


def _narrowed(query: Rows, association: Association, source: Any) -> Rows:
    where = association.where
    return query if where is None else query.where(moved(where, association.related.source, source))


def _checked(association: Association, query: Rows) -> Rows:
    """Return the query of `using`, of which conditions on the owners' keys make the related rows."""
    if query.preloads:
        raise QueryError(
            f"the query of `{association.label}.using(…)` preloads {query.preloads[0]!r}",
            hint=f"go on from the association: `{association.label}.using(…) / {query.preloads[0]!r}`",
        )
    if row_schema(query.node) is not association.related:
        raise QueryError(
            f"`{association.label}.using(…)` takes a query of {association.related.name}, got {query!r:.200}"
        )
    known = row_names(query.node)
    for name in _needed(association):
        if name not in known:
            raise QueryError(
                f"`{association.label}.using(…)` needs `{association.related.name}.{name}`, which its query does not "
                "select",
                hint=f"select it too: `only({association.related.name}.{name}, …)`",
            )
    for step in steps(query.node):
        if step.kind == "select" and not isinstance(step.arg[1][0], Entity):
            raise QueryError(
                f"`{association.label}.using(…)` takes a query of stored structs, and this one projects: "
                f"{query!r:.200}",
                hint="leave the projection out",
            )
        if step.kind in WHOLE:
            raise QueryError(
                f"`{association.label}.using(…)` takes a query to which a condition can be added, got {query!r:.200}",
                hint=WHOLE[step.kind],
            )
    return query


def _entity_source(query: Rows) -> Any:
    """Return the source whose structs a query gives."""
    for step in steps(query.node):
        if step.kind == "select":
            return step.arg[1][0].source
    return query.node.sources[0]


def _order(association: Association, custom: Custom, source: Any) -> list[Any]:
    """Return in which order the related rows come. Those that are equal in it come by their key: the same each time."""
    if custom.using is not None:
        return []
    if association.kind == "belongs_to":
        return []
    terms = custom.order_bys or association.preload_order
    own = association.related.source
    if source is not own:
        terms = tuple((rebased_term(node, {own: source}), params) for node, params in terms)
    given: list[Any] = [Order(node, params) for node, params in terms]
    said = {node.operand for node, _ in terms}
    keys = (source.columns[name] for name in association.related.primary_key)
    return [*given, *(key for key in keys if key.node not in said)]


def _limited(association: Association, custom: Custom, query: Rows, base: _Base) -> tuple[_Base, Rows]:
    """Return the query of the first rows of each owner: those whose rank among its rows is at most the limit."""
    info, shape = association.related, association.ranked
    key = info.primary_key
    if not key:
        raise QueryError(
            f"a limit per parent needs a primary key, and {info.name} has none",
            hint="leave the limit out, and cut the lists",
        )
    owners = [base.keys.column(name) for name in base.names]
    order = _order(association, custom, base.source)
    rank = fn.row_number().over(fn.window(partition_by=owners, order_by=order))
    items: dict[str, Expr[Any, Any]] = {f"key{at}": base.source.columns[name] for at, name in enumerate(key)}
    items |= {f"owner{at}": column for at, column in enumerate(owners)}
    items["rank"] = rank
    node, values = select_step(query.node, shape, tuple(items.values()), tuple(items))
    ranked = subquery(query_at(node, query.params + values), "ranked")
    source: Any = ranked.__source__
    whole = related_source(association)
    on = any_operand(equal_keys(source, [f"key{at}" for at in range(len(key))], whole, key))
    limited: Rows = from_(related_model(association)).join(ranked, on=on)
    limited = limited.where(source.column("rank") <= custom.limit).order_by(source.column("rank"))
    return _Base(limited, whole, source, tuple(f"owner{at}" for at in range(len(owners)))), limited


def _finished(association: Association, custom: Custom, query: Rows, base: _Base) -> Rows:
    """Add what a preload needs beside the structs: which columns of them, and the owners' keys from between."""
    if custom.only:
        info = association.related
        wanted = {*custom.only, *_needed(association)}
        names = tuple(name for name in info.column_names if name in wanted)
        partial: Expr[Any, Any] = Expr(cast("Any", nodes.partial(base.source.entity.node, names)))
        node, _ = select_step(query.node, None, (partial,), ())
        query = query_at(node, query.params)
    if association.join is None:
        return query
    also = tuple(base.keys.column(name).node for name in base.names)
    return query_at(grow(query.node, ("also", also), "also", also), query.params)


def _needed(association: Association) -> tuple[str, ...]:
    """Return the members without which a related struct finds neither its owner nor what hangs on it."""
    return (*association.related.primary_key, *association.related_keys)
