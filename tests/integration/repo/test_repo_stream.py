"""Rows read a batch at a time: bounded memory, whole batches, and connections that are clean whatever ends a stream."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from ectype import (
    CastError,
    DatabaseError,
    DeadlineError,
    PoolTimeoutError,
    QueryError,
    Repo,
    Stream,
    TransactionAbortedError,
    TransactionClosedError,
    cte,
    fn,
    fragment,
    from_,
    is_loaded,
    migrations,
    source,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo import blog
from tests.integration.repo.blog import Comment, Post, Tag, User

NAMES = [f"t{number:03}" for number in range(25)]
TAGS = from_(Tag).order_by(Tag.name)


@pytest.fixture
async def tags(repo: Repo) -> AsyncIterator[Repo]:
    """A repo with 25 tags, whose connections have to be clean at the end."""
    await repo.insert_all(Tag, [{"name": name, "color": "grey"} for name in NAMES])
    yield repo
    assert repo.pool.report().in_use == 0
    assert await repo.aggregate(Tag, fn.count()) >= 0
    await repo.insert(Tag(name="last"))


async def drain(stream: Stream[Any]) -> int:
    async with stream as rows:
        return len([one async for one in rows])


@pytest.mark.parametrize("batch", [1, 7, 25, 100])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_all_rows_come_in_order_whatever_the_size_of_a_batch(tags: Repo, batch: int, inside: bool):
    async def read() -> list[str]:
        async with tags.stream(TAGS, batch=batch) as rows:
            return [tag.name async for tag in rows]

    if inside:
        async with tags.transaction():
            assert await read() == NAMES
    else:
        assert await read() == NAMES


async def test_a_schema_and_what_a_query_selects_can_be_streamed(tags: Repo):
    async with tags.stream(Tag) as rows:
        assert sorted([tag.name async for tag in rows]) == NAMES
    async with tags.stream(TAGS.select(Tag.name, Tag.color), batch=3) as pairs:
        assert [pair async for pair in pairs] == [(name, "grey") for name in NAMES]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_rows_of_sql_text_are_streamed_too(tags: Repo, inside: bool):
    # Ecto has a stream of its own for text; here the text is a source.
    text = source(Tag, fragment("(SELECT name, {} AS color FROM tags WHERE name < {})", "red", "t010"))

    async def read() -> list[tuple[str, str]]:
        async with tags.stream(from_(text).order_by(text.name), batch=3) as rows:
            return [(tag.name, tag.color) async for tag in rows]

    if inside:
        async with tags.transaction():
            found = await read()
    else:
        found = await read()
    assert found == [(name, "red") for name in NAMES[:10]]


async def test_no_rows_are_an_empty_stream(tags: Repo):
    async with tags.stream(TAGS.where(Tag.name == "none")) as rows:
        assert [one async for one in rows] == []


async def test_a_stream_reads_a_batch_when_it_needs_one(tags: Repo, events: list[QueryEvent]):
    async with tags.stream(TAGS, batch=10, tags={"job": 1}) as rows:
        assert (await anext(rows)).name == NAMES[0]
        assert [event.rows for event in events] == [10]
        assert len([one async for one in rows]) == 24
    assert [event.rows for event in events] == [10, 10, 5]
    assert all(event.tags == {"job": 1} for event in events)


async def test_preloads_are_loaded_for_each_batch(repo: Repo, events: list[QueryEvent]):
    users = [await repo.insert(User(name=name, email=name)) for name in "abc"]
    posts = [await repo.insert(Post(title=str(n), author_id=users[n % 3].id)) for n in range(6)]
    await repo.insert_all(Comment, [{"body": "x", "post_id": post.id} for post in posts])
    events.clear()
    query = from_(Post).order_by(Post.id).preload(Post.author, Post.comments)
    async with repo.stream(query, batch=4) as rows:
        found = [post async for post in rows]
    assert [post.author.name for post in found] == ["a", "b", "c", "a", "b", "c"]
    assert all(is_loaded(post, Post.comments) and len(post.comments) == 1 for post in found)
    assert len(events) == 2 + 4


@pytest.mark.parametrize("memory", [False, True], ids=["file or server", "in memory"])
async def test_a_stream_with_preloads_needs_one_connection_only(blog_url: str, memory: bool):
    async with Repo("sqlite:///:memory:" if memory else blog_url, pool_size=1, timeout=20) as repo:
        if memory:
            await migrations.up(repo, 1, blog)
        user = await repo.insert(User(name="a", email="a"))
        await repo.insert_all(Post, [{"title": str(n), "author_id": user.id} for n in range(5)], timestamps=True)
        async with repo.stream(from_(Post).preload(Post.author), batch=2) as rows:
            assert [post.author.name async for post in rows] == ["a"] * 5


async def test_the_statements_of_the_body_use_another_connection(tags: Repo):
    async with tags.stream(TAGS, batch=5) as rows:
        async for tag in rows:
            assert await tags.get(Tag, tag.name) == tag
            assert tags.pool.report().in_use == 1


async def test_writes_of_the_body_change_nothing_of_what_the_stream_gives(tags: Repo):
    async with tags.stream(TAGS, batch=5) as rows:
        found: list[str] = []
        async for tag in rows:
            await tags.insert(Tag(name=f"u{tag.name}", color="new"))
            found.append(tag.name)
    assert found == NAMES
    assert await tags.aggregate(Tag, fn.count()) == 50


async def test_in_a_transaction_the_body_takes_turns_with_the_stream(tags: Repo):
    async with tags.transaction(), tags.stream(TAGS, batch=5) as rows:
        found: list[str] = []
        async for tag in rows:
            await tags.insert(Tag(name=f"u{tag.name}", color="new"))
            async with tags.transaction() as inner:
                await tags.delete_all(from_(Tag).where(Tag.name > tag.name))
                if len(found) % 2:
                    inner.rollback()
            found.append(tag.name)
        assert tags.pool.report().in_use == 1
    assert found == NAMES
    assert await tags.aggregate(from_(Tag).where(Tag.color == "grey"), fn.count()) == 1


async def test_a_stream_can_be_read_inside_a_nested_transaction(tags: Repo):
    async with tags.transaction(), tags.stream(TAGS, batch=5) as rows, tags.transaction():
        assert [tag.name async for tag in rows] == NAMES


async def test_two_streams_in_one_transaction_do_not_mix(tags: Repo):
    async with tags.transaction(), tags.stream(TAGS, batch=4) as one, tags.stream(TAGS, batch=3) as other:
        pairs = [(tag.name, (await anext(other)).name) async for tag in one]
    assert pairs == [(name, name) for name in NAMES]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_a_stream_may_be_left_early(tags: Repo, inside: bool):
    async def read() -> None:
        for _ in range(6):
            async with tags.stream(TAGS, batch=2) as rows:
                async for tag in rows:
                    assert tag.name == NAMES[0]
                    break

    if inside:
        async with tags.transaction():
            await read()
            assert await tags.aggregate(Tag, fn.count()) == 25
    else:
        await read()


@pytest.mark.postgres
async def test_what_is_left_of_a_stream_does_not_hold_its_table(postgres_blog: str):
    async with Repo(postgres_blog) as repo:
        await repo.insert_all(Tag, [{"name": name, "color": "grey"} for name in NAMES])
        try:
            async with repo.transaction() as tx:
                async with repo.stream(TAGS, batch=2) as rows:
                    await anext(rows)
                await repo._session.script("ALTER TABLE tags ADD COLUMN held int")
                tx.rollback()
        finally:
            await repo.delete_all(Tag)


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_an_exception_in_the_body_leaves_as_it_is(tags: Repo, inside: bool):
    async def read() -> None:
        async with tags.stream(TAGS, batch=2) as rows:
            async for _ in rows:
                raise LookupError("stop")

    async def work() -> None:
        if not inside:
            await read()
        async with tags.transaction():
            await tags.insert(Tag(name="gone"))
            await read()

    with pytest.raises(LookupError, match="stop"):
        await work()
    assert await tags.get(Tag, "gone") is None


@pytest.mark.parametrize("moment", range(12))
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_a_stream_cancelled_at_any_time_leaves_its_connection_clean(tags: Repo, inside: bool, moment: int):
    async def read() -> None:
        async with tags.stream(TAGS, batch=2) as rows:
            async for _ in rows:
                await asyncio.sleep(0)

    async def work() -> None:
        if inside:
            async with tags.transaction():
                await read()
        else:
            await read()

    task = asyncio.create_task(work())
    for _ in range(moment * 2):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    while tags.pool.report().opening:
        await asyncio.sleep(0.001)
    assert await tags.aggregate(Tag, fn.count()) == 25


@pytest.mark.parametrize("steps", range(1, 9))
async def test_a_stream_cancelled_beside_its_answer_leaves_nothing_open_though_the_exception_is_kept(
    tags: Repo, blog_url: str, steps: int
):
    task = asyncio.create_task(drain(tags.stream(TAGS, batch=10)))
    for _ in range(steps):
        await asyncio.sleep(0)
        # The loop stands still while the answer comes; then it hears the answer first, and the cancellation after it.
        time.sleep(0.02)
    asyncio.get_running_loop().call_soon(task.cancel)
    kept: BaseException | None = None
    try:
        await task
    except asyncio.CancelledError as exc:
        kept = exc
    while tags.pool.report().in_use or tags.pool.report().opening:
        await asyncio.sleep(0.001)
    async with Repo(blog_url, pool_size=1) as other:
        await other.insert(Tag(name="other"))
    # A statement left open would see the table as it was before, and keep its connection from writing.
    taken = [await tags.pool.acquire(5) for _ in range(tags.pool.report().size)]
    try:
        for connection in taken:
            await connection.execute("UPDATE tags SET color = 'red' WHERE name = 'other'")
    finally:
        for connection in taken:
            tags.pool.release(connection)
    del kept


async def test_an_error_of_the_database_is_ours_and_ends_the_stream(tags: Repo):
    bad = from_(Tag).order_by(Tag.name).select(fragment("1 / (case when {} < 't010' then 1 else 0 end)", Tag.name))
    overflow = (
        from_(Tag)
        .order_by(Tag.name)
        .select(fragment("abs(case when {} < 't010' then 1 else -9223372036854775808 end)", Tag.name))
    )
    query = bad if tags.adapter.dialect.row_locks else overflow
    with pytest.raises(DatabaseError):
        await drain(tags.stream(query, batch=5))


async def test_an_error_that_the_body_swallows_ends_its_block_with_an_error(tags: Repo):
    bad = from_(Tag).order_by(Tag.name).select(fragment("1 / (case when {} < 't010' then 1 else 0 end)", Tag.name))
    if not tags.adapter.dialect.row_locks:
        pytest.skip("SQLite divides by zero without an error")

    async def swallow() -> None:
        async with tags.stream(bad, batch=5) as rows:
            with suppress(DatabaseError):
                await anext(rows)
                [_ async for _ in rows]

    with pytest.raises(TransactionAbortedError):
        await swallow()


async def test_a_stream_that_has_failed_gives_nothing_more(repo: Repo):
    for name in "ab":
        await repo.insert(User(name=name, email=name))
    await repo._session.script("UPDATE users SET role = 'king' WHERE name = 'a'")
    async with repo.stream(from_(User).order_by(User.id), batch=1) as rows:
        with pytest.raises(CastError):
            await anext(rows)
        with pytest.raises(TransactionClosedError, match="this one has ended"):
            await anext(rows)


async def test_a_batch_has_the_deadline_of_the_call(tags: Repo):
    slow = (
        "(select count(*) from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 500000000) "
        "select i from n) as x) + length({})"
    )
    query = from_(Tag).select(fragment(slow, Tag.name))
    with pytest.raises(DeadlineError):
        await drain(tags.stream(query, batch=1, timeout=0.3))


async def test_a_stream_is_read_inside_its_block_only(tags: Repo):
    stream = tags.stream(TAGS, batch=5)
    with pytest.raises(TransactionClosedError, match="a stream is read inside its block"):
        await anext(stream)
    async with stream as rows:
        await anext(rows)
    with pytest.raises(TransactionClosedError, match="and this one has ended"):
        await anext(stream)
    with pytest.raises(TransactionClosedError, match="has been entered before"):
        async with stream:
            pass


gone = cte(Tag, "gone")
REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (Tag, {"batch": 0}, "`batch` is how many rows are read at once, got 0"),
    (Tag, {"batch": True}, "`batch` is how many rows"),
    (Tag, {"batch": "5"}, "`batch` is how many rows"),
    (from_(gone).with_cte(gone, from_(Tag), delete=True), {}, "a stream reads, and this query changes rows"),
    (
        from_(Post).join(Post.author).preload(Post.author.joined()),
        {},
        "a stream gives its rows batch by batch",
    ),
]


@pytest.mark.parametrize(("query", "options", "message"), REFUSED)
async def test_what_cannot_be_streamed_is_refused(repo: Repo, query: Any, options: dict[str, Any], message: str):
    with pytest.raises(QueryError, match=message):
        async with repo.stream(query, **options):
            pass
    assert repo.pool.report().in_use == 0


async def test_a_pool_without_a_free_connection_says_so(blog_url: str):
    async with Repo(blog_url, pool_size=1) as repo, repo.stream(Tag) as rows:
        assert [one async for one in rows] == []
        with pytest.raises(PoolTimeoutError):
            await repo.all(Tag, timeout=0.2)


class Numbers:
    MANY = 100_000
    BOUND = 12_000_000


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_a_hundred_thousand_rows_need_no_more_memory_than_a_few_batches(repo: Repo, inside: bool):
    rows = Numbers.MANY
    name = "'n' || i" if not repo.adapter.dialect.row_locks else "'n' || i::text"
    await repo._session.script(
        "INSERT INTO tags (name, color) "
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        f"SELECT {name}, '{'grey' * 60}' FROM n"
    )

    async def read() -> tuple[int, int]:
        count = 0
        tracemalloc.start()
        try:
            async with repo.stream(Tag, timeout=60) as stream:
                async for _ in stream:
                    count += 1
            return count, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    if inside:
        async with repo.transaction():
            count, peak = await read()
    else:
        count, peak = await read()
    assert count == rows
    # All rows at once are more than 30 MB.
    assert peak < Numbers.BOUND
