"""Work that a cancellation must not stop half-way."""

import asyncio
from time import monotonic

import pytest

from ectype.adapters.deadlines import DUE, Deadlines
from ectype.repo.shield import unhindered

WAYS = pytest.mark.parametrize("bounded", [False, True], ids=["in a task of its own", "in the same task"])


@WAYS
async def test_work_is_finished_before_the_first_cancellation_is_returned(bounded: bool):
    done = False

    async def work() -> None:
        nonlocal done
        await asyncio.sleep(0.02)
        done = True

    async def caller() -> asyncio.CancelledError | None:
        return await unhindered(work(), bounded=bounded)

    task = asyncio.create_task(caller())
    for message in ("first", "second"):
        await asyncio.sleep(0)
        task.cancel(message)
    cancelled = await task
    assert done
    assert cancelled is not None
    assert cancelled.args == ("first",)


@WAYS
async def test_without_a_cancellation_nothing_is_returned(bounded: bool):
    assert await unhindered(asyncio.sleep(0), bounded=bounded) is None


@WAYS
async def test_a_cancellation_that_came_before_the_work_began_is_returned_too(bounded: bool):
    done = False

    async def work() -> None:
        nonlocal done
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        done = True

    async def caller() -> asyncio.CancelledError | None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("before")
        return await unhindered(work(), bounded=bounded)

    cancelled = await asyncio.create_task(caller())
    assert done
    assert cancelled is not None


@WAYS
async def test_work_may_wait_for_tasks_of_its_own(bounded: bool):
    seen: list[int] = []

    async def work() -> None:
        for number in range(3):
            await asyncio.wait({asyncio.create_task(asyncio.sleep(0.001))}, timeout=5)
            seen.append(number)

    task = asyncio.create_task(unhindered(work(), bounded=bounded))
    await asyncio.sleep(0)
    task.cancel()
    assert await task is not None
    assert seen == [0, 1, 2]


async def test_in_the_same_task_a_deadline_reaches_the_work_and_no_other_cancellation_does():
    for others in (0, 2):
        ended: list[object] = []

        async def work(ended: list[object] = ended) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as exc:
                ended.append(exc.args)
                raise LookupError("late") from None

        task = asyncio.create_task(unhindered(work(), bounded=True))
        await asyncio.sleep(0)
        for _ in range(others):
            task.cancel()
            await asyncio.sleep(0)
        assert not ended
        task.cancel(DUE)
        with pytest.raises(asyncio.CancelledError if others else LookupError) as caught:
            await task
        assert len(ended) == 1
        assert not others or isinstance(caught.value.__cause__, LookupError)


@WAYS
async def test_an_error_of_the_work_is_raised_and_is_the_cause_when_a_cancellation_came(bounded: bool):
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await unhindered(work(), bounded=bounded)
    task = asyncio.create_task(unhindered(work(), bounded=bounded))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, LookupError)


async def test_the_end_of_the_loop_ends_the_work_too():
    async def work() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(unhindered(work()))
    await asyncio.sleep(0)
    for one in asyncio.all_tasks() - {asyncio.current_task()}:
        one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_in_the_same_task_is_closed_with_the_coroutine_that_awaits_it():
    closed: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append("work")

    waiting = unhindered(work(), bounded=True)
    waiting.send(None)
    waiting.close()
    assert closed == ["work"]


async def test_an_answer_that_comes_together_with_its_deadline_leaves_the_task_uncancelled():
    kept = Deadlines(asyncio.get_running_loop())

    async def work() -> None:
        loop = asyncio.get_running_loop()
        bound, answer = kept.within(monotonic(), 60), loop.create_future()
        loop.call_soon(answer.set_result, None)
        loop.call_soon(bound.expire)
        await answer
        bound.ended()

    assert await unhindered(work(), bounded=True) is None
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
