"""Paths through associations, as queries and preloads follow them: `User.posts`, `User.posts / Post.comments`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Protocol, TypeVar, cast, overload

from ectype.errors import QueryError, SchemaError
from ectype.expr.operand import Column, Expr, Order, QueryLike, order_term, shape_of
from ectype.schema.associations import Association, Term
from ectype.schema.fields import Frozen
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource

M = TypeVar("M")
T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)
Owner = TypeVar("Owner")
Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class Custom:
    """How one hop of a preload is customised.

    Attributes:
        wheres: further conditions.
        order_bys: in which order.
        limit: how many for each parent.
        only: which columns, by field name; () for all.
        using: the query of the related rows.
        load_with: what is called with the owners' keys instead of a query.
        joined: whether the rows come with those of their parents, from a join.
        source: the joined source, None for the one that is found.
    """

    wheres: tuple[Expr[Any, Any], ...] = ()
    order_bys: tuple[Term, ...] = ()
    limit: int | None = None
    only: tuple[str, ...] = ()
    using: Any = None
    load_with: Callable[[list[Any]], Awaitable[Any]] | None = None
    joined: bool = False
    source: Any = None

    @property
    def filters(self) -> bool:
        """Whether rows may be missing from what it loads."""
        return bool(self.wheres) or self.limit is not None or self.using is not None or self.load_with is not None


PLAIN: Final = Custom()


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: an association, from which source it starts, and how it is customised."""

    association: Association
    source: TableSource
    custom: Custom = field(default=PLAIN)


class Onward(Protocol[S_co, Target]):
    """What a path goes on with: an association, another path, or an embed."""

    @property
    def step(self) -> Rel[S_co, Target]:
        """The path that goes on."""
        ...


class Rel(Generic[S_co, Target]):
    """An association on the class, as `User.posts`: to join, to preload, and to follow with `/`.

    Immutable: each method returns a new path. `hops` is never empty.
    """

    __slots__ = ("hops",)

    hops: tuple[Hop, ...]

    def __init__(self, hops: tuple[Hop, ...]) -> None:
        self.hops = hops

    @property
    def step(self) -> Rel[S_co, Target]:
        """Itself: what another path goes on with."""
        return self

    @property
    def steps(self) -> tuple[Any, ...]:
        """Its steps, those through embeds too: what a preload follows."""
        return self.hops

    @property
    def plain(self) -> bool:
        """Whether no step of it is customised."""
        return all(hop.custom is PLAIN for hop in self.hops)

    @overload
    def where(self: Rel[S_co, list[M]], *predicates: Expr[M, bool | None]) -> Rel[S_co, list[M]]: ...
    @overload
    def where(self: Rel[S_co, M | None], *predicates: Expr[M, bool | None]) -> Rel[S_co, M | None]: ...
    @overload
    def where(self: Rel[S_co, M], *predicates: Expr[M, bool | None]) -> Rel[S_co, M]: ...
    def where(self: Any, *predicates: Any) -> Any:
        """Preload only the rows where all predicates hold."""
        for predicate in predicates:
            if not isinstance(predicate, Expr):
                raise QueryError(
                    f"`where` takes expressions, got {predicate!r:.80}",
                    hint="write `User.posts.where(Post.score > 3)`",
                )
        custom = _narrowing(self, "where")
        return _with(self, replace(custom, wheres=custom.wheres + predicates))

    def order_by(self: Rel[S_co, list[M]], *keys: Expr[M, Any] | Order[M]) -> Rel[S_co, list[M]]:
        """Preload the rows in this order."""
        custom = _narrowing(self, "order_by", many=True)
        return _with(self, replace(custom, order_bys=custom.order_bys + tuple(order_term(key) for key in keys)))

    def limit(self: Rel[S_co, list[M]], count: int) -> Rel[S_co, list[M]]:
        """Preload at most `count` rows for each parent.

        SQL: `… JOIN (SELECT …, row_number() OVER (PARTITION BY key ORDER BY …)) … WHERE rank <= $1`.
        """
        if count.__class__ is not int or count < 0:
            raise QueryError(f"a limit is a number of rows, 0 or more, got {count!r}")
        return _with(self, replace(_narrowing(self, "limit", many=True), limit=count))

    @overload
    def only(self: Rel[S_co, list[M]], *columns: Column[M, Any]) -> Rel[S_co, list[M]]: ...
    @overload
    def only(self: Rel[S_co, M | None], *columns: Column[M, Any]) -> Rel[S_co, M | None]: ...
    @overload
    def only(self: Rel[S_co, M], *columns: Column[M, Any]) -> Rel[S_co, M]: ...
    def only(self: Any, *columns: Any) -> Any:
        """Preload partial structs: these columns, the keys, and nothing else; other members stay unset."""
        custom = _narrowing(self, "only")
        related = cast("Hop", self.hops[-1]).association.related
        for column in columns:
            source = getattr(getattr(column, "node", None), "source", None)
            if not isinstance(column, Column) or getattr(source, "info", None) is not related:
                raise QueryError(
                    f"`only` takes columns of {related.name}, got {column!r:.80}",
                    hint=f"write `.only({related.name}.{next(iter(related.column_names), '…')})`",
                )
            if column.name not in related.column_names:
                raise QueryError(f"`{related.name}.{column.name}` is virtual: it is not stored, so it is never loaded")
        if not columns:
            raise QueryError("`only` needs at least one column")
        names = dict.fromkeys((*custom.only, *(column.name for column in columns)))
        return _with(self, replace(custom, only=tuple(names)))

    @overload
    def using(self: Rel[S_co, list[M]], query: QueryLike[M]) -> Rel[S_co, list[M]]: ...
    @overload
    def using(self: Rel[S_co, M | None], query: QueryLike[M]) -> Rel[S_co, M | None]: ...
    @overload
    def using(self: Rel[S_co, M], query: QueryLike[M]) -> Rel[S_co, M]: ...
    def using(self: Any, query: Any) -> Any:
        """Preload the rows of a query of the related schema; it may join and filter, and its order is kept.

        Raises:
            QueryError: for a query with a limit of its own (see `limit`), or one that gives something else.

        Example:
            `User.posts.using(from_(Post).join(Post.blog).where(Blog.public == True).order_by(Post.id))`
        """
        if shape_of(query) is None:
            raise QueryError(f"`using` takes a query, got {query!r:.80}", hint="write `.using(from_(Post).where(…))`")
        _alone(self, "using", "write them in the query")
        return _with(self, Custom(using=query))

    @overload
    def load_with(
        self: Rel[S_co, list[M]], load: Callable[[list[Any]], Awaitable[Sequence[M] | Sequence[tuple[Any, M]]]]
    ) -> Rel[S_co, list[M]]: ...
    @overload
    def load_with(
        self: Rel[S_co, M | None], load: Callable[[list[Any]], Awaitable[Sequence[M] | Sequence[tuple[Any, M]]]]
    ) -> Rel[S_co, M | None]: ...
    @overload
    def load_with(
        self: Rel[S_co, M], load: Callable[[list[Any]], Awaitable[Sequence[M] | Sequence[tuple[Any, M]]]]
    ) -> Rel[S_co, M]: ...
    def load_with(self: Any, load: Any) -> Any:
        """Preload what a function of yours returns for the owners' keys: from a cache, or another service.

        It returns structs that have the key by which they belong to their owner; for a `many_to_many`, pairs of an
        owner's key and a struct. Their order is kept. Keys of several columns are tuples.

        Example:
            `User.posts.load_with(posts_of)`, where `async def posts_of(keys: list[int]) -> list[Post]: …`
        """
        if not callable(load):
            raise QueryError(
                f"`load_with` takes an async function, got {load!r:.80}",
                hint="write `async def posts_of(keys: list[int]) -> list[Post]: …`",
            )
        _alone(self, "load_with", "let the function filter")
        return _with(self, Custom(load_with=cast("Callable[[list[Any]], Awaitable[Any]]", load)))

    @overload
    def joined(self: Rel[S_co, list[M]], source: type[M] | None = None) -> Rel[S_co, list[M]]: ...
    @overload
    def joined(self: Rel[S_co, M | None], source: type[M] | None = None) -> Rel[S_co, M | None]: ...
    @overload
    def joined(self: Rel[S_co, M], source: type[M] | None = None) -> Rel[S_co, M]: ...
    def joined(self: Any, source: Any = None) -> Any:
        """Fill the association from a join of the same query: one query, whose rows are merged by primary key.

        Args:
            source: which joined source, where it is an alias: `.joined(author)`.

        Example:
            `from_(Post).left_join(Post.comments).preload(Post.comments.joined())`
        """
        _alone(self, "joined", "write them in the query that joins", through=True)
        if source is not None and getattr(source, "__source__", None) is None:
            raise QueryError(f"`joined` takes the alias that was joined, got {source!r:.80}")
        return _with(self, Custom(joined=True, source=None if source is None else source.__source__))

    @overload
    def __truediv__(self: Rel[S_co, list[M]], other: Onward[M, T]) -> Rel[S_co, T]: ...
    @overload
    def __truediv__(self: Rel[S_co, M | None], other: Onward[M, T]) -> Rel[S_co, T]: ...
    @overload
    def __truediv__(self: Rel[S_co, M], other: Onward[M, T]) -> Rel[S_co, T]: ...
    def __truediv__(self: Any, other: Any) -> Any:
        """Follow a further association, or an embed: `User.posts / Post.comments`, `User.orders / Order.items`."""
        return joined_path(cast("Rel[Any, Any]", self), other)

    def __repr__(self) -> str:
        return " / ".join(f"{hop.source.label}.{hop.association.name}" for hop in self.steps)


@dataclass(frozen=True, slots=True)
class EmbedStep:
    """A step of a path through structs that stand inside a column: a preload finds them there, and asks nobody.

    Attributes:
        owner: the schema that has the embed.
        name: the member's name.
    """

    owner: SchemaInfo
    name: str

    @property
    def label(self) -> str:
        """What people call it: `Order.items`."""
        return f"{self.owner.name}.{self.name}"

    @property
    def follows(self) -> bool:
        """Whether it stands for other associations: never."""
        return False

    @property
    def steps(self) -> tuple[Any, ...]:
        """Those that it stands for."""
        return ()

    @property
    def owner_keys(self) -> tuple[str, ...]:
        """What of its owner must have been read: the embed itself."""
        return (self.name,)

    @property
    def infos(self) -> tuple[SchemaInfo, ...]:
        """The schemas that it leads to."""
        found: tuple[SchemaInfo, ...] = cast("Any", self.owner.fields[self.name].type).infos
        return found


class EmbedPath(Rel[S_co, Target]):
    """A path that leads through embeds, as `Order.items / Item.user`: only preloads follow it."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[Any, ...]) -> None:
        self._steps = steps

    @property
    def steps(self) -> tuple[Any, ...]:
        """Its steps."""
        return self._steps

    @property
    def hops(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  # it has none
        """Refuse all but preloads: there are no rows between the two."""
        last = self._steps[-1].association
        raise QueryError(
            f"`{self!r}` leads through an embed, which has no rows: only a preload follows it",
            hint=f"write `.preload({self!r})`; conditions and the like stand on the step, `{last.label}.where(…)`",
        )


def joined_path(path: Rel[Any, Any], other: Any) -> Rel[Any, Any]:
    """Return a path that goes on with an association, another path, or an embed.

    Raises:
        QueryError: it does not start where the path leads to.
    """
    step = getattr(other, "step", None)
    if not isinstance(step, Rel):
        raise QueryError(f"a path goes on with an association, got {other!r:.80}")
    onward: tuple[Any, ...] = step.steps
    last, wanted = path.steps[-1].association, onward[0].association.owner
    reached: tuple[SchemaInfo, ...] = last.infos if last.__class__ is EmbedStep else (last.related,)
    if wanted not in reached:
        names = " | ".join(info.name for info in reached)
        raise QueryError(f"{path!r} leads to {names}, and {other!r} starts at {wanted.name}")
    steps = path.steps + onward
    if any(hop.association.__class__ is EmbedStep for hop in steps):
        through: EmbedPath[Any, Any] = EmbedPath(steps)
        return through
    made: Rel[Any, Any] = Rel(steps)
    return made


def _with(path: Rel[Any, Any], custom: Custom) -> Rel[Any, Any]:
    return Rel((*path.hops[:-1], replace(path.hops[-1], custom=custom)))


def _narrowing(path: Rel[Any, Any], method: str, *, many: bool = False) -> Custom:
    """Return how the last hop is customised so far. Raises QueryError where `method` would change nothing."""
    hop = path.hops[-1]
    association, custom = hop.association, hop.custom
    if association.follows:
        raise _through(association, method)
    if many and association.cardinality == "one":
        raise QueryError(f"`{association.label}` is one struct, so `{method}` means nothing")
    for taken in ("using", "load_with", "joined"):
        if getattr(custom, taken):
            raise QueryError(
                f"`{association.label}.{taken}(…)` decides which rows are loaded, so `.{method}(…)` is refused",
                hint="write it in the query" if taken != "load_with" else "let the function do it",
            )
    return custom


def _alone(path: Rel[Any, Any], method: str, hint: str, *, through: bool = False) -> None:
    """Raise QueryError where an association is customised already, or follows others and cannot be."""
    hop = path.hops[-1]
    if hop.association.follows and not through:
        raise _through(hop.association, method)
    if hop.custom is not PLAIN:
        raise QueryError(f"`{hop.association.label}` is customised already, so `.{method}(…)` is refused", hint=hint)


def _through(association: Association, method: str) -> QueryError:
    path = " / ".join(one.label for one in association.steps)
    return QueryError(
        f"`{association.label}` only follows {path}, so `.{method}(…)` is refused",
        hint=f"customise a step instead, and preload both: `{path}`",
    )


class _One(Generic[Target]):
    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> Rel[Owner, Target]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> Target: ...
    def __get__(self, instance: object, owner: type[Any]) -> Any:
        """Give the path on the class, the loaded value on the instance."""
        raise SchemaError(f"{self.__class__.__name__} is an annotation of a schema's member")

    def __set__(self, instance: Frozen, value: Target) -> None:
        """Refuse assignment; checkers take the constructor's parameter from `value`."""
        raise SchemaError("structs are frozen")


class BelongsTo(_One[Target]):
    """The annotation of an association whose foreign key is here: `author: BelongsTo[User] = belongs_to()`."""


class HasOne(_One[Target]):
    """The annotation of a row whose foreign key is there: `profile: HasOne[Profile | None] = has_one()`."""


class HasMany(_One[list[M]], Generic[M]):
    """The annotation of rows whose foreign key is there: `posts: HasMany[Post] = has_many()`."""


class ManyToMany(HasMany[M]):
    """The annotation of rows that a table between ties: `teams: ManyToMany[Team] = many_to_many(through=…)`."""


def is_loaded(struct: object, rel: Rel[Any, Any]) -> bool:
    """Whether an association of a struct has been loaded, or was given to its constructor."""
    association = rel.hops[0].association
    try:
        association.owner.slots[association.name].__get__(struct)
    except AttributeError:
        return False
    return True
