"""Gets of one turn of the event loop as one statement: what is shared, and what nobody can do to the others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from ectype import CastError, DatabaseError, NoResultsError, Query, QueryContext, QueryError, Repo, from_
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Post, Seat, Tag, Token, User


@pytest.fixture
async def batched(repo: Repo, blog_url: str) -> AsyncIterator[Repo]:
    for name in "abcde":
        await repo.insert(User(name=name, email=name), event=None)
    await repo.insert_all(Seat, [{"room": "a", "number": number} for number in range(3)], event=None)
    async with Repo(blog_url, batch_gets=True, pool_size=4) as batched:
        yield batched
        assert batched.pool.report().in_use == 0


@pytest.fixture
async def ids(repo: Repo, batched: Repo) -> list[int]:
    return await repo.all(from_(User).order_by(User.name).select(User.id), event=None)


async def test_gets_of_one_turn_are_one_statement(batched: Repo, ids: list[int], events: list[QueryEvent]):
    events.clear()
    found = await asyncio.gather(*(batched.get(User, one) for one in [*ids, ids[0], -1]))
    assert [user and user.name for user in found] == ["a", "b", "c", "d", "e", "a", None]
    assert [event.rows for event in events] == [5]


async def test_a_get_that_is_alone_is_a_get(batched: Repo, ids: list[int], events: list[QueryEvent]):
    events.clear()
    assert (await batched.get_or_raise(User, ids[1])).name == "b"
    with pytest.raises(NoResultsError, match="User with the key -1"):
        await batched.get_or_raise(User, -1)
    assert len(events) == 2
    assert "= $1" in events[0].sql or "= ?1" in events[0].sql


async def test_each_schema_and_each_set_of_options_has_a_statement_of_its_own(
    batched: Repo, repo: Repo, ids: list[int], events: list[QueryEvent]
):
    await repo.insert(Tag(name="red"), event=None)
    events.clear()
    tags = {"page": "home"}
    await asyncio.gather(
        batched.get(User, ids[0]),
        batched.get(Tag, "red"),
        batched.get(User, ids[1]),
        batched.get(User, ids[1], timeout=3),
        batched.get(User, ids[2], tags=tags),
        batched.get(User, ids[3], tags=tags),
    )
    assert len(events) == 4


async def test_composite_keys_and_queries_are_read_by_themselves(
    batched: Repo, ids: list[int], events: list[QueryEvent]
):
    events.clear()
    found: list[Any] = await asyncio.gather(
        batched.get(Seat, ("a", 0)), batched.get(Seat, ("a", 1)), batched.get(from_(User).select(User.name), ids[0])
    )
    assert [found[0].number, found[1].number, found[2]] == [0, 1, "a"]
    assert len(events) == 3


async def test_in_a_transaction_each_get_is_its_own(batched: Repo, ids: list[int], events: list[QueryEvent]):
    events.clear()
    async with batched.transaction() as tx:
        await batched.insert(Tag(name="new"))
        assert await batched.get(Tag, "new") is not None
        one, other = await asyncio.gather(batched.get(User, ids[1]), batched.get(User, ids[0]))
        assert (one and one.name, other and other.name) == ("b", "a")
        tx.rollback()
    assert len(events) == 4


async def test_a_key_that_does_not_fit_hurts_no_other(batched: Repo, ids: list[int]):
    found = await asyncio.gather(
        batched.get(User, ids[0]),
        batched.get(User, "x"),
        batched.get(User, None),
        batched.get(User, ids[1]),
        return_exceptions=True,
    )
    first, wrong, none, last = found
    assert [type(first), type(last)] == [User, User]
    assert isinstance(wrong, CastError)
    assert "in the primary key of User" in wrong.__notes__
    assert isinstance(none, QueryError)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_one_that_is_cancelled_hurts_no_other(batched: Repo, ids: list[int], turns: int):
    tasks = [asyncio.create_task(batched.get(User, one)) for one in (ids[0], ids[0], ids[1])]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [getattr(one, "name", one) for one in found[1:]] == ["a", "b"]


async def test_nothing_is_sent_for_gets_that_are_all_cancelled(batched: Repo, ids: list[int], events: list[QueryEvent]):
    events.clear()
    tasks = [asyncio.create_task(batched.get(User, one)) for one in ids]
    loop = asyncio.get_running_loop()
    # Before the turn ends in which they asked.
    loop.call_soon(lambda: [task.cancel() for task in tasks])
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    assert await batched.get(User, ids[0]) is not None
    assert len(events) <= 2


async def test_an_error_of_the_database_is_told_to_all(batched: Repo):
    found = await asyncio.gather(
        *(batched.get(User, one, prefix="nowhere") for one in (1, 2, 1)), return_exceptions=True
    )
    assert all(isinstance(one, DatabaseError) for one in found)


async def test_a_row_that_cannot_be_read_hurts_no_other(batched: Repo, repo: Repo, ids: list[int]):
    await repo._session.script(f"UPDATE users SET role = 'king' WHERE id = {ids[1]}")
    first, wrong = await asyncio.gather(batched.get(User, ids[0]), batched.get(User, ids[1]), return_exceptions=True)
    assert isinstance(first, User)
    assert isinstance(wrong, CastError)


async def test_who_gets_a_row_with_a_document_may_change_its_own(batched: Repo, repo: Repo, ids: list[int]):
    post = await repo.insert(Post(title="t", author_id=ids[0], meta={"n": 1}))
    one, other = await asyncio.gather(batched.get_or_raise(Post, post.id), batched.get_or_raise(Post, post.id))
    assert one == other
    one.meta["n"] = 2
    assert other.meta == {"n": 1}


async def test_keys_of_every_type_find_their_rows(batched: Repo, repo: Repo):
    tokens = [await repo.insert(Token(label=name)) for name in "ab"]
    found = await asyncio.gather(*(batched.get(Token, one) for one in (tokens[1].id, tokens[0].id, uuid4())))
    assert [token and token.label for token in found] == ["b", "a", None]


async def test_keys_that_are_equal_to_the_database_only_find_their_rows(sqlite_url: str):
    async with Repo(sqlite_url, batch_gets=True) as repo:
        await repo._session.script("CREATE TABLE tags (name text PRIMARY KEY COLLATE NOCASE, color text NOT NULL)")
        await repo.insert(Tag(name="Red"))
        found = await asyncio.gather(*(repo.get(Tag, one) for one in ("red", "RED", "Red", "blue")))
        alone = [await repo.get(Tag, one) for one in ("red", "RED", "Red", "blue")]
        assert found == alone


async def test_gets_of_which_the_hook_makes_something_else_are_read_by_themselves(blog_url: str, ids: list[int]):
    def hook(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
        return query.select(User.name).limit(1)

    async with Repo(blog_url, batch_gets=True, prepare_query=hook) as repo:
        found: list[Any] = await asyncio.gather(*(repo.get(User, one) for one in ids[:3]))
    assert found == ["a", "b", "c"]


async def test_gets_with_equal_results_of_the_hook_go_together(
    blog_url: str, batched: Repo, ids: list[int], events: Any
):
    def hook(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
        name = context.tags.get("not")
        return query if name is None else query.where(User.name != name)

    async with Repo(blog_url, batch_gets=True, prepare_query=hook) as repo:
        events.clear()
        not_a, not_b = {"not": "a"}, {"not": "b"}
        found = await asyncio.gather(
            *(repo.get(User, one, tags=not_a) for one in ids[:2]), *(repo.get(User, one, tags=not_b) for one in ids[:2])
        )
    assert [user and user.name for user in found] == [None, "b", "a", None]
    assert len(events) == 2
