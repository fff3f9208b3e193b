"""Paths into JSON documents: compared as JSON, extracted as a type, with keys that are always bound."""

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import CastError, QueryError, UnsupportedError, exists, fn, from_, literal, outer
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import POSTGRES, SQLITE
from tests.dialects.expecting import ExpectSql, Postgres, Refused, run_on_sqlite
from tests.dialects.rows import NESTED
from tests.dialects.world import Post, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)


def test_a_path_leads_to_a_value_of_any_kind(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.meta["stats"]["tags"][1]).order_by(Post.id),
        'SELECT nullif(CASE WHEN jsonb_typeof("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text)) = \'array\' '
        'THEN "p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text) -> CAST($3 AS integer) END, \'null\') '
        'FROM "posts" AS "p0" ORDER BY "p0"."id"',
        "SELECT json_extract(\"p0\".\"meta\", '$' || ?1 || ?2 || ?3, '$' || ?1 || ?2 || ?3) "
        'FROM "posts" AS "p0" ORDER BY "p0"."id"',
        params=("stats", "tags", 1),
        sqlite_params=('."stats"', '."tags"', "[1]"),
        rows=["y", None, None, None],
    )
    expect_sql(
        POSTS.select(Post.meta["stats"], Post.meta["lang"]).order_by(Post.id),
        'SELECT nullif("p0"."meta" -> CAST($1 AS text), \'null\'), nullif("p0"."meta" -> CAST($2 AS text), \'null\') '
        'FROM "posts" AS "p0" ORDER BY "p0"."id"',
        'SELECT json_extract("p0"."meta", \'$\' || ?1, \'$\' || ?1), json_extract("p0"."meta", \'$\' || ?2, '
        '\'$\' || ?2) FROM "posts" AS "p0" ORDER BY "p0"."id"',
        params=("stats", "lang"),
        sqlite_params=('."stats"', '."lang"'),
        rows=[(NESTED["stats"], "en"), (None, "fr"), (None, None), (None, None)],
    )
    assert POSTS.select(Post.meta["a"][-1]).node is POSTS.select(Post.meta.path("b", 7)).node


def test_the_last_element_is_minus_one(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta.path("stats", "tags", -1) == "y"),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif(CASE WHEN jsonb_typeof("p0"."meta" -> CAST($1 AS text) '
        '-> CAST($2 AS text)) = \'array\' THEN "p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text) '
        "-> CAST($3 AS integer) END, 'null') = $4",
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE CASE WHEN json_type("p0"."meta", \'$\' || ?1 || ?2 || ?3) '
        "IN ('text') THEN json_extract(\"p0\".\"meta\", '$' || ?1 || ?2 || ?3) = ?4 "
        "WHEN json_type(\"p0\".\"meta\", '$' || ?1 || ?2 || ?3) <> 'null' THEN 0 END",
        params=("stats", "tags", -1, '"y"'),
        sqlite_params=('."stats"', '."tags"', "[#-1]", "y"),
        rows=[1],
    )


def _equals(kinds: str, op: str = "=", other: int = 0) -> tuple[str, str]:
    return (
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') {op} $2',
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE CASE WHEN json_type("p0"."meta", \'$\' || ?1) IN ({kinds}) '
        f'THEN json_extract("p0"."meta", \'$\' || ?1) {op} ?2 WHEN json_type("p0"."meta", \'$\' || ?1) '
        f"<> 'null' THEN {other} END",
    )


def test_a_value_is_compared_as_json_and_never_as_another_kind(expect_sql: ExpectSql):
    lang = Post.meta["lang"]
    key = ('."lang"',)
    expect_sql(IDS.where(lang == "en"), *_equals("'text'"), params=("lang", '"en"'), sqlite_params=(*key, "en"),
               rows=[1])  # fmt: skip
    expect_sql(IDS.where(lang != "en"), *_equals("'text'", "<>", 1), params=("lang", '"en"'),
               sqlite_params=(*key, "en"), rows=[2])  # fmt: skip
    expect_sql(IDS.where(lang == 1), *_equals("'integer', 'real'"), params=("lang", "1"), sqlite_params=(*key, 1),
               rows=[])  # fmt: skip
    expect_sql(IDS.where(lang != 1), *_equals("'integer', 'real'", "<>", 1), params=("lang", "1"),
               sqlite_params=(*key, 1), rows=[1, 2])  # fmt: skip
    expect_sql(IDS.where(lang != True), *_equals("'true', 'false'", "<>", 1), params=("lang", "true"),  # noqa: E712
               sqlite_params=(*key, 1), rows=[1, 2])  # fmt: skip
    expect_sql(
        IDS.where(Post.meta["stats"]["views"] == 10.0),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE nullif("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text), \'null\') = $3',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE CASE WHEN json_type("p0"."meta", \'$\' || ?1 || ?2) '
        "IN ('integer', 'real') THEN json_extract(\"p0\".\"meta\", '$' || ?1 || ?2) = ?3 "
        "WHEN json_type(\"p0\".\"meta\", '$' || ?1 || ?2) <> 'null' THEN 0 END",
        params=("stats", "views", "10.0"),
        sqlite_params=('."stats"', '."views"', 10.0),
        rows=[1],
    )


def test_documents_are_compared_where_the_database_has_them(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta["stats"] == {"tags": ["x", "y"], "views": 10}),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') = $2',
        Refused(UnsupportedError, "SQLite compares JSON with single values only"),
        params=("stats", '{"tags":["x","y"],"views":10}'),
        rows=[1],
    )
    expect_sql(
        IDS.where(Post.meta["lang"] == Post.meta["stats"]),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') = '
        'nullif("p0"."meta" -> CAST($2 AS text), \'null\')',
        Refused(UnsupportedError, "SQLite compares JSON with single values only"),
        params=("lang", "stats"),
        rows=[],
    )


def test_missing_and_null_are_one_and_the_same(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta["lang"].is_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') IS NULL',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE json_extract("p0"."meta", \'$\' || ?1) IS NULL',
        params=("lang",),
        sqlite_params=('."lang"',),
        rows=[3, 4],
    )
    expect_sql(
        IDS.where(Post.meta["lang"].is_not_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') IS NOT NULL',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE json_extract("p0"."meta", \'$\' || ?1) IS NOT NULL',
        params=("lang",),
        sqlite_params=('."lang"',),
        rows=[1, 2],
    )


def test_a_key_is_there_though_its_value_is_null(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta.has_key("lang")),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."meta" -> CAST($1 AS text)) IS NOT NULL',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE json_type("p0"."meta", \'$\' || ?1) IS NOT NULL',
        params=("lang",),
        sqlite_params=('."lang"',),
        rows=[1, 2, 4],
    )
    expect_sql(
        IDS.where(~Post.meta["stats"].has_key("views")),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE NOT (("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text)) IS NOT NULL)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT (json_type("p0"."meta", \'$\' || ?1 || ?2) IS NOT NULL)',
        params=("stats", "views"),
        sqlite_params=('."stats"', '."views"'),
        rows=[2, 3, 4],
    )


def test_a_value_is_extracted_as_a_type(expect_sql: ExpectSql):
    views = Post.meta["stats"]["views"]
    number = (
        'CAST(jsonb_path_query_first("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text), \'strict $ ? (@.type() == '
        '"number" && @ % 1 == 0 && @ >= -9223372036854775808 && @ <= 9223372036854775807)\') AS bigint)'
    )
    path = '"p0"."meta", \'$\' || ?1 || ?2'
    expect_sql(
        IDS.where(views.as_type(int) > 9),
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE {number} > $3',
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE CASE WHEN json_type({path}) IN (\'integer\', \'real\') AND '
        f"json_extract({path}) = CAST(json_extract({path}) AS INTEGER) THEN CAST(json_extract({path}) AS INTEGER) "
        "END > ?3",
        params=("stats", "views", 9),
        sqlite_params=('."stats"', '."views"', 9),
        rows=[1],
    )
    expect_sql(
        POSTS.select(Post.meta["lang"].as_text()).order_by(Post.id),
        'SELECT CASE jsonb_typeof("p0"."meta" -> CAST($1 AS text)) WHEN \'string\' THEN '
        '("p0"."meta" -> CAST($1 AS text)) #>> \'{}\' END FROM "posts" AS "p0" ORDER BY "p0"."id"',
        'SELECT CASE json_type("p0"."meta", \'$\' || ?1) WHEN \'text\' THEN json_extract("p0"."meta", \'$\' || ?1) '
        'END FROM "posts" AS "p0" ORDER BY "p0"."id"',
        params=("lang",),
        sqlite_params=('."lang"',),
        rows=["en", "fr", None, None],
    )
    expect_sql(
        IDS.where(Post.meta["lang"].as_text().in_(["fr", "de"])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE CASE jsonb_typeof("p0"."meta" -> CAST($1 AS text)) '
        "WHEN 'string' THEN (\"p0\".\"meta\" -> CAST($1 AS text)) #>> '{}' END = ANY($2)",
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (CASE json_type("p0"."meta", \'$\' || ?1) WHEN \'text\' '
        'THEN json_extract("p0"."meta", \'$\' || ?1) END IN (SELECT value FROM json_each(?2)))',
        params=("lang", ["fr", "de"]),
        sqlite_params=('."lang"', '["fr", "de"]'),
        rows=[2],
    )


def test_what_json_does_not_hold_is_not_extracted(expect_sql: ExpectSql):
    expect_sql(
        POSTS.select(Post.meta["at"].as_type(datetime)), Refused(QueryError, "JSON has no values of type datetime")
    )
    expect_sql(
        POSTS.select(Post.meta["stats"]["views"].as_type(Decimal)).where(Post.id == 1),
        'SELECT CASE jsonb_typeof("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text)) WHEN \'number\' THEN '
        'CAST("p0"."meta" -> CAST($1 AS text) -> CAST($2 AS text) AS numeric) END FROM "posts" AS "p0" '
        'WHERE "p0"."id" = $3',
        Refused(UnsupportedError, "SQLite reads numbers of JSON as floats"),
        params=("stats", "views", 1),
        rows=[Decimal(10)],
    )


def test_a_part_of_a_document_is_found_where_the_database_has_documents(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta.contains({"lang": "en"})),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."meta" @> $1',
        Refused(UnsupportedError, "SQLite cannot look for a part of a document"),
        params=('{"lang":"en"}',),
        rows=[1],
    )
    expect_sql(
        IDS.where(Post.meta["stats"].contains({"views": 10})),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') @> $2',
        Refused(UnsupportedError, "SQLite cannot look for a part of a document"),
        params=("stats", '{"views":10}'),
        rows=[1],
    )


def test_a_path_reaches_out_of_a_subquery(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(exists(from_(User).where(User.name == outer(Post.meta)["lang"].as_text()))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "users" AS "u1" WHERE "u1"."name" = '
        'CASE jsonb_typeof("p0"."meta" -> CAST($1 AS text)) WHEN \'string\' THEN '
        '("p0"."meta" -> CAST($1 AS text)) #>> \'{}\' END)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "users" AS "u1" WHERE "u1"."name" = '
        'CASE json_type("p0"."meta", \'$\' || ?1) WHEN \'text\' THEN json_extract("p0"."meta", \'$\' || ?1) END)',
        params=("lang",),
        sqlite_params=('."lang"',),
        rows=[],
    )


def test_json_stands_where_it_means_the_same_only(expect_sql: ExpectSql):
    refused = Refused(UnsupportedError, "SQLite has no values of JSON's own here")
    expect_sql(
        POSTS.select(fn.count(Post.meta["lang"])),
        'SELECT count(nullif("p0"."meta" -> CAST($1 AS text), \'null\')) FROM "posts" AS "p0"',
        refused,
        params=("lang",),
        rows=[2],
    )
    expect_sql(IDS.where(Post.meta["n"] == Post.score), Refused(QueryError, "JSON is compared with values and JSON"))
    with pytest.raises(QueryError, match="the databases order documents differently"):
        _ = literal(3) < Post.meta["n"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Post.title["a"], "only a JSON document has keys, and `Post.title` is none"),
        (lambda: Post.tags[0], "only a JSON document has keys, and `Post.tags` is none"),
        (lambda: Post.meta[None], "a key of JSON is a text or a whole number, got None"),
        (lambda: Post.meta[1.5], "a key of JSON is a text or a whole number, got 1.5"),
        (lambda: Post.meta[True], "a key of JSON is a text or a whole number, got True"),
        (lambda: Post.meta[Post.title], "a key of JSON is a text or a whole number, got Post.title"),
        (Post.meta.path, "`path` needs at least one key"),
        (lambda: Post.meta["a"] > 3, "the databases order documents differently"),
        (lambda: Post.meta["a"] == None, "`=` with None is never true"),  # noqa: E711
        (lambda: Post.meta["a"].in_([1]), "`in_` over JSON needs a type"),
    ],
)
def test_a_wrong_path_is_refused_when_it_is_built(wrong: Callable[[], object], message: str):
    with pytest.raises(QueryError, match=message):
        wrong()


def test_keys_that_a_database_cannot_look_up_are_refused(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.meta['a"b'].is_null()),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE nullif("p0"."meta" -> CAST($1 AS text), \'null\') IS NULL',
        Refused(CastError, "SQLite finds no JSON key with a quote, a backslash or a control character"),
        params=('a"b',),
        rows=[1, 2, 3, 4],
    )
    expect_sql(IDS.where(Post.meta[2**31].is_null()), Refused(CastError, "an index of a JSON array has 32 bits"))
    expect_sql(IDS.where(Post.meta["a\0"].is_null()), Refused(CastError, "NUL"))


def test_a_path_reads_like_its_code():
    assert repr(Post.meta["stats"].path("tags", 0) == "x") == "Post.meta['stats']['tags'][0] == literal('x')"
    assert repr(Post.meta["views"].as_type(int) > 3) == "Post.meta['views'].as_type(int) > 3"
    assert repr(Post.meta.has_key("a")) == "Post.meta.has_key('a')"
    assert repr(Post.meta.contains({"a": 1})) == "Post.meta.contains({'a': 1})"


# --- against Python ---------------------------------------------------------------------------------------------------

KEYS = st.one_of(
    st.sampled_from(
        ["a", "0", "1", "-1", "", ".", "a.b", "[0]", "$", "#", "'", "é", "💥", "%", "' OR 1=1 --", "{a,b}"]
    ),
    st.text(st.characters(blacklist_characters='"\\\0', min_codepoint=32, blacklist_categories=("Cs",)), max_size=4),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 4) + 0.0),
    st.sampled_from(["", "1", "true", "null", "[1]", "x"]),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
STEPS = st.one_of(KEYS, st.integers(-3, 3))
MISSING = object()


def _at(document: Any, keys: list[str | int]) -> Any:
    """What Python finds: a text is a key of a dict, a number an index of a list."""
    for key in keys:
        if isinstance(document, dict) and isinstance(key, str):
            document = document.get(key)
        elif isinstance(document, list) and isinstance(key, int) and -len(document) <= key < len(document):
            document = document[key]
        else:
            return None
    return document


def _paths(document: Any) -> list[list[str | int]]:
    found: list[list[str | int]] = [[]]
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        found += [[key, *rest] for rest in _paths(value)]
    return found


def _both(query: Any, sqlite: sqlite3.Connection, postgres: Postgres | str) -> list[Any]:
    found: list[Any] = []
    for dialect in (SQLITE, POSTGRES):
        compiled = compile_select(query.node, dialect)
        sql, params = query.to_sql(dialect)
        if dialect is SQLITE:
            rows = run_on_sqlite(sqlite, sql, params)
        elif isinstance(postgres, str):
            continue
        else:
            rows = postgres.run(sql, params)
        found.append(build(compiled.columns, compiled.row)(rows)[0])
    return found


def _typed(value: Any, kind: type) -> Any:
    if kind is int:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        return int(number) if number is not None and number == int(number) else None
    if kind is float:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value if value.__class__ is kind else None


@pytest.mark.parametrize("single", [False, 0, 5, "x", None, {"0": "key"}, []], ids=repr)
def test_an_index_leads_from_a_single_value_to_nothing(
    single: object, sqlite: sqlite3.Connection, postgres: Postgres | str
):
    paths = [["a", 0], ["a", -1], ["a", 0, 0], ["a", 0, -1, 0], ["b", 0, 0], ["b", 0, 0, "x"]]
    query = cast("Any", POSTS.where(Post.id == 1)).select(
        *(Post.meta.path(*path) for path in paths), Post.meta["a"][0].as_text(), Post.meta["a"][0].is_null()
    )
    _stored(sqlite, postgres, {"a": single, "b": [[[single]]]})
    try:
        for found in _both(query, sqlite, postgres):
            assert found == (None, None, None, None, [single], None, None, True)
    finally:
        _stored(sqlite, postgres, NESTED)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_path_finds_what_python_finds(sqlite: sqlite3.Connection, postgres: Postgres | str, data: st.DataObject):
    document = data.draw(st.dictionaries(KEYS, DOCUMENTS, max_size=4))
    keys = data.draw(st.one_of(st.sampled_from(_paths(document)), st.lists(STEPS, min_size=1, max_size=3)))
    if not keys:
        return
    expected = _at(document, keys)
    path = Post.meta.path(*keys)
    query = POSTS.where(Post.id == 1).select(
        path, path.as_type(int), path.as_type(float), path.as_type(bool), path.as_text(), path.is_null()
    )
    _stored(sqlite, postgres, document)
    try:
        for found in _both(query, sqlite, postgres):
            assert json.dumps(found[0], sort_keys=True) == json.dumps(expected, sort_keys=True)
            assert found[1:] == (
                _typed(expected, int), _typed(expected, float), _typed(expected, bool), _typed(expected, str),
                expected is None,
            )  # fmt: skip
        if expected.__class__ in (str, int, float, bool):
            asked = POSTS.where(Post.id == 1).select(path == expected, path != expected, path == "other", path != 77777)
            for found in _both(asked, sqlite, postgres):
                assert found == (True, False, False, True)
    finally:
        _stored(sqlite, postgres, NESTED)


def _stored(sqlite: sqlite3.Connection, postgres: Postgres | str, document: Any) -> None:
    codec = Post.meta.reference.source.column_type("meta").codec
    sqlite.execute("UPDATE posts SET meta = ? WHERE id = 1", (codec("sqlite").dump(document),))
    if not isinstance(postgres, str):
        text = codec("postgres").dump(document)
        postgres.do(postgres.connection.execute("UPDATE posts SET meta = $1 WHERE id = 1", (text,)))
