"""What a class body says of an association: `belongs_to`, `has_one`, `has_many` and `many_to_many`, as plain data.

Nothing is looked up here, since the other schema may not exist yet: lambdas are called at first use, and what is
wrong with the options is said when the class is made, where the member's name is known.
"""

from __future__ import annotations

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


OnReplace: TypeAlias = Literal["raise", "mark_as_invalid", "delete", "nilify", "update"]
OnDelete: TypeAlias = Literal["nothing", "nilify_all", "delete_all"]
Defaults: TypeAlias = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]
"""The values of new related structs by member, or a function of their owner that gives them."""

KNOWN: Final[Mapping[Kind, tuple[str, ...]]] = {
    "belongs_to": ("foreign_key", "references", "where", "on_replace", "defaults"),
    "has_one": ("foreign_key", "references", "where", "through", "on_replace", "on_delete", "defaults", "source"),
    "has_many": (
        "foreign_key",
        "references",
        "where",
        "preload_order",
        "through",
        "on_replace",
        "on_delete",
        "defaults",
        "source",
    ),
    "many_to_many": (
        "through",
        "join_keys",
        "where",
        "join_where",
        "preload_order",
        "on_replace",
        "on_delete",
        "defaults",
        "unique",
        "join_defaults",
        "on_join_through_conflict",
    ),
}
CHOICES: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "belongs_to": {"on_replace": ("raise", "mark_as_invalid", "delete", "nilify", "update")},
    "has_one": {
        "on_replace": ("raise", "mark_as_invalid", "delete", "nilify", "update"),
        "on_delete": ("nothing", "nilify_all", "delete_all"),
    },
    "has_many": {
        "on_replace": ("raise", "mark_as_invalid", "delete", "nilify"),
        "on_delete": ("nothing", "nilify_all", "delete_all"),
    },
    "many_to_many": {
        "on_replace": ("raise", "mark_as_invalid", "delete"),
        "on_delete": ("nothing", "delete_all"),
        "on_join_through_conflict": ("raise", "nothing"),
    },
}
"""What some options may say, by the kind of the association; the first is what they say when they are not given."""


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
    on_replace: OnReplace = "raise"
    on_delete: OnDelete = "nothing"
    defaults: Any = None
    unique: bool = False
    join_defaults: Any = None
    on_join_through_conflict: Literal["raise", "nothing"] = "raise"
    source: str | None = None


def belongs_to(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    on_replace: OnReplace = "raise",
    defaults: Defaults | None = None,
    **unknown: Never,
) -> Any:
    """Declare that the foreign key is here, in `<name>_id` unless named.

    The bracket says what the instance gives: `BelongsTo[User]` where the key is `Field[int]`, `BelongsTo[User | None]`
    where it is `Field[int | None]`.

    Args:
        foreign_key: the column here, or a tuple of several.
        references: the columns there; the primary key unless named.
        where: which rows of the other schema count, in joins, preloads and `assoc`; called once, at first use.
        on_replace: what happens to the row that a changeset replaces by another: it raises, is an error of the
            changeset (`mark_as_invalid`), the row is deleted (`delete`), only the foreign key here changes
            (`nilify`), or the new values are written to it (`update`).
        defaults: the values of a row that is made through the association, by member; or a function of its owner that
            gives them.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `author: BelongsTo[User] = belongs_to(foreign_key="author_id")`
    """
    return AssociationOptions(
        "belongs_to",
        foreign_key,
        references,
        where,
        unknown=tuple(unknown),
        on_replace=on_replace,
        defaults=defaults,
    )


def has_one(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    through: Callable[[], Followed] | None = None,
    on_replace: OnReplace = "raise",
    on_delete: OnDelete = "nothing",
    defaults: Defaults | None = None,
    source: str | None = None,
    **unknown: Never,
) -> Any:
    """Declare that at most one related row points here; the bracket is `HasOne[Profile | None]`.

    Where several rows do, the one with the smallest key is given: `where` makes it the right one.

    Args:
        foreign_key: the columns there; that of their only `belongs_to` unless named.
        references: the columns here; the primary key unless named.
        where: which rows there count; called once, at first use.
        through: a path of associations to one row, which is then only read: `lambda: Post.author / User.profile`.
        on_replace: what happens to the row that a changeset replaces by another: it raises, is an error of the
            changeset (`mark_as_invalid`), the row is deleted (`delete`), its foreign key becomes NULL
            (`nilify`), or the new values are written to it (`update`).
        defaults: the values of a row that is made through the association, by member; or a function of its owner that
            gives them.
        on_delete: what `repo.delete` of the owner does first to the rows there: nothing, set their foreign key to NULL
            (`nilify_all`), or delete them (`delete_all`).
        source: another table in which the rows there stand, so that one schema serves several tables; queries read
            its columns by `source(Schema, "table")`.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `profile: HasOne[Profile | None] = has_one(where=lambda: Profile.retired_at.is_null())`
    """
    return AssociationOptions(
        "has_one",
        foreign_key,
        references,
        where,
        through=through,
        unknown=tuple(unknown),
        on_replace=on_replace,
        on_delete=on_delete,
        defaults=defaults,
        source=source,
    )


def has_many(
    *,
    foreign_key: Keys | None = None,
    references: Keys | None = None,
    where: Condition | None = None,
    preload_order: Sorting | None = None,
    through: Callable[[], Followed] | None = None,
    on_replace: Literal["raise", "mark_as_invalid", "delete", "nilify"] = "raise",
    on_delete: OnDelete = "nothing",
    defaults: Defaults | None = None,
    source: str | None = None,
    **unknown: Never,
) -> Any:
    """Declare that related rows point here, by the foreign key of their only `belongs_to` unless named.

    Args:
        foreign_key: the columns there.
        references: the columns here; the primary key unless named.
        where: which rows there count, in joins, preloads and `assoc`; called once, at first use.
        preload_order: in which order preloads give the rows, unless they say their own.
        through: a path of associations, which is then only read: `lambda: Post.comments / Comment.author`.
        on_replace: what happens to a row that a changeset leaves out: it raises, is an error of the changeset
            (`mark_as_invalid`), the row is deleted (`delete`), or its foreign key becomes NULL (`nilify`).
        on_delete: what `repo.delete` of the owner does first to the rows there: nothing, set their foreign key to NULL
            (`nilify_all`), or delete them (`delete_all`).
        defaults: the values of a row that is made through the association, by member; or a function of its owner that
            gives them.
        source: another table in which the rows there stand, so that one schema serves several tables; queries read
            its columns by `source(Schema, "table")`.
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `posts: HasMany[Post] = has_many(preload_order=lambda: Post.published_at.desc())`
    """
    return AssociationOptions(
        "has_many",
        foreign_key,
        references,
        where,
        preload_order,
        through,
        unknown=tuple(unknown),
        on_replace=on_replace,
        on_delete=on_delete,
        defaults=defaults,
        source=source,
    )


def many_to_many(
    *,
    through: str | Callable[[], type[Any]],
    join_keys: tuple[Keys, Keys] | Mapping[Any, Any] | None = None,
    where: Condition | None = None,
    join_where: Condition | None = None,
    preload_order: Sorting | None = None,
    on_replace: Literal["raise", "mark_as_invalid", "delete"] = "raise",
    on_delete: Literal["nothing", "delete_all"] = "nothing",
    defaults: Defaults | None = None,
    unique: bool = False,
    join_defaults: Defaults | None = None,
    on_join_through_conflict: Literal["raise", "nothing"] = "raise",
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
        on_replace: what happens when a changeset leaves a row out: it raises, is an error of the changeset
            (`mark_as_invalid`), or the row of the table between is deleted (`delete`). The row there stays.
        on_delete: whether `repo.delete` of the owner first deletes its rows of the table between (`delete_all`).
        defaults: the values of a row there that is made through the association, by member; or a function of its
            owner that gives them.
        unique: whether a row that a changeset names twice is an error of its second entry.
        join_defaults: the values of a new row of the table between, or a function of the owner; it needs a schema.
        on_join_through_conflict: whether a row of the table between that is there already is an error, or all is well
            (`nothing`).
        **unknown: options that do not exist; they are refused by name when the class is made.

    Example:
        `teams: ManyToMany[Team] = many_to_many(through="memberships")`
    """
    return AssociationOptions(
        "many_to_many",
        None,
        None,
        where,
        preload_order,
        through,
        join_keys,
        join_where,
        tuple(unknown),
        on_replace,
        on_delete,
        defaults,
        unique,
        join_defaults,
        on_join_through_conflict,
    )


def key_names(given: Keys | None) -> tuple[str, ...] | None:
    """Return the columns of a key as a tuple; None where it is not named."""
    return (given,) if isinstance(given, str) else given
