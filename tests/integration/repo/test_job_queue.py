"""A queue of jobs in a table: workers take what nobody else has taken, in one statement."""

import asyncio

import pytest

from ectype import DatabaseError, Field, Repo, Schema, cte, from_
from tests.integration.repo.blog import Tag


class Name(Schema):
    """A shape: the key of a job."""

    name: Field[str]


def taken(count: int, *, skip_locked: bool):
    """The jobs that a worker may take next: `Tag` is the queue, and its color the state of a job."""
    jobs = cte(Name, "jobs")
    free = from_(Tag).where(Tag.color == "new").order_by(Tag.name).limit(count)
    if skip_locked:
        free = free.for_update(skip_locked=True)
    return from_(Tag).with_cte(jobs, free.project(Name(name=Tag.name))).join(jobs, on=jobs.name == Tag.name)


@pytest.fixture
async def queue(repo: Repo) -> Repo:
    await repo.insert_all(Tag, [{"name": f"job{number:02}", "color": "new"} for number in range(20)])
    return repo


async def test_a_worker_takes_its_jobs_in_order(queue: Repo):
    locks = queue.adapter.dialect.row_locks
    first = await queue.update_all(taken(10, skip_locked=locks), Tag.color.set("running"), returning=Tag.name)
    assert sorted(first) == [f"job{number:02}" for number in range(10)]
    second = await queue.update_all(taken(15, skip_locked=locks).select(Tag.name), Tag.color.set("running"))
    assert sorted(second) == [f"job{number:02}" for number in range(10, 20)]
    assert await queue.update_all(taken(10, skip_locked=locks), Tag.color.set("running"), returning=Tag.name) == []


async def test_two_workers_take_different_jobs_at_once(queue: Repo):
    if not queue.adapter.dialect.row_locks:
        # Two that write wait for each other there, so that no job is taken twice.
        both = await asyncio.gather(
            *(queue.update_all(taken(5, skip_locked=False).select(Tag.name), Tag.color.set("x")) for _ in range(2))
        )
        assert sorted(both[0] + both[1]) == [f"job{number:02}" for number in range(10)]
        return
    first_took, second_is_done = asyncio.Event(), asyncio.Event()

    async def first() -> list[str]:
        async with queue.transaction():
            found = await queue.update_all(taken(5, skip_locked=True).select(Tag.name), Tag.color.set("first"))
            first_took.set()
            # Its rows stay locked while the other one takes jobs.
            await asyncio.wait_for(second_is_done.wait(), 10)
        return found

    async def second() -> list[str]:
        await asyncio.wait_for(first_took.wait(), 10)
        async with queue.transaction():
            found = await queue.update_all(taken(5, skip_locked=True).select(Tag.name), Tag.color.set("second"))
        second_is_done.set()
        return found

    ours, theirs = await asyncio.gather(first(), second())
    assert sorted(ours) == [f"job{number:02}" for number in range(5)]
    assert sorted(theirs) == [f"job{number:02}" for number in range(5, 10)]
    colors = await queue.all(from_(Tag).order_by(Tag.name).select(Tag.color))
    assert colors == ["first"] * 5 + ["second"] * 5 + ["new"] * 10


async def test_many_workers_take_every_job_once(queue: Repo):
    """Row 52 of the list of hazards."""
    locks = queue.adapter.dialect.row_locks

    async def work() -> list[str]:
        done: list[str] = []
        while True:
            found = await queue.update_all(taken(2, skip_locked=locks).select(Tag.name), Tag.color.set("done"))
            if not found:
                return done
            done += found

    shares = await asyncio.gather(*(work() for _ in range(4)))
    everything = [name for share in shares for name in share]
    assert sorted(everything) == [f"job{number:02}" for number in range(20)]


@pytest.mark.postgres
async def test_a_lock_makes_another_wait_or_fail(postgres_blog: str):
    async with Repo(postgres_blog, pool_size=2) as repo:
        await repo.insert_all(Tag, [{"name": "a", "color": "new"}])
        try:
            async with repo.transaction():
                assert len(await repo.all(from_(Tag).for_update())) == 1
                with repo.detached():
                    other = asyncio.create_task(_impatient(repo))
                with pytest.raises(DatabaseError):
                    await other
                with repo.detached():
                    skipped = asyncio.create_task(repo.all(from_(Tag).for_share(skip_locked=True)))
                assert await skipped == []
        finally:
            await repo.delete_all(Tag)


async def _impatient(repo: Repo) -> None:
    await repo.all(from_(Tag).for_update(nowait=True))
