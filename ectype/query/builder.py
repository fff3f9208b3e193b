"""The query builder: each method returns a new query, and the checkers follow what is in scope and what comes out.

`Query[Avail, Sel, R]` is contravariant in `Avail` (what WHERE, ON, GROUP BY and ORDER BY may mention) and in `Sel`
(what may be selected as it is; the outer side of a left join must be wrapped in `maybe`), covariant in its row.
Building costs one dictionary lookup a step: the shape is interned, so the checks below run when a shape is met for
the first time only.
"""

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeAlias, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr, Maybe, Order, order_term
from ectype.query.ast import SetOperator, Step
from ectype.query.inspect import inspect
from ectype.query.joining import join_step
from ectype.query.planner import value_place
from ectype.query.scope import check_readable, check_scope, grow, source_of
from ectype.query.selecting import field_names, projection, select_step
from ectype.query.subqueries import refuse_preloads, row_schema
from ectype.schema.associations import Rel
from ectype.schema.schema import Of, Schema

P = ParamSpec("P")
S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
M = TypeVar("M", bound=Schema)
Avail = TypeVar("Avail", contravariant=True)
Sel = TypeVar("Sel", contravariant=True)
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")
T9 = TypeVar("T9")
T10 = TypeVar("T10")

new: Callable[[Any], Any] = object.__new__


class Pick(Protocol[S_co, T_co]):
    """What a select takes: an expression, or a schema class for the whole struct."""

    def __pick__(self) -> tuple[S_co, T_co]:
        """Only checkers call it."""
        ...


class Reduced(Protocol[S_co, T_co]):
    """An aggregate, which may be selected over an outer side as it is."""

    def __reduced__(self) -> tuple[S_co, T_co]:
        """Only checkers call it."""
        ...


class Renders(Protocol):
    """What `to_sql` takes: a dialect, which stands on the floor above."""

    def to_sql(self, node: Any, params: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
        """Return the text of a query's shape, and its parameters as the driver gets them."""
        ...


@overload
def maybe(expr: type[M]) -> Expr[Maybe[M], M | None]: ...
@overload
def maybe(expr: Expr[S, T]) -> Expr[Maybe[S], T | None]: ...
def maybe(expr: Any) -> Any:
    """Select what an outer join may leave out: a column becomes `T | None`, a schema its struct or None.

    Example:
        `query.left_join(Post.comments).select(Post.title, maybe(Comment.body))`
    """
    if isinstance(expr, Expr):
        return cast("Expr[Any, Any]", expr)
    return source_of(expr).optional


class Query(Generic[Avail, Sel, R_co]):
    """An immutable query: `node` is its interned shape, `params` the values, `preloads` what is loaded with it."""

    __slots__ = ("node", "params", "preloads")

    node: Step
    params: tuple[object, ...]
    preloads: tuple[Rel[Any, Any], ...]

    def __init__(self, node: Step, params: tuple[object, ...] = (), preloads: tuple[Rel[Any, Any], ...] = ()) -> None:
        self.node = node
        self.params = params
        self.preloads = preloads

    def __row__(self) -> R_co:
        """The type of a row, for checkers."""
        raise QueryError("`__row__` exists for type checkers only")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        # A query never changes, and a copy of its interned shape would find no plan.
        return self

    def where(self, *predicates: Expr[Avail, bool | None]) -> Self:
        """Keep the rows for which every predicate holds. SQL: `WHERE a AND b`."""
        node, params = self.node, self.params
        for predicate in predicates:
            try:
                node = node.kids[predicate.node]
            except (AttributeError, KeyError):
                node = _filtered(node, predicate, "where")
            params += predicate.params
        made: Any = new(Query)
        made.node = node
        made.params = params
        made.preloads = self.preloads
        return made

    def having(self, *predicates: Expr[Avail, bool | None]) -> Self:
        """Keep the groups for which every predicate holds. SQL: `HAVING a AND b`."""
        node, params = self.node, self.params
        for predicate in predicates:
            node = _filtered(node, predicate, "having")
            params += predicate.params
        return _query(self, node, params)

    def group_by(self, *keys: Expr[Avail, Any]) -> Self:
        """Make one row of all rows with equal keys. SQL: `GROUP BY a, b`."""
        node, params = self.node, self.params
        for key in keys:
            node = _filtered(node, key, "group")
            params += key.params
        return _query(self, node, params)

    def order_by(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Order the rows; calls add up, the first key counts most. SQL: `ORDER BY a, b DESC`."""
        node, params = self.node, self.params
        for key in keys:
            term, values = order_term(key)
            known = node.kids.get(term)
            node = known if known is not None else _ordered(node, term)
            params += values
        return _query(self, node, params)

    def limit(self, count: int) -> Self:
        """Give at most `count` rows; a second call replaces the first. SQL: `LIMIT $1`."""
        node = self.node.kids.get("limit")
        if node is None or count.__class__ is not int or count < 0:
            return _counted(self, "limit", count)
        made: Any = new(Query)
        made.node = node
        made.params = (*self.params, count)
        made.preloads = self.preloads
        return made

    def offset(self, count: int) -> Self:
        """Leave out the first `count` rows; a second call replaces the first. SQL: `OFFSET $1`."""
        return _counted(self, "offset", count)

    def distinct(self) -> Self:
        """Give equal rows once. SQL: `SELECT DISTINCT`."""
        return _query(self, grow(self.node, "distinct", "distinct", None), self.params)

    def preload(self, *paths: Rel[R_co, Any]) -> Self:
        """Load associations of the rows with one further query a step: `preload(User.posts / Post.comments)`."""
        for path in paths:
            _check_preload(self.node, path)
        made = _query(self, self.node, self.params)
        made.preloads = self.preloads + paths
        return made

    @overload
    def join(self, to: Rel[Avail, list[M]], *, as_: type[M] | None = None) -> "Query[Avail | M, Sel | M, R_co]": ...
    @overload
    def join(
        self, to: Rel[Avail, M | None] | Rel[Avail, M], *, as_: type[M] | None = None
    ) -> "Query[Avail | M, Sel | M, R_co]": ...
    @overload
    def join(self, to: Of[M], *, on: Expr[Avail | M, bool | None]) -> "Query[Avail | M, Sel | M, R_co]": ...
    def join(self, to: Any, *, on: Any = None, as_: Any = None) -> Any:
        """Add the rows of another table that match. SQL: `JOIN … ON …`.

        Args:
            to: an association in scope (`Post.author`), or a schema, alias, subquery or CTE.
            on: the condition; with an association it is known already.
            as_: an alias of the association's schema, to join a table a second time.

        Raises:
            QueryError: when a schema is joined twice under one name, or a column is out of scope.
        """
        # A plain association is one object on its class, so that it is its own key.
        known = self.node.kids.get(to) if to.__class__ is Rel and on is None and as_ is None else None
        if known is not None:
            return _query(self, known, self.params)
        node, values = join_step(self.node, "inner", to, on, as_)
        return _query(self, node, self.params + values)

    @overload
    def left_join(
        self, to: Rel[Avail, list[M]], *, as_: type[M] | None = None
    ) -> "Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]": ...
    @overload
    def left_join(
        self, to: Rel[Avail, M | None] | Rel[Avail, M], *, as_: type[M] | None = None
    ) -> "Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]": ...
    @overload
    def left_join(
        self, to: Of[M], *, on: Expr[Avail | M, bool | None]
    ) -> "Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]": ...
    def left_join(self, to: Any, *, on: Any = None, as_: Any = None) -> Any:
        """Add the rows of another table that match, or nothing where none does; select them through `maybe`.

        Arguments and errors are those of `join`. SQL: `LEFT JOIN … ON …`.
        """
        node, values = join_step(self.node, "left", to, on, as_)
        return _query(self, node, self.params + values)

    @overload
    def select(self, a1: Pick[Sel, T1] | Reduced[Avail, T1], /) -> "Query[Avail, Sel, T1]": ...
    @overload
    def select(
        self, a1: Pick[Sel, T1] | Reduced[Avail, T1], a2: Pick[Sel, T2] | Reduced[Avail, T2], /
    ) -> "Query[Avail, Sel, tuple[T1, T2]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        a6: Pick[Sel, T6] | Reduced[Avail, T6],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        a6: Pick[Sel, T6] | Reduced[Avail, T6],
        a7: Pick[Sel, T7] | Reduced[Avail, T7],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        a6: Pick[Sel, T6] | Reduced[Avail, T6],
        a7: Pick[Sel, T7] | Reduced[Avail, T7],
        a8: Pick[Sel, T8] | Reduced[Avail, T8],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        a6: Pick[Sel, T6] | Reduced[Avail, T6],
        a7: Pick[Sel, T7] | Reduced[Avail, T7],
        a8: Pick[Sel, T8] | Reduced[Avail, T8],
        a9: Pick[Sel, T9] | Reduced[Avail, T9],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8, T9]]": ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        a6: Pick[Sel, T6] | Reduced[Avail, T6],
        a7: Pick[Sel, T7] | Reduced[Avail, T7],
        a8: Pick[Sel, T8] | Reduced[Avail, T8],
        a9: Pick[Sel, T9] | Reduced[Avail, T9],
        a10: Pick[Sel, T10] | Reduced[Avail, T10],
        /,
    ) -> "Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8, T9, T10]]": ...
    def select(self, *items: Any) -> Any:
        """Choose what a row is: one expression gives its value, several a tuple, a schema its whole struct.

        Raises:
            QueryError: when the query has a select already, or an expression is out of scope.
        """
        node, values = select_step(self.node, None, items, ())
        made = _query(self, node, self.params + values)
        return _preloadable(made) if made.preloads else made

    def select_into(self, target: Callable[..., T], *items: Any) -> "Query[Avail, Sel, T]":
        """Make each row the call of `target` with the expressions: a dataclass, a named tuple, a pydantic model.

        Fields are matched by position for what takes positional arguments, by the order of its fields otherwise.

        Raises:
            QueryError: when the numbers of fields and expressions differ.
        """
        node, values = select_step(self.node, target, items, field_names(target, len(items)))
        return cast("Query[Avail, Sel, T]", _preloadable(_query(self, node, self.params + values)))

    def project(self, row: T) -> "Query[Avail, Sel, T]":
        """Make each row a struct of a schema whose members are expressions: `project(Line(title=Post.title))`.

        Raises:
            QueryError: when a member that is stored has no expression and no default.
        """
        info, items, names = projection(row)
        node, values = select_step(self.node, info, items, names)
        return cast("Query[Avail, Sel, T]", _preloadable(_query(self, node, self.params + values)))

    def with_cte(self, name: type[Schema], query: "Query[Any, Any, Schema]", *, recursive: bool = False) -> Self:
        """Say what a CTE of this query is. SQL: `WITH [RECURSIVE] name AS (…)`.

        Args:
            name: what `cte(Shape, "name")` returned.
            query: its rows; when `recursive`, a `union_all` whose second part reads `name` itself.
            recursive: whether the query reads itself.

        Raises:
            QueryError: when the query's rows are of another schema than the name.
        """
        source = source_of(name)
        if getattr(source, "query", ...) is not None:
            raise QueryError(f"`with_cte` takes a name made by `cte(Shape, …)`, got {name!r}")
        made = row_schema(_other("with_cte", query).node)
        if made is not source.info:
            raise QueryError(f"the CTE `{source.label}` has rows of {source.info.name}, its query gives {made.name}")
        key = ("cte", source, query.node, recursive)
        return _query(self, grow(self.node, key, "cte", key[1:]), self.params + query.params)

    def union(self, other: "Query[Any, Any, R_co]") -> Self:
        """Add the rows of another query, equal ones once. SQL: `a UNION b`; order and limit apply to the whole."""
        return _combined(self, "union", other)

    def union_all(self, other: "Query[Any, Any, R_co]") -> Self:
        """Add the rows of another query, equal ones too. SQL: `a UNION ALL b`; order and limit apply to the whole."""
        return _combined(self, "union_all", other)

    def intersect(self, other: "Query[Any, Any, R_co]") -> Self:
        """Keep the rows that another query gives too. SQL: `a INTERSECT b`."""
        return _combined(self, "intersect", other)

    def except_(self, other: "Query[Any, Any, R_co]") -> Self:
        """Keep the rows that another query does not give. SQL: `a EXCEPT b`."""
        return _combined(self, "except", other)

    def scope(
        self, function: "Callable[Concatenate[Self, P], Query[Any, Any, Any]]", *args: P.args, **kwargs: P.kwargs
    ) -> Self:
        """Apply a reusable part and keep the query's exact type; a part over a schema not in scope is refused."""
        return cast("Self", function(self, *args, **kwargs))

    def pipe(self, function: Callable[Concatenate[Self, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return `function(query, …)`: for parts that change the query's type."""
        return function(self, *args, **kwargs)

    def to_sql(self, dialect: Renders) -> tuple[str, tuple[object, ...]]:
        """Return the text and the parameters of this query on a database: `query.to_sql(POSTGRES)`.

        Raises:
            UnsupportedError: for what the database cannot do.
        """
        return dialect.to_sql(self.node, self.params)

    def __repr__(self) -> str:
        shown = inspect(self.node, self.params)
        return shown + (f".preload({', '.join(map(repr, self.preloads))})" if self.preloads else "")


Q: TypeAlias = Query[M, M, M]
"""`Q[Post]` is exactly a query of Post."""
Over: TypeAlias = Query[S, Any, Any]
"""`Over[Post]` is any query with Post in scope: what a reusable part takes and returns."""


def from_(model: type[M]) -> Query[M, M, M]:
    """Begin a query at a schema, an alias, a subquery or a CTE. SQL: `SELECT … FROM table`.

    Raises:
        QueryError: for a schema without a table, which is a shape and has no rows.
    """
    try:
        return cast("Query[M, M, M]", model.__query__)  # type: ignore[attr-defined]
    except AttributeError:
        return _begin(model)


def _begin(model: Any) -> Query[Any, Any, Any]:
    """Begin at a source for the first time: the query is kept beside it, since it never changes."""
    source = getattr(model, "__source__", None)
    if source is None:
        raise QueryError(f"`from_` takes a schema, got {model!r:.80}", hint="write `from_(User)`")
    check_readable(source)
    if source.shape is None:
        source.shape = Step(source.root, None, "from", source, (source,))
        if getattr(source, "query", None) is None:
            source.root.tops.append(source.shape)
    begun: Query[Any, Any, Any] = Query(source.shape, model.__params__)
    # Of a schema on its own metaclass, where its structs do not see it.
    holder: Any = cast("Any", model).__class__ if isinstance(model, type) else model
    holder.__query__ = begun
    return begun


def _query(base: Query[Any, Any, Any], node: Step, params: tuple[object, ...]) -> Any:
    made: Any = new(Query)
    made.node = node
    made.params = params
    made.preloads = base.preloads
    return made


def _filtered(node: Step, predicate: Any, kind: str) -> Step:
    if not isinstance(predicate, Expr):
        raise QueryError(
            f"`{'group_by' if kind == 'group' else kind}` takes expressions, got {predicate!r:.80}",
            hint="compare a column: `query.where(Post.score > 3)`; `==` between a column and a value of another type, "
            "or with None, gives a plain bool to the checkers",
        )
    expression = cast("Expr[Any, Any]", predicate)
    # A where is keyed by its expression alone: it is what filters have most often.
    key: object = expression.node if kind == "where" else (kind, expression.node)
    known = node.kids.get(key)
    if known is not None:
        return cast("Step", known)
    check_scope(node, expression.node, kind)
    return grow(node, key, kind, expression.node)


def _ordered(node: Step, term: nodes.Ordering) -> Step:
    check_scope(node, term, "order_by")
    return grow(node, term, "order", term)


def _counted(query: Query[Any, Any, Any], kind: str, count: object) -> Any:
    if count.__class__ is not int or cast("int", count) < 0:
        raise QueryError(f"`{kind}` takes a number of rows, 0 or more, got {count!r}")
    node = query.node.kids.get(kind)
    if node is None:
        place = value_place(query.node, kind)
        if place is not None:
            return _query(query, query.node, (*query.params[:place], count, *query.params[place + 1 :]))
        node = grow(query.node, kind, kind, None)
    return _query(query, node, (*query.params, count))


def _combined(query: Query[Any, Any, Any], operator: SetOperator, other: Any) -> Any:
    second = _other(operator, other)
    key = (operator, second.node)
    return _query(query, grow(query.node, key, "combine", key), query.params + second.params)


def _other(what: str, query: object) -> Query[Any, Any, Any]:
    if not isinstance(query, Query):
        raise QueryError(f"`{what}` takes a query, got {query!r:.80}", hint="begin one: `from_(Post).where(…)`")
    refuse_preloads(what, query)
    return cast("Query[Any, Any, Any]", query)


def _preloadable(query: Query[Any, Any, Any]) -> Query[Any, Any, Any]:
    """Return a query whose rows still are what it preloads. Raises QueryError otherwise."""
    for path in query.preloads:
        _check_preload(query.node, path)
    return query


def _check_preload(node: Step, path: object) -> None:
    if not isinstance(path, Rel):
        raise QueryError(f"`preload` takes associations, got {path!r:.80}", hint="write `preload(User.posts)`")
    start = cast("Rel[Any, Any]", path).hops[0].association.owner
    try:
        row = row_schema(node)
    except QueryError:
        row = None
    if start is not row:
        gives = "bare expressions" if row is None else row.name
        raise QueryError(f"`{path!r}` starts at {start.name}, and this query gives {gives}")
