"""Functions whose text is another on each database, and operators with values on their left."""

from datetime import date
from decimal import Decimal

import pytest

from ectype import QueryError, UnsupportedError, fn, from_, literal, window
from tests.dialects.expecting import ExpectSql, Refused, divisor
from tests.dialects.world import Comment, Post, User

POSTS = from_(Post)
ORDERED = POSTS.order_by(Post.id)
POSTS_END = 'FROM "posts" AS "p0" ORDER BY "p0"."id"'


def test_a_value_may_stand_on_the_left(expect_sql: ExpectSql):
    score = '"p0"."score"'
    expect_sql(
        ORDERED.select(3 - Post.score, 10 / Post.score, 2 * Post.price, 1 + Post.score),
        f'SELECT $1 - {score}, $2 / {score}, $3 * "p0"."price", $4 + {score} {POSTS_END}',
        f'SELECT ?1 - {score}, ?2 / {divisor(score)}, ?3 * "p0"."price", ?4 + {score} {POSTS_END}',
        params=(3, 10, 2, 1),
        rows=[
            (-2, 2, Decimal("19.98"), 6),
            (0, 3, Decimal("40.00"), 4),
            (-5, 1, None, 9),
            (0, 3, None, 4),
        ],
    )
    expect_sql(
        ORDERED.select(-Post.score % 3, 7 % Post.score, -Post.score / 2),
        f"SELECT (-{score}) % $1, $2 % {score}, (-{score}) / $3 {POSTS_END}",
        f"SELECT (-{score}) % ?1, ?2 % {divisor(score)}, (-{score}) / ?3 {POSTS_END}",
        params=(3, 7, 2),
        rows=[(-2, 2, -2), (0, 1, -1), (-2, 7, -4), (0, 1, -1)],
    )


def test_the_rest_of_a_division_of_floats_is_refused(expect_sql: ExpectSql):
    refused = Refused(QueryError, "`%` over floats means another thing on each database")
    expect_sql(POSTS.select(Post.rating % 2.0), refused)
    expect_sql(POSTS.select(7.0 % Post.rating), refused)
    expect_sql(POSTS.select(Post.score % 1.5), refused)


def test_a_fraction_beside_whole_numbers_makes_fractions(expect_sql: ExpectSql):
    expect_sql(
        ORDERED.select(Post.score * 0.5, 1.5 + Post.score),
        f'SELECT "p0"."score" * CAST($1 AS float8), CAST($2 AS float8) + "p0"."score" {POSTS_END}',
        f'SELECT "p0"."score" * CAST(?1 AS REAL), CAST(?2 AS REAL) + "p0"."score" {POSTS_END}',
        params=(0.5, 1.5),
        rows=[(2.5, 6.5), (1.5, 4.5), (4.0, 9.5), (1.5, 4.5)],
    )
    expect_sql(
        ORDERED.select(Post.score * Decimal("0.5")),
        f'SELECT "p0"."score" * CAST($1 AS numeric) {POSTS_END}',
        Refused(UnsupportedError, "SQLite keeps `literal(…)` as text"),
        params=(Decimal("0.5"),),
        rows=[Decimal("2.5"), Decimal("1.5"), Decimal("4.0"), Decimal("1.5")],
    )


def _whole(text: str, sign: str, op: str) -> str:
    return (
        f"CASE WHEN {text} >= -9223372036854775808.0 AND {text} < 9223372036854775808.0 THEN CAST({text} AS INTEGER) "
        f"{sign} ({text} {op} CAST({text} AS INTEGER)) WHEN {text} IS NOT NULL "
        "THEN json_extract('{}', 'ectype: integer out of range') END"
    )


def test_rounding_goes_away_from_zero_on_both(expect_sql: ExpectSql):
    rating, minus = '"p0"."rating"', '(-"p0"."rating")'
    expect_sql(
        ORDERED.select(fn.round(Post.rating), fn.floor(-Post.rating), fn.ceil(Post.rating), fn.sign(Post.score - 5)),
        'SELECT CAST(round(CAST("p0"."rating" AS numeric)) AS float8), CAST(floor((-"p0"."rating")) AS bigint), '
        f'CAST(ceil("p0"."rating") AS bigint), CAST(sign(("p0"."score" - $1)) AS bigint) {POSTS_END}',
        f'SELECT round("p0"."rating"), {_whole(minus, "-", "<")}, {_whole(rating, "+", ">")}, '
        f'sign(("p0"."score" - ?1)) {POSTS_END}',
        params=(5,),
        rows=[(5.0, -5, 5, 0), (None, None, None, -1), (2.0, -2, 2, 1), (None, None, None, -1)],
    )
    for half, away in ((2.5, 3.0), (-2.5, -3.0), (0.5, 1.0)):
        expect_sql(
            ORDERED.limit(1).select(fn.round(literal(half))),
            f"SELECT CAST(round(CAST(CAST($2 AS float8) AS numeric)) AS float8) {POSTS_END} LIMIT $1",
            f"SELECT round(CAST(?2 AS REAL)) {POSTS_END} LIMIT ?1",
            params=(1, half),
            rows=[away],
        )
    expect_sql(
        ORDERED.select(fn.round(Post.price)),
        f'SELECT round("p0"."price") {POSTS_END}',
        Refused(UnsupportedError, "SQLite keeps scaled decimals as integers"),
    )
    expect_sql(ORDERED.select(fn.floor(Post.title)), Refused(QueryError, "`fn.floor` needs a number"))  # type: ignore[call-overload]


def test_a_decimal_is_rounded_to_digits(expect_sql: ExpectSql):
    for digits, rows in ((1, ["10.0", "20.0"]), (0, ["10", "20"]), (2, ["9.99", "20.00"]), (-1, ["10", "20"])):
        expect_sql(
            ORDERED.where(Post.price.is_not_null()).select(fn.round(Post.price, digits)),
            'SELECT round("p0"."price", CAST($1 AS integer)) FROM "posts" AS "p0" WHERE "p0"."price" IS NOT NULL '
            'ORDER BY "p0"."id"',
            Refused(UnsupportedError, "SQLite keeps scaled decimals as integers"),
            params=(digits,),
            rows=[Decimal(one) for one in rows],
        )
    refused = Refused(QueryError, "`fn.round` to digits is exact for Decimal only")
    expect_sql(ORDERED.select(fn.round(Post.rating, 2)), refused)  # type: ignore[call-overload]
    expect_sql(ORDERED.select(fn.round(Post.score, 2)), refused)  # type: ignore[call-overload]
    for digits in (1.0, True, "2", 1001, -1001):
        with pytest.raises(QueryError, match=r"`fn\.round` takes a number of digits from -1000 to 1000"):
            fn.round(Post.price, digits)  # type: ignore[call-overload]
    assert repr(fn.round(Post.price, 1)) == "fn.round(Post.price, 1)"


def test_the_larger_of_two_leaves_null_out(expect_sql: ExpectSql):
    expect_sql(
        ORDERED.select(fn.greatest(Post.score, 4), fn.least(Post.rating, 3.0)),
        f'SELECT greatest("p0"."score", $1), least("p0"."rating", $2) {POSTS_END}',
        'SELECT coalesce(max("p0"."score", ?1), "p0"."score", ?1), coalesce(min("p0"."rating", ?2), "p0"."rating", ?2) '
        f"{POSTS_END}",
        params=(4, 3.0),
        rows=[(5, 3.0), (4, 3.0), (8, 2.0), (4, 3.0)],
    )
    expect_sql(
        ORDERED.select(fn.greatest(Post.title, "x")), Refused(QueryError, "the databases order texts differently")
    )


def test_powers_are_postgresql_s(expect_sql: ExpectSql):
    expect_sql(
        ORDERED.select(fn.power(Post.score, 2), fn.sqrt(Post.score * Post.score)),
        'SELECT power(CAST("p0"."score" AS float8), CAST($1 AS float8)), '
        f'sqrt(CAST(("p0"."score" * "p0"."score") AS float8)) {POSTS_END}',
        Refused(UnsupportedError, "SQLite is often built without this function"),
        params=(2.0,),
        rows=[(25.0, 5.0), (9.0, 3.0), (64.0, 8.0), (9.0, 3.0)],
    )


def test_texts_are_put_together_and_replaced(expect_sql: ExpectSql):
    expect_sql(
        from_(User)
        .select(fn.concat(User.name, "-", fn.lower(User.name), "!"), fn.replace(User.name, "n", "_"))
        .where(User.id == 1),
        'SELECT (("u0"."name" || $1) || lower("u0"."name")) || $2, replace("u0"."name", $3, $4) FROM "users" AS "u0" '
        'WHERE "u0"."id" = $5',
        params=("-", "!", "n", "_", 1),
        rows=[("Ann-ann!", "A__")],
    )


def test_parts_of_a_text_are_found_as_they_are(expect_sql: ExpectSql):
    ids = POSTS.select(Post.id)
    title = '"p0"."title"'
    where = 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE'
    expect_sql(ids.where(fn.starts_with(Post.title, "100%")), f"{where} {title} LIKE $1",
               f"{where} substr({title}, 1, length(?1)) = ?1", params=("100\\%%",), sqlite_params=("100%",),
               rows=[4])  # fmt: skip
    expect_sql(ids.where(fn.starts_with(Post.title, "n")), f"{where} {title} LIKE $1",
               f"{where} substr({title}, 1, length(?1)) = ?1", params=("n%",), sqlite_params=("n",),
               rows=[])  # fmt: skip
    expect_sql(ids.where(fn.ends_with(Post.title, "es")), f"{where} {title} LIKE $1",
               f"{where} substr({title}, length({title}) - length(?1) + 1, length(?1)) = ?1", params=("%es",),
               sqlite_params=("es",), rows=[1, 2, 3])  # fmt: skip
    expect_sql(ids.where(fn.contains_text(Post.title, "% w")), f"{where} {title} LIKE $1",
               f"{where} instr({title}, ?1) > 0", params=("%\\% w%",), sqlite_params=("% w",), rows=[4])  # fmt: skip
    expect_sql(ids.where(fn.ends_with(Post.title, "")), f"{where} {title} LIKE $1",
               f"{where} substr({title}, length({title}) - length(?1) + 1, length(?1)) = ?1", params=("%",),
               sqlite_params=("",), rows=[1, 2, 3, 4])  # fmt: skip
    expect_sql(ids.where(fn.starts_with(Post.score, "1")), Refused(QueryError, "`fn.starts_with` needs text"))  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="takes a text, got 3"):
        fn.starts_with(Post.title, 3)  # type: ignore[arg-type]


def test_regular_expressions_are_postgresql_s(expect_sql: ExpectSql):
    refused = Refused(UnsupportedError, "SQLite has no regular expressions")
    ids = POSTS.select(Post.id)
    expect_sql(ids.where(fn.regexp(Post.title, "^[0-9]+%")),
               'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" ~ $1', refused, params=("^[0-9]+%",),
               rows=[4])  # fmt: skip
    expect_sql(ids.where(fn.regexp(Post.title, "^n", ignore_case=True)),
               'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."title" ~* $1', refused, params=("^n",),
               rows=[2])  # fmt: skip


def test_text_is_ordered_by_code_point_where_it_is_said(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.title).order_by(fn.collate(Post.title, "C")),
        'SELECT "p0"."title" FROM "posts" AS "p0" ORDER BY "p0"."title" COLLATE "C"',
        'SELECT "p0"."title" FROM "posts" AS "p0" ORDER BY "p0"."title" COLLATE BINARY',
        rows=["100% wool", "Bees", "Engines", "Notes"],
    )
    with pytest.raises(QueryError, match="only the collation 'C' is the same on every database"):
        fn.collate(Post.title, "de_DE")  # type: ignore[arg-type]


def test_truth_is_aggregated(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.every(Post.score > 2), fn.bool_or(Post.draft), fn.bool_or(Post.score > 99)),
        'SELECT bool_and("p0"."score" > $1), bool_or("p0"."draft"), bool_or("p0"."score" > $2) FROM "posts" AS "p0"',
        'SELECT min("p0"."score" > ?1), max("p0"."draft"), max("p0"."score" > ?2) FROM "posts" AS "p0"',
        params=(2, 99),
        rows=[(True, True, False)],
    )


def test_texts_are_aggregated_in_an_order(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.string_agg(Post.title, ", ", order_by=Post.score.desc()).filter(Post.id < 4)),
        'SELECT string_agg("p0"."title", $1 ORDER BY "p0"."score" DESC) FILTER(WHERE "p0"."id" < $2) '
        'FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite orders no values inside an aggregate before 3.44"),
        params=(", ", 4),
        rows=["Bees, Engines, Notes"],
    )
    expect_sql(
        POSTS.select(fn.string_agg(Post.title, "|")).where(Post.id == 1),
        'SELECT string_agg("p0"."title", $1) FROM "posts" AS "p0" WHERE "p0"."id" = $2',
        'SELECT group_concat("p0"."title", ?1) FROM "posts" AS "p0" WHERE "p0"."id" = ?2',
        params=("|", 1),
        rows=["Engines"],
    )
    expect_sql(
        POSTS.select(fn.array_agg(Post.id, order_by=[Post.score.desc(), Post.id])),
        'SELECT array_agg("p0"."id" ORDER BY "p0"."score" DESC, "p0"."id") FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite orders no values"),
        rows=[[3, 1, 2, 4]],
    )


def test_documents_are_aggregated(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.json_agg(Post.meta), fn.json_agg(Post.draft), fn.json_agg(Post.tags)).where(Post.id == 2),
        'SELECT jsonb_agg("p0"."meta"), jsonb_agg("p0"."draft"), jsonb_agg("p0"."tags") FROM "posts" AS "p0" '
        'WHERE "p0"."id" = $1',
        'SELECT nullif(json_group_array(json("p0"."meta")), \'[]\'), nullif(json_group_array(json(CASE "p0"."draft" '
        "WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)), '[]'), nullif(json_group_array(json(\"p0\".\"tags\")), '[]') "
        'FROM "posts" AS "p0" WHERE "p0"."id" = ?1',
        params=(2,),
        rows=[([{"lang": "fr"}], [True], [["math"]])],
    )
    expect_sql(
        POSTS.select(fn.json_agg(Post.score)).where(Post.id > 99),
        'SELECT jsonb_agg("p0"."score") FROM "posts" AS "p0" WHERE "p0"."id" > $1',
        'SELECT nullif(json_group_array("p0"."score"), \'[]\') FROM "posts" AS "p0" WHERE "p0"."id" > ?1',
        params=(99,),
        rows=[None],
    )


def test_percentiles_are_postgresql_s(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.percentile_cont(0.5, order_by=Post.score)),
        'SELECT percentile_cont(CAST($1 AS float8)) WITHIN GROUP (ORDER BY "p0"."score") FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite has no percentiles"),
        params=(0.5,),
        rows=[4.0],
    )
    expect_sql(
        POSTS.select(
            fn.percentile_disc(0.5, order_by=Post.day).filter(Post.id < 9),
            fn.percentile_disc(0.9, order_by=Post.title.desc()),
            fn.percentile_disc(0, order_by=Post.price),
        ),
        'SELECT CAST((percentile_disc(CAST($1 AS float8)) WITHIN GROUP (ORDER BY "p0"."day") '
        'FILTER(WHERE "p0"."id" < $2)) AS text), '
        'percentile_disc(CAST($3 AS float8)) WITHIN GROUP (ORDER BY "p0"."title" DESC), '
        'percentile_disc(CAST($4 AS float8)) WITHIN GROUP (ORDER BY "p0"."price") FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite has no percentiles"),
        params=(0.5, 9, 0.9, 0.0),
        rows=[(date(2024, 1, 31), "100% wool", Decimal("9.99"))],
    )
    expect_sql(
        POSTS.select(fn.percentile_cont(0.5, order_by=Post.day)),  # type: ignore[misc]
        Refused(QueryError, "`fn.percentile_cont` computes between two numbers, and `Post.day` is of another type"),
        Refused(UnsupportedError, "SQLite has no percentiles"),
    )
    expect_sql(
        POSTS.select(fn.percentile_disc(0.5, order_by=Post.score).over(window(partition_by=Post.author_id))),
        Refused(QueryError, "no database computes it over a window"),
    )
    for wrong in (fn.percentile_cont, fn.percentile_disc):
        with pytest.raises(QueryError, match="a fraction is between 0 and 1"):
            wrong(50, order_by=Post.score)


def test_windows_look_at_other_rows(expect_sql: ExpectSql):
    by_id = window(order_by=Post.id)
    over = 'OVER (ORDER BY "p0"."id")'
    expect_sql(
        ORDERED.select(
            fn.ntile(2).over(by_id),
            fn.cume_dist().over(by_id),
            fn.percent_rank().over(window(order_by=Post.score)),
            fn.lag(Post.score, 1, 0).over(by_id),
            fn.lead(Post.score, 1, Post.id).over(by_id),
            fn.nth_value(Post.title, 2).over(by_id),
        ),
        f'SELECT ntile($1) {over}, cume_dist() {over}, percent_rank() OVER (ORDER BY "p0"."score"), '
        f'lag("p0"."score", $2, $3) {over}, lead("p0"."score", $4, "p0"."id") {over}, nth_value("p0"."title", $5) '
        f"{over} {POSTS_END}",
        params=(2, 1, 0, 1, 2),
        rows=[
            (1, 0.25, 2 / 3, 0, 3, None),
            (1, 0.5, 0.0, 5, 8, "Notes"),
            (2, 0.75, 1.0, 3, 3, "Notes"),
            (2, 1.0, 0.0, 8, 4, "Notes"),
        ],
    )
    with pytest.raises(QueryError, match="takes a number from 1 on, got 0"):
        fn.ntile(0)


def test_the_sum_of_distinct_values_of_another_table(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).select(fn.count(Comment.post_id, distinct=True).filter(Comment.likes > 0)),
        'SELECT count(DISTINCT "c0"."post_id") FILTER(WHERE "c0"."likes" > $1) FROM "comments" AS "c0"',
        params=(0,),
        rows=[2],
    )
