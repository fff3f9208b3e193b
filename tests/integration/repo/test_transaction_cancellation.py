"""A cancellation at any await: nothing is half stored, no connection comes back dirty, none is missing."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any

import pytest

from ectype.adapters.base import Adapter
from ectype.adapters.pool import Pool
from ectype.repo.transaction import Session

SIZE = 3
MANY = 400
"""More suspensions than any of the calls below has."""


class CancelledAt:
    """Awaits a coroutine, and cancels its task at the numbered suspensions, counted from 1."""

    def __init__(self, work: Coroutine[Any, Any, Any], *suspensions: int) -> None:
        self.work = work
        self.suspensions = suspensions
        self.seen = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self.work.__await__()
        send, value = steps.send, None
        while True:
            try:
                future = send(value)
            except StopIteration as stop:
                return stop.value
            self.seen += 1
            if self.seen in self.suspensions:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value = yield future
                send = steps.send
            except BaseException as exc:
                send, value = steps.throw, exc


class Bench:
    def __init__(self, adapter: Adapter, pool: Pool) -> None:
        self.mark = "$1" if adapter.url.startswith("postgresql") else "?1"
        self.pool = pool
        self.session = Session(pool, timeout=10.0)

    async def add(self, number: int) -> None:
        await self.session.execute(f"INSERT INTO notes (id) VALUES ({self.mark})", (number,))

    async def ids(self) -> set[int]:
        return await self.session.fetch("SELECT id FROM notes", (), lambda rows: {row[0] for row in rows})

    async def clean(self) -> None:
        """Wait for the pool's own cleaning, then take every connection at once and use it."""
        async with asyncio.timeout(5):
            while self.pool.report().in_use or self.pool.report().opening:
                await asyncio.sleep(0)
            taken = [await self.pool.acquire(2) for _ in range(self.pool.report().size)]
        for connection in taken:
            assert not connection.in_transaction
            assert await connection.fetch("SELECT 1", (), lambda rows: rows[0][0]) == 1
            self.pool.release(connection)


@pytest.fixture
async def bench(adapter: Adapter) -> AsyncIterator[Bench]:
    pool = Pool(adapter, size=SIZE)
    bench = Bench(adapter, pool)
    await bench.session.script("CREATE TABLE notes (id integer PRIMARY KEY)")
    yield bench
    await bench.clean()
    await bench.session.close()
    await pool.close()


async def nested(bench: Bench, first: int) -> None:
    session = bench.session
    async with session.transaction():
        await bench.add(first)
        async with session.transaction():
            await bench.add(first + 1)
        async with session.transaction() as undone:
            await bench.add(first + 2)
            undone.rollback()
        await bench.add(first + 3)


async def siblings(bench: Bench, first: int) -> None:
    async def sibling(number: int) -> None:
        async with bench.session.transaction():
            await bench.add(number)

    async with bench.session.transaction():
        async with asyncio.TaskGroup() as group:
            for number in range(first, first + 3):
                group.create_task(sibling(number))


async def retried(bench: Bench, first: int) -> None:
    await bench.session.transact(lambda: bench.add(first), retries=2)


WORK = {
    nested: {0, 1, 3},
    siblings: {0, 1, 2},
    retried: {0},
}


@pytest.mark.parametrize("again", [None, 1, 2], ids=["once", "twice", "twice, later"])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
async def test_cancelled_at_every_await_a_transaction_is_stored_whole_or_not_at_all(bench: Bench, work: Any, again: Any):
    for suspension in range(1, MANY):
        first = suspension * 10
        cancels = (suspension,) if again is None else (suspension, suspension + again)
        running = CancelledAt(work(bench, first), *cancels)

        async def run(running: CancelledAt = running) -> None:
            await running

        task = asyncio.create_task(run())
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        await bench.clean()
        mine = {number - first for number in await bench.ids() if number // 10 == suspension}
        assert mine in (set(), WORK[work])
        if not task.cancelled():
            task.result()
            assert mine == WORK[work]
        if running.seen < suspension:
            break
    else:
        pytest.fail("the call never ended before it was cancelled")


async def test_cancelled_while_it_waits_for_a_connection_a_transaction_leaves_nothing(bench: Bench):
    held = [await bench.pool.acquire(1) for _ in range(SIZE)]
    tasks = [asyncio.create_task(nested(bench, number * 10)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    for connection in held:
        bench.pool.release(connection)
    await asyncio.wait(tasks, timeout=5)
    assert [task.cancelled() for task in tasks] == [True, False] * 10
    assert await bench.ids() == {number * 10 + extra for number in range(1, 20, 2) for extra in (0, 1, 3)}


async def test_tasks_cancelled_at_random_leave_whole_transactions_and_a_whole_pool(bench: Bench):
    dice = random.Random(20)
    tasks = [
        asyncio.create_task(dice.choice([nested, siblings])(bench, number * 10), name=str(number)) for number in range(60)
    ]
    for task in dice.sample(tasks, 40):
        await asyncio.sleep(dice.random() * 0.004)
        task.cancel()
    await asyncio.wait(tasks, timeout=10)
    await bench.clean()
    stored = await bench.ids()
    for task in tasks:
        number = int(task.get_name())
        mine = {one - number * 10 for one in stored if one // 10 == number}
        assert mine in (set(), {0, 1, 3}, {0, 1, 2})
        if not task.cancelled():
            task.result()
            assert mine
