"""How the database runs a query: as text, as JSON and as a tree, and never with an effect that stays."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ectype import Plan, QueryError, Repo, UnsupportedError, from_, migrations
from ectype.migrations import Migration
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Post, Tag, User

SECRET = "s3cret-h4sh"


def is_postgres(repo: Repo) -> bool:
    return repo.adapter.dialect.schemas


async def test_a_plan_is_text_as_the_database_shows_it(repo: Repo) -> None:
    text = await repo.explain(from_(Post).where(Post.score > 3).order_by(Post.score))
    if is_postgres(repo):
        assert text.startswith("Sort  (cost=")
        assert "Seq Scan on posts" in text
    else:
        assert text == "QUERY PLAN\n|--SCAN p0\n`--USE TEMP B-TREE FOR ORDER BY"


async def test_a_plan_is_json_as_the_database_says_it(repo: Repo) -> None:
    found = await repo.explain(Tag, format="json")
    if is_postgres(repo):
        assert found[0]["Plan"]["Relation Name"] == "tags"
    else:
        assert found == [{"id": found[0]["id"], "parent": 0, "notused": found[0]["notused"], "detail": "SCAN t0"}]


async def test_a_plan_is_a_tree_of_nodes(repo: Repo) -> None:
    async with repo.transaction():
        if is_postgres(repo):
            # Else it is the server's choice, which may have counted the rows by now or not.
            await repo.query("set local enable_seqscan = off")
        plan = await repo.explain(from_(Post).join(Post.author).where(User.id == 3).order_by(Post.title), format="plan")
    assert isinstance(plan, Plan)
    assert {node.relation for node in plan.walk() if node.relation} == {"posts", "users"}
    by_key = next(node for node in plan.walk() if node.relation == "users")
    if is_postgres(repo):
        assert (plan.node, plan.relation, len(plan.children)) == ("Sort", None, 1)
        assert plan.total_cost is not None
        assert plan.startup_cost is not None
        assert 0 < plan.startup_cost <= plan.total_cost
        assert by_key.node in ("Index Scan", "Index Only Scan")
        assert by_key.index == "users_pkey"
        assert "Index Cond" in by_key.details
        assert plan.details["Sort Key"] == ["p0.title"]
    else:
        assert (plan.node, plan.relation) == ("QUERY PLAN", None)
        assert by_key.details == {"detail": "SEARCH u1 USING INTEGER PRIMARY KEY (rowid=?)"}
        assert by_key.node == "SEARCH"
        assert (plan.total_cost, plan.rows, plan.actual_rows) == (None, None, None)


async def test_a_tree_names_the_index_that_is_used(database_url: str) -> None:
    def change(m: Migration) -> None:
        with m.create_table("tags") as t:
            t.column("color", str, null=False)
            t.column("name", str, null=False)
        m.create_index("tags", "name", name="tags_name")

    async with Repo(database_url) as repo:
        await migrations.up(repo, 1, change)
        query = from_(Tag).where(Tag.name == "x")
        async with repo.transaction():
            if is_postgres(repo):
                await repo.query("set local enable_seqscan = off")
            plan = await repo.explain(query, format="plan")
    assert next((node.relation, node.index) for node in plan.walk() if node.index) in [
        ("tags", "tags_name"),
        (None, "tags_name"),
    ]


WRITES: list[Callable[[Repo, dict[str, Any]], Any]] = [
    lambda repo, options: repo.explain(Tag, Tag.color.set("x"), **options),
    lambda repo, options: repo.explain(Tag, delete=True, **options),
]


@pytest.mark.parametrize("explain", WRITES)
async def test_writes_are_explained_and_not_done(
    repo: Repo, explain: Callable[[Repo, dict[str, Any]], Any], all_events: list[QueryEvent]
) -> None:
    await repo.insert(Tag(name="a", color="red"))
    postgres = is_postgres(repo)
    del all_events[:]
    text = await explain(repo, {})
    assert ("on tags" in text) if postgres else text.startswith("QUERY PLAN")
    assert [(event.operation, event.source) for event in all_events] == [("EXPLAIN", "tags")]
    if postgres:
        assert "actual time" in await explain(repo, {"analyze": True})
        assert [event.operation for event in all_events][1:] == ["BEGIN", "EXPLAIN", "ROLLBACK"]
        async with repo.transaction():
            await repo.insert(Tag(name="b", color="red"))
            await explain(repo, {"analyze": True})
    assert await repo.get(Tag, "a") == Tag(name="a", color="red")
    if postgres:
        assert await repo.get(Tag, "b") == Tag(name="b", color="red")


async def test_what_was_analyzed_stays_where_it_is_asked_for(postgres_repo: Repo) -> None:
    await postgres_repo.insert(Tag(name="a", color="red"))
    await postgres_repo.explain(Tag, delete=True, analyze=True, rollback=False)
    assert await postgres_repo.get(Tag, "a") is None


@pytest.fixture
async def postgres_repo(postgres_blog: str) -> AsyncIterator[Repo]:
    """The blog's tables on PostgreSQL alone."""
    async with Repo(postgres_blog) as repo:
        yield repo
        async with repo.transaction():
            for table in (Post, User, Tag):
                await repo.delete_all(table)


OPTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"verbose": True}, "Output: ", ""),
    ({"costs": False}, "", "cost="),
    ({"summary": True}, "Planning Time", ""),
    ({"analyze": True}, "actual time=", ""),
    ({"analyze": True, "timing": False}, "actual rows=", "actual time="),
    ({"analyze": True, "buffers": True}, "Buffers: ", ""),
    ({"analyze": True, "wal": True}, "Seq Scan", ""),
    ({"analyze": True, "summary": False}, "actual time=", "Execution Time"),
    ({"settings": True}, "Settings: ", ""),
    ({"plan": "custom"}, "'3'::bigint", "$1"),
    ({"timeout": 5.0, "tags": {"a": 1}, "log": False}, "Seq Scan", ""),
]


@pytest.mark.parametrize(("options", "said", "unsaid"), OPTIONS)
async def test_postgresql_tells_what_it_is_asked_for(
    postgres_repo: Repo, options: dict[str, Any], said: str, unsaid: str
) -> None:
    await postgres_repo.insert(User(name="Ada", email="ada", posts=[Post(title="x", score=9)]))
    async with postgres_repo.transaction():
        if "settings" in options:
            await postgres_repo.query("set local enable_hashjoin = off")
        text = await postgres_repo.explain(from_(Post).where(Post.score > 3), **options)
    assert said in text
    assert not unsaid or unsaid not in text


async def test_a_tree_of_what_ran_has_its_times_in_seconds(postgres_repo: Repo) -> None:
    await postgres_repo.insert_all(Tag, [{"name": f"{i}", "color": "x"} for i in range(5)])
    plan = await postgres_repo.explain(Tag, format="plan", analyze=True)
    assert (plan.actual_rows, plan.loops) == (5, 1)
    assert plan.actual_time is not None
    assert 0 < plan.actual_time < 5
    assert plan.details["Execution Time"] > 0


async def test_yaml_is_text(postgres_repo: Repo) -> None:
    assert (await postgres_repo.explain(Tag, format="yaml")).startswith("- Plan: ")


async def test_a_generic_plan_is_for_no_values(postgres_repo: Repo) -> None:
    query = from_(Post).where(Post.score > 3, Post.title.in_(["a"]))
    assert "$1" in await postgres_repo.explain(query, plan="generic")
    assert "$1" in await postgres_repo.explain(query, Post.score.inc(3), plan="generic")
    assert "Seq Scan on tags" in await postgres_repo.explain(Tag, plan="generic")
    left = await postgres_repo.query("select count(*) from pg_prepared_statements where name like 'ectype_explained%'")
    assert left.rows == [(0,)]
    mode = await postgres_repo.query("show plan_cache_mode")
    assert mode.rows == [("auto",)]


@pytest.mark.parametrize("form", ["text", "json", "plan", "yaml"])
async def test_a_plan_does_not_show_the_values_of_redacted_columns(postgres_repo: Repo, form: Any) -> None:
    secret = f"{SECRET}'\\x"
    query = from_(User).where(User.password_hash == secret, User.email == "visible")
    for shown in (
        await postgres_repo.explain(query, format=form, verbose=True),
        await postgres_repo.explain(User, User.password_hash.set(secret), format=form, verbose=True),
    ):
        assert SECRET not in repr(shown)
    assert "<redacted>" in repr(await postgres_repo.explain(query, format=form))
    assert "visible" in repr(await postgres_repo.explain(from_(User).where(User.email == "visible"), format=form))


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"format": "txt"}, QueryError, "format='txt'"),
    ({"plan": "best"}, QueryError, "plan='best'"),
    ({"timing": True}, QueryError, "analyze=True, timing=True"),
    ({"wal": True}, QueryError, "analyze=True, wal=True"),
    ({"plan": "generic", "analyze": True}, QueryError, "leave one of them out"),
    ({"delete": True, "assignments": (Tag.color.set("x"),)}, QueryError, "leave one out"),
    ({"analyse": True}, Exception, "analyse"),
]


@pytest.mark.parametrize(("options", "error", "said"), REFUSED)
async def test_what_cannot_be_explained_is_refused_with_the_fix(
    postgres_repo: Repo, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    given = dict(options)
    with pytest.raises(error) as caught:
        await postgres_repo.explain(Tag, *given.pop("assignments", ()), **given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"analyze": True}, {"buffers": True}, {"costs": False}, {"plan": "custom"}, {"format": "yaml"}]
)
async def test_sqlite_refuses_what_only_postgresql_tells(sqlite_url: str, options: dict[str, Any]) -> None:
    async with Repo(sqlite_url) as repo:
        await repo.query("create table tags (name text, color text)")
        with pytest.raises(UnsupportedError, match="SQLite explains a statement without running it"):
            await repo.explain(Tag, **options)


async def test_a_query_that_cannot_be_written_over_is_not_explained(repo: Repo) -> None:
    with pytest.raises(QueryError):
        await repo.explain(from_(Tag).limit(3), Tag.color.set("x"))
