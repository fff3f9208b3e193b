"""The conductor of reads: plan, run, load, preload."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from ectype.adapters.sandbox import owner_here
from ectype.errors import CastError, MultipleResultsError, NoPrimaryKeyError, NoResultsError, QueryError
from ectype.expr.operand import Agg, Expr
from ectype.query.ast import Link, steps
from ectype.query.builder import Query, from_
from ectype.query.planner import origin
from ectype.query.subqueries import row_schema
from ectype.repo.call import PLAIN, Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.gathering import Batch, Gatherer
from ectype.repo.hooks import Operation
from ectype.repo.joined import Joined, joined_in, links_of, merged, with_joined
from ectype.repo.paths import Branch, merge
from ectype.repo.preloader import preload_into, wants_more
from ectype.repo.select import dumped, fetch_linked, fetch_rows, prepare
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import PLAIN as PLAIN_HOP
from ectype.schema.rel import EmbedStep
from ectype.sql.compilers import compile_aggregate, compile_exists

T = TypeVar("T")

_IN_KEY: Final = "in the primary key of {}"


def query_of(queryable: Any) -> Query[Any, Any, Any]:
    """Return a query, or the query of all rows of a schema."""
    if isinstance(queryable, Query):
        return cast("Query[Any, Any, Any]", queryable)
    return from_(queryable)


async def read(engine: Engine, queryable: Any, call: Call = PLAIN) -> list[Any]:
    """Return the rows of a query, with what it preloads."""
    return await read_query(engine, engine.hooked(query_of(queryable), "all", call), call)


async def read_query(engine: Engine, query: Query[Any, Any, Any], call: Call) -> list[Any]:
    """Return the rows of a query that has been through the hook, with what it preloads."""
    if not query.preloads:
        return await fetch_rows(engine, query, call)
    way = _way_of(engine, query)
    if not way.joins:
        rows = await fetch_rows(engine, query, call)
    elif way.links is None:
        rows = merged(await fetch_rows(engine, with_joined(query, way.joins), call), way.joins)
    else:
        rows = await fetch_linked(engine, with_joined(query, way.joins), way.links, call)
    if way.goes_on:
        await preload_into(engine, rows, way.branches, _below(way.prefix, call))
    return rows


@dataclass(frozen=True, slots=True)
class _Way:
    """How what a query preloads is loaded.

    Attributes:
        branches: the paths, merged.
        joins: what the joins of the query fill.
        links: how the structs of a row hold each other, where no rows are merged.
        goes_on: whether anything is left that no join fills.
        prefix: where the rows stand, as the query says; None where it does not.
    """

    branches: dict[str, Branch]
    joins: list[Joined]
    links: tuple[Link, ...] | None
    goes_on: bool
    prefix: str | None


def _way_of(engine: Engine, query: Query[Any, Any, Any]) -> _Way:
    """Return how the preloads of a query are loaded: found by its shape, where that says all of it.

    Associations and sources stand in the key by their ids: what is kept under it keeps them, too. A step through an
    embed is made anew each time, and stands there by its value.
    """
    shape: list[object] = ["preloads", query.node]
    for path in query.preloads:
        shape.append(None)
        for hop in path.steps:
            custom = hop.custom
            if custom is not PLAIN_HOP and not custom.joined:
                return _find_way(query)
            step: Any = hop.association
            shape += (step if isinstance(step, EmbedStep) else id(step), custom.joined, id(custom.source))
    return engine.plan(tuple(shape), lambda _dialect: _find_way(query))


def _find_way(query: Query[Any, Any, Any]) -> _Way:
    branches = merge(row_schema(query.node), query.preloads)
    joins = joined_in(query, branches)
    links = links_of(query, joins) if joins else None
    return _Way(branches, joins, links, wants_more(branches), origin(query.node)[1])


def below_query(query: Query[Any, Any, Any], call: Call) -> Call:
    """Return the options of what is loaded further: it stands where the query said that its own rows do."""
    return _below(origin(query.node)[1], call)


def _below(prefix: str | None, call: Call) -> Call:
    return call if prefix is None or prefix == call.prefix else replace(call, prefix=prefix)


async def read_one(engine: Engine, queryable: Any, call: Call = PLAIN) -> Any | None:
    """Return the only row of a query, or None. Raises MultipleResultsError for more."""
    rows = await read(engine, queryable, call)
    return _only(rows, queryable) if rows else None


async def read_one_or_raise(engine: Engine, queryable: Any, call: Call = PLAIN) -> Any:
    """Return the only row of a query. Raises NoResultsError for none, MultipleResultsError for more."""
    rows = await read(engine, queryable, call)
    if not rows:
        raise no_row(repr(query_of(queryable)))
    return _only(rows, queryable)


def _only(rows: list[T], queryable: Any) -> T:
    if len(rows) > 1:
        raise MultipleResultsError(
            f"at most one row was expected, got {len(rows)}: {query_of(queryable)!r}",
            hint="filter by a unique column, use `repo.all`, or add `.limit(1)` if any row will do",
        )
    return rows[0]


def no_row(what: str) -> NoResultsError:
    """Return the error for a row that is not there, which the web layer answers with 404."""
    return NoResultsError(f"no row was found: {what}", hint="where it may be missing, leave `_or_raise` out")


def shown(queryable: Any) -> str:
    """Return what people call a schema or a query."""
    return queryable.__name__ if isinstance(queryable, type) else repr(queryable)


def by_key(queryable: Any, key: Any) -> Query[Any, Any, Any]:
    """Return the query of the row with a primary key: a value, or a tuple in order of declaration.

    Raises:
        NoPrimaryKeyError: for a schema without one.
        QueryError: for None, or a key with the wrong number of parts.
    """
    query = query_of(queryable)
    if any(one.kind == "combine" for one in steps(query.node)):
        raise QueryError(
            f"`get` would look for the key in the first of the combined queries only: {query!r:.200}",
            hint='look in the whole: `repo.get(from_(subquery(query, "rows")), key)`',
        )
    source = query.node.sources[0]
    info: SchemaInfo = source.info
    names = info.primary_key
    if len(names) == 1:
        if key is None:
            raise _key_of_none(info)
        return query.where(source.columns[names[0]] == key)
    if not names:
        raise NoPrimaryKeyError(f"{info.name} has no primary key", hint="use `get_by` with a condition")
    parts = cast("tuple[Any, ...]", key)
    if not isinstance(key, tuple) or len(parts) != len(names):
        raise QueryError(
            f"the primary key of {info.name} is ({', '.join(names)}), got {key!r:.80}",
            hint=f"pass a tuple of {len(names)} values in this order",
        )
    if None in parts:
        raise _key_of_none(info)
    return query.where(*(source.columns[name] == part for name, part in zip(names, parts, strict=True)))


def _key_of_none(info: SchemaInfo) -> QueryError:
    return QueryError(
        f"`get` needs the primary key of {info.name}, got None",
        hint="check for None before; where a column may be NULL, ask with `get_by` and `is_null()`",
    )


async def get(engine: Engine, queryable: Any, key: Any, call: Call) -> Any | None:
    """Return the row with a primary key, or None.

    The plan of a schema with one key is found by the class itself: the query is the same for every key.
    """
    if engine.gatherer is not None and isinstance(queryable, type) and engine.session.scope() is None:
        waiter = _asked(engine, engine.gatherer, queryable, key, call)
        if waiter is not None:
            return await waiter
    plain = isinstance(queryable, type) and engine.prepare_query is None
    if plain and call.prefix is None and key is not None and not isinstance(key, Expr):
        prepared: Prepared | None = engine.plans.young.get(queryable) or engine.plans.get(queryable)
        if prepared is not None:
            try:
                params = prepared.dump((key,))
            except CastError as exc:
                exc.add_note(_IN_KEY.format(queryable.__name__))
                raise
            rows = await engine.fetch(prepared, params, call)
            return rows[0] if rows else None
    query = by_key(queryable, key)
    if not plain:
        rows = await read_query(engine, engine.hooked(query, "get", call), call)
        return _only(rows, query) if rows else None
    known = call.prefix or engine.prefix
    prepared = prepare(engine, query.node, known)
    if known is None and len(query.params) == 1:
        engine.plans.put(queryable, prepared)
    rows = await engine.fetch(prepared, _dumped_key(prepared, queryable, query.params), call)
    return rows[0] if rows else None


def _asked(engine: Engine, gatherer: Gatherer, model: Any, key: Any, call: Call) -> Awaitable[Any] | None:
    """Return the row to come of a get that is read together with others; None for one that is read by itself."""
    if key is None or isinstance(key, Expr):
        return None
    options: Hashable = owner_here(engine.session)
    if call is not engine.observer.usual:
        options = (options, call.prefix, call.timeout, call.event, call.log, id(call.tags))
    query: Query[Any, Any, Any] | None = None
    same: Hashable = (model, options)
    if engine.prepare_query is not None:
        query = engine.hooked(from_(model), "get", call)
        if any(one.kind not in _GATHERED for one in steps(query.node)):
            return None
        same = (model, options, query.node, query.params, query.preloads)
        try:
            hash(same)
        except TypeError:
            return None

    def begin() -> Batch | None:
        info: SchemaInfo | None = getattr(model, "__schema__", None)
        if info is None or len(info.primary_key) != 1:
            return None
        prepared = prepare(engine, by_key(model, key).node, call.prefix or engine.prefix)
        return Batch(
            from_(model) if query is None else query,
            lambda one: read_query(engine, one, call),
            lambda one: _dumped_key(prepared, model, (one,))[0],
        )

    return gatherer.ask(same, key, begin)


def _dumped_key(prepared: Prepared, model: Any, parts: tuple[Any, ...]) -> Sequence[Any]:
    try:
        return prepared.dump(parts)
    except CastError as exc:
        exc.add_note(_IN_KEY.format(model.__name__))
        raise


def by_predicates(model: Any, predicates: tuple[Expr[Any, Any], ...], verb: str = "get_by") -> Query[Any, Any, Any]:
    """Return the query of the rows of a schema for which all predicates hold. Raises QueryError for none."""
    if not predicates:
        raise QueryError(f"`{verb}` needs a condition", hint=f"write `repo.{verb}(User, User.email == email)`")
    return query_of(model).where(*predicates)


async def has_rows(engine: Engine, queryable: Any, call: Call, operation: Operation = "exists") -> bool:
    """Whether a query has a row."""
    query = engine.hooked(query_of(queryable), operation, call)
    known = call.prefix or engine.prefix
    node = query.node
    prepared = engine.plan(("exists", node, known), lambda dialect: Prepared(compile_exists(node, dialect, known)))
    rows = await engine.fetch(prepared, dumped(prepared, query, query.params), call)
    return bool(rows[0][0])


async def aggregate(engine: Engine, queryable: Any, expression: object, call: Call) -> Any:
    """Return the value of one aggregate over the rows of a query; an order alone changes nothing.

    A query that chooses, groups or selects its rows stands in a subquery, and what it gives is aggregated.

    Raises:
        QueryError: for what is no aggregate, or one over what the query does not give.
    """
    if not isinstance(expression, Agg):
        raise QueryError(
            f"`aggregate` takes an aggregate, got {expression!r:.80}", hint="write `repo.aggregate(query, fn.max(…))`"
        )
    query, over = engine.hooked(query_of(queryable), "aggregate", call), cast("Agg[Any, Any]", expression)
    kinds = {one.kind for one in steps(query.node)}
    if query.preloads:
        query = query.exclude("preload")
    if kinds <= _PLAIN:
        return (await fetch_rows(engine, query.select(over), call))[0]
    if not kinds & _CHOOSING:
        query = query.exclude("order_by")
    known = call.prefix or engine.prefix
    node = query.node
    prepared = engine.plan(
        ("aggregate", node, over.node, known),
        lambda dialect: Prepared(compile_aggregate(node, over.node, dialect, known), prefix=known),
    )
    rows = await engine.fetch(prepared, dumped(prepared, query, query.params + over.params), call)
    return rows[0]


_GATHERED = frozenset({"from", "where", "or_where", "each", "prefix"})
"""Steps of a query whose rows are one struct for each key."""
_PLAIN = frozenset({"from", "where", "or_where", "join", "prefix", "cte", "write_cte", "each"})
"""Steps of a query that can be aggregated as it is."""
_CHOOSING = frozenset({"limit", "offset", "distinct"})
"""Steps by which the order decides what the rows are."""
