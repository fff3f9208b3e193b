"""Clauses of the whole query: alternatives, order, what is distinct, combinations, limits, and queries without them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    SQLITE,
    NoPrimaryKeyError,
    QueryError,
    UnsupportedError,
    alias,
    exists,
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
from ectype.query.cursors import Position
from ectype.query.paging import paging_of
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Comment, Line, Member, Page, Post, Reading, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)
FROM = 'SELECT "p0"."id" FROM "posts" AS "p0"'
NO_DISTINCT_ON = Refused(UnsupportedError, "SQLite has no DISTINCT ON, so `distinct` takes no keys")


def test_alternatives_are_read_from_left_to_right(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.score == 5).where(Post.title != "x"),
        f'{FROM} WHERE ("p0"."score" = $1) AND ("p0"."title" <> $2)',
        params=(5, "x"),
        rows=[1],
    )
    # What came before is kept together as a whole where the connective changes.
    expect_sql(
        IDS.or_where(Post.id == 2).or_where(Post.id != 2).where(Post.score == 3),
        f'{FROM} WHERE (("p0"."id" = $1) OR ("p0"."id" <> $2)) AND ("p0"."score" = $3)',
        params=(2, 2, 3),
        rows=[2, 4],
    )
    expect_sql(
        IDS.where(Post.score == 3).or_where(Post.id == 1).where(Post.draft == False).or_where(Post.id == 2),  # noqa: E712
        f'{FROM} WHERE ((("p0"."score" = $1) OR ("p0"."id" = $2)) AND ("p0"."draft" = $3)) OR ("p0"."id" = $4)',
        params=(3, 1, False, 2),
        sqlite_params=(3, 1, 0, 2),
        rows=[1, 2, 4],
    )


def test_the_conditions_of_one_alternative_hold_together(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.id == 1).or_where(Post.score == 3, Post.author_id == 3),
        f'{FROM} WHERE ("p0"."id" = $1) OR (("p0"."score" = $2) AND ("p0"."author_id" = $3))',
        params=(1, 3, 3),
        rows=[1, 4],
    )
    expect_sql(IDS.or_where(Post.id == 1), f'{FROM} WHERE "p0"."id" = $1', params=(1,), rows=[1])


def test_no_condition_changes_nothing():
    for query in (IDS, IDS.where(Post.id == 1)):
        assert query.where().node is query.node
        assert query.or_where().node is query.node
        assert query.having().node is query.node
        assert query.or_having().node is query.node
        assert query.prepend_order_by().node is query.node
        assert query.order_by().node is query.node
        assert query.group_by().node is query.node


def test_groups_have_alternatives_too(expect_sql: ExpectSql):
    groups = POSTS.group_by(Post.author_id).select(Post.author_id)
    expect_sql(
        groups.having(fn.count() > 1).or_having(fn.min(Post.score) > 7, fn.max(Post.score) < 9),
        'SELECT "p0"."author_id" FROM "posts" AS "p0" GROUP BY "p0"."author_id" '
        'HAVING (count(*) > $1) OR ((min("p0"."score") > $2) AND (max("p0"."score") < $3))',
        params=(1, 7, 9),
        rows=[1, 2],
    )


@pytest.mark.parametrize("given", [True, None, "x", 3, Post])
def test_an_alternative_is_an_expression(given: object):
    for clause in ("or_where", "or_having"):
        with pytest.raises(QueryError, match=f"`{clause}` takes expressions, got"):
            getattr(POSTS, clause)(given)
        with pytest.raises(QueryError, match=f"`{clause}` mentions User, which is not in this query"):
            getattr(POSTS, clause)(User.id == 1)


def test_an_order_is_put_before_another(expect_sql: ExpectSql):
    expect_sql(
        IDS.order_by(Post.id.desc()).prepend_order_by(Post.score, Post.draft.desc()),
        f'{FROM} ORDER BY "p0"."score", "p0"."draft" DESC, "p0"."id" DESC',
        rows=[2, 4, 1, 3],
    )
    expect_sql(
        IDS.order_by(Post.id + 1).prepend_order_by(Post.score * 2).prepend_order_by(Post.author_id % 2),
        f'{FROM} ORDER BY "p0"."author_id" % $3, "p0"."score" * $2, "p0"."id" + $1',
        params=(1, 2, 2),
        rows=[3, 2, 4, 1],
    )


def test_an_order_is_reversed_with_its_nulls(expect_sql: ExpectSql):
    query = IDS.order_by(Post.rating.desc(nulls="last"), Post.id)
    expect_sql(query, f'{FROM} ORDER BY "p0"."rating" DESC NULLS LAST, "p0"."id"', rows=[1, 3, 2, 4])
    expect_sql(query.reverse_order(), f'{FROM} ORDER BY "p0"."rating" NULLS FIRST, "p0"."id" DESC', rows=[4, 2, 3, 1])
    expect_sql(
        query.reverse_order().reverse_order(),
        f'{FROM} ORDER BY "p0"."rating" DESC NULLS LAST, "p0"."id"',
        rows=[1, 3, 2, 4],
    )
    # What comes after is not turned round.
    expect_sql(
        IDS.order_by(Post.score).reverse_order().order_by(Post.id),
        f'{FROM} ORDER BY "p0"."score" DESC, "p0"."id"',
        rows=[3, 1, 2, 4],
    )


def test_the_other_order_is_the_other_order_where_nulls_stand_too(expect_sql: ExpectSql):
    # The databases put NULLs at different ends, and each turns round what it does itself.
    query = IDS.order_by(Post.rating, Post.id)
    expect_sql(query.reverse_order(), f'{FROM} ORDER BY "p0"."rating" DESC, "p0"."id" DESC')


def test_without_an_order_it_is_that_of_the_primary_key(expect_sql: ExpectSql):
    expect_sql(IDS.reverse_order(), f'{FROM} ORDER BY "p0"."id" DESC', rows=[4, 3, 2, 1])
    expect_sql(IDS.first(), f'{FROM} ORDER BY "p0"."id" LIMIT $1', params=(1,), rows=[1])
    expect_sql(IDS.last(), f'{FROM} ORDER BY "p0"."id" DESC LIMIT $1', params=(1,), rows=[4])
    expect_sql(
        from_(Reading).last(),
        'SELECT "r0"."sensor", "r0"."hour" FROM "readings" AS "r0" ORDER BY "r0"."sensor" DESC, "r0"."hour" DESC '
        "LIMIT $1",
        params=(1,),
        rows=[Reading(sensor=2, hour=0)],
    )


def test_the_first_and_the_last_row_are_those_of_the_order(expect_sql: ExpectSql):
    expect_sql(IDS.first(Post.score.desc()), f'{FROM} ORDER BY "p0"."score" DESC LIMIT $1', params=(1,), rows=[3])
    expect_sql(
        IDS.order_by(Post.score).first(Post.id.desc()),
        f'{FROM} ORDER BY "p0"."score", "p0"."id" DESC LIMIT $1',
        params=(1,),
        rows=[4],
    )
    expect_sql(
        IDS.order_by(Post.score).last(Post.id),
        f'{FROM} ORDER BY "p0"."score" DESC, "p0"."id" DESC LIMIT $1',
        params=(1,),
        rows=[3],
    )
    expect_sql(IDS.order_by(Post.id).limit(3).first(), f'{FROM} ORDER BY "p0"."id" LIMIT $1', params=(1,), rows=[1])


def test_what_has_no_last_row_is_refused():
    with pytest.raises(QueryError, match="`last` of a query with `limit` would look at other rows"):
        IDS.limit(3).last()
    with pytest.raises(QueryError, match="`last` of a query with `offset` would look at other rows"):
        IDS.offset(3).last(Post.id)
    lines = from_(subquery(POSTS.project(Line(title=Post.title, count=Post.score)), "lines"))
    for last in (lines.last, lines.first, lines.reverse_order):
        with pytest.raises(NoPrimaryKeyError, match="Line has no primary key, so `first`, `last`"):
            last()


def test_one_row_of_each_key(expect_sql: ExpectSql):
    best = IDS.distinct(Post.author_id).order_by(Post.score.desc())
    expect_sql(
        best,
        'SELECT DISTINCT ON ("p0"."author_id") "p0"."id" FROM "posts" AS "p0" '
        'ORDER BY "p0"."author_id", "p0"."score" DESC',
        NO_DISTINCT_ON,
        rows=[1, 3, 4],
    )
    expect_sql(
        IDS.distinct(Post.author_id.desc(), Post.score + 0).order_by(Post.id),
        'SELECT DISTINCT ON ("p0"."author_id", "p0"."score" + $1) "p0"."id" FROM "posts" AS "p0" '
        'ORDER BY "p0"."author_id" DESC, "p0"."score" + $1, "p0"."id"',
        NO_DISTINCT_ON,
        params=(0,),
        rows=[4, 3, 2, 1],
    )
    # A key that the order has too stands there once, in the direction that the order gives it.
    expect_sql(
        IDS.order_by(Post.score, Post.author_id.desc()).distinct(Post.author_id),
        'SELECT DISTINCT ON ("p0"."author_id") "p0"."id" FROM "posts" AS "p0" '
        'ORDER BY "p0"."author_id" DESC, "p0"."score"',
        NO_DISTINCT_ON,
        rows=[4, 3, 2],
    )
    expect_sql(
        IDS.distinct(Post.author_id), 'SELECT DISTINCT ON ("p0"."author_id") "p0"."id" FROM "posts" AS "p0" '
        'ORDER BY "p0"."author_id"', NO_DISTINCT_ON,
    )  # fmt: skip


def test_what_sqlite_is_told_instead_of_distinct_on_works(expect_sql: ExpectSql):
    number = fn.row_number().over(window(partition_by=Post.author_id, order_by=Post.score.desc()))
    ranked = subquery(POSTS.project(Line(title=Post.title, count=number)), "ranked")
    query = POSTS.join(ranked, on=ranked.title == Post.title).where(ranked.count == 1).select(Post.id)
    expect_sql(
        query,
        'SELECT "p0"."id" FROM "posts" AS "p0" JOIN (SELECT "p0"."title" AS "title", row_number() OVER '
        '(PARTITION BY "p0"."author_id" ORDER BY "p0"."score" DESC) AS "count" FROM "posts" AS "p0") AS "r1" '
        'ON "r1"."title" = "p0"."title" WHERE "r1"."count" = $1',
        params=(1,),
        rows=[1, 3, 4],
    )


def test_distinct_keys_that_mean_nothing_are_refused(expect_sql: ExpectSql):
    with pytest.raises(QueryError, match="this query is distinct already"):
        POSTS.distinct().distinct(Post.id)
    with pytest.raises(QueryError, match="this query is distinct already"):
        POSTS.distinct(Post.id).distinct(Post.title)
    with pytest.raises(QueryError, match="cannot order by 'title'"):
        POSTS.distinct("title")  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`distinct` mentions User"):
        POSTS.distinct(User.id)
    expect_sql(
        IDS.distinct(Post.author_id).union(IDS),
        Refused(QueryError, "`distinct` with keys chooses by an order"),
        NO_DISTINCT_ON,
    )


def test_a_combined_query_keeps_its_keys_to_itself(expect_sql: ExpectSql):
    best = IDS.distinct(Post.author_id).order_by(Post.score.desc())
    for second, ordered in ((best, ', "p0"."score" DESC'), (IDS.distinct(Post.author_id), "")):
        expect_sql(
            IDS.where(Post.id > 3).union(second.where(Post.author_id > 1)).order_by(Post.id.desc()),
            f'{FROM} WHERE "p0"."id" > $1 UNION (SELECT DISTINCT ON ("p0"."author_id") "p0"."id" AS "c0" '
            f'FROM "posts" AS "p0" WHERE "p0"."author_id" > $2 ORDER BY "p0"."author_id"{ordered}) ORDER BY 1 DESC',
            NO_DISTINCT_ON,
            params=(3, 1),
            rows=[4, 3],
        )


def test_all_equal_rows_count_in_combinations(expect_sql: ExpectSql):
    scores = POSTS.select(Post.score)
    low = scores.where(Post.score < 4)
    expect_sql(
        scores.intersect_all(low),
        'SELECT "p0"."score" FROM "posts" AS "p0" INTERSECT ALL SELECT "p0"."score" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" < $1',
        Refused(UnsupportedError, "SQLite has no `intersect_all`"),
        params=(4,),
        rows=[3, 3],
    )
    expect_sql(
        scores.except_all(low.limit(1)),
        'SELECT "p0"."score" FROM "posts" AS "p0" EXCEPT ALL (SELECT "p0"."score" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" < $1 LIMIT $2)',
        Refused(UnsupportedError, "SQLite has no `except_all`"),
        params=(4, 1),
        rows=[3, 5, 8],
    )


def test_a_combination_is_ordered_by_what_it_selects(expect_sql: ExpectSql):
    one = POSTS.where(Post.author_id == 1).select(Post.id, Post.score)
    other = POSTS.where(Post.score == 3).select(Post.id, Post.score)
    combined = (
        'SELECT "p0"."id", "p0"."score" FROM "posts" AS "p0" WHERE "p0"."author_id" = $1 UNION '
        'SELECT "p0"."id" AS "c0", "p0"."score" AS "c1" FROM "posts" AS "p0" WHERE "p0"."score" = $2'
    )
    expect_sql(
        one.union(other).order_by(Post.score.desc(), Post.id).limit(2),
        f"{combined} ORDER BY 2 DESC, 1 LIMIT $3",
        params=(1, 3, 2),
        rows=[(1, 5), (2, 3)],
    )
    expect_sql(
        one.order_by(Post.id.desc(nulls="last")).union(other),
        f"{combined} ORDER BY 1 DESC NULLS LAST",
        params=(1, 3),
        rows=[(4, 3), (2, 3), (1, 5)],
    )
    expect_sql(
        one.union(other).order_by(Post.id).last(),
        f"{combined} ORDER BY 1 DESC LIMIT $3",
        params=(1, 3, 1),
        rows=[(4, 3)],
    )


def test_a_name_is_one_expression_in_orders_of_combinations_and_in_groups(expect_sql: ExpectSql):
    more = (Post.score + 1).as_("more")
    expect_sql(
        POSTS.where(Post.id < 3).select(more).union(POSTS.select(Post.score)).order_by(more.desc()).limit(2),
        'SELECT "p0"."score" + $2 AS "more" FROM "posts" AS "p0" WHERE "p0"."id" < $1 UNION '
        'SELECT "p0"."score" AS "c0" FROM "posts" AS "p0" ORDER BY 1 DESC LIMIT $3',
        params=(3, 1, 2),
        rows=[8, 6],
    )
    expect_sql(
        POSTS.group_by(more).order_by(more).prepend_order_by(fn.count().desc()).select(more, fn.count()),
        'SELECT "p0"."score" + $1 AS "more", count(*) FROM "posts" AS "p0" GROUP BY "more" '
        'ORDER BY count(*) DESC, "more"',
        params=(1,),
        rows=[(4, 2), (6, 1), (9, 1)],
    )
    with pytest.raises(QueryError, match="the name `more` stands for"):
        POSTS.select(more).prepend_order_by((Post.id + 1).as_("more"))


def test_a_combination_is_not_ordered_by_anything_else(expect_sql: ExpectSql):
    refused = Refused(QueryError, "a combined query is ordered by what it selects")
    expect_sql(IDS.union(IDS).order_by(Post.title), refused)
    # An expression with values in it may have others here than there.
    sums = POSTS.select(Post.score + 1)
    expect_sql(sums.union(sums).order_by(Post.score + 1), refused)
    prices = POSTS.select(Post.weight)
    expect_sql(
        prices.union_all(prices).order_by(Post.weight),
        'SELECT "p0"."weight" FROM "posts" AS "p0" UNION ALL SELECT "p0"."weight" AS "c0" FROM "posts" AS "p0" '
        "ORDER BY 1",
        Refused(UnsupportedError, "SQLite keeps `Post.weight` as text"),
    )


def test_equal_rows_given_once_are_ordered_by_what_they_select(expect_sql: ExpectSql):
    once = POSTS.select(Post.score).distinct()
    expect_sql(
        once.order_by(Post.score.desc()),
        'SELECT DISTINCT "p0"."score" FROM "posts" AS "p0" ORDER BY "p0"."score" DESC',
        rows=[8, 5, 3],
    )
    rest = (Post.score % 2).as_("rest")
    expect_sql(
        POSTS.select(rest).distinct().order_by(rest),
        'SELECT DISTINCT "p0"."score" % $1 AS "rest" FROM "posts" AS "p0" ORDER BY "rest"',
        params=(2,),
        rows=[0, 1],
    )
    refused = "a query that gives equal rows once is ordered by what it selects, and "
    expect_sql(once.order_by(Post.id), Refused(QueryError, refused + "this order is over something else"))
    expect_sql(
        POSTS.select(Post.score % 2).distinct().order_by(Post.score % 2),
        Refused(QueryError, refused + "two uses of `Post.score % …` may have other values"),
    )


def test_a_limit_may_give_the_rows_equal_to_the_last(expect_sql: ExpectSql):
    query = IDS.order_by(Post.score)
    none = Refused(UnsupportedError, "SQLite has no limit with ties")
    expect_sql(
        query.limit(1, with_ties=True),
        f'{FROM} ORDER BY "p0"."score" FETCH FIRST $1 ROWS WITH TIES',
        none,
        params=(1,),
        rows=[2, 4],
    )
    expect_sql(
        query.where(Post.id < 9).limit(1, with_ties=True).offset(1),
        f'{FROM} WHERE "p0"."id" < $1 ORDER BY "p0"."score" OFFSET $3 FETCH FIRST $2 ROWS WITH TIES',
        none,
        params=(9, 1, 1),
        rows=[4],
    )
    expect_sql(
        IDS.limit(1, with_ties=True), Refused(QueryError, "a limit with ties gives the rows that the order"), none
    )


def test_the_last_limit_counts_whatever_its_kind(expect_sql: ExpectSql):
    tied = IDS.order_by(Post.id).limit(3, with_ties=True).where(Post.id > 0)
    assert tied.limit(2, with_ties=True).params == (2, 0)
    expect_sql(tied.limit(2), f'{FROM} WHERE "p0"."id" > $1 ORDER BY "p0"."id" LIMIT $2', params=(0, 2), rows=[1, 2])
    assert tied.limit(2).limit(9, with_ties=True).params == (0, 9)
    for count in (-1, "1", None, True):
        with pytest.raises(QueryError, match="`limit` takes a number of rows, 0 or more, got"):
            IDS.limit(count, with_ties=True)  # type: ignore[arg-type]


LIKED = scalar(from_(Comment).where(Comment.likes > 1).select(fn.count()))
COUNT = '(SELECT count(*) FROM "comments" AS "c0" WHERE "c0"."likes" > {})'
MISSING = scalar(from_(Comment).where(Comment.id == 99).select(Comment.likes))


def test_a_limit_and_an_offset_may_be_expressions(expect_sql: ExpectSql):
    expect_sql(
        IDS.order_by(Post.id).limit(LIKED).where(Post.id > 1),
        f'{FROM} WHERE "p0"."id" > $2 ORDER BY "p0"."id" LIMIT {COUNT.format("$1")}',
        f'{FROM} WHERE "p0"."id" > ?2 ORDER BY "p0"."id" LIMIT coalesce({COUNT.format("?1")}, -1)',
        params=(1, 1),
        rows=[2, 3],
    )
    expect_sql(
        IDS.order_by(Post.id).offset(LIKED + 1).limit(fragment("{} + {}", LIKED, literal(1))),
        f'{FROM} ORDER BY "p0"."id" LIMIT ({COUNT.format("$3")} + CAST($4 AS bigint)) '
        f"OFFSET ({COUNT.format('$1')} + $2)",
        f'{FROM} ORDER BY "p0"."id" LIMIT coalesce(({COUNT.format("?3")} + CAST(?4 AS INTEGER)), -1) '
        f"OFFSET coalesce(({COUNT.format('?1')} + ?2), 0)",
        params=(1, 1, 1, 1),
        rows=[4],
    )
    expect_sql(
        IDS.order_by(Post.score).limit(fn.coalesce(MISSING, 1), with_ties=True),
        f'{FROM} ORDER BY "p0"."score" FETCH FIRST coalesce((SELECT "c0"."likes" FROM "comments" AS "c0" '
        'WHERE "c0"."id" = $1), $2) ROWS WITH TIES',
        Refused(UnsupportedError, "SQLite has no limit with ties"),
        params=(99, 1),
        rows=[2, 4],
    )


def test_a_limit_of_null_is_none(expect_sql: ExpectSql):
    likes = '(SELECT "c0"."likes" FROM "comments" AS "c0" WHERE "c0"."id" = {})'
    expect_sql(
        IDS.order_by(Post.id).limit(MISSING).offset(MISSING),
        f'{FROM} ORDER BY "p0"."id" LIMIT {likes.format("$1")} OFFSET {likes.format("$2")}',
        f'{FROM} ORDER BY "p0"."id" LIMIT coalesce({likes.format("?1")}, -1) OFFSET coalesce({likes.format("?2")}, 0)',
        params=(99, 99),
        rows=[1, 2, 3, 4],
    )
    expect_sql(
        IDS.order_by(Post.id).offset(MISSING),
        f'{FROM} ORDER BY "p0"."id" OFFSET {likes.format("$1")}',
        f'{FROM} ORDER BY "p0"."id" LIMIT -1 OFFSET coalesce({likes.format("?1")}, 0)',
        params=(99,),
        rows=[1, 2, 3, 4],
    )


def test_an_expression_and_a_number_replace_each_other():
    query = POSTS.where(Post.id > 1)
    for kind in ("limit", "offset"):
        first, second = (lambda one, count, kind=kind: getattr(one, kind)(count) for _ in range(2))
        for before, after in ((LIKED, 3), (3, LIKED), (LIKED, MISSING), (MISSING, LIKED), (LIKED, LIKED)):
            made = second(first(query, before).where(Post.score < 9), after)
            wanted = second(query.where(Post.score < 9), after)
            assert made.to_sql(SQLITE)[0].count("LIMIT") == 1
            if before is not after:
                assert (made.node, made.params) == (wanted.node, wanted.params)
    twice = scalar(from_(Comment).where(Comment.likes > 7).select(fn.count()))
    assert query.limit(LIKED).where(Post.id < 9).limit(twice).params == (1, 7, 9)
    several = query.limit(fn.coalesce(LIKED, 5)).where(Post.id < 9).limit(fn.coalesce(twice, 6))
    assert several.params == (1, 7, 6, 9)
    assert query.limit(LIKED).limit(2, with_ties=True).limit(LIKED).node is query.limit(LIKED).node
    assert query.limit(LIKED).offset(LIKED).exclude("limit", "offset").node is query.node
    assert query.limit(LIKED).first().node is query.first().node
    with pytest.raises(QueryError, match="`last` of a query with `limit` would look at other rows"):
        query.limit(LIKED).last()
    with pytest.raises(QueryError, match="a query with `limit` is not read page by page"):
        paging_of(query.limit(LIKED).node, None, nulls_are_largest=True)
    with pytest.raises(QueryError, match="a limit is a number of rows, 0 or more, got scalar"):
        User.posts.limit(LIKED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (Post.score, "it mentions none of their columns, and `Post.score` mentions Post"),
        (fn.coalesce(Post.rating, 1), "mentions Post"),
        (Comment.likes, "mentions Comment"),
        (fragment("{} + 1", Post.id), "mentions Post"),
        (maybe(Post), "mentions Post"),
        (fn.count(), "nothing is aggregated or ranked in it: `fn.count()`"),
        (fn.count() + 1, "nothing is aggregated"),
        (fn.row_number().over(window()), "nothing is aggregated or ranked"),
        (LIKED.as_("liked"), "`as_` names what is selected"),
        (literal("3"), "is of type string"),
        (literal(1.5), "is of type float"),
        (literal(value=True), "is of type boolean"),
        (exists(POSTS), "is of type boolean"),
        (-1, "0 or more, got -1"),
        (None, "0 or more, got None"),
        (True, "0 or more, got True"),
        ("3", "0 or more, got '3'"),
        (2.0, "0 or more, got 2.0"),
        (POSTS, "0 or more, got from_(Post)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["limit", "offset"])
def test_what_is_no_number_of_rows_is_refused(kind: str, count: Any, message: str):
    with pytest.raises(QueryError, match=re.escape(message)) as refused:
        getattr(POSTS, kind)(count)
    assert f"`{kind}`" in str(refused.value)


def test_a_limit_sees_a_query_around_and_never_its_own_rows(expect_sql: ExpectSql):
    own = scalar(from_(Comment).where(Comment.post_id == outer(Post.id)).select(fn.count()))
    for query in (IDS.limit(own), IDS.offset(own)):
        expect_sql(query, *[Refused(QueryError, "mentions none of their columns, and `outer(Post.id)` is one")] * 2)
    first = from_(Post).where(Post.author_id == outer(User.id)).order_by(Post.id)
    ids = first.limit(1).offset(outer(User.id) - 1).select(Post.id)
    expect_sql(
        from_(User).where(User.id < 3).order_by(User.id).select(User.id, scalar(ids)),
        'SELECT "u0"."id", (SELECT "p1"."id" FROM "posts" AS "p1" WHERE "p1"."author_id" = "u0"."id" '
        'ORDER BY "p1"."id" LIMIT $2 OFFSET ("u0"."id" - $3)) FROM "users" AS "u0" WHERE "u0"."id" < $1 '
        'ORDER BY "u0"."id"',
        Refused(UnsupportedError, "SQLite limits rows by no column of a query around: `outer(User.id)`"),
        params=(3, 1, 1),
        rows=[(1, 1), (2, None)],
    )
    nested = scalar(from_(Comment).where(Comment.id == outer(User.id)).select(fn.count()))
    expect_sql(
        from_(User).where(exists(first.limit(nested))).order_by(User.id).select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE EXISTS(SELECT 1 FROM "posts" AS "p1" '
        'WHERE "p1"."author_id" = "u0"."id" ORDER BY "p1"."id" LIMIT (SELECT count(*) FROM "comments" AS "c1" '
        'WHERE "c1"."id" = "u0"."id")) ORDER BY "u0"."id"',
        Refused(UnsupportedError, "SQLite limits rows by no column of a query around"),
        rows=[1, 2, 3],
    )
    # A query inside the limit is one around to what is in it.
    busy = from_(Post).where(exists(from_(Comment).where(Comment.post_id == outer(Post.id)))).select(fn.count())
    inner = (
        '(SELECT count(*) FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "p0"."id"))'
    )
    expect_sql(
        IDS.order_by(Post.id).limit(scalar(busy)),
        f'{FROM} ORDER BY "p0"."id" LIMIT {inner}',
        f'{FROM} ORDER BY "p0"."id" LIMIT coalesce({inner}, -1)',
        rows=[1, 2],
    )


def full():
    """Make the query anew: what a root has forgotten since another test began would be another shape."""
    return (
        POSTS.join(Post.author)
        .where(Post.score > 1)
        .or_where(User.id == 2)
        .group_by(Post.id, User.id)
        .having(fn.count() > 0)
        .or_having(fn.max(Post.score) > 2)
        .order_by(Post.title)
        .limit(3)
        .offset(1)
        .select(Post.id)
        .distinct()
    )


@pytest.mark.parametrize(
    ("clauses", "same"),
    [
        (("where",), "POSTS.join(Post.author).group_by(Post.id, User.id).having(fn.count() > 0)"
                     ".or_having(fn.max(Post.score) > 2).order_by(Post.title).limit(3).offset(1).select(Post.id)"
                     ".distinct()"),
        (("having", "group_by", "distinct", "order_by"), "POSTS.join(Post.author).where(Post.score > 1)"
                     ".or_where(User.id == 2).limit(3).offset(1).select(Post.id)"),
        (("limit", "offset"), "POSTS.join(Post.author).where(Post.score > 1).or_where(User.id == 2)"
                     ".group_by(Post.id, User.id).having(fn.count() > 0).or_having(fn.max(Post.score) > 2)"
                     ".order_by(Post.title).select(Post.id).distinct()"),
        (("select", "where", "join", "group_by", "having", "order_by", "limit", "offset", "distinct"), "POSTS"),
        ((), "full()"),
    ],
)  # fmt: skip
def test_a_query_without_a_clause_is_the_one_that_never_had_it(clauses: tuple[str, ...], same: str):
    expected = eval(same)
    query = full().exclude(*clauses)
    assert query.node is expected.node
    assert query.params == expected.params


def test_a_query_without_its_select_gives_structs_again(expect_sql: ExpectSql):
    expect_sql(
        from_(User).where(User.id == 1).select(User.name).exclude("select").select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE "u0"."id" = $1',
        params=(1,),
        rows=[1],
    )
    expect_sql(
        POSTS.where(Post.score == 8).union(POSTS.where(Post.score == 5)).exclude("combinations").select(Post.id),
        f'{FROM} WHERE "p0"."score" = $1',
        params=(8,),
        rows=[3],
    )
    assert POSTS.preload(Post.author).exclude("preload").preloads == ()
    assert POSTS.for_update().exclude("lock").node is POSTS.node


def test_joins_that_others_need_are_not_excluded_alone():
    joined = POSTS.join(Post.author)
    assert joined.exclude("join").node is POSTS.node
    for query, clause in (
        (joined.where(User.id == 1), "where"),
        (joined.order_by(User.id), "order_by"),
        (joined.group_by(User.id), "group_by"),
        (joined.select(User.id), "select"),
        (joined.select(User), "select"),
        (joined.for_update(of=User), "lock"),
        (joined.distinct(User.id), "distinct"),
        (joined.order_by(Post.id).prepend_order_by(User.id), "order_by"),
    ):
        with pytest.raises(QueryError, match=f"does not read User, which its `{clause}` mentions"):
            query.exclude("join")
        names = ("select", "join") if clause == "select" else ("join", clause)
        assert not query.exclude(*names).node.sources[1:]  # type: ignore[call-overload]


KINDS: list[tuple[str, Callable[[Any], Any]]] = [
    ("inner_join", lambda query: query.join(Post.author)),
    ("inner_join", lambda query: query.join(subquery(POSTS.limit(3), "best"), on=literal(2) == 2)),
    ("left_join", lambda query: query.left_join(Post.comments, on=Comment.likes > 4)),
    ("left_join", lambda query: query.left_join(POSTS.limit(5), on=literal(6) == 6, as_=alias(Post, "same"))),
    ("right_join", lambda query: query.right_join(alias(User, "boss"), on=literal(7) == 7)),
    ("full_join", lambda query: query.full_join(Reading, on=Reading.hour == 8)),
    ("cross_join", lambda query: query.cross_join(Page)),
    ("inner_lateral_join", lambda query: query.join(TOP, lateral=True)),
    ("left_lateral_join", lambda query: query.left_join(TOP, lateral=True)),
    ("cross_lateral_join", lambda query: query.cross_join(TOP, lateral=True)),
]
TOP = subquery(from_(Comment).where(Comment.post_id == outer(Post.id)).limit(9), "top")


@given(
    chosen=st.lists(st.sampled_from(KINDS), unique_by=lambda one: id(one[1])),
    gone=st.sets(st.sampled_from([kind for kind, _ in KINDS])),
)
def test_the_joins_of_one_kind_are_excluded_and_no_others(chosen: list[Any], gone: set[str]):
    if sum("lateral" in kind for kind, _ in chosen) > 1:
        return
    made, wanted = POSTS.where(Post.id > 1), POSTS.where(Post.id > 1)
    for kind, join in chosen:
        made, wanted = join(made), wanted if kind in gone else join(wanted)
    made, wanted = made.order_by(Post.id + 10), wanted.order_by(Post.id + 10)
    found = made.exclude(*gone)
    assert (found.node, found.params) == (wanted.node, wanted.params)
    assert found.node.sources == wanted.node.sources


def test_a_join_that_another_join_or_clause_needs_is_not_excluded():
    query = POSTS.join(Post.author).left_join(User.manager, as_=alias(User, "boss"))
    assert query.exclude("left_join").node is POSTS.join(Post.author).node
    with pytest.raises(QueryError, match="does not read User, which its `left_join` mentions") as refused:
        query.exclude("inner_join")
    assert refused.value.hint == 'leave that out too: `query.exclude("inner_join", "left_join")`'
    assert query.exclude("inner_join", "left_join").node is POSTS.node
    assert query.where(User.id == 1).exclude("left_join").node is POSTS.join(Post.author).where(User.id == 1).node
    for clause, needing in (("where", query.where(User.id == 1)), ("select", query.select(User.id))):
        with pytest.raises(QueryError, match=f"does not read User, which its `{clause}` mentions"):
            needing.exclude("left_join", "inner_join")
    with pytest.raises(QueryError) as refused:
        query.select(User.id).exclude("left_join", "inner_join")
    assert refused.value.hint == 'leave that out too: `query.exclude("select", "left_join", "inner_join")`'
    # An association may be reached through tables that nobody can mention: they go with it.
    teams = from_(Member).join(Member.teams).left_join(Member.remarks)
    assert teams.exclude("inner_join").node is from_(Member).left_join(Member.remarks).node
    assert teams.exclude("left_join", "inner_join").node is from_(Member).node


def test_a_query_without_one_kind_of_joins_gives_its_rows(expect_sql: ExpectSql):
    query = IDS.join(Post.comments).left_join(Post.author).where(Post.id < 3).order_by(Post.id)
    expect_sql(
        query.exclude("left_join"),
        f'{FROM} JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id" WHERE "p0"."id" < $1 ORDER BY "p0"."id"',
        params=(3,),
        rows=[1, 1],
    )
    expect_sql(
        query.exclude("inner_join"),
        f'{FROM} LEFT JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id" WHERE "p0"."id" < $1 ORDER BY "p0"."id"',
        params=(3,),
        rows=[1, 2],
    )


def test_what_exclude_refuses_is_still_refused_when_it_is_written():
    condition = User.manager_id == 77
    with pytest.raises(QueryError, match="does not read User"):
        POSTS.join(Post.author).where(condition).exclude("join")
    with pytest.raises(QueryError, match="`where` mentions User, which is not in this query"):
        POSTS.where(condition)


@pytest.mark.parametrize("name", ["wher", "", "from", None, 3])
def test_only_clauses_are_excluded(name: object):
    with pytest.raises(QueryError, match="`exclude` takes the names of clauses, got"):
        POSTS.exclude(name)  # type: ignore[call-overload]


def test_a_misspelt_clause_is_told_its_name():
    with pytest.raises(QueryError, match="did you mean 'order_by'"):
        POSTS.exclude("orderby")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="did you mean 'left_join'"):
        POSTS.exclude("leftjoin")  # type: ignore[call-overload]


LOOSE = "which is neither grouped nor aggregated"


@pytest.mark.parametrize(
    ("query", "clause", "column", "fix"),
    [
        (POSTS.group_by(Post.author_id), "select", "Post.id", "query.group_by(Post.author_id, Post.id)"),
        (POSTS.select(Post.title, fn.count()), "select", "Post.title", "query.group_by(Post.title)"),
        (POSTS.group_by(Post.score).select(Post.score + Post.id), "select", "Post.id", "group_by(Post.score, Post.id)"),
        (POSTS.group_by(Post.score).having(Post.id > 1).select(Post.score), "having", "Post.id", "fn.max(Post.id)"),
        (POSTS.group_by(Post.score).order_by(Post.id).select(Post.score), "order_by", "Post.id", "fn.max(Post.id)"),
        (POSTS.select(fn.count()).order_by(Post.id), "order_by", "Post.id", "query.group_by(Post.id)"),
        (
            POSTS.join(Post.author).group_by(Post.id).select(User.name),
            "select", "User.name", "query.group_by(Post.id, User.name)",
        ),
        (
            POSTS.group_by(Post.score).select(fn.sum(Post.id).over(window())),
            "select", "Post.id", "Post.score, Post.id",
        ),
        (
            POSTS.group_by(Post.score).select(fn.count().over(window(order_by=Post.id))),
            "select", "Post.id", "Post.score, Post.id",
        ),
        # Two uses of one expression may have other values in it.
        (POSTS.group_by(Post.score + 1).select(Post.score + 1), "select", "Post.score", "Post.score + …, Post.score"),
        (
            POSTS.group_by(Post.score).select(exists(from_(Comment).where(Comment.post_id == outer(Post.id)))),
            "select", "Post.id", "Post.score, Post.id",
        ),
        (from_(Reading).group_by(Reading.sensor), "select", "Reading.hour", "Reading.sensor, Reading.hour"),
    ],
)  # fmt: skip
def test_a_column_that_a_group_has_many_of_is_refused_everywhere(
    query, clause: str, column: str, fix: str, expect_sql: ExpectSql
):
    message = f"the `{clause}` of a query with groups mentions `{column}`, {LOOSE}"
    expect_sql(query, Refused(QueryError, message))
    with pytest.raises(QueryError) as caught:
        query.to_sql(SQLITE)
    assert fix in str(caught.value)


def test_what_a_group_has_one_of_may_be_mentioned(expect_sql: ExpectSql):
    # The primary key brings all columns of its table.
    expect_sql(
        POSTS.join(Post.comments).group_by(Post.id).select(Post.title, fn.count(Comment.id)),
        'SELECT "p0"."title", count("c1"."id") FROM "posts" AS "p0" JOIN "comments" AS "c1" '
        'ON "c1"."post_id" = "p0"."id" GROUP BY "p0"."id"',
        rows=[("Engines", 2), ("Bees", 1)],
    )
    expect_sql(
        from_(Reading).group_by(Reading.hour, Reading.sensor).select(Reading.hour * 2),
        'SELECT "r0"."hour" * $1 FROM "readings" AS "r0" GROUP BY "r0"."hour", "r0"."sensor"',
        params=(2,),
        rows=[0, 2, 0],
    )
    # So do expressions over the keys, aggregates with a filter, and windows over the groups.
    expect_sql(
        POSTS.group_by(Post.author_id)
        .having(fn.count() > 0)
        .order_by(fn.max(Post.score).desc())
        .select(Post.author_id + 10, fn.count().filter(Post.score > 4), fn.sum(fn.count()).over(window())),
        'SELECT "p0"."author_id" + $2, count(*) FILTER(WHERE "p0"."score" > $3), CAST(sum(count(*)) OVER () AS bigint) '
        'FROM "posts" AS "p0" GROUP BY "p0"."author_id" HAVING count(*) > $1 ORDER BY max("p0"."score") DESC',
        'SELECT "p0"."author_id" + ?2, count(*) FILTER(WHERE "p0"."score" > ?3), sum(count(*)) OVER () '
        'FROM "posts" AS "p0" GROUP BY "p0"."author_id" HAVING count(*) > ?1 ORDER BY max("p0"."score") DESC',
        params=(0, 10, 4),
        rows=[(12, 1, 4), (11, 1, 4), (13, 0, 4)],
    )
    expect_sql(
        POSTS.group_by(fn.lower(Post.title)).select(fn.length(fn.lower(Post.title)), literal(1)),
        'SELECT length(lower("p0"."title")), CAST($1 AS bigint) FROM "posts" AS "p0" GROUP BY lower("p0"."title")',
        'SELECT length(lower("p0"."title")), CAST(?1 AS INTEGER) FROM "posts" AS "p0" GROUP BY lower("p0"."title")',
        params=(1,),
        rows=[(7, 1), (5, 1), (4, 1), (9, 1)],
    )
    boss = alias(User, "boss")
    expect_sql(
        from_(User).left_join(User.manager, as_=boss).group_by(User.id, boss.id).select(User.name, maybe(boss.name)),
        'SELECT "u0"."name", "b1"."name" FROM "users" AS "u0" LEFT JOIN "users" AS "b1" '
        'ON "b1"."id" = "u0"."manager_id" GROUP BY "u0"."id", "b1"."id"',
        rows=[("Ann", None), ("Ben", "Ann"), ("Cleo", "Ann"), ("Dan", "Ben")],
    )


@pytest.mark.parametrize(
    ("aggregate", "shown"),
    [
        (fn.sum(outer(Post.score)), "fn.sum(outer(Post.score))"),
        (fn.count().filter(outer(Post.score) > 3), "fn.count().filter(outer(Post.score) > …)"),
        (fn.coalesce(fn.max(outer(Post.score) + 1), 0), "fn.max(outer(Post.score) + …)"),
    ],
)
def test_an_aggregate_over_the_enclosing_query_alone_is_refused(aggregate, shown: str, expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.id, scalar(from_(Comment).select(aggregate))),
        Refused(QueryError, f"`{shown}` aggregates `outer(Post.score)` alone"),
    )


def test_an_aggregate_over_its_own_rows_may_mention_the_enclosing_query(expect_sql: ExpectSql):
    near = from_(Comment).select(fn.sum(Comment.likes + outer(Post.score)).filter(Comment.post_id == outer(Post.id)))
    expect_sql(
        POSTS.order_by(Post.id).select(Post.id, scalar(near)),
        'SELECT "p0"."id", (SELECT CAST(sum("c1"."likes" + "p0"."score") FILTER(WHERE "c1"."post_id" = "p0"."id") '
        'AS bigint) FROM "comments" AS "c1") FROM "posts" AS "p0" ORDER BY "p0"."id"',
        'SELECT "p0"."id", (SELECT sum("c1"."likes" + "p0"."score") FILTER(WHERE "c1"."post_id" = "p0"."id") '
        'FROM "comments" AS "c1") FROM "posts" AS "p0" ORDER BY "p0"."id"',
        rows=[(1, 12), (2, None), (3, 15), (4, None)],
    )


def test_a_window_alone_makes_no_groups(expect_sql: ExpectSql):
    expect_sql(
        from_(Page).select(Page.path, fn.count().over(window())),
        'SELECT "p0"."path", count(*) OVER () FROM "wiki"."pages" AS "p0"',
        rows=[("/home", 2), ("/faq", 2)],
    )


def test_the_primary_key_of_a_subquery_brings_nothing(expect_sql: ExpectSql):
    best = subquery(POSTS.where(Post.score > 3), "best")
    expect_sql(from_(best).group_by(best.id).select(best.title), Refused(QueryError, f"mentions `best.title`, {LOOSE}"))


@pytest.mark.parametrize(
    ("query", "word"),
    [
        (POSTS.distinct(Post.author_id), "`distinct` by keys"),
        (POSTS.order_by(Post.id).reverse_order(), "`reverse_order`"),
        (POSTS.prepend_order_by(Post.id), "`prepend_order_by`"),
        (POSTS.intersect_all(POSTS), "`intersect_all`"),
        (POSTS.for_update(), "a lock"),
        (POSTS.order_by(Post.id).limit(1, with_ties=True), "`limit`"),
    ],
)
def test_what_has_no_pages_is_refused_by_its_method(query, word: str):
    with pytest.raises(QueryError, match=f"a query with {word} is not read page by page"):
        paging_of(query.node, None, nulls_are_largest=True)


def test_alternatives_stay_together_beside_the_position_of_a_page(expect_sql: ExpectSql):
    query = IDS.where(Post.id == 1).or_where(Post.score == 3)
    paging = paging_of(query.node, None, nulls_are_largest=True)
    expect_sql(
        paging.query(query, Position((1,)), 2, backward=False),
        f'{FROM} WHERE (("p0"."id" = $1) OR ("p0"."score" = $2)) AND ("p0"."id" > $3) ORDER BY "p0"."id" LIMIT $4',
        params=(1, 3, 1, 2),
        rows=[(2, 2), (4, 4)],
    )
