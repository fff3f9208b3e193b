"""A cancellation at any await: nothing is half stored, no connection comes back dirty, none is missing."""

import asyncio
import random
from typing import Any

import pytest

from ectype.errors import TransactionAbortedError
from tests.integration.repo.cancelling import MANY, CancelledAt
from tests.integration.repo.notes import Notes


async def nested(notes: Notes, first: int) -> None:
    session = notes.session
    async with session.transaction():
        await notes.add(first)
        async with session.transaction():
            await notes.add(first + 1)
        async with session.transaction() as undone:
            await notes.add(first + 2)
            undone.rollback()
        await notes.add(first + 3)


async def savepoint(notes: Notes, first: int) -> None:
    async with notes.session.transaction():
        await notes.add(first)


async def siblings(notes: Notes, first: int) -> None:
    async def sibling(number: int) -> None:
        async with notes.session.transaction():
            await notes.add(number)

    async with notes.session.transaction(), asyncio.TaskGroup() as group:
        for number in range(first, first + 3):
            group.create_task(sibling(number))


async def retried(notes: Notes, first: int) -> None:
    await notes.session.transact(lambda: notes.add(first), retries=2)


WORK = {
    nested: {0, 1, 3},
    siblings: {0, 1, 2},
    retried: {0},
}


@pytest.mark.parametrize("again", [None, 1, 2], ids=["once", "twice", "twice, later"])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
async def test_cancelled_at_every_await_a_transaction_is_stored_whole_or_not_at_all(
    notes: Notes, work: Any, again: Any
):
    for suspension in range(1, MANY):
        first = suspension * 10
        cancels = (suspension,) if again is None else (suspension, suspension + again)
        running = CancelledAt(work(notes, first), *cancels)

        async def run(running: CancelledAt = running) -> None:
            await running

        task = asyncio.create_task(run())
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        await notes.settled()
        mine = {number - first for number in await notes.ids() if number // 10 == suspension}
        assert mine in (set(), WORK[work])
        if running.seen < suspension:
            assert (task.result(), mine) == (None, WORK[work])
            break
        assert task.cancelled()
    else:
        pytest.fail("the call never ended before it was cancelled")


async def test_cancelled_at_every_await_a_savepoint_leaves_its_outer_block_as_it_was(notes: Notes):
    for suspension in range(1, MANY):
        first = suspension * 10
        running = CancelledAt(savepoint(notes, first), suspension)

        async def run(running: CancelledAt = running) -> None:
            await running

        async with asyncio.timeout(5), notes.session.transaction():
            task = asyncio.create_task(run())
            await asyncio.wait({task})
            await notes.add(first + 1)
        mine = {number - first for number in await notes.ids() if number // 10 == suspension}
        assert mine in ({1}, {0, 1})
        if running.seen < suspension:
            assert (task.result(), mine) == (None, {0, 1})
            break
        assert task.cancelled()
    else:
        pytest.fail("the call never ended before it was cancelled")


async def test_cancelled_while_it_rolls_back_a_failed_block_ends_cancelled(notes: Notes):
    await notes.add(1)

    async def failed() -> None:
        async with notes.session.transaction():
            await asyncio.gather(notes.add(1), return_exceptions=True)

    ends: list[type[BaseException]] = []
    for suspension in range(1, MANY):
        running = CancelledAt(failed(), suspension)

        async def run(running: CancelledAt = running) -> None:
            await running

        with pytest.raises((asyncio.CancelledError, TransactionAbortedError)) as caught:
            await asyncio.wait_for(asyncio.create_task(run()), 5)
        ends.append(caught.type)
        if running.seen < suspension:
            break
    assert ends == [asyncio.CancelledError] * (len(ends) - 1) + [TransactionAbortedError]
    # Its statement and its ROLLBACK at least; BEGIN is no wait everywhere.
    assert len(ends) > 2


async def test_cancelled_while_it_waits_for_a_connection_a_transaction_leaves_nothing(notes: Notes):
    held = [await notes.pool.acquire(1) for _ in range(notes.pool.report().size)]
    tasks = [asyncio.create_task(nested(notes, number * 10)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    for connection in held:
        notes.pool.release(connection)
    await asyncio.wait(tasks, timeout=5)
    assert [task.cancelled() for task in tasks] == [True, False] * 10
    assert set(await notes.ids()) == {number * 10 + extra for number in range(1, 20, 2) for extra in (0, 1, 3)}


async def test_tasks_cancelled_at_random_leave_whole_transactions_and_a_whole_pool(notes: Notes):
    dice = random.Random(20)
    tasks = [
        asyncio.create_task(dice.choice([nested, siblings])(notes, number * 10), name=str(number))
        for number in range(60)
    ]
    for task in dice.sample(tasks, 40):
        await asyncio.sleep(dice.random() * 0.004)
        task.cancel()
    await asyncio.wait(tasks, timeout=10)
    await notes.settled()
    stored = await notes.ids()
    for task in tasks:
        number = int(task.get_name())
        mine = {one - number * 10 for one in stored if one // 10 == number}
        assert mine in (set(), {0, 1, 3}, {0, 1, 2})
        if not task.cancelled():
            task.result()
            assert mine
