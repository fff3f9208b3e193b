"""Every public call of a repo, cancelled at every await: nothing is half stored, dirty, leaked or mixed up."""

import asyncio
import inspect
import random
import threading

import pytest

from ectype import Repo
from tests.integration.repo.cancelling import (
    SECONDS,
    at_random,
    calls,
    cancelled_after,
    closing_in_time,
    every_await,
    settled,
)

pytestmark = pytest.mark.filterwarnings("ignore:the after_commit callback")
"""A callback that is cancelled is reported, as any that raises."""

NAMES = list(calls(""))
BLOCKS = {"transaction", "checkout", "stream", "listen", "copy_out"}
AT_ONCE = {
    "after_commit",
    "after_rollback",
    "detached",
    "load",
    "to_sql",
    "in_transaction",
    "checked_out",
    "with_options",
    "replica",
}
"""What a repo has that waits for nothing."""


def test_no_public_call_is_left_out():
    tried = {name for names in NAMES for name in names.split(" ")}
    public = {name for name in dir(Repo) if not name.startswith("_")}
    waits = {name for name in public if inspect.iscoroutinefunction(getattr(Repo, name))}
    assert waits | BLOCKS <= tried
    assert public - waits - BLOCKS <= AT_ONCE


@pytest.mark.parametrize("name", NAMES)
async def test_a_call_that_is_cancelled_at_any_await_leaves_nothing_behind(blog_url: str, name: str):
    """Rows 1 to 14 and 49, for every call."""
    call = calls(blog_url)[name]
    async with closing_in_time(Repo(blog_url, pool_size=2)) as repo:
        assert await every_await(repo, call, 1_000) > 0


@pytest.mark.parametrize("name", ["insert", "transaction", "transaction of siblings", "checkout", "open close"])
@pytest.mark.parametrize("again", [1, 2])
async def test_a_second_cancellation_changes_nothing(blog_url: str, name: str, again: int):
    async with closing_in_time(Repo(blog_url, pool_size=2)) as repo:
        await every_await(repo, calls(blog_url)[name], 1_000, again)


async def test_calls_that_are_cancelled_at_random_leave_a_whole_pool(blog_url: str):
    dice = random.Random(7)
    async with closing_in_time(Repo(blog_url, pool_size=3)) as repo:

        async def worker(first: int) -> None:
            for number in range(first, first + 12):
                _, call = at_random(dice, blog_url)
                await cancelled_after(repo, call, number, *(dice.random() * 0.01 for _ in range(dice.choice((1, 2)))))

        async with asyncio.timeout(SECONDS * 2), asyncio.TaskGroup() as group:
            for first in range(1_000, 1_800, 100):
                group.create_task(worker(first))
        await settled(repo)


async def test_what_was_opened_while_it_was_cancelled_is_closed(blog_url: str):
    before = threading.active_count()
    call = calls(blog_url)["open close"]
    async with closing_in_time(Repo(blog_url, pool_size=1)) as repo:
        await settled(repo)
        own = threading.active_count()
        await every_await(repo, call, 1_000)
        async with asyncio.timeout(SECONDS):
            while threading.active_count() > own:
                await asyncio.sleep(0.005)
    async with asyncio.timeout(SECONDS):
        while threading.active_count() > before:
            await asyncio.sleep(0.005)
