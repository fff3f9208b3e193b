"""Kinds of repos: one that only reads, replicas, several at once, and options that a repo gives to all its calls."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ectype import (
    CallOptions,
    ConfigError,
    ConnectError,
    DatabaseError,
    Multi,
    MultiError,
    Query,
    QueryContext,
    ReadRepo,
    Repo,
    TransactionOptions,
    UnsupportedError,
    change,
    from_,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Tag, User

WRITES = ["insert", "insert_all", "update", "update_all", "delete", "delete_all", "upsert", "try_insert", "try_update"]


@pytest.fixture
async def reader(repo: Repo, blog_url: str) -> AsyncIterator[ReadRepo]:
    await repo.insert(Tag(name="red"))
    async with ReadRepo(blog_url) as reader:
        yield reader


async def test_a_read_repo_reads_all_that_a_repo_reads(reader: ReadRepo, repo: Repo):
    assert await reader.all(Tag) == await repo.all(Tag)
    assert await reader.get(Tag, "red") is not None
    assert await reader.exists(Tag)
    assert (await reader.query("select name from tags")).rows == [("red",)]
    async with reader.stream(Tag) as rows:
        assert [tag.name async for tag in rows] == ["red"]
    async with reader.transaction(), reader.transaction(), reader.stream(Tag) as rows:
        assert [tag.name async for tag in rows] == ["red"]
    assert repr(reader).startswith("ReadRepo(")


@pytest.mark.parametrize("name", WRITES)
async def test_a_read_repo_has_no_writes(reader: ReadRepo, name: str):
    with pytest.raises(UnsupportedError, match=f"a ReadRepo only reads, and `{name}` writes"):
        getattr(reader, name)
    with pytest.raises(AttributeError):
        _ = reader.insrt  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def test_no_step_of_a_multi_writes_through_a_read_repo(reader: ReadRepo):
    read = Multi().all("tags", Tag).run("again", lambda repo, done: repo.all(Tag))
    assert [len(one) for one in (await reader.transact(read)).values()] == [1, 1]
    for multi in (Multi().insert("new", Tag(name="new")), Multi().delete_all("gone", Tag)):
        with pytest.raises(MultiError, match=r"a ReadRepo only reads, and `.*` writes"):
            await reader.transact(Multi().all("tags", Tag).append(multi))
    assert await reader.all(from_(Tag).select(Tag.name)) == ["red"]


async def test_no_text_writes_through_a_read_repo(reader: ReadRepo):
    with pytest.raises(DatabaseError, match=r"read-only|readonly"):
        await reader.query("delete from tags")
    with pytest.raises(DatabaseError, match=r"read-only|readonly"):
        async with reader.transaction():
            await reader.query("insert into tags (name, color) values ('x', 'x')")
    # A connection that has been reset still refuses.
    await reader._session.script("SELECT 1")
    while reader.pool.report().opening:
        await asyncio.sleep(0.001)
    with pytest.raises(DatabaseError, match=r"read-only|readonly"):
        await reader.query("delete from tags")
    assert await reader.exists(Tag)


async def test_a_transaction_of_a_read_repo_does_not_keep_writers_out(reader: ReadRepo, repo: Repo):
    async with reader.transaction():
        assert await reader.exists(Tag)
        await repo.insert(Tag(name="blue"))


async def test_what_only_reads_takes_either_kind(reader: ReadRepo, repo: Repo):
    async def names(repo: ReadRepo) -> list[str]:
        return await repo.all(from_(Tag).select(Tag.name))

    assert await names(reader) == await names(repo) == ["red"]


async def test_a_read_repo_makes_no_file(tmp_path: Path):
    with pytest.raises(ConnectError):
        await ReadRepo(f"sqlite:///{tmp_path / 'none.db'}").open()
    assert not (tmp_path / "none.db").exists()


@pytest.fixture
def copies(tmp_path: Path, sqlite_blog: Path) -> list[str]:
    """Two databases of which each says by a tag which it is; they follow nobody, so that reads can be told apart."""
    found: list[str] = []
    for name in ("one", "two"):
        shutil.copy(sqlite_blog, tmp_path / f"{name}.db")
        found.append(f"sqlite:///{tmp_path / name}.db")
    return found


async def test_reads_are_spread_over_the_replicas(blog_url: str, copies: list[str]):
    for url in copies:
        async with Repo(url) as one:
            await one.insert(Tag(name=Path(url).stem))
    async with Repo(blog_url, replicas=copies, name="blog") as repo:
        await repo.insert(Tag(name="primary"))
        seen = {(await repo.replica().one_or_raise(Tag)).name for _ in range(64)}
        assert seen == {"one", "two"}
        assert (await repo.one_or_raise(Tag)).name == "primary"
        assert {repo.replica().name for _ in range(64)} == {"blog.replica1", "blog.replica2"}
        with pytest.raises(UnsupportedError, match="a ReadRepo only reads"):
            repo.replica().insert  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        async with repo.transaction():
            assert repo.replica() is repo
        tagged = repo.with_options(tags={"page": "home"})
        held = tagged.replica()
        assert await held.exists(Tag)
    with pytest.raises(ConnectError, match="is closed"):
        await held.all(Tag)


async def test_a_repo_without_replicas_is_its_own(repo: Repo):
    assert repo.replica() is repo


async def test_a_replica_that_is_away_stops_nobody_who_does_not_ask_it(blog_url: str, tmp_path: Path):
    async with Repo(blog_url, replicas=[f"sqlite:///{tmp_path / 'none.db'}"]) as repo:
        assert await repo.all(Tag) == []
        with pytest.raises(ConnectError):
            await repo.replica().all(Tag)


@pytest.mark.parametrize("replicas", ["sqlite:///a.db", 3, None])
def test_replicas_are_a_list_of_urls(replicas: Any):
    with pytest.raises(ConfigError, match="`replicas` is a list of URLs"):
        Repo("sqlite:///x.db", replicas=replicas)


async def test_several_repos_work_at_once_and_know_nothing_of_each_others_transactions(repo: Repo, copies: list[str]):
    async with Repo(copies[0]) as other:
        async with repo.transaction() as tx:
            await repo.insert(Tag(name="a"))
            await other.insert(Tag(name="b"))
            assert not other.in_transaction
            tx.rollback()
        assert await repo.all(Tag) == []
        assert [tag.name for tag in await other.all(Tag)] == ["b"]


# --- default options


async def test_default_options_are_those_of_calls_that_say_nothing(blog_url: str, events: list[QueryEvent]):
    async with Repo(blog_url, default_options={"tags": {"app": "blog"}}) as repo:
        await repo.all(Tag)
        await repo.all(Tag, tags={"page": "home"})
        await repo.with_options(tags={"job": "x"}).all(Tag)
        await repo.insert(Tag(name="x"))
    assert [event.tags for event in events] == [{"app": "blog"}, {"page": "home"}, {"job": "x"}, {"app": "blog"}]


async def test_default_options_may_depend_on_the_method(blog_url: str, events: list[QueryEvent]):
    seen: list[str] = []

    def defaults(name: str) -> CallOptions:
        seen.append(name)
        return {"tags": {"method": name}}

    async with Repo(blog_url, default_options=defaults) as repo:
        tag = await repo.insert(Tag(name="x"))
        await repo.all(from_(Tag))
        await repo.get(Tag, "x")
        await repo.update(change(tag, Tag.color.set("red")), allow_stale=True)
        await repo.with_options(tags={"own": 1}).delete(tag)
        await repo.insert_all(Tag, [{"name": "y", "color": "red"}], tags={"own": 2})
        await repo.preload(User(id=1, name="x", email="x"), User.posts, User.edited)
    assert seen == ["insert", "all", "get", "update", "delete", "insert_all", "preload"]
    assert [event.tags for event in events] == [
        {"method": "insert"},
        {"method": "all"},
        {"method": "get"},
        {"method": "update"},
        {"own": 1},
        {"own": 2},
        {"method": "preload"},
        {"method": "preload"},
    ]


async def test_default_options_that_do_not_exist_are_refused(blog_url: str):
    with pytest.raises(ConfigError, match="has no option 'tag'"):
        Repo(blog_url, default_options={"tag": 1})  # type: ignore[typeddict-unknown-key, arg-type]  # pyright: ignore
    async with Repo(blog_url, default_options=lambda name: {"timeout": -1}) as repo:
        with pytest.raises(ConfigError, match="timeout=-1 is no deadline"):
            await repo.all(Tag)
    async with Repo(blog_url, default_options=lambda name: None) as repo:  # type: ignore[arg-type, return-value]  # pyright: ignore
        with pytest.raises(ConfigError, match="for 'all' it returned None"):
            await repo.all(Tag)


# --- prepare_transaction


async def test_a_hook_decides_how_transactions_begin(blog_url: str):
    seen: list[TransactionOptions] = []

    def hook(options: TransactionOptions) -> TransactionOptions:
        seen.append(options)
        return replace(options, isolation="serializable")

    async def work() -> int:
        return 3

    async with Repo(blog_url, prepare_transaction=hook) as repo:
        async with repo.transaction(timeout=9.0), repo.transaction():
            await repo.insert(Tag(name="x"))
            if repo.adapter.dialect.row_locks:
                shown = await repo.query("show transaction_isolation")
                assert shown.rows == [("serializable",)]
        assert await repo.transact(work) == 3
    assert seen == [TransactionOptions(timeout=9.0), TransactionOptions()]


async def test_a_hook_can_make_transactions_end_early(blog_url: str):
    async with Repo(blog_url, prepare_transaction=lambda options: replace(options, read_only=True)) as repo:
        if repo.adapter.dialect.row_locks:
            with pytest.raises(DatabaseError, match="read-only"):
                async with repo.transaction():
                    await repo.insert(Tag(name="x"))


async def test_a_hook_that_returns_something_else_is_refused(blog_url: str):
    async with Repo(blog_url, prepare_transaction=lambda options: None) as repo:  # type: ignore[arg-type, return-value]  # pyright: ignore
        with pytest.raises(ConfigError, match="`prepare_transaction` returns the options of the transaction"):
            async with repo.transaction():
                pass
        assert repo.pool.report().in_use == 0


# --- hooks of a repo that batches its gets are in test_batch_gets


def hidden(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
    return query.where_each(Tag, lambda tag: tag.color != "hidden")


async def test_replicas_have_the_hooks_of_their_repo(blog_url: str, copies: list[str]):
    async with Repo(copies[0]) as one:
        await one.insert_all(Tag, [{"name": "a", "color": "hidden"}, {"name": "b", "color": "seen"}])
    async with Repo(blog_url, replicas=copies[:1], prepare_query=hidden) as repo:
        assert [tag.name for tag in await repo.replica().all(Tag)] == ["b"]
