"""Names of outputs, parts of structs, members that a query fills, and rows with names."""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    Field,
    Query,
    QueryError,
    UnsupportedError,
    cte,
    exists,
    field,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    only,
    outer,
    scalar,
    subquery,
)
from ectype.repo.loader import build
from ectype.schema.meta import schema_info
from ectype.schema.structs import restore, values_of
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect
from tests.dialects.expecting import ExpectSql, Postgres, Refused, run_on_sqlite
from tests.dialects.rows import LATE, LEAP
from tests.dialects.world import Blog, Comment, Line, Post, Reading, User

POSTS = from_(Post)
COMMENTED = POSTS.left_join(Post.comments)
JOINED = 'FROM "posts" AS "p0" LEFT JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id"'


def part(model: Any, **members: object) -> Any:
    """A struct of which only these members are set."""
    return restore(model, members)


class Tally(Blog):
    """A shape with defaults, and with a virtual member."""

    title: Field[str]
    tags: Field[list[str]] = field(default_factory=list)
    count: Field[int] = field(default=7)
    busy: Field[bool] = field(virtual=True, default=False)


class Counted(Blog):
    """A shape without a key."""

    post: Field[int]
    best: Field[int | None]


class Row(TypedDict):
    title: str
    count: int


@dataclasses.dataclass
class Card:
    title: str
    count: int = 9
    tags: list[str] = dataclasses.field(default_factory=list)


# --- names


def test_an_output_has_a_name_that_the_order_says_for_it(expect_sql: ExpectSql):
    n = fn.count(Comment.id).as_("n")
    expect_sql(
        COMMENTED.group_by(Post.id).select(Post.title, n).order_by(n.desc(), Post.title),
        f'SELECT "p0"."title", count("c1"."id") AS "n" {JOINED} GROUP BY "p0"."id" ORDER BY "n" DESC, "p0"."title"',
        rows=[("Engines", 2), ("Bees", 1), ("100% wool", 0), ("Notes", 0)],
    )


def test_a_group_says_the_name_and_the_values_are_sent_once(expect_sql: ExpectSql):
    bonus = (Post.score + 5).as_("bonus")
    expect_sql(
        POSTS.where(Post.id > 0).group_by(bonus).select(bonus, fn.count()).order_by(bonus.desc(nulls="last")).limit(9),
        'SELECT "p0"."score" + $2 AS "bonus", count(*) FROM "posts" AS "p0" WHERE "p0"."id" > $1 '
        'GROUP BY "bonus" ORDER BY "bonus" DESC NULLS LAST LIMIT $3',
        params=(0, 5, 9),
        rows=[(13, 1), (10, 1), (8, 2)],
    )


def test_a_condition_says_the_expression_with_the_values_of_the_select(expect_sql: ExpectSql):
    bonus = (Post.score + 5).as_("bonus")
    expect_sql(
        POSTS.group_by(bonus).having(bonus > 8, fn.count() == 1).where(bonus < 100).select(bonus).order_by(bonus),
        'SELECT "p0"."score" + $4 AS "bonus" FROM "posts" AS "p0" WHERE ("p0"."score" + $4) < $3 GROUP BY "bonus" '
        'HAVING (("p0"."score" + $4) > $1) AND (count(*) = $2) ORDER BY "bonus"',
        params=(8, 1, 100, 5),
        rows=[10, 13],
    )


def test_a_name_inside_an_expression_is_the_expression(expect_sql: ExpectSql):
    bonus = (Post.score + 5).as_("bonus")
    expect_sql(
        POSTS.select(bonus, bonus * 2).order_by(bonus * 2, Post.id),
        'SELECT "p0"."score" + $1 AS "bonus", ("p0"."score" + $1) * $2 FROM "posts" AS "p0" '
        'ORDER BY ("p0"."score" + $1) * $3, "p0"."id"',
        params=(5, 2, 2),
        rows=[(8, 16), (8, 16), (10, 20), (13, 26)],
    )


def test_a_name_that_is_not_selected_is_the_expression(expect_sql: ExpectSql):
    size = fn.length(Post.title).as_("size")
    expect_sql(
        POSTS.order_by(size, Post.id).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" ORDER BY length("p0"."title"), "p0"."id"',
        rows=[3, 2, 1, 4],
    )


def test_a_group_by_a_name_that_a_column_has_counts_outputs(expect_sql: ExpectSql):
    # In GROUP BY both databases take "title" for the column.
    title = fn.length(Post.title).as_("Title")
    expect_sql(
        POSTS.group_by(title).select(fn.count(), title).order_by(title),
        'SELECT count(*), length("p0"."title") AS "Title" FROM "posts" AS "p0" GROUP BY 2 ORDER BY "Title"',
        rows=[(1, 4), (1, 5), (1, 7), (1, 9)],
    )


def test_a_name_in_an_inner_query_is_the_expression(expect_sql: ExpectSql):
    named = (Comment.likes + 1).as_("n")
    most = from_(Comment).group_by(named).select(named).order_by(named.desc()).limit(1)
    expect_sql(
        POSTS.where(Post.score == scalar(most)).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."score" = (SELECT "c1"."likes" + $1 FROM "comments" AS "c1" '
        'GROUP BY "c1"."likes" + $1 ORDER BY "c1"."likes" + $1 DESC LIMIT $2)',
        params=(1, 1),
        rows=[3],
    )


def test_a_name_over_a_projection_orders_it(expect_sql: ExpectSql):
    n = fn.count(Comment.id).as_("n")
    query = COMMENTED.group_by(Post.id).project(Line(title=Post.title, count=n)).order_by(n.desc(), Post.id).limit(2)
    expect_sql(
        query,
        f'SELECT "p0"."title", count("c1"."id") AS "n" {JOINED} GROUP BY "p0"."id" '
        'ORDER BY "n" DESC, "p0"."id" LIMIT $1',
        params=(2,),
        rows=[Line(title="Engines", count=2), Line(title="Bees", count=1)],
    )
    top = subquery(query, "top")
    expect_sql(
        from_(top).select(top.title).order_by(top.count),
        'SELECT "t0"."title" FROM (SELECT "p0"."title" AS "title", count("c1"."id") AS "count" '
        f'{JOINED} GROUP BY "p0"."id" ORDER BY count("c1"."id") DESC, "p0"."id" LIMIT $1) AS "t0" '
        'ORDER BY "t0"."count"',
        params=(2,),
        rows=["Bees", "Engines"],
    )


def test_a_named_moment_is_read_as_text_only_where_nothing_says_its_name(expect_sql: ExpectSql):
    moment = Post.posted_at.as_("moment")
    query = POSTS.where(Post.posted_at.is_not_null())
    where = 'FROM "posts" AS "p0" WHERE "p0"."posted_at" IS NOT NULL'
    expect_sql(
        query.select(moment),
        f'SELECT CAST(CAST("p0"."posted_at" AS timestamptz) AS text) AS "moment" {where}',
        f'SELECT "p0"."posted_at" AS "moment" {where}',
        rows=[LEAP, LATE],
    )
    expect_sql(
        query.select(moment).order_by(moment.desc()),
        f'SELECT "p0"."posted_at" AS "moment" {where} ORDER BY "moment" DESC',
        rows=[LATE, LEAP],
    )
    expect_sql(
        query.select(moment, fn.count()).group_by(moment),
        f'SELECT "p0"."posted_at" AS "moment", count(*) {where} GROUP BY "moment"',
        rows=[(LEAP, 1), (LATE, 1)],
    )


def test_a_name_is_quoted_and_as_long_as_the_database_takes_it(expect_sql: ExpectSql):
    expect_sql(
        POSTS.where(Post.id == 1).select(Post.id.as_('a "b"; --')),
        'SELECT "p0"."id" AS "a ""b""; --" FROM "posts" AS "p0" WHERE "p0"."id" = $1',
        params=(1,),
        rows=[1],
    )
    expect_sql(
        POSTS.where(Post.id == 1).select(Post.id.as_("ö" * 32)),
        Refused(QueryError, "PostgreSQL names have at most 63 bytes"),
        f'SELECT "p0"."id" AS "{"ö" * 32}" FROM "posts" AS "p0" WHERE "p0"."id" = ?1',
        params=(1,),
        rows=[1],
    )


def test_decimals_are_watched_behind_a_name(expect_sql: ExpectSql):
    weight = Post.weight.as_("w")
    expect_sql(
        POSTS.select(Post.id, weight).order_by(weight, Post.id),
        'SELECT "p0"."id", "p0"."weight" AS "w" FROM "posts" AS "p0" ORDER BY "w", "p0"."id"',
        Refused(UnsupportedError, "SQLite keeps `Post.weight.as_('w')` as text, so `order by` over it would be wrong"),
    )


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda one: one.name)
def test_one_name_stands_for_one_value(dialect: Dialect):
    query = POSTS.select((Post.score + 5).as_("n")).order_by((Post.score + 6).as_("n"))
    with pytest.raises(QueryError, match="one name stands for expressions with other values in two clauses"):
        query.to_sql(dialect)
    assert POSTS.select((Post.score + 5).as_("n")).order_by((Post.score + 5).as_("n")).to_sql(dialect)[1] == (5,)


def test_a_secret_stays_one_where_its_value_is_sent_once():
    code = fn.coalesce(User.password, "hush").as_("code")
    query = from_(User).where(User.id > 1).order_by(code).select(User.id, code)
    statement = compile_select(query.node, POSTGRES)
    assert statement.sql.endswith('ORDER BY "code"')
    assert statement.dump(query.params) == (1, "hush")
    assert statement.redacted == {1}
    guess = literal("hush").as_("guess")
    query = from_(User).where(User.id > 1, User.password == guess).select(User.id, guess)
    statement = compile_select(query.node, POSTGRES)
    assert statement.dump(query.params) == (1, "hush")
    assert statement.redacted == {1}


# --- parts of structs


def test_only_reads_these_members(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(only(Post.title, Post.id)).order_by(Post.id).limit(1),
        'SELECT "p0"."id", "p0"."title" FROM "posts" AS "p0" ORDER BY "p0"."id" LIMIT $1',
        params=(1,),
        rows=[part(Post, id=1, title="Engines")],
    )
    expect_sql(
        POSTS.join(Post.author).select(only(Post.slug), only(User.name, User.role)).where(Post.id == 3),
        'SELECT "p0"."url_slug", "u1"."name", "u1"."role" FROM "posts" AS "p0" '
        'JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id" WHERE "p0"."id" = $1',
        params=(3,),
        rows=[(part(Post, slug="bees"), part(User, name="Ben", role="member"))],
    )


def test_the_key_tells_a_missing_part_from_one_of_nulls(expect_sql: ExpectSql):
    query = from_(User).left_join(User.posts)
    expect_sql(
        query.select(User.name, maybe(only(Post.rating))).order_by(User.id, Post.id),
        'SELECT "u0"."name", "p1"."rating", "p1"."id" FROM "users" AS "u0" '
        'LEFT JOIN "posts" AS "p1" ON "p1"."author_id" = "u0"."id" ORDER BY "u0"."id", "p1"."id"',
        rows=[
            ("Ann", part(Post, rating=4.5)),
            ("Ann", part(Post, rating=None)),
            ("Ben", part(Post, rating=2.0)),
            ("Cleo", part(Post, rating=None)),
            ("Dan", None),
        ],
    )
    expect_sql(
        query.select(maybe(only(Post.rating, Post.id))).where(User.id == 4),
        'SELECT "p1"."id", "p1"."rating" FROM "users" AS "u0" '
        'LEFT JOIN "posts" AS "p1" ON "p1"."author_id" = "u0"."id" WHERE "u0"."id" = $1',
        params=(4,),
        rows=[None],
    )


def test_a_part_has_no_further_output_where_equal_rows_count(expect_sql: ExpectSql):
    query = from_(User).left_join(User.posts)
    on = 'FROM "users" AS "u0" LEFT JOIN "posts" AS "p1" ON "p1"."author_id" = "u0"."id"'
    expect_sql(
        query.select(maybe(only(Post.draft))).distinct(),
        f'SELECT DISTINCT "p1"."draft" {on}',
        rows=[None, part(Post, draft=False), part(Post, draft=True)],
    )
    expect_sql(
        query.select(maybe(only(Post.draft)), fn.count()).group_by(Post.draft),
        f'SELECT "p1"."draft", count(*) {on} GROUP BY "p1"."draft"',
        rows=[(None, 1), (part(Post, draft=False), 3), (part(Post, draft=True), 1)],
    )
    expect_sql(
        query.select(maybe(only(Post.rating)), fn.count()).group_by(Post.id, Post.rating).where(User.id > 2),
        f'SELECT "p1"."rating", count(*), "p1"."id" {on} WHERE "u0"."id" > $1 GROUP BY "p1"."id", "p1"."rating"',
        params=(2,),
        rows=[(part(Post, rating=None), 1), (None, 1)],
    )


def test_a_source_without_a_key_is_missing_where_what_is_never_null_is(expect_sql: ExpectSql):
    expect_sql(
        from_(User)
        .left_join(Reading, on=Reading.sensor == User.id)
        .select(User.id, maybe(only(Reading.hour)))
        .where(User.id > 1)
        .order_by(User.id),
        'SELECT "u0"."id", "r1"."hour", "r1"."sensor" FROM "users" AS "u0" LEFT JOIN "readings" AS "r1" '
        'ON "r1"."sensor" = "u0"."id" WHERE "u0"."id" > $1 ORDER BY "u0"."id"',
        params=(1,),
        rows=[(2, part(Reading, hour=0)), (3, None), (4, None)],
    )


def test_a_source_without_a_key_is_missing_where_all_that_is_never_null_is(expect_sql: ExpectSql):
    totals = from_(Comment).group_by(Comment.post_id).project(Counted(post=Comment.post_id, best=fn.max(Comment.likes)))
    counted = subquery(totals, "counted")
    inner = (
        '(SELECT "c0"."post_id" AS "post", max("c0"."likes") AS "best" FROM "comments" AS "c0" '
        'GROUP BY "c0"."post_id") AS "c1" ON "c1"."post" = "p0"."id" ORDER BY "p0"."id"'
    )
    query = POSTS.left_join(counted, on=counted.post == Post.id).order_by(Post.id)
    expect_sql(
        query.select(Post.id, maybe(counted)),
        f'SELECT "p0"."id", "c1"."post", "c1"."best" FROM "posts" AS "p0" LEFT JOIN {inner}',
        rows=[(1, Counted(post=1, best=2)), (2, None), (3, Counted(post=3, best=7)), (4, None)],
    )
    expect_sql(
        query.select(Post.id, maybe(only(counted.best))),
        f'SELECT "p0"."id", "c1"."best", "c1"."post" FROM "posts" AS "p0" LEFT JOIN {inner}',
        rows=[(1, part(Counted, best=2)), (2, None), (3, part(Counted, best=7)), (4, None)],
    )


@given(names=st.sets(st.sampled_from(schema_info(Post).column_names), min_size=1), outer_side=st.booleans())
def test_any_members_that_are_read_are_those_of_the_whole_struct(
    names: set[str], outer_side: bool, sqlite: sqlite3.Connection, postgres: Postgres | str
):
    columns = [getattr(Post, name) for name in names]
    query = from_(User).left_join(User.posts).order_by(User.id, Post.id) if outer_side else POSTS.order_by(Post.id)
    for run in runners(sqlite, postgres):
        whole = run(query.select(maybe(Post)))
        found = run(query.select(maybe(only(*columns)) if outer_side else only(*columns)))
        assert len(found) == len(whole)
        for some, full in zip(found, whole, strict=True):
            assert (some is None) == (full is None)
            assert full is None or values_of(some) == {name: getattr(full, name) for name in names}


def runners(
    sqlite: sqlite3.Connection, postgres: Postgres | str
) -> Iterator[Callable[[Query[Any, Any, Any]], list[Any]]]:
    def on_sqlite(query: Query[Any, Any, Any]) -> list[Any]:
        made = compile_select(query.node, SQLITE)
        return build(made.columns, made.row)(run_on_sqlite(sqlite, made.sql, tuple(made.dump(query.params))))

    yield on_sqlite
    if isinstance(postgres, str):
        return

    def on_postgres(query: Query[Any, Any, Any]) -> list[Any]:
        made = compile_select(query.node, POSTGRES)
        return postgres.run(made.sql, tuple(made.dump(query.params)), build(made.columns, made.row))

    yield on_postgres


def test_a_query_of_parts_is_a_source_with_these_columns(expect_sql: ExpectSql):
    few = subquery(POSTS.select(only(Post.id, Post.title)).where(Post.score > 3), "few")
    inner = '(SELECT "p0"."id" AS "id", "p0"."title" AS "title" FROM "posts" AS "p0" WHERE "p0"."score" > $1) AS "f0"'
    expect_sql(
        from_(few).select(few.title),
        f'SELECT "f0"."title" FROM {inner}',
        params=(3,),
        rows=["Engines", "Bees"],
    )
    with pytest.raises(AttributeError, match="`author_id` does not exist in the alias `few` of Post"):
        _ = few.author_id


# --- members that a query fills


def test_a_query_fills_virtual_and_plain_members(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(only(Post.id, Post.title))
        .select_merge(Post.excerpt.set(fn.substring(Post.title, 1, 3)))
        .order_by(Post.id)
        .limit(2),
        'SELECT "p0"."id", "p0"."title", substr("p0"."title", $1, $2) FROM "posts" AS "p0" ORDER BY "p0"."id" LIMIT $3',
        params=(1, 3, 2),
        rows=[part(Post, id=1, title="Engines", excerpt="Eng"), part(Post, id=2, title="Notes", excerpt="Not")],
    )
    expect_sql(
        from_(Comment)
        .where(Comment.id == 1)
        .select_merge(Comment.body.set(fn.upper(Comment.body)), Comment.likes.set(4)),
        'SELECT "c0"."id", "c0"."post_id", upper("c0"."body"), CAST($2 AS bigint) FROM "comments" AS "c0" '
        'WHERE "c0"."id" = $1',
        'SELECT "c0"."id", "c0"."post_id", upper("c0"."body"), CAST(?2 AS INTEGER) FROM "comments" AS "c0" '
        'WHERE "c0"."id" = ?1',
        params=(1, 4),
        rows=[Comment(id=1, body="FIRST", likes=4, post_id=1)],
    )


def test_a_later_merge_wins(expect_sql: ExpectSql):
    query = POSTS.where(Post.id == 1).select(only(Post.id))
    expect_sql(
        query.select_merge(Post.excerpt.set("a"), Post.excerpt.set("b")).select_merge(Post.excerpt.set(Post.title)),
        'SELECT "p0"."id", "p0"."title" FROM "posts" AS "p0" WHERE "p0"."id" = $1',
        params=(1,),
        rows=[part(Post, id=1, excerpt="Engines")],
    )


def test_a_missing_row_of_an_outer_join_leaves_the_struct_as_it_is(expect_sql: ExpectSql):
    post = only(Post.id, Post.title)
    expect_sql(
        COMMENTED.select(post).select_merge(Post.title.set(maybe(Comment.body))).order_by(Post.id, Comment.id),
        f'SELECT "p0"."id", "p0"."title", "c1"."body", "c1"."id" {JOINED} ORDER BY "p0"."id", "c1"."id"',
        rows=[
            part(Post, id=1, title="first"),
            part(Post, id=1, title="second"),
            part(Post, id=2, title="Notes"),
            part(Post, id=3, title="buzz"),
            part(Post, id=4, title="100% wool"),
        ],
    )
    expect_sql(
        from_(User)
        .left_join(User.posts)
        .select(only(User.id, User.name))
        .where(User.id >= 3)
        .order_by(User.id)
        .select_merge(User.password.set("x"), User.password.set(maybe(fn.nullif(Post.title, "100% wool")))),
        'SELECT "u0"."id", "u0"."name", CAST($2 AS text), nullif("p1"."title", $3), "p1"."id" FROM "users" AS "u0" '
        'LEFT JOIN "posts" AS "p1" ON "p1"."author_id" = "u0"."id" WHERE "u0"."id" >= $1 ORDER BY "u0"."id"',
        'SELECT "u0"."id", "u0"."name", CAST(?2 AS TEXT), nullif("p1"."title", ?3), "p1"."id" FROM "users" AS "u0" '
        'LEFT JOIN "posts" AS "p1" ON "p1"."author_id" = "u0"."id" WHERE "u0"."id" >= ?1 ORDER BY "u0"."id"',
        params=(3, "x", "100% wool"),
        # Cleo's post is there, and gives NULL; Dan has none.
        rows=[part(User, id=3, name="Cleo", password=None), part(User, id=4, name="Dan", password="x")],
    )
    expect_sql(
        COMMENTED.group_by(Post.id)
        .select(only(Post.id))
        .select_merge(Post.excerpt.set(fn.max(Comment.body)))
        .order_by(Post.id),
        f'SELECT "p0"."id", max("c1"."body") {JOINED} GROUP BY "p0"."id" ORDER BY "p0"."id"',
        rows=[
            part(Post, id=1, excerpt="second"),
            part(Post, id=2, excerpt=None),
            part(Post, id=3, excerpt="buzz"),
            part(Post, id=4, excerpt=None),
        ],
    )


def test_a_struct_that_is_missing_stays_none(expect_sql: ExpectSql):
    expect_sql(
        COMMENTED.select(maybe(only(Comment.id)))
        .select_merge(Comment.body.set(fn.upper(Post.title)))
        .where(Post.id.in_([3, 4]))
        .order_by(Post.id),
        f'SELECT "c1"."id", upper("p0"."title") {JOINED} WHERE "p0"."id" = ANY($1) ORDER BY "p0"."id"',
        f'SELECT "c1"."id", upper("p0"."title") {JOINED} WHERE ("p0"."id" IN (SELECT value FROM json_each(?1))) '
        'ORDER BY "p0"."id"',
        params=([3, 4],),
        sqlite_params=("[3, 4]",),
        rows=[part(Comment, id=3, body="BEES"), None],
    )


def test_a_virtual_member_is_loaded_as_its_own_type(expect_sql: ExpectSql):
    lines = POSTS.project(Tally(title=Post.title, busy=Post.score > 4)).order_by(Post.id).limit(2)
    expect_sql(
        lines,
        'SELECT "p0"."title", CAST($1 AS text[]), CAST($2 AS bigint), "p0"."score" > $3 FROM "posts" AS "p0" '
        'ORDER BY "p0"."id" LIMIT $4',
        'SELECT "p0"."title", CAST(?1 AS TEXT), CAST(?2 AS INTEGER), "p0"."score" > ?3 FROM "posts" AS "p0" '
        'ORDER BY "p0"."id" LIMIT ?4',
        params=([], 7, 4, 2),
        sqlite_params=("[]", 7, 4, 2),
        rows=[Tally(title="Engines", busy=True), Tally(title="Notes", busy=False)],
    )
    raw = POSTS.where(Post.id == 1).project(Tally(title=Post.title, tags=Post.tags, count=1, busy=fragment("1 = 1")))
    expect_sql(
        raw,
        'SELECT "p0"."title", "p0"."tags", CAST($2 AS bigint), (1 = 1) FROM "posts" AS "p0" WHERE "p0"."id" = $1',
        'SELECT "p0"."title", "p0"."tags", CAST(?2 AS INTEGER), (1 = 1) FROM "posts" AS "p0" WHERE "p0"."id" = ?1',
        params=(1, 1),
        rows=[Tally(title="Engines", tags=["math", "code"], count=1, busy=True)],
    )


def test_what_an_inner_query_fills_is_a_column_outside_of_it(expect_sql: ExpectSql):
    inner = POSTS.select(only(Post.id)).select_merge(Post.excerpt.set(fn.lower(Post.title)))
    filled = subquery(inner, "filled")
    text = '(SELECT "p0"."id" AS "id", lower("p0"."title") AS "excerpt" FROM "posts" AS "p0") AS "f0"'
    expect_sql(
        from_(filled).where(filled.excerpt.like("b%")),
        f'SELECT "f0"."id", "f0"."excerpt" FROM {text} WHERE "f0"."excerpt" LIKE $1',
        f'SELECT "f0"."id", "f0"."excerpt" FROM {text} WHERE "f0"."excerpt" LIKE ?1 ESCAPE \'\\\'',
        params=("b%",),
        rows=[part(Post, id=3, excerpt="bees")],
    )
    busy = subquery(
        POSTS.project(Tally(title=Post.title, tags=Post.tags, count=Post.score, busy=Post.score > 4)), "busy"
    )
    expect_sql(
        from_(busy).where(busy.busy).select(busy.title, busy.busy),
        'SELECT "b0"."title", "b0"."busy" FROM (SELECT "p0"."title" AS "title", "p0"."tags" AS "tags", "p0"."score" '
        'AS "count", "p0"."score" > $1 AS "busy" FROM "posts" AS "p0") AS "b0" WHERE "b0"."busy"',
        params=(4,),
        rows=[("Engines", True), ("Bees", True)],
    )


def test_one_value_of_another_query_is_selected_merged_and_projected(expect_sql: ExpectSql):
    own = from_(Comment).where(Comment.post_id == outer(Post.id))
    count = scalar(own.select(fn.count()))
    text = '(SELECT count(*) FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id")'
    there = 'EXISTS(SELECT 1 FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id")'
    expect_sql(
        POSTS.select(Post.id, count, exists(own)).order_by(Post.id).limit(2),
        f'SELECT "p0"."id", {text}, {there} FROM "posts" AS "p0" ORDER BY "p0"."id" LIMIT $1',
        params=(2,),
        rows=[(1, 2, True), (2, 0, False)],
    )
    expect_sql(
        POSTS.select(only(Post.id)).select_merge(Post.score.set(count)).order_by(Post.id).limit(1),
        f'SELECT "p0"."id", {text} FROM "posts" AS "p0" ORDER BY "p0"."id" LIMIT $1',
        params=(1,),
        rows=[part(Post, id=1, score=2)],
    )
    n = count.as_("n")
    expect_sql(
        POSTS.project(Line(title=Post.title, count=n)).order_by(n.desc(), Post.id).limit(1),
        f'SELECT "p0"."title", {text} AS "n" FROM "posts" AS "p0" ORDER BY "n" DESC, "p0"."id" LIMIT $1',
        params=(1,),
        rows=[Line(title="Engines", count=2)],
    )


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE], ids=lambda one: one.name)
def test_members_of_a_combination_stand_at_the_same_places(dialect: Dialect):
    post = POSTS.select(only(Post.id, Post.title, Post.slug))
    moved = post.select_merge(Post.title.set(fn.upper(Post.title)))
    with pytest.raises(QueryError, match="where one side has `title` and the other `slug`"):
        post.union(moved).to_sql(dialect)
    assert moved.union_all(moved).to_sql(dialect)[0].count("upper") == 2


# --- rows with names


def test_rows_become_dicts(expect_sql: ExpectSql):
    expect_sql(
        COMMENTED.group_by(Post.id)
        .select({"the title": Post.title, "n": fn.count(Comment.id), "new": literal(True)})
        .where(Post.score > 4)
        .order_by(Post.id),
        f'SELECT "p0"."title", count("c1"."id"), CAST($1 AS boolean) {JOINED} WHERE "p0"."score" > $2 '
        'GROUP BY "p0"."id" ORDER BY "p0"."id"',
        f'SELECT "p0"."title", count("c1"."id"), CAST(?1 AS INTEGER) {JOINED} WHERE "p0"."score" > ?2 '
        'GROUP BY "p0"."id" ORDER BY "p0"."id"',
        params=(True, 4),
        rows=[{"the title": "Engines", "n": 2, "new": True}, {"the title": "Bees", "n": 1, "new": True}],
    )
    expect_sql(
        POSTS.left_join(Post.comments)
        .select({"post": only(Post.id), "comment": maybe(Comment)})
        .where(Post.id > 2)
        .order_by(Post.id),
        f'SELECT "p0"."id", "c1"."id", "c1"."body", "c1"."likes", "c1"."post_id" {JOINED} WHERE "p0"."id" > $1 '
        'ORDER BY "p0"."id"',
        params=(2,),
        rows=[
            {"post": part(Post, id=3), "comment": Comment(id=3, body="buzz", likes=7, post_id=3)},
            {"post": part(Post, id=4), "comment": None},
        ],
    )


def test_rows_become_typed_dicts_and_objects_by_keyword(expect_sql: ExpectSql):
    query = POSTS.where(Post.id == 3)
    where = 'FROM "posts" AS "p0" WHERE "p0"."id" = $1'
    expect_sql(
        query.select_into(Row, count=Post.score, title=Post.title),
        f'SELECT "p0"."score", "p0"."title" {where}',
        params=(3,),
        rows=[{"count": 8, "title": "Bees"}],
    )
    expect_sql(
        query.select_into(Card, tags=Post.tags, title=Post.title),
        f'SELECT "p0"."tags", "p0"."title" {where}',
        params=(3,),
        rows=[Card("Bees", 9, [])],
    )
    expect_sql(
        query.select_into(Card, Post.title),
        f'SELECT "p0"."title" {where}',
        params=(3,),
        rows=[Card("Bees", 9, [])],
    )


def test_a_query_of_a_common_table_has_all_of_its_columns(expect_sql: ExpectSql):
    named = cte(Line, "lines")
    query = from_(named).with_cte(
        named, COMMENTED.group_by(Post.id).project(Line(title=Post.title, count=fn.count(Comment.id)))
    )
    expect_sql(
        query.select(only(named.title)).where(named.count > 1),
        f'WITH "lines"("title", "count") AS (SELECT "p0"."title" AS "title", count("c1"."id") AS "count" {JOINED} '
        'GROUP BY "p0"."id") SELECT "l0"."title" FROM "lines" AS "l0" WHERE "l0"."count" > $1',
        params=(1,),
        rows=[part(Line, title="Engines")],
    )


def test_equal_rows_of_a_select_are_given_once(expect_sql: ExpectSql):
    expect_sql(
        COMMENTED.select(Post.score, maybe(Comment.post_id))
        .distinct()
        .order_by(Post.score, Comment.post_id.desc(nulls="last")),
        f'SELECT DISTINCT "p0"."score", "c1"."post_id" {JOINED} ORDER BY "p0"."score", "c1"."post_id" DESC NULLS LAST',
        rows=[(3, None), (5, 1), (8, 3)],
    )
    tens = (Post.score * 10).as_("tens")
    expect_sql(
        POSTS.select(tens).distinct().order_by(tens.desc()),
        'SELECT DISTINCT "p0"."score" * $1 AS "tens" FROM "posts" AS "p0" ORDER BY "tens" DESC',
        params=(10,),
        rows=[80, 50, 30],
    )


def test_aggregates_over_an_outer_join_are_computed_with(expect_sql: ExpectSql):
    expect_sql(
        COMMENTED.group_by(Post.id)
        .select(Post.id, fn.count(Comment.id) * 2, fn.max(Comment.likes), maybe(fn.sum(Comment.likes) + 1))
        .order_by(Post.id)
        .limit(2),
        f'SELECT "p0"."id", count("c1"."id") * $1, max("c1"."likes"), CAST(sum("c1"."likes") AS bigint) + $2 {JOINED} '
        'GROUP BY "p0"."id" ORDER BY "p0"."id" LIMIT $3',
        f'SELECT "p0"."id", count("c1"."id") * ?1, max("c1"."likes"), sum("c1"."likes") + ?2 {JOINED} '
        'GROUP BY "p0"."id" ORDER BY "p0"."id" LIMIT ?3',
        params=(2, 1, 2),
        rows=[(1, 4, 2, 3), (2, 0, None, None)],
    )
