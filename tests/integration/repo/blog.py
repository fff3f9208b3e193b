"""The schemas that the tests of the repository write and read, and the migration that makes their tables."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel

from ectype import BelongsTo, Field, HasMany, Schema, belongs_to, field, has_many, primary_key
from ectype.migrations import Migration
from ectype.schema.schema import Timestamps
from tests.integration.repo.circles import TABLES as CIRCLES
from tests.integration.repo.circles import change as change_circles


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Stars(Enum):
    ONE = 1
    TWO = 2


class Address(BaseModel):
    street: str
    floors: list[int] = []


class User(Schema, Timestamps, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    email: Field[str]
    role: Field[Role] = field(default=Role.MEMBER)
    age: Field[int | None] = field(default=None)
    nickname: Field[str | None] = field(default=None)
    password_hash: Field[str | None] = field(default=None, redact=True)
    password: Field[str | None] = field(default=None, virtual=True, redact=True)
    posts: "HasMany[Post]" = has_many(foreign_key="author_id")
    edited: "HasMany[Post]" = has_many(foreign_key="editor_id")


class Post(Schema, Timestamps, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    slug: Field[str | None] = field(default=None)
    score: Field[int] = field(default=0)
    price: Field[Decimal | None] = field(default=None, scale=2)
    meta: Field[dict[str, Any]] = field(default_factory=dict)
    tags: Field[list[str]] = field(default_factory=list)
    author_id: Field[int]
    editor_id: Field[int | None] = field(default=None)
    author: BelongsTo[User] = belongs_to()
    editor: BelongsTo[User | None] = belongs_to()
    comments: "HasMany[Comment]" = has_many()


class Comment(Schema, table="comments"):
    id: Field[int] = primary_key()
    body: Field[str]
    post_id: Field[int]
    user_id: Field[int | None] = field(default=None)
    post: BelongsTo[Post] = belongs_to()
    user: BelongsTo[User | None] = belongs_to()


class Tag(Schema, table="tags"):
    """A key that the caller gives."""

    name: Field[str] = field(primary_key=True)
    color: Field[str] = field(default="grey")


class Token(Schema, table="tokens"):
    """A key that is made here."""

    id: Field[UUID] = primary_key(autogenerate=uuid4)
    secret: Field[UUID] = field(autogenerate=uuid4)
    label: Field[str]


class Seat(Schema, table="seats"):
    """A composite key."""

    room: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    guest: Field[str | None] = field(default=None)


class LogLine(Schema, table="log_lines"):
    """No key at all."""

    line: Field[str]
    level: Field[int | None] = field(default=None)


class Booking(Schema, table="bookings"):
    """Every kind of constraint."""

    id: Field[int] = primary_key()
    room: Field[str]
    day: Field[int]
    code: Field[str | None] = field(default=None)
    guest: Field[str | None] = field(default=None)
    cancelled: Field[bool] = field(default=False)
    persons: Field[int] = field(default=1)
    seat_room: Field[str | None] = field(default=None)
    seat_number: Field[int | None] = field(default=None)


class Sample(Schema, table="samples"):
    """Every type."""

    id: Field[int] = primary_key()
    integer: Field[int | None] = field(default=None)
    text: Field[str | None] = field(default=None)
    flag: Field[bool | None] = field(default=None)
    ratio: Field[float | None] = field(default=None)
    exact: Field[Decimal | None] = field(default=None)
    scaled: Field[Decimal | None] = field(default=None, scale=3)
    blob: Field[bytes | None] = field(default=None)
    uuid: Field[UUID | None] = field(default=None)
    moment: Field[datetime | None] = field(default=None)
    day: Field[date | None] = field(default=None)
    clock: Field[time | None] = field(default=None)
    span: Field[timedelta | None] = field(default=None)
    role: Field[Role | None] = field(default=None)
    stars: Field[Stars | None] = field(default=None)
    document: Field[dict[str, Any] | None] = field(default=None)
    items: Field[list[Any] | None] = field(default=None)
    numbers: Field[list[int] | None] = field(default=None)
    words: Field[list[str | None] | None] = field(default=None)
    prices: Field[list[Decimal] | None] = field(default=None)
    digests: Field[list[bytes] | None] = field(default=None)
    keys: Field[list[UUID] | None] = field(default=None)
    moments: Field[list[datetime] | None] = field(default=None)
    roles: Field[list[Role] | None] = field(default=None)
    address: Field[Address | None] = field(default=None)


class PostLine(Schema):
    """A shape: it has no table."""

    title: Field[str]
    author: Field[str]
    comments: Field[int] = field(default=0)


@dataclass(frozen=True)
class Card:
    title: str
    score: int


TABLES = (
    *CIRCLES, "comments", "posts", "users", "tags", "tokens", "bookings", "seats", "log_lines", "samples",
)  # fmt: skip
"""Every table, those that refer to others first."""


def change(m: Migration) -> None:
    """Make the tables."""
    with m.create_table("users") as t:
        t.column("name", str, null=False)
        t.column("email", str, null=False)
        t.column("role", Role, null=False)
        t.column("age", int)
        t.column("nickname", str, default="nobody")
        t.column("password_hash", str)
        t.timestamps()
        t.check("adult", "age > 17")
    m.create_index("users", "email", unique=True)
    with m.create_table("posts") as t:
        t.column("title", str, null=False, default="untitled")
        t.column("slug", str)
        t.column("score", int, null=False, default=0)
        t.column("price", Decimal, scale=2)
        t.column("meta", dict[str, Any], null=False, default={})
        t.column("tags", list[str], null=False, default=[])
        t.references("author_id", "users", null=False)
        t.references("editor_id", "users")
        t.timestamps()
    m.create_index("posts", "slug", unique=True)
    with m.create_table("comments") as t:
        t.column("body", str, null=False)
        t.references("post_id", "posts", null=False)
        t.references("user_id", "users")
    with m.create_table("tags") as t:
        t.column("name", str, primary_key=True)
        t.column("color", str, null=False)
    with m.create_table("tokens") as t:
        t.column("id", UUID, primary_key=True)
        t.column("secret", UUID, null=False)
        t.column("label", str, null=False)
    with m.create_table("seats") as t:
        t.column("room", str, primary_key=True)
        t.column("number", int, primary_key=True)
        t.column("guest", str)
    with m.create_table("log_lines", primary_key=False) as t:
        t.column("line", str, null=False)
        t.column("level", int, default=7)
    with m.create_table("bookings") as t:
        t.column("room", str, null=False)
        t.column("day", int, null=False)
        t.column("code", str)
        t.column("guest", str)
        t.column("cancelled", bool, null=False)
        t.column("persons", int, null=False)
        t.column("seat_room", str)
        t.column("seat_number", int)
        t.check("somebody", "persons > 0")
    m.create_index("bookings", "room", "day", unique=True)
    m.create_index("bookings", "code", unique=True, name="one_code")
    m.create_index("bookings", "guest", unique=True, where="NOT cancelled")
    change_circles(m)
    with m.create_table("samples") as t:
        for name, one in Sample.__schema__.fields.items():
            if name != "id":
                t.column(name, one.type.python, scale=one.options.scale)
