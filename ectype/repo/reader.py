"""The conductor of reads: plan, run, load, preload."""

from typing import Any, TypeVar, cast

from ectype.errors import MultipleResultsError, NoPrimaryKeyError, NoResultsError, QueryError
from ectype.expr.operand import Agg, Expr
from ectype.query.builder import Query, from_
from ectype.query.subqueries import row_schema
from ectype.repo.engine import Engine
from ectype.repo.preloader import preload_into
from ectype.repo.select import fetch_rows, prepare
from ectype.schema.meta import schema_info
from ectype.sql.compilers import compile_exists

T = TypeVar("T")


def query_of(queryable: Any) -> Query[Any, Any, Any]:
    """Return a query, or the query of all rows of a schema."""
    if isinstance(queryable, Query):
        return cast("Query[Any, Any, Any]", queryable)
    return from_(queryable)


async def read(engine: Engine, queryable: Any, timeout: float | None = None, prefix: str | None = None) -> list[Any]:
    """Return the rows of a query, with what it preloads."""
    query = query_of(queryable)
    rows = await fetch_rows(engine, query, timeout, prefix)
    if query.preloads and rows:
        await preload_into(engine, rows, row_schema(query.node), query.preloads, timeout=timeout, prefix=prefix)
    return rows


async def read_one(
    engine: Engine, queryable: Any, timeout: float | None = None, prefix: str | None = None
) -> Any | None:
    """Return the only row of a query, or None. Raises MultipleResultsError for more."""
    rows = await read(engine, queryable, timeout, prefix)
    if len(rows) > 1:
        raise MultipleResultsError(
            f"at most one row was expected, got {len(rows)}: {query_of(queryable)!r}",
            hint="filter by a unique column, use `repo.all`, or add `.limit(1)` if any row will do",
        )
    return rows[0] if rows else None


def found_or_raise(row: T | None, what: str) -> T:
    """Return a row. Raises NoResultsError, which the web layer answers with 404, when there is none."""
    if row is None:
        raise NoResultsError(f"no row was found: {what}")
    return row


def by_key(queryable: Any, key: Any) -> Query[Any, Any, Any]:
    """Return the query of the row with a primary key: a value, or a tuple in order of declaration.

    Raises:
        NoPrimaryKeyError: for a schema without one.
        QueryError: for None, or a key with the wrong number of parts.
    """
    query = query_of(queryable)
    info = row_schema(query.node) if isinstance(queryable, Query) else schema_info(queryable)
    source = query.node.sources[0]
    names = info.primary_key
    if len(names) == 1:
        if key is None:
            raise QueryError(f"`get` needs the primary key of {info.name}, got None")
        return query.where(source.columns[names[0]] == key)
    if not names:
        raise NoPrimaryKeyError(f"{info.name} has no primary key", hint="use `get_by` with a condition")
    if not isinstance(key, tuple) or len(cast("tuple[Any, ...]", key)) != len(names):
        raise QueryError(
            f"the primary key of {info.name} is ({', '.join(names)}), got {key!r:.80}",
            hint=f"pass a tuple of {len(names)} values in this order",
        )
    parts = cast("tuple[Any, ...]", key)
    return query.where(*(source.columns[name] == part for name, part in zip(names, parts, strict=True)))


async def get(engine: Engine, model: Any, key: Any, timeout: float | None, prefix: str | None) -> Any | None:
    """Return the row with a primary key, or None.

    The plan of a schema with one key is found by the class itself: the query is the same for every key.
    """
    if prefix is None and key is not None and not isinstance(key, Expr):
        prepared = engine.plans.get(model)
        if prepared is not None:
            rows = await engine.fetch(prepared, (key,), timeout)
            return rows[0] if rows else None
    query = by_key(model, key)
    known = prefix or engine.prefix
    prepared = prepare(engine, query.node, known)
    if known is None and isinstance(model, type) and len(query.params) == 1:
        engine.plans.put(model, prepared)
    rows = await engine.fetch(prepared, query.params, timeout)
    return rows[0] if rows else None


def by_predicates(model: Any, predicates: tuple[Expr[Any, Any], ...]) -> Query[Any, Any, Any]:
    """Return the query of the rows of a schema for which all predicates hold. Raises QueryError for none."""
    if not predicates:
        raise QueryError("`get_by` needs a condition", hint="write `repo.get_by(User, User.email == email)`")
    return query_of(model).where(*predicates)


async def has_rows(engine: Engine, queryable: Any, timeout: float | None, prefix: str | None) -> bool:
    """Whether a query has a row."""
    query = query_of(queryable)
    known = prefix or engine.prefix
    node = query.node
    prepared = engine.prepared(("exists", node, known), lambda dialect: compile_exists(node, dialect, known))
    rows = await engine.session.fetch(prepared.sql, prepared.dump(query.params), list, timeout)
    return bool(rows[0][0])


async def aggregate(
    engine: Engine, queryable: Any, expression: Agg[Any, T], timeout: float | None, prefix: str | None
) -> T:
    """Return the value of one aggregate over a query."""
    if not isinstance(expression, Agg):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise QueryError(
            f"`aggregate` takes an aggregate, got {expression!r:.80}", hint="write `repo.aggregate(query, fn.max(…))`"
        )
    return cast("T", await read_one(engine, query_of(queryable).select(expression), timeout, prefix))
