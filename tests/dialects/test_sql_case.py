"""Choices: `case((condition, value), …, else_=value)`."""

from decimal import Decimal

import pytest

from ectype import QueryError, UnsupportedError, case, fn, from_, literal
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Post, Role, User

POSTS = from_(Post)


def test_the_first_branch_that_holds_gives_the_value(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.id, case((Post.score > 7, "high"), (Post.score > 3, "fair"), else_="low")).order_by(Post.id),
        'SELECT "p0"."id", CASE WHEN "p0"."score" > $1 THEN CAST($2 AS text) WHEN "p0"."score" > $3 '
        'THEN CAST($4 AS text) ELSE CAST($5 AS text) END FROM "posts" AS "p0" ORDER BY "p0"."id"',
        'SELECT "p0"."id", CASE WHEN "p0"."score" > ?1 THEN CAST(?2 AS TEXT) WHEN "p0"."score" > ?3 '
        'THEN CAST(?4 AS TEXT) ELSE CAST(?5 AS TEXT) END FROM "posts" AS "p0" ORDER BY "p0"."id"',
        params=(7, "high", 3, "fair", "low"),
        rows=[(1, "fair"), (2, "low"), (3, "high"), (4, "low")],
    )


def test_without_else_the_value_may_be_missing(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.id, case((Post.score > 4, Post.score))).order_by(Post.id),
        'SELECT "p0"."id", CASE WHEN "p0"."score" > $1 THEN "p0"."score" END FROM "posts" AS "p0" ORDER BY "p0"."id"',
        params=(4,),
        rows=[(1, 5), (2, None), (3, 8), (4, None)],
    )


def test_a_value_beside_a_column_is_one_of_its_type(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(User.id, case((User.id > 2, Role.ADMIN), else_=User.role)).order_by(User.id),
        'SELECT "u0"."id", CASE WHEN "u0"."id" > $1 THEN $2 ELSE "u0"."role" END FROM "users" AS "u0" '
        'ORDER BY "u0"."id"',
        params=(2, "admin"),
        rows=[(1, Role.ADMIN), (2, Role.MEMBER), (3, Role.ADMIN), (4, Role.ADMIN)],
    )
    expect_sql(
        POSTS.select(case((Post.price.is_null(), Decimal("0.00")), else_=Post.price)),
        'SELECT CASE WHEN "p0"."price" IS NULL THEN $1 ELSE "p0"."price" END FROM "posts" AS "p0"',
        params=(Decimal("0.00"),),
        sqlite_params=(0,),
        rows=[Decimal("9.99"), Decimal("20.00"), Decimal("0.00"), Decimal("0.00")],
    )


def test_values_of_an_enum_come_back_as_its_members(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(case((User.id > 3, Role.ADMIN), else_=Role.MEMBER)).order_by(User.id),
        'SELECT CASE WHEN "u0"."id" > $1 THEN CAST($2 AS text) ELSE CAST($3 AS text) END FROM "users" AS "u0" '
        'ORDER BY "u0"."id"',
        'SELECT CASE WHEN "u0"."id" > ?1 THEN CAST(?2 AS TEXT) ELSE CAST(?3 AS TEXT) END FROM "users" AS "u0" '
        'ORDER BY "u0"."id"',
        params=(3, "admin", "member"),
        rows=[Role.MEMBER, Role.MEMBER, Role.MEMBER, Role.ADMIN],
    )


def test_a_case_stands_wherever_an_expression_does(expect_sql: ExpectSql):
    rank = case((Post.draft == True, 1), else_=0)  # noqa: E712  # the SQL comparison
    expect_sql(
        POSTS.select(Post.id).where(rank + 1 > 1).order_by(rank.desc(), Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (CASE WHEN "p0"."draft" = $1 THEN CAST($2 AS bigint) '
        "ELSE CAST($3 AS bigint) END + $4) > $5 "
        'ORDER BY CASE WHEN "p0"."draft" = $6 THEN CAST($7 AS bigint) ELSE CAST($8 AS bigint) END DESC, "p0"."id"',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (CASE WHEN "p0"."draft" = ?1 THEN CAST(?2 AS INTEGER) '
        "ELSE CAST(?3 AS INTEGER) END + ?4) > ?5 "
        'ORDER BY CASE WHEN "p0"."draft" = ?6 THEN CAST(?7 AS INTEGER) ELSE CAST(?8 AS INTEGER) END DESC, "p0"."id"',
        params=(True, 1, 0, 1, 1, True, 1, 0),
        sqlite_params=(1, 1, 0, 1, 1, 1, 1, 0),
        rows=[2],
    )
    expect_sql(
        POSTS.select(fn.sum(case((Post.score > 3, 1), else_=0))),
        'SELECT CAST(sum(CASE WHEN "p0"."score" > $1 THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END) AS bigint) '
        'FROM "posts" AS "p0"',
        'SELECT sum(CASE WHEN "p0"."score" > ?1 THEN CAST(?2 AS INTEGER) ELSE CAST(?3 AS INTEGER) END) '
        'FROM "posts" AS "p0"',
        params=(3, 1, 0),
        rows=[2],
    )


def test_decimals_of_two_forms_are_no_choice(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(case((Post.score > 3, Post.price), else_=Post.weight)),
        'SELECT CASE WHEN "p0"."score" > $1 THEN "p0"."price" ELSE "p0"."weight" END FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite keeps scaled decimals as integers that count the last digit, so `case`"),
        params=(3,),
        rows=None,
    )


@pytest.mark.parametrize("branch", [("x", 1), (Post.score > 3,), Post.score > 3, None])
def test_a_branch_is_a_condition_and_a_value(branch: object):
    with pytest.raises(QueryError, match="a branch of `case` is a pair of a condition and a value"):
        case(branch)  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="`case` needs a branch"):
        case()  # type: ignore[call-overload]


def test_a_case_reads_like_its_code():
    assert repr(case((Post.score > 7, "high"), else_="low")) == (
        "case((Post.score > 7, literal('high')), else_=literal('low'))"
    )
    assert repr(case((User.id > 3, User.password), else_=literal("x"))) == (
        "case((User.id > <redacted>, User.password), else_=literal(<redacted>))"
    )
