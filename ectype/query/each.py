"""Conditions on every source of a query, wherever it stands: joins, subqueries, CTEs, combined queries.

The step keeps each condition as it is over the schema itself; the planner says it over every source of that schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from ectype.errors import QueryError
from ectype.expr.nodes import Expression, Fragment, Subquery, intern
from ectype.expr.operand import Expr
from ectype.expr.walk import Part, parts, sources
from ectype.query.ast import Step, steps
from ectype.query.planner import step_parts, step_width, width
from ectype.query.scope import grow, regrow
from ectype.query.sources import FragmentSource
from ectype.schema.aliases import Home
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource

READ: Final = "each"
"""The kind of the step."""


def each_step(node: Step, mixin: object, predicate: Callable[[Any], Any]) -> tuple[Step, tuple[object, ...]]:
    """Return the step after narrowing each source whose schema is, or has, `mixin`, and the values of its conditions.

    Raises:
        QueryError: for what is no class, or a condition that is no expression over its own table alone.
    """
    if not isinstance(mixin, type):
        raise QueryError(
            f"`where_each` takes a schema or a mixin of schemas, got {mixin!r:.80}",
            hint="write `query.where_each(Tenanted, lambda table: table.tenant_id == tenant)`",
        )
    found: list[tuple[SchemaInfo, Expression]] = []
    params: tuple[object, ...] = ()
    for info in _schemas(node, cast("type[Any]", mixin)):
        condition = _condition(info, cast("type[Any]", mixin), predicate)
        found.append((info, condition.node))
        params += condition.params
    if not found:
        return node, ()
    key = (READ, tuple(found))
    return grow(node, key, READ, tuple(found)), params


def fitted(node: Step, params: tuple[object, ...]) -> tuple[Step, tuple[object, ...]]:
    """Return a query that has lost tables without the conditions on tables that it does not read any more."""
    built = steps(node)
    if all(step.kind != READ for step in built):
        return node, params
    known = _read(node)
    made, place = built[0], step_width(built[0])
    values = params[:place]
    for step in built[1:]:
        end = place + step_width(step)
        if step.kind != READ:
            made = regrow(made, step)
            values += params[place:end]
        else:
            kept: list[tuple[SchemaInfo, Expression]] = []
            for info, condition in step.arg:
                if info in known:
                    kept.append((info, condition))
                    values += params[place : place + width(condition)]
                place += width(condition)
            if kept:
                made = grow(made, (READ, tuple(kept)), READ, tuple(kept))
        place = end
    return made, values


def _condition(info: SchemaInfo, mixin: type[Any], predicate: Callable[[Any], Any]) -> Expr[Any, Any]:
    made: object = predicate(info.schema)
    if not isinstance(made, Expr):
        raise QueryError(
            f"the condition of `where_each({mixin.__name__}, …)` is an expression, got {made!r:.80} for {info.name}",
            hint="compare a column: `lambda table: table.deleted_at.is_null()`",
        )
    condition = cast("Expr[Any, Any]", made)
    for source in sources(condition.node):
        if source is not info.source:
            raise QueryError(
                f"the condition of `where_each({mixin.__name__}, …)` mentions {source.label}, and it is said of each "
                f"table for itself, here of {info.name}",
                hint="use the columns of what the function is given, or ask in a subquery: `column.in_(query)`",
            )
    for query in _queries_in(condition.node):
        if _schemas(query, mixin):
            raise QueryError(
                f"the condition of `where_each({mixin.__name__}, …)` has a subquery that reads such tables itself, so "
                "it would be narrowed by itself without end",
                hint="read tables there that the condition is not about",
            )
    return condition


def _schemas(node: Step, mixin: type[Any]) -> tuple[SchemaInfo, ...]:
    """Return the schemas that are, or have, `mixin` among those that a query reads anywhere, each once."""
    return tuple(info for info in _read(node) if issubclass(info.schema, mixin))


def _read(node: Step) -> tuple[SchemaInfo, ...]:
    """Return the schemas of all tables that a query reads, at any depth; found once a shape."""
    known: Home | None = node.kids.get(READ)
    if known is None:
        found = tuple(dict.fromkeys(_infos(node)))
        known = intern(node, READ, lambda root: Home(root, found))
    return cast("tuple[SchemaInfo, ...]", known.held)


def _infos(node: Step) -> Iterator[SchemaInfo]:
    for step in steps(node):
        arg = step.arg
        match step.kind:
            case "from":
                yield from _of_source(arg)
            case "join":
                yield from _of_source(arg[1])
            case "cte" if isinstance(arg[1], Fragment):
                yield from _of_expression(arg[1])
            case "cte" | "combine":
                yield from _read(arg[1])
            case "write_cte":
                yield from _read(arg[2])
                for _, value in arg[3]:
                    yield from _of_expression(value)
            case "values":
                for _, value in arg:
                    yield from _of_expression(value)
            case _:
                pass
        for part in step_parts(step):
            yield from _of_expression(part)


def _of_source(source: Any) -> Iterator[SchemaInfo]:
    if isinstance(source, TableSource):
        yield source.info
    elif isinstance(source, FragmentSource):
        yield source.info
        yield from _of_expression(source.node)
    elif getattr(source, "query", None) is not None:
        yield from _read(source.query)


def _of_expression(node: Part) -> Iterator[SchemaInfo]:
    for query in _queries_in(node):
        yield from _read(query)


def _queries_in(node: Part) -> Iterator[Step]:
    if isinstance(node, Subquery):
        yield cast("Step", node.query)
    for part in parts(node):
        yield from _queries_in(part)
