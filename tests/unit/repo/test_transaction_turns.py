"""Turns: one at a time, in order, and never lost with somebody who went away."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectype.errors import DeadlineError, TransactionClosedError
from ectype.repo.turn import Turn


def taken() -> Turn:
    turn = Turn()
    turn.taken = True
    return turn


async def test_the_turn_goes_to_the_one_that_has_waited_longest():
    turn, order = taken(), []

    async def wait(name: str) -> None:
        await turn.wait(asyncio.current_task(), None)
        order.append(name)
        turn.pass_on()

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await asyncio.sleep(0)
    turn.pass_on()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c"]
    assert (turn.taken, turn.holder) == (False, None)


async def test_what_is_left_of_the_deadline_is_returned():
    turn = taken()
    waiting = asyncio.create_task(turn.wait(None, 5.0))
    await asyncio.sleep(0.02)
    turn.pass_on()
    left = await waiting
    assert left is not None
    assert 4.5 < left < 4.99


async def test_an_expired_wait_gives_up_its_place_and_names_who_has_the_turn():
    turn = taken()
    turn.holder = asyncio.create_task(asyncio.sleep(0), name="first")
    with pytest.raises(DeadlineError, match=r"task \(none\) waited 0.01 s .* task `first` has it") as caught:
        await turn.wait(None, 0.01)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.hint is not None
    turn.pass_on()
    assert not turn.taken


async def test_a_turn_that_comes_to_one_who_is_going_away_is_passed_on():
    turn = taken()
    going = asyncio.create_task(turn.wait(None, None))
    staying = asyncio.create_task(turn.wait(None, 5.0))
    await asyncio.sleep(0)
    turn.pass_on()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await asyncio.wait_for(staying, 1) is not None
    turn.pass_on()
    assert not turn.taken


async def test_those_who_wait_are_told_that_the_turn_will_not_come():
    turn = taken()
    waiting = [asyncio.create_task(turn.wait(asyncio.current_task(), 5.0), name=name) for name in "ab"]
    await asyncio.sleep(0)
    turn.refuse(lambda task: TransactionClosedError("closed"))
    for task in waiting:
        with pytest.raises(TransactionClosedError):
            await task


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["wait", "pass", "cancel", "step"]), max_size=30), st.randoms())
def test_one_at_most_has_the_turn_and_nobody_waits_for_a_free_one(steps: list[str], dice) -> None:
    async def play() -> None:
        turn, inside, most = Turn(), 0, 0
        go = asyncio.Event()

        async def visit() -> None:
            nonlocal inside, most
            if turn.taken:
                await turn.wait(asyncio.current_task(), 5.0)
            else:
                turn.taken = True
            inside += 1
            most = max(most, inside)
            try:
                await go.wait()
            finally:
                inside -= 1
                turn.pass_on()

        tasks: list[asyncio.Task[None]] = []
        for step in steps:
            if step == "wait":
                tasks.append(asyncio.create_task(visit()))
            elif step == "pass":
                go.set()
                await asyncio.sleep(0)
                go.clear()
            elif step == "cancel" and tasks:
                dice.choice(tasks).cancel()
            else:
                await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= 1
        assert not turn.taken

    asyncio.run(play())
