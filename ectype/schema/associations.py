"""Associations as plain data, and the paths that queries and preloads follow through them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Generic, Literal, TypeVar, cast, overload

from ectype.errors import NotLoadedError, QueryError, SchemaError
from ectype.expr.nodes import Ordering
from ectype.expr.operand import Expr, Order, order_term
from ectype.schema.fields import Frozen
from ectype.schema.meta import SchemaInfo, meta, schema_info
from ectype.schema.sources import TableSource
from ectype.types import annotations as notes

M = TypeVar("M")
T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)
Owner = TypeVar("Owner")
Target = TypeVar("Target")

Cardinality = Literal["one", "many"]


@dataclass(frozen=True, slots=True)
class AssociationOptions:
    """What `belongs_to(…)` and `has_many(…)` say about a member."""

    kind: Literal["belongs_to", "has_many"]
    foreign_key: str | None = None
    references: str | None = None


class Association:
    """One association of a schema. Names are checked when the class is made, the related schema at first use.

    Attributes:
        owner: what is known of the schema that declares it.
        name: the member's name.
        options: what its declaration says.
        optional: whether the bracket admits None.
    """

    def __init__(
        self, owner: SchemaInfo, name: str, argument: object, options: AssociationOptions, *, optional: bool
    ) -> None:
        self.owner = owner
        self.name = name
        self.argument = argument
        self.options = options
        self.optional = optional

    @property
    def cardinality(self) -> Cardinality:
        """Whether the instance gives one struct or a list."""
        return "many" if self.options.kind == "has_many" else "one"

    @cached_property
    def related(self) -> SchemaInfo:
        """The schema on the other side. Raises SchemaError when the annotation names none."""
        annotation = notes.evaluate(self.argument, self.owner.scopes())
        members = [one for one in getattr(annotation, "__args__", ()) if one is not type(None)]
        return schema_info(members[0] if members else annotation)

    @cached_property
    def owner_key(self) -> str:
        """The owner's field that is compared."""
        if self.options.kind == "belongs_to":
            return self.options.foreign_key or f"{self.name}_id"
        return self.options.references or _single_key(self.owner, self)

    @cached_property
    def related_key(self) -> str:
        """The related schema's field that is compared."""
        if self.options.kind == "belongs_to":
            return self.options.references or _single_key(self.related, self)
        return self.options.foreign_key or self._inverse_key()

    def _inverse_key(self) -> str:
        """Find the foreign key on the related schema: the one that belongs to us, else `<owner>_id` as in Ecto."""
        found = {
            one.owner_key
            for one in cast("Mapping[str, Association]", self.related.associations).values()
            if one.options.kind == "belongs_to" and one.related is self.owner
        }
        default = f"{_underscore(self.owner.name)}_id"
        if default in self.related.column_names:
            return default
        if len(found) == 1:
            return found.pop()
        why = f"several point back: {', '.join(sorted(found))}" if found else f"it has no `{default}`"
        raise SchemaError(
            f"the foreign key of `{self.owner.name}.{self.name}` on {self.related.name} is not known: {why}",
            hint=f'name it: `{self.name}: HasMany[{self.related.name}] = has_many(foreign_key="…")`',
        )

    def __repr__(self) -> str:
        return f"<association {self.owner.name}.{self.name}>"


def _single_key(info: SchemaInfo, association: Association) -> str:
    if len(info.primary_key) == 1:
        return info.primary_key[0]
    raise SchemaError(
        f"`{association.owner.name}.{association.name}` needs one key of {info.name}, which has "
        f"{len(info.primary_key)} primary key columns",
        hint='name the column: `references="…"`',
    )


def _underscore(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


@dataclass(frozen=True, slots=True)
class Custom:
    """How one hop of a preload is narrowed: by `where`, `order_by` and a limit per parent."""

    wheres: tuple[Expr[Any, Any], ...] = ()
    order_bys: tuple[tuple[Ordering, tuple[object, ...]], ...] = ()
    limit: int | None = None


PLAIN: Final = Custom()


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: an association, from which source it starts, and how it is narrowed."""

    association: Association
    source: TableSource
    custom: Custom = field(default=PLAIN)


class Rel(Generic[S_co, Target]):
    """An association on the class, as `User.posts`: to join, to preload, and to follow with `/`.

    Immutable: each method returns a new path. `hops` is never empty.
    """

    __slots__ = ("hops",)

    hops: tuple[Hop, ...]

    def __init__(self, hops: tuple[Hop, ...]) -> None:
        self.hops = hops

    @overload
    def where(self: "Rel[S_co, list[M]]", *predicates: Expr[M, bool | None]) -> "Rel[S_co, list[M]]": ...
    @overload
    def where(self: "Rel[S_co, M | None]", *predicates: Expr[M, bool | None]) -> "Rel[S_co, M | None]": ...
    @overload
    def where(self: "Rel[S_co, M]", *predicates: Expr[M, bool | None]) -> "Rel[S_co, M]": ...
    def where(self: Any, *predicates: Any) -> Any:
        """Preload only the rows where all predicates hold."""
        for predicate in predicates:
            if not isinstance(predicate, Expr):
                raise QueryError(
                    f"`where` takes expressions, got {predicate!r:.80}",
                    hint="write `User.posts.where(Post.score > 3)`",
                )
        hop = cast("Hop", self.hops[-1])
        return _with(self, replace(hop.custom, wheres=hop.custom.wheres + predicates))

    def order_by(self: "Rel[S_co, list[M]]", *keys: Expr[M, Any] | Order[M]) -> "Rel[S_co, list[M]]":
        """Preload the rows in this order."""
        custom = self.hops[-1].custom
        return _with(self, replace(custom, order_bys=custom.order_bys + tuple(order_term(key) for key in keys)))

    def limit(self: "Rel[S_co, list[M]]", count: int) -> "Rel[S_co, list[M]]":
        """Preload at most `count` rows for each parent."""
        if count.__class__ is not int or count < 0:
            raise QueryError(f"a limit is a number of rows, 0 or more, got {count!r}")
        return _with(self, replace(self.hops[-1].custom, limit=count))

    @overload
    def __truediv__(self: "Rel[S_co, list[M]]", other: "Rel[M, T]") -> "Rel[S_co, T]": ...
    @overload
    def __truediv__(self: "Rel[S_co, M | None]", other: "Rel[M, T]") -> "Rel[S_co, T]": ...
    @overload
    def __truediv__(self: "Rel[S_co, M]", other: "Rel[M, T]") -> "Rel[S_co, T]": ...
    def __truediv__(self: Any, other: Any) -> Any:
        """Follow a further association: `User.posts / Post.comments`."""
        if not isinstance(other, Rel):
            raise QueryError(f"a path goes on with an association, got {other!r:.80}")
        path = cast("Rel[Any, Any]", self)
        onward = cast("Rel[Any, Any]", other)
        reached, wanted = path.hops[-1].association.related, onward.hops[0].association.owner
        if reached is not wanted:
            raise QueryError(f"{path!r} leads to {reached.name}, and {onward!r} starts at {wanted.name}")
        return Rel[Any, Any](path.hops + onward.hops)

    def __repr__(self) -> str:
        return " / ".join(f"{hop.source.label}.{hop.association.name}" for hop in self.hops)


def _with(path: Rel[Any, Any], custom: Custom) -> Rel[Any, Any]:
    return Rel((*path.hops[:-1], replace(path.hops[-1], custom=custom)))


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


class HasMany(_One[list[M]], Generic[M]):
    """The annotation of an association whose foreign key is there: `posts: HasMany[Post] = has_many()`."""


def belongs_to(*, foreign_key: str | None = None, references: str | None = None) -> Any:
    """Declare that the foreign key is here, in `<name>_id` unless named.

    The bracket says what the instance gives: `BelongsTo[User]` where the key is `Field[int]`, `BelongsTo[User | None]`
    where it is `Field[int | None]`.
    """
    return AssociationOptions("belongs_to", foreign_key, references)


def has_many(*, foreign_key: str | None = None, references: str | None = None) -> Any:
    """Declare that the related rows point here, by the foreign key of their only `belongs_to` unless named."""
    return AssociationOptions("has_many", foreign_key, references)


class AssociationSlot:
    """The member on the instance: the loaded value, or NotLoadedError with the line that loads it."""

    __slots__ = ("association", "get", "set")

    def __init__(self, association: Association, slot: Any) -> None:
        self.association = association
        self.get = slot.__get__
        self.set = slot.__set__

    def __get__(self, instance: object, owner: object = None) -> object:
        try:
            return self.get(instance)
        except AttributeError:
            raise not_loaded(instance, self.association) from None

    def __set__(self, instance: object, value: object) -> None:
        self.set(instance, value)


def not_loaded(instance: object, association: Association) -> NotLoadedError:
    """Return the error for an association that was read before it was loaded."""
    owner, name = association.owner.name, association.name
    query, later = f"from_({owner}).preload({owner}.{name})", f"await repo.preload(struct, {owner}.{name})"
    if meta(instance).state == "built":
        return NotLoadedError(
            f"`{owner}.{name}` is not loaded: this struct was built here and is not stored yet",
            hint=f"give it to the constructor, `{owner}({name}=…)`, or insert the struct and then:\n\n    {later}",
        )
    return NotLoadedError(
        f"`{owner}.{name}` is not loaded",
        hint=f"load it with the query, or afterwards:\n\n    {query}\n    struct = {later}",
    )


def is_loaded(struct: object, rel: Rel[Any, Any]) -> bool:
    """Whether an association of a struct has been loaded, or was given to its constructor."""
    association = rel.hops[0].association
    try:
        association.owner.slots[association.name].__get__(struct)
    except AttributeError:
        return False
    return True
