"""Refused: a position for the only entry."""

from collections.abc import Mapping
from typing import Any

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    HasOne,
    Schema,
    belongs_to,
    change,
    field,
    has_many,
    has_one,
    primary_key,
)


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    posts: "HasMany[Post]" = has_many(foreign_key="author_id")
    profile: "HasOne[Profile | None]" = has_one()


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to()


class Profile(Schema, table="profiles"):
    id: Field[int] = primary_key()
    user_id: Field[int | None] = field(default=None)


def placed(profile: Profile, params: Mapping[str, Any], position: int) -> Changeset[Profile]:
    return change(profile)


change(User).cast({}).cast_assoc(User.profile, with_=placed)  # refused
