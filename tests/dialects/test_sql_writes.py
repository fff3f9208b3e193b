"""INSERT, UPDATE and DELETE, of one row, of many, and on conflict."""

from datetime import UTC, datetime

import pytest

from ectype import (
    QueryError,
    UnsupportedError,
    alias,
    do_nothing,
    do_update,
    excluded,
    exists,
    fn,
    from_,
    literal,
    outer,
    replace,
    replace_all,
    replace_all_except,
    scalar,
)
from ectype.query.writing import assigned
from ectype.schema.meta import schema_info
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Comment, Line, Page, Post, Reading, User
from tests.dialects.writing import delete_all, insert, insert_all, keyed, update_all

POSTS = from_(Post)
USERS = from_(User)
NO_ARRAYS = Refused(UnsupportedError, "SQLite has no arrays, so the rows for")
AT = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


def test_an_insert_sends_what_it_is_given(expect_sql: ExpectSql):
    expect_sql(
        insert(User, {"name": "Ada", "password": None}),
        'INSERT INTO "users" ("name", "password") VALUES ($1, $2)',
        params=("Ada", None),
    )
    expect_sql(
        insert(Post, {"title": "x", "slug": "y", "score": 3, "author_id": 1, "meta": {}, "tags": ["a"]}),
        'INSERT INTO "posts" ("title", "url_slug", "score", "author_id", "meta", "tags") '
        "VALUES ($1, $2, $3, $4, $5, $6)",
        params=("x", "y", 3, 1, "{}", ["a"]),
        sqlite_params=("x", "y", 3, 1, "{}", '["a"]'),
    )


def test_an_insert_of_nothing_takes_every_default(expect_sql: ExpectSql):
    expect_sql(insert(User, {}, returning=("id",)), 'INSERT INTO "users" DEFAULT VALUES RETURNING "id"')


def test_an_insert_reads_back_what_the_database_fills(expect_sql: ExpectSql):
    expect_sql(
        insert(Post, {"title": "x", "posted_at": AT}, returning=("id", "posted_at", "slug")),
        'INSERT INTO "posts" ("title", "posted_at") VALUES ($1, $2) '
        'RETURNING "id", CAST(CAST("posted_at" AS timestamptz) AS text), "url_slug"',
        'INSERT INTO "posts" ("title", "posted_at") VALUES (?1, ?2) RETURNING "id", "posted_at", "url_slug"',
        params=("x", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        sqlite_params=("x", "2024-02-29 12:30:00.000000"),
    )


def test_a_float_is_read_back_as_one(expect_sql: ExpectSql):
    # SQLite keeps a whole float as an integer, and RETURNING gives it as it is kept.
    expect_sql(
        keyed("update", Post, {"rating": 2.0}, {"id": 1}, returning=("rating",)),
        'UPDATE "posts" SET "rating" = $1 WHERE "id" = $2 RETURNING "rating"',
        'UPDATE "posts" SET "rating" = ?1 WHERE "id" = ?2 RETURNING CAST("rating" AS REAL)',
        params=(2.0, 1),
    )


def test_a_conflict_is_ignored(expect_sql: ExpectSql):
    expect_sql(
        insert(User, {"name": "Ada"}, do_nothing()),
        'INSERT INTO "users" AS t0 ("name") VALUES ($1) ON CONFLICT DO NOTHING',
        params=("Ada",),
    )
    expect_sql(
        insert(User, {"name": "Ada"}, do_nothing(), (User.name,), returning=("id",)),
        'INSERT INTO "users" AS t0 ("name") VALUES ($1) ON CONFLICT ("name") DO NOTHING RETURNING "id"',
        params=("Ada",),
    )


def test_a_conflict_replaces_columns(expect_sql: ExpectSql):
    given = {"title": "x", "slug": "y", "score": 1}
    expect_sql(
        insert(Post, given, replace(Post.title, Post.score), (Post.slug,)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "title" = excluded."title", "score" = excluded."score"',
        params=("x", "y", 1),
    )
    expect_sql(
        insert(Post, given, replace_all(), (Post.slug,)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "title" = excluded."title", "score" = excluded."score"',
        params=("x", "y", 1),
    )
    expect_sql(
        insert(Post, given, replace_all_except(Post.score), (Post.slug,)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "title" = excluded."title"',
        params=("x", "y", 1),
    )


def test_a_conflict_updates_by_expressions(expect_sql: ExpectSql):
    given = {"title": "x", "slug": "y", "score": 1}
    action = do_update(Post.score.inc(2), Post.title.set(excluded(Post.title)), Post.rating.set(None))
    expect_sql(
        insert(Post, given, action, (Post.slug,)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE '
        'SET "score" = "t0"."score" + $4, "title" = "excluded"."title", "rating" = NULL',
        params=("x", "y", 1, 2),
    )
    higher = do_update(Post.score.set(excluded(Post.score) + Post.score), where=Post.score < 10)
    expect_sql(
        insert(Post, given, higher, (Post.slug,), returning=("id",)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "score" = "excluded"."score" + "t0"."score" '
        'WHERE "t0"."score" < $4 RETURNING "id"',
        params=("x", "y", 1, 10),
    )
    counted = do_update(Post.score.set(scalar(from_(Comment).select(fn.sum(Comment.likes)))))
    expect_sql(
        insert(Post, given, counted, (Post.slug,)),
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES ($1, $2, $3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "score" = (SELECT CAST(sum("c2"."likes") AS bigint) '
        'FROM "comments" AS "c2")',
        'INSERT INTO "posts" AS t0 ("title", "url_slug", "score") VALUES (?1, ?2, ?3) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "score" = (SELECT sum("c2"."likes") FROM "comments" AS "c2")',
        params=("x", "y", 1),
    )


def test_an_upsert_tells_what_it_did_where_the_database_can(expect_sql: ExpectSql):
    written = insert(User, {"name": "Ada"}, replace(User.name), (User.name,), returning=("id",), told=True)
    expect_sql(
        written,
        'INSERT INTO "users" AS t0 ("name") VALUES ($1) '
        'ON CONFLICT ("name") DO UPDATE SET "name" = excluded."name" RETURNING "id", (t0.xmax = 0)',
        'INSERT INTO "users" AS t0 ("name") VALUES (?1) '
        'ON CONFLICT ("name") DO UPDATE SET "name" = excluded."name" RETURNING "id"',
        params=("Ada",),
    )


def test_an_upsert_of_no_values_is_refused(expect_sql: ExpectSql):
    expect_sql(insert(User, {}, do_nothing()), Refused(QueryError, "an upsert of User sends no values"))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: insert(User, {"name": "x"}, None, (User.name,)),
            "a conflict target without `on_conflict` does nothing",
        ),
        (lambda: insert(User, {"name": "x"}, replace(User.name)), "an upsert that updates needs its conflict target"),
        (lambda: insert(User, {"name": "x"}, replace_all(), (User.name,)), "leaves no column of User to write"),
        (lambda: insert(User, {"name": "x"}, replace(Post.title), (User.name,)), "Post.title is no column of User"),
        (lambda: insert(User, {"name": "x"}, do_nothing(), (Post.slug,)), "Post.slug is no column of User"),
        (lambda: insert(User, {"name": "x"}, do_nothing(), ("name",)), "'name' is no column of User"),
        (lambda: insert(Post, {"title": "x"}, replace(Post.excerpt), (Post.slug,)), "`Post.excerpt` is virtual"),
        (
            lambda: insert(Post, {"title": "x"}, do_update(Post.excerpt.set("x")), (Post.slug,)),
            "`Post.excerpt` is virtual",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(Post.score.inc(1)), (User.name,)),
            "assigns to another schema than User",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(User.name.set(Post.title)), (User.name,)),
            "`do_update` on User mentions Post, which an insert cannot read",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(User.name.set("y"), where=Post.id > 1), (User.name,)),
            "`do_update` on User mentions Post, which an insert cannot read",
        ),
        (replace, "`replace` needs at least one column"),
        (do_update, "`do_update` needs at least one assignment"),
    ],
)
def test_a_conflict_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_excluded_exists_in_an_upsert_only():
    with pytest.raises(QueryError, match="`where` mentions excluded, which is not in this query"):
        POSTS.where(excluded(Post.title) == "x")


def test_actions_print_as_they_were_written():
    assert repr(do_nothing()) == "do_nothing()"
    assert repr(replace(Post.title)) == "replace(Post.title)"
    assert repr(replace_all_except(Post.title)) == "replace_all_except(Post.title)"
    assert repr(do_update(Post.title.set("x"))) == "do_update(<Post.title.set(…)>)"


def test_one_row_is_written_by_its_key(expect_sql: ExpectSql):
    expect_sql(
        keyed("update", User, {"name": "Ada"}, {"id": 1}),
        'UPDATE "users" SET "name" = $1 WHERE "id" = $2',
        params=("Ada", 1),
    )
    expect_sql(
        keyed("update", Post, {"slug": "x", "posted_at": AT}, {"id": 1}, returning=("posted_at",)),
        'UPDATE "posts" SET "url_slug" = $1, "posted_at" = $2 WHERE "id" = $3 '
        'RETURNING CAST(CAST("posted_at" AS timestamptz) AS text)',
        'UPDATE "posts" SET "url_slug" = ?1, "posted_at" = ?2 WHERE "id" = ?3 RETURNING "posted_at"',
        params=("x", datetime(2024, 2, 29, 12, 30, tzinfo=UTC), 1),
        sqlite_params=("x", "2024-02-29 12:30:00.000000", 1),
    )
    expect_sql(keyed("delete", User, {}, {"id": 1}), 'DELETE FROM "users" WHERE "id" = $1', params=(1,))
    expect_sql(
        keyed("delete", Reading, {}, {"sensor": 1, "hour": 2}),
        'DELETE FROM "readings" WHERE "sensor" = $1 AND "hour" = $2',
        params=(1, 2),
    )


def test_all_rows_of_a_query_are_updated(expect_sql: ExpectSql):
    expect_sql(update_all(POSTS, Post.title.set("x")), 'UPDATE "posts" AS "p0" SET "title" = $1', params=("x",))
    expect_sql(
        update_all(POSTS.where(Post.id > 3, Post.score < 9), Post.score.inc(1), Post.rating.set(None)),
        'UPDATE "posts" AS "p0" SET "score" = "p0"."score" + $3, "rating" = NULL '
        'WHERE ("p0"."id" > $1) AND ("p0"."score" < $2)',
        params=(3, 9, 1),
    )
    expect_sql(
        update_all(POSTS.where(Post.id == 1), Post.slug.set(fn.lower(Post.title)), returning=("id",)),
        'UPDATE "posts" AS "p0" SET "url_slug" = lower("p0"."title") WHERE "p0"."id" = $1 RETURNING "id"',
        params=(1,),
    )
    expect_sql(
        update_all(POSTS, Post.score.set(Post.score * 2 + 1), Post.posted_at.set(AT)),
        'UPDATE "posts" AS "p0" SET "score" = ("p0"."score" * $1) + $2, "posted_at" = $3',
        params=(2, 1, datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        sqlite_params=(2, 1, "2024-02-29 12:30:00.000000"),
    )


def test_rows_are_chosen_by_subqueries(expect_sql: ExpectSql):
    authors = USERS.where(User.name == "Ada").select(User.id)
    expect_sql(
        update_all(POSTS.where(Post.author_id.in_(authors)), Post.score.set(0)),
        'UPDATE "posts" AS "p0" SET "score" = $2 WHERE "p0"."author_id" IN (SELECT "u1"."id" '
        'FROM "users" AS "u1" WHERE "u1"."name" = $1)',
        params=("Ada", 0),
    )
    comments = from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > 3)
    expect_sql(
        delete_all(POSTS.where(~exists(comments), Post.score < 3)),
        'DELETE FROM "posts" AS "p0" WHERE (NOT EXISTS(SELECT 1 FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1))) AND ("p0"."score" < $2)',
        params=(3, 3),
    )
    likes = from_(Comment).where(Comment.post_id == outer(Post.id)).select(fn.sum(Comment.likes))
    expect_sql(
        update_all(POSTS.where(Post.id > 1), Post.score.set(fn.coalesce(scalar(likes), 0))),
        'UPDATE "posts" AS "p0" SET "score" = coalesce((SELECT CAST(sum("c1"."likes") AS bigint) '
        'FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id"), $2) WHERE "p0"."id" > $1',
        'UPDATE "posts" AS "p0" SET "score" = coalesce((SELECT sum("c1"."likes") FROM "comments" AS "c1" '
        'WHERE "c1"."post_id" = "p0"."id"), ?2) WHERE "p0"."id" > ?1',
        params=(1, 0),
    )


def test_an_alias_may_be_written_through(expect_sql: ExpectSql):
    other = alias(Post, "other")
    expect_sql(
        update_all(from_(other).where(other.id == 1), Post.title.set("x"), other.score.inc(1)),
        'UPDATE "posts" AS "o0" SET "title" = $2, "score" = "o0"."score" + $3 WHERE "o0"."id" = $1',
        params=(1, "x", 1),
    )
    expect_sql(
        delete_all(from_(other).where(other.id == 1)), 'DELETE FROM "posts" AS "o0" WHERE "o0"."id" = $1', params=(1,)
    )


def test_all_rows_of_a_query_are_deleted(expect_sql: ExpectSql):
    expect_sql(delete_all(from_(Comment)), 'DELETE FROM "comments" AS "c0"')
    expect_sql(
        delete_all(from_(Comment).where(Comment.likes < 3), returning=("id", "body")),
        'DELETE FROM "comments" AS "c0" WHERE "c0"."likes" < $1 RETURNING "id", "body"',
        params=(3,),
    )


@pytest.mark.parametrize(
    ("query", "step"),
    [
        (POSTS.limit(3), "limit"),
        (POSTS.offset(3), "offset"),
        (POSTS.order_by(Post.id), "order_by"),
        (POSTS.group_by(Post.id), "group_by"),
        (POSTS.having(fn.count() > 1), "having"),
        (POSTS.distinct(), "distinct"),
        (POSTS.union(POSTS), "combinations"),
        (POSTS.for_update(), "lock"),
    ],
)
def test_more_than_conditions_is_refused_with_the_way_round_it(query, step: str, expect_sql: ExpectSql):
    message = f"takes a query with `where`, `join`, `with_cte` and `select` only, and this one has `{step}`"
    expect_sql(delete_all(query), Refused(QueryError, f"`delete_all` {message}"))
    expect_sql(update_all(query, Post.score.set(1)), Refused(QueryError, f"`update_all` {message}"))


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ((), "nothing is assigned"),
        ((User.name.set("x"),), "assigns to another schema than Post"),
        ((Post.excerpt.set("x"),), "`Post.excerpt` is virtual"),
        ((Post.score.inc(1), Post.score.set(2)), "`Post.score` is assigned twice"),
        ((Post.title.set(User.name),), "User is not in this query, so `User.name` means nothing"),
        ((Post.title.set(Post.excerpt),), "`Post.excerpt` is virtual"),
    ],
)
def test_an_assignment_that_means_nothing_is_refused(assignments, message: str, expect_sql: ExpectSql):
    expect_sql(update_all(POSTS, *assignments), Refused(QueryError, message))


def test_only_assignments_are_assigned():
    with pytest.raises(QueryError, match="an assignment was expected, got 'title'"):
        assigned(schema_info(Post), ["title"])  # type: ignore[list-item]


def test_many_rows_are_one_shape_where_the_database_takes_arrays(expect_sql: ExpectSql):
    columns = {"name": ["a", "b"], "password": ["x", None], "manager_id": [None, 1]}
    expect_sql(
        insert_all(User, columns, returning=("id",)),
        'INSERT INTO "users" ("name", "password", "manager_id") SELECT u.c0, u.c1, u.c2 '
        'FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u(c0, c1, c2) RETURNING "id"',
        NO_ARRAYS,
        params=(["a", "b"], ["x", None], [None, 1]),
    )
    arrays = {"title": ["x"], "tags": [["a,b", 'c"d']], "meta": [{"a": 1}], "digest": [b"\0"], "posted_at": [AT]}
    expect_sql(
        insert_all(Post, arrays),
        'INSERT INTO "posts" ("title", "tags", "meta", "digest", "posted_at") '
        "SELECT u.c0, u.c1::text[], u.c2, u.c3, u.c4 "
        "FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[], $5::timestamptz[]) AS u(c0, c1, c2, c3, "
        "c4)",
        NO_ARRAYS,
        params=(["x"], ['{"a,b","c\\"d"}'], ['{"a":1}'], [b"\0"], [AT]),
    )
    expect_sql(
        insert_all(User, {"name": ["a"]}, do_nothing(), (User.name,)),
        'INSERT INTO "users" AS t0 ("name") SELECT u.c0 FROM unnest($1::text[]) AS u(c0) '
        'ON CONFLICT ("name") DO NOTHING',
        NO_ARRAYS,
        params=(["a"],),
    )
    action = do_update(User.password.set("secret"), User.name.set(excluded(User.name)))
    expect_sql(
        insert_all(User, {"name": ["a"]}, action, (User.name,), returning=("id",)),
        'INSERT INTO "users" AS t0 ("name") SELECT u.c0 FROM unnest($1::text[]) AS u(c0) '
        'ON CONFLICT ("name") DO UPDATE SET "password" = $2, "name" = "excluded"."name" RETURNING "id"',
        NO_ARRAYS,
        params=(["a"], "secret"),
    )


def test_rows_without_columns_are_refused(expect_sql: ExpectSql):
    expect_sql(insert_all(User, {}), Refused(QueryError, "the rows for User have no columns"), NO_ARRAYS)


def test_a_prefix_stands_before_every_table(expect_sql: ExpectSql):
    expect_sql(
        insert(User, {"name": "x"}, prefix="wiki"), 'INSERT INTO "wiki"."users" ("name") VALUES ($1)', params=("x",)
    )
    expect_sql(
        insert(Page, {"path": "/"}, prefix="other"), 'INSERT INTO "wiki"."pages" ("path") VALUES ($1)', params=("/",)
    )
    expect_sql(
        keyed("delete", User, {}, {"id": 1}, prefix="wiki"), 'DELETE FROM "wiki"."users" WHERE "id" = $1', params=(1,)
    )
    inner = USERS.where(User.name == "x").select(User.id)
    expect_sql(
        update_all(POSTS.where(Post.author_id.in_(inner)), Post.score.set(1), prefix="wiki"),
        'UPDATE "wiki"."posts" AS "p0" SET "score" = $2 WHERE "p0"."author_id" IN (SELECT "u1"."id" '
        'FROM "wiki"."users" AS "u1" WHERE "u1"."name" = $1)',
        params=("x", 1),
    )
    counted = do_update(Post.score.set(scalar(USERS.select(fn.count()))))
    expect_sql(
        insert(Post, {"slug": "x"}, counted, (Post.slug,), prefix="wiki"),
        'INSERT INTO "wiki"."posts" AS t0 ("url_slug") VALUES ($1) '
        'ON CONFLICT ("url_slug") DO UPDATE SET "score" = (SELECT count(*) FROM "wiki"."users" AS "u2")',
        params=("x",),
    )


def test_a_shape_is_not_written(expect_sql: ExpectSql):
    expect_sql(insert(Line, {"title": "x"}), Refused(QueryError, "Line has no table, so nothing can be written"))


def test_a_literal_may_be_assigned(expect_sql: ExpectSql):
    expect_sql(
        update_all(POSTS, Post.score.set(literal(3))),
        'UPDATE "posts" AS "p0" SET "score" = CAST($1 AS bigint)',
        'UPDATE "posts" AS "p0" SET "score" = CAST(?1 AS INTEGER)',
        params=(3,),
    )
