"""The clauses of a query that leave its type as it is: filters, order, groups, limits, combinations, preloads.

`Clauses[Avail, Sel, R]` is contravariant in `Avail` (what WHERE, ON, GROUP BY and ORDER BY may mention) and in `Sel`
(what may be selected as it is), covariant in its row. Building costs one dictionary lookup a step: the shape is
interned, so the checks below run when a shape is met for the first time only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, Generic, Never, ParamSpec, Protocol, Self, TypeAlias, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Assignment, Column, Expr, Order, order_term
from ectype.expr.predicates import and_
from ectype.query.ast import SetOperator, Step
from ectype.query.ctes import cte_step
from ectype.query.each import each_step
from ectype.query.filtering import filter_conditions
from ectype.query.inspect import inspect
from ectype.query.limits import counted
from ectype.query.locking import lock_step
from ectype.query.naming import check_names
from ectype.query.order import by_key, distinct_on, is_ordered, prepended, refuse_limited, reversed_order
from ectype.query.ordering import Nulls, order_terms
from ectype.query.partial import check_preloaded_key, check_same_members
from ectype.query.scope import check_scope, grow, known_as, source_of
from ectype.query.sources import refuse_prefix
from ectype.query.subqueries import refuse_preloads, row_schema
from ectype.query.tables import tables
from ectype.schema.rel import Rel
from ectype.schema.schema import Schema

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
R_co = TypeVar("R_co", covariant=True)
Avail = TypeVar("Avail", contravariant=True)
Sel = TypeVar("Sel", contravariant=True)

Locked: TypeAlias = type[S] | Sequence[type[S]] | None
"""Whose rows a lock is on: a schema or an alias in scope, several, or None for all."""


class Renders(Protocol):
    """What `to_sql` takes: a dialect, which stands on the floor above."""

    def to_sql(self, node: Any, params: tuple[object, ...], *, pretty: bool = False) -> tuple[str, tuple[object, ...]]:
        """Return the text of a query's shape, and its parameters as the driver gets them."""
        ...


class Clauses(Generic[Avail, Sel, R_co]):
    """A query without what changes its type: `node` is its interned shape, `params` the values of its parameters."""

    __slots__ = ("node", "params", "preloads")

    node: Step
    params: tuple[object, ...]
    preloads: tuple[Rel[Any, Any], ...]

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
        made: Any = type(self)()
        made.node = node
        made.params = params
        made.preloads = self.preloads
        return made

    def or_where(self, *predicates: Expr[Avail, bool | None]) -> Self:
        """Keep the rows for which every predicate holds, too, whatever the conditions so far say.

        Conditions are read from left to right, so `where(a).or_where(b, c).where(d)` keeps what
        `((a) OR ((b) AND (c))) AND (d)` says; as the first condition it is a plain `where`.
        SQL: `WHERE (a) OR (b)`.

        Raises:
            QueryError: for what is no expression, or out of scope.

        Example:
            `from_(Post).where(Post.draft.is_null()).or_where(Post.author_id == me)`
        """
        return _alternative(self, "or_where", predicates)

    def where_each(self, mixin: type[S], predicate: Callable[[type[S]], Expr[Any, bool | None]]) -> Self:
        """Keep, of every table whose schema is or has `mixin`, the rows for which the predicate holds.

        It reaches what the query reads so far, wherever that stands: the first source, joins, subqueries, CTEs and
        combined queries. Of the outer side of a join it narrows the rows that may match, so that the other side stays.
        Tables without such a schema are read as they are. SQL: `… LEFT JOIN b ON … AND (b.tenant_id = $1) WHERE …`.

        Args:
            mixin: a mixin, a base class, or one schema.
            predicate: it is given each schema, and returns a condition on its columns.

        Raises:
            QueryError: for a condition over other tables, or one that reads such tables itself.

        Example:
            `query.where_each(Tenanted, lambda table: table.tenant_id == tenant)`
        """
        node, params = each_step(self.node, mixin, predicate)
        return grown(self, node, self.params + params)

    def having(self, *predicates: Expr[Avail, bool | None]) -> Self:
        """Keep the groups for which every predicate holds. SQL: `HAVING a AND b`."""
        node, params = self.node, self.params
        for predicate in predicates:
            node = _filtered(node, predicate, "having")
            params += predicate.params
        return grown(self, node, params)

    def or_having(self, *predicates: Expr[Avail, bool | None]) -> Self:
        """Keep the groups for which every predicate holds, too, whatever the conditions so far say.

        Read as `or_where` is. SQL: `HAVING (a) OR (b)`.

        Raises:
            QueryError: for what is no expression, or out of scope.

        Example:
            `query.having(fn.count() > 3).or_having(fn.max(Post.score) > 9)`
        """
        return _alternative(self, "or_having", predicates)

    def group_by(self, *keys: Expr[Avail, Any]) -> Self:
        """Make one row of all rows with equal keys. SQL: `GROUP BY a, b`."""
        node, params = self.node, self.params
        for key in keys:
            node = _filtered(node, key, "group")
            params += key.params
        return grown(self, node, params)

    def order_by(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Order the rows; calls add up, the first key counts most. SQL: `ORDER BY a, b DESC`."""
        node, params = self.node, self.params
        for key in keys:
            # A column is one object on its class, so that it is its own key.
            known = node.kids.get(key) if key.__class__ is Column else None
            if known is None:
                term, values = order_term(key)
                known = _ordered(node, term)
                params += values
                if key.__class__ is Column:
                    known_as(node, key, known)
            node = known
        made: Any = type(self)()
        made.node = node
        made.params = params
        made.preloads = self.preloads
        return made

    def order_by_params(
        self,
        text: str | None,
        *,
        sortable: Mapping[str, Expr[Avail, Any]],
        nulls: Nulls = "last",
        max_keys: int = 5,
        tie_break: bool = True,
    ) -> Self:
        """Order the rows as a user's text says: `-name,created`, `-` for descending, `age:nulls_first` for NULLs.

        Args:
            text: from a request; empty or None orders by the primary key alone.
            sortable: what names may be sorted by.
            nulls: where NULLs go when the text does not say; the same on every database.
            max_keys: how many names at most.
            tie_break: whether the primary key follows, so that the order is total.

        Raises:
            InvalidParamsError: for a name that is not allowed, or comes twice; its messages are for the user.
            QueryError: for a column out of scope or redacted, or a query without a key to tell its rows apart.

        Example:
            `from_(User).order_by_params("-age", sortable={"name": User.name, "age": User.age})`
        """
        terms = order_terms(self.node, text, sortable, nulls=nulls, max_keys=max_keys, tie_break=tie_break)
        return self.order_by(*terms)

    def filter_params(
        self,
        params: Mapping[str, object],
        *,
        filterable: Mapping[str, Expr[Avail, Any]],
        operators: Mapping[str, Collection[str]] | None = None,
    ) -> Self:
        """Keep the rows that a user's params ask for: `{"age__gte": "18", "name__contains": "ada"}`.

        A key is a name, or a name, `__` and an operator: `eq` (meant without one), `ne`, `gt`, `gte`, `lt`, `lte`,
        `in` (a list, or text with commas), `is_null` (`true` or `false`), and for text `contains` and `starts_with`,
        without regard to case. Values are cast by the column's type, as in a changeset.

        Args:
            params: from a request; 20 filters, 100 values of a list and 1,000 characters of a text at most.
            filterable: what names may be filtered by.
            operators: by name, which of its type's operators are allowed; all where it does not say.

        Raises:
            InvalidParamsError: for each name, operator and value that is refused; its messages are for the user.
            QueryError: for a column out of scope, redacted, or of a type that cannot be compared.

        Example:
            `from_(User).filter_params({"age__gte": "18"}, filterable={"age": User.age})`
        """
        return self.where(*filter_conditions(self.node, params, filterable, operators))

    def prepend_order_by(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Order the rows by these keys first, and by the order so far where they are equal. SQL: `ORDER BY new, old`.

        Raises:
            QueryError: for what cannot be ordered by, or is out of scope.

        Example:
            `from_(Post).order_by(Post.title).prepend_order_by(Post.score.desc())`
        """
        if not keys:
            return self
        node, values = prepended(self.node, keys)
        return grown(self, node, self.params + values)

    def reverse_order(self) -> Self:
        """Order the other way round, NULLs at the other end; without an order, the largest primary key first.

        SQL: `ORDER BY a DESC, b` for `ORDER BY a, b DESC`.

        Raises:
            NoPrimaryKeyError: without an order, for a schema without a primary key.

        Example:
            `from_(Post).order_by(Post.score.desc(nulls="last")).reverse_order()`
        """
        return grown(self, reversed_order(self.node), self.params)

    def first(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Give the first row only, in the order so far and by `keys`; without any, by the primary key.

        SQL: `ORDER BY id LIMIT 1`.

        Raises:
            NoPrimaryKeyError: without an order, for a schema without a primary key.

        Example:
            `await repo.one(from_(Post).first(Post.posted_at))`
        """
        ordered = self.order_by(*keys)
        if not is_ordered(ordered.node):
            ordered = grown(self, by_key(self.node), self.params)
        return ordered.limit(1)

    def last(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Give the last row only, in the order so far and by `keys`; without any, by the primary key.

        SQL: `ORDER BY id DESC LIMIT 1`.

        Raises:
            NoPrimaryKeyError: without an order, for a schema without a primary key.
            QueryError: for a query with a limit or an offset, whose last row is another.

        Example:
            `await repo.one(from_(Post).last(Post.posted_at))`
        """
        refuse_limited(self.node)
        return self.order_by(*keys).reverse_order().limit(1)

    # Overloads, since mypy would take a column for the value that it is on a struct where an `int` may stand too.
    @overload
    def limit(self, count: int, *, with_ties: bool = False) -> Self: ...
    @overload
    def limit(self, count: Expr[Never, int | None], *, with_ties: bool = False) -> Self: ...
    def limit(self, count: Any, *, with_ties: bool = False) -> Self:
        """Give at most `count` rows; a second call replaces the first. SQL: `LIMIT $1`.

        Args:
            count: how many, 0 or more; or an expression without columns of this query, whose NULL is no limit.
            with_ties: give further rows that the order takes for equal to the last one; the query needs an order.
                SQL: `FETCH FIRST $1 ROWS WITH TIES`, which SQLite has not.

        Raises:
            QueryError: for what is no number of rows, or mentions them.

        Example:
            `query.limit(scalar(from_(Setting).where(Setting.name == "page size").select(Setting.value)))`
        """
        if with_ties:
            return _counted(self, "limit", count, "ties")
        node = self.node.kids.get("limit")
        if node is None or type(count) is not int or count < 0:
            return _counted(self, "limit", count)
        made: Any = type(self)()
        made.node = node
        made.params = (*self.params, count)
        made.preloads = self.preloads
        return made

    @overload
    def offset(self, count: int) -> Self: ...
    @overload
    def offset(self, count: Expr[Never, int | None]) -> Self: ...
    def offset(self, count: Any) -> Self:
        """Leave out the first `count` rows; a second call replaces the first. SQL: `OFFSET $1`.

        Argument and errors are those of `limit`; an expression's NULL leaves nothing out.
        """
        return _counted(self, "offset", count)

    def distinct(self, *keys: Expr[Avail, Any] | Order[Avail]) -> Self:
        """Give equal rows once; with `keys`, of all rows with equal keys the first in the order of the query.

        SQL: `SELECT DISTINCT`, or `SELECT DISTINCT ON (a) … ORDER BY a, …`, which SQLite has not: keys come first in
        the order, in the direction that they or the order give them.

        Raises:
            QueryError: for keys when the query is distinct already.

        Example:
            `from_(Post).distinct(Post.author_id).order_by(Post.score.desc())`     # the best post of each author
        """
        if not keys:
            return grown(self, grow(self.node, "distinct", "distinct", None), self.params)
        node, values = distinct_on(self.node, keys)
        return grown(self, node, self.params + values)

    def for_update(self, *, of: Locked[Avail] = None, skip_locked: bool = False, nowait: bool = False) -> Self:
        """Lock the rows until the transaction ends, against changes and other locks. SQL: `FOR UPDATE`.

        The last lock of a query counts.

        Args:
            of: the schema or alias, or a list of them, whose rows are locked; those of all tables without it.
            skip_locked: leave out rows that another transaction has locked, instead of waiting for them.
            nowait: fail at once when another transaction has locked one.

        Raises:
            QueryError: for both ways not to wait, or a schema that is not in scope.

        Example:
            `from_(Job).where(Job.state == "new").order_by(Job.id).limit(10).for_update(skip_locked=True)`
        """
        return _locked(self, "UPDATE", of, skip_locked=skip_locked, nowait=nowait)

    def for_no_key_update(self, *, of: Locked[Avail] = None, skip_locked: bool = False, nowait: bool = False) -> Self:
        """Lock the rows as an update of other columns than keys does: references to them may still be inserted.

        Arguments and errors are those of `for_update`. SQL: `FOR NO KEY UPDATE`.
        """
        return _locked(self, "NO KEY UPDATE", of, skip_locked=skip_locked, nowait=nowait)

    def for_share(self, *, of: Locked[Avail] = None, skip_locked: bool = False, nowait: bool = False) -> Self:
        """Lock the rows against changes; others may share the lock.

        Arguments and errors are those of `for_update`. SQL: `FOR SHARE`.
        """
        return _locked(self, "SHARE", of, skip_locked=skip_locked, nowait=nowait)

    def for_key_share(self, *, of: Locked[Avail] = None, skip_locked: bool = False, nowait: bool = False) -> Self:
        """Lock the rows against deletion and changes of their keys; others may share the lock.

        Arguments and errors are those of `for_update`. SQL: `FOR KEY SHARE`.
        """
        return _locked(self, "KEY SHARE", of, skip_locked=skip_locked, nowait=nowait)

    def preload(self, *paths: Rel[R_co, Any]) -> Self:
        """Load associations of the rows with one further query a step: `preload(User.posts / Post.comments)`."""
        for path in paths:
            _check_preload(self.node, path)
        made = grown(self, self.node, self.params)
        made.preloads = self.preloads + paths
        return made

    def prefix(self, name: str) -> Self:
        """Read the tables from a PostgreSQL schema or an attached database. SQL: `FROM "name"."posts"`.

        A table whose source or schema names its own prefix keeps that; this one wins over that of the repo or call.
        Subqueries, CTEs and combined queries read from there too unless they say otherwise. A second call replaces
        the first.

        Raises:
            QueryError: when the name is no text, or empty.

        Example:
            `from_(Post).prefix("tenant_7").where(Post.score > 3)`
        """
        refuse_prefix(name)
        return grown(self, grow(self.node, ("prefix", name), "prefix", name), self.params)

    def has_binding(self, source: type[Schema]) -> bool:
        """Whether the query reads a schema, an alias, a subquery or a CTE, so that its columns are in scope.

        Raises:
            QueryError: for what is none of these.

        Example:
            `query.where(User.age > 17) if query.has_binding(User) else query`
        """
        return source_of(source) in self.node.sources

    def with_cte(
        self,
        name: type[Schema],
        query: Clauses[Any, Any, Schema] | Expr[Never, Any],
        *,
        recursive: bool = False,
        materialized: bool | None = None,
        update: Sequence[Assignment[Any]] | None = None,
        delete: bool = False,
    ) -> Self:
        """Say what a CTE of this query is. SQL: `WITH [RECURSIVE] name AS [[NOT] MATERIALIZED] (…)`.

        Args:
            name: what `cte(Shape, "name")` returned.
            query: its rows; when `recursive`, a `union_all` whose second part reads `name` itself. Or a fragment with
                the text of a query, which names its columns as the shape's members are named.
            recursive: whether the query reads itself.
            materialized: whether its rows are computed once and kept; None leaves it to the database.
            update: change the rows of `query` by these assignments; the CTE has what it selects of each row as it is
                afterwards. SQL: `WITH name AS (UPDATE … RETURNING …)`, in the outermost statement, not on SQLite.
            delete: delete the rows of `query`; the CTE has what it selects of them.
                SQL: `WITH name AS (DELETE FROM … RETURNING …)`.

        Raises:
            QueryError: when the query's rows are of another schema than the name, or for two things at once.

        Example:
            `from_(tree).with_cte(tree, fragment("SELECT id, 0 AS depth FROM users WHERE manager_id = {}", boss))`
        """
        given = query if isinstance(query, Expr) else _other("with_cte", query)
        node, values = cte_step(
            self.node, name, given, recursive=recursive, materialized=materialized, update=update, delete=delete
        )
        return grown(self, node, self.params + values)

    def union(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Add the rows of another query, equal ones once. SQL: `a UNION b`; order and limit apply to the whole."""
        return _combined(self, "union", other)

    def union_all(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Add the rows of another query, equal ones too. SQL: `a UNION ALL b`; order and limit apply to the whole."""
        return _combined(self, "union_all", other)

    def intersect(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Keep the rows that another query gives too. SQL: `a INTERSECT b`."""
        return _combined(self, "intersect", other)

    def intersect_all(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Keep each row as often as both queries give it. SQL: `a INTERSECT ALL b`, which SQLite has not."""
        return _combined(self, "intersect_all", other)

    def except_(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Keep the rows that another query does not give. SQL: `a EXCEPT b`."""
        return _combined(self, "except", other)

    def except_all(self, other: Clauses[Any, Any, R_co]) -> Self:
        """Leave each row out as often as another query gives it. SQL: `a EXCEPT ALL b`, which SQLite has not."""
        return _combined(self, "except_all", other)

    def scope(
        self, function: Callable[Concatenate[Self, P], Clauses[Any, Any, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> Self:
        """Apply a reusable part and keep the query's exact type; a part over a schema not in scope is refused."""
        return cast("Self", function(self, *args, **kwargs))

    def pipe(self, function: Callable[Concatenate[Self, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return `function(query, …)`: for parts that change the query's type."""
        return function(self, *args, **kwargs)

    def tables(self) -> tuple[str, ...]:
        """Return the tables that this query reads or writes, each once, with the prefix that its schema gives it.

        Joins, subqueries, CTEs and combined queries count; the prefix of a repo does not, since the query knows none.
        SQL text is not read: of a fragment those tables count that queries in its gaps read.

        >>> from_(Post).join(Post.author).tables()   # doctest: +SKIP
        ('posts', 'users')
        """
        return tables(self.node)

    def to_sql(self, dialect: Renders, *, pretty: bool = False) -> tuple[str, tuple[object, ...]]:
        """Return the text and the parameters of this query on a database: `query.to_sql(POSTGRES)`.

        `pretty` begins a line for each clause; nothing but blanks differs.

        Raises:
            UnsupportedError: for what the database cannot do.
        """
        return dialect.to_sql(self.node, self.params, pretty=pretty)

    def __repr__(self) -> str:
        shown = inspect(self.node, self.params)
        return shown + (f".preload({', '.join(map(repr, self.preloads))})" if self.preloads else "")


def grown(base: Clauses[Any, Any, Any], node: Step, params: tuple[object, ...]) -> Any:
    """Return the query with another shape and other values, and the same preloads."""
    made: Any = type(base)()
    made.node = node
    made.params = params
    made.preloads = base.preloads
    return made


def _check_expression(kind: str, predicate: object) -> None:
    if not isinstance(predicate, Expr):
        raise QueryError(
            f"`{'group_by' if kind == 'group' else kind}` takes expressions, got {predicate!r:.80}",
            hint="compare a column: `query.where(Post.score > 3)`; `==` between a column and a value of another type, "
            "or with None, gives a plain bool to the checkers",
        )


def _filtered(node: Step, predicate: Any, kind: str) -> Step:
    _check_expression(kind, predicate)
    expression = cast("Expr[Any, Any]", predicate)
    # A where is keyed by its expression alone: it is what filters have most often.
    key: object = expression.node if kind == "where" else (kind, expression.node)
    known = node.kids.get(key)
    if known is not None:
        return cast("Step", known)
    check_scope(node, expression.node, kind)
    check_names(node, expression.node)
    return grow(node, key, kind, expression.node)


def _alternative(query: Clauses[Any, Any, Any], kind: str, predicates: tuple[Any, ...]) -> Any:
    """Return a query with a further condition that may hold instead of those before it."""
    if not predicates:
        return query
    for predicate in predicates:
        _check_expression(kind, predicate)
    both = and_(*predicates)
    node = query.node.kids.get((kind, both.node)) or _filtered(query.node, both, kind)
    return grown(query, node, query.params + both.params)


def _locked(query: Clauses[Any, Any, Any], strength: str, of: object, *, skip_locked: bool, nowait: bool) -> Any:
    node = lock_step(query.node, strength, of, skip_locked=skip_locked, nowait=nowait)
    return grown(query, node, query.params)


def _ordered(node: Step, term: nodes.Ordering) -> Step:
    known = node.kids.get(term)
    if known is not None:
        return cast("Step", known)
    check_scope(node, term, "order_by")
    check_names(node, term)
    return grow(node, term, "order", term)


def _counted(query: Clauses[Any, Any, Any], kind: str, count: object, how: str | None = None) -> Any:
    node, params = counted(query.node, query.params, kind, count, how)
    return grown(query, node, params)


def _combined(query: Clauses[Any, Any, Any], operator: SetOperator, other: Any) -> Any:
    second = _other(operator, other)
    key = (operator, second.node)
    node = query.node.kids.get(key)
    if node is None:
        check_same_members(operator, query.node, second.node)
        node = grow(query.node, key, "combine", key)
    return grown(query, node, query.params + second.params)


def _other(what: str, query: object) -> Clauses[Any, Any, Any]:
    if not isinstance(query, Clauses):
        raise QueryError(f"`{what}` takes a query, got {query!r:.80}", hint="begin one: `from_(Post).where(…)`")
    refuse_preloads(what, query)
    return cast("Clauses[Any, Any, Any]", query)


def preloadable(query: Clauses[Any, Any, Any]) -> Clauses[Any, Any, Any]:
    """Return a query whose rows still are what it preloads. Raises QueryError otherwise."""
    for path in query.preloads:
        _check_preload(query.node, path)
    return query


def _check_preload(node: Step, path: object) -> None:
    if not isinstance(path, Rel):
        raise QueryError(f"`preload` takes associations, got {path!r:.80}", hint="write `preload(User.posts)`")
    start = cast("Rel[Any, Any]", path).steps[0].association.owner
    try:
        row = row_schema(node)
    except QueryError:
        row = None
    if start is not row:
        gives = "bare expressions" if row is None else row.name
        raise QueryError(f"`{path!r}` starts at {start.name}, and this query gives {gives}")
    check_preloaded_key(node, cast("Rel[Any, Any]", path))
