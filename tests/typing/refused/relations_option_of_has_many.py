"""Refused: a list whose entries would be updated in place."""

from ectype import Field, HasMany, Schema, field, has_many, primary_key


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    posts: "HasMany[Post]" = has_many(on_replace="update")  # refused


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    user_id: Field[int | None] = field(default=None)
