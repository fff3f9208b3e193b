"""What comes out: columns, structs, shapes, rows counted, ordered and grouped."""

import dataclasses
from typing import NamedTuple

import pytest

from ectype import QueryError, SchemaError, fn, from_, literal, maybe
from tests.dialects.expecting import ExpectSql
from tests.dialects.world import Comment, Line, Page, Post, Reading, Role, User

POSTS = from_(Post)
USERS = from_(User)
IDS = POSTS.select(Post.id)


@dataclasses.dataclass
class Card:
    title: str
    count: int


class Pair(NamedTuple):
    title: str
    count: int


def test_a_query_of_a_schema_gives_its_columns_and_no_virtual_ones(expect_sql: ExpectSql):
    expect_sql(
        USERS, 'SELECT "u0"."id", "u0"."name", "u0"."role", "u0"."password", "u0"."manager_id" FROM "users" AS "u0"'
    )
    expect_sql(
        POSTS,
        'SELECT "p0"."id", "p0"."title", "p0"."url_slug", "p0"."score", "p0"."rating", "p0"."price", '
        '"p0"."weight", "p0"."draft", "p0"."key", "p0"."digest", CAST("p0"."day" AS text), '
        'CAST(CAST("p0"."posted_at" AS timestamptz) AS text), CAST("p0"."took" AS text), "p0"."meta", "p0"."tags", '
        '"p0"."author_id" FROM "posts" AS "p0"',
        'SELECT "p0"."id", "p0"."title", "p0"."url_slug", "p0"."score", "p0"."rating", "p0"."price", '
        '"p0"."weight", "p0"."draft", "p0"."key", "p0"."digest", "p0"."day", "p0"."posted_at", "p0"."took", '
        '"p0"."meta", "p0"."tags", "p0"."author_id" FROM "posts" AS "p0"',
    )
    expect_sql(from_(Reading), 'SELECT "r0"."sensor", "r0"."hour" FROM "readings" AS "r0"')


def test_a_select_gives_columns_expressions_and_structs(expect_sql: ExpectSql):
    expect_sql(USERS.select(User.name), 'SELECT "u0"."name" FROM "users" AS "u0"')
    expect_sql(
        USERS.select(User.name, fn.length(User.name) + 1, User),
        'SELECT "u0"."name", length("u0"."name") + $1, "u0"."id", "u0"."name", "u0"."role", "u0"."password", '
        '"u0"."manager_id" FROM "users" AS "u0"',
        params=(1,),
    )


def test_timestamps_are_read_as_text_only_where_text_changes_nothing(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.posted_at),
        'SELECT CAST(CAST("p0"."posted_at" AS timestamptz) AS text) FROM "posts" AS "p0"',
        'SELECT "p0"."posted_at" FROM "posts" AS "p0"',
    )
    expect_sql(POSTS.select(Post.posted_at).distinct(), 'SELECT DISTINCT "p0"."posted_at" FROM "posts" AS "p0"')
    expect_sql(
        POSTS.select(Post.posted_at).union(POSTS.select(Post.posted_at)),
        'SELECT "p0"."posted_at" FROM "posts" AS "p0" UNION SELECT "p0"."posted_at" AS "c0" FROM "posts" AS "p0"',
    )
    expect_sql(
        POSTS.select(Post.id).where(Post.posted_at.in_(POSTS.select(Post.posted_at))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."posted_at" IN (SELECT "p1"."posted_at" '
        'FROM "posts" AS "p1")',
    )


def test_a_projection_makes_the_structs_of_a_shape(expect_sql: ExpectSql):
    query = POSTS.left_join(Post.comments).group_by(Post.id)
    expect_sql(
        query.project(Line(title=Post.title, count=fn.count(Comment.id))),
        'SELECT "p0"."title", count("c1"."id") FROM "posts" AS "p0" '
        'LEFT JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id" GROUP BY "p0"."id"',
    )
    expect_sql(
        POSTS.project(Line(title="x", count=Post.score)),
        'SELECT CAST($1 AS text), "p0"."score" FROM "posts" AS "p0"',
        'SELECT CAST(?1 AS TEXT), "p0"."score" FROM "posts" AS "p0"',
        params=("x",),
    )


def test_rows_become_the_calls_of_a_class(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select_into(Card, Post.title, Post.score), 'SELECT "p0"."title", "p0"."score" FROM "posts" AS "p0"'
    )
    expect_sql(
        POSTS.select_into(Pair, Post.title, Post.score), 'SELECT "p0"."title", "p0"."score" FROM "posts" AS "p0"'
    )
    expect_sql(
        POSTS.select_into(lambda title, score: (title, score), Post.title, Post.score),
        'SELECT "p0"."title", "p0"."score" FROM "posts" AS "p0"',
    )


def test_equal_rows_are_given_once(expect_sql: ExpectSql):
    expect_sql(USERS.select(User.name).distinct(), 'SELECT DISTINCT "u0"."name" FROM "users" AS "u0"')


def test_orders_add_up_and_nulls_go_where_they_are_told(expect_sql: ExpectSql):
    expect_sql(
        IDS.order_by(Post.score).order_by(Post.title.desc(), Post.id.asc()),
        'SELECT "p0"."id" FROM "posts" AS "p0" ORDER BY "p0"."score", "p0"."title" DESC, "p0"."id"',
    )
    expect_sql(
        IDS.order_by(Post.rating.desc(nulls="last"), Post.key.asc(nulls="first")),
        'SELECT "p0"."id" FROM "posts" AS "p0" ORDER BY "p0"."rating" DESC NULLS LAST, "p0"."key" NULLS FIRST',
    )
    expect_sql(
        IDS.order_by(Post.score + 1, fn.lower(Post.title).desc()),
        'SELECT "p0"."id" FROM "posts" AS "p0" ORDER BY "p0"."score" + $1, lower("p0"."title") DESC',
        params=(1,),
    )


def test_limit_and_offset_are_parameters(expect_sql: ExpectSql):
    expect_sql(IDS.limit(5), 'SELECT "p0"."id" FROM "posts" AS "p0" LIMIT $1', params=(5,))
    expect_sql(IDS.limit(5).offset(10), 'SELECT "p0"."id" FROM "posts" AS "p0" LIMIT $1 OFFSET $2', params=(5, 10))
    expect_sql(IDS.offset(10).limit(5), 'SELECT "p0"."id" FROM "posts" AS "p0" LIMIT $2 OFFSET $1', params=(10, 5))
    expect_sql(IDS.limit(0), 'SELECT "p0"."id" FROM "posts" AS "p0" LIMIT $1', params=(0,))


def test_an_offset_alone_needs_a_limit_on_sqlite(expect_sql: ExpectSql):
    expect_sql(
        IDS.offset(10),
        'SELECT "p0"."id" FROM "posts" AS "p0" OFFSET $1',
        'SELECT "p0"."id" FROM "posts" AS "p0" LIMIT -1 OFFSET ?1',
        params=(10,),
    )


def test_a_second_limit_takes_the_place_of_the_first(expect_sql: ExpectSql):
    expect_sql(
        IDS.limit(5).where(Post.score > 1).limit(3),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $2 LIMIT $1',
        params=(3, 1),
    )
    expect_sql(
        IDS.where(Post.score > 1).offset(5).limit(2).offset(7),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $1 LIMIT $3 OFFSET $2',
        params=(1, 7, 2),
    )


def test_a_limit_at_any_place_is_that_of_the_whole(expect_sql: ExpectSql):
    expect_sql(
        IDS.limit(5).where(Post.score > 1).order_by(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" > $2 ORDER BY "p0"."id" LIMIT $1',
        params=(5, 1),
    )


def test_groups_have_conditions_of_their_own(expect_sql: ExpectSql):
    query = POSTS.group_by(Post.author_id).having(fn.count(Post.id) > 3, fn.sum(Post.score) < 100)
    expect_sql(
        query.where(Post.score > 1).select(Post.author_id, fn.count()),
        'SELECT "p0"."author_id", count(*) FROM "posts" AS "p0" '
        'WHERE "p0"."score" > $3 GROUP BY "p0"."author_id" HAVING (count("p0"."id") > $1) '
        'AND (CAST(sum("p0"."score") AS bigint) < $2)',
        'SELECT "p0"."author_id", count(*) FROM "posts" AS "p0" '
        'WHERE "p0"."score" > ?3 GROUP BY "p0"."author_id" HAVING (count("p0"."id") > ?1) '
        'AND (sum("p0"."score") < ?2)',
        params=(3, 100, 1),
    )
    expect_sql(
        POSTS.group_by(Post.title, fn.lower(Post.slug)).select(Post.title),
        'SELECT "p0"."title" FROM "posts" AS "p0" GROUP BY "p0"."title", lower("p0"."url_slug")',
    )


def test_a_field_may_have_another_name_in_the_database(expect_sql: ExpectSql):
    expect_sql(
        POSTS.where(Post.slug == "x").order_by(Post.slug).select(Post.slug),
        'SELECT "p0"."url_slug" FROM "posts" AS "p0" WHERE "p0"."url_slug" = $1 ORDER BY "p0"."url_slug"',
        params=("x",),
    )


def test_a_prefix_stands_before_every_table_without_one_of_its_own(expect_sql: ExpectSql):
    expect_sql(from_(Page), 'SELECT "p0"."path", "p0"."hits" FROM "wiki"."pages" AS "p0"')
    expect_sql(
        from_(Page).join(User, on=User.name == Page.path).select(Page.path),
        'SELECT "p0"."path" FROM "wiki"."pages" AS "p0" JOIN "users" AS "u1" ON "u1"."name" = "p0"."path"',
    )


@pytest.mark.parametrize("count", [-1, 1.0, "1", None, True])
def test_a_number_of_rows_is_a_whole_number(count: object):
    with pytest.raises(QueryError, match="`limit` takes a number of rows, 0 or more, got"):
        POSTS.limit(count)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`offset` takes a number of rows, 0 or more, got"):
        POSTS.offset(count)  # type: ignore[arg-type]


@pytest.mark.parametrize("nulls", ["lst", "last; DROP TABLE posts", ""])
def test_the_place_of_nulls_is_one_of_two_words(nulls: str):
    with pytest.raises(QueryError, match="`nulls` is 'first' or 'last'"):
        Post.rating.desc(nulls=nulls)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`nulls` is 'first' or 'last'"):
        Post.rating.asc(nulls=nulls)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (POSTS.select, "a select needs at least one expression"),
        (lambda: POSTS.select(Post.id).select(Post.title), "this query has a select already"),
        (lambda: POSTS.select(3), "a select takes expressions and schemas, got 3"),
        (lambda: POSTS.select("title"), "a select takes expressions and schemas, got 'title'"),
        (lambda: POSTS.order_by("title"), "cannot order by 'title'"),
        (lambda: POSTS.group_by("title"), "`group_by` takes expressions, got 'title'"),
        (lambda: POSTS.where(True), "`where` takes expressions, got True"),
        (lambda: POSTS.where(POSTS), "`where` takes expressions, got from_(Post)"),
        (lambda: POSTS.having("title"), "`having` takes expressions, got 'title'"),
        (lambda: POSTS.project(Line(title=Post.title)), "`project` got no expression for `count` of Line"),
        (lambda: POSTS.select_into(Card, Post.title), "Card has 2 fields (title, count), and 1 expressions were sel"),
        (lambda: POSTS.select_into(3, Post.title), "`select_into` takes a class or a function, got 3"),
        (lambda: POSTS.preload(User.posts), "`User.posts` starts at User, and this query gives Post"),
        (lambda: POSTS.preload("author"), "`preload` takes associations, got 'author'"),
        (lambda: IDS.preload(Post.author), "`Post.author` starts at Post, and this query gives bare expressions"),
        (lambda: POSTS.preload(Post.author).select(Post.id), "starts at Post, and this query gives bare expressions"),
        (
            lambda: POSTS.preload(Post.author).select_into(Card, Post.title, Post.id),
            "this query gives bare expressions",
        ),
        (lambda: POSTS.preload(Post.author).project(Line(title="x", count=1)), "and this query gives Line"),
        (POSTS.__row__, "`__row__` exists for type checkers only"),
        (Post.id.__pick__, "`__pick__` exists for type checkers only"),
        (fn.count(Post.id).__reduced__, "`__reduced__` exists for type checkers only"),
    ],
)
def test_a_select_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_a_schema_is_projected_into_and_not_called():
    with pytest.raises(SchemaError, match=r"use `project\(Line\(…\)\)`"):
        POSTS.select_into(Line, Post.title, Post.score)
    with pytest.raises(SchemaError, match="a struct of a schema was expected"):
        POSTS.project(3)


def test_a_constant_in_a_projection_is_of_its_fields_type(expect_sql: ExpectSql):
    expect_sql(
        POSTS.project(User(id=Post.id, name="x", role=Role.ADMIN, manager_id=None)),
        'SELECT "p0"."id", CAST($1 AS text), CAST($2 AS text), NULL, NULL FROM "posts" AS "p0"',
        'SELECT "p0"."id", CAST(?1 AS TEXT), CAST(?2 AS TEXT), NULL, NULL FROM "posts" AS "p0"',
        params=("x", "admin"),
    )


def test_whole_structs_stay_preloadable():
    query = POSTS.preload(Post.author).select(Post)
    assert repr(query) == "from_(Post).select(Post).preload(Post.author)"
    assert repr(POSTS.select(Post).preload(Post.comments)) == "from_(Post).select(Post).preload(Post.comments)"


def test_maybe_of_a_column_is_the_column(expect_sql: ExpectSql):
    expect_sql(POSTS.select(maybe(Post.id), literal(None)), 'SELECT "p0"."id", NULL FROM "posts" AS "p0"')
