"""The rows of the databases of this folder: few enough to be worked out by hand, with NULLs in the right places."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ectype import Range
from ectype.schema.meta import schema_info
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape
from ectype.sql.writes import compile_insert
from tests.dialects.world import Alarm, Booking, Comment, Membership, Page, Post, Profile, Reading, Role, Team, User

LEAP = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
LATE = datetime(2024, 3, 31, 23, 0, tzinfo=UTC)
NESTED = {"lang": "en", "stats": {"views": 10, "tags": ["x", "y"]}}

ROWS: list[tuple[Any, dict[str, Any]]] = [
    (User, {"id": 1, "name": "Ann", "role": Role.ADMIN, "password": "secret", "manager_id": None}),
    (User, {"id": 2, "name": "Ben", "role": Role.MEMBER, "password": None, "manager_id": 1}),
    (User, {"id": 3, "name": "Cleo", "role": Role.MEMBER, "password": None, "manager_id": 1}),
    (User, {"id": 4, "name": "Dan", "role": Role.MEMBER, "password": None, "manager_id": 2}),
    (
        Post,
        {
            "id": 1, "title": "Engines", "slug": "engines", "score": 5, "rating": 4.5, "price": Decimal("9.99"),
            "weight": Decimal("1.5"), "draft": False, "day": date(2024, 2, 29), "posted_at": LEAP,
            "took": timedelta(seconds=90), "meta": NESTED, "tags": ["math", "code"], "author_id": 1,
        },
    ),
    (
        Post,
        {
            "id": 2, "title": "Notes", "slug": "notes", "score": 3, "rating": None, "price": Decimal("20.00"),
            "draft": True, "day": date(2024, 1, 31), "posted_at": LATE, "meta": {"lang": "fr"}, "tags": ["math"],
            "author_id": 1,
        },
    ),
    (
        Post,
        {
            "id": 3, "title": "Bees", "slug": "bees", "score": 8, "rating": 2.0, "draft": False, "meta": {}, "tags": [],
            "author_id": 2,
        },
    ),
    (
        Post,
        {
            "id": 4, "title": "100% wool", "slug": "wool", "score": 3, "rating": None, "draft": False,
            "meta": {"lang": None}, "tags": ["yarn"], "author_id": 3,
        },
    ),
    (Comment, {"id": 1, "body": "first", "likes": 2, "post_id": 1}),
    (Comment, {"id": 2, "body": "second", "likes": 0, "post_id": 1}),
    (Comment, {"id": 3, "body": "buzz", "likes": 7, "post_id": 3}),
    (Page, {"path": "/home", "hits": 10}),
    (Page, {"path": "/faq", "hits": 3}),
    (Reading, {"sensor": 1, "hour": 0}),
    (Reading, {"sensor": 1, "hour": 1}),
    (Reading, {"sensor": 2, "hour": 0}),
    (Profile, {"id": 1, "bio": "likes engines", "user_id": 1}),
    (Profile, {"id": 2, "bio": "keeps bees", "user_id": 2}),
    (Team, {"id": 1, "name": "Core"}),
    (Team, {"id": 2, "name": "Docs"}),
    (Team, {"id": 3, "name": "Retired"}),
    (Membership, {"user_id": 1, "team_id": 1, "role": "lead", "since": 2020}),
    (Membership, {"user_id": 1, "team_id": 2, "role": "lead", "since": 2021}),
    (Membership, {"user_id": 1, "team_id": 3, "role": "lead", "since": 2019}),
    (Membership, {"user_id": 2, "team_id": 1, "role": "guest", "since": 2022}),
    (Membership, {"user_id": 3, "team_id": 2, "role": "lead", "since": 2018}),
    (Alarm, {"id": 1, "of_sensor": 1, "of_hour": 0}),
    (Alarm, {"id": 2, "of_sensor": 1, "of_hour": 0}),
    (Alarm, {"id": 3, "of_sensor": 2, "of_hour": 0}),
    (Alarm, {"id": 4, "of_sensor": 2, "of_hour": None}),
    (
        Booking,
        {
            "id": 1, "place": 3, "seats": Range(1, 5), "price": Range(Decimal("9.5"), Decimal(20), "[]"),
            "days": Range(date(2024, 2, 1), date(2024, 3, 1)), "open": Range(LEAP, LATE),
        },
    ),
    (Booking, {"id": 2, "place": 5, "seats": Range(5, None), "price": Range(None, Decimal("9.5"))}),
    (Booking, {"id": 3, "place": 7, "seats": Range(empty=True)}),
]  # fmt: skip
WIKI_ROWS: list[tuple[Any, dict[str, Any]]] = [
    (User, {"id": 1, "name": "Wanda", "role": Role.MEMBER, "password": None, "manager_id": None}),
    (Post, {"id": 1, "title": "Wiki", "slug": "w", "score": 1, "draft": False, "meta": {}, "tags": [], "author_id": 1}),
]  # fmt: skip


def seeds(dialect: Dialect) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the statements that fill the tables, with their parameters."""
    for prefix, rows in ((None, ROWS), ("wiki", WIKI_ROWS)):
        for model, values in rows:
            statement = compile_insert(InsertShape(schema_info(model), tuple(values), prefix=prefix), dialect)
            yield statement.sql, tuple(statement.dump(tuple(values.values())))
    if not dialect.nameless_foreign_keys:
        # The next row that a test inserts has a key of its own.
        for table in ("users", "posts", "comments"):
            yield f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 1000", ()
            yield f"ALTER TABLE wiki.{table} ALTER COLUMN id RESTART WITH 1000", ()
