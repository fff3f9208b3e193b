"""What a class body says of an association: `belongs_to`, `has_one`, `has_many` and `many_to_many`, as plain data.

Nothing is looked up here, since the other schema may not exist yet: lambdas are called at first use, and what is
wrong with the options is said when the class is made, where the member's name is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Never, Protocol, TypeAlias

from ectype.expr.operand import Expr, Order

Kind: TypeAlias = Literal["belongs_to", "has_one", "has_many", "many_to_many"]
Keys: TypeAlias = str | tuple[str, ...]
"""The name of a column, or of several that are one key together."""
Condition: TypeAlias = Callable[[], Expr[Any, bool | None]]
Sorting: TypeAlias = Callable[[], Expr[Any, Any] | Order[Any] | Sequence[Expr[Any, Any] | Order[Any]]]


class Followed(Protocol):
    """A path of associations, as `Post.comments / Comment.author` makes it."""

    @property
    def hops(self) -> tuple[Any, ...]:
        """Its steps."""
        ...


KNOWN: Final[Mapping[Kind, tuple[str, ...]]] = {
    "belongs_to": ("foreign_key", "references", "where"),
    "has_one": ("foreign_key", "references", "where", "through"),
    "has_many": ("foreign_key", "references", "where", "preload_order", "through"),
    "many_to_many": ("through", "join_keys", "where", "join_where", "preload_order"),
}


@dataclass(frozen=True, slots=True)
class AssociationOptions:
    """What the call on the right of an association says, as it was given; `unknown` are options that do not exist."""

    kind: Kind
    foreign_key: Keys | None = None
    references: Keys | None = None
    where: Condition | None = None
    preload_order: Sorting | None = None
    through: Any = None
    join_keys: Any = None
    join_where: Condition | None = None
    unknown: tuple[str, ...] = ()


def belongs_to(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    **unknown: Never,
) -> Any:
    """Declare that the foreign key is here, in `<name>_id` unless named.

    The bracket says what the instance gives: `BelongsTo[User]` where the key is `Field[int]`, `BelongsTo[User | None]`
    where it is `Field[int | None]`.

    Args:
        foreign_key: the column here, or a tuple of several.
        references: the columns there; the primary key unless named.
        where: which rows of the other schema count, in joins, preloads and `assoc`; called once, at first use.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `author: BelongsTo[User] = belongs_to(foreign_key="author_id")`
    """
    return AssociationOptions("belongs_to", foreign_key, references, where, unknown=tuple(unknown))


def has_one(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    through: Callable[[], Followed] | None = None,
    **unknown: Never,
) -> Any:
    """Declare that at most one related row points here; the bracket is `HasOne[Profile | None]`.

    Where several rows do, the one with the smallest key is given: `where` makes it the right one.

    Args:
        foreign_key: the columns there; that of their only `belongs_to` unless named.
        references: the columns here; the primary key unless named.
        where: which rows there count; called once, at first use.
        through: a path of associations to one row, which is then only read: `lambda: Post.author / User.profile`.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `profile: HasOne[Profile | None] = has_one(where=lambda: Profile.retired_at.is_null())`
    """
    return AssociationOptions("has_one", foreign_key, references, where, through=through, unknown=tuple(unknown))


def has_many(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    preload_order: Sorting | None = None,
    through: Callable[[], Followed] | None = None,
    **unknown: Never,
) -> Any:
    """Declare that related rows point here, by the foreign key of their only `belongs_to` unless named.

    Args:
        foreign_key: the columns there.
        references: the columns here; the primary key unless named.
        where: which rows there count, in joins, preloads and `assoc`; called once, at first use.
        preload_order: in which order preloads give the rows, unless they say their own.
        through: a path of associations, which is then only read: `lambda: Post.comments / Comment.author`.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `posts: HasMany[Post] = has_many(preload_order=lambda: Post.published_at.desc())`
    """
    return AssociationOptions(
        "has_many", foreign_key, references, where, preload_order, through, unknown=tuple(unknown)
    )


def many_to_many(
    *,
    through: str | Callable[[], type[Any]],
    join_keys: tuple[Keys, Keys] | Mapping[Any, Any] | None = None,
    where: Condition | None = None,
    join_where: Condition | None = None,
    preload_order: Sorting | None = None,
    **unknown: Never,
) -> Any:
    """Declare that rows are tied to rows of another schema by the rows of a table between them.

    Args:
        through: the table between, by its name, or as a schema: `lambda: Membership`.
        join_keys: the columns of that table that point here and there, in this order, `<schema>_id` unless named; or a
            mapping from them to the keys they hold: `{"user_id": "id", "team_code": "code"}`.
        where: which rows there count; called once, at first use.
        join_where: which rows of the table between count; it needs a schema.
        preload_order: in which order preloads give the rows; it may mention the schema between.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `teams: ManyToMany[Team] = many_to_many(through="memberships")`
    """
    return AssociationOptions(
        "many_to_many", None, None, where, preload_order, through, join_keys, join_where, tuple(unknown)
    )


def key_names(given: Keys | None) -> tuple[str, ...] | None:
    """Return the columns of a key as a tuple; None where it is not named."""
    return (given,) if isinstance(given, str) else given
