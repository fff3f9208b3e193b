"""One timer for the deadlines of all statements: each ends in time, and only what is due is cancelled."""

import asyncio
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.adapters.deadlines import Deadlines

CEILING = 5.0


class Statement:
    """What a connection does with a statement, over a sleep instead of a driver."""

    def __init__(self, kept: Deadlines) -> None:
        self.kept = kept

    async def run(self, seconds: float, timeout: float | None) -> str:
        """Take some seconds, within a deadline."""
        bound = None if timeout is None else self.kept.within(monotonic(), timeout)
        try:
            await asyncio.sleep(seconds)
        except BaseException as exc:
            raise (exc if bound is None else bound.overran(exc)) from exc
        if bound is not None:
            bound.ended()
        return "done"


def deadlines() -> Deadlines:
    return Deadlines(asyncio.get_running_loop())


async def test_what_runs_past_its_end_gets_a_timeout_and_leaves_its_task_uncancelled():
    statement = Statement(deadlines())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await statement.run(60, 0.02)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert await statement.run(0, 5) == "done"


async def test_a_later_deadline_does_not_hide_an_earlier_one():
    kept = deadlines()
    late, early = Statement(kept), Statement(kept)
    waiting = asyncio.create_task(late.run(60, 0.3))
    await asyncio.sleep(0)
    started = monotonic()
    with pytest.raises(TimeoutError):
        await early.run(60, 0.02)
    assert monotonic() - started < CEILING
    assert not waiting.done()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, CEILING)


async def test_a_cancellation_from_elsewhere_stays_one():
    statement = Statement(deadlines())
    task = asyncio.create_task(statement.run(60, 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_at_the_same_moment_as_the_end_stays_one():
    kept = deadlines()

    async def late() -> None:
        bound = kept.within(monotonic(), 60)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as exc:
            raise bound.overran(exc) from exc

    for order in ("end first", "end last"):
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
        (bound,) = kept._kept
        if order == "end last":
            task.cancel()
        bound.expire()
        if order == "end first":
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1


async def test_a_task_that_is_being_cancelled_already_may_still_run_out_of_time():
    statement = Statement(deadlines())
    seen: list[BaseException] = []

    async def cleans_up() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            try:
                await statement.run(60, 0.02)
            except TimeoutError as exc:
                seen.append(exc)

    task = asyncio.create_task(cleans_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(seen) == 1


async def test_an_outer_timeout_ends_what_has_a_longer_one_of_its_own():
    statement = Statement(deadlines())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await statement.run(60, 60)
    assert await statement.run(0, 60) == "done"


async def test_what_has_no_time_left_is_not_begun():
    kept = deadlines()
    for seconds in (0, -1):
        with pytest.raises(TimeoutError):
            kept.within(monotonic(), seconds)
    assert kept.resting


async def test_the_timer_is_off_when_nothing_runs():
    kept = deadlines()
    statement = Statement(kept)
    await statement.run(0, 0.02)
    assert not kept.resting
    await asyncio.sleep(0.1)
    assert kept.resting


async def test_of_two_statements_that_one_connection_was_given_each_has_its_own_end():
    statement = Statement(deadlines())
    first = asyncio.create_task(statement.run(60, 0.1))
    second = asyncio.create_task(statement.run(60, 60))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first, CEILING)
    with pytest.raises(asyncio.CancelledError):
        await second


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.005, 60.0]), st.sampled_from([0.03, 0.06, 0.09, None])), max_size=12))
def test_each_of_many_ends_by_its_own_deadline_and_no_other_is_touched(given_: list[tuple[float, float | None]]):
    async def outcome(statement: Statement, seconds: float, timeout: float | None) -> str:
        try:
            return await statement.run(seconds, timeout)
        except TimeoutError:
            return "late"

    async def all_of_them() -> list[str]:
        kept = deadlines()
        runs = [
            outcome(Statement(kept), seconds, timeout)
            for seconds, timeout in given_
            if timeout is not None or seconds < 1
        ]
        return await asyncio.wait_for(asyncio.gather(*runs), CEILING)

    found = asyncio.run(all_of_them())
    wanted = [seconds for seconds, timeout in given_ if timeout is not None or seconds < 1]
    # What takes no time at all is never late; what takes a minute always is.
    assert all(one == "done" for one, seconds in zip(found, wanted, strict=True) if seconds == 0)
    assert all(one == "late" for one, seconds in zip(found, wanted, strict=True) if seconds == 60)
