"""Refused: a struct where a changeset belongs."""

from ectype.repo.repo import Repo
from ectype import BelongsTo, HasMany, belongs_to, has_many
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


async def written(repo: Repo, user: User) -> None:
    await repo.insert_or_update(user)  # refused
