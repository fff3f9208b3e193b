"""Changesets as both checkers must take them, strictly."""

import gettext
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeVar, assert_type

from ectype import BelongsTo, HasMany, belongs_to, has_many
from ectype.repo.repo import Repo
from ectype.schema.changeset import Changeset, change
from ectype.schema.changeset_data import ChangesetData, Validation
from ectype.schema.errors import Invalid, InvalidChangesetError
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema, Timestamps
from ectype.schema.schemaless import SchemalessChangeset

M = TypeVar("M", bound=Schema)


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class User(Schema, Timestamps, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    email: Field[str]
    role: Field[Role] = field(default=Role.MEMBER)
    age: Field[int | None] = field(default=None)
    balance: Field[Decimal | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    scores: Field[list[int] | None] = field(default=None)
    lock_version: Field[int] = field(default=1)
    terms: Field[bool | None] = field(virtual=True, default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    posts: "HasMany[Post]" = has_many(foreign_key="author_id")


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to()

    @staticmethod
    def changeset(post: "Post | type[Post]", params: Mapping[str, object]) -> "Changeset[Post]":
        return change(post).cast(params, Post.title).validate_required(Post.title)


def signed(changeset: "Changeset[User]", repo: Repo) -> "Changeset[User]":
    return changeset.put_change(User.name, repo.name)


async def counted(changeset: "Changeset[User]", repo: Repo) -> "Changeset[User]":
    await repo.update_all(Post, Post.author_id.set(1))
    return changeset


def normalise_email(changeset: Changeset[User]) -> Changeset[User]:
    return changeset.update_change(User.email, str.lower).put_change(User.role, Role.ADMIN)


def titled(changeset: Changeset[Post], title: str, *, shout: bool) -> Changeset[Post]:
    return changeset.put_change(Post.title, title.upper() if shout else title)


def registration(user: User | type[User], params: Mapping[str, object]) -> Changeset[User]:
    return (
        change(user)
        .cast(params, User.name, User.email, User.password, User.age, empty_values=("", "N/A"))
        .validate_required(User.name, User.email, message="is missing")
        .validate_format(User.email, r"^[^@\s]+@[^@\s]+\Z")
        .validate_format(User.password, re.compile("[0-9]"), message=Error("needs a digit", code=3))
        .validate_length(User.password, min=12)
        .validate_length(User.tags, max=3)
        .validate_length(User.name, is_=3, count="bytes")
        .validate_length(User.name, max=3, count="graphemes", message=("is long", {"code": 3}))
        .validate_subset(User.tags, ["a", "b"])
        .validate_subset(User.scores, range(3), message="is no score")
        .validate_confirmation(User.password, required=True, message="is another")
        .validate_acceptance(User.terms)
        .validate_acceptance("terms_of_service", message="read them")
        .validate_number(User.age, greater_than_or_equal_to=18, less_than=150)
        .validate_number(User.balance, greater_than=Decimal(0), message="is poor")
        .validate_inclusion(User.role, [Role.MEMBER])
        .validate_inclusion(User.age, range(150))
        .validate_exclusion(User.name, {"root", "admin"})
        .validate_change(User.name, lambda name: "is shouting" if name.isupper() else None)
        .validate_change(User.age, lambda age: [(User.name, "is too young")] if age < 3 else [])
        .unique_constraint(User.email)
        .unique_constraint(User.name, User.email, name="names", error_key=User.name, match="prefix")
        .unique_constraint(User.name, match=re.compile("names"))
        .foreign_key_constraint(User.id, error_key="base")
        .check_constraint(User.age, name="adult", message="is too young")
        .exclusion_constraint(User.age)
        .no_assoc_constraint(User.posts, message="has posts")
        .optimistic_lock(User.lock_version)
        .optimistic_lock(User.balance, lambda before: before)
        .prepare_changes(counted)
        .prepare_changes(signed)
        .add_error(User.name, "is %{what}", what="odd")
        .add_error("base", "no")
        .pipe(normalise_email)
    )


def renamed(user: User | type[User]) -> Changeset[User]:
    return change(user, User.name.set("Ada"), User.age.set(36))


def blank(model: type[M]) -> Changeset[M]:
    return change(model)


changeset = registration(User, {"name": "Ada", "email": "x"})
assert_type(changeset, Changeset[User])
assert_type(changeset.valid, bool)
assert_type(changeset.errors, tuple[tuple[str, Error], ...])
assert_type(changeset.data, User)
assert_type(changeset.action, str | None)
assert_type(changeset.get_field(User.age), int | None)
assert_type(changeset.get_field(User.name), str | None)
assert_type(changeset.get_field(User.name, "x"), str)
assert_type(changeset.get_field(User.name, 3), str | int)
assert_type(changeset.get_change(User.tags), list[str] | None)
assert_type(changeset.changed(User.age, from_=None, to=3), bool)
assert_type(changeset.apply_changes(), User)
assert_type(changeset.apply_action("insert"), User)
assert_type(changeset.fetch_field(User.age), tuple[Literal["changes", "data"], int | None] | None)
assert_type(changeset.field_missing(User.age), bool)
assert_type(changeset.merge(changeset), Changeset[User])
assert_type(changeset.problem(status=400, translate=gettext.NullTranslations()), dict[str, Any])
assert_type(changeset.errors[0][1].text(lambda message: message), str)
assert_type(changeset.errors[0][1].code, str)
assert_type(changeset.traverse_errors(lambda whole, key, error: (key, error.code)), dict[str, Any])
assert_type(changeset.traverse_validations(), dict[str, Any])
assert_type(changeset.traverse_validations(lambda one: one.kind), dict[str, Any])
assert_type(changeset.validations, tuple[Validation, ...])
assert_type(change(User).cast(None, User.name, trim=False, force_changes=True), Changeset[User])
assert_type(change(User).cast({}, User.name, message=lambda name, meta: f"{name} {meta['type']}"), Changeset[User])
assert_type(change(Post).assoc_constraint(Post.author, match="prefix", name="posts_"), Changeset[Post])
assert_type(changeset.traverse_errors(), dict[str, Any])
assert_type(changeset.traverse_errors(lambda error: error.message), dict[str, Any])
changes: Mapping[str, Any] = changeset.changes
params: Mapping[str, Any] | None = changeset.params

user = User(name="Ada", email="x")
assert_type(change(user), Changeset[User])
assert_type(change(User), Changeset[User])
assert_type(change(changeset), Changeset[User])
assert_type(change(user, User.name.set("Ada"), User.age.set(None)), Changeset[User])
assert_type(change(User, User.name.set("Ada")), Changeset[User])
assert_type(change(changeset, User.name.set("Ada")), Changeset[User])
assert_type(change(user).put_change(User.age, None).force_change(User.age, 3), Changeset[User])
assert_type(change(Post).pipe(titled, "x", shout=True), Changeset[Post])
assert_type(change(user).delete_change(User.age).with_action("update"), Changeset[User])


def outcome(found: Invalid[User]) -> int:
    match found:
        case Invalid(refused):
            assert_type(refused, Changeset[User])
            return len(refused.errors)


try:
    changeset.apply_action("insert")
except InvalidChangesetError as exc:
    assert_type(exc.changeset, ChangesetData[Any])

search = change({"page": 1}, types={"term": str, "page": int, "tags": list[str]}, redact=["term"])
assert_type(search, SchemalessChangeset)
searched = (
    search.cast({"page": "2"}, "term", "page")
    .validate_required("term")
    .validate_number("page", greater_than=0)
    .validate_length("term", min=3)
    .validate_subset("tags", ["a"])
)
assert_type(searched, SchemalessChangeset)
assert_type(searched.apply_action("validate"), dict[str, Any])
assert_type(searched.data, Mapping[str, Any])


async def written(repo: Repo, post: Post) -> None:
    begun = change(post, Post.title.set("x"))
    assert_type(await repo.update(begun, allow_stale=True), Post)
    assert_type(await repo.update(begun, stale_error_field=Post.id, stale_error_message="is gone"), Post)
    assert_type(await repo.delete(post, stale_error_field="base"), Post)
    assert_type(await repo.insert_or_update(begun), Post)
    asked = await repo.unsafe_validate_unique(begun, Post.title, Post.author_id, nulls_distinct=False)
    assert_type(asked, Changeset[Post])
