"""The schemas whose SQL the tests of this folder read: a blog, with a column of every kind that SQL treats apart."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Range,
    Registry,
    Schema,
    belongs_to,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
)
from ectype.schema.meta import SchemaInfo, schema_info
from ectype.sql.dialect import Dialect
from ectype.sql.lower import quoted, render


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Blog(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class User(Blog, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    role: Field[Role] = field(default=Role.MEMBER)
    password: Field[str | None] = field(default=None, redact=True)
    manager_id: Field[int | None] = field(default=None)
    manager: BelongsTo["User | None"] = belongs_to()
    posts: HasMany["Post"] = has_many(foreign_key="author_id")


class Post(Blog, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    slug: Field[str] = field(source="url_slug")
    score: Field[int]
    rating: Field[float | None] = field(default=None)
    price: Field[Decimal | None] = field(default=None, scale=2)
    weight: Field[Decimal | None] = field(default=None)
    draft: Field[bool] = field(default=False)
    key: Field[UUID | None] = field(default=None)
    digest: Field[bytes | None] = field(default=None)
    day: Field[date | None] = field(default=None)
    posted_at: Field[datetime | None] = field(default=None)
    took: Field[timedelta | None] = field(default=None)
    meta: Field[dict[str, Any]] = field(default_factory=dict)
    tags: Field[list[str]] = field(default_factory=list)
    excerpt: Field[str | None] = field(default=None, virtual=True)
    author_id: Field[int]
    author: BelongsTo[User] = belongs_to()
    comments: HasMany["Comment"] = has_many()


class Comment(Blog, table="comments"):
    id: Field[int] = primary_key()
    body: Field[str]
    likes: Field[int] = field(default=0)
    post_id: Field[int]
    post: BelongsTo[Post] = belongs_to()


class Page(Blog, table="pages", prefix="wiki"):
    path: Field[str] = field(primary_key=True)
    hits: Field[int] = field(default=0)


class Reading(Blog, table="readings"):
    sensor: Field[int] = field(primary_key=True)
    hour: Field[int] = field(primary_key=True)


class Booking(Blog, table="bookings"):
    """A row of ranges."""

    id: Field[int] = primary_key()
    place: Field[int]
    seats: Field[Range[int]]
    price: Field[Range[Decimal] | None] = field(default=None)
    days: Field[Range[date] | None] = field(default=None)
    open: Field[Range[datetime] | None] = field(default=None)


class Line(Blog):
    """A shape: a title with what was counted for it."""

    title: Field[str]
    count: Field[int]


class Branch(Blog):
    """A shape: a user of a tree, and how deep they stand in it."""

    id: Field[int]
    depth: Field[int]


class Member(Blog, table="users"):
    """A user, with associations of every kind."""

    id: Field[int] = primary_key()
    name: Field[str]
    manager_id: Field[int | None] = field(default=None)
    manager: BelongsTo["Member | None"] = belongs_to()
    reports: HasMany["Member"] = has_many(foreign_key="manager_id")
    profile: HasOne["Profile | None"] = has_one(foreign_key="user_id")
    articles: HasMany["Article"] = has_many(foreign_key="author_id")
    liked: HasMany["Article"] = has_many(
        foreign_key="author_id", where=lambda: Article.score > 3, preload_order=lambda: (Article.score.desc(),)
    )
    teams: ManyToMany["Team"] = many_to_many(through="memberships", join_keys=("user_id", "team_id"))
    led: ManyToMany["Team"] = many_to_many(
        through=lambda: Membership,
        join_keys={"user_id": "id", "team_id": "id"},
        where=lambda: Team.name != "Retired",
        join_where=lambda: Membership.role == "lead",
        preload_order=lambda: (Membership.since.desc(), Team.name),
    )
    remarks: HasMany["Remark"] = has_many(through=lambda: Member.articles / Article.remarks)


class Article(Blog, table="posts"):
    """A post, with fewer columns."""

    id: Field[int] = primary_key()
    title: Field[str]
    score: Field[int]
    author_id: Field[int]
    author: BelongsTo[Member] = belongs_to()
    remarks: HasMany["Remark"] = has_many(foreign_key="post_id")
    author_profile: HasOne["Profile | None"] = has_one(through=lambda: Article.author / Member.profile)


class Remark(Blog, table="comments"):
    id: Field[int] = primary_key()
    body: Field[str]
    post_id: Field[int]
    article: BelongsTo[Article] = belongs_to(foreign_key="post_id")


class Profile(Blog, table="profiles"):
    id: Field[int] = primary_key()
    bio: Field[str]
    user_id: Field[int]
    user: BelongsTo[Member] = belongs_to()


class Team(Blog, table="teams"):
    id: Field[int] = primary_key()
    name: Field[str]
    members: ManyToMany[Member] = many_to_many(through="memberships", join_keys=("team_id", "user_id"))
    remarks: HasMany[Remark] = has_many(through=lambda: Team.members / Member.remarks)


class Membership(Blog, table="memberships"):
    """The table between users and teams."""

    user_id: Field[int] = field(primary_key=True)
    team_id: Field[int] = field(primary_key=True)
    role: Field[str]
    since: Field[int]


class Slot(Blog, table="readings"):
    """A reading: its key has two columns."""

    sensor: Field[int] = field(primary_key=True)
    hour: Field[int] = field(primary_key=True)
    alarms: HasMany["Alarm"] = has_many(foreign_key=("of_sensor", "of_hour"))


class Alarm(Blog, table="alarms"):
    id: Field[int] = primary_key()
    of_sensor: Field[int | None] = field(default=None)
    of_hour: Field[int | None] = field(default=None)
    slot: BelongsTo[Slot | None] = belongs_to(foreign_key=("of_sensor", "of_hour"), references=("sensor", "hour"))


TABLES = (User, Post, Comment, Page, Reading, Profile, Team, Membership, Alarm, Booking)
UNIQUE = {"posts": ("url_slug",), "users": ("name",)}


def create_table(model: Any, dialect: Dialect, *, prefix: str | None = None) -> str:
    """Return the CREATE TABLE of a schema, with what an upsert needs to find a conflict."""
    info: SchemaInfo = schema_info(model)
    name = lambda text: render(quoted(text, dialect), dialect)
    parts: list[str] = []
    for one in info.column_names:
        known = info.fields[one]
        column = known.type.codec(dialect.target).column
        key = one in info.primary_key and len(info.primary_key) == 1
        made = " GENERATED BY DEFAULT AS IDENTITY" if key and column == "bigint" else ""
        parts.append(f"{name(known.source)} {column}{made}{' PRIMARY KEY' if key else ''}")
    if len(info.primary_key) > 1:
        parts.append(f"PRIMARY KEY ({', '.join(name(one) for one in info.primary_key)})")
    parts += [f"UNIQUE ({name(one)})" for one in UNIQUE.get(info.table or "", ())]
    where = f"{name(prefix)}." if prefix else ""
    end = " STRICT" if dialect.target == "sqlite" else ""
    return f"CREATE TABLE {where}{name(info.table or '')} ({', '.join(parts)}){end}"
