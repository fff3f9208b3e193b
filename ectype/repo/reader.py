"""The conductor of reads: plan, run, load, preload."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from ectype.errors import CastError, MultipleResultsError, NoPrimaryKeyError, NoResultsError, QueryError
from ectype.expr.operand import Agg, Expr
from ectype.query.ast import steps
from ectype.query.builder import Query, from_
from ectype.query.planner import origin
from ectype.query.subqueries import row_schema
from ectype.repo.call import PLAIN, Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.joined import joined_in, links_of, merged, with_joined
from ectype.repo.paths import merge
from ectype.repo.preloader import preload_into
from ectype.repo.select import dumped, fetch_linked, fetch_rows, prepare
from ectype.schema.meta import SchemaInfo
from ectype.sql.compilers import compile_aggregate, compile_exists

T = TypeVar("T")


def query_of(queryable: Any) -> Query[Any, Any, Any]:
    """Return a query, or the query of all rows of a schema."""
    if isinstance(queryable, Query):
        return cast("Query[Any, Any, Any]", queryable)
    return from_(queryable)


async def read(engine: Engine, queryable: Any, call: Call = PLAIN) -> list[Any]:
    """Return the rows of a query, with what it preloads."""
    query = query_of(queryable)
    if not query.preloads:
        return await fetch_rows(engine, query, call)
    branches = merge(row_schema(query.node), query.preloads)
    joins = joined_in(query, branches)
    links = links_of(query, joins) if joins else None
    if not joins:
        rows = await fetch_rows(engine, query, call)
    elif links is None:
        rows = merged(await fetch_rows(engine, with_joined(query, joins), call), joins)
    else:
        rows = await fetch_linked(engine, with_joined(query, joins), links, call)
    # What is loaded further stands where the query said that its own rows do.
    where = origin(query.node)[1] or call.prefix
    await preload_into(engine, rows, branches, call if where == call.prefix else replace(call, prefix=where))
    return rows


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


def by_key(queryable: Any, key: Any) -> Query[Any, Any, Any]:
    """Return the query of the row with a primary key: a value, or a tuple in order of declaration.

    Raises:
        NoPrimaryKeyError: for a schema without one.
        QueryError: for None, or a key with the wrong number of parts.
    """
    query = query_of(queryable)
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
    if call.prefix is None and key is not None and not isinstance(key, Expr):
        prepared: Prepared | None = engine.plans.get(queryable)
        if prepared is not None:
            rows = await engine.fetch(prepared, _dumped_key(prepared, queryable, (key,)), call)
            return rows[0] if rows else None
    query = by_key(queryable, key)
    if not isinstance(queryable, type):
        return await read_one(engine, query, call)
    known = call.prefix or engine.prefix
    prepared = prepare(engine, query.node, known)
    if known is None and len(query.params) == 1:
        engine.plans.put(queryable, prepared)
    rows = await engine.fetch(prepared, _dumped_key(prepared, queryable, query.params), call)
    return rows[0] if rows else None


def _dumped_key(prepared: Prepared, model: Any, parts: tuple[Any, ...]) -> Sequence[Any]:
    try:
        return prepared.dump(parts)
    except CastError as exc:
        exc.add_note(f"in the primary key of {model.__name__}")
        raise


def by_predicates(model: Any, predicates: tuple[Expr[Any, Any], ...]) -> Query[Any, Any, Any]:
    """Return the query of the rows of a schema for which all predicates hold. Raises QueryError for none."""
    if not predicates:
        raise QueryError("`get_by` needs a condition", hint="write `repo.get_by(User, User.email == email)`")
    return query_of(model).where(*predicates)


async def has_rows(engine: Engine, queryable: Any, call: Call) -> bool:
    """Whether a query has a row."""
    query = query_of(queryable)
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
    query, over = query_of(queryable), cast("Agg[Any, Any]", expression)
    kinds = {one.kind for one in steps(query.node)}
    if query.preloads:
        query = query.exclude("preload")
    if kinds <= _PLAIN:
        return await read_one(engine, query.select(over), call)
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


_PLAIN = frozenset({"from", "where", "or_where", "join", "prefix", "cte", "write_cte"})
"""Steps of a query that can be aggregated as it is."""
_CHOOSING = frozenset({"limit", "offset", "distinct"})
"""Steps by which the order decides what the rows are."""
