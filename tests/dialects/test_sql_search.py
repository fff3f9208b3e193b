"""Search for words: `to_tsvector … @@ …` on PostgreSQL, MATCH over an FTS5 table on SQLite."""

import sqlite3
from collections.abc import Iterator

import pytest

from ectype import Field, QueryError, UnsupportedError, field, fn, from_
from tests.dialects.expecting import ExpectSql, Postgres, Refused
from tests.dialects.world import Blog, Post

POSTS = from_(Post)


class Essay(Blog, table="essays"):
    """On SQLite a virtual table: its columns have no types and no key."""

    title: Field[str] = field(primary_key=True)
    body: Field[str]


ROWS = [
    ("Bees", "Bees dance, and bees work; the bees' hive is warm."),
    ("Wool", "Warm wool of a sheep"),
    ("Engines", "An engine computes. So do bees?"),
]


@pytest.fixture(autouse=True)
def essays(sqlite: sqlite3.Connection, postgres: Postgres | str) -> Iterator[None]:
    sqlite.execute("CREATE VIRTUAL TABLE essays USING fts5(title, body, tokenize = 'unicode61 remove_diacritics 0')")
    sqlite.executemany("INSERT INTO essays VALUES (?, ?)", ROWS)
    if not isinstance(postgres, str):
        postgres.do(postgres.connection.script("CREATE TABLE essays (title text PRIMARY KEY, body text NOT NULL)"))
        for row in ROWS:
            postgres.do(postgres.connection.execute("INSERT INTO essays VALUES ($1, $2)", row))
    yield
    sqlite.execute("DROP TABLE essays")
    if not isinstance(postgres, str):
        postgres.do(postgres.connection.script("DROP TABLE essays"))


FOUND = 'SELECT "e0"."title" FROM "essays" AS "e0" WHERE '
DOCUMENT = 'to_tsvector(\'simple\', "e0"."body")'


@pytest.mark.parametrize(
    ("words", "sent", "quoted", "titles"),
    [
        ("warm", "warm", '"warm"', ["Bees", "Wool"]),
        ("WARM bees", "WARM bees", '"WARM" "bees"', ["Bees"]),
        ("warm -bees", "warm bees", '"warm" "bees"', ["Bees"]),
        ('warm" OR title:x', "warm OR title x", '"warm" "OR" "title" "x"', []),
        ("sheep*", "sheep", '"sheep"', ["Wool"]),
        ("", "", '""', []),
        ("?!", "", '""', []),
    ],
)
def test_all_words_must_be_there_and_none_is_an_operator(
    expect_sql: ExpectSql, words: str, sent: str, quoted: str, titles: list[str]
):
    expect_sql(
        from_(Essay).select(Essay.title).where(fn.search(Essay.body, words)),
        f"{FOUND}{DOCUMENT} @@ plainto_tsquery('simple', $1)",
        f'{FOUND}"e0"."body" MATCH ?1',
        params=(sent,),
        sqlite_params=(quoted,),
        rows=titles,
    )


def test_what_fits_best_comes_first(expect_sql: ExpectSql):
    ranked = from_(Essay).select(Essay.title).where(fn.search(Essay.body, "bees"))
    expect_sql(
        ranked.order_by(fn.search_rank(Essay.body, "bees").desc()),
        f"{FOUND}{DOCUMENT} @@ plainto_tsquery('simple', $1) "
        f"ORDER BY CAST(ts_rank({DOCUMENT}, plainto_tsquery('simple', $2)) AS float8) DESC",
        f'{FOUND}"e0"."body" MATCH ?1 ORDER BY CASE WHEN ?2 <> \'""\' THEN -"e0"."rank" ELSE 0.0 END DESC',
        params=("bees", "bees"),
        sqlite_params=('"bees"', '"bees"'),
        rows=["Bees", "Engines"],
    )


def test_a_language_is_a_configuration_of_postgresql(expect_sql: ExpectSql):
    expect_sql(
        from_(Essay).select(Essay.title).where(fn.search(Essay.body, "computing", language="english")),
        f"{FOUND}to_tsvector('english', \"e0\".\"body\") @@ plainto_tsquery('english', $1)",
        Refused(UnsupportedError, "SQLite searches by the tokenizer of the table"),
        params=("computing",),
        rows=["Engines"],
    )
    with pytest.raises(QueryError, match="a language is named like a variable"):
        fn.search(Essay.body, "x", language="x', 'y")
    with pytest.raises(QueryError, match="takes a text, got 3"):
        fn.search(Essay.body, 3)  # type: ignore[arg-type]


def test_only_text_is_searched(expect_sql: ExpectSql):
    expect_sql(POSTS.where(fn.search(Post.score, "x")), Refused(QueryError, "`fn.search` needs text"))  # type: ignore[arg-type]
    expect_sql(
        from_(Essay).select(Essay.title).where(fn.search(fn.lower(Essay.body), "warm")),
        f"{FOUND}to_tsvector('simple', lower(\"e0\".\"body\")) @@ plainto_tsquery('simple', $1)",
        Refused(UnsupportedError, "SQLite searches columns of FTS5 tables only"),
        params=("warm",),
        rows=["Bees", "Wool"],
    )
