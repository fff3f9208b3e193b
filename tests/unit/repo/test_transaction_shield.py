"""Work that a cancellation must not stop half-way."""

import asyncio

import pytest

from ectype.repo.shield import unhindered


async def test_work_is_finished_before_the_first_cancellation_is_returned():
    done = False

    async def work() -> None:
        nonlocal done
        await asyncio.sleep(0.02)
        done = True

    async def caller() -> asyncio.CancelledError | None:
        return await unhindered(work())

    task = asyncio.create_task(caller())
    for message in ("first", "second"):
        await asyncio.sleep(0)
        task.cancel(message)
    cancelled = await task
    assert done
    assert cancelled is not None
    assert cancelled.args == ("first",)


async def test_without_a_cancellation_nothing_is_returned():
    assert await unhindered(asyncio.sleep(0)) is None


async def test_an_error_of_the_work_is_raised_and_is_the_cause_when_a_cancellation_came():
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await unhindered(work())
    task = asyncio.create_task(unhindered(work()))
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
