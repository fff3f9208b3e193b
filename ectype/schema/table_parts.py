"""Indexes, checks, exclusions and foreign keys as plain data: what `structure` takes.

Nothing is looked up here but the shape of what was given; of which schema it must be, `structure` checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, LiteralString, TypeAlias, TypeVar, cast, get_args, overload

from ectype.errors import SchemaError
from ectype.expr.operand import Attr, Expr, Order
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import Rel

S = TypeVar("S")

Method: TypeAlias = Literal["btree", "hash", "gin", "gist", "spgist", "brin"]
"""How PostgreSQL keeps an index; SQLite has the first one only."""
OnAction: TypeAlias = Literal["nothing", "restrict", "cascade", "set_null", "set_default"]
"""What happens to a row when the row that it refers to is deleted, or its key changes."""
Deferrable: TypeAlias = Literal["immediate", "deferred"]
"""When a constraint that may wait until COMMIT is checked, unless a transaction says otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Index(Generic[S]):
    """An index over columns or expressions.

    Attributes:
        terms: what it is over, in order.
        name: its name; `structure` gives one that follows from the columns where none was given.
        unique: whether no two rows may be equal in it.
        where: which rows it holds; None for all.
        include: columns that it holds beside those it is over.
        using: how it is kept.
        nulls_distinct: whether two rows with NULL are different rows for a unique one.
        comment: what is written beside it.
    """

    terms: tuple[Expr[S, Any] | Order[S], ...]
    name: str = ""
    unique: bool = False
    where: Expr[S, Any] | None = None
    include: tuple[Attr[S, Any], ...] = ()
    using: Method = "btree"
    nulls_distinct: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Check(Generic[S]):
    """A condition that every row must meet. NULL meets it."""

    name: str
    condition: Expr[S, Any]
    comment: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Exclusion(Generic[S]):
    """Pairs of an expression and an operator: no two rows may meet all of them. PostgreSQL alone has it."""

    elements: tuple[tuple[Expr[S, Any], str], ...]
    name: str = ""
    using: Method = "gist"
    where: Expr[S, Any] | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ForeignKey(Generic[S]):
    """A key that refers to rows of another table: that of a `belongs_to`, or columns to columns.

    Attributes:
        key: the association, or the columns here.
        to: the columns there; () for those of the association.
        name: its name; `structure` gives one that follows from the columns where none was given.
        on_delete: what happens when the other row is deleted.
        on_update: what happens when its key changes.
        deferrable: None where it is checked at each statement; else when it is, unless told otherwise.
        comment: what is written beside it.
    """

    key: Rel[S, Any] | tuple[Attr[S, Any], ...]
    to: tuple[Attr[Any, Any], ...] = ()
    name: str = ""
    on_delete: OnAction = "nothing"
    on_update: OnAction = "nothing"
    deferrable: Deferrable | None = None
    comment: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields here."""
        if isinstance(self.key, Rel):
            return self.key.hops[0].association.keys_here
        return tuple(one.name for one in self.key)

    @property
    def related(self) -> tuple[SchemaInfo, tuple[str, ...]]:
        """What is known of the schema there, and the names of its fields. Raises SchemaError when there is none."""
        if isinstance(self.key, Rel):
            association = self.key.hops[0].association
            return association.related, association.related_keys
        first: Any = self.to[0].node
        return first.source.info, tuple(one.name for one in self.to)


def index(
    *terms: Expr[S, Any] | Order[S],
    name: str | None = None,
    where: Expr[S, bool | None] | None = None,
    include: Sequence[Attr[S, Any]] = (),
    using: Method = "btree",
    comment: str | None = None,
) -> Index[S]:
    """Declare an index, named `<table>_<columns>_index` unless a name is given; over expressions one must be.

    Args:
        *terms: columns, expressions, or either with a direction: `User.name.desc()`.
        name: its name.
        where: which rows it holds.
        include: columns that it holds beside those, so that queries need not read the table.
        using: how PostgreSQL keeps it.
        comment: what is written beside it, on PostgreSQL.

    Example:
        `index(User.name, where=User.age > 17, include=[User.email])`
    """
    return _index("index", terms, name, where, include, using, comment)


def unique(
    *terms: Expr[S, Any] | Order[S],
    name: str | None = None,
    where: Expr[S, bool | None] | None = None,
    include: Sequence[Attr[S, Any]] = (),
    nulls_distinct: bool = True,
    comment: str | None = None,
) -> Index[S]:
    """Declare that no two rows are equal in these terms: a unique index. `unique_constraint` finds its name.

    Args:
        *terms: as of `index`.
        name: its name; `<table>_<columns>_index` unless given.
        where: among which rows.
        include: columns that it holds beside those.
        nulls_distinct: False where two rows with NULL are equal too, on PostgreSQL 15 and newer.
        comment: what is written beside it, on PostgreSQL.

    Example:
        `unique(User.email)`, `unique(fn.lower(User.email), name="users_lower_email_index")`
    """
    made = _index("unique", terms, name, where, include, "btree", comment)
    return replace(made, unique=True, nulls_distinct=nulls_distinct)


def _index(
    word: str,
    terms: Sequence[Any],
    name: str | None,
    where: Any,
    include: Sequence[Any],
    using: Method,
    comment: str | None,
) -> Index[Any]:
    if not terms:
        raise SchemaError(f"`{word}` needs a column", hint=f"write `{word}(User.email)`")
    for term in terms:
        _check_term(word, term)
    if using not in get_args(Method):
        raise SchemaError(f"`using` of `{word}` is one of {', '.join(get_args(Method))}, got {using!r:.60}")
    return Index(tuple(terms), name or "", False, where, tuple(include), using, True, comment)  # noqa: FBT003  # fields in order


def check(name: LiteralString, condition: Expr[S, bool | None], *, comment: str | None = None) -> Check[S]:
    """Declare a condition that every row must meet. `check_constraint` finds its name.

    Example:
        `check("users_are_adult", User.age > 17)`
    """
    if not isinstance(name, str) or not name.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise SchemaError(
            f"a check has a name of its own, got {name!r:.60}", hint='write `check("users_are_adult", User.age > 17)`'
        )
    check_condition(f'check("{name}")', condition)
    return Check(name, condition, comment)


def exclusion(
    *elements: tuple[Expr[S, Any], LiteralString],
    name: str | None = None,
    using: Method = "gist",
    where: Expr[S, bool | None] | None = None,
    comment: str | None = None,
) -> Exclusion[S]:
    """Declare pairs of an expression and an operator: no two rows may meet all of them. PostgreSQL alone has it.

    Named `<table>_<columns>_exclusion` unless a name is given. `exclusion_constraint` finds it.

    Example:
        `exclusion((Booking.room_id, "="), (Booking.during, "&&"))`
    """
    if not elements:
        raise SchemaError("`exclusion` needs a pair", hint='write `exclusion((Booking.during, "&&"))`')
    for one in elements:
        pair: Any = one
        if not isinstance(pair, tuple) or len(cast("tuple[Any, ...]", pair)) != 2 or not isinstance(pair[1], str):
            raise SchemaError(
                f"`exclusion` takes pairs of an expression and an operator, got {pair!r:.60}",
                hint='write `exclusion((Booking.during, "&&"))`',
            )
        _check_term("exclusion", cast("object", pair[0]))
    return Exclusion(elements, name or "", using, where, comment)


@overload
def references(
    key: Rel[S, Any],
    /,
    *,
    on_delete: OnAction = ...,
    on_update: OnAction = ...,
    name: str | None = ...,
    deferrable: Deferrable | None = ...,
    comment: str | None = ...,
) -> ForeignKey[S]: ...
@overload
def references(
    key: Attr[S, Any] | tuple[Attr[S, Any], ...],
    to: Attr[Any, Any] | tuple[Attr[Any, Any], ...],
    /,
    *,
    on_delete: OnAction = ...,
    on_update: OnAction = ...,
    name: str | None = ...,
    deferrable: Deferrable | None = ...,
    comment: str | None = ...,
) -> ForeignKey[S]: ...
def references(
    key: Any,
    to: Any = (),
    /,
    *,
    on_delete: OnAction = "nothing",
    on_update: OnAction = "nothing",
    name: str | None = None,
    deferrable: Deferrable | None = None,
    comment: str | None = None,
) -> Any:
    """Declare a foreign key, named `<table>_<columns>_fkey` unless a name is given.

    Args:
        key: a `belongs_to`, whose key it is; or a column, or a tuple of them.
        to: the column that it refers to, or a tuple of as many; none beside a `belongs_to`.
        on_delete: what happens when the other row is deleted: `nothing` (the delete is refused), `restrict`,
            `cascade`, `set_null`, `set_default`.
        on_update: what happens when its key changes.
        name: its name.
        deferrable: `deferred` where it is checked at COMMIT; `immediate` where a transaction may ask for that.
        comment: what is written beside it, on PostgreSQL.

    Example:
        `references(Post.author, on_delete="cascade")`, `references(Post.country, Country.code)`
    """
    for option, action in (("on_delete", on_delete), ("on_update", on_update)):
        if action not in get_args(OnAction):
            raise SchemaError(f"`{option}` is one of {', '.join(get_args(OnAction))}, got {action!r:.60}")
    if deferrable not in (None, *get_args(Deferrable)):
        raise SchemaError(f"`deferrable` is one of {', '.join(get_args(Deferrable))}, got {deferrable!r:.60}")
    targets = cast("tuple[Any, ...]", to) if isinstance(to, tuple) else (to,)
    if isinstance(key, Rel):
        rel = cast("Rel[Any, Any]", key)
        if len(rel.hops) != 1 or rel.hops[0].association.kind != "belongs_to" or targets:
            raise SchemaError(
                f"`references` takes a `belongs_to` alone, got {key!r:.60}",
                hint="name the columns on both sides: `references(Post.author_id, User.id)`",
            )
        return ForeignKey(rel, (), name or "", on_delete, on_update, deferrable, comment)
    columns: tuple[Any, ...] = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)
    for one in (*columns, *targets):
        if not isinstance(one, Attr):
            raise SchemaError(
                f"`references` takes columns, or a `belongs_to`, got {one!r:.60}",
                hint="write `references(Post.author)`, or `references(Post.author_id, User.id)`",
            )
    if not targets or len(columns) != len(targets):
        raise SchemaError(
            f"`references` ties {len(columns)} columns to {len(targets)}", hint="name as many on both sides, in order"
        )
    return ForeignKey(columns, targets, name or "", on_delete, on_update, deferrable, comment)


def _check_term(word: str, term: object) -> None:
    if not isinstance(term, Expr | Order):
        raise SchemaError(
            f"`{word}` takes columns and expressions, got {term!r:.60}",
            hint=f"write `{word}(User.email)`; text of your own is `fragment(…)`",
        )


def check_condition(label: str, condition: object) -> None:
    """Raise SchemaError for what is no condition."""
    if not isinstance(condition, Expr):
        raise SchemaError(
            f"`{label}` needs a condition, got {condition!r:.60}",
            hint="compare a column: `User.age > 17`; text of your own is `fragment(…)`",
        )
