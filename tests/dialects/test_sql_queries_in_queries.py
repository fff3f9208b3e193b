"""Queries in queries: combinations, CTEs, subqueries as sources and in expressions, windows."""

import pytest

from ectype import QueryError, alias, cte, exists, fn, fragment, from_, literal, maybe, outer, scalar, subquery, window
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Branch, Comment, Line, Post, User
from tests.dialects.writing import update_all

POSTS = from_(Post)
IDS = POSTS.select(Post.id)
A, B, C = (IDS.where(Post.score > number) for number in (1, 2, 3))


def test_queries_are_combined(expect_sql: ExpectSql):
    expect_sql(
        A.union(B),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2',
        params=(1, 2),
    )
    expect_sql(
        A.union_all(B),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION ALL SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2',
        params=(1, 2),
    )
    expect_sql(
        A.intersect(B),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 INTERSECT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2',
        params=(1, 2),
    )
    expect_sql(
        A.except_(B),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 EXCEPT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2',
        params=(1, 2),
    )


def test_combinations_apply_from_left_to_right(expect_sql: ExpectSql):
    expect_sql(
        A.union(B).union(C),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 UNION SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" > $3',
        params=(1, 2, 3),
    )
    expect_sql(
        A.union(B).intersect(C),
        '(SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2) INTERSECT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $3',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > ?2 INTERSECT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > ?3',
        params=(1, 2, 3),
    )
    expect_sql(
        A.intersect(B).union(C),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 INTERSECT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 UNION SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" > $3',
        params=(1, 2, 3),
    )
    expect_sql(
        A.except_(B).union_all(C),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 EXCEPT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 UNION ALL SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $3',
        params=(1, 2, 3),
    )


def test_a_combination_inside_another_stays_together(expect_sql: ExpectSql):
    expect_sql(
        A.except_(B.union(C)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 EXCEPT (SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 UNION SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" > $3)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 EXCEPT SELECT * '
        'FROM (SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" WHERE "p0"."score" > ?2 '
        'UNION SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" WHERE "p0"."score" > ?3)',
        params=(1, 2, 3),
    )
    expect_sql(
        A.union(B.intersect(C)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION (SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 INTERSECT SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $3)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 UNION SELECT * '
        'FROM (SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" '
        'WHERE "p0"."score" > ?2 INTERSECT SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" WHERE "p0"."score" > ?3)',
        params=(1, 2, 3),
    )


def test_the_clauses_of_the_second_query_stay_its_own(expect_sql: ExpectSql):
    expect_sql(
        A.union(B.order_by(Post.id).limit(3)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION (SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 ORDER BY "p0"."id" LIMIT $3)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 UNION SELECT * '
        'FROM (SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" WHERE "p0"."score" > ?2 ORDER BY "p0"."id" LIMIT ?3)',
        params=(1, 2, 3),
    )
    expect_sql(
        A.union_all(B.offset(3)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION ALL (SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 OFFSET $3)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 UNION ALL SELECT * '
        'FROM (SELECT "p0"."id" AS "c0" FROM "posts" AS "p0" WHERE "p0"."score" > ?2 LIMIT -1 OFFSET ?3)',
        params=(1, 2, 3),
    )


def test_a_limit_of_the_first_query_is_that_of_the_whole(expect_sql: ExpectSql):
    expect_sql(
        A.limit(5).union(B),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $3 LIMIT $2',
        params=(1, 5, 2),
    )
    expect_sql(
        A.union(B).limit(5).offset(1),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $2 LIMIT $3 OFFSET $4',
        params=(1, 2, 5, 1),
    )


def test_structs_are_combined_column_by_column(expect_sql: ExpectSql):
    users = from_(User)
    expect_sql(
        users.where(User.id == 1).union(users.where(User.id == 2)),
        'SELECT "u0"."id", "u0"."name", "u0"."role", "u0"."password", "u0"."manager_id" '
        'FROM "users" AS "u0" WHERE "u0"."id" = $1 '
        'UNION SELECT "u0"."id" AS "id", "u0"."name" AS "name", "u0"."role" AS "role", '
        '"u0"."password" AS "password", "u0"."manager_id" AS "manager_id" FROM "users" AS "u0" '
        'WHERE "u0"."id" = $2',
        params=(1, 2),
    )


def test_combinations_that_mean_nothing_are_refused(expect_sql: ExpectSql):
    expect_sql(A.union(POSTS.select(Post.id, Post.score)), Refused(QueryError, "equally many columns, got 1 and 2"))
    expect_sql(A.union(B).order_by(Post.title), Refused(QueryError, "a combined query is ordered by what it selects"))
    with pytest.raises(QueryError, match="`union` takes a query, got"):
        A.union(Post)
    with pytest.raises(QueryError, match=r"the query inside `union` preloads Post.author, which would be lost"):
        POSTS.union(POSTS.preload(Post.author))


def test_a_cte_is_read_by_its_name(expect_sql: ExpectSql):
    best = cte(Line, "best")
    made = POSTS.where(Post.score > 3).project(Line(title=Post.title, count=Post.score))
    expect_sql(
        from_(best).with_cte(best, made).where(best.count < 9),
        'WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $1) SELECT "b0"."title", "b0"."count" '
        'FROM "best" AS "b0" WHERE "b0"."count" < $2',
        params=(3, 9),
    )
    query = POSTS.with_cte(best, made).join(best, on=best.title == Post.title).select(Post.id, best.count)
    expect_sql(
        query,
        'WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $1) SELECT "p0"."id", "b1"."count" FROM "posts" AS "p0" '
        'JOIN "best" AS "b1" ON "b1"."title" = "p0"."title"',
        params=(3,),
    )


def test_a_recursive_cte_reads_itself(expect_sql: ExpectSql):
    tree = cte(Branch, "tree")
    roots = from_(User).where(User.id == 7).project(Branch(id=User.id, depth=0))
    below = from_(User).join(tree, on=User.manager_id == tree.id).where(tree.depth < 5)
    rows = roots.union_all(below.project(Branch(id=User.id, depth=tree.depth + 1)))
    expect_sql(
        from_(tree).with_cte(tree, rows, recursive=True).where(tree.depth > 0),
        'WITH RECURSIVE "tree"("id", "depth") AS (SELECT "u0"."id" AS "id", CAST($2 AS bigint) AS "depth" '
        'FROM "users" AS "u0" WHERE "u0"."id" = $1 '
        'UNION ALL SELECT "u0"."id" AS "id", "t1"."depth" + $4 AS "depth" FROM "users" AS "u0" '
        'JOIN "tree" AS "t1" ON "u0"."manager_id" = "t1"."id" '
        'WHERE "t1"."depth" < $3) SELECT "t0"."id", "t0"."depth" FROM "tree" AS "t0" WHERE "t0"."depth" > $5',
        'WITH RECURSIVE "tree"("id", "depth") AS (SELECT "u0"."id" AS "id", CAST(?2 AS INTEGER) AS "depth" '
        'FROM "users" AS "u0" WHERE "u0"."id" = ?1 '
        'UNION ALL SELECT "u0"."id" AS "id", "t1"."depth" + ?4 AS "depth" FROM "users" AS "u0" '
        'JOIN "tree" AS "t1" ON "u0"."manager_id" = "t1"."id" '
        'WHERE "t1"."depth" < ?3) SELECT "t0"."id", "t0"."depth" FROM "tree" AS "t0" WHERE "t0"."depth" > ?5',
        params=(7, 0, 5, 1, 0),
    )


def test_a_cte_stands_before_a_combination(expect_sql: ExpectSql):
    best = cte(Line, "best")
    made = POSTS.project(Line(title=Post.title, count=Post.score))
    expect_sql(
        from_(best).with_cte(best, made).select(best.count).union(A),
        'WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0") SELECT "b0"."count" FROM "best" AS "b0" UNION SELECT "p0"."id" AS "c0" '
        'FROM "posts" AS "p0" WHERE "p0"."score" > $1',
        params=(1,),
    )
    expect_sql(
        A.union(from_(best).with_cte(best, made).select(best.count)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 '
        'UNION (WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0") SELECT "b0"."count" AS "c0" FROM "best" AS "b0")',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > ?1 UNION SELECT * '
        'FROM (WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "posts" AS "p0") SELECT "b0"."count" AS "c0" FROM "best" AS "b0")',
        params=(1,),
    )


def test_a_cte_may_be_sql_text(expect_sql: ExpectSql):
    best = cte(Line, "best")
    liked = scalar(from_(Comment).where(Comment.likes > 1).select(fn.count()))
    text = fragment("SELECT {} AS count, title FROM posts WHERE score > {}", liked, 3)
    for flag, kept in ((None, ""), (True, "MATERIALIZED "), (False, "NOT MATERIALIZED ")):
        expect_sql(
            POSTS.where(Post.id < 9)
            .with_cte(best, text, materialized=flag)
            .join(best, on=best.title == Post.title)
            .where(best.count > 1)
            .order_by(Post.id)
            .select(Post.id, best.count),
            f'WITH "best" AS {kept}(SELECT (SELECT count(*) FROM "comments" AS "c0" WHERE "c0"."likes" > $2) AS count, '
            'title FROM posts WHERE score > $3) SELECT "p0"."id", "b1"."count" FROM "posts" AS "p0" '
            'JOIN "best" AS "b1" ON "b1"."title" = "p0"."title" WHERE ("p0"."id" < $1) AND ("b1"."count" > $4) '
            'ORDER BY "p0"."id"',
            params=(9, 1, 3, 1),
            rows=[(1, 2), (3, 2)],
        )


def test_a_cte_of_sql_text_may_read_itself(expect_sql: ExpectSql):
    tree = cte(Branch, "tree")
    text = fragment(
        "SELECT id, 0 AS depth FROM users WHERE id = {} "
        "UNION ALL SELECT u.id, t.depth + 1 FROM users AS u JOIN tree AS t ON u.manager_id = t.id",
        1,
    )
    expect_sql(
        from_(tree).with_cte(tree, text, recursive=True).where(tree.depth > 0).order_by(tree.id),
        'WITH RECURSIVE "tree" AS (SELECT id, 0 AS depth FROM users WHERE id = $1 UNION ALL SELECT u.id, t.depth + 1 '
        'FROM users AS u JOIN tree AS t ON u.manager_id = t.id) SELECT "t0"."id", "t0"."depth" FROM "tree" AS "t0" '
        'WHERE "t0"."depth" > $2 ORDER BY "t0"."id"',
        params=(1, 0),
        rows=[Branch(id=2, depth=1), Branch(id=3, depth=1), Branch(id=4, depth=2)],
    )


def test_a_cte_of_sql_text_in_a_subquery_sees_what_is_around(expect_sql: ExpectSql):
    best = cte(Line, "best")
    text = fragment("SELECT body AS title, likes AS count FROM comments WHERE post_id = {}", outer(Post.id))
    likes = from_(best).with_cte(best, text).select(fn.max(best.count))
    expect_sql(
        POSTS.order_by(Post.id).select(Post.id, scalar(likes)),
        'SELECT "p0"."id", (WITH "best" AS (SELECT body AS title, likes AS count FROM comments WHERE post_id = '
        '"p0"."id") SELECT max("b1"."count") FROM "best" AS "b1") FROM "posts" AS "p0" ORDER BY "p0"."id"',
        rows=[(1, 2), (2, None), (3, 7), (4, None)],
    )


def test_a_cte_of_sql_text_says_which_rows_are_written(expect_sql: ExpectSql):
    best = cte(Line, "best")
    query = POSTS.with_cte(best, fragment("SELECT title, score AS count FROM posts WHERE score > {}", 4))
    query = query.join(best, on=best.title == Post.title)
    expect_sql(
        update_all(query, Post.score.inc(1)),
        'WITH "best" AS (SELECT title, score AS count FROM posts WHERE score > $1) UPDATE "posts" AS "p0" '
        'SET "score" = "p0"."score" + $2 FROM "best" AS "b1" WHERE "b1"."title" = "p0"."title"',
        params=(4, 1),
    )


def test_sql_text_that_is_no_cte_is_refused(expect_sql: ExpectSql):
    best = cte(Line, "best")
    text = fragment("SELECT title, score AS count FROM posts")
    with pytest.raises(QueryError, match=r"`with_cte` takes a query or a fragment, got Post\.id"):
        from_(best).with_cte(best, Post.id)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="the CTE `best` stands before the query, and its text mentions Post"):
        POSTS.with_cte(best, fragment("SELECT {} AS title", Post.title))  # type: ignore[arg-type]
    for given in ({"update": [Post.score.set(1)]}, {"delete": True}):
        with pytest.raises(QueryError, match="the CTE `best` is SQL text, which says itself what it writes"):
            from_(best).with_cte(best, text, **given)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`materialized` is True, False or None"):
        from_(best).with_cte(best, text, materialized="yes")  # type: ignore[arg-type]
    own = fragment("SELECT title, score AS count FROM posts WHERE id = {}", outer(Post.id))
    expect_sql(POSTS.with_cte(best, own), *[Refused(QueryError, "no enclosing query reads Post")] * 2)


def test_ctes_that_mean_nothing_are_refused():
    best = cte(Line, "best")
    with pytest.raises(QueryError, match="the CTE `best` has rows of Line, its query gives Post"):
        from_(best).with_cte(best, POSTS)
    with pytest.raises(QueryError, match=r"`with_cte` takes a name made by `cte\(Shape, …\)`, got"):
        POSTS.with_cte(Post, POSTS)
    with pytest.raises(QueryError, match="`with_cte` takes a name made by"):
        POSTS.with_cte(subquery(POSTS, "best"), POSTS)
    with pytest.raises(QueryError, match="`with_cte` takes a query, got"):
        from_(best).with_cte(best, Post)
    with pytest.raises(QueryError, match="is named like a variable, got 'two words'"):
        cte(Line, "two words")


def test_a_subquery_is_a_source(expect_sql: ExpectSql):
    best = subquery(POSTS.where(Post.score > 3).limit(5), "best")
    expect_sql(
        from_(best).where(best.score < 9).select(best.slug),
        'SELECT "b0"."slug" '
        'FROM (SELECT "p0"."id" AS "id", "p0"."title" AS "title", "p0"."url_slug" AS "slug", '
        '"p0"."score" AS "score", "p0"."rating" AS "rating", "p0"."price" AS "price", "p0"."weight" AS "weight", '
        '"p0"."draft" AS "draft", "p0"."key" AS "key", "p0"."digest" AS "digest", "p0"."day" AS "day", '
        '"p0"."posted_at" AS "posted_at", "p0"."took" AS "took", "p0"."meta" AS "meta", "p0"."tags" AS "tags", '
        '"p0"."author_id" AS "author_id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 LIMIT $2) AS "b0" '
        'WHERE "b0"."score" < $3',
        params=(3, 5, 9),
    )
    shape = subquery(POSTS.group_by(Post.title).project(Line(title=Post.title, count=fn.count())), "lines")
    expect_sql(
        from_(shape).order_by(shape.count.desc()),
        'SELECT "l0"."title", "l0"."count" FROM (SELECT "p0"."title" AS "title", count(*) AS "count" '
        'FROM "posts" AS "p0" GROUP BY "p0"."title") AS "l0" ORDER BY "l0"."count" DESC',
    )
    joined = subquery(from_(Comment).join(Comment.post).select(Post), "joined")
    expect_sql(
        from_(joined).select(joined.id),
        'SELECT "j0"."id" '
        'FROM (SELECT "p1"."id" AS "id", "p1"."title" AS "title", "p1"."url_slug" AS "slug", '
        '"p1"."score" AS "score", "p1"."rating" AS "rating", "p1"."price" AS "price", "p1"."weight" AS "weight", '
        '"p1"."draft" AS "draft", "p1"."key" AS "key", "p1"."digest" AS "digest", "p1"."day" AS "day", '
        '"p1"."posted_at" AS "posted_at", "p1"."took" AS "took", "p1"."meta" AS "meta", "p1"."tags" AS "tags", '
        '"p1"."author_id" AS "author_id" FROM "comments" AS "c0" '
        'JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id") AS "j0"',
    )


def test_a_subquery_in_a_subquery(expect_sql: ExpectSql):
    inner = subquery(POSTS.where(Post.score > 1), "inside")
    around = subquery(from_(inner).where(inner.score > 2), "around")
    expect_sql(
        from_(around).where(around.score > 3).select(around.id),
        'SELECT "a0"."id" '
        'FROM (SELECT "i0"."id" AS "id", "i0"."title" AS "title", "i0"."slug" AS "slug", '
        '"i0"."score" AS "score", "i0"."rating" AS "rating", "i0"."price" AS "price", "i0"."weight" AS "weight", '
        '"i0"."draft" AS "draft", "i0"."key" AS "key", "i0"."digest" AS "digest", "i0"."day" AS "day", '
        '"i0"."posted_at" AS "posted_at", "i0"."took" AS "took", "i0"."meta" AS "meta", "i0"."tags" AS "tags", '
        '"i0"."author_id" AS "author_id" '
        'FROM (SELECT "p0"."id" AS "id", "p0"."title" AS "title", "p0"."url_slug" AS "slug", '
        '"p0"."score" AS "score", "p0"."rating" AS "rating", "p0"."price" AS "price", "p0"."weight" AS "weight", '
        '"p0"."draft" AS "draft", "p0"."key" AS "key", "p0"."digest" AS "digest", "p0"."day" AS "day", '
        '"p0"."posted_at" AS "posted_at", "p0"."took" AS "took", "p0"."meta" AS "meta", "p0"."tags" AS "tags", '
        '"p0"."author_id" AS "author_id" FROM "posts" AS "p0" WHERE "p0"."score" > $1) AS "i0" '
        'WHERE "i0"."score" > $2) AS "a0" WHERE "a0"."score" > $3',
        params=(1, 2, 3),
    )


def test_subqueries_that_mean_nothing_are_refused():
    with pytest.raises(QueryError, match="a subquery needs a name and a type for each of its columns"):
        subquery(IDS, "ids")
    with pytest.raises(QueryError, match="a subquery or CTE is named like a variable"):
        subquery(POSTS, "a b")
    with pytest.raises(QueryError, match="`subquery` takes a query, got"):
        subquery(Post.id, "ids")
    with pytest.raises(QueryError, match="`subquery` takes a query, got"):
        subquery(Post, "ids")
    with pytest.raises(QueryError, match=r"preloads Post.author, which would be lost"):
        subquery(POSTS.preload(Post.author), "posts")
    with pytest.raises(QueryError, match="`alias` takes a schema, got <alias best of Post>"):
        alias(subquery(POSTS, "best"), "other")


def test_a_list_may_be_a_query(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.author_id.in_(from_(User).where(User.name == "Ada").select(User.id))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."author_id" IN (SELECT "u1"."id" '
        'FROM "users" AS "u1" WHERE "u1"."name" = $1)',
        params=("Ada",),
    )
    expect_sql(
        IDS.where(~(Post.id + 1).in_(A.union(B))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT (("p0"."id" + $1) IN (SELECT "p1"."id" '
        'FROM "posts" AS "p1" WHERE "p1"."score" > $2 UNION SELECT "p1"."id" AS "c0" FROM "posts" AS "p1" '
        'WHERE "p1"."score" > $3))',
        params=(1, 1, 2),
    )


def test_a_query_may_exist(expect_sql: ExpectSql):
    comments = from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > 3)
    expect_sql(
        IDS.where(exists(comments)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1))',
        params=(3,),
    )
    expect_sql(
        IDS.where(~exists(comments), Post.score > 1),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (NOT EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1))) AND ("p0"."score" > $2)',
        params=(3, 1),
    )
    expect_sql(
        POSTS.select(exists(comments)),
        'SELECT EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1)) FROM "posts" AS "p0"',
        params=(3,),
    )
    expect_sql(
        IDS.where(exists(comments.group_by(Comment.likes).having(fn.count() > 2))),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1) GROUP BY "c1"."likes" HAVING count(*) > $2)',
        params=(3, 2),
    )


def test_what_is_selected_stays_in_exists_where_it_decides_whether_there_is_a_row(expect_sql: ExpectSql):
    comments = from_(Comment).where(Comment.post_id == outer(Post.id))
    # An aggregate without groups always gives one row.
    expect_sql(
        IDS.where(exists(comments.select(fn.count()))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT count(*) FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "p0"."id")',
    )
    expect_sql(
        IDS.where(exists(comments.select(Comment.likes).distinct().offset(1))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT DISTINCT "c1"."likes" '
        'FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id" OFFSET $1)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT DISTINCT "c1"."likes" '
        'FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id" LIMIT -1 OFFSET ?1)',
        params=(1,),
    )
    expect_sql(
        IDS.where(exists(comments.select(Comment.likes + 1))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT "c1"."likes" + $1 '
        'FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id")',
        params=(1,),
    )
    expect_sql(
        IDS.where(exists(comments.select(Comment.likes))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "p0"."id")',
    )


def test_a_query_may_be_a_value(expect_sql: ExpectSql):
    count = from_(Comment).where(Comment.post_id == outer(Post.id)).select(fn.count())
    expect_sql(
        POSTS.select(Post.id, scalar(count)),
        'SELECT "p0"."id", (SELECT count(*) FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id") '
        'FROM "posts" AS "p0"',
    )
    expect_sql(
        IDS.where(scalar(count.where(Comment.likes > 3)) >= 2),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (SELECT count(*) FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1)) >= $2',
        params=(3, 2),
    )


def test_outer_finds_the_nearest_query_that_reads_the_table(expect_sql: ExpectSql):
    liked = from_(Comment).where(Comment.post_id == outer(Post.id))
    nested = POSTS.where(Post.author_id == outer(User.id), exists(liked))
    expect_sql(
        from_(User).where(exists(nested)).select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE EXISTS(SELECT 1 FROM "posts" AS "p1" '
        'WHERE ("p1"."author_id" = "u0"."id") AND EXISTS(SELECT 1 FROM "comments" AS "c2" '
        'WHERE "c2"."post_id" = "p1"."id"))',
    )
    deep = from_(Comment).where(Comment.post_id == outer(Post.id), Comment.body == outer(User.name))
    expect_sql(
        from_(User).where(exists(POSTS.where(exists(deep)))).select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE EXISTS(SELECT 1 FROM "posts" AS "p1" '
        'WHERE EXISTS(SELECT 1 FROM "comments" AS "c2" '
        'WHERE ("c2"."post_id" = "p1"."id") AND ("c2"."body" = "u0"."name")))',
    )


def test_outer_that_finds_nothing_is_refused(expect_sql: ExpectSql):
    lost = from_(Comment).where(Comment.post_id == outer(Post.id))
    refused = Refused(QueryError, "no enclosing query reads Post, so `outer(…)` finds no `id`")
    expect_sql(lost, refused)
    expect_sql(from_(User).where(exists(lost)), refused)
    # A subquery in FROM does not see what stands beside it.
    expect_sql(POSTS.join(subquery(lost, "lost"), on=literal(1) == 1), refused)
    with pytest.raises(QueryError, match="`outer` takes a column of the enclosing query, got"):
        outer(Post.id + 1)
    with pytest.raises(QueryError, match="`outer` takes a column of the enclosing query, got 3"):
        outer(3)


def test_an_unmarked_column_of_the_enclosing_query_is_refused_when_built():
    with pytest.raises(QueryError, match=r"mark a column of the enclosing query: `outer\(Post.…\)`"):
        from_(Comment).where(Comment.post_id == Post.id)


@pytest.mark.parametrize("query", [POSTS, POSTS.select(Post.id, Post.score), POSTS.select(Post)])
def test_a_query_in_an_expression_has_one_column(query, expect_sql: ExpectSql):
    refused = Refused(QueryError, "`in_` and `scalar` take a query of one column, and this one has")
    expect_sql(IDS.where(Post.id.in_(query)), refused)
    expect_sql(IDS.where(Post.id == scalar(query)), refused)


@pytest.mark.parametrize("given", [Post, 3, Post.id, [1]])
def test_only_a_query_exists(given):
    with pytest.raises(QueryError, match="`exists` takes a query, got"):
        exists(given)
    with pytest.raises(QueryError, match="`scalar` takes a query, got"):
        scalar(given)


def test_functions_over_windows(expect_sql: ExpectSql):
    ranked = window(partition_by=Post.author_id, order_by=Post.score.desc(nulls="last"))
    expect_sql(
        POSTS.select(fn.row_number().over(ranked), fn.rank().over(ranked), fn.dense_rank().over(ranked)),
        'SELECT row_number() OVER (PARTITION BY "p0"."author_id" '
        'ORDER BY "p0"."score" DESC NULLS LAST), rank() OVER (PARTITION BY "p0"."author_id" '
        'ORDER BY "p0"."score" DESC NULLS LAST), dense_rank() OVER (PARTITION BY "p0"."author_id" '
        'ORDER BY "p0"."score" DESC NULLS LAST) FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.select(fn.lag(Post.score).over(ranked), fn.lead(Post.title, 2).over(ranked)),
        'SELECT lag("p0"."score", $1) OVER (PARTITION BY "p0"."author_id" '
        'ORDER BY "p0"."score" DESC NULLS LAST), lead("p0"."title", '
        '$2) OVER (PARTITION BY "p0"."author_id" ORDER BY "p0"."score" DESC NULLS LAST) FROM "posts" AS "p0"',
        params=(1, 2),
    )
    expect_sql(
        POSTS.select(fn.first_value(Post.id).over(ranked), fn.last_value(Post.id).over(ranked)),
        'SELECT first_value("p0"."id") OVER (PARTITION BY "p0"."author_id" '
        'ORDER BY "p0"."score" DESC NULLS LAST), '
        'last_value("p0"."id") OVER (PARTITION BY "p0"."author_id" ORDER BY "p0"."score" DESC NULLS LAST) '
        'FROM "posts" AS "p0"',
    )
    expect_sql(POSTS.select(fn.count().over(window())), 'SELECT count(*) OVER () FROM "posts" AS "p0"')


def test_aggregates_over_windows_keep_their_filter_and_type(expect_sql: ExpectSql):
    by_author = window(partition_by=[Post.author_id, Post.score + 1], order_by=[Post.id, Post.score.desc()])
    expect_sql(
        POSTS.select(fn.sum(Post.score).filter(Post.score > 3).over(by_author)),
        'SELECT CAST(sum("p0"."score") FILTER(WHERE "p0"."score" > $1) OVER (PARTITION BY "p0"."author_id", '
        '"p0"."score" + $2 ORDER BY "p0"."id", "p0"."score" DESC) AS bigint) FROM "posts" AS "p0"',
        'SELECT sum("p0"."score") FILTER(WHERE "p0"."score" > ?1) OVER (PARTITION BY "p0"."author_id", '
        '"p0"."score" + ?2 ORDER BY "p0"."id", "p0"."score" DESC) FROM "posts" AS "p0"',
        params=(3, 1),
    )
    expect_sql(
        POSTS.select(fn.avg(Post.score).over(window()) * 2),
        'SELECT (avg("p0"."score") OVER ()) * $1 FROM "posts" AS "p0"',
        params=(2,),
    )


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (-6, 0, "6 PRECEDING AND CURRENT ROW"),
        (None, 0, "UNBOUNDED PRECEDING AND CURRENT ROW"),
        (0, None, "CURRENT ROW AND UNBOUNDED FOLLOWING"),
        (-3, -1, "3 PRECEDING AND 1 PRECEDING"),
        (1, 2, "1 FOLLOWING AND 2 FOLLOWING"),
        (None, None, "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
    ],
)
def test_frames_are_counted_in_rows(start: int | None, end: int | None, text: str, expect_sql: ExpectSql):
    rolling = window(order_by=Post.id, frame=fn.rows(start, end))
    expect_sql(
        POSTS.select(fn.max(Post.score).over(rolling)),
        f'SELECT max("p0"."score") OVER (ORDER BY "p0"."id" ROWS BETWEEN {text}) FROM "posts" AS "p0"',
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: fn.rows(1, 0), "a frame cannot start after its end: rows(1, 0)"),
        (lambda: fn.rows(1.5, 2), "a frame's bound is a number of rows or None, got 1.5"),
        (lambda: fn.rows(True, 2), "a frame's bound is a number of rows or None, got True"),
        (lambda: fn.rows(-(10**9), 0), "a frame's bound is a number of rows or None"),
        (lambda: window(frame=("ROWS; DROP", 0, 0, None)), "a frame is made by `fn.rows(start, end)`"),
        (lambda: window(frame=("ROWS", 0, 0, "TIES; DROP")), "a frame excludes one of 'current row', 'group', 'ties'"),
        (
            lambda: window(frame=("ROWS", "1; DROP", 0, None)),
            "a frame's bound is a number of rows or None, got '1; DROP'",
        ),
        (
            lambda: window(frame="ROWS"),
            "a frame is made by `fn.rows(start, end)`, `fn.range_` or `fn.groups`, got 'ROWS'",
        ),
        (lambda: window(frame=("ROWS", 0)), "a frame is made by `fn.rows(start, end)`"),
        (lambda: window(partition_by="title"), "`window(partition_by=…)` takes a column or an expression, got 'title'"),
        (lambda: window(order_by="title"), "cannot order by 'title'"),
        (lambda: fn.sum("score"), "`sum` takes a column or an expression, got 'score'"),
        (lambda: fn.count(3), "`count` takes a column or an expression, got 3"),
        (lambda: fn.lower("X"), "`lower` takes a column or an expression, got 'X'"),
        (lambda: fn.concat("a", Post.title), "`concat` takes a column or an expression, got 'a'"),
        (lambda: fn.count(Post.id).filter(True), "`filter` takes an expression, got True"),
        (
            lambda: fn.count().filter(Post.id > 1).filter(Post.id > 2),
            "`filter` comes once, directly after an aggregate",
        ),
    ],
)
def test_windows_and_functions_of_nonsense_are_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_outer_sides_are_selected_through_maybe_in_subqueries_too(expect_sql: ExpectSql):
    lines = from_(Post).left_join(Post.comments).project(Line(title=Post.title, count=maybe(Comment.likes)))
    best = subquery(lines, "best")
    expect_sql(
        from_(best),
        'SELECT "b0"."title", "b0"."count" FROM (SELECT "p0"."title" AS "title", "c1"."likes" AS "count" '
        'FROM "posts" AS "p0" LEFT JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id") AS "b0"',
    )
