"""Row locks, and the queries whose rows cannot be locked."""

import pytest

from ectype import POSTGRES, QueryError, UnsupportedError, alias, cte, exists, fn, from_, outer, subquery, window
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Comment, Line, Post, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)
FROM = 'SELECT "p0"."id" FROM "posts" AS "p0"'
JOINED = f'{FROM} JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id"'
LEFT = f'{FROM} LEFT JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id"'


def none(method: str) -> Refused:
    return Refused(UnsupportedError, f"SQLite locks no rows, so there is no `{method}`")


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("for_update", "FOR UPDATE"),
        ("for_no_key_update", "FOR NO KEY UPDATE"),
        ("for_share", "FOR SHARE"),
        ("for_key_share", "FOR KEY SHARE"),
    ],
)
def test_rows_are_locked_in_four_strengths(method: str, text: str, expect_sql: ExpectSql):
    lock = getattr(IDS.where(Post.id < 3), method)
    query = f'{FROM} WHERE "p0"."id" < $1'
    expect_sql(lock(), f"{query} {text}", none(method), params=(3,), rows=[1, 2])
    expect_sql(lock(skip_locked=True), f"{query} {text} SKIP LOCKED", none(method), params=(3,), rows=[1, 2])
    expect_sql(lock(nowait=True), f"{query} {text} NOWAIT", none(method), params=(3,), rows=[1, 2])
    expect_sql(lock(of=Post), f'{query} {text} OF "p0"', none(method), params=(3,), rows=[1, 2])
    with pytest.raises(QueryError, match=f"`{method}` got `skip_locked` and `nowait`"):
        lock(skip_locked=True, nowait=True)
    with pytest.raises(QueryError, match=f"`{method}` locks Comment, which is not in this query"):
        lock(of=Comment)


def test_a_lock_may_be_of_some_tables(expect_sql: ExpectSql):
    query = IDS.join(Post.author).order_by(Post.id).limit(2)
    end = 'ORDER BY "p0"."id" LIMIT $1'
    expect_sql(query.for_update(), f"{JOINED} {end} FOR UPDATE", none("for_update"), params=(2,), rows=[1, 2])
    expect_sql(
        query.for_update(of=[Post, User], nowait=True),
        f'{JOINED} {end} FOR UPDATE OF "p0", "u1" NOWAIT',
        none("for_update"),
        params=(2,),
        rows=[1, 2],
    )
    other = alias(User, "other")
    expect_sql(
        IDS.join(Post.author, as_=other).for_share(of=other),
        f'{FROM} JOIN "users" AS "o1" ON "o1"."id" = "p0"."author_id" FOR SHARE OF "o1"',
        none("for_share"),
        rows=[1, 2, 3, 4],
    )


def test_the_last_lock_counts(expect_sql: ExpectSql):
    expect_sql(
        IDS.for_update(skip_locked=True).where(Post.id == 1).for_share(),
        f'{FROM} WHERE "p0"."id" = $1 FOR SHARE',
        none("for_share"),
        params=(1,),
        rows=[1],
    )


def test_subqueries_and_ctes_lock_their_own_rows(expect_sql: ExpectSql):
    chosen = POSTS.where(Post.id.in_(IDS.where(Post.score == 3).for_update(skip_locked=True)))
    expect_sql(
        chosen.select(Post.id),
        f'{FROM} WHERE "p0"."id" IN (SELECT "p1"."id" FROM "posts" AS "p1" WHERE "p1"."score" = $1 '
        "FOR UPDATE SKIP LOCKED)",
        none("for_update"),
        params=(3,),
        rows=[2, 4],
    )
    lines = cte(Line, "lines")
    query = from_(lines).with_cte(lines, POSTS.project(Line(title=Post.title, count=Post.score)).for_update())
    expect_sql(
        query.select(lines.count),
        'WITH "lines"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0" FOR UPDATE) SELECT "l0"."count" FROM "lines" AS "l0"',
        none("for_update"),
        rows=[5, 3, 8, 3],
    )
    with pytest.raises(QueryError, match="`for_update` locks rows of tables, and lines is none"):
        query.for_update(of=lines)
    commented = from_(Comment).where(Comment.post_id == outer(Post.id)).for_key_share()
    expect_sql(
        IDS.where(exists(commented)),
        f'{FROM} WHERE EXISTS(SELECT 1 FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id" FOR KEY SHARE)',
        none("for_key_share"),
        rows=[1, 3],
    )


def test_one_of_combined_queries_locks_nothing(expect_sql: ExpectSql):
    locked = POSTS.where(Post.id == 2).project(Line(title=Post.title, count=Post.score)).for_update()
    lines = POSTS.where(Post.id == 1).project(Line(title=Post.title, count=Post.score))
    refused = Refused(QueryError, "`for_update` locks rows of tables, and the rows of a combination are none")
    expect_sql(lines.union_all(locked), refused, none("for_update"))
    # The way round it, as the refusal shows it.
    inside = subquery(locked, "locked")
    expect_sql(
        lines.union_all(from_(inside)),
        'SELECT "p0"."title", "p0"."score" FROM "posts" AS "p0" WHERE "p0"."id" = $1 UNION ALL '
        'SELECT "l0"."title" AS "title", "l0"."count" AS "count" FROM (SELECT "p0"."title" AS "title", '
        '"p0"."score" AS "count" FROM "posts" AS "p0" WHERE "p0"."id" = $2 FOR UPDATE) AS "l0"',
        none("for_update"),
        params=(1, 2),
        rows=[Line(title="Engines", count=5), Line(title="Notes", count=3)],
    )


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (IDS.union(IDS), "is combined with another"),
        (IDS.distinct(), "is distinct"),
        (IDS.distinct(Post.id), "is distinct"),
        (POSTS.group_by(Post.id).select(Post.id), "has groups"),
        (POSTS.having(fn.count() > 1).select(fn.count()), "has groups"),
        (POSTS.select(fn.max(Post.id)), "computes over several rows"),
        (POSTS.select(fn.row_number().over(window())), "computes over several rows"),
    ],
)
def test_rows_that_are_none_of_a_table_are_not_locked(query, why: str, expect_sql: ExpectSql):
    keyed = ".distinct(Post" in repr(query)
    sqlite = Refused(UnsupportedError, "SQLite has no DISTINCT ON") if keyed else none("for_update")
    expect_sql(
        query.for_update(),
        Refused(QueryError, f"`for_update` locks rows of tables, and the rows of a query that {why} are none"),
        sqlite,
    )


def test_what_an_outer_join_may_leave_out_is_not_locked(expect_sql: ExpectSql):
    joined = IDS.left_join(Post.author)
    message = "`for_update` cannot lock User, which an outer join may leave out"
    expect_sql(joined.for_update(), Refused(QueryError, message), none("for_update"))
    expect_sql(joined.for_update(of=[Post, User]), Refused(QueryError, message), none("for_update"))
    with pytest.raises(QueryError) as caught:
        joined.for_update().to_sql(POSTGRES)
    assert "say whose rows are locked: `for_update(of=Post)`" in str(caught.value)
    expect_sql(joined.for_update(of=Post), f'{LEFT} FOR UPDATE OF "p0"', none("for_update"), rows=[1, 2, 3, 4])


def test_ties_are_not_counted_among_rows_that_are_skipped(expect_sql: ExpectSql):
    tied = IDS.order_by(Post.score).limit(1, with_ties=True)
    sqlite = Refused(UnsupportedError, "SQLite has no limit with ties")
    expect_sql(tied.for_update(skip_locked=True), Refused(QueryError, "leaves rows out, so which are equal"), sqlite)
    expect_sql(
        tied.for_update(),
        f'{FROM} ORDER BY "p0"."score" FETCH FIRST $1 ROWS WITH TIES FOR UPDATE',
        sqlite,
        params=(1,),
        rows=[2, 4],
    )


@pytest.mark.parametrize("given", ["Post", 3, Post.id, [Post, 3], POSTS])
def test_a_lock_is_of_schemas(given: object):
    with pytest.raises(QueryError, match="a schema, alias, subquery or CTE was expected"):
        POSTS.for_update(of=given)  # type: ignore[arg-type]


def test_a_subquery_in_from_may_be_locked(expect_sql: ExpectSql):
    best = subquery(from_(User).where(User.id < 3), "best")
    expect_sql(
        from_(best).for_update(of=best).select(best.id),
        'SELECT "b0"."id" FROM (SELECT "u0"."id" AS "id", "u0"."name" AS "name", "u0"."role" AS "role", '
        '"u0"."password" AS "password", "u0"."manager_id" AS "manager_id" FROM "users" AS "u0" '
        'WHERE "u0"."id" < $1) AS "b0" FOR UPDATE OF "b0"',
        none("for_update"),
        params=(3,),
        rows=[1, 2],
    )
