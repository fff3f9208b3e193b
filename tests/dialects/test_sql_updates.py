"""UPDATE and DELETE of all rows of a query: joins, CTEs, what comes back, and CTEs that write themselves."""

from dataclasses import dataclass

import pytest

from ectype import (
    POSTGRES,
    SQLITE,
    Field,
    QueryError,
    UnsupportedError,
    alias,
    cte,
    exists,
    fn,
    from_,
    literal,
    outer,
    subquery,
    window,
)
from ectype.query.writing import assigned
from ectype.sql.updates import compile_update_all
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Blog, Comment, Line, Page, Post, Reading, User
from tests.dialects.writing import delete_all, update_all

POSTS = from_(Post)
NO_JOINED = Refused(UnsupportedError, "SQLite returns columns of the written table only, and")
NO_WRITING_CTE = Refused(UnsupportedError, "SQLite has no CTE that writes, so")


class Key(Blog):
    """A shape: what a queue hands out."""

    id: Field[int]


class Note(Blog, table="notes"):
    """A table without a key."""

    text: Field[str]
    post_id: Field[int]


@dataclass
class Card:
    title: str
    by: str


def test_an_update_reads_what_it_joins(expect_sql: ExpectSql):
    expect_sql(
        update_all(POSTS.join(Post.author).where(User.name == "Ann"), Post.title.set(User.name), Post.score.inc(2)),
        'UPDATE "posts" AS "p0" SET "title" = "u1"."name", "score" = "p0"."score" + $2 FROM "users" AS "u1" '
        'WHERE ("u1"."id" = "p0"."author_id") AND ("u1"."name" = $1)',
        params=("Ann", 2),
    )


def test_only_conditions_over_the_written_table_move_to_where(expect_sql: ExpectSql):
    boss = alias(User, "boss")
    query = POSTS.join(Post.author).join(boss, on=boss.id == User.manager_id).where(boss.name == "Ann")
    expect_sql(
        update_all(query, Post.score.set(0)),
        'UPDATE "posts" AS "p0" SET "score" = $2 FROM "users" AS "u1" JOIN "users" AS "b2" '
        'ON "b2"."id" = "u1"."manager_id" WHERE ("u1"."id" = "p0"."author_id") AND ("b2"."name" = $1)',
        params=("Ann", 0),
    )
    both = POSTS.join(Post.author).join(Post.comments).left_join(boss, on=boss.id == User.manager_id)
    expect_sql(
        update_all(both.where(boss.id.is_null(), Comment.likes > 1), Post.score.set(User.id + Comment.likes)),
        'UPDATE "posts" AS "p0" SET "score" = "u1"."id" + "c2"."likes" FROM "users" AS "u1" '
        'CROSS JOIN "comments" AS "c2" LEFT JOIN "users" AS "b3" ON "b3"."id" = "u1"."manager_id" '
        'WHERE ("u1"."id" = "p0"."author_id") AND ("c2"."post_id" = "p0"."id") AND ("b3"."id" IS NULL) '
        'AND ("c2"."likes" > $1)',
        params=(1,),
    )


def test_alternatives_stay_apart_from_the_conditions_of_joins(expect_sql: ExpectSql):
    expect_sql(
        delete_all(from_(Comment).join(Comment.post).where(Comment.likes == 0).or_where(Post.score == 8)),
        'DELETE FROM "comments" AS "c0" USING "posts" AS "p1" WHERE ("p1"."id" = "c0"."post_id") AND '
        '(("c0"."likes" = $1) OR ("p1"."score" = $2))',
        'DELETE FROM "comments" AS "c0" WHERE "c0"."id" IN (SELECT "c1"."id" FROM "comments" AS "c1" '
        'JOIN "posts" AS "p2" ON "p2"."id" = "c1"."post_id" WHERE ("c1"."likes" = ?1) OR ("p2"."score" = ?2))',
        params=(0, 8),
    )
    expect_sql(
        update_all(POSTS.or_where(Post.id == 1).or_where(Post.id == 2), Post.score.set(1)),
        'UPDATE "posts" AS "p0" SET "score" = $3 WHERE ("p0"."id" = $1) OR ("p0"."id" = $2)',
        params=(1, 2, 1),
    )
    expect_sql(
        update_all(POSTS.join(Post.author).or_where(User.id == 1), Post.score.set(1)),
        'UPDATE "posts" AS "p0" SET "score" = $2 FROM "users" AS "u1" WHERE ("u1"."id" = "p0"."author_id") '
        'AND ("u1"."id" = $1)',
        params=(1, 1),
    )


def test_a_delete_reads_what_it_joins(expect_sql: ExpectSql):
    boss = alias(User, "boss")
    query = POSTS.join(Post.author).left_join(boss, on=boss.id == User.manager_id).where(boss.name == "Ann")
    expect_sql(
        delete_all(query),
        'DELETE FROM "posts" AS "p0" USING "users" AS "u1" LEFT JOIN "users" AS "b2" '
        'ON "b2"."id" = "u1"."manager_id" WHERE ("u1"."id" = "p0"."author_id") AND ("b2"."name" = $1)',
        'DELETE FROM "posts" AS "p0" WHERE "p0"."id" IN (SELECT "p1"."id" FROM "posts" AS "p1" '
        'JOIN "users" AS "u2" ON "u2"."id" = "p1"."author_id" LEFT JOIN "users" AS "b3" '
        'ON "b3"."id" = "u2"."manager_id" WHERE "b3"."name" = ?1)',
        params=("Ann",),
    )


def test_a_delete_over_joins_chooses_by_the_key_there_is(expect_sql: ExpectSql):
    readings = from_(Reading).join(User, on=User.id == Reading.sensor).where(User.name == "Ann")
    expect_sql(
        delete_all(readings),
        'DELETE FROM "readings" AS "r0" USING "users" AS "u1" WHERE ("u1"."id" = "r0"."sensor") AND ("u1"."name" = $1)',
        'DELETE FROM "readings" AS "r0" WHERE ("r0"."sensor", "r0"."hour") IN (SELECT "r1"."sensor", "r1"."hour" '
        'FROM "readings" AS "r1" JOIN "users" AS "u2" ON "u2"."id" = "r1"."sensor" WHERE "u2"."name" = ?1)',
        params=("Ann",),
    )
    keyless = delete_all(from_(Note).join(Post, on=Post.id == Note.post_id))
    assert keyless(SQLITE)[0] == (
        'DELETE FROM "notes" AS "n0" WHERE "n0"."rowid" IN (SELECT "n1"."rowid" FROM "notes" AS "n1" '
        'JOIN "posts" AS "p2" ON "p2"."id" = "n1"."post_id")'
    )


def test_an_outer_join_is_not_to_the_written_table_itself(expect_sql: ExpectSql):
    refused = Refused(QueryError, "`update_all` cannot left-join User to Post itself")
    expect_sql(update_all(POSTS.left_join(Post.author), Post.score.set(1)), refused)
    mentions = POSTS.join(Post.comments).left_join(Post.author)
    expect_sql(update_all(mentions, Post.score.set(1)), refused)
    expect_sql(delete_all(mentions), Refused(QueryError, "`delete_all` cannot left-join User to Post itself"))
    # The way round it, as the refusal shows it.
    me = alias(Post, "me")
    expect_sql(
        update_all(
            POSTS.join(me, on=me.id == Post.id).left_join(me.comments).where(Comment.id.is_null()), Post.score.set(1)
        ),
        'UPDATE "posts" AS "p0" SET "score" = $1 FROM "posts" AS "m1" LEFT JOIN "comments" AS "c2" '
        'ON "c2"."post_id" = "m1"."id" WHERE ("m1"."id" = "p0"."id") AND ("c2"."id" IS NULL)',
        params=(1,),
    )  # fmt: skip


def test_what_a_query_selects_comes_back(expect_sql: ExpectSql):
    expect_sql(
        update_all(POSTS.where(Post.id == 1).select(Post.id, fn.lower(Post.title), Post.score + 1), Post.score.inc(1)),
        'UPDATE "posts" AS "p0" SET "score" = "p0"."score" + $3 WHERE "p0"."id" = $1 '
        'RETURNING "id", lower("title"), "score" + $2',
        params=(1, 1, 1),
    )
    expect_sql(
        delete_all(POSTS.where(Post.id == 9).select(Post.posted_at, Post.rating)),
        'DELETE FROM "posts" AS "p0" WHERE "p0"."id" = $1 '
        'RETURNING CAST(CAST("posted_at" AS timestamptz) AS text), "rating"',
        'DELETE FROM "posts" AS "p0" WHERE "p0"."id" = ?1 RETURNING "posted_at", CAST("rating" AS REAL)',
        params=(9,),
    )
    joined = POSTS.join(Post.author).where(User.id == 1)
    expect_sql(
        update_all(joined.select(Post.id), Post.score.set(1)),
        'UPDATE "posts" AS "p0" SET "score" = $2 FROM "users" AS "u1" WHERE ("u1"."id" = "p0"."author_id") AND '
        '("u1"."id" = $1) RETURNING "p0"."id"',
        'UPDATE "posts" AS "p0" SET "score" = ?2 FROM "users" AS "u1" WHERE ("u1"."id" = "p0"."author_id") AND '
        '("u1"."id" = ?1) RETURNING "id"',
        params=(1, 1),
    )
    expect_sql(
        update_all(joined.select_into(Card, Post.title, User.name), Post.score.set(1)),
        'UPDATE "posts" AS "p0" SET "score" = $2 FROM "users" AS "u1" WHERE ("u1"."id" = "p0"."author_id") AND '
        '("u1"."id" = $1) RETURNING "p0"."title", "u1"."name"',
        NO_JOINED,
        params=(1, 1),
    )
    expect_sql(
        delete_all(joined.select(User)),
        'DELETE FROM "posts" AS "p0" USING "users" AS "u1" WHERE ("u1"."id" = "p0"."author_id") AND '
        '("u1"."id" = $1) RETURNING "u1"."id", "u1"."name", "u1"."role", "u1"."password", "u1"."manager_id"',
        NO_JOINED,
        params=(1,),
    )


def test_a_subquery_in_what_comes_back_sees_the_written_row(expect_sql: ExpectSql):
    commented = exists(from_(Comment).where(Comment.post_id == outer(Post.id)))
    expect_sql(
        update_all(POSTS.select(Post.id, commented), Post.score.set(1)),
        'UPDATE "posts" AS "p0" SET "score" = $1 RETURNING "id", EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "p0"."id")',
        'UPDATE "posts" AS "p0" SET "score" = ?1 RETURNING "id", EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "posts"."id")',
        params=(1,),
    )


@pytest.mark.parametrize(
    "query", [POSTS.select(fn.count()), POSTS.select(fn.rank().over(window())), POSTS.select(fn.max(Post.id) + 1)]
)
def test_each_row_comes_back_for_itself(query, expect_sql: ExpectSql):
    expect_sql(update_all(query, Post.score.set(1)), Refused(QueryError, "`update_all` gives back each row for itself"))
    expect_sql(delete_all(query), Refused(QueryError, "`delete_all` gives back each row for itself"))


def test_rows_in_an_order_or_up_to_a_limit_are_joined_as_a_subquery(expect_sql: ExpectSql):
    lowest = subquery(POSTS.where(Post.score < 9).order_by(Post.score).limit(2).project(Key(id=Post.id)), "lowest")
    inner = 'SELECT "p0"."id" AS "id" FROM "posts" AS "p0" WHERE "p0"."score" < $1 ORDER BY "p0"."score" LIMIT $2'
    expect_sql(
        update_all(POSTS.join(lowest, on=lowest.id == Post.id).where(Post.id > 0), Post.score.set(7)),
        f'UPDATE "posts" AS "p0" SET "score" = $4 FROM ({inner}) AS "l1" '
        'WHERE ("l1"."id" = "p0"."id") AND ("p0"."id" > $3)',
        params=(9, 2, 0, 7),
    )
    expect_sql(
        delete_all(POSTS.join(lowest, on=lowest.id == Post.id)),
        f'DELETE FROM "posts" AS "p0" USING ({inner}) AS "l1" WHERE "l1"."id" = "p0"."id"',
        f'DELETE FROM "posts" AS "p0" WHERE "p0"."id" IN (SELECT "p1"."id" FROM "posts" AS "p1" '
        f'JOIN ({inner.replace("$", "?").replace("p0", "p1")}) AS "l2" ON "l2"."id" = "p1"."id")',
        params=(9, 2),
    )


def test_a_queue_hands_out_rows_that_nobody_has_locked(expect_sql: ExpectSql):
    keys = cte(Key, "target_rows")
    chosen = POSTS.where(Post.draft == literal(False)).order_by(Post.id).limit(10)
    query = POSTS.with_cte(keys, chosen.for_update(skip_locked=True).project(Key(id=Post.id)))
    update = update_all(query.join(keys, on=keys.id == Post.id).select(Post.id), Post.score.set(123))
    head = (
        'WITH "target_rows"("id") AS (SELECT "p0"."id" AS "id" FROM "posts" AS "p0" '
        'WHERE "p0"."draft" = CAST($1 AS boolean) ORDER BY "p0"."id" LIMIT $2'
    )
    middle = 'UPDATE "posts" AS "p0" SET "score" = $3 FROM "target_rows" AS "t1" WHERE "t1"."id" = "p0"."id"'
    expect_sql(
        update,
        f'{head} FOR UPDATE SKIP LOCKED) {middle} RETURNING "p0"."id"',
        Refused(UnsupportedError, "SQLite locks no rows, so there is no `for_update`"),
        params=(False, 10, 123),
    )
    unlocked = POSTS.with_cte(keys, chosen.project(Key(id=Post.id))).join(keys, on=keys.id == Post.id)
    expect_sql(
        update_all(unlocked.select(Post.id), Post.score.set(123)),
        f'{head}) {middle} RETURNING "p0"."id"',
        f'{head}) {middle} RETURNING "id"'.replace("$", "?").replace("boolean", "INTEGER"),
        params=(False, 10, 123),
        sqlite_params=(0, 10, 123),
    )


def test_a_recursive_cte_stands_before_a_write(expect_sql: ExpectSql):
    tree = cte(Key, "tree")
    roots = from_(User).where(User.id == 2).project(Key(id=User.id))
    below = from_(User).join(tree, on=User.manager_id == tree.id).project(Key(id=User.id))
    query = POSTS.with_cte(tree, roots.union_all(below), recursive=True).where(
        Post.author_id.in_(from_(tree).select(tree.id))
    )
    head = (
        'WITH RECURSIVE "tree"("id") AS (SELECT "u0"."id" AS "id" FROM "users" AS "u0" WHERE "u0"."id" = $1 '
        'UNION ALL SELECT "u0"."id" AS "id" FROM "users" AS "u0" JOIN "tree" AS "t1" ON "u0"."manager_id" = "t1"."id")'
    )
    expect_sql(
        delete_all(query),
        f'{head} DELETE FROM "posts" AS "p0" WHERE "p0"."author_id" IN (SELECT "t1"."id" FROM "tree" AS "t1")',
        params=(2,),
    )  # fmt: skip


def test_parameters_follow_the_order_in_which_a_query_was_built(expect_sql: ExpectSql):
    keys = cte(Key, "keys")
    chosen = POSTS.where(Post.score < 4).project(Key(id=Post.id))
    query = (
        POSTS.where(Post.id != 1)
        .join(keys, on=(keys.id == Post.id) & (keys.id != 2))
        .with_cte(keys, chosen)
        .select(Post.id + 5)
        .where(Post.title != "x")
    )
    expect_sql(
        update_all(query, Post.score.set(6), Post.title.set(fn.concat(Post.title, "7"))),
        'WITH "keys"("id") AS (SELECT "p0"."id" AS "id" FROM "posts" AS "p0" WHERE "p0"."score" < $3) '
        'UPDATE "posts" AS "p0" SET "score" = $6, "title" = "p0"."title" || $7 FROM "keys" AS "k1" '
        'WHERE (("k1"."id" = "p0"."id") AND ("k1"."id" <> $2)) AND ("p0"."id" <> $1) AND ("p0"."title" <> $5) '
        'RETURNING "p0"."id" + $4',
        'WITH "keys"("id") AS (SELECT "p0"."id" AS "id" FROM "posts" AS "p0" WHERE "p0"."score" < ?3) '
        'UPDATE "posts" AS "p0" SET "score" = ?6, "title" = "p0"."title" || ?7 FROM "keys" AS "k1" '
        'WHERE (("k1"."id" = "p0"."id") AND ("k1"."id" <> ?2)) AND ("p0"."id" <> ?1) AND ("p0"."title" <> ?5) '
        'RETURNING "id" + ?4',
        params=(1, 2, 4, 5, "x", 6, "7"),
    )


def test_a_cte_may_write(expect_sql: ExpectSql):
    changed = cte(Line, "changed")
    update = POSTS.where(Post.id < 3).project(Line(title=Post.title, count=Post.score))
    expect_sql(
        from_(changed).with_cte(changed, update, update=[Post.score.inc(10)]).where(changed.count > 1),
        'WITH "changed"("title", "count") AS (UPDATE "posts" AS "p0" SET "score" = "p0"."score" + $2 '
        'WHERE "p0"."id" < $1 RETURNING "title", "score") SELECT "c0"."title", "c0"."count" '
        'FROM "changed" AS "c0" WHERE "c0"."count" > $3',
        NO_WRITING_CTE,
        params=(3, 10, 1),
        rows=[Line(title="Engines", count=15), Line(title="Notes", count=13)],
    )
    gone = cte(Comment, "gone")
    deleted = from_(Comment).join(Comment.post).where(Post.score > 4)
    expect_sql(
        from_(gone).with_cte(gone, deleted, delete=True).select(gone.id, gone.body).order_by(gone.id),
        'WITH "gone"("id", "body", "likes", "post_id") AS (DELETE FROM "comments" AS "c0" USING "posts" AS "p1" '
        'WHERE ("p1"."id" = "c0"."post_id") AND ("p1"."score" > $1) RETURNING "c0"."id", "c0"."body", "c0"."likes", '
        '"c0"."post_id") SELECT "g0"."id", "g0"."body" FROM "gone" AS "g0" ORDER BY "g0"."id"',
        NO_WRITING_CTE,
        params=(4,),
        rows=[(1, "first"), (2, "second"), (3, "buzz")],
    )


def test_a_cte_may_write_before_a_write(expect_sql: ExpectSql):
    gone = cte(Comment, "gone")
    query = POSTS.with_cte(gone, from_(Comment).where(Comment.likes < 9), delete=True).join(
        gone, on=gone.post_id == Post.id
    )
    expect_sql(
        update_all(query, Post.score.set(gone.likes)),
        'WITH "gone"("id", "body", "likes", "post_id") AS (DELETE FROM "comments" AS "c0" WHERE "c0"."likes" < $1 '
        'RETURNING "id", "body", "likes", "post_id") UPDATE "posts" AS "p0" SET "score" = "g1"."likes" '
        'FROM "gone" AS "g1" WHERE "g1"."post_id" = "p0"."id"',
        NO_WRITING_CTE,
        params=(9,),
    )  # fmt: skip


def test_a_cte_that_writes_stands_before_the_outermost_statement_only(expect_sql: ExpectSql):
    gone = cte(Comment, "gone")
    rows = from_(gone).with_cte(gone, from_(Comment), delete=True)
    refused = Refused(QueryError, "the CTE `gone` changes rows, so it stands before the outermost statement only")
    ids = rows.select(gone.post_id)
    expect_sql(POSTS.where(Post.id.in_(ids)), refused, NO_WRITING_CTE)
    expect_sql(from_(Comment).union(rows), refused, NO_WRITING_CTE)
    expect_sql(from_(subquery(rows, "rows")), refused, NO_WRITING_CTE)


def test_a_cte_that_writes_nonsense_is_refused(expect_sql: ExpectSql):
    gone = cte(Comment, "gone")
    comments = from_(Comment)
    with pytest.raises(QueryError, match="the CTE `gone` does one thing"):
        from_(gone).with_cte(gone, comments, update=[Comment.likes.set(1)], delete=True)
    with pytest.raises(QueryError, match="the CTE `gone` does one thing"):
        from_(gone).with_cte(gone, comments, delete=True, recursive=True)
    with pytest.raises(QueryError, match="nothing is assigned"):
        from_(gone).with_cte(gone, comments, update=[])
    with pytest.raises(QueryError, match="assigns to another schema than Comment"):
        from_(gone).with_cte(gone, comments, update=[Post.score.set(1)])
    with pytest.raises(QueryError, match="`update` mentions Post, which is not in this query"):
        from_(gone).with_cte(gone, comments, update=[Comment.likes.set(Post.score)])
    expect_sql(
        from_(gone).with_cte(gone, comments.limit(1), delete=True),
        Refused(QueryError, "`with_cte(…, delete=…)` takes a query with `where`, `join`, `with_cte` and `select` only"),
        NO_WRITING_CTE,
    )  # fmt: skip


def test_only_tables_are_written(expect_sql: ExpectSql):
    best = subquery(POSTS, "best")
    refused = Refused(QueryError, "`delete_all` writes to a table, and this query begins at best, which is none")
    expect_sql(delete_all(from_(best)), refused)
    lines = cte(Line, "lines")
    expect_sql(delete_all(from_(lines)), Refused(QueryError, "this query begins at lines, which is none"))


def test_a_joined_source_is_not_assigned_to(expect_sql: ExpectSql):
    other = alias(Post, "other")
    query = POSTS.join(other, on=other.score == Post.score)
    expect_sql(update_all(query, other.title.set("x")), Refused(QueryError, "assigns to a joined source"))
    expect_sql(update_all(POSTS, Post.title.set(User.name)), Refused(QueryError, "User is not in this query"))
    expect_sql(
        update_all(query, Post.title.set(other.title)),
        'UPDATE "posts" AS "p0" SET "title" = "o1"."title" FROM "posts" AS "o1" WHERE "o1"."score" = "p0"."score"',
    )


def test_a_prefix_stands_before_every_table_of_a_write(expect_sql: ExpectSql):
    pages = from_(Page).join(User, on=User.name == Page.path)
    expect_sql(
        update_all(pages, Page.hits.inc(1), prefix="wiki"),
        'UPDATE "wiki"."pages" AS "p0" SET "hits" = "p0"."hits" + $1 FROM "wiki"."users" AS "u1" '
        'WHERE "u1"."name" = "p0"."path"',
        params=(1,),
    )
    expect_sql(
        delete_all(pages),
        'DELETE FROM "wiki"."pages" AS "p0" USING "users" AS "u1" WHERE "u1"."name" = "p0"."path"',
        'DELETE FROM "wiki"."pages" AS "p0" WHERE "p0"."path" IN (SELECT "p1"."path" FROM "wiki"."pages" AS "p1" '
        'JOIN "users" AS "u2" ON "u2"."name" = "p1"."path")',
    )


def test_every_table_may_be_joined_to_each_row(expect_sql: ExpectSql):
    boss = alias(User, "boss")
    expect_sql(
        update_all(POSTS.cross_join(boss).where(boss.id == 4), Post.author_id.set(boss.id)),
        'UPDATE "posts" AS "p0" SET "author_id" = "b1"."id" FROM "users" AS "b1" WHERE "b1"."id" = $1',
        params=(4,),
    )
    expect_sql(
        delete_all(from_(Comment).join(Comment.post).cross_join(boss).where(boss.id == Post.author_id)),
        'DELETE FROM "comments" AS "c0" USING "posts" AS "p1" CROSS JOIN "users" AS "b2" '
        'WHERE ("p1"."id" = "c0"."post_id") AND ("b2"."id" = "p1"."author_id")',
        'DELETE FROM "comments" AS "c0" WHERE "c0"."id" IN (SELECT "c1"."id" FROM "comments" AS "c1" '
        'JOIN "posts" AS "p2" ON "p2"."id" = "c1"."post_id" CROSS JOIN "users" AS "b3" '
        'WHERE "b3"."id" = "p2"."author_id")',
    )
    right = POSTS.join(Post.comments).right_join(boss, on=boss.id == Comment.likes)
    expect_sql(update_all(right, Post.score.set(1)), Refused(QueryError, "`update_all` cannot right-join boss to Post"))


def test_a_query_that_stands_in_for_a_table_is_joined_in_a_write(expect_sql: ExpectSql):
    recent = from_(Comment).order_by(Comment.id.desc()).limit(1)
    expect_sql(
        update_all(POSTS.join(recent, on=Comment.post_id == Post.id), Post.score.set(Comment.likes)),
        'UPDATE "posts" AS "p0" SET "score" = "c1"."likes" FROM (SELECT "c0"."id" AS "id", "c0"."body" AS "body", '
        '"c0"."likes" AS "likes", "c0"."post_id" AS "post_id" FROM "comments" AS "c0" ORDER BY "c0"."id" DESC '
        'LIMIT $1) AS "c1" WHERE "c1"."post_id" = "p0"."id"',
        params=(1,),
    )


def test_values_beside_redacted_columns_stay_hidden_in_writes():
    query = POSTS.join(Post.author).where(User.password == "x", User.name == "y").select(Post.id)
    statement = compile_update_all(query.node, assigned(query.node.sources[0].info, [Post.score.set(1)]), POSTGRES)
    assert statement.redacted == {0}
