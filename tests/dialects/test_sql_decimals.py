"""Decimals: exact on PostgreSQL; on SQLite scaled integers, or text that cannot be computed with."""

from decimal import Decimal

from ectype import (
    CastError,
    Field,
    Schema,
    UnsupportedError,
    alias,
    cte,
    field,
    fn,
    from_,
    literal,
    scalar,
    subquery,
    window,
)
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Post
from tests.dialects.writing import update_all


class Sum(Schema):
    """A shape with a decimal of either kind."""

    plain: Field[Decimal | None]
    scaled: Field[Decimal | None] = field(scale=2)


POSTS = from_(Post)
IDS = POSTS.select(Post.id)


def _text(what: str, shown: str = "Post.weight") -> Refused:
    return Refused(UnsupportedError, f"SQLite keeps `{shown}` as text, so `{what}` over it would be wrong")


SCALED = Refused(UnsupportedError, "SQLite keeps scaled decimals as integers that count the last digit, so `")


def test_decimals_kept_as_text_are_not_compared(expect_sql: ExpectSql):
    one = (Decimal(1),)
    expect_sql(
        IDS.where(Post.weight > Decimal(1)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."weight" > $1',
        _text(">"),
        params=one,
    )
    expect_sql(
        IDS.where(Post.weight == Decimal(1)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."weight" = $1',
        _text("="),
        params=one,
    )
    expect_sql(
        IDS.where(Post.weight.in_([Decimal(1)])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."weight" = ANY($1)',
        _text("in_"),
        params=([Decimal(1)],),
    )
    shown = "fn.coalesce(Post.weight, …)"
    nothing = fn.coalesce(Post.weight, Decimal(0))
    expect_sql(
        IDS.where(nothing > Decimal(1)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE coalesce("p0"."weight", $1) > $2',
        _text(">", shown),
        params=(Decimal(0), Decimal(1)),
    )
    expect_sql(
        IDS.where(fn.nullif(Post.weight, Decimal(1)).is_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."weight", $1) IS NULL',
        _text("nullif"),
        params=one,
    )


def test_decimals_kept_as_text_are_not_ordered_grouped_or_computed(expect_sql: ExpectSql):
    expect_sql(
        IDS.order_by(Post.weight.desc()),
        'SELECT "p0"."id" FROM "posts" AS "p0" ORDER BY "p0"."weight" DESC',
        _text("order by"),
    )
    expect_sql(
        POSTS.group_by(Post.weight).select(fn.count()),
        'SELECT count(*) FROM "posts" AS "p0" GROUP BY "p0"."weight"',
        _text("group by"),
    )
    expect_sql(POSTS.select(fn.sum(Post.weight)), 'SELECT sum("p0"."weight") FROM "posts" AS "p0"', _text("sum"))
    expect_sql(
        POSTS.select(fn.count(Post.weight, distinct=True)),
        'SELECT count(DISTINCT "p0"."weight") FROM "posts" AS "p0"',
        _text("count"),
    )
    expect_sql(
        POSTS.select(Post.weight + Decimal(1)),
        'SELECT "p0"."weight" + $1 FROM "posts" AS "p0"',
        _text("+"),
        params=(Decimal(1),),
    )
    expect_sql(POSTS.select(Post.weight * 2), 'SELECT "p0"."weight" * $1 FROM "posts" AS "p0"', _text("*"), params=(2,))
    expect_sql(POSTS.select(-Post.weight), 'SELECT -"p0"."weight" FROM "posts" AS "p0"', _text("-"))
    expect_sql(
        POSTS.select(fn.row_number().over(window(partition_by=Post.weight))),
        'SELECT row_number() OVER (PARTITION BY "p0"."weight") FROM "posts" AS "p0"',
        _text("partition by"),
    )
    expect_sql(
        POSTS.select(fn.row_number().over(window(order_by=Post.weight))),
        'SELECT row_number() OVER (ORDER BY "p0"."weight") FROM "posts" AS "p0"',
        _text("order by"),
    )


def test_decimals_kept_as_text_are_read_and_counted(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.weight, fn.coalesce(Post.weight, Decimal("0.5"))),
        'SELECT "p0"."weight", coalesce("p0"."weight", $1) FROM "posts" AS "p0"',
        params=(Decimal("0.5"),),
        sqlite_params=("0.5",),
    )
    expect_sql(POSTS.select(fn.count(Post.weight)), 'SELECT count("p0"."weight") FROM "posts" AS "p0"')
    expect_sql(IDS.where(Post.weight.is_null()), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."weight" IS NULL')


def test_scaled_decimals_are_compared_ordered_and_summed(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.price > Decimal("9.9")).order_by(Post.price),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" > $1 ORDER BY "p0"."price"',
        params=(Decimal("9.90"),),
        sqlite_params=(990,),
    )
    expect_sql(
        IDS.where(Post.price.in_([Decimal("9.9")])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" = ANY($1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."price" IN (SELECT value FROM json_each(?1)))',
        params=([Decimal("9.90")],),
        sqlite_params=("[990]",),
    )
    expect_sql(
        POSTS.select(fn.sum(Post.price), fn.max(Post.price)),
        'SELECT sum("p0"."price"), max("p0"."price") FROM "posts" AS "p0"',
    )
    expect_sql(
        IDS.where(Post.price == Post.price), 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" = "p0"."price"'
    )


def test_scaled_decimals_are_added_to_each_other_and_multiplied_with_whole_numbers(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.price + Decimal("1.5") - Post.price),
        'SELECT ("p0"."price" + $1) - "p0"."price" FROM "posts" AS "p0"',
        params=(Decimal("1.5"),),
        sqlite_params=(150,),
    )
    expect_sql(
        POSTS.select(Post.price * 2, literal(2) * Post.price, -Post.price),
        'SELECT "p0"."price" * $1, CAST($2 AS bigint) * "p0"."price", -"p0"."price" FROM "posts" AS "p0"',
        'SELECT "p0"."price" * ?1, CAST(?2 AS INTEGER) * "p0"."price", -"p0"."price" FROM "posts" AS "p0"',
        params=(2, 2),
    )
    expect_sql(
        POSTS.select(fn.coalesce(Post.price, Decimal("0.1"))),
        'SELECT coalesce("p0"."price", $1) FROM "posts" AS "p0"',
        params=(Decimal("0.10"),),
        sqlite_params=(10,),
    )
    expect_sql(
        IDS.where(Post.price * 2 > Decimal("9.9")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."price" * $1) > $2',
        params=(2, Decimal("9.90")),
        sqlite_params=(2, 990),
    )


def test_a_product_is_compared_with_more_digits_than_its_factors_have_where_decimals_are_exact(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.price * Decimal("1.5") > Decimal("9.995")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."price" * $1) > $2',
        Refused(CastError, "expected an integer, got Decimal('1.5')"),
        params=(Decimal("1.5"), Decimal("9.995")),
    )


def test_scaled_decimals_beside_other_numbers_are_refused_where_they_are_integers(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.price > Post.score),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" > "p0"."score"',
        SCALED,
    )
    expect_sql(POSTS.select(Post.price + Post.score), 'SELECT "p0"."price" + "p0"."score" FROM "posts" AS "p0"', SCALED)
    expect_sql(POSTS.select(Post.price * Post.price), 'SELECT "p0"."price" * "p0"."price" FROM "posts" AS "p0"', SCALED)
    expect_sql(POSTS.select(Post.price / 2), 'SELECT "p0"."price" / $1 FROM "posts" AS "p0"', SCALED, params=(2,))
    expect_sql(POSTS.select(Post.price % 2), 'SELECT "p0"."price" % $1 FROM "posts" AS "p0"', SCALED, params=(2,))
    expect_sql(
        POSTS.select(fn.coalesce(Post.price, Post.score)),
        'SELECT coalesce("p0"."price", "p0"."score") FROM "posts" AS "p0"',
        SCALED,
    )
    expect_sql(
        POSTS.select(Post.price.as_type(int)), 'SELECT CAST("p0"."price" AS bigint) FROM "posts" AS "p0"', SCALED
    )
    expect_sql(
        POSTS.group_by(Post.price).having(fn.avg(Post.price) > Post.price).select(Post.price),
        'SELECT "p0"."price" FROM "posts" AS "p0" GROUP BY "p0"."price" HAVING avg("p0"."price") > "p0"."price"',
        SCALED,
    )


def test_an_average_is_a_decimal_everywhere_and_compares_as_a_number(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.avg(Post.score), fn.avg(Post.price)),
        'SELECT avg("p0"."score"), avg("p0"."price") FROM "posts" AS "p0"',
        'SELECT avg("p0"."score"), (avg("p0"."price") / 100.0) FROM "posts" AS "p0"',
    )
    query = POSTS.group_by(Post.title).having(fn.avg(Post.score) > Decimal("1.5")).select(Post.title)
    expect_sql(
        query,
        'SELECT "p0"."title" FROM "posts" AS "p0" GROUP BY "p0"."title" HAVING avg("p0"."score") > $1',
        params=(Decimal("1.5"),),
    )
    expect_sql(
        POSTS.select(fn.avg(Post.price).over(window(partition_by=Post.title))),
        'SELECT avg("p0"."price") OVER (PARTITION BY "p0"."title") FROM "posts" AS "p0"',
        'SELECT ((avg("p0"."price") OVER (PARTITION BY "p0"."title")) / 100.0) FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.group_by(Post.title).having(fn.avg(Post.score).in_([Decimal(2)])).select(Post.title),
        'SELECT "p0"."title" FROM "posts" AS "p0" GROUP BY "p0"."title" HAVING avg("p0"."score") = ANY($1)',
        'SELECT "p0"."title" FROM "posts" AS "p0" GROUP BY "p0"."title" '
        'HAVING (avg("p0"."score") IN (SELECT value FROM json_each(?1)))',
        params=([Decimal(2)],),
        sqlite_params=("[2.0]",),
    )
    expect_sql(
        POSTS.group_by(Post.title).having(fn.avg(Post.score) + 1 > Decimal(2)).select(Post.title),
        'SELECT "p0"."title" FROM "posts" AS "p0" GROUP BY "p0"."title" HAVING (avg("p0"."score") + $1) > $2',
        params=(1, Decimal(2)),
    )


def test_a_decimal_keeps_its_digits_through_subqueries_combinations_and_writes(expect_sql: ExpectSql):
    refused = Refused(UnsupportedError, "no value of `Sum.plain`")
    plain = subquery(POSTS.project(Sum(plain=fn.sum(Post.price), scaled=fn.max(Post.price))), "sums")
    expect_sql(
        from_(plain).select(plain.plain),
        'SELECT "s0"."plain" FROM (SELECT sum("p0"."price") AS "plain", max("p0"."price") AS "scaled" '
        'FROM "posts" AS "p0") AS "s0"',
        refused,
    )
    named = cte(Sum, "named")
    made = POSTS.project(Sum(plain=Post.price, scaled=Post.price))
    expect_sql(
        from_(named).with_cte(named, made).select(named.plain),
        'WITH "named"("plain", "scaled") AS (SELECT "p0"."price" AS "plain", "p0"."price" AS "scaled" '
        'FROM "posts" AS "p0") SELECT "n0"."plain" FROM "named" AS "n0"',
        refused,
    )
    fine = subquery(POSTS.project(Sum(plain=fn.avg(Post.score), scaled=fn.sum(Post.price))), "sums")
    expect_sql(
        from_(fine).where(fine.scaled > Decimal("1.5")).select(fine.scaled),
        'SELECT "s0"."scaled" FROM (SELECT avg("p0"."score") AS "plain", sum("p0"."price") AS "scaled" '
        'FROM "posts" AS "p0") AS "s0" WHERE "s0"."scaled" > $1',
        params=(Decimal("1.50"),),
        sqlite_params=(150,),
    )
    expect_sql(
        POSTS.select(Post.price).union(POSTS.select(Post.score)),
        'SELECT "p0"."price" FROM "posts" AS "p0" UNION SELECT "p0"."score" AS "c0" FROM "posts" AS "p0"',
        SCALED,
    )
    expect_sql(
        POSTS.select(Post.price).union(POSTS.select(fn.sum(Post.price))),
        'SELECT "p0"."price" FROM "posts" AS "p0" UNION SELECT sum("p0"."price") AS "c0" FROM "posts" AS "p0"',
    )
    expect_sql(
        update_all(POSTS, Post.price.set(Post.score)),
        'UPDATE "posts" AS "p0" SET "price" = "p0"."score"',
        Refused(UnsupportedError, "of `Post.price`"),
    )
    expect_sql(
        update_all(POSTS, Post.score.set(Post.price)),
        'UPDATE "posts" AS "p0" SET "score" = "p0"."price"',
        Refused(UnsupportedError, "of `Post.score`"),
    )
    expect_sql(
        update_all(POSTS, Post.price.set(Decimal("1.5")), Post.weight.set(Decimal("1.5"))),
        'UPDATE "posts" AS "p0" SET "price" = $1, "weight" = $2',
        params=(Decimal("1.50"), Decimal("1.5")),
        sqlite_params=(150, "1.5"),
    )
    total = from_(alias(Post, "other")).select(fn.sum(alias(Post, "other").price))
    expect_sql(
        update_all(POSTS, Post.price.set(scalar(total))),
        'UPDATE "posts" AS "p0" SET "price" = (SELECT sum("o1"."price") FROM "posts" AS "o1")',
    )


def test_queries_in_expressions_are_compared_in_one_form(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.price.in_(POSTS.select(Post.price))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" IN (SELECT "p1"."price" FROM "posts" AS "p1")',
    )
    expect_sql(
        IDS.where(Post.price.in_(POSTS.select(Post.score))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" IN (SELECT "p1"."score" FROM "posts" AS "p1")',
        SCALED,
    )
    expect_sql(
        IDS.where(Post.weight.in_(POSTS.select(Post.weight))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."weight" IN (SELECT "p1"."weight" FROM "posts" AS "p1")',
        _text("in_"),
    )
    expect_sql(
        IDS.where(Post.price > scalar(POSTS.select(fn.max(Post.price)))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" > (SELECT max("p1"."price") FROM "posts" AS "p1")',
    )
    expect_sql(
        IDS.where(Post.price > scalar(POSTS.select(fn.avg(Post.price)))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" > (SELECT avg("p1"."price") FROM "posts" AS "p1")',
        SCALED,
    )
    expect_sql(
        IDS.where(scalar(POSTS.select(fn.avg(Post.score))) > Decimal("1.5")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (SELECT avg("p1"."score") FROM "posts" AS "p1") > $1',
        params=(Decimal("1.5"),),
    )
