"""Refused: an error on the association of another schema."""

from ectype import (
    BelongsTo,
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


change(User).add_error(Post.author, "is odd")  # refused
