"""Operators and functions: their text, their precedence, and what stands in their place on each database."""

# ruff: noqa: E712  # `== True` makes an expression
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from ectype import (
    CastError,
    QueryError,
    and_,
    escape_like,
    fn,
    fragment,
    from_,
    literal,
    or_,
)
from tests.dialects.expecting import ExpectSql, Refused, divisor
from tests.dialects.world import Comment, Post, Role, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)


def test_each_where_is_a_condition_of_its_own(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.score == 42).where(Post.id != 43),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score" = $1) AND ("p0"."id" <> $2)',
        params=(42, 43),
    )
    expect_sql(
        IDS.where(Post.score >= 1, Post.score < 9),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score" >= $1) AND ("p0"."score" < $2)',
        params=(1, 9),
    )
    expect_sql(
        IDS.where(Post.score > 1, Post.score <= 9),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score" > $1) AND ("p0"."score" <= $2)',
        params=(1, 9),
    )


def test_no_condition_is_no_where(expect_sql: ExpectSql):
    expect_sql(IDS.where(), 'SELECT "p0"."id" FROM "posts" AS "p0"')


def test_and_or_and_not_keep_what_was_written_together(expect_sql: ExpectSql):
    a, b, c = Post.score > 1, Post.score < 2, Post.draft == True
    expect_sql(
        IDS.where((a | b) & c),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE (("p0"."score" > $1) OR ("p0"."score" < $2)) AND ("p0"."draft" = $3)',
        params=(1, 2, True),
    )
    expect_sql(
        IDS.where(a | (b & c)),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE ("p0"."score" > $1) OR (("p0"."score" < $2) AND ("p0"."draft" = $3))',
        params=(1, 2, True),
    )
    expect_sql(
        IDS.where(~(a | b)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT (("p0"."score" > $1) OR ("p0"."score" < $2))',
        params=(1, 2),
    )
    expect_sql(
        IDS.where(~a & ~~b),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (NOT ("p0"."score" > $1)) AND (NOT (NOT ("p0"."score" < $2)))',
        params=(1, 2),
    )
    expect_sql(
        IDS.where(a | b, c),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE (("p0"."score" > $1) OR ("p0"."score" < $2)) AND ("p0"."draft" = $3)',
        params=(1, 2, True),
    )


def test_any_number_of_conditions_is_folded(expect_sql: ExpectSql):
    a, b, c = Post.score > 1, Post.score > 2, Post.score > 3
    expect_sql(
        IDS.where(and_(a, b, c)),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE (("p0"."score" > $1) AND ("p0"."score" > $2)) AND ("p0"."score" > $3)',
        params=(1, 2, 3),
    )
    expect_sql(
        IDS.where(or_(a, b, c)),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE (("p0"."score" > $1) OR ("p0"."score" > $2)) OR ("p0"."score" > $3)',
        params=(1, 2, 3),
    )
    expect_sql(IDS.where(and_(a)), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1', params=(1,))
    expect_sql(IDS.where(and_()), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE TRUE')
    expect_sql(IDS.where(or_()), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE FALSE')


def test_null_has_tests_of_its_own(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.rating.is_null(), Post.key.is_not_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."rating" IS NULL) AND ("p0"."key" IS NOT NULL)',
    )
    expect_sql(
        IDS.where(~Post.rating.is_null()), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."rating" IS NULL)'
    )
    expect_sql(
        IDS.where((Post.score + 1).is_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score" + $1) IS NULL',
        params=(1,),
    )


def test_between_has_both_ends(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.score.between(1, 9)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score" >= $1) AND ("p0"."score" <= $2)',
        params=(1, 9),
    )
    expect_sql(
        IDS.where(~Post.score.between(1, 9)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT (("p0"."score" >= $1) AND ("p0"."score" <= $2))',
        params=(1, 9),
    )


def test_arithmetic_keeps_its_parentheses(expect_sql: ExpectSql):
    score, id_ = '"p0"."score"', '("p0"."id" / ?1)'
    expect_sql(
        POSTS.select((Post.score + 1) * Post.id),
        'SELECT ("p0"."score" + $1) * "p0"."id" FROM "posts" AS "p0"',
        params=(1,),
    )
    expect_sql(
        POSTS.select(Post.score + literal(1) * Post.id),
        'SELECT "p0"."score" + (CAST($1 AS bigint) * "p0"."id") FROM "posts" AS "p0"',
        'SELECT "p0"."score" + (CAST(?1 AS INTEGER) * "p0"."id") FROM "posts" AS "p0"',
        params=(1,),
    )
    expect_sql(
        POSTS.select(Post.score - (Post.id - 1)),
        'SELECT "p0"."score" - ("p0"."id" - $1) FROM "posts" AS "p0"',
        params=(1,),
    )
    expect_sql(
        POSTS.select(Post.score / (Post.id / 1)),
        'SELECT "p0"."score" / ("p0"."id" / $1) FROM "posts" AS "p0"',
        f'SELECT "p0"."score" / {divisor(id_, score)} FROM "posts" AS "p0"',
        params=(1,),
        rows=[5, 1, 2, 0],
    )
    expect_sql(POSTS.select(Post.score % 3), 'SELECT "p0"."score" % $1 FROM "posts" AS "p0"', params=(3,))


def test_minus_twice_is_no_comment(expect_sql: ExpectSql):
    negative = -Post.score
    expect_sql(POSTS.select(-negative), 'SELECT -(-"p0"."score") FROM "posts" AS "p0"')
    expect_sql(POSTS.select(Post.score - -Post.id), 'SELECT "p0"."score" - (-"p0"."id") FROM "posts" AS "p0"')


def test_a_comparison_may_be_selected_and_compared(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select((Post.score > 3) == (Post.id > 3)),
        'SELECT ("p0"."score" > $1) = ("p0"."id" > $2) FROM "posts" AS "p0"',
        params=(3, 3),
    )


def test_a_column_is_compared_with_a_column(expect_sql: ExpectSql):
    expect_sql(IDS.where(Post.score == Post.id), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" = "p0"."id"')


def test_arithmetic_over_text_is_refused(expect_sql: ExpectSql):
    refused = Refused(QueryError, "`+` does not compute with `Post.title`, which is of type string")
    expect_sql(POSTS.select(Post.title + "x"), refused)
    expect_sql(IDS.where(Post.draft - Post.draft), Refused(QueryError, "which is of type boolean"))


def test_spans_add_up_on_every_database(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.took + timedelta(seconds=1)),
        'SELECT CAST(("p0"."took" + $1) AS text) FROM "posts" AS "p0"',
        'SELECT "p0"."took" + ?1 FROM "posts" AS "p0"',
        params=(timedelta(seconds=1),),
        sqlite_params=(1000000,),
    )


def test_like_has_one_escape_character_everywhere(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.title.like("a%")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" LIKE $1',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" LIKE ?1 ESCAPE \'\\\'',
        params=("a%",),
    )
    expect_sql(
        IDS.where(~Post.title.like(escape_like("50%_\\") + "%")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."title" LIKE $1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."title" LIKE ?1 ESCAPE \'\\\')',
        params=("50\\%\\_\\\\%",),
    )


def test_ilike_folds_case_where_the_database_has_no_word_for_it(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.title.ilike("A%")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" ILIKE $1',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE lower("p0"."title") LIKE lower(?1) ESCAPE \'\\\'',
        params=("A%",),
    )


def test_a_pattern_is_text_whatever_the_column_takes(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(User.id).where(User.role.like("adm%")),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE "u0"."role" LIKE $1',
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE "u0"."role" LIKE ?1 ESCAPE \'\\\'',
        params=("adm%",),
    )


def test_in_takes_a_list_of_any_length_in_one_parameter(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.id.in_([1, 2, 3])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."id" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id" IN (SELECT value FROM json_each(?1)))',
        params=([1, 2, 3],),
        sqlite_params=("[1, 2, 3]",),
    )
    expect_sql(
        IDS.where(Post.id.in_([])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."id" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id" IN (SELECT value FROM json_each(?1)))',
        params=([],),
        sqlite_params=("[]",),
    )
    expect_sql(
        IDS.where(~Post.id.in_({7})),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."id" = ANY($1))',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."id" IN (SELECT value FROM json_each(?1)))',
        params=([7],),
        sqlite_params=("[7]",),
    )
    expect_sql(
        IDS.where((Post.id + 1).in_((2,))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id" + $1) = ANY($2)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (("p0"."id" + ?1) IN (SELECT value FROM json_each(?2)))',
        params=(1, [2]),
        sqlite_params=(1, "[2]"),
    )


def test_in_dumps_each_value_by_the_type_of_its_column(expect_sql: ExpectSql):
    key = UUID(int=7)
    expect_sql(
        IDS.where(Post.key.in_([key])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."key" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."key" IN (SELECT value FROM json_each(?1)))',
        params=([UUID("00000000-0000-0000-0000-000000000007")],),
        sqlite_params=('["00000000-0000-0000-0000-000000000007"]',),
    )
    expect_sql(
        from_(User).select(User.id).where(User.role.in_([Role.ADMIN])),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE "u0"."role" = ANY($1)',
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE ("u0"."role" IN (SELECT value FROM json_each(?1)))',
        params=(["admin"],),
        sqlite_params=('["admin"]',),
    )
    expect_sql(
        IDS.where(Post.day.in_([date(2024, 2, 29)])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."day" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."day" IN (SELECT value FROM json_each(?1)))',
        params=([date(2024, 2, 29)],),
        sqlite_params=('["2024-02-29"]',),
    )
    expect_sql(
        IDS.where(Post.title.in_(["a,b", 'c"d', "e\\f"])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."title" IN (SELECT value FROM json_each(?1)))',
        params=(["a,b", 'c"d', "e\\f"],),
        sqlite_params=('["a,b", "c\\"d", "e\\\\f"]',),
    )
    expect_sql(
        IDS.where(fragment("length({})", Post.title).in_([1])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (length("p0"."title")) = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ((length("p0"."title")) IN (SELECT value FROM json_each(?1)))',
        params=([1],),
        sqlite_params=("[1]",),
    )


def test_in_over_bytes_is_refused_where_lists_travel_as_json(expect_sql: ExpectSql):
    refused = Refused(CastError, "a list of bytes cannot be a parameter on SQLite")
    expect_sql(
        IDS.where(Post.digest.in_([b"x"])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."digest" = ANY($1)',
        refused,
        params=([b"x"],),
    )


@pytest.mark.parametrize("values", [[1, None], [Post.id, None], [None]])
def test_in_takes_no_null(values: list[object]):
    with pytest.raises(QueryError, match="`in_` found None in the list"):
        Post.id.in_(values)


@pytest.mark.parametrize("values", ["abc", b"abc", bytearray(b"abc"), 3, Post.id, iter([1])])
def test_in_takes_lists_only(values: object):
    with pytest.raises(QueryError, match="`in_` takes a list of values or a query of one column"):
        Post.id.in_(values)


def test_fragments_are_text_with_gaps(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(User.id).where(fragment("lower({})", User.name) == "ada"),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE (lower("u0"."name")) = $1',
        params=("ada",),
    )
    expect_sql(
        POSTS.select(fragment("{} * ({} + {})", Post.score, Post.id, 2)),
        'SELECT ("p0"."score" * ("p0"."id" + $1)) FROM "posts" AS "p0"',
        params=(2,),
    )
    expect_sql(
        POSTS.select(fragment("coalesce({}, {})", Post.score + 1, None)),
        'SELECT (coalesce(("p0"."score" + $1), NULL)) FROM "posts" AS "p0"',
        params=(1,),
    )
    expect_sql(POSTS.select(fragment("current_timestamp")), 'SELECT (current_timestamp) FROM "posts" AS "p0"')


def test_braces_in_fragments_are_doubled(expect_sql: ExpectSql):
    expect_sql(POSTS.select(fragment("'{{}}'")), 'SELECT (\'{}\') FROM "posts" AS "p0"')
    expect_sql(
        POSTS.select(fragment("'{{' || {} || '}}'", Post.title)),
        'SELECT (\'{\' || "p0"."title" || \'}\') FROM "posts" AS "p0"',
    )


@pytest.mark.parametrize(
    ("text", "args", "message"),
    [
        ("{}", (), "has 1 gaps and got 0 arguments"),
        ("x", (1,), "has 0 gaps and got 1 arguments"),
        ("{{}}", (1,), "has 0 gaps and got 1 arguments"),
        ("{0}", (1,), "a brace stands alone in the fragment '{0}'"),
        ("'{1,2}'", (), "a brace stands alone"),
        ("{", (), "a brace stands alone"),
        ("}", (), "a brace stands alone"),
        ("{{{", (), "a brace stands alone"),
    ],
)
def test_a_fragment_whose_gaps_do_not_match_is_refused(text: str, args: tuple[object, ...], message: str):
    with pytest.raises(QueryError, match=message):
        fragment(text, *args)  # type: ignore[call-overload]


def test_functions_of_text(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(fn.lower(User.name), fn.upper(User.name), fn.trim(User.name)),
        'SELECT lower("u0"."name"), upper("u0"."name"), trim("u0"."name") FROM "users" AS "u0"',
    )
    expect_sql(
        from_(User).select(fn.length(User.name), fn.substring(User.name, 1, 3)),
        'SELECT length("u0"."name"), substr("u0"."name", $1, $2) FROM "users" AS "u0"',
        params=(1, 3),
    )
    expect_sql(
        from_(User).select(fn.concat(fn.concat(User.name, ": "), User.role)),
        'SELECT ("u0"."name" || $1) || "u0"."role" FROM "users" AS "u0"',
        params=(": ",),
    )


def test_functions_of_numbers_and_nulls(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.abs(Post.score - 3), fn.nullif(Post.score, 0)),
        'SELECT abs("p0"."score" - $1), nullif("p0"."score", $2) FROM "posts" AS "p0"',
        params=(3, 0),
    )
    expect_sql(
        POSTS.select(fn.coalesce(Post.rating, 0.5)),
        'SELECT coalesce("p0"."rating", $1) FROM "posts" AS "p0"',
        params=(0.5,),
    )
    expect_sql(
        POSTS.select(fn.coalesce(Post.rating, Post.rating + 1.5)),
        'SELECT coalesce("p0"."rating", "p0"."rating" + $1) FROM "posts" AS "p0"',
        params=(1.5,),
    )


def test_aggregates_have_one_type_everywhere(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.count(), fn.count(Post.key), fn.count(Post.title, distinct=True)),
        'SELECT count(*), count("p0"."key"), count(DISTINCT "p0"."title") FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.select(fn.sum(Post.score), fn.avg(Post.score)),
        'SELECT CAST(sum("p0"."score") AS bigint), avg("p0"."score") FROM "posts" AS "p0"',
        'SELECT sum("p0"."score"), avg("p0"."score") FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.select(fn.sum(Post.rating), fn.avg(Post.rating), fn.sum(Post.took)),
        'SELECT sum("p0"."rating"), avg("p0"."rating"), CAST(sum("p0"."took") AS text) FROM "posts" AS "p0"',
        'SELECT sum("p0"."rating"), avg("p0"."rating"), sum("p0"."took") FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.select(fn.min(Post.title), fn.max(Post.posted_at)),
        'SELECT min("p0"."title"), CAST(CAST(max("p0"."posted_at") AS timestamptz) AS text) FROM "posts" AS "p0"',
        'SELECT min("p0"."title"), max("p0"."posted_at") FROM "posts" AS "p0"',
    )


def test_an_aggregate_is_filtered(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.count(Post.id).filter(Post.score > 3)),
        'SELECT count("p0"."id") FILTER(WHERE "p0"."score" > $1) FROM "posts" AS "p0"',
        params=(3,),
    )
    expect_sql(
        POSTS.select(fn.sum(Post.score).filter(Post.score > 3) + 1),
        'SELECT CAST(sum("p0"."score") FILTER(WHERE "p0"."score" > $1) AS bigint) + $2 FROM "posts" AS "p0"',
        'SELECT (sum("p0"."score") FILTER(WHERE "p0"."score" > ?1)) + ?2 FROM "posts" AS "p0"',
        params=(3, 1),
    )
    expect_sql(
        POSTS.select(fn.count(Post.title, distinct=True).filter(Post.draft == False)),
        'SELECT count(DISTINCT "p0"."title") FILTER(WHERE "p0"."draft" = $1) FROM "posts" AS "p0"',
        params=(False,),
    )


def test_casts_use_the_types_of_the_database(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.rating.as_type(int), Post.score.as_type(str), (Post.score + 1).as_type(float)),
        'SELECT CAST("p0"."rating" AS bigint), CAST("p0"."score" AS text), CAST("p0"."score" + $1 AS float8) '
        'FROM "posts" AS "p0"',
        'SELECT CAST("p0"."rating" AS INTEGER), CAST("p0"."score" AS TEXT), CAST("p0"."score" + ?1 AS REAL) '
        'FROM "posts" AS "p0"',
        params=(1,),
    )


def test_literals_are_parameters_of_their_own_type(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(literal(1), literal("x"), literal(1.5), literal(True), literal(None)),
        "SELECT CAST($1 AS bigint), CAST($2 AS text), CAST($3 AS float8), CAST($4 AS boolean), NULL "
        'FROM "posts" AS "p0"',
        "SELECT CAST(?1 AS INTEGER), CAST(?2 AS TEXT), CAST(?3 AS REAL), CAST(?4 AS INTEGER), NULL "
        'FROM "posts" AS "p0"',
        params=(1, "x", 1.5, True),
    )
    expect_sql(
        POSTS.select(literal(Decimal("1.5")), literal(b"x"), literal({"a": [1]})),
        'SELECT CAST($1 AS numeric), CAST($2 AS bytea), CAST($3 AS jsonb) FROM "posts" AS "p0"',
        'SELECT CAST(?1 AS TEXT), CAST(?2 AS BLOB), CAST(?3 AS TEXT) FROM "posts" AS "p0"',
        params=(Decimal("1.5"), b"x", '{"a":[1]}'),
        sqlite_params=("1.5", b"x", '{"a":[1]}'),
    )
    at = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    expect_sql(
        POSTS.select(literal(at)),
        'SELECT CAST(CAST(CAST($1 AS timestamptz) AS timestamptz) AS text) FROM "posts" AS "p0"',
        'SELECT CAST(?1 AS TEXT) FROM "posts" AS "p0"',
        params=(datetime(2024, 2, 29, 12, 30, tzinfo=UTC),),
        sqlite_params=("2024-02-29 12:30:00.000000",),
    )


def test_a_value_of_a_class_that_no_database_knows_is_refused(expect_sql: ExpectSql):
    with pytest.raises(CastError, match="a object cannot be a parameter"):
        literal(object())
    expect_sql(IDS.where(fragment("{}", object()) == 1), Refused(CastError, "a object cannot be a parameter"))


def test_a_value_is_dumped_by_the_type_it_is_compared_with(expect_sql: ExpectSql):
    key = UUID("00000000-0000-0000-0000-0000000000FF")
    at = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    expect_sql(
        IDS.where(Post.key == key, Post.digest == b"\0", Post.draft == True),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE ("p0"."key" = $1) AND ("p0"."digest" = $2) AND ("p0"."draft" = $3)',
        params=(UUID("00000000-0000-0000-0000-0000000000ff"), b"\x00", True),
        sqlite_params=("00000000-0000-0000-0000-0000000000ff", b"\x00", 1),
    )
    expect_sql(
        IDS.where(Post.posted_at < at, Post.day == date(2024, 2, 29)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."posted_at" < $1) AND ("p0"."day" = $2)',
        params=(datetime(2024, 2, 29, 12, 30, tzinfo=UTC), date(2024, 2, 29)),
        sqlite_params=("2024-02-29 12:30:00.000000", "2024-02-29"),
    )
    expect_sql(
        IDS.where(Post.took > timedelta(hours=1), literal(3) < Post.score),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."took" > $1) AND ("p0"."score" > CAST($2 AS bigint))',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."took" > ?1) AND ("p0"."score" > CAST(?2 AS INTEGER))',
        params=(timedelta(seconds=3600), 3),
        sqlite_params=(3600000000, 3),
    )
    expect_sql(
        from_(User).select(User.id).where(User.role == Role.ADMIN),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE "u0"."role" = $1',
        params=("admin",),
    )
    expect_sql(
        IDS.where(fn.lower(Post.title) == "x", (Post.score + 1) == 3),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (lower("p0"."title") = $1) AND (("p0"."score" + $2) = $3)',
        params=("x", 1, 3),
    )


def test_an_enum_beside_an_expression_of_unknown_type_is_its_value(expect_sql: ExpectSql):
    expect_sql(
        from_(User).select(User.id).where(fragment("lower({})", User.role) == Role.ADMIN),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE (lower("u0"."role")) = $1',
        params=("admin",),
    )


def test_documents_and_lists_are_single_parameters(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta == {"a": 1}),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."meta" = $1',
        params=('{"a":1}',),
    )
    expect_sql(
        IDS.where(Post.tags == ["a", "b"]),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."tags" = $1',
        params=(["a", "b"],),
        sqlite_params=('["a","b"]',),
    )


def test_a_value_of_the_wrong_type_is_refused(expect_sql: ExpectSql):
    expect_sql(IDS.where(Post.score == "3"), Refused(CastError, "expected an integer, got '3' (str)"))  # type: ignore[arg-type]


def test_a_virtual_field_is_not_in_the_database():
    with pytest.raises(QueryError, match=r"`Post.excerpt` is virtual: it is not stored, so a query cannot read it"):
        POSTS.where(Post.excerpt == "x")
    with pytest.raises(QueryError, match=r"`Post.excerpt` is virtual"):
        from_(Comment).where(Comment.body == Post.excerpt)
