"""What a query reads from: other tables, prefixes, hints, SQL text, constant rows; and how CTEs are kept."""

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    CastError,
    EctypeError,
    Field,
    QueryError,
    UnsupportedError,
    alias,
    cte,
    exists,
    field,
    fn,
    fragment,
    from_,
    meta,
    outer,
    primary_key,
    source,
    subquery,
    values,
)
from ectype.expr.nodes import GROWTH_LIMIT
from ectype.query.ast import EntityRow
from ectype.query.writing import assigned
from ectype.repo.loader import build
from ectype.sql.compilers import compile_delete_all, compile_select, compile_update_all
from ectype.sql.dialect import POSTGRES, SQLITE
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.rows import LEAP
from tests.dialects.world import Blog, Comment, Line, Page, Post, Role, User

POSTS = from_(Post)


class Slot(Blog):
    """A shape of a table that has no schema for this query."""

    sensor: Field[int] = primary_key()
    hour: Field[int]


class Number(Blog):
    n: Field[int] = field(source="value")


class Sample(Blog):
    """A column of every kind that travels in its own way."""

    id: Field[int]
    flag: Field[bool]
    ratio: Field[float | None]
    price: Field[Decimal | None] = field(default=None, scale=2)
    weight: Field[Decimal | None] = field(default=None)
    role: Field[Role | None] = field(default=None)
    day: Field[date | None] = field(default=None)
    at: Field[datetime | None] = field(default=None)
    key: Field[UUID | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    extra: Field[dict[str, Any]] = field(default_factory=dict)


class Secret(Blog):
    name: Field[str]
    word: Field[str | None] = field(default=None, redact=True)


class Blob(Blog):
    data: Field[bytes]


def test_a_schema_reads_another_table(expect_sql: ExpectSql):
    slots = source(Slot, "readings")
    expect_sql(
        from_(slots).where(slots.sensor == 1).order_by(slots.hour),
        'SELECT "r0"."sensor", "r0"."hour" FROM "readings" AS "r0" WHERE "r0"."sensor" = $1 ORDER BY "r0"."hour"',
        params=(1,),
        rows=[Slot(sensor=1, hour=0), Slot(sensor=1, hour=1)],
    )
    other = alias(slots, "other")
    expect_sql(
        from_(slots).join(other, on=other.sensor > slots.sensor).select(slots.hour, other.sensor),
        'SELECT "r0"."hour", "o1"."sensor" FROM "readings" AS "r0" '
        'JOIN "readings" AS "o1" ON "o1"."sensor" > "r0"."sensor"',
        rows=[(0, 2), (1, 2)],
    )


def test_a_source_says_where_its_table_is(expect_sql: ExpectSql):
    there = source(User, prefix="wiki")
    expect_sql(
        from_(there).select(there.name),
        'SELECT "u0"."name" FROM "wiki"."users" AS "u0"',
        rows=["Wanda"],
    )
    expect_sql(
        from_(User).join(there, on=there.id == User.id).select(User.name, there.name),
        'SELECT "u0"."name", "u1"."name" FROM "users" AS "u0" JOIN "wiki"."users" AS "u1" ON "u1"."id" = "u0"."id"',
        rows=[("Ann", "Wanda")],
    )


def test_a_source_stands_in_for_an_association(expect_sql: ExpectSql):
    there = source(User, prefix="wiki")
    expect_sql(
        POSTS.join(Post.author, as_=there).select(Post.id, there.name),
        'SELECT "p0"."id", "u1"."name" FROM "posts" AS "p0" '
        'JOIN "wiki"."users" AS "u1" ON "u1"."id" = "p0"."author_id"',
        rows=[(1, "Wanda"), (2, "Wanda")],
    )


def test_equal_sources_are_one_object():
    assert source(Post, "archive") is source(Post, "archive")
    assert source(Post, "archive", prefix="a") is not source(Post, "archive", prefix="b")
    assert source(Post, "posts") is Post
    assert source(Post) is Post
    assert from_(source(Post, "archive")).where(source(Post, "archive").id == 1).params == (1,)


def test_the_prefix_of_a_query_is_that_of_its_tables(expect_sql: ExpectSql):
    expect_sql(
        POSTS.prefix("wiki").join(Post.author).select(Post.title, User.name),
        'SELECT "p0"."title", "u1"."name" FROM "wiki"."posts" AS "p0" '
        'JOIN "wiki"."users" AS "u1" ON "u1"."id" = "p0"."author_id"',
        rows=[("Wiki", "Wanda")],
    )
    own = exists(from_(User).where(User.id == outer(Post.author_id), User.name == "Wanda"))
    titles = subquery(POSTS.where(own), "titles")
    expect_sql(
        from_(titles).prefix("wiki").select(titles.title),
        'SELECT "t0"."title" FROM (SELECT '
        + ", ".join(f'"p0"."{Post.__schema__.fields[n].source}" AS "{n}"' for n in Post.__schema__.column_names)
        + ' FROM "wiki"."posts" AS "p0" WHERE EXISTS(SELECT 1 FROM "wiki"."users" AS "u1" '
        'WHERE ("u1"."id" = "p0"."author_id") AND ("u1"."name" = $1))) AS "t0"',
        params=("Wanda",),
        rows=["Wiki"],
    )
    expect_sql(
        POSTS.select(Post.id).prefix("wiki").union_all(POSTS.select(Post.score)),
        'SELECT "p0"."id" FROM "wiki"."posts" AS "p0" UNION ALL '
        'SELECT "p0"."score" AS "c0" FROM "wiki"."posts" AS "p0"',
        rows=[1, 1],
    )


def test_the_nearest_prefix_wins(expect_sql: ExpectSql):
    # The schema's own wins over the query's, the source's over both.
    expect_sql(
        from_(Page).prefix("nowhere").select(Page.path),
        'SELECT "p0"."path" FROM "wiki"."pages" AS "p0"',
        rows=["/home", "/faq"],
    )
    assert from_(source(Page, prefix="x")).prefix("nowhere").to_sql(POSTGRES)[0].endswith('FROM "x"."pages" AS "p0"')
    # The last prefix of a query counts, and wins over that of the call.
    query = POSTS.prefix("a").prefix("b").select(Post.id)
    assert compile_select(query.node, SQLITE, "call").sql == 'SELECT "p0"."id" FROM "b"."posts" AS "p0"'
    assert compile_select(POSTS.select(Post.id).node, SQLITE, "call").sql.endswith('FROM "call"."posts" AS "p0"')
    # A subquery may say otherwise.
    inner = POSTS.select(Post.id).prefix("inner")
    query = POSTS.prefix("outer").where(Post.id.in_(inner)).select(Post.id)
    assert query.to_sql(POSTGRES)[0] == (
        'SELECT "p0"."id" FROM "outer"."posts" AS "p0" '
        'WHERE "p0"."id" IN (SELECT "p1"."id" FROM "inner"."posts" AS "p1")'
    )


def test_the_name_of_a_cte_gets_no_prefix(expect_sql: ExpectSql):
    best = cte(Line, "best")
    made = POSTS.project(Line(title=Post.title, count=Post.score))
    expect_sql(
        from_(best).with_cte(best, made).prefix("wiki"),
        'WITH "best"("title", "count") AS (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
        'FROM "wiki"."posts" AS "p0") SELECT "b0"."title", "b0"."count" FROM "best" AS "b0"',
        rows=[Line(title="Wiki", count=1)],
    )


def test_a_cte_is_kept_or_not_on_demand(expect_sql: ExpectSql):
    best = cte(Line, "best")
    made = POSTS.where(Post.score > 4).project(Line(title=Post.title, count=Post.score))
    for flag, text in ((True, "MATERIALIZED"), (False, "NOT MATERIALIZED")):
        expect_sql(
            from_(best).with_cte(best, made, materialized=flag),
            f'WITH "best"("title", "count") AS {text} (SELECT "p0"."title" AS "title", "p0"."score" AS "count" '
            'FROM "posts" AS "p0" WHERE "p0"."score" > $1) SELECT "b0"."title", "b0"."count" FROM "best" AS "b0"',
            params=(4,),
            rows=[Line(title="Engines", count=5), Line(title="Bees", count=8)],
        )


def test_a_hint_stands_after_the_table():
    hinted = source(Post, hint="NOT INDEXED")
    assert from_(hinted).select(hinted.id).to_sql(SQLITE)[0] == 'SELECT "p0"."id" FROM "posts" AS "p0" NOT INDEXED'
    sampled = source(Post, hint="TABLESAMPLE SYSTEM (50)")
    text = 'SELECT "u0"."id" FROM "users" AS "u0" JOIN "posts" AS "p1" TABLESAMPLE SYSTEM (50) ON "p1"."id" = "u0"."id"'
    assert from_(User).join(sampled, on=sampled.id == User.id).select(User.id).to_sql(POSTGRES)[0] == text
    assert from_(hinted).node is not from_(sampled).node


def test_rows_of_sql_text_are_structs(expect_sql: ExpectSql):
    popular = source(Comment, fragment("(SELECT * FROM comments WHERE likes > {})", 1))
    expect_sql(
        from_(popular).where(popular.id > 1),
        'SELECT "c0"."id", "c0"."body", "c0"."likes", "c0"."post_id" '
        'FROM (SELECT * FROM comments WHERE likes > $1) AS "c0" WHERE "c0"."id" > $2',
        params=(1, 1),
        rows=[Comment(id=3, body="buzz", likes=7, post_id=3)],
    )
    expect_sql(
        POSTS.where(Post.score > 2).join(popular, on=popular.post_id == Post.id).where(popular.id < 9).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" JOIN (SELECT * FROM comments WHERE likes > $2) AS "c1" '
        'ON "c1"."post_id" = "p0"."id" WHERE ("p0"."score" > $1) AND ("c1"."id" < $3)',
        params=(2, 1, 9),
        rows=[1, 3],
    )
    numbers = source(Number, fragment("generate_series(1, {})", 3), columns=[Number.n])
    expect_sql(
        from_(numbers).where(numbers.n > 1).order_by(numbers.n).select(numbers.n),
        'SELECT "n0"."value" FROM generate_series(1, $1) AS "n0"("value") WHERE "n0"."value" > $2 '
        'ORDER BY "n0"."value"',
        Refused(UnsupportedError, "SQLite cannot name the columns of a fragment, as `columns=` of Number asks for"),
        params=(3, 1),
        rows=[2, 3],
    )


def test_a_table_function_names_its_own_columns():
    numbers = source(Number, fragment("json_each({})", "[1, 2]"))
    assert from_(numbers).select(numbers.n).to_sql(SQLITE) == (
        'SELECT "n0"."value" FROM json_each(?1) AS "n0"',
        ("[1, 2]",),
    )


WANTED = values(Line, [Line(title="Bees", count=2), Line(title="Notes", count=9)], name="wanted")
LISTED = (
    "(SELECT json_extract(value, '$[0]') AS \"title\", json_extract(value, '$[1]') AS \"count\" FROM json_each(?{}))"
)


def test_constant_rows_are_a_source(expect_sql: ExpectSql):
    expect_sql(
        from_(WANTED).where(WANTED.count > 3),
        'SELECT "w0"."title", "w0"."count" FROM unnest($1::text[], $2::bigint[]) AS "w0"("title", "count") '
        'WHERE "w0"."count" > $3',
        f'SELECT "w0"."title", "w0"."count" FROM {LISTED.format(2)} AS "w0" WHERE "w0"."count" > ?3',
        params=(["Bees", "Notes"], [2, 9], 3),
        sqlite_params=(None, '[["Bees", 2], ["Notes", 9]]', 3),
        rows=[Line(title="Notes", count=9)],
    )
    expect_sql(
        POSTS.where(Post.score > 1).join(WANTED, on=WANTED.title == Post.title).select(Post.id, WANTED.count),
        'SELECT "p0"."id", "w1"."count" FROM "posts" AS "p0" JOIN unnest($2::text[], $3::bigint[]) '
        'AS "w1"("title", "count") ON "w1"."title" = "p0"."title" WHERE "p0"."score" > $1',
        f'SELECT "p0"."id", "w1"."count" FROM "posts" AS "p0" JOIN {LISTED.format(3)} AS "w1" '
        'ON "w1"."title" = "p0"."title" WHERE "p0"."score" > ?1',
        params=(1, ["Bees", "Notes"], [2, 9]),
        sqlite_params=(1, None, '[["Bees", 2], ["Notes", 9]]'),
        rows=[(2, 9), (3, 2)],
    )


def test_constant_rows_stand_in_subqueries_and_ctes(expect_sql: ExpectSql):
    titles = from_(WANTED).where(WANTED.count > 3).select(WANTED.title)
    expect_sql(
        POSTS.where(Post.title.in_(titles), Post.score < 9).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."title" IN (SELECT "w1"."title" '
        'FROM unnest($1::text[], $2::bigint[]) AS "w1"("title", "count") WHERE "w1"."count" > $3)) '
        'AND ("p0"."score" < $4)',
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."title" IN (SELECT "w1"."title" '
        f'FROM {LISTED.format(2)} AS "w1" WHERE "w1"."count" > ?3)) AND ("p0"."score" < ?4)',
        params=(["Bees", "Notes"], [2, 9], 3, 9),
        sqlite_params=(None, '[["Bees", 2], ["Notes", 9]]', 3, 9),
        rows=[2],
    )
    named, inner = cte(Line, "named"), subquery(from_(WANTED).where(WANTED.count > 3), "inner")
    expect_sql(
        from_(named).with_cte(named, from_(inner)).where(named.count < 99),
        'WITH "named"("title", "count") AS (SELECT "i0"."title" AS "title", "i0"."count" AS "count" FROM (SELECT '
        '"w0"."title" AS "title", "w0"."count" AS "count" FROM unnest($1::text[], $2::bigint[]) '
        'AS "w0"("title", "count") WHERE "w0"."count" > $3) AS "i0") '
        'SELECT "n0"."title", "n0"."count" FROM "named" AS "n0" WHERE "n0"."count" < $4',
        'WITH "named"("title", "count") AS (SELECT "i0"."title" AS "title", "i0"."count" AS "count" FROM (SELECT '
        f'"w0"."title" AS "title", "w0"."count" AS "count" FROM {LISTED.format(2)} AS "w0" WHERE "w0"."count" > ?3) '
        'AS "i0") SELECT "n0"."title", "n0"."count" FROM "named" AS "n0" WHERE "n0"."count" < ?4',
        params=(["Bees", "Notes"], [2, 9], 3, 99),
        sqlite_params=(None, '[["Bees", 2], ["Notes", 9]]', 3, 99),
        rows=[Line(title="Notes", count=9)],
    )


SAMPLES = [
    Sample(
        id=1, flag=True, ratio=0.1, price=Decimal("9.99"), weight=Decimal("1.50"), role=Role.ADMIN,
        day=date(2024, 2, 29), at=LEAP, key=UUID(int=7), tags=["a", 'b"c'], extra={"x": [1, None]},
    ),
    Sample(id=2**62, flag=False, ratio=2.0, at=datetime(1, 1, 2, tzinfo=UTC)),
]  # fmt: skip


def test_constant_rows_keep_values_of_every_type(expect_sql: ExpectSql):
    samples = values(Sample, SAMPLES, name="samples")
    columns = Sample.__schema__.column_names
    listed = ", ".join(f"json_extract(value, '$[{i}]') AS \"{name}\"" for i, name in enumerate(columns))
    outputs = ", ".join(f'"s0"."{name}"' for name in columns)
    shown = outputs.replace('"s0"."day"', 'CAST("s0"."day" AS text)')
    shown = shown.replace('"s0"."at"', 'CAST(CAST("s0"."at" AS timestamptz) AS text)')
    types = ["bigint", "boolean", "float8", "numeric(1000,2)", "numeric", "text", "date", "timestamptz", "uuid"]
    types += ["text", "jsonb"]
    picks = ", ".join(
        f'CAST(u.c{i} AS text[]) AS "{name}"' if name == "tags" else f'u.c{i} AS "{name}"'
        for i, name in enumerate(columns)
    )
    arrays = ", ".join(f"${i + 1}::{one}[]" for i, one in enumerate(types))
    given = ", ".join(f"c{i}" for i in range(len(columns)))
    expect_sql(
        from_(samples).order_by(samples.id),
        f'SELECT {shown} FROM (SELECT {picks} FROM unnest({arrays}) AS u({given})) AS "s0" ORDER BY "s0"."id"',
        f'SELECT {outputs} FROM (SELECT {listed} FROM json_each(?{len(columns)})) AS "s0" ORDER BY "s0"."id"',
        params=tuple(from_(samples).to_sql(POSTGRES)[1]),
        sqlite_params=tuple(from_(samples).to_sql(SQLITE)[1]),
        rows=SAMPLES,
    )


def test_names_of_tables_that_come_from_data_do_not_fill_the_memory():
    class Log(Blog, table="logs"):
        id: Field[int] = primary_key()

    top = Log.__schema__.source.entity.node
    for number in range(GROWTH_LIMIT + 100):
        from_(source(Log, f"logs_{number}"))
    assert len(top.kids) <= GROWTH_LIMIT
    assert len(Log.__schema__.root.tops) < 10


def test_the_number_of_constant_rows_does_not_change_the_shape():
    one = from_(values(Line, [Line(title="x", count=1)]))
    many = from_(values(Line, [{"count": n, "title": "x"} for n in range(50)]))
    assert one.node is many.node
    assert from_(values(Line, [Line(title="x", count=1)], name="other")).node is not one.node


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(rows=st.lists(st.tuples(TEXTS, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=5))
def test_constant_rows_come_back_as_they_were(sqlite: sqlite3.Connection, rows: list[tuple[str, int]]):
    lines = [Line(title=title, count=count) for title, count in rows]
    query = from_(values(Line, lines))
    compiled = compile_select(query.node, SQLITE)
    found = sqlite.execute(compiled.sql, compiled.dump(query.params)).fetchall()
    assert build(compiled.columns, compiled.row)(found) == lines


def test_constant_rows_that_a_database_cannot_take_are_refused(expect_sql: ExpectSql):
    blobs = values(Blob, [Blob(data=b"x")], name="blobs")
    expect_sql(
        from_(blobs),
        'SELECT "b0"."data" FROM unnest($1::bytea[]) AS "b0"("data")',
        Refused(UnsupportedError, "SQLite sends constant rows as JSON, which has no bytes for `Blob.data`"),
        params=([b"x"],),
        rows=[Blob(data=b"x")],
    )
    with pytest.raises(CastError) as caught:
        from_(values(Line, [{"title": "x", "count": "many"}])).to_sql(POSTGRES)
    assert "in the constant rows' column `Line.count`" in caught.value.__notes__


def test_secrets_among_constant_rows_stay_hidden():
    query = from_(values(Secret, [Secret(name="Ada", word="opensesame")], name="secrets"))
    assert repr(query) == "from_(values(Secret, [Secret(name='Ada', word=<redacted>)], name='secrets'))"
    assert compile_select(query.node, POSTGRES).redacted == {1}
    assert compile_select(query.node, SQLITE).redacted == {0, 1}
    with pytest.raises(CastError) as caught:
        from_(values(Secret, [{"name": "Ada", "word": 77123}])).to_sql(SQLITE)
    assert "77123" not in str(caught.value)


def test_updates_and_deletes_write_the_source(expect_sql: ExpectSql):
    there = source(User, prefix="wiki")
    node = from_(there).where(there.name == "Wanda").node
    for dialect in (POSTGRES, SQLITE):
        deleted = compile_delete_all(node, dialect, prefix="call").sql
        assert deleted == f'DELETE FROM "wiki"."users" AS "u0" WHERE "u0"."name" = {dialect.placeholder}1'
        terms = assigned(User.__schema__, [there.name.set("x")])
        updated = compile_update_all(from_(User).prefix("wiki").node, terms, dialect, prefix="call").sql
        assert updated == f'UPDATE "wiki"."users" AS "u0" SET "name" = {dialect.placeholder}1'
    hinted = from_(source(User, hint="NOT INDEXED")).node
    assert compile_delete_all(hinted, SQLITE).sql == 'DELETE FROM "users" AS "u0" NOT INDEXED'
    with pytest.raises(UnsupportedError, match="PostgreSQL takes no hint in `delete_all`, got 'NOT INDEXED'"):
        compile_delete_all(hinted, POSTGRES)
    with pytest.raises(QueryError, match="`delete_all` writes to a table, and this query begins at"):
        compile_delete_all(from_(WANTED).node, POSTGRES)


def _row(query: Any) -> tuple[str | None, str | None]:
    row = compile_select(query.node, SQLITE).row
    assert isinstance(row, EntityRow)
    return row.table, row.prefix


def test_structs_remember_where_they_came_from():
    archive = source(Post, "archive", prefix="old")
    best = cte(Post, "best")
    assert _row(POSTS) == ("posts", None)
    assert _row(from_(archive)) == ("archive", "old")
    assert _row(from_(source(Post, "archive")).prefix("x")) == ("archive", "x")
    assert _row(from_(Page).prefix("x")) == ("pages", "wiki")
    assert _row(from_(subquery(from_(archive).where(archive.id > 1), "s"))) == ("archive", "old")
    assert _row(from_(subquery(POSTS.prefix("y"), "s"))) == ("posts", "y")
    assert _row(from_(User).join(from_(archive).limit(1), on=archive.id == User.id).select(archive)) == (
        "archive",
        "old",
    )
    comments = from_(Comment).prefix("y").limit(1)
    assert _row(from_(User).join(comments, on=Comment.id == User.id).select(Comment)) == ("comments", "y")
    # A CTE is no table to write to, so its structs belong to that of their schema.
    assert _row(from_(best).with_cte(best, from_(archive))) == ("posts", None)
    statement = compile_select(from_(source(Slot, "readings")).node, SQLITE)
    (slot,) = build(statement.columns, statement.row)([(1, 2)])
    assert meta(slot).source == "readings"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: source(Post, ""), "the table of a source is a text that is not empty, got ''"),
        (lambda: source(Post, 3), "the table of a source is a text that is not empty, got 3"),
        (lambda: source(Post, "x", prefix=" "), "the prefix of a source is a text that is not empty"),
        (lambda: source(Post, "x", hint=""), "the hint of a source is a text that is not empty"),
        (lambda: source("posts"), "a schema class was expected, got 'posts'"),
        (lambda: source(None), "a schema class was expected, got None"),
        (lambda: source(subquery(POSTS, "s"), "x"), "`source` takes a schema, got <alias s of Post>"),
        (lambda: source(Post, Post.id), "`source` takes the name of a table or a fragment, got Post.id"),
        (lambda: source(Post, fragment("f()"), prefix="x"), "a fragment has no prefix and no hint"),
        (lambda: source(Post, fragment("f()"), hint="x"), "a fragment has no prefix and no hint"),
        (lambda: source(Post, "x", columns=[Post.id]), "`columns` names those of a fragment"),
        (lambda: source(Post, fragment("f()"), columns=[User.name]), "`columns` takes columns of Post, got User.name"),
        (lambda: source(Post, fragment("f({})", User.id)), "mentions User, which stands beside it"),
        (lambda: from_(Slot), "Slot has no table, so there is nothing to read"),
        (lambda: values(Line, []), "`values` needs at least one row of Line, got none"),
        (lambda: values(Line, [{"title": "x"}]), "row 0 has no `count`, and all rows of Line have the same columns"),
        (lambda: values(Line, [{"titel": "x", "count": 1}]), "did you mean `title`?"),
        (lambda: values(Line, [{1: "x"}]), "row 0 has `1`, which is no column of Line"),
        (lambda: values(Line, [User(name="x")]), "a row of `values` is a struct of Line or a mapping, got User("),
        (lambda: values(Line, [None]), "a row of `values` is a struct of Line or a mapping, got None"),
        (lambda: values(Line, [{"title": None, "count": 1}]), "row 0 has None for `Line.title`, which is never None"),
        (lambda: values(Line, [Line(title=Post.title, count=1)]), "row 0 has an expression for `Line.title`"),
        (lambda: values(Line, [Line(title="x", count=1)], name="a b"), "constant rows are named like a variable"),
        (lambda: POSTS.prefix(""), "`prefix` takes the name of a schema or of an attached database, got ''"),
        (lambda: POSTS.prefix(None), "`prefix` takes the name of a schema or of an attached database, got None"),
        (
            lambda: from_(cte(Line, "best")).with_cte(cte(Line, "best"), from_(WANTED), materialized="yes"),
            "`materialized` is True, False or None, got 'yes'",
        ),
        (lambda: POSTS.join(source(Post, "archive"), on=Post.id == 1).where(alias(Post, "z").id == 1), "mentions z"),
        (lambda: WANTED.cuont, "did you mean `count`?"),
        (lambda: from_(WANTED).join(WANTED, on=WANTED.count == 1), "wanted is in this query already"),
    ],
)
def test_a_source_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(EctypeError) as caught:
        build()
    assert message in str(caught.value)


def test_sources_are_shown_as_the_code_that_made_them():
    numbers = source(Number, fragment("generate_series(1, {})", 3), columns=[Number.n])
    best = cte(Line, "best")
    queries = {
        "from_(source(Post, 'archive', prefix='old', hint='NOT INDEXED'))": from_(
            source(Post, "archive", prefix="old", hint="NOT INDEXED")
        ),
        "from_(source(Post, prefix='old')).prefix('new')": from_(source(Post, prefix="old")).prefix("new"),
        "from_(source(Number, fragment('generate_series(1, {})', 3), columns=[Number.n]))": from_(numbers),
        "from_(Post).join(values(Line, [Line(title='Bees', count=2), Line(title='Notes', count=9)], name='wanted'), "
        "on=wanted.title == Post.title).where(Post.score > 4)": POSTS.join(WANTED, on=WANTED.title == Post.title).where(
            Post.score > 4
        ),
        "from_(best).with_cte(best, from_(Post).project(Line(title=Post.title, count=fn.count())), "
        "materialized=True)": from_(best).with_cte(
            best, POSTS.project(Line(title=Post.title, count=fn.count())), materialized=True
        ),
    }
    for text, query in queries.items():
        assert repr(query) == text
