"""Refused: a preparation that returns a changeset of another schema."""

from ectype.repo.repo import Repo
from ectype import BelongsTo, HasMany, belongs_to, has_many
from ectype.schema.changeset import Changeset, change
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


def prepared(changeset: Changeset[User], repo: Repo) -> Changeset[Post]:
    return change(Post)


change(User).prepare_changes(prepared)  # refused
