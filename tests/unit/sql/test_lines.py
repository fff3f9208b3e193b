"""SQL in lines, for people: a line for each clause, and nothing but blanks differs."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import parse_one, tokenize

from ectype import POSTGRES, SQLITE, cte, exists, fn, fragment, from_, outer, subquery, window
from ectype.sql.lines import in_lines
from tests.dialects.world import Comment, Line, Post, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)
LINES = cte(Line, "lines")
MADE = POSTS.group_by(Post.title).project(Line(title=Post.title, count=fn.count()))

PRETTY = [
    (
        IDS.join(Post.author).left_join(Post.comments).where(Post.score > 1, User.id.between(2, 3)).limit(5),
        """
SELECT "p0"."id"
FROM "posts" AS "p0"
JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id"
LEFT JOIN "comments" AS "c2" ON "c2"."post_id" = "p0"."id"
WHERE ("p0"."score" > $1)
  AND (("u1"."id" >= $2) AND ("u1"."id" <= $3))
LIMIT $4
""",
    ),
    (
        POSTS.group_by(Post.author_id).having(fn.count() > 1).or_having(fn.max(Post.score) > 2)
        .order_by(Post.author_id).select(Post.author_id),
        """
SELECT "p0"."author_id"
FROM "posts" AS "p0"
GROUP BY "p0"."author_id"
HAVING (count(*) > $1)
  OR (max("p0"."score") > $2)
ORDER BY "p0"."author_id"
""",
    ),
    (
        IDS.where(exists(from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > 1))),
        """
SELECT "p0"."id"
FROM "posts" AS "p0"
WHERE EXISTS(
  SELECT 1
  FROM "comments" AS "c1"
  WHERE ("c1"."post_id" = "p0"."id")
    AND ("c1"."likes" > $1)
)
""",
    ),
    (
        from_(LINES).with_cte(LINES, MADE).where(LINES.count < 9),
        """
WITH "lines"("title", "count") AS (
  SELECT "p0"."title" AS "title", count(*) AS "count"
  FROM "posts" AS "p0"
  GROUP BY "p0"."title"
)
SELECT "l0"."title", "l0"."count"
FROM "lines" AS "l0"
WHERE "l0"."count" < $1
""",
    ),
    (
        IDS.union(IDS.where(Post.id == 1)).except_(IDS.limit(1)).limit(3),
        """
SELECT "p0"."id"
FROM "posts" AS "p0"
UNION
SELECT "p0"."id" AS "c0"
FROM "posts" AS "p0"
WHERE "p0"."id" = $1
EXCEPT (
  SELECT "p0"."id" AS "c0"
  FROM "posts" AS "p0"
  LIMIT $2
)
LIMIT $3
""",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text"), PRETTY)
def test_each_clause_has_a_line(query: Any, text: str):
    pretty, params = query.to_sql(POSTGRES, pretty=True)
    assert pretty == text.strip()
    assert params == query.to_sql(POSTGRES)[1]


def test_writes_have_lines_too():
    sql = 'INSERT INTO "t" AS t0 ("a") VALUES ($1) ON CONFLICT ("a") DO UPDATE SET "a" = excluded."a" RETURNING "a"'
    assert in_lines(sql).splitlines() == [
        'INSERT INTO "t" AS t0 ("a")',
        "VALUES ($1)",
        'ON CONFLICT ("a") DO UPDATE',
        'SET "a" = excluded."a"',
        'RETURNING "a"',
    ]
    sql = 'WITH "x"("a") AS (DELETE FROM "t" USING "u" WHERE true RETURNING "a") UPDATE "v" SET "a" = 1 FROM "x"'
    assert in_lines(sql).splitlines() == [
        'WITH "x"("a") AS (',
        '  DELETE FROM "t"',
        '  USING "u"',
        "  WHERE true",
        '  RETURNING "a"',
        ")",
        'UPDATE "v"',
        'SET "a" = 1',
        'FROM "x"',
    ]


def test_the_and_of_a_between_begins_no_line():
    assert in_lines('SELECT 1 FROM "t" WHERE "a" BETWEEN 1 AND 9 AND "b" IS DISTINCT FROM 3').splitlines() == [
        "SELECT 1",
        'FROM "t"',
        'WHERE "a" BETWEEN 1 AND 9',
        '  AND "b" IS DISTINCT FROM 3',
    ]


TRAPS = [
    "'a FROM b'", "'it''s WHERE x'", '"a FROM ""b"" WHERE"', "$$ a FROM b $$", "$x$ a $$ FROM b $x$",
    "E'a\\' FROM b'", "/* FROM ( */ 1", "-- FROM (\n 1", "'('", "x'00'",
]  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_quotes_and_comments_are_left_as_they_are(trap: str):
    sql = f'SELECT {trap} FROM "t" WHERE ("a" = {trap}) AND ("b" IN (SELECT {trap} FROM "u"))'
    pretty = in_lines(sql)
    assert pretty.count(trap) == 3
    assert [token.text for token in tokenize(pretty, read="postgres")] == [
        token.text for token in tokenize(sql, read="postgres")
    ]


def squeezed(sql: str) -> str:
    """What must not change: a text without its blanks."""
    return re.sub(r"\s+", "", sql)


QUERIES: list[Any] = [
    *(query for query, _ in PRETTY),
    IDS.distinct().offset(3),
    IDS.where(fragment("{} BETWEEN 1 AND 9 OR 'x' = ' FROM (SELECT '", Post.id)),
    POSTS.select(fn.count().over(window(order_by=Post.id, frame=fn.rows(-1, 0)).named("w"))),
    IDS.join(subquery(POSTS.order_by(Post.id).limit(3), "s"), on=Post.id == 1).or_where(Post.score > 3, Post.id > 1),
    from_(LINES).with_cte(LINES, MADE.union_all(MADE), recursive=True).select(LINES.title),
]


@given(st.sampled_from(QUERIES), st.sampled_from([POSTGRES, SQLITE]))
def test_a_pretty_text_is_the_same_statement(query: Any, dialect: Any):
    plain, pretty = query.to_sql(dialect)[0], query.to_sql(dialect, pretty=True)[0]
    assert squeezed(pretty) == squeezed(plain)
    assert "\n" in pretty
    # sqlglot reads no numbered marks of SQLite.
    trees = [parse_one(re.sub(r"\?\d+", "?", text), read=dialect.sqlglot) for text in (pretty, plain)]
    assert trees[0] == trees[1]


@given(st.text(alphabet="'\"()$-/*\n ABFROMWHERESELECT", max_size=60))
def test_any_text_keeps_everything_but_its_blanks(text: str):
    assert squeezed(in_lines(text)) == squeezed(text)
