"""Associations loaded at once: on free connections only, never in a transaction, and clean whatever ends it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from ectype import DatabaseError, Repo, fragment, from_
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Comment, Post, Tag, User

SLOW = (
    "(select count(*) from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 500000000) "
    "select i from n) as x) + {} > 0"
)
BOTH = from_(User).order_by(User.id).preload(User.posts, User.edited)


@pytest.fixture
async def people(repo: Repo) -> AsyncIterator[Repo]:
    """A repo with two users and their posts, and several connections that lie free."""
    for name in "ab":
        user = await repo.insert(User(name=name, email=name))
        post = await repo.insert(Post(title=name, author_id=user.id, editor_id=user.id))
        await repo.insert(Comment(body=name, post_id=post.id, user_id=user.id))
    await warm(repo)
    yield repo
    while repo.pool.report().opening:
        await asyncio.sleep(0.001)
    assert repo.pool.report().in_use == 0


async def warm(repo: Repo) -> None:
    async with repo.stream(Tag), repo.stream(Tag), repo.stream(Tag):
        pass


async def most_in_use(repo: Repo, work: Awaitable[Any]) -> int:
    """Return how many connections were out at once while `work` was done."""
    task = asyncio.ensure_future(work)
    most = 0
    while not task.done():
        await asyncio.sleep(0)
        most = max(most, repo.pool.report().in_use)
    await task
    return most


async def loaded(repo: Repo) -> None:
    found = await repo.all(BOTH)
    assert [[post.title for post in user.posts + user.edited] for user in found] == [["a", "a"], ["b", "b"]]


async def test_two_associations_are_loaded_at_once(people: Repo):
    assert await most_in_use(people, loaded(people)) == 2


async def test_repo_preload_loads_at_once_too(people: Repo):
    users = await people.all(User)
    assert await most_in_use(people, people.preload(users, User.posts / Post.comments, User.edited / Post.editor)) == 2


async def test_one_association_needs_one_connection(people: Repo):
    assert await most_in_use(people, people.all(from_(User).preload(User.posts / Post.comments))) == 1


async def test_check_54_in_a_transaction_all_is_loaded_on_its_connection(people: Repo):
    async def work() -> None:
        async with people.transaction():
            await loaded(people)

    assert await most_in_use(people, work()) == 1


async def test_a_repo_may_load_one_after_the_other(blog_url: str, people: Repo):
    async with Repo(blog_url, parallel_preloads=False) as repo:
        await warm(repo)
        assert await most_in_use(repo, loaded(repo)) == 1


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_no_preload_waits_for_a_connection_that_others_hold(blog_url: str, people: Repo, size: int):
    async with Repo(blog_url, pool_size=size, timeout=60) as repo:
        await asyncio.gather(*(loaded(repo) for _ in range(20)))


async def test_an_association_that_fails_ends_the_others(people: Repo):
    bad = fragment("1 / ({} - {}) > 0", Post.id, Post.id)
    if not people.adapter.dialect.row_locks:
        bad = fragment("abs(-9223372036854775807 - 1 - 0 * {}) > 0", Post.id)
    slow = fragment(SLOW, Post.id).as_type(bool)
    query = from_(User).preload(User.posts.where(bad.as_type(bool)), User.edited.where(slow))
    with pytest.raises(DatabaseError):
        await asyncio.wait_for(people.all(query, timeout=600), 60)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13])
async def test_a_preload_cancelled_at_any_time_leaves_no_connection_out(people: Repo, turns: int):
    task = asyncio.create_task(people.all(BOTH))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await loaded(people)


async def test_a_preload_that_waits_for_the_database_can_be_cancelled(people: Repo):
    slow = fragment(SLOW, Post.id).as_type(bool)
    task = asyncio.create_task(people.all(from_(User).preload(User.posts.where(slow), User.edited.where(slow))))
    while people.pool.report().in_use < 2:
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    await loaded(people)


async def test_a_function_of_ones_own_runs_in_the_callers_task(people: Repo):
    tasks: set[Any] = set()

    async def load(keys: list[int]) -> list[Post]:
        tasks.add(asyncio.current_task())
        return await people.all(from_(Post).where(Post.author_id.in_(keys)))

    query = from_(User).order_by(User.id).preload(User.posts.load_with(load), User.edited)
    assert [[post.title for post in user.posts] for user in await people.all(query)] == [["a"], ["b"]]
    assert tasks == {asyncio.current_task()}


async def test_tags_reach_what_is_loaded_at_once(people: Repo, events: list[QueryEvent]):
    await people.all(BOTH, tags={"page": "home"})
    assert [event.tags for event in events] == [{"page": "home"}] * 3


async def test_check_53_each_row_is_read_once_and_loaded_rows_not_again(people: Repo, events: list[QueryEvent]):
    posts = await people.all(from_(Post).order_by(Post.id))
    lone = await people.insert(Post(title="none", author_id=posts[0].author_id))
    events.clear()
    rows: list[Post | None] = [posts[0], posts[1], posts[1], None, lone]
    found = await people.preload(rows, Post.comments)
    bodies = [None if post is None else [one.body for one in post.comments] for post in found]
    assert bodies == [["a"], ["b"], ["b"], None, []]
    assert len(events) == 1
    assert "ANY($1)" in events[0].sql or "json_each(?1)" in events[0].sql
    await people.preload(found, Post.comments)
    assert len(events) == 1
    await people.preload(found, Post.comments, force=True)
    assert len(events) == 2


async def test_check_55_a_limit_is_for_each_parent(people: Repo):
    """Ecto's limit is over all parents together; here it counts for each."""
    users = await people.all(from_(User).order_by(User.id).preload(User.posts.order_by(Post.id).limit(1)))
    assert [len(user.posts) for user in users] == [1, 1]
