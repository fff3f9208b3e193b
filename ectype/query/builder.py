"""The query builder: each method returns a new query, and the checkers follow what is in scope and what comes out.

`Query[Avail, Sel, R]` is contravariant in `Avail` (what WHERE, ON, GROUP BY and ORDER BY may mention) and in `Sel`
(what may be selected as it is; the outer side of a left join must be wrapped in `maybe`), covariant in its row.
Building costs one dictionary lookup a step: the shape is interned, so the checks below run when a shape is met for
the first time only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr.operand import Assignment, Column, Expr, Maybe
from ectype.query.ast import Step
from ectype.query.clauses import Clauses, grown, preloadable
from ectype.query.excluding import KeptClause, without
from ectype.query.into import members_of
from ectype.query.joining import join_step, joined_already
from ectype.query.merging import merge_step
from ectype.query.partial import Partial, only_or_none
from ectype.query.scope import check_readable, known_as, source_of
from ectype.query.selecting import named_items, projection, select_step
from ectype.schema.rel import Rel
from ectype.schema.schema import Of, Schema

S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
M = TypeVar("M", bound=Schema)
Avail = TypeVar("Avail", contravariant=True)
Sel = TypeVar("Sel", contravariant=True)
A = TypeVar("A")
Z = TypeVar("Z")
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


@overload
def maybe(expr: type[M]) -> Expr[Maybe[M], M | None]: ...
@overload
def maybe(expr: Partial[M]) -> Expr[Maybe[M], M | None]: ...
@overload
def maybe(expr: Expr[S, T]) -> Expr[Maybe[S], T | None]: ...
def maybe(expr: Any) -> Any:
    """Select what an outer join may leave out: a column becomes `T | None`, a schema its struct or None.

    Example:
        `query.left_join(Post.comments).select(Post.title, maybe(Comment.body))`
    """
    if isinstance(expr, Expr):
        return cast("Expr[Any, Any]", expr)
    if isinstance(expr, Partial):
        return only_or_none(cast("Partial[Any]", expr))
    return source_of(expr).optional


class Query(Clauses[Avail, Sel, R_co]):
    """An immutable query: sources are added, and what a row is is chosen, in methods that change its type."""

    __slots__ = ()

    @overload
    def join(
        self, to: Rel[Avail, list[M]], *, on: Expr[Avail | M, bool | None] | None = None, as_: type[M] | None = None
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def join(
        self,
        to: Rel[Avail, M | None] | Rel[Avail, M],
        *,
        on: Expr[Avail | M, bool | None] | None = None,
        as_: type[M] | None = None,
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def join(
        self, to: Of[M], *, on: Expr[Avail | M, bool | None], lateral: bool = False
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def join(self, to: Of[M], *, lateral: Literal[True]) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def join(
        self,
        to: Query[A, Z, M],
        *,
        on: Expr[Avail | M, bool | None],
        as_: type[M] | None = None,
        lateral: bool = False,
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    def join(self, to: Any, *, on: Any = None, as_: Any = None, lateral: bool = False) -> Any:
        """Add the rows of another table that match. SQL: `JOIN … ON …`.

        Args:
            to: an association in scope (`Post.author`); a schema, alias, subquery or CTE; or a query of one schema,
                which is read under that schema's name: with filters only as its table, else as a subquery.
            on: the condition; with an association it adds to the one that is known already.
            as_: an alias of the schema, to join a table a second time.
            lateral: whether a subquery reads the sources before it, by columns marked `outer(Post.id)`.

        Raises:
            QueryError: when a schema is joined twice under one name, or a column is out of scope.
            UnsupportedError: for a lateral join, when the database has none.

        Example:
            from_(Post).join(Post.comments, on=Comment.likes > 3)
            from_(Post).join(from_(Comment).where(Comment.likes > 3), on=Comment.post_id == Post.id)
        """
        # A plain association is one object on its class, so that it is its own key.
        plain = to.__class__ is Rel and on is None and as_ is None and not lateral
        known = self.node.kids.get(to) if plain else None
        if known is not None:
            made: Any = type(self)()
            made.node = known
            made.params = self.params
            made.preloads = self.preloads
            return made
        node, values = join_step(self.node, "inner", to, on, as_, lateral=lateral)
        return grown(self, node, self.params + values)

    @overload
    def left_join(
        self, to: Rel[Avail, list[M]], *, on: Expr[Avail | M, bool | None] | None = None, as_: type[M] | None = None
    ) -> Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]: ...
    @overload
    def left_join(
        self,
        to: Rel[Avail, M | None] | Rel[Avail, M],
        *,
        on: Expr[Avail | M, bool | None] | None = None,
        as_: type[M] | None = None,
    ) -> Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]: ...
    @overload
    def left_join(
        self, to: Of[M], *, on: Expr[Avail | M, bool | None], lateral: bool = False
    ) -> Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]: ...
    @overload
    def left_join(self, to: Of[M], *, lateral: Literal[True]) -> Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]: ...
    @overload
    def left_join(
        self,
        to: Query[A, Z, M],
        *,
        on: Expr[Avail | M, bool | None],
        as_: type[M] | None = None,
        lateral: bool = False,
    ) -> Query[Avail | M | Maybe[M], Sel | Maybe[M], R_co]: ...
    def left_join(self, to: Any, *, on: Any = None, as_: Any = None, lateral: bool = False) -> Any:
        """Add the rows of another table that match, or nothing where none does; select them through `maybe`.

        Arguments and errors are those of `join`. SQL: `LEFT JOIN … ON …`.
        """
        node, values = join_step(self.node, "left", to, on, as_, lateral=lateral)
        return grown(self, node, self.params + values)

    @overload
    def right_join(
        self, to: Rel[Avail, list[M]], *, on: Expr[Avail | M, bool | None] | None = None, as_: type[M] | None = None
    ) -> Query[Avail | M | Maybe[Avail], Maybe[Avail] | M, R_co | None]: ...
    @overload
    def right_join(
        self,
        to: Rel[Avail, M | None] | Rel[Avail, M],
        *,
        on: Expr[Avail | M, bool | None] | None = None,
        as_: type[M] | None = None,
    ) -> Query[Avail | M | Maybe[Avail], Maybe[Avail] | M, R_co | None]: ...
    @overload
    def right_join(
        self, to: Of[M], *, on: Expr[Avail | M, bool | None]
    ) -> Query[Avail | M | Maybe[Avail], Maybe[Avail] | M, R_co | None]: ...
    @overload
    def right_join(
        self, to: Query[A, Z, M], *, on: Expr[Avail | M, bool | None], as_: type[M] | None = None
    ) -> Query[Avail | M | Maybe[Avail], Maybe[Avail] | M, R_co | None]: ...
    def right_join(self, to: Any, *, on: Any = None, as_: Any = None) -> Any:
        """Keep all rows of another table; what the query read before is missing where nothing matches.

        Its structs are None there, and its columns are selected through `maybe`. Arguments are those of `join`.
        SQL: `RIGHT JOIN … ON …`.

        Raises:
            QueryError: as `join`, and when the query has selected already.
            UnsupportedError: on SQLite before 3.39.

        Example:
            `from_(Comment).right_join(Post, on=Comment.post_id == Post.id).select(Post.title, maybe(Comment.body))`
        """
        node, values = join_step(self.node, "right", to, on, as_)
        return grown(self, node, self.params + values)

    @overload
    def full_join(
        self, to: Rel[Avail, list[M]], *, on: Expr[Avail | M, bool | None] | None = None, as_: type[M] | None = None
    ) -> Query[Avail | M | Maybe[Avail] | Maybe[M], Maybe[Avail] | Maybe[M], R_co | None]: ...
    @overload
    def full_join(
        self,
        to: Rel[Avail, M | None] | Rel[Avail, M],
        *,
        on: Expr[Avail | M, bool | None] | None = None,
        as_: type[M] | None = None,
    ) -> Query[Avail | M | Maybe[Avail] | Maybe[M], Maybe[Avail] | Maybe[M], R_co | None]: ...
    @overload
    def full_join(
        self, to: Of[M], *, on: Expr[Avail | M, bool | None]
    ) -> Query[Avail | M | Maybe[Avail] | Maybe[M], Maybe[Avail] | Maybe[M], R_co | None]: ...
    @overload
    def full_join(
        self, to: Query[A, Z, M], *, on: Expr[Avail | M, bool | None], as_: type[M] | None = None
    ) -> Query[Avail | M | Maybe[Avail] | Maybe[M], Maybe[Avail] | Maybe[M], R_co | None]: ...
    def full_join(self, to: Any, *, on: Any = None, as_: Any = None) -> Any:
        """Keep all rows of both sides; either is missing where nothing matches. SQL: `FULL JOIN … ON …`.

        Select both through `maybe`. Arguments and errors are those of `right_join`.
        """
        node, values = join_step(self.node, "full", to, on, as_)
        return grown(self, node, self.params + values)

    def cross_join(self, to: Of[M], *, lateral: bool = False) -> Query[Avail | M, Sel | M, R_co]:
        """Put each row beside each row of another source. SQL: `CROSS JOIN …`.

        Args:
            to: a schema, alias, subquery, CTE or constant rows.
            lateral: whether a subquery reads the sources before it, by columns marked `outer(Post.id)`.

        Raises:
            QueryError: when the source is in the query already.
            UnsupportedError: for a lateral join, when the database has none.
        """
        node, values = join_step(self.node, "cross", to, None, None, lateral=lateral)
        return cast("Query[Avail | M, Sel | M, R_co]", grown(self, node, self.params + values))

    @overload
    def ensure_join(
        self, to: Rel[Avail, list[M]], *, on: Expr[Avail | M, bool | None] | None = None, as_: type[M] | None = None
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def ensure_join(
        self,
        to: Rel[Avail, M | None] | Rel[Avail, M],
        *,
        on: Expr[Avail | M, bool | None] | None = None,
        as_: type[M] | None = None,
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def ensure_join(self, to: Of[M], *, on: Expr[Avail | M, bool | None]) -> Query[Avail | M, Sel | M, R_co]: ...
    @overload
    def ensure_join(
        self, to: Query[A, Z, M], *, on: Expr[Avail | M, bool | None], as_: type[M] | None = None
    ) -> Query[Avail | M, Sel | M, R_co]: ...
    def ensure_join(self, to: Any, *, on: Any = None, as_: Any = None) -> Any:
        """Join what is not in the query yet, as reusable parts do; what is joined already stays as it is.

        Arguments are those of `join`.

        Raises:
            QueryError: as `join`, and when an outer join of the query may leave its rows out.

        Example:
            `query.ensure_join(Post.author).where(User.age > 17)`
        """
        if joined_already(self.node, to, as_):
            return self
        node, values = join_step(self.node, "inner", to, on, as_)
        return grown(self, node, self.params + values)

    @overload
    def select(
        self, a1: Mapping[str, Pick[Sel, Any] | Reduced[Avail, Any]], /
    ) -> Query[Avail, Sel, dict[str, Any]]: ...
    @overload
    def select(self, a1: Pick[Sel, T1] | Reduced[Avail, T1], /) -> Query[Avail, Sel, T1]: ...
    @overload
    def select(
        self, a1: Pick[Sel, T1] | Reduced[Avail, T1], a2: Pick[Sel, T2] | Reduced[Avail, T2], /
    ) -> Query[Avail, Sel, tuple[T1, T2]]: ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        /,
    ) -> Query[Avail, Sel, tuple[T1, T2, T3]]: ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        /,
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4]]: ...
    @overload
    def select(
        self,
        a1: Pick[Sel, T1] | Reduced[Avail, T1],
        a2: Pick[Sel, T2] | Reduced[Avail, T2],
        a3: Pick[Sel, T3] | Reduced[Avail, T3],
        a4: Pick[Sel, T4] | Reduced[Avail, T4],
        a5: Pick[Sel, T5] | Reduced[Avail, T5],
        /,
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5]]: ...
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
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6]]: ...
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
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7]]: ...
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
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8]]: ...
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
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8, T9]]: ...
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
    ) -> Query[Avail, Sel, tuple[T1, T2, T3, T4, T5, T6, T7, T8, T9, T10]]: ...
    def select(self, *items: Any) -> Any:
        """Choose what a row is: one expression gives its value, several a tuple, a schema its whole struct.

        `only(Post.id, Post.title)` gives a struct with these members, a dict of names and expressions gives dicts.

        Raises:
            QueryError: when the query has a select already, or an expression is out of scope.

        Example:
            `query.select({"title": Post.title, "comments": fn.count(Comment.id)})`
        """
        try:
            known = self.node.kids.get(items)
        except TypeError:
            known = None
        if known is not None:
            made = grown(self, known, self.params)
        elif len(items) == 1 and not isinstance(items[0], Expr) and isinstance(items[0], Mapping):
            values_of, names = named_items(cast("Mapping[object, Any]", items[0]))
            node, values = select_step(self.node, dict, values_of, names)
            made = grown(self, node, self.params + values)
        else:
            node, values = select_step(self.node, None, items, ())
            made = grown(self, node, self.params + values)
            # Schemas and columns are the same objects at each call, and bring no values.
            if all(isinstance(item, type) or item.__class__ is Column for item in items):
                known_as(self.node, items, node)
        return preloadable(made) if made.preloads else made

    def select_merge(self, *assignments: Assignment[Avail, R_co]) -> Self:
        """Fill members of the struct that is selected, virtual ones too; a later value of a member wins.

        Where an outer join found no row, a member that would be NULL for that reason stays as the struct has it.

        Raises:
            QueryError: for a member of another schema, an association, or a query whose row is not one struct.

        Example:
            `from_(Post).left_join(Post.comments).group_by(Post.id).select_merge(Post.total.set(fn.count(Comment.id)))`
        """
        node, values = merge_step(self.node, assignments)
        made: Self = grown(self, node, self.params + values)
        return made

    @overload
    def select_into(
        self, target: Callable[..., T], *items: Pick[Sel, Any] | Reduced[Avail, Any]
    ) -> Query[Avail, Sel, T]: ...
    @overload
    def select_into(
        self, target: Callable[..., T], **members: Pick[Sel, Any] | Reduced[Avail, Any]
    ) -> Query[Avail, Sel, T]: ...
    def select_into(self, target: Any, *items: Any, **members: Any) -> Any:
        """Make each row the call of `target` with the expressions: a dataclass, a named tuple, a pydantic model.

        By keyword the expressions are the members of that name, of a TypedDict too; by position they are the fields in
        their order, or the arguments of a function. What has a default may be left out.

        Raises:
            QueryError: for members that the target does not have, or cannot do without.

        Example:
            `query.select_into(Card, title=Post.title, comments=fn.count(Comment.id))`
        """
        given, names = members_of(target, items, members)
        node, values = select_step(self.node, target, given, names)
        return preloadable(grown(self, node, self.params + values))

    def project(self, row: T) -> Query[Avail, Sel, T]:
        """Make each row a struct of a schema whose members are expressions: `project(Line(title=Post.title))`.

        Raises:
            QueryError: when a member that is stored has no expression and no default.
        """
        info, items, names = projection(row)
        node, values = select_step(self.node, info, items, names)
        return cast("Query[Avail, Sel, T]", preloadable(grown(self, node, self.params + values)))

    # Of a query of one schema, or of inner joins, the row is known to be a struct of what is in scope.
    @overload
    def exclude(self: Query[M, M, Any], select: Literal["select"], /, *more: KeptClause) -> Query[M, M, M]: ...
    @overload
    def exclude(self, select: Literal["select"], /, *more: KeptClause) -> Query[Avail, Sel, Any]: ...
    @overload
    def exclude(self, *clauses: KeptClause) -> Self: ...
    def exclude(self, *clauses: str) -> Any:
        """Return the query without some of its clauses, as if they had never been written.

        Without `select` a row is a struct of the first schema again. Without `join` all joined tables are gone, without
        `left_join` those of left joins, though checkers still take them for being in scope. SQL: that of the query
        without them.

        Args:
            clauses: `where`, `join` or one kind of joins (`inner_join`, `left_join`, `right_join`, `full_join`,
                `cross_join`, `inner_lateral_join`, `left_lateral_join`, `cross_lateral_join`), `group_by`, `having`,
                `order_by`, `distinct`, `limit`, `offset`, `select`, `preload`, `lock`, `prefix`, `with_cte` or
                `combinations`; `select` comes first.

        Raises:
            QueryError: for an unknown clause, or joins that another clause needs.

        Example:
            `total = await repo.aggregate(page.exclude("limit", "offset", "order_by"), fn.count())`
        """
        node, params = without(self.node, self.params, clauses)
        made: Query[Any, Any, Any] = grown(self, node, params)
        if "preload" in clauses:
            made.preloads = ()
        return preloadable(made)


Q: TypeAlias = Query[M, M, M]
"""`Q[Post]` is exactly a query of Post."""
Over: TypeAlias = Query[S, Any, Any]
"""`Over[Post]` is any query with Post in scope: what a reusable part takes and returns."""


def query_at(node: Step, params: tuple[object, ...]) -> Query[Any, Any, Any]:
    """Return the query of a shape and the values of its parameters.

    It stands for a constructor, whose call would cost each clause as much as all else that it does.
    """
    made: Query[Any, Any, Any] = Query()
    made.node = node
    made.params = params
    made.preloads = ()
    return made


def from_(model: type[M]) -> Query[M, M, M]:
    """Begin a query at a schema, an alias, a subquery or a CTE. SQL: `SELECT … FROM table`.

    Raises:
        QueryError: for a schema without a table, which is a shape and has no rows.
    """
    begin: Any = model
    try:
        begun: Query[M, M, M] = begin.__query__
    except AttributeError:
        begun = _begin(model)
    return begun


def _begin(model: Any) -> Query[Any, Any, Any]:
    """Begin at a source for the first time: the query is kept beside it, since it never changes."""
    source = getattr(model, "__source__", None)
    if source is None:
        raise QueryError(f"`from_` takes a schema, got {model!r:.80}", hint="write `from_(User)`")
    check_readable(source)
    if source.shape is None:
        source.shape = Step(source.root, None, "from", source, (source,))
        if source.lasting:
            source.root.tops.append(source.shape)
    begun: Query[Any, Any, Any] = query_at(source.shape, model.__params__)
    # Of a schema on its own metaclass, where its structs do not see it.
    holder: Any = cast("Any", model).__class__ if isinstance(model, type) else model
    holder.__query__ = begun
    return begun
