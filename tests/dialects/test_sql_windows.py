"""Windows that have a name, and the frames of all three units."""

import pytest

from ectype import QueryError, UnsupportedError, fn, from_, scalar, subquery, window
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Line, Post, User

POSTS = from_(Post)
BY_AUTHOR = window(partition_by=Post.author_id, order_by=[Post.score, Post.id]).named("by_author")
DEFINED = 'WINDOW "by_author" AS (PARTITION BY "p0"."author_id" ORDER BY "p0"."score", "p0"."id")'


def test_a_window_with_a_name_is_defined_once(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.id, fn.row_number().over(BY_AUTHOR), fn.count().filter(Post.score > 3).over(BY_AUTHOR)),
        'SELECT "p0"."id", row_number() OVER "by_author", count(*) FILTER(WHERE "p0"."score" > $1) OVER "by_author" '
        f'FROM "posts" AS "p0" {DEFINED}',
        params=(3,),
        rows=[(1, 2, 1), (2, 1, 0), (3, 1, 1), (4, 1, 0)],
    )
    # It stands between HAVING and ORDER BY, and serves the order too.
    expect_sql(
        POSTS.select(Post.id).where(Post.id < 4).order_by(fn.rank().over(BY_AUTHOR), Post.id.desc()).limit(2),
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."id" < $1 {DEFINED} '
        'ORDER BY rank() OVER "by_author", "p0"."id" DESC LIMIT $2',
        params=(4, 2),
        rows=[3, 2],
    )


def test_each_select_defines_its_own_windows(expect_sql: ExpectSql):
    ranked = POSTS.project(Line(title=Post.title, count=fn.rank().over(BY_AUTHOR)))
    lines = subquery(ranked, "lines")
    whole = window().named("whole")
    expect_sql(
        from_(lines).select(lines.count, fn.sum(lines.count).over(whole), fn.max(lines.title).over(whole)),
        'SELECT "l0"."count", CAST(sum("l0"."count") OVER "whole" AS bigint), max("l0"."title") OVER "whole" '
        'FROM (SELECT "p0"."title" AS "title", rank() OVER "by_author" AS "count" '
        f'FROM "posts" AS "p0" {DEFINED}) AS "l0" WINDOW "whole" AS ()',
        'SELECT "l0"."count", sum("l0"."count") OVER "whole", max("l0"."title") OVER "whole" '
        'FROM (SELECT "p0"."title" AS "title", rank() OVER "by_author" AS "count" '
        f'FROM "posts" AS "p0" {DEFINED}) AS "l0" WINDOW "whole" AS ()',
        rows=[(1, 5, "Notes"), (1, 5, "Notes"), (1, 5, "Notes"), (2, 5, "Notes")],
    )
    first = POSTS.where(Post.id < 3).select(fn.rank().over(BY_AUTHOR))
    expect_sql(
        first.union_all(first).limit(3),
        f'SELECT rank() OVER "by_author" FROM "posts" AS "p0" WHERE "p0"."id" < $1 {DEFINED} UNION ALL '
        f'SELECT rank() OVER "by_author" AS "c0" FROM "posts" AS "p0" WHERE "p0"."id" < $2 {DEFINED} LIMIT $3',
        params=(3, 3, 3),
    )
    expect_sql(
        from_(User).select(User.id, scalar(first.order_by(Post.id).limit(1))).where(User.id == 1),
        'SELECT "u0"."id", (SELECT rank() OVER "by_author" FROM "posts" AS "p1" WHERE "p1"."id" < $1 '
        'WINDOW "by_author" AS (PARTITION BY "p1"."author_id" ORDER BY "p1"."score", "p1"."id") '
        'ORDER BY "p1"."id" LIMIT $2) FROM "users" AS "u0" WHERE "u0"."id" = $3',
        params=(3, 1, 1),
        rows=[(1, 2)],
    )


def test_a_window_with_values_stands_where_it_is_used(expect_sql: ExpectSql):
    parity = window(partition_by=Post.score % 2).named("parity")
    expect_sql(
        POSTS.select(Post.id, fn.count().over(parity), fn.max(Post.id).over(parity)),
        'SELECT "p0"."id", count(*) OVER (PARTITION BY "p0"."score" % $1), '
        'max("p0"."id") OVER (PARTITION BY "p0"."score" % $2) FROM "posts" AS "p0"',
        params=(2, 2),
        rows=[(1, 3, 4), (2, 3, 4), (3, 1, 3), (4, 3, 4)],
    )


def test_one_name_is_for_one_window(expect_sql: ExpectSql):
    other = window(order_by=Post.id).named("by_author")
    expect_sql(
        POSTS.select(fn.rank().over(BY_AUTHOR), fn.rank().over(other)),
        Refused(QueryError, "two windows of one query are named 'by_author'"),
    )
    again = window(partition_by=Post.author_id, order_by=[Post.score, Post.id]).named("by_author")
    expect_sql(
        POSTS.select(fn.rank().over(BY_AUTHOR), fn.count().over(again)),
        f'SELECT rank() OVER "by_author", count(*) OVER "by_author" FROM "posts" AS "p0" {DEFINED}',
        rows=[(1, 1), (2, 2), (1, 1), (1, 1)],
    )


@pytest.mark.parametrize("name", ["", "a b", 'w" AS (', None, 3])
def test_a_window_is_named_like_a_variable(name: object):
    with pytest.raises(QueryError, match="a window is named like a variable, got"):
        window().named(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "text", "sums"),
    [
        # The scores in order are 3, 3, 5, 8.
        (fn.rows(-1, 0), "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", [3, 6, 8, 13]),
        (fn.range_(-2, 0), "RANGE BETWEEN 2 PRECEDING AND CURRENT ROW", [6, 6, 11, 8]),
        (fn.range_(0, None), "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", [19, 19, 13, 8]),
        (fn.groups(-1, 0), "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW", [6, 6, 11, 13]),
        (fn.groups(1, 1), "GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING", [5, 5, 8, None]),
        (
            fn.rows(None, None, exclude="current row"),
            "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW",
            [16, 16, 14, 11],
        ),
        (
            fn.range_(None, 0, exclude="group"),
            "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP",
            [None, None, 6, 11],
        ),
        (
            fn.groups(None, 0, exclude="ties"),
            "GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES",
            [3, 3, 11, 19],
        ),
    ],
)
def test_frames_count_rows_distances_and_groups(frame, text: str, sums: list[int | None], expect_sql: ExpectSql):
    total = fn.sum(Post.score).over(window(order_by=Post.score, frame=frame).named("w"))
    end = f'FROM "posts" AS "p0" WINDOW "w" AS (ORDER BY "p0"."score" {text}) ORDER BY "p0"."score"'
    expect_sql(
        POSTS.order_by(Post.score).select(total),
        f'SELECT CAST(sum("p0"."score") OVER "w" AS bigint) {end}',
        f'SELECT sum("p0"."score") OVER "w" {end}',
        rows=sums,
    )


def test_a_distance_is_one_of_numbers(expect_sql: ExpectSql):
    by_rating = fn.count().over(window(order_by=Post.rating.desc(), frame=fn.range_(-3, 0)))
    expect_sql(
        POSTS.where(Post.rating.is_not_null()).select(Post.id, by_rating),
        'SELECT "p0"."id", count(*) OVER (ORDER BY "p0"."rating" DESC RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) '
        'FROM "posts" AS "p0" WHERE "p0"."rating" IS NOT NULL',
        rows=[(1, 1), (3, 2)],
    )
    expect_sql(
        POSTS.select(fn.count().over(window(order_by=Post.price, frame=fn.range_(-20, 0)))),
        'SELECT count(*) OVER (ORDER BY "p0"."price" RANGE BETWEEN 20 PRECEDING AND CURRENT ROW) FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite keeps scaled decimals as integers that count the last digit, so `range_`"),
        rows=[1, 2, 2, 2],
    )
    for key in (Post.title, Post.posted_at, Post.day):
        expect_sql(
            POSTS.select(fn.count().over(window(order_by=key, frame=fn.range_(-1, 0)))),
            Refused(QueryError, "`fn.range_` counts in numbers, and"),
        )
    # Without a distance any order has its equals.
    expect_sql(
        POSTS.select(fn.count().over(window(order_by=[Post.day, Post.title], frame=fn.range_(None, 0)))),
        'SELECT count(*) OVER (ORDER BY "p0"."day", "p0"."title" RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) '
        'FROM "posts" AS "p0"',
        rows=[1, 2, 3, 4],
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: window(frame=fn.groups(-1, 0)), "a frame of groups counts rows that the order takes for equal"),
        (lambda: window(frame=fn.range_(-1, 0)), "counted in the one key of its window's order, which has 0"),
        (
            lambda: window(order_by=[Post.id, Post.score], frame=fn.range_(0, 3)),
            "counted in the one key of its window's order, which has 2",
        ),
        (lambda: fn.range_(1, 0), "a frame cannot start after its end: range_(1, 0)"),
        (lambda: fn.groups(1.5, 2), "a frame's bound is a whole number or None, got 1.5"),
        (lambda: fn.groups(0, 10**9), "a frame's bound is a whole number or None"),
        (lambda: fn.rows(0, 0, exclude="rows"), "a frame excludes one of 'current row', 'group', 'ties', or nothing"),
        (lambda: window(frame=fn.rows), "a frame is made by `fn.rows(start, end)`"),
        (lambda: window(frame=("RANGE", -1, 0, None)), "counted in the one key of its window's order, which has 0"),
    ],
)
def test_frames_of_nonsense_are_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)
