"""Refused: a merge with a changeset of another schema."""

from ectype import BelongsTo, HasMany, belongs_to, has_many
from ectype.schema.changeset import change
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    tags: Field[list[str]] = field(default_factory=list)
    version: Field[int] = field(default=1)
    posts: "HasMany[Post]" = has_many(foreign_key="author_id")


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to()


change(User).merge(change(Post))  # refused
