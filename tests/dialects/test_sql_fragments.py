"""Fragments with several values, names and other fragments in their gaps, and literals of a given type."""

from decimal import Decimal

import pytest

from ectype import CastError, QueryError, constant, fragment, from_, identifier, literal, splice
from ectype.sql.dialect import POSTGRES
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Post, Role, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)


def test_several_values_fill_one_gap(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(fragment("{} in ({}, {}, {})", Post.id, 1, splice([2, 3, 4]), 5)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id" in ($1, $2, $3, $4, $5))',
        params=(1, 2, 3, 4, 5),
        rows=[1, 2, 3, 4],
    )
    expect_sql(
        POSTS.select(fragment("coalesce({})", splice([Post.score + 1, Post.id, 7]))).where(Post.id == 1),
        'SELECT (coalesce(("p0"."score" + $1), "p0"."id", $2)) FROM "posts" AS "p0" WHERE "p0"."id" = $3',
        params=(1, 7, 1),
        rows=[6],
    )
    assert fragment("({})", splice([1, 2])).node is fragment("({})", splice([3, 4])).node
    assert fragment("({})", splice([1, 2])).node is not fragment("({})", splice([1])).node


def test_a_fragment_stands_in_a_fragment(expect_sql: ExpectSql):
    lower = fragment("lower({})", Post.title)
    expect_sql(
        IDS.where(fragment("{} = {}", fragment("substr({}, {})", lower, 2), "ees")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ((substr((lower("p0"."title")), $1)) = $2)',
        params=(2, "ees"),
        rows=[3],
    )


def test_a_fragment_has_up_to_eight_gaps(expect_sql: ExpectSql):
    eight = fragment("({} + {} + {} + {} + {} + {} + {} + {})", Post.id, 1, Post.id, 1, 1, 1, 1, Post.score)
    expect_sql(
        POSTS.select(eight).where(Post.id == 1),
        'SELECT (("p0"."id" + $1 + "p0"."id" + $2 + $3 + $4 + $5 + "p0"."score")) FROM "posts" AS "p0" '
        'WHERE "p0"."id" = $6',
        params=(1, 1, 1, 1, 1, 1),
        rows=[12],
    )


def test_a_name_is_quoted_and_never_read(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fragment("{}.{} + {}", identifier("p0"), identifier("score"), 1)).where(Post.id == 1),
        'SELECT ("p0"."score" + $1) FROM "posts" AS "p0" WHERE "p0"."id" = $2',
        'SELECT (`p0`.`score` + ?1) FROM "posts" AS "p0" WHERE "p0"."id" = ?2',
        params=(1, 1),
        rows=[6],
    )
    hostile = fragment("(SELECT 1 AS {})", identifier('x" FROM `users`; --'))
    expect_sql(
        IDS.where(hostile == 1, Post.id < 2),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (((SELECT 1 AS "x"" FROM `users`; --")) = $1) '
        'AND ("p0"."id" < $2)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (((SELECT 1 AS `x" FROM ``users``; --`)) = ?1) '
        'AND ("p0"."id" < ?2)',
        params=(1, 2),
        rows=[1],
    )
    assert repr(hostile) == "fragment('(SELECT 1 AS {})', identifier('x\" FROM `users`; --'))"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "é" * 32, "a\ud800", None, 3])
def test_what_is_no_name_is_refused(name: object):
    with pytest.raises(QueryError, match="a name has 1 to 63 bytes"):
        identifier(name)  # type: ignore[arg-type]


def test_a_constant_stands_in_the_text(expect_sql: ExpectSql):
    quoted = constant("it's {}")
    expect_sql(
        POSTS.select(fragment("{} -{} + {}", Post.score, constant(-2), constant(10)), fragment("{}", quoted))
        .where(fragment("{} = {}", Post.draft, constant(True)) | (Post.id == 1))
        .order_by(Post.id),
        'SELECT ("p0"."score" -(-2) + 10), (\'it\'\'s {}\') FROM "posts" AS "p0" WHERE ("p0"."draft" = TRUE) OR '
        '("p0"."id" = $1) ORDER BY "p0"."id"',
        params=(1,),
        rows=[(17, "it's {}"), (15, "it's {}")],
    )
    days = fragment("{} + interval {}", Post.posted_at, constant("1 day"))
    assert POSTS.select(days).to_sql(POSTGRES)[0] == (
        'SELECT ("p0"."posted_at" + interval \'1 day\') FROM "posts" AS "p0"'
    )
    assert fragment("f({})", constant(1)).node is not fragment("f({})", constant(2)).node


HOSTILE = ("'", "''", "'; DROP TABLE posts; --", "$1 ?1 {} {{", "/* */ --", '"', "é\n\t", "%s", "E'", "a" * 255, "")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_constant_holds_is_never_read_as_sql(expect_sql: ExpectSql, text: str):
    doubled = text.replace("'", "''")
    expect_sql(
        POSTS.select(fragment("{}", constant(text))).where(Post.id == 1),
        f'SELECT (\'{doubled}\') FROM "posts" AS "p0" WHERE "p0"."id" = $1',
        f'SELECT (\'{doubled}\') FROM "posts" AS "p0" WHERE "p0"."id" = ?1',
        params=(1,),
        rows=[text],
    )


@pytest.mark.parametrize(
    "value",
    [None, 1.5, Decimal(1), b"x", 2**63, -(2**63), "a\\b", "a\0", "\ud800", "a" * 256, Role.ADMIN, [1], Post.id],
)
def test_what_is_no_constant_is_refused(value: object):
    with pytest.raises(QueryError, match="a constant is an int of 64 bits, a bool, or at most 255 characters"):
        constant(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[], "abc", b"abc", 3, None, {1, 2}])
def test_what_is_no_list_is_not_spliced(values: object):
    with pytest.raises(QueryError, match="`splice` takes a list of at least one value"):
        splice(values)  # type: ignore[call-overload]


def test_the_text_of_a_fragment_is_text():
    with pytest.raises(QueryError, match="the text of a fragment is a str, got 3"):
        fragment(3)  # type: ignore[call-overload]


def test_a_literal_takes_its_type_from_a_class_or_a_column(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(literal(1, float), literal(Decimal("1.50"), Post.price), literal(Role.ADMIN, User.role)).where(
            Post.id == 1
        ),
        'SELECT CAST($1 AS float8), CAST($2 AS numeric(1000,2)), CAST($3 AS text) FROM "posts" AS "p0" '
        'WHERE "p0"."id" = $4',
        'SELECT CAST(?1 AS REAL), CAST(?2 AS INTEGER), CAST(?3 AS TEXT) FROM "posts" AS "p0" WHERE "p0"."id" = ?4',
        params=(1.0, Decimal("1.50"), "admin", 1),
        sqlite_params=(1.0, 150, "admin", 1),
        rows=[(1.0, Decimal("1.50"), Role.ADMIN)],
    )
    with pytest.raises(QueryError, match="`literal` takes its type from a class or a column"):
        literal(1, Post.score + 1)
    expect_sql(POSTS.select(literal("x", int)), Refused(CastError, "expected an integer, got 'x'"))  # type: ignore[arg-type]


def test_they_read_like_their_code():
    assert repr(fragment("f({}, {})", Post.id, splice([1, 2]))) == "fragment('f({}, {})', Post.id, [1, 2])"
    assert repr(literal(Role.ADMIN, User.role)) == "literal(<Role.ADMIN: 'admin'>)"
