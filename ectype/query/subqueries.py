"""Sources that are queries: `subquery(query, "name")` and `cte(Shape, "name")`, both typed as a schema."""

from typing import Any, TypeVar, cast

from ectype.errors import QueryError, did_you_mean
from ectype.expr.nodes import ColumnRef, Entity, Node, Root, intern
from ectype.expr.operand import Column, Expr, QueryLike
from ectype.query.ast import Step, steps
from ectype.query.partial import row_names
from ectype.schema.aliases import Alias
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.types.base import Type

M = TypeVar("M")


class QuerySource:
    """A query, or a named query, as a source. Interned under the query's shape, or under the schema for a CTE.

    Attributes:
        info: the schema whose fields it has for columns.
        label: its name.
        query: the query's shape; None for a CTE, which is found by its name.
        columns: the column expressions over this source, by the names of the members that the query selects.
    """

    __slots__ = ("columns", "entity", "info", "label", "optional", "query", "root", "shape")

    def __init__(self, root: Root, info: SchemaInfo, label: str, query: Step | None, names: tuple[str, ...]) -> None:
        self.info = info
        self.label = label
        self.query = query
        self.root = root
        self.shape: Any = None
        self.columns: dict[str, Column[Any, Any]] = {name: Column(ColumnRef(self.root, self, name)) for name in names}
        self.entity: Expr[Any, Any] = Expr(cast("Any", Entity(self.root, self, optional=False)))
        self.optional: Expr[Any, Any] = Expr(cast("Any", Entity(self.root, self, optional=True)))
        if query is None:
            self.root.tops += [column.node for column in self.columns.values()]

    def column_type(self, name: str) -> Type[Any]:
        """The type of one of its columns."""
        return self.info.fields[name].type

    def column_source(self, name: str) -> str:
        """The column's name in the database: that of the member, since the inner query names its outputs so."""
        return name

    def hides(self, name: str) -> bool:
        """Whether values of the column must not be shown."""
        return name in self.info.redacted

    def column(self, name: str) -> Column[Any, Any]:
        """The expression of one of its columns. Raises QueryError with the closest name when there is none."""
        try:
            return self.columns[name]
        except KeyError:
            raise QueryError(
                f"`{name}` does not exist in `{self.label}`", hint=did_you_mean(name, self.columns)
            ) from None

    def __repr__(self) -> str:
        return f"<source {self.label}>"


class _Home(Node):
    """Holds what is interned under it: the aliases made over one query."""

    __slots__ = ("held",)

    def __init__(self, root: Root, held: Any) -> None:
        super().__init__(root)
        self.held = held


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
    home: _Home | None = step.kids.get(key)
    if home is None:
        home = intern(step, key, lambda root: _Home(root, QuerySource(root, info, name, step, row_names(step))))
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
