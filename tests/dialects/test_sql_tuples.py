"""Rows of values, lists with expressions in them, and comparisons with all rows of a query."""

from datetime import UTC, date, datetime

import pytest

from ectype import QueryError, UnsupportedError, all_, any_, fn, fragment, from_, literal, scalar, tuple_
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Comment, Post, User

POSTS = from_(Post)
IDS = POSTS.select(Post.id)


def test_tuples_compare_from_left_to_right(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(tuple_(Post.score, Post.id) > (3, 2)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score", "p0"."id") > ($1, $2)',
        params=(3, 2),
        rows=[1, 3, 4],
    )
    expect_sql(
        IDS.where(tuple_(Post.score, Post.id) <= tuple_(literal(3), Post.author_id + 1)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score", "p0"."id") <= '
        '(CAST($1 AS bigint), ("p0"."author_id" + $2))',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score", "p0"."id") <= '
        '(CAST(?1 AS INTEGER), ("p0"."author_id" + ?2))',
        params=(3, 1),
        rows=[2, 4],
    )
    for compared, rows in (
        (tuple_(Post.score, Post.id) == (3, 2), [2]),
        (tuple_(Post.score, Post.id) >= (3, 2), [1, 2, 3, 4]),
        (tuple_(Post.score, Post.id) < (3, 4), [2]),
        (tuple_(Post.score, Post.id) != (3, 2), [1, 3, 4]),
    ):
        op = compared.node.op  # type: ignore[union-attr]
        expect_sql(
            IDS.where(compared),
            f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."score", "p0"."id") {op} ($1, $2)',
            params=tuple(compared.params),
            rows=rows,
        )


def test_the_parts_of_a_tuple_are_sent_by_their_own_types(expect_sql: ExpectSql):
    at = datetime(2024, 1, 1, tzinfo=UTC)
    expect_sql(
        IDS.where(tuple_(Post.day, Post.posted_at, Post.draft) >= (date(2024, 2, 29), at, False)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."day", "p0"."posted_at", "p0"."draft") >= ($1, $2, $3)',
        params=(date(2024, 2, 29), at, False),
        sqlite_params=("2024-02-29", "2024-01-01 00:00:00.000000", 0),
        rows=[1],
    )


def test_a_list_of_tuples_is_one_parameter_of_any_length(expect_sql: ExpectSql):
    pair = tuple_(Post.author_id, Post.score)
    postgres = (
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."author_id", "p0"."score") IN '
        '(SELECT * FROM jsonb_to_recordset($1) AS v("c0" bigint, "c1" bigint))'
    )
    sqlite = (
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."author_id", "p0"."score") IN '
        "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))"
    )
    expect_sql(
        IDS.where(pair.in_([(1, 5), (2, 8), (2, 9)])),
        postgres,
        sqlite,
        params=('[{"c0": 1, "c1": 5}, {"c0": 2, "c1": 8}, {"c0": 2, "c1": 9}]',),
        sqlite_params=("[[1, 5], [2, 8], [2, 9]]",),
        rows=[1, 3],
    )
    expect_sql(IDS.where(pair.in_([])), postgres, sqlite, params=("[]",), rows=[])
    expect_sql(
        IDS.where(~pair.in_([])),
        postgres.replace("WHERE (", "WHERE NOT ((") + ")",
        sqlite.replace("WHERE (", "WHERE NOT ((") + ")",
        params=("[]",),
        rows=[1, 2, 3, 4],
    )
    assert IDS.where(pair.in_([])).node is IDS.where(pair.in_([(1, 2)] * 9)).node


def test_a_tuple_is_one_of_the_rows_of_a_query(expect_sql: ExpectSql):
    pairs = from_(Comment).where(Comment.likes > 1).select(Comment.post_id, Comment.likes + 3)
    expect_sql(
        IDS.where(tuple_(Post.id, Post.score + 0).in_(pairs), Post.id < 9),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (("p0"."id", ("p0"."score" + $1)) IN (SELECT "c1"."post_id", '
        '"c1"."likes" + $3 FROM "comments" AS "c1" WHERE "c1"."likes" > $2)) AND ("p0"."id" < $4)',
        params=(0, 1, 3, 9),
        rows=[1],
    )
    expect_sql(
        IDS.where(~tuple_(Post.id, Post.author_id, Post.draft).in_(POSTS.select(Post.id, Post.author_id, Post.draft))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT (("p0"."id", "p0"."author_id", "p0"."draft") IN '
        '(SELECT "p1"."id", "p1"."author_id", "p1"."draft" FROM "posts" AS "p1"))',
        rows=[],
    )
    one = POSTS.select(Post.id)
    three = POSTS.select(Post.id, Post.score, Post.id)
    for query, count in ((one, 1), (three, 3), (from_(Comment), 4)):
        expect_sql(
            IDS.where(tuple_(Post.id, Post.score).in_(query)),  # type: ignore[arg-type]
            Refused(QueryError, f"`in_` over a tuple of 2 takes a query of 2 columns, and this one has {count}"),
        )
    weights = POSTS.select(Post.id, Post.weight)
    expect_sql(
        IDS.where(tuple_(Post.id, Post.weight).in_(weights)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id", "p0"."weight") IN '
        '(SELECT "p1"."id", "p1"."weight" FROM "posts" AS "p1")',
        Refused(UnsupportedError, "SQLite keeps `Post.weight` as text"),
        rows=[1],
    )
    assert repr(tuple_(Post.id, Post.score).in_(pairs)) == "tuple_(Post.id, Post.score).in_(…)"


def test_every_type_travels_in_a_list_of_tuples(expect_sql: ExpectSql):
    at = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    expect_sql(
        IDS.where(tuple_(Post.title, Post.day, Post.posted_at, Post.draft).in_([("Engines", at.date(), at, False)])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."title", "p0"."day", "p0"."posted_at", "p0"."draft") IN '
        '(SELECT * FROM jsonb_to_recordset($1) AS v("c0" text, "c1" date, "c2" timestamptz, "c3" boolean))',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."title", "p0"."day", "p0"."posted_at", "p0"."draft") IN '
        "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), "
        "json_extract(value, '$[3]') FROM json_each(?1))",
        params=('[{"c0": "Engines", "c1": "2024-02-29", "c2": "2024-02-29 12:30:00+00:00", "c3": false}]',),
        sqlite_params=('[["Engines", "2024-02-29", "2024-02-29 12:30:00.000000", 0]]',),
        rows=[1],
    )
    expect_sql(
        IDS.where(tuple_(Post.id, fragment("length({})", Post.title)).in_([(1, 7)])),
        Refused(QueryError, "`in_` over a tuple needs the type of each part"),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."id", (length("p0"."title"))) IN '
        "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))",
        sqlite_params=("[[1, 7]]",),
        rows=[1],
    )


def test_what_is_no_tuple_of_that_length_is_refused():
    pair = tuple_(Post.score, Post.id)
    with pytest.raises(QueryError, match=r"`>` compares tuple_\(Post.score, Post.id\) with tuples of 2 values, got 3"):
        _ = pair > 3  # type: ignore[operator]
    with pytest.raises(QueryError, match="with tuples of 2 values"):
        _ = pair > (1, 2, 3)  # type: ignore[operator]
    with pytest.raises(QueryError, match="with tuples of 2 values"):
        _ = pair > tuple_(Post.score, Post.id, Post.id)  # type: ignore[operator]
    with pytest.raises(QueryError, match="`>` with None is never true"):
        _ = pair > (1, None)  # type: ignore[operator]
    with pytest.raises(QueryError, match="with tuples of 2 values"):
        pair.in_([(1,)])  # type: ignore[list-item]
    with pytest.raises(QueryError, match="`in_` takes a list of tuples"):
        pair.in_(3)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="`tuple_` takes two or more columns"):
        tuple_(Post.score, 3)  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="has no truth value"):
        bool(pair)
    with pytest.raises(QueryError, match="a select takes expressions"):
        POSTS.select(pair)  # type: ignore[call-overload]


def test_a_list_with_expressions_is_written_out(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.score.in_([Post.id, Post.author_id + 2, literal(8)])),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE "p0"."score" IN ("p0"."id", ("p0"."author_id" + $1), CAST($2 AS bigint))',
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE "p0"."score" IN ("p0"."id", ("p0"."author_id" + ?1), CAST(?2 AS INTEGER))',
        params=(2, 8),
        rows=[2, 3],
    )
    expect_sql(
        IDS.where(~Post.day.in_([Post.day, date(2024, 1, 31)])),  # type: ignore[list-item]
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."day" IN ("p0"."day", $1))',
        params=(date(2024, 1, 31),),
        sqlite_params=("2024-01-31",),
        rows=[],
    )


def test_no_value_is_in_an_empty_list_and_every_value_is_outside(expect_sql: ExpectSql):
    postgres = 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."day" = ANY($1)'
    sqlite = 'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."day" IN (SELECT value FROM json_each(?1)))'
    expect_sql(IDS.where(Post.day.in_([])), postgres, sqlite, params=([],), sqlite_params=("[]",), rows=[])
    expect_sql(
        IDS.where(~Post.day.in_([])),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."day" = ANY($1))',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE NOT ("p0"."day" IN (SELECT value FROM json_each(?1)))',
        params=([],),
        sqlite_params=("[]",),
        rows=[1, 2, 3, 4],
    )


def test_a_comparison_with_all_rows_of_a_query(expect_sql: ExpectSql):
    likes = from_(Comment).select(Comment.likes)
    expect_sql(
        IDS.where(Post.score >= all_(likes.where(Comment.likes > 1))),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE "p0"."score" >= ALL (SELECT "c1"."likes" FROM "comments" AS "c1" WHERE "c1"."likes" > $1)',
        Refused(UnsupportedError, "SQLite compares with no rows of a query"),
        params=(1,),
        rows=[3],
    )
    expect_sql(
        IDS.where(Post.id == any_(from_(Comment).select(Comment.post_id)), Post.score > 5),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE ("p0"."id" = ANY (SELECT "c1"."post_id" FROM "comments" AS "c1")) AND ("p0"."score" > $1)',
        Refused(UnsupportedError, "fn.max"),
        params=(5,),
        rows=[3],
    )
    two = from_(Comment).select(Comment.post_id, Comment.likes)
    expect_sql(
        IDS.where(Post.score > any_(two)),  # type: ignore[operator]
        Refused(QueryError, "take a query of one column, and this one has 2"),
        Refused(UnsupportedError, "SQLite compares with no rows of a query"),
    )
    with pytest.raises(QueryError, match="`any_` takes a query"):
        any_(Post.score)  # type: ignore[arg-type]


def test_rows_of_a_query_stand_on_the_right_of_a_comparison_only(expect_sql: ExpectSql):
    rows = any_(from_(Comment).select(Comment.likes))
    refused = Refused(QueryError, "stands on the right of a comparison only")
    unsupported = Refused(UnsupportedError, "SQLite compares with no rows of a query")
    expect_sql(POSTS.select(rows), refused, unsupported)
    expect_sql(IDS.where(rows.is_null()), refused, unsupported)
    expect_sql(IDS.where(Post.score + rows > 3), refused, unsupported)


def test_they_read_like_their_code():
    assert repr(tuple_(Post.score, Post.id) > (3, 1)) == "tuple_(Post.score, Post.id) > tuple_(3, 1)"
    assert repr(tuple_(Post.score, Post.id).in_([(3, 1)])) == "tuple_(Post.score, Post.id).in_([(3, 1)])"
    assert repr(Post.score.in_([Post.id, literal(3)])) == "Post.score.in_([Post.id, literal(3)])"
    assert repr(IDS.where(Post.score > any_(from_(Comment).select(Comment.likes)))) == (
        "from_(Post).select(Post.id).where(Post.score > any_(from_(Comment).select(Comment.likes)))"
    )
    assert repr(tuple_(User.password, User.name) == ("secret", "x")) == (
        "tuple_(User.password, User.name) == tuple_(<redacted>, <redacted>)"
    )


def test_an_aggregate_stands_in_place_of_all_rows_on_every_database(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Post.score >= scalar(from_(Comment).select(fn.max(Comment.likes)))),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'WHERE "p0"."score" >= (SELECT max("c1"."likes") FROM "comments" AS "c1")',
        rows=[3],
    )
