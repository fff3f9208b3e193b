"""The rows of expressions and queries whose text other tests of this folder pin: the same on every database."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ectype import (
    POSTGRES,
    SQLITE,
    alias,
    cte,
    escape_like,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    outer,
    scalar,
    subquery,
    window,
)
from tests.dialects.expecting import ExpectSql
from tests.dialects.rows import LATE, LEAP
from tests.dialects.world import Branch, Comment, Line, Post, Role, User

POSTS = from_(Post).order_by(Post.id)
USERS = from_(User).order_by(User.id)
BOSS = alias(User, "boss")
COMMENTS = scalar(from_(Comment).where(Comment.post_id == outer(Post.id)).select(fn.count()))
TREE = cte(Branch, "tree")
ROOTS = from_(User).where(User.manager_id.is_null()).project(Branch(id=User.id, depth=literal(0)))
BELOW = from_(User).join(TREE, on=User.manager_id == TREE.id).project(Branch(id=User.id, depth=TREE.depth + 1))
KEPT = cte(Post, "kept")
LINES = subquery(
    from_(Post).left_join(Post.comments).group_by(Post.id).project(Line(title=Post.title, count=fn.count(Comment.id))),
    "lines",
)
BUSY = subquery(from_(LINES).where(LINES.count > 0), "busy")
BEST = subquery(from_(Post).where(Post.score > 3), "best")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (POSTS.select(fn.lower(Post.title), fn.length(Post.title)),
         [("engines", 7), ("notes", 5), ("bees", 4), ("100% wool", 9)]),
        (POSTS.select(fn.upper(fn.substring(Post.title, 1, 3))), ["ENG", "NOT", "BEE", "100"]),
        (POSTS.select(fn.trim(fn.concat(Post.title, "  "))).limit(1), ["Engines"]),
        (POSTS.select(fn.abs(Post.score - 5), fn.nullif(Post.score, 3)), [(0, 5), (2, None), (3, 8), (2, None)]),
        (POSTS.select(fn.coalesce(Post.rating, 0.5)), [4.5, 0.5, 2.0, 0.5]),
        (POSTS.select(Post.score.as_type(str), Post.score.as_type(float)),
         [("5", 5.0), ("3", 3.0), ("8", 8.0), ("3", 3.0)]),
        (POSTS.select(literal(7), literal("x"), literal(True), literal(date(2024, 1, 2))).limit(1),
         [(7, "x", True, date(2024, 1, 2))]),
        (POSTS.where(Post.title.like(escape_like("100%") + "%")).select(Post.id), [4]),
        (POSTS.where(Post.title.ilike("BEE%")).select(Post.id), [3]),
        (POSTS.where(Post.score.between(3, 5), ~(Post.title == "Notes")).select(Post.id), [1, 4]),
        (USERS.where(User.role.in_([Role.ADMIN])).select(User.name, User.role), [("Ann", Role.ADMIN)]),
        (USERS.where(User.role != Role.ADMIN, User.manager_id == User.id - 1).select(User.name), ["Ben"]),
        (POSTS.where(fragment("{} > {}", Post.score, 4)).select(Post.id), [1, 3]),
        (POSTS.where(Post.posted_at.is_not_null()).select(Post.posted_at, Post.day),
         [(LEAP, date(2024, 2, 29)), (LATE, date(2024, 1, 31))]),
        (POSTS.where(Post.took.is_not_null()).select(Post.took + timedelta(seconds=30)), [timedelta(minutes=2)]),
        (from_(Post).select(fn.count(), fn.count(Post.rating), fn.count(Post.score, distinct=True)), [(4, 2, 3)]),
        (from_(Post).select(fn.sum(Post.score), fn.avg(Post.score), fn.min(Post.title), fn.max(Post.day)),
         [(19, Decimal("4.75"), "100% wool", date(2024, 2, 29))]),
        (from_(Post).select(fn.sum(Post.price), fn.sum(Post.rating)), [(Decimal("29.99"), 6.5)]),
        (from_(Post).select(fn.count().filter(Post.score > 3), fn.sum(Post.score).filter(Post.score > 99)),
         [(2, None)]),
        (USERS.join(User.manager, as_=BOSS).select(User.name, BOSS.name),
         [("Ben", "Ann"), ("Cleo", "Ann"), ("Dan", "Ben")]),
        (POSTS.join(Post.author).left_join(Post.comments).order_by(Comment.id)
         .select(User.name, Post.id, maybe(Comment.body)),
         [("Ann", 1, "first"), ("Ann", 1, "second"), ("Ann", 2, None), ("Ben", 3, "buzz"), ("Cleo", 4, None)]),
        (USERS.join(BEST, on=BEST.author_id == User.id).select(User.name, BEST.title),
         [("Ann", "Engines"), ("Ben", "Bees")]),
        # A subquery stands in every clause.
        (from_(BUSY).order_by(BUSY.title).select(BUSY.title, BUSY.count), [("Bees", 1), ("Engines", 2)]),
        (POSTS.select(Post.id, COMMENTS), [(1, 2), (2, 0), (3, 1), (4, 0)]),
        (from_(Post).order_by(COMMENTS.desc(), Post.id).select(Post.id), [1, 3, 2, 4]),
        (from_(Post).group_by(COMMENTS.as_("n")).order_by(COMMENTS.as_("n")).select(COMMENTS.as_("n"), fn.count()),
         [(0, 2), (1, 1), (2, 1)]),
        (from_(Post).distinct().select(COMMENTS.as_("n")).order_by(COMMENTS.as_("n")), [0, 1, 2]),
        (POSTS.select(Post.id, fn.rank().over(window(order_by=COMMENTS.desc()))), [(1, 1), (2, 3), (3, 2), (4, 3)]),
        (POSTS.select(Post.id, fn.count().over(window(partition_by=COMMENTS))), [(1, 1), (2, 2), (3, 1), (4, 2)]),
        (POSTS.where(COMMENTS > 0).select(Post.id), [1, 3]),
        # A CTE names columns as the schema does, whatever they are called in the table.
        (from_(KEPT).with_cte(KEPT, from_(Post).where(Post.score > 3)).order_by(KEPT.slug).select(KEPT.slug),
         ["bees", "engines"]),
        (USERS.with_cte(TREE, ROOTS.union_all(BELOW), recursive=True).join(TREE, on=TREE.id == User.id)
         .select(User.name, TREE.depth), [("Ann", 0), ("Ben", 1), ("Cleo", 1), ("Dan", 2)]),
    ],
)  # fmt: skip
def test_the_same_rows_on_every_database(query, rows: list[object], expect_sql: ExpectSql):
    on_postgres, params = query.to_sql(POSTGRES)
    on_sqlite, sqlite_params = query.to_sql(SQLITE)
    expect_sql(query, on_postgres, on_sqlite, params=params, sqlite_params=sqlite_params, rows=rows)
