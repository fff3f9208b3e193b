"""Where a caller stands: found without a cost until it is asked for."""

import asyncio
from collections.abc import AsyncIterator

from ectype.adapters import call_site


async def deeper() -> None:
    await asyncio.sleep(20)


async def stands() -> None:
    await deeper()


async def site_of(task: "asyncio.Task[None]") -> str | None:
    await asyncio.sleep(0.01)
    found = call_site.text(call_site.of_task(task))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


def line_of(function: object, after: int) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno + after}"


async def test_a_task_stands_at_the_innermost_line_outside_of_libraries():
    assert await site_of(asyncio.create_task(stands())) == line_of(deeper, 1)


async def test_async_generators_and_our_own_code_are_looked_through():
    async def rows() -> AsyncIterator[int]:
        await deeper()
        yield 1

    async def reads() -> None:
        async for _ in rows():
            pass

    assert await site_of(asyncio.create_task(reads())) in (line_of(reads, 1), line_of(deeper, 1))


async def test_a_task_that_has_ended_stands_nowhere():
    async def ends() -> None:
        pass

    task = asyncio.create_task(ends())
    await task
    assert call_site.of_task(task) is None
    assert call_site.of_task(None) is None
    assert call_site.text(None) is None


def test_a_caller_is_the_first_frame_outside_of_ectype():
    assert call_site.text(call_site.of_caller()) == line_of(test_a_caller_is_the_first_frame_outside_of_ectype, 1)
