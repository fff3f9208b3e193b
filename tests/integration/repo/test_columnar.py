"""Tables of a query: which columns they have, of which types, and that they are read as `repo.all` reads."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ectype import (
    CastError,
    DeadlineError,
    Field,
    QueryError,
    Repo,
    Schema,
    UnsupportedError,
    alias,
    column,
    field,
    fn,
    fragment,
    from_,
    maybe,
    migrations,
    only,
    primary_key,
    source,
    telemetry,
)
from ectype.migrations import Migration
from ectype.repo import columnar
from ectype.repo.hooks import QueryContext
from tests.integration.repo.blog import Comment, Post, Stars, User

pa: Any = pytest.importorskip("pyarrow")
polars: Any = pytest.importorskip("polars")


class PostLine(Schema):
    title: Field[str]
    author: Field[str]


class Price(Schema, table="prices"):
    id: Field[int] = primary_key()
    amount: Field[Decimal | None] = field(default=None, scale=2, db=column(type="numeric(12,2)"))
    free: Field[Decimal | None] = field(default=None)


@dataclass
class Card:
    title: str
    score: int


@pytest.fixture
async def written(repo: Repo) -> Repo:
    """Two users, of whom one has two posts, of which one has a comment."""
    ada = await repo.insert(User(name="Ada", email="ada@example.org"))
    await repo.insert(User(name="Bob", email="bob@example.org", age=70))
    first = await repo.insert(Post(title="a", author_id=ada.id, score=3, price=Decimal("1.50"), tags=["x", "y"]))
    await repo.insert(Post(title="b", author_id=ada.id, meta={"k": [1, None]}))
    await repo.insert(Comment(body="yes", post_id=first.id))
    return repo


async def test_a_schema_is_a_table_of_its_columns(written: Repo):
    table = await written.to_arrow(from_(Post).order_by(Post.id))
    assert table.column_names == list(Post.__schema__.column_names)
    posts = await written.all(from_(Post).order_by(Post.id))
    for name in ("id", "title", "score", "price", "tags", "author_id", "editor_id", "inserted_at"):
        assert table[name].to_pylist() == [getattr(post, name) for post in posts]
    assert table.schema.field("inserted_at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("price").type == pa.decimal128(38, 2)
    assert table.schema.field("tags").type.value_type == pa.string()
    assert (table.schema.field("title").nullable, table.schema.field("editor_id").nullable) == (False, True)
    assert table["meta"].type == pa.string()


async def test_virtual_fields_are_no_columns(written: Repo):
    table = await written.to_arrow(User)
    assert "password" not in table.column_names
    assert "password_hash" in table.column_names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (from_(Post).select(Post.title), ["title"]),
        (from_(Post).select(Post.title, Post.score), ["title", "score"]),
        (from_(Post).select(Post.title, (Post.score + 1).as_("next")), ["title", "next"]),
        (from_(Post).group_by(Post.author_id).select(Post.author_id, fn.count()), ["author_id", "c1"]),
        (from_(Post).select(only(Post.id, Post.title)), ["id", "title"]),
        (
            from_(Post).join(Post.author).project(PostLine(title=Post.title, author=User.name)),
            ["title", "author"],
        ),
        (from_(Post).select_into(Card, Post.title, Post.score), ["title", "score"]),
        (from_(Post).select({"a": Post.title, "b": Post.score}), ["a", "b"]),
        (
            from_(Comment).join(Comment.post).select(Comment, Post.id),
            ["Comment.id", "body", "post_id", "user_id", "Post.id"],
        ),
        (
            from_(User).join(alias(User, "other"), on=User.id == alias(User, "other").id).select(User.id, User.name),
            ["id", "name"],
        ),
    ],
)
async def test_columns_are_called_like_what_is_selected(written: Repo, query: Any, names: list[str]):
    table = await written.to_arrow(query)
    assert table.column_names == names
    assert len(table) == len(await written.all(query))


async def test_tuples_say_the_same_as_all(written: Repo):
    query = from_(Post).left_join(Post.comments).order_by(Post.id).select(Post.title, maybe(Comment.body), Post.score)
    table = await written.to_arrow(query)
    assert list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True)) == await written.all(query)
    assert table["body"].to_pylist() == ["yes", None]


async def test_the_missing_row_of_an_outer_join_is_null_in_each_column(written: Repo):
    query = from_(Post).left_join(Post.comments).order_by(Post.id).select(Post.title, maybe(Comment))
    table = await written.to_arrow(query)
    assert table["body"].to_pylist() == ["yes", None]
    assert table["post_id"].null_count == 1


async def test_a_table_of_no_rows_has_its_types(written: Repo):
    some, none = await written.to_arrow(Post), await written.to_arrow(from_(Post).where(Post.id < 0))
    assert none.schema == some.schema
    assert len(none) == 0
    frame = await written.to_polars(from_(Post).where(Post.id < 0))
    assert frame.schema["inserted_at"] == polars.Datetime("us", "UTC")
    assert frame.height == 0


async def test_polars_has_the_rows_and_types(written: Repo):
    query = from_(Post).order_by(Post.id).select(Post.id, Post.title, Post.price, Post.tags, Post.inserted_at)
    frame = await written.to_polars(query)
    assert frame.rows() == await written.all(query)
    assert dict(frame.schema) == {
        "id": polars.Int64,
        "title": polars.String,
        "price": polars.Decimal(38, 2),
        "tags": polars.List(polars.String),
        "inserted_at": polars.Datetime("us", "UTC"),
    }


async def test_more_rows_than_a_piece_come_in_order(written: Repo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(columnar, "CHUNK", 7)
    post = (await written.all(Post))[0]
    await written.insert_all(Comment, [{"body": str(n), "post_id": post.id} for n in range(50)])
    query = from_(Comment).where(Comment.body != "yes").order_by(Comment.id)
    table = await written.to_arrow(query)
    assert table["body"].to_pylist() == [str(n) for n in range(50)]
    assert table["body"].num_chunks == 8


async def test_aggregates_have_the_types_of_their_results(written: Repo):
    query = from_(Post).select(fn.count().as_("n"), fn.sum(Post.score).as_("s"), fn.max(Post.inserted_at).as_("m"))
    table = await written.to_arrow(query)
    assert [field.type for field in table.schema] == [pa.int64(), pa.int64(), pa.timestamp("us", tz="UTC")]
    assert table.to_pylist()[0]["n"] == 2


async def test_distinct_moments_are_moments_too(written: Repo):
    query = from_(Post).distinct().select(Post.inserted_at)
    assert sorted((await written.to_arrow(query))["inserted_at"].to_pylist()) == sorted(await written.all(query))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (from_(Post).preload(Post.author), "preloads"),
        (from_(Post).select(Post.id, fragment("1")), "of which type"),
        (from_(Post).select(Post.id, Post.id), "would be called `Post.id`"),
    ],
)
async def test_what_is_no_table_is_refused_with_a_way_out(written: Repo, query: Any, says: str):
    with pytest.raises(QueryError, match=says) as caught:
        await written.to_arrow(query)
    assert caught.value.hint


async def test_null_where_the_schema_has_none_is_refused_as_all_refuses_it(written: Repo):
    class Aged(Schema, table="users"):
        id: Field[int] = primary_key()
        age: Field[int]

    messages: list[str] = []
    for read in (written.all, written.to_arrow):
        with pytest.raises(CastError) as caught:
            await read(Aged)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


async def test_an_unknown_member_of_an_enum_is_refused_as_all_refuses_it(written: Repo):
    class Starred(Schema, table="posts"):
        id: Field[int] = primary_key()
        score: Field[Stars]

    messages: list[str] = []
    for read in (written.all, written.to_arrow):
        with pytest.raises(CastError) as caught:
            await read(Starred)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


async def test_the_hook_the_options_and_the_events_are_those_of_all(blog_url: str, written: Repo):
    seen: list[QueryContext] = []

    def hook(query: Any, context: QueryContext) -> Any:
        seen.append(context)
        return query.where(Post.title == "a")

    events: list[Any] = []
    async with Repo(blog_url, prepare_query=hook) as repo:
        with telemetry.attach("analytics", events.append):
            table = await repo.to_arrow(Post, event="analytics", tags={"report": "daily"})
    assert table["title"].to_pylist() == ["a"]
    assert [(one.operation, dict(one.tags)) for one in seen] == [("all", {"report": "daily"})]
    assert [(one.rows, dict(one.tags), one.error) for one in events] == [(1, {"report": "daily"}, None)]


async def test_a_table_is_read_in_the_transaction_that_is_open(written: Repo):
    async with written.transaction() as tx:
        await written.update_all(from_(Post), Post.title.set("changed"))
        assert set((await written.to_arrow(Post))["title"].to_pylist()) == {"changed"}
        tx.rollback()
    assert set((await written.to_arrow(Post))["title"].to_pylist()) == {"a", "b"}


async def test_tables_are_read_by_many_tasks_at_once(written: Repo):
    query = from_(Post).order_by(Post.id)
    tables = await asyncio.gather(*(written.to_arrow(query) for _ in range(20)))
    assert {tuple(table["title"].to_pylist()) for table in tables} == {("a", "b")}


async def test_a_deadline_ends_the_read(written: Repo):
    class Counted(Schema):
        n: Field[int]

    count = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000000000)"
    rows = fragment(f"({count} SELECT max(i) AS n FROM s)")  # type: ignore[arg-type]  # it is made of constants
    with pytest.raises(DeadlineError):
        await written.to_arrow(from_(source(Counted, rows)), timeout=0.2)
    assert len(await written.to_arrow(Post)) == 2


@pytest.mark.postgres
async def test_the_prefix_says_where_the_table_is(postgres_blog: str):
    async with Repo(postgres_blog) as repo:
        await repo.query("CREATE SCHEMA IF NOT EXISTS elsewhere")
        try:
            await repo.query("CREATE TABLE elsewhere.tags (name text PRIMARY KEY, color text NOT NULL)")
            await repo.query("INSERT INTO elsewhere.tags VALUES ('there', 'red')")

            class Tag(Schema, table="tags"):
                name: Field[str] = field(primary_key=True)
                color: Field[str]

            assert (await repo.to_arrow(Tag, prefix="elsewhere"))["name"].to_pylist() == ["there"]
            assert (await repo.to_arrow(source(Tag, prefix="elsewhere")))["name"].to_pylist() == ["there"]
        finally:
            await repo.query("DROP SCHEMA elsewhere CASCADE")


@pytest.mark.postgres
async def test_a_moment_that_arrow_has_no_place_for_is_refused_by_name(postgres_blog: str):
    class Moment(Schema):
        at: Field[datetime]

    async with Repo(postgres_blog) as repo:
        for text in ("infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00"):
            query = from_(source(Moment, fragment("(SELECT {}::text::timestamptz AS at)", text)))
            with pytest.raises(CastError, match="`at` cannot be held") as caught:
                await repo.to_arrow(query)
            assert caught.value.hint
        fine = from_(source(Moment, fragment("(SELECT {}::text::timestamptz AS at)", "0001-01-02 00:00:00+00")))
        assert (await repo.to_arrow(fine))["at"].to_pylist() == [datetime(1, 1, 2, tzinfo=UTC)]


async def test_a_declared_decimal_is_one_and_another_is_its_text(blog_url: str, tmp_path: Path):
    def change(m: Migration) -> None:
        with m.create_table("prices") as t:
            t.column("amount", Price.__schema__.fields["amount"].type)
            t.column("free", Decimal)

    url = blog_url if blog_url.startswith("postgres") else f"sqlite:///{tmp_path / 'prices.db'}"
    async with Repo(url) as repo:
        await migrations.up(repo, 77, change)
        try:
            await repo.insert(Price(amount=Decimal("1.5"), free=Decimal("1.500")))
            table = await repo.to_arrow(Price)
        finally:
            await migrations.down(repo, 77, change)
    assert table.schema.field("amount").type == pa.decimal128(12, 2)
    assert table["amount"].to_pylist() == [Decimal("1.50")]
    assert table["free"].to_pylist() == ["1.500"]


@pytest.mark.parametrize(
    ("method", "missing", "extra"), [("to_arrow", "pyarrow", "arrow"), ("to_polars", "polars", "polars")]
)
async def test_without_the_library_the_error_says_what_to_install(
    written: Repo, monkeypatch: pytest.MonkeyPatch, method: str, missing: str, extra: str
):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UnsupportedError, match=f"`{method}` needs {missing}") as caught:
        await getattr(written, method)(Post)
    assert caught.value.hint == f"pip install 'ectype[{extra}]'"
