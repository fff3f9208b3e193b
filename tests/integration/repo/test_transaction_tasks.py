"""Tasks in one transaction: they take turns, and none of them is told something untrue."""
# ruff: noqa: PT012, SIM117  # the blocks are what is tested here

import asyncio
from typing import Any

import pytest

from ectype.errors import DeadlineError, PoolTimeoutError, TransactionClosedError
from tests.integration.repo.notes import SECONDS, Notes


async def test_a_task_started_inside_joins_also_through_wait_for(notes: Notes):
    async with notes.session.transaction() as tx:
        await asyncio.wait_for(notes.add(1), SECONDS)
        await asyncio.create_task(notes.add(2))
        await asyncio.gather(*(notes.add(number) for number in range(3, 9)))
        assert notes.pool.report().in_use == 1
        tx.rollback()
    assert await notes.ids() == []


async def test_sibling_savepoints_take_turns_and_lose_nothing(notes: Notes):
    failing = {2, 5}

    async def sibling(number: int) -> None:
        async with notes.session.transaction():
            await notes.add(number * 10)
            await asyncio.sleep(0)
            async with notes.session.transaction():
                await notes.add(number * 10 + 1)
            await asyncio.sleep(0.001 * (number % 3))
            if number in failing:
                raise LookupError(number)

    async with notes.session.transaction():
        outcomes = await asyncio.gather(
            *(sibling(number) for number in range(8)),
            *(notes.add(number) for number in range(1000, 1005)),
            return_exceptions=True,
        )
    kept = sorted(number * 10 + extra for number in range(8) if number not in failing for extra in (0, 1))
    assert [isinstance(one, LookupError) for one in outcomes] == [number in failing for number in range(8)] + [
        False
    ] * 5
    assert await notes.ids() == [*kept, *range(1000, 1005)]


async def test_a_statement_waits_while_a_sibling_is_in_a_savepoint(notes: Notes):
    order: list[str] = []
    inside, go = asyncio.Event(), asyncio.Event()

    async def nested() -> None:
        async with notes.session.transaction():
            inside.set()
            await go.wait()
            await notes.add(1)
            order.append("nested")

    async def plain() -> None:
        await notes.add(2)
        order.append("plain")

    async with notes.session.transaction():
        async with asyncio.TaskGroup() as group:
            group.create_task(nested())
            await inside.wait()
            group.create_task(plain())
            await asyncio.sleep(0.02)
            assert order == []
            go.set()
    assert order == ["nested", "plain"]


async def test_a_wait_past_the_deadline_names_both_tasks(notes: Notes):
    async def plain() -> None:
        await notes.session.execute("INSERT INTO notes (id) VALUES (1)", (), 0.05)

    async with notes.session.transaction():
        waiting = asyncio.create_task(plain(), name="the waiting one")
        async with notes.session.transaction():
            asyncio.current_task().set_name("the holding one")  # type: ignore[union-attr]
            with pytest.raises(
                DeadlineError, match=r"task `the waiting one` waited 0.05 s .* task `the holding one` has it"
            ):
                await waiting
        await notes.add(2)
    assert await notes.ids() == [2]


async def test_leaving_waits_for_the_statements_that_are_queued(notes: Notes):
    async with notes.session.transaction():
        tasks = [asyncio.create_task(notes.add(number)) for number in range(5)]
        await asyncio.sleep(0)
    assert [task.result() for task in tasks] == [1] * 5
    assert await notes.ids() == [0, 1, 2, 3, 4]


async def test_leaving_waits_for_the_savepoint_of_a_child(notes: Notes):
    async def child() -> None:
        async with notes.session.transaction():
            await notes.add(1)
            await asyncio.sleep(0.02)
            await notes.add(2)

    async with notes.session.transaction():
        task = asyncio.create_task(child())
        await asyncio.sleep(0.01)
    await task
    assert await notes.ids() == [1, 2]


async def test_leaving_by_an_error_waits_for_the_statement_in_flight_and_tells_those_in_the_queue(notes: Notes):
    tasks: list[asyncio.Task[int]] = []
    with pytest.raises(LookupError):
        async with notes.session.transaction():
            tasks.append(asyncio.create_task(notes.slow(0.1)))
            tasks.append(asyncio.create_task(notes.add(1)))
            await asyncio.sleep(0.02)
            raise LookupError
    assert tasks[0].done()
    with pytest.raises(TransactionClosedError):
        await tasks[1]
    await tasks[0]
    assert await notes.ids() == []


async def test_a_failed_savepoint_waits_for_the_statement_in_flight(notes: Notes):
    async with notes.session.transaction():
        with pytest.raises(LookupError):
            async with notes.session.transaction():
                task = asyncio.create_task(notes.slow(0.05))
                await asyncio.sleep(0.02)
                raise LookupError
        assert task.done()
        await notes.add(1)
    await task
    assert await notes.ids() == [1]


async def test_a_statement_that_queues_behind_the_end_of_the_block_is_told_at_once(notes: Notes):
    late: list[asyncio.Task[int]] = []

    async def be_late() -> None:
        await asyncio.sleep(0.04)
        late.append(asyncio.create_task(notes.add(1)))
        await asyncio.sleep(0)

    async with notes.session.transaction():
        in_flight = asyncio.create_task(notes.slow(0.1))
        queuing = asyncio.create_task(be_late())
        await asyncio.sleep(0.02)
    await queuing
    await in_flight
    with pytest.raises(TransactionClosedError):
        await asyncio.wait_for(late[0], 1)
    assert await notes.ids() == []


async def test_a_childs_savepoint_that_is_undone_from_outside_touches_nobody_elses_transaction(notes: Notes):
    go = asyncio.Event()
    told: list[type[BaseException]] = []

    async def child() -> None:
        async with notes.session.transaction():
            await notes.add(1)
            await go.wait()
            try:
                await notes.add(2)
            except TransactionClosedError as exc:
                told.append(type(exc))
                raise

    with pytest.raises(ZeroDivisionError):
        async with notes.session.transaction():
            task = asyncio.create_task(child())
            await asyncio.sleep(0.02)
            raise ZeroDivisionError
    assert notes.pool.report().in_use == 0
    async with notes.session.transaction(), notes.session.transaction():
        await notes.add(3)
        go.set()
        with pytest.raises(TransactionClosedError):
            await task
        await notes.add(4)
    assert (told, await notes.ids()) == ([TransactionClosedError], [3, 4])


async def test_a_childs_savepoint_that_is_undone_from_outside_does_not_end_as_if_it_were_kept(
    notes: Notes,
):
    go = asyncio.Event()

    async def child(*, raises: bool) -> None:
        async with notes.session.transaction():
            await notes.add(1)
            notes.session.after_commit(lambda: pytest.fail("must not run"))
            await go.wait()
            if raises:
                raise LookupError

    for raises, expected in ((False, TransactionClosedError), (True, LookupError)):
        go.clear()
        with pytest.raises(ZeroDivisionError):
            async with notes.session.transaction():
                task = asyncio.create_task(child(raises=raises))
                await asyncio.sleep(0.02)
                raise ZeroDivisionError
        go.set()
        with pytest.raises(expected):
            await task
    assert await notes.ids() == []


async def test_a_task_that_worked_in_a_transaction_and_outlives_it_is_told_the_fix(notes: Notes):
    go = asyncio.Event()

    async def child() -> None:
        await notes.add(1)
        await go.wait()
        assert not notes.session.in_transaction
        with pytest.raises(TransactionClosedError, match=r"task `late` .* has ended[\s\S]*with repo.detached\(\):"):
            await notes.add(2)
        with pytest.raises(TransactionClosedError):
            notes.session.after_commit(lambda: None)
        with pytest.raises(TransactionClosedError):
            async with notes.session.transaction():
                pass
        with notes.session.detached():
            await notes.add(3)

    async with notes.session.transaction():
        task = asyncio.create_task(child(), name="late")
        await asyncio.sleep(0.02)
    go.set()
    await task
    assert await notes.ids() == [1, 3]


async def test_a_task_that_did_nothing_in_a_transaction_and_outlives_it_takes_its_own_connection(notes: Notes):
    go = asyncio.Event()

    async def child() -> None:
        await go.wait()
        await notes.add(2)

    async with notes.session.transaction() as tx:
        await notes.add(1)
        task = asyncio.create_task(child())
        await asyncio.sleep(0)
        tx.rollback()
    go.set()
    await task
    assert await notes.ids() == [2]


async def test_a_task_whose_savepoint_ended_goes_on_in_the_outer_block_if_it_did_nothing_there(notes: Notes):
    async def child(go: asyncio.Event, number: int) -> None:
        await go.wait()
        await notes.add(number)

    go = asyncio.Event()
    async with notes.session.transaction() as outer:
        async with notes.session.transaction():
            await notes.add(1)
            task = asyncio.create_task(child(go, 2))
            await asyncio.sleep(0)
        go.set()
        await task
        assert await notes.ids() == [1, 2]
        outer.rollback()
    assert await notes.ids() == []


async def test_a_task_started_in_detached_code_stays_outside(notes: Notes):
    async with notes.session.transaction() as tx:
        with notes.session.detached():
            task = asyncio.create_task(notes.ids())
        assert await task == []
        await notes.add(1)
        assert await notes.ids() == [1]
        assert await notes.ids_outside() == []
        tx.rollback()


async def test_two_repos_have_transactions_of_their_own(notes: Notes, tmp_path: Any):
    other = Notes(f"sqlite:///{tmp_path / 'other.db'}")
    await other.create()
    async with notes.session.transaction() as mine:
        async with other.session.transaction():
            await notes.add(1)
            await other.add(2)
            with notes.session.detached():
                assert (notes.session.in_transaction, other.session.in_transaction) == (False, True)
        mine.rollback()
    assert (await notes.ids(), await other.ids()) == ([], [2])
    await other.close()


async def test_an_in_memory_database_makes_other_tasks_wait_for_the_transaction():
    notes = Notes("sqlite:///:memory:", timeout=0.5)
    await notes.create()
    entered = asyncio.Event()

    async def outside() -> list[int]:
        await entered.wait()
        return await notes.ids()

    task = asyncio.create_task(outside())
    async with notes.session.transaction():
        entered.set()
        await notes.add(1)
        await asyncio.sleep(0.02)
        assert not task.done()
        with notes.session.detached(), pytest.raises(PoolTimeoutError, match="run the inner call inside"):
            await notes.session.execute("SELECT 1", (), 0.05)
        await notes.add(2)
    assert await task == [1, 2]
    await notes.close()
