"""Sources that are queries: `subquery(query, "name")` and `cte(Shape, "name")`, both typed as a schema."""

from __future__ import annotations

from typing import Any, TypeVar, cast, final

from ectype.errors import QueryError
from ectype.expr.nodes import Entity, Root, intern
from ectype.expr.operand import QueryLike
from ectype.query.ast import Step, steps
from ectype.query.derived import DerivedSource
from ectype.query.partial import row_names
from ectype.schema.aliases import Alias, Home
from ectype.schema.meta import SchemaInfo, schema_info

M = TypeVar("M")


class QuerySource(DerivedSource):
    """A query, or a named query, as a source. Interned under the query's shape, or under the schema for a CTE.

    Attributes:
        query: the query's shape; None for a CTE, which is found by its name.
        columns: the column expressions over this source, by the names of the members that the query selects.
    """

    __slots__ = ("query",)

    def __init__(self, root: Root, info: SchemaInfo, label: str, query: Step | None, names: tuple[str, ...]) -> None:
        super().__init__(root, info, label, names, lasting=query is None)
        self.query = query


@final
class StandIn:
    """A query that is joined as it is: inside a subquery, read under the name of the schema of its rows.

    Attributes:
        source: whose columns it has in the query that joins it.
        query: the query's shape.
    """

    __slots__ = ("query", "source")

    def __init__(self, source: Any, query: Step) -> None:
        self.source = source
        self.query = query


def subquery(query: QueryLike[M], name: str) -> type[M]:
    """Return a query as a source with the columns of its struct: to join it, or to select from it.

    Raises:
        QueryError: when the query selects something else than one schema, or the name is no identifier.

    Example:
        best = subquery(from_(Post).where(Post.score > 9), "best")
        from_(User).join(best, on=best.author_id == User.id)
    """
    step = getattr(query, "node", None)
    _check_name(name)
    if not isinstance(step, Step):
        raise QueryError(f"`subquery` takes a query, got {query!r:.80}")
    refuse_preloads("subquery", query)
    info = row_schema(step)
    key = ("source", name)
    home: Home | None = step.kids.get(key)
    if home is None:
        home = intern(step, key, lambda root: Home(root, QuerySource(root, info, name, step, row_names(step))))
    source: QuerySource = home.held
    return cast("type[M]", Alias(source, query.params, source.entity))


def cte(shape: type[M], name: str) -> type[M]:
    """Return the name under which a query reads a CTE; `query.with_cte(…)` says what it is.

    Raises:
        QueryError: when the name is no identifier.

    Example:
        tree = cte(Branch, "tree")
        from_(tree).with_cte(tree, roots.union_all(branches), recursive=True)
    """
    _check_name(name)
    info = schema_info(shape)
    key = f"cte {name}"
    known = info.aliases.get(key)
    if known is None:
        source = QuerySource(info.root, info, name, None, info.column_names)
        known = info.aliases.setdefault(key, Alias(source, (), source.entity))
    return cast("type[M]", known)


def refuse_preloads(what: str, query: Any) -> None:
    """Raise QueryError for a query with preloads where its rows are not what is loaded."""
    if query.preloads:
        raise QueryError(
            f"the query inside `{what}` preloads {query.preloads[0]!r}, which would be lost",
            hint="preload on the outermost query",
        )


def row_schema(step: Step) -> SchemaInfo:
    """Return the schema whose structs a query gives. Raises QueryError when it gives something else."""
    built = steps(step)
    select = next((one for one in built if one.kind == "select"), None)
    if select is None:
        return cast("SchemaInfo", built[0].arg.info)
    maker, items, _names = select.arg
    if isinstance(maker, SchemaInfo):
        return maker
    if maker is None and len(items) == 1 and isinstance(items[0], Entity):
        return cast("SchemaInfo", items[0].source.info)
    raise QueryError(
        "a subquery needs a name and a type for each of its columns, and this query selects bare expressions",
        hint="project into a schema without a table:\n\n"
        "    class Line(Schema):\n        title: Field[str]\n\n"
        "    query.project(Line(title=Post.title))",
    )


def _check_name(name: str) -> None:
    if not name.isidentifier():
        raise QueryError(f"a subquery or CTE is named like a variable, got {name!r}")
