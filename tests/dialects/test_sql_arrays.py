"""Lists of scalars: arrays on PostgreSQL, JSON text on SQLite, with one meaning."""

import pytest

from ectype import QueryError, UnsupportedError, fn, from_, literal
from ectype.sql.compilers import compile_update_all
from ectype.sql.dialect import Dialect
from tests.dialects.expecting import ExpectSql, Params, Refused
from tests.dialects.world import Post

POSTS = from_(Post)
IDS = POSTS.select(Post.id)
LISTS = 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE '
TAGS = '"p0"."tags"'


def test_a_list_has_an_element(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.tags.has("math")),
        f"{LISTS}$1 = ANY({TAGS})",
        f"{LISTS}CASE WHEN {TAGS} IS NOT NULL THEN ?1 IN (SELECT value FROM json_each({TAGS})) END",
        params=("math",),
        rows=[1, 2],
    )
    expect_sql(
        IDS.where(~literal("math").in_(Post.tags)),
        f"{LISTS}NOT (CAST($1 AS text) = ANY({TAGS}))",
        f"{LISTS}NOT CASE WHEN {TAGS} IS NOT NULL THEN CAST(?1 AS TEXT) IN (SELECT value FROM json_each({TAGS})) END",
        params=("math",),
        rows=[3, 4],
    )


def test_a_list_holds_another(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.tags.contains(["code", "math"])),
        f"{LISTS}{TAGS} @> $1",
        f"{LISTS}CASE WHEN {TAGS} IS NOT NULL AND ?1 IS NOT NULL THEN NOT EXISTS (SELECT 1 FROM json_each(?1) "
        f"WHERE value NOT IN (SELECT value FROM json_each({TAGS}))) END",
        params=(["code", "math"],),
        sqlite_params=('["code","math"]',),
        rows=[1],
    )
    expect_sql(
        IDS.where(Post.tags.contained_by(["math", "yarn"])),
        f"{LISTS}{TAGS} <@ $1",
        f"{LISTS}CASE WHEN {TAGS} IS NOT NULL AND ?1 IS NOT NULL THEN NOT EXISTS (SELECT 1 FROM json_each({TAGS}) "
        "WHERE value NOT IN (SELECT value FROM json_each(?1))) END",
        params=(["math", "yarn"],),
        sqlite_params=('["math","yarn"]',),
        rows=[2, 3, 4],
    )
    expect_sql(
        IDS.where(Post.tags.overlaps(["code", "yarn"])),
        f"{LISTS}{TAGS} && $1",
        f"{LISTS}CASE WHEN {TAGS} IS NOT NULL AND ?1 IS NOT NULL THEN EXISTS (SELECT 1 FROM json_each({TAGS}) "
        "WHERE value IN (SELECT value FROM json_each(?1))) END",
        params=(["code", "yarn"],),
        sqlite_params=('["code","yarn"]',),
        rows=[1, 4],
    )
    expect_sql(
        IDS.where(Post.tags.contains([])),
        f"{LISTS}{TAGS} @> $1",
        f"{LISTS}CASE WHEN {TAGS} IS NOT NULL AND ?1 IS NOT NULL THEN NOT EXISTS (SELECT 1 FROM json_each(?1) "
        f"WHERE value NOT IN (SELECT value FROM json_each({TAGS}))) END",
        params=([],),
        sqlite_params=("[]",),
        rows=[1, 2, 3, 4],
    )


def test_the_length_of_an_empty_list_is_zero(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(fn.array_length(Post.tags)).order_by(Post.id),
        f'SELECT cardinality({TAGS}) FROM "posts" AS "p0" ORDER BY "p0"."id"',
        f'SELECT json_array_length({TAGS}) FROM "posts" AS "p0" ORDER BY "p0"."id"',
        rows=[2, 1, 0, 1],
    )


def test_values_are_put_into_a_list(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.author_id, fn.array_agg(Post.score)).group_by(Post.author_id).where(Post.author_id > 1),
        'SELECT "p0"."author_id", array_agg("p0"."score") FROM "posts" AS "p0" WHERE "p0"."author_id" > $1 '
        'GROUP BY "p0"."author_id"',
        'SELECT "p0"."author_id", nullif(json_group_array("p0"."score"), \'[]\') FROM "posts" AS "p0" '
        'WHERE "p0"."author_id" > ?1 GROUP BY "p0"."author_id"',
        params=(1,),
        rows=[(2, [8]), (3, [3])],
    )
    expect_sql(
        POSTS.select(fn.array_agg(Post.day).filter(Post.id > 90), fn.array_agg(Post.day, distinct=True)).where(
            Post.id == 2
        ),
        'SELECT array_agg("p0"."day") FILTER(WHERE "p0"."id" > $1), array_agg(DISTINCT "p0"."day") '
        'FROM "posts" AS "p0" WHERE "p0"."id" = $2',
        'SELECT nullif(json_group_array("p0"."day") FILTER(WHERE "p0"."id" > ?1), \'[]\'), '
        'nullif(json_group_array(DISTINCT "p0"."day"), \'[]\') FROM "posts" AS "p0" WHERE "p0"."id" = ?2',
        params=(90, 2),
    )
    expect_sql(
        POSTS.select(fn.array_agg(Post.rating)),
        'SELECT array_agg("p0"."rating") FROM "posts" AS "p0"',
        Refused(UnsupportedError, "SQLite keeps no such values in JSON as they are"),
    )
    expect_sql(POSTS.select(fn.array_agg(Post.meta)), Refused(QueryError, "`fn.array_agg` puts scalars into a list"))


def _update(*assignments: object):  # a function over both dialects
    def written(dialect: Dialect) -> tuple[str, Params]:
        terms = [(one.column.name, one.node) for one in assignments]  # type: ignore[attr-defined]
        statement = compile_update_all(POSTS.node, terms, dialect)
        params: tuple[object, ...] = ()
        for one in assignments:
            params += one.params  # type: ignore[attr-defined]
        return statement.sql, tuple(statement.dump(params))

    return written


def test_an_element_is_pushed_and_pulled(expect_sql: ExpectSql):
    expect_sql(
        _update(Post.tags.push("new")),
        'UPDATE "posts" AS "p0" SET "tags" = array_append("p0"."tags", $1)',
        'UPDATE "posts" AS "p0" SET "tags" = json_insert(coalesce("p0"."tags", \'[]\'), \'$[#]\', ?1)',
        params=("new",),
    )
    expect_sql(
        _update(Post.tags.pull("math")),
        'UPDATE "posts" AS "p0" SET "tags" = array_remove("p0"."tags", $1)',
        'UPDATE "posts" AS "p0" SET "tags" = CASE WHEN "p0"."tags" IS NOT NULL THEN (SELECT json_group_array(value) '
        'FROM json_each("p0"."tags") WHERE value IS NOT ?1) END',
        params=("math",),
    )


def test_what_is_no_list_has_no_elements(expect_sql: ExpectSql):
    expect_sql(IDS.where(Post.title.has("x")), Refused(QueryError, "only a list of scalars has elements"))  # type: ignore[misc]
    expect_sql(IDS.where(Post.meta.has("x")), Refused(QueryError, "only a list of scalars has elements"))  # type: ignore[misc]
    expect_sql(POSTS.select(fn.array_length(Post.score)), Refused(QueryError, "only a list of scalars"))  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`in_` takes a list of values"):
        literal("x").in_(Post.title)  # type: ignore[call-overload]


def test_python_does_not_look_into_the_database():
    with pytest.raises(QueryError, match="`in` asks Python"):
        _ = 1 in Post.id
    with pytest.raises(QueryError, match="an expression cannot be iterated over"):
        list(Post.tags)
    with pytest.raises(QueryError, match="no truth value in Python"):
        _ = Post.tags.has("x") and Post.draft


def test_they_read_like_their_code():
    assert repr(Post.tags.has("x") & Post.tags.contains(["y"])) == "Post.tags.has('x') & Post.tags.contains(['y'])"
