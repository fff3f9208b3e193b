"""`table_exists` answers what a query of the same name would find, on each database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ectype import (
    CastError,
    DatabaseError,
    EmbeddedSchema,
    Field,
    QueryError,
    ReadRepo,
    Repo,
    Schema,
    field,
    fragment,
    from_,
    primary_key,
    source,
    subquery,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import PostLine, Tag


class Paper(Schema, table="papers"):
    id: Field[int] = primary_key()


class Filed(Schema, table="papers", prefix="drawer"):
    id: Field[int] = primary_key()


class Note(EmbeddedSchema):
    body: Field[str]


@pytest.fixture
async def drawer(database_url: str, tmp_path: Path) -> AsyncIterator[Repo]:
    """A repo with a table beside the usual place: in another schema, or in an attached file."""
    attached = {"attach": {"drawer": str(tmp_path / "drawer.db")}} if database_url.startswith("sqlite") else {}
    async with Repo(database_url, **attached) as repo:  # type: ignore[arg-type]
        if not attached:
            await repo.query("CREATE SCHEMA drawer")
        await repo.query("CREATE TABLE drawer.papers (id integer PRIMARY KEY)")
        yield repo


async def test_tables_and_views_are_there_and_nothing_else_is(repo: Repo):
    await repo.query("CREATE VIEW red_tags AS SELECT * FROM tags WHERE color = 'red'")
    try:
        found = {
            name: await repo.table_exists(name)
            for name in ("tags", "red_tags", "posts_slug_index", "tag", "tags;", '"tags"', "main.tags", "public.tags")
        }
    finally:
        await repo.query("DROP VIEW red_tags")
    assert [name for name, there in found.items() if there] == ["tags", "red_tags"]
    assert await repo.table_exists(Tag)
    assert await repo.table_exists(source(Tag, "users"))
    assert not await repo.table_exists(source(Tag, "old_tags"))


async def test_a_virtual_table_is_there_and_what_it_keeps_its_rows_in_is_not(tmp_path: Path):
    async with Repo(f"sqlite:///{tmp_path / 'words.db'}") as repo:
        await repo.query("CREATE VIRTUAL TABLE words USING fts5(body)")
        assert await repo.table_exists("words")
        assert not await repo.table_exists("words_data")


async def test_the_prefix_of_the_schema_wins_over_that_of_the_call_and_that_over_the_repos(drawer: Repo):
    named = source(Paper, prefix="drawer")
    usual = "main" if drawer.adapter.dialect.target == "sqlite" else "public"
    assert await drawer.table_exists(Filed)
    assert await drawer.table_exists(Filed, prefix=usual)
    assert await drawer.table_exists(named, prefix=usual)
    assert not await drawer.table_exists(source(Filed, prefix=usual))
    assert await drawer.table_exists(Paper, prefix="drawer")
    assert await drawer.table_exists("papers", prefix="drawer")
    assert await drawer.with_options(prefix="drawer").table_exists("papers")
    assert not await drawer.with_options(prefix="drawer").table_exists("papers", prefix=usual)
    assert not await drawer.table_exists("papers", prefix="nowhere")
    async with Repo(drawer.adapter, prefix="drawer") as inside:
        assert await inside.table_exists(Paper)
        assert not await inside.table_exists(Paper, prefix=usual)


async def test_without_a_prefix_it_looks_where_a_query_looks(drawer: Repo):
    try:
        await drawer.all(from_(Paper))
        queried = True
    except DatabaseError:
        queried = False
    # SQLite finds a name in any attached file, PostgreSQL along its search path.
    assert queried is (drawer.adapter.dialect.target == "sqlite")
    assert await drawer.table_exists(Paper) is queried


ODD = ["a b", "Größe", "select", "a.b", "it's", 'a "b"', '""', "{}", "$1", "MiXed", "%", "\\", "x" * 63]


@pytest.mark.parametrize("name", ODD)
async def test_of_any_name_it_says_what_a_query_would_find(repo: Repo, name: str):
    quoted = '"' + name.replace('"', '""') + '"'
    assert not await repo.table_exists(name)
    async with repo.transaction() as tx:
        await repo._session.script(f"CREATE TABLE {quoted} (id integer)")
        assert await repo.table_exists(name)
        tx.rollback()
    assert not await repo.table_exists(name)


async def test_what_its_own_transaction_made_is_there_and_gone_with_it(repo: Repo):
    async with repo.transaction() as tx:
        await repo.query("CREATE TABLE for_a_moment (id integer)")
        assert await repo.table_exists("for_a_moment")
        tx.rollback()
    assert not await repo.table_exists("for_a_moment")


async def test_it_is_one_statement_with_the_options_of_the_call(repo: Repo, events: list[QueryEvent]):
    assert await repo.table_exists("tags", tags={"page": "home"})
    assert not await repo.table_exists("nothing", tags={"page": "home"})
    assert [event.tags for event in events] == [{"page": "home"}] * 2
    assert events[0].sql == events[1].sql


async def test_one_who_only_reads_may_ask(blog_url: str):
    async with ReadRepo(blog_url) as reader:
        assert await reader.table_exists(Tag)


WRONG: list[tuple[Any, str]] = [
    (PostLine, "PostLine.* has no table that could be there"),
    (Note, "Note.* has no table that could be there"),
    (subquery(from_(Tag), "some"), "has no table that could be there"),
    (source(PostLine, fragment("select 1")), "has no table that could be there"),
    (Tag(name="x"), "got Tag.*, which is no table"),
    (from_(Tag), "which is no table"),
    (Tag.name, "which is no table"),
    (None, "got None, which is no table"),
    (3, "got 3, which is no table"),
    ("", "a name that is empty"),
    (" ", "a name that is empty"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=lambda one: f"{one!r:.30}")
async def test_what_has_no_table_is_refused_before_anything_is_sent(
    repo: Repo, events: list[QueryEvent], wrong: Any, message: str
):
    with pytest.raises(QueryError, match=message) as caught:
        await repo.table_exists(wrong)
    assert "no table that could be there" in message or "repo.table_exists(Post)" in str(caught.value)
    assert events == []


async def test_a_name_that_no_database_stores_is_refused(repo: Repo, events: list[QueryEvent]):
    with pytest.raises(CastError, match="NUL"):
        await repo.table_exists("a\0b")
    assert events == []


class Letters(Schema, table="Letters"):
    id: Field[int] = field(primary_key=True)


async def test_names_differ_by_case_where_the_database_says_so(repo: Repo):
    found = await repo.table_exists("TAGS"), await repo.table_exists(Letters)
    assert found == ((True, False) if repo.adapter.dialect.target == "sqlite" else (False, False))
