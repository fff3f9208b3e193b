"""Transactions on every database: what is stored, what is not, and what the caller is told."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ectype import telemetry
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import (
    CastError,
    CommitUnknownError,
    ConfigError,
    ConnectError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    PoolTimeoutError,
    TransactionAbortedError,
    TransactionClosedError,
    UnsupportedError,
)
from ectype.repo.block import RolledBack
from ectype.repo.transaction import Session, Transaction
from tests.integration.repo.notes import SECONDS, Notes, opened


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
async def notes(request: pytest.FixtureRequest) -> AsyncIterator[Notes]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    async with opened(url) as notes:
        yield notes


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Notes]:
    async with opened(postgres_url) as notes:
        yield notes


# --- one block


async def test_a_block_that_ends_is_stored_and_one_that_raises_is_not(notes: Notes):
    async with notes.session.transaction() as kept:
        await notes.add(1)
        assert await notes.ids_outside() == []
        assert await notes.ids() == [1]
    undone = notes.session.transaction()
    with pytest.raises(LookupError, match="no"):
        async with undone:
            await notes.add(2)
            raise LookupError("no")
    assert await notes.ids() == [1]
    assert (kept.rolled_back, undone.rolled_back) == (False, True)


async def test_all_five_calls_run_on_the_transactions_connection(notes: Notes):
    insert = f"INSERT INTO notes (id) VALUES ({notes.mark})"
    tx = notes.session.transaction()
    async with tx:
        assert await notes.session.execute(insert, (1,)) == 1
        assert await notes.session.execute_many(insert, [(2,), (3,)]) == 2
        assert await notes.session.fetch_many(f"{insert} RETURNING id", [(4,), (5,)], len) == 2
        await notes.session.script("INSERT INTO notes VALUES (6); INSERT INTO notes VALUES (7)")
        assert await notes.session.fetch("SELECT count(*) FROM notes", (), lambda rows: rows[0][0]) == 7
        tx.rollback()
    assert await notes.ids() == []


async def test_all_five_calls_run_outside_a_transaction_too(notes: Notes):
    insert = f"INSERT INTO notes (id) VALUES ({notes.mark})"
    assert await notes.session.execute(insert, (1,)) == 1
    assert await notes.session.execute_many(insert, [(2,), (3,)]) == 2
    assert await notes.session.fetch_many(f"{insert} RETURNING id", [(4,), (5,)], len) == 2
    await notes.session.script("INSERT INTO notes VALUES (6); INSERT INTO notes VALUES (7)")
    assert len(await notes.ids()) == 7


async def test_in_transaction_is_true_inside_and_false_outside_and_in_detached_code(notes: Notes):
    seen = [notes.session.in_transaction]
    async with notes.session.transaction():
        seen.append(notes.session.in_transaction)
        with notes.session.detached():
            seen.append(notes.session.in_transaction)
        async with notes.session.transaction():
            seen.append(notes.session.in_transaction)
        seen.append(notes.session.in_transaction)
    assert [*seen, notes.session.in_transaction] == [False, True, False, True, True, False]


async def test_a_block_is_entered_once(notes: Notes):
    tx = notes.session.transaction()
    async with tx:
        with pytest.raises(TransactionClosedError, match="has been entered before"):
            await tx.__aenter__()
    with pytest.raises(TransactionClosedError, match="call `repo.transaction\\(\\)` anew"):
        await tx.__aenter__()


async def test_a_transaction_ended_by_sql_text_is_told(notes: Notes):
    with pytest.raises(TransactionClosedError, match="SQL text in this block has ended the transaction"):
        async with notes.session.transaction():
            await notes.session.script("COMMIT")
            await notes.add(1)
    assert await notes.ids() == [1]


async def test_a_block_that_ends_in_another_context_is_stored(notes: Notes):
    stack = AsyncExitStack()
    here = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    await loop.create_task(stack.enter_async_context(notes.session.transaction()), context=here)
    await loop.create_task(notes.add(1), context=here)
    assert await notes.ids() == []
    await stack.aclose()
    assert await notes.ids() == [1]
    assert await loop.create_task(notes.ids(), context=here) == [1]


# --- rollback by hand


async def test_rollback_ends_the_block_and_the_program_goes_on_after_it(notes: Notes):
    reached = False
    async with notes.session.transaction() as tx:
        await notes.add(1)
        try:
            tx.rollback()
        except Exception:  # must not catch it
            reached = True
        reached = True
    assert (tx.rolled_back, reached, await notes.ids()) == (True, False, [])


async def test_an_inner_rollback_leaves_the_outer_block_as_it_is(notes: Notes):
    async with notes.session.transaction() as outer:
        await notes.add(1)
        async with notes.session.transaction() as inner:
            await notes.add(2)
            inner.rollback()
        await notes.add(3)
    assert (outer.rolled_back, inner.rolled_back, await notes.ids()) == (False, True, [1, 3])


async def test_an_outer_rollback_called_in_an_inner_block_ends_both(notes: Notes):
    after_inner = False
    async with notes.session.transaction() as outer:
        await notes.add(1)
        async with notes.session.transaction() as inner:
            await notes.add(2)
            outer.rollback()
        after_inner = True
    assert (outer.rolled_back, inner.rolled_back, after_inner, await notes.ids()) == (True, True, False, [])


async def test_a_rollback_in_a_task_group_ends_the_block_around_it(notes: Notes):
    async def child(tx: Transaction) -> None:
        await notes.add(1)
        tx.rollback()

    async with notes.session.transaction() as tx:
        async with asyncio.TaskGroup() as group:
            group.create_task(child(tx))
    assert (tx.rolled_back, await notes.ids()) == (True, [])


async def test_other_errors_of_a_task_group_are_not_swallowed_with_the_rollback(notes: Notes):
    async def child(tx: Transaction) -> None:
        tx.rollback()

    async def other() -> None:
        raise LookupError("no")

    with pytest.raises(BaseExceptionGroup) as caught:
        async with notes.session.transaction() as tx:
            async with asyncio.TaskGroup() as group:
                group.create_task(child(tx))
                group.create_task(other())
    assert [type(one) for one in caught.value.exceptions] == [LookupError]


async def test_a_swallowed_rollback_still_rolls_back_and_takes_no_statements(notes: Notes):
    async with notes.session.transaction() as tx:
        await notes.add(1)
        try:
            tx.rollback()
        except BaseException:
            pass
        with pytest.raises(TransactionAbortedError, match=r"`tx.rollback\(\)` was called"):
            await notes.add(2)
    assert (tx.rolled_back, await notes.ids()) == (True, [])


async def test_a_rollback_outside_its_block_says_so(notes: Notes):
    tx = notes.session.transaction()
    with pytest.raises(TransactionClosedError, match="outside its block"):
        tx.rollback()
    async with tx:
        await notes.add(1)
    with pytest.raises(TransactionClosedError, match="outside its block"):
        tx.rollback()
    assert await notes.ids() == [1]


# --- savepoints


async def test_an_inner_failure_does_not_poison_the_outer_block(notes: Notes):
    async with notes.session.transaction():
        await notes.add(1)
        with pytest.raises(ConstraintError):
            async with notes.session.transaction():
                await notes.add(2)
                await notes.add(1)
        async with notes.session.transaction():
            async with notes.session.transaction():
                await notes.add(3)
        await notes.add(4)
    assert await notes.ids() == [1, 3, 4]


async def test_an_inner_block_is_lost_with_the_outer_one(notes: Notes):
    async with notes.session.transaction() as outer:
        async with notes.session.transaction() as inner:
            await notes.add(1)
        outer.rollback()
    assert (inner.rolled_back, await notes.ids()) == (False, [])


async def test_savepoint_is_one_inside_a_transaction_and_nothing_outside(notes: Notes):
    async with notes.session.transaction():
        with pytest.raises(ConstraintError):
            async with notes.session.savepoint():
                await notes.add(1)
                await notes.add(1)
        async with notes.session.savepoint():
            await notes.add(2)
    with pytest.raises(ConstraintError):
        async with notes.session.savepoint():
            assert not notes.session.in_transaction
            await notes.add(3)
            await notes.add(3)
    assert await notes.ids() == [2, 3]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"isolation": "serializable"}, "isolation='serializable'"),
        ({"read_only": True}, "read_only=True"),
        ({"deferrable": True, "read_only": True}, "read_only=True, deferrable=True"),
    ],
)
async def test_options_of_the_whole_are_refused_inside_an_open_transaction(notes: Notes, options: Any, named: str):
    async with notes.session.transaction():
        with pytest.raises(ConfigError, match=named):
            async with notes.session.transaction(**options):
                pass
        await notes.add(1)
    assert await notes.ids() == [1]


async def test_an_unknown_isolation_is_refused_with_the_known_ones(notes: Notes):
    with pytest.raises(ConfigError, match="did you mean `serializable`"):
        notes.session.transaction(isolation="serialisable")  # type: ignore[arg-type]


async def test_what_sqlite_cannot_do_is_refused_by_name(tmp_path: Any):
    pool = Pool(adapter_for(f"sqlite:///{tmp_path / 'a.db'}"))
    with pytest.raises(UnsupportedError, match="SQLite"):
        async with Session(pool).transaction(isolation="read committed"):
            pass
    assert pool.report().in_use == 0
    await pool.close()


async def test_a_read_only_transaction_reads_beside_a_writing_one(notes: Notes):
    await notes.add(1)
    async with notes.session.transaction():
        await notes.add(2)
        with notes.session.detached():
            async with notes.session.transaction(read_only=True, isolation="serializable"):
                assert await notes.ids() == [1]


# --- aborted scopes


async def test_after_an_error_nothing_runs_and_the_first_error_is_named(notes: Notes):
    await notes.add(1)
    with pytest.raises(TransactionAbortedError) as left:
        async with notes.session.transaction():
            await notes.add(2)
            with pytest.raises(ConstraintError) as first:
                await notes.add(1)
            for statement in (notes.add(3), notes.ids(), notes.session.script("SELECT 1")):
                with pytest.raises(
                    TransactionAbortedError, match="an earlier statement failed.*ConstraintError"
                ) as one:
                    await statement
                assert one.value.__cause__ is first.value
            with pytest.raises(TransactionAbortedError, match="ConstraintError"):
                async with notes.session.transaction():
                    pass
    assert left.value.__cause__ is first.value
    assert "nested `transaction()`" in str(left.value)
    assert await notes.ids() == [1]


async def test_an_error_of_another_task_aborts_the_block_that_swallows_it(notes: Notes):
    await notes.add(1)
    with pytest.raises(TransactionAbortedError):
        async with notes.session.transaction():
            await asyncio.gather(notes.add(2), notes.add(1), return_exceptions=True)
    assert await notes.ids() == [1]


async def test_a_savepoint_clears_its_own_error_for_the_outer_block(notes: Notes):
    await notes.add(1)
    async with notes.session.transaction():
        with pytest.raises(TransactionAbortedError):
            async with notes.session.transaction():
                with pytest.raises(ConstraintError):
                    await notes.add(1)
        await notes.add(2)
    assert await notes.ids() == [1, 2]


async def test_a_value_that_was_never_sent_aborts_nothing(notes: Notes):
    async with notes.session.transaction():
        with pytest.raises(CastError):
            await notes.session.execute(f"INSERT INTO notes (id) VALUES ({notes.mark})", (2**80,))
        await notes.add(1)
    assert await notes.ids() == [1]


async def test_a_statement_past_its_deadline_aborts_the_transaction(notes: Notes):
    with pytest.raises(TransactionAbortedError, match="DeadlineError"):
        async with notes.session.transaction():
            await notes.add(1)
            with pytest.raises(DeadlineError):
                await notes.slow(5, timeout=0.05)
    assert await notes.ids() == []


async def test_a_constraint_that_is_checked_at_commit_raises_there_and_nothing_is_stored(notes: Notes):
    await notes.session.script("CREATE TABLE leaves (note integer REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)")
    ran: list[str] = []
    tx = notes.session.transaction()
    with pytest.raises(ConstraintError) as caught:
        async with tx:
            await notes.add(1)
            await notes.session.execute("INSERT INTO leaves VALUES (7)")
            notes.session.after_commit(lambda: ran.append("ran"))
    assert (caught.value.kind, tx.rolled_back, ran, await notes.ids()) == ("foreign_key", True, [], [])


# --- tasks


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


async def test_a_childs_savepoint_that_is_undone_from_outside_does_not_end_as_if_it_were_kept(notes: Notes):
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
        with pytest.raises(ValueError):
            async with notes.session.transaction():
                task = asyncio.create_task(child(raises=raises))
                await asyncio.sleep(0.02)
                raise ValueError
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


# --- deadlines


async def test_a_block_past_its_own_timeout_is_rolled_back(notes: Notes):
    with pytest.raises(DeadlineError, match="ran past its `timeout=`"):
        async with notes.session.transaction(timeout=0.05):
            await notes.add(1)
            await asyncio.sleep(0.06)
    with pytest.raises(DeadlineError):
        async with notes.session.transaction(timeout=0.05):
            await notes.slow(5)
    async with notes.session.transaction():
        with pytest.raises(DeadlineError):
            async with notes.session.transaction(timeout=0.05):
                await notes.slow(5)
    assert await notes.ids() == []


# --- after the commit


async def test_callbacks_run_in_order_in_the_committing_task_when_the_connection_is_back(notes: Notes):
    ran: list[object] = []

    async def later() -> None:
        await asyncio.sleep(0)
        ran.append(await notes.ids())

    async with notes.session.transaction():
        notes.session.after_commit(
            lambda: ran.append((asyncio.current_task(), notes.pool.report().in_use, notes.session.in_transaction))
        )
        async with notes.session.transaction():
            await notes.add(1)
            notes.session.after_commit(later)
        notes.session.after_commit(lambda: ran.append("last"))
        assert ran == []
    assert ran == [(asyncio.current_task(), 0, False), [1], "last"]


async def test_no_callback_runs_after_a_rollback_of_its_scope(notes: Notes):
    ran: list[str] = []
    async with notes.session.transaction():
        async with notes.session.transaction() as inner:
            notes.session.after_commit(lambda: ran.append("inner"))
            async with notes.session.transaction():
                notes.session.after_commit(lambda: ran.append("innermost"))
            inner.rollback()
        notes.session.after_commit(lambda: ran.append("outer"))
    with pytest.raises(LookupError):
        async with notes.session.transaction():
            notes.session.after_commit(lambda: ran.append("failed"))
            raise LookupError
    async with notes.session.transaction() as tx:
        notes.session.after_commit(lambda: ran.append("rolled back"))
        tx.rollback()
    assert ran == ["outer"]


async def test_outside_a_transaction_a_callback_runs_at_once(notes: Notes):
    ran: list[str] = []

    async def later() -> None:
        await asyncio.sleep(0.01)
        ran.append("async")

    notes.session.after_commit(later)
    notes.session.after_commit(lambda: ran.append("sync"))
    assert ran == ["sync"]
    await notes.session.close()
    assert ran == ["sync", "async"]


async def test_a_callback_that_raises_is_reported_and_changes_nothing(notes: Notes):
    events: list[Any] = []
    ran: list[str] = []

    def broken() -> None:
        raise LookupError("no")

    async def broken_too() -> None:
        raise LookupError("no either")

    with telemetry.attach("ectype.repo.after_commit_error", events.append):
        with pytest.warns(RuntimeWarning, match="broken.*LookupError.*is stored all the same"):
            async with notes.session.transaction():
                await notes.add(1)
                notes.session.after_commit(broken)
                notes.session.after_commit(broken_too)
                notes.session.after_commit(lambda: ran.append("last"))
        with pytest.warns(RuntimeWarning, match="LookupError"):
            notes.session.after_commit(broken)
        with pytest.warns(RuntimeWarning, match="LookupError"):
            notes.session.after_commit(broken_too)
            await notes.session.close()
    assert [event.callback for event in events] == [broken, broken_too, broken, broken_too]
    assert (ran, await notes.ids()) == (["last"], [1])


async def test_closing_does_not_wait_for_ever_for_a_callback(notes: Notes):
    notes.session.after_commit(asyncio.Event().wait)
    with pytest.warns(RuntimeWarning, match="CancelledError"):
        await asyncio.wait_for(notes.session.close(0.02), SECONDS)


# --- transact


async def test_transact_returns_what_the_function_returns(notes: Notes):
    async def without() -> int:
        return await notes.add(1)

    async def with_transaction(tx: Transaction) -> list[int]:
        assert notes.session.in_transaction
        return await notes.ids()

    class Both:
        async def method(self, tx: Transaction, more: int = 2) -> int:
            return more

    assert await notes.session.transact(without) == 1
    assert await notes.session.transact(with_transaction) == [1]
    assert await notes.session.transact(Both().method) == 2
    assert await notes.session.transact(lambda: notes.add(2)) == 1
    assert await notes.session.transact(lambda tx: notes.ids()) == [1, 2]


async def test_transact_gives_what_rollback_was_called_with(notes: Notes):
    async def refuse(tx: Transaction) -> None:
        await notes.add(1)
        tx.rollback("no money")

    assert await notes.session.transact(refuse) == RolledBack("no money")
    async with notes.session.transaction():
        assert await notes.session.transact(refuse) == RolledBack("no money")
        await notes.add(2)
    assert await notes.ids() == [2]


async def test_a_rollback_by_a_task_is_not_told_as_a_success(notes: Notes):
    async def work(tx: Transaction) -> str:
        async def child() -> None:
            tx.rollback("by a child")

        await asyncio.gather(asyncio.create_task(child()), return_exceptions=True)
        return "done"

    assert await notes.session.transact(work) == RolledBack("by a child")


class Refused:
    rolls_back = True


async def test_a_result_that_rolls_back_does_so_and_is_returned(notes: Notes):
    refused = Refused()

    async def work() -> Refused:
        await notes.add(1)
        return refused

    assert await notes.session.transact(work) is refused
    async with notes.session.transaction():
        await notes.add(2)
        assert await notes.session.transact(work) is refused
    assert await notes.ids() == [2]


async def test_transact_raises_what_the_function_raises(notes: Notes):
    async def work() -> None:
        await notes.add(1)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await notes.session.transact(work)
    assert await notes.ids() == []


async def test_transact_refuses_what_it_cannot_do(notes: Notes):
    with pytest.raises(ConfigError, match="transact takes an async function"):
        await notes.session.transact(lambda: 5)  # type: ignore[arg-type, return-value]
    async with notes.session.transaction():
        with pytest.raises(ConfigError, match="retries=3 cannot be given inside"):
            await notes.session.transact(notes.ids, retries=3)
        with pytest.raises(ConfigError, match="isolation='serializable' cannot be given"):
            await notes.session.transact(notes.ids, isolation="serializable")


async def test_only_a_lost_race_is_tried_again_and_callbacks_of_failed_tries_are_dropped(notes: Notes):
    tries: list[int] = []
    ran: list[int] = []

    def losing(times: int, sqlstate: str) -> Callable[[], Any]:
        async def work() -> str:
            number = len(tries)
            tries.append(number)
            await notes.add(number)
            notes.session.after_commit(lambda: ran.append(number))
            if number < times:
                raise DatabaseError("lost", sqlstate=sqlstate)
            return "won"

        return work

    assert await notes.session.transact(losing(2, "40001"), retries=2) == "won"
    assert (tries, ran, await notes.ids()) == ([0, 1, 2], [2], [2])
    tries.clear()
    with pytest.raises(DatabaseError) as caught:
        await notes.session.transact(losing(9, "40P01"), retries=1)
    assert (tries, caught.value.__notes__) == ([0, 1], ["tried 2 times"])
    tries.clear()
    with pytest.raises(DatabaseError):
        await notes.session.transact(losing(9, "23505"), retries=5)
    assert tries == [0]


# --- PostgreSQL alone


SLOW_COMMIT = """
CREATE FUNCTION wait_a_while() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_a_while()
"""


@pytest.mark.postgres
async def test_a_write_skew_is_retried_until_both_transactions_hold(postgres: Notes):
    await postgres.add(1)
    await postgres.add(2)
    both_have_read = asyncio.Barrier(2)
    tries = 0

    async def leave(number: int) -> None:
        nonlocal tries
        tries += 1
        on_duty = await postgres.ids()
        if tries <= 2:
            await both_have_read.wait()
        if len(on_duty) > 1:
            await postgres.session.execute("DELETE FROM notes WHERE id = $1", (number,))

    await asyncio.gather(
        *(
            postgres.session.transact(lambda number=number: leave(number), isolation="serializable", retries=5)
            for number in (1, 2)
        )
    )
    assert (tries, len(await postgres.ids())) == (3, 1)


@pytest.mark.postgres
async def test_a_swallowed_serialization_failure_is_retried_as_well(postgres: Notes):
    await postgres.add(1)
    both_have_read = asyncio.Barrier(2)
    tries = 0

    async def bump(number: int) -> None:
        nonlocal tries
        tries += 1
        await postgres.ids()
        if tries <= 2:
            await both_have_read.wait()
        try:
            await postgres.session.execute("UPDATE notes SET id = id + 1")
        except DatabaseError:
            pass

    await asyncio.gather(
        *(
            postgres.session.transact(lambda number=number: bump(number), isolation="repeatable read", retries=5)
            for number in (1, 2)
        )
    )
    assert (tries, await postgres.ids()) == (3, [3])


@pytest.mark.postgres
async def test_a_deadlock_is_retried(postgres: Notes):
    await postgres.add(1)
    await postgres.add(2)
    await postgres.session.script("ALTER TABLE notes ADD COLUMN n integer NOT NULL DEFAULT 0")
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def cross(first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        mine = tries
        await postgres.session.execute("UPDATE notes SET n = n + 1 WHERE id = $1", (first,))
        if mine <= 2:
            await both_hold_one.wait()
        await postgres.session.execute("UPDATE notes SET n = n + 1 WHERE id = $1", (second,))

    await asyncio.gather(
        postgres.session.transact(lambda: cross(1, 2), retries=3),
        postgres.session.transact(lambda: cross(2, 1), retries=3),
    )
    assert tries == 3
    assert await postgres.session.fetch("SELECT sum(n) FROM notes", (), lambda rows: rows[0][0]) == 4


@pytest.mark.postgres
async def test_a_cancellation_waits_for_commit_and_is_raised_after_the_callbacks(postgres: Notes):
    await postgres.session.script(SLOW_COMMIT.format(0.2))
    ran: list[str] = []

    async def work() -> None:
        async with postgres.session.transaction():
            await postgres.add(1)
            postgres.session.after_commit(lambda: ran.append("ran"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ran, await postgres.ids()) == (["ran"], [1])


@pytest.mark.postgres
async def test_a_commit_that_is_refused_while_cancelled_is_the_cause_of_the_cancellation(postgres: Notes):
    await postgres.session.script(SLOW_COMMIT.format(0.2).replace("RETURN NULL", "RAISE EXCEPTION 'refused'"))

    async def work() -> None:
        async with postgres.session.transaction():
            await postgres.add(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, DatabaseError)
    assert await postgres.ids() == []


@pytest.mark.postgres
async def test_a_connection_lost_during_commit_is_an_unknown_outcome(postgres: Notes):
    await postgres.session.script(SLOW_COMMIT.format(5))
    ran: list[str] = []
    tx = postgres.session.transaction()

    async def work() -> None:
        async with tx:
            await postgres.add(1)
            postgres.session.after_commit(lambda: ran.append("ran"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    await postgres.session.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND pid <> pg_backend_pid()"
        " AND datname = current_database()",
        (),
        list,
    )
    with pytest.raises(CommitUnknownError, match="ConnectError") as caught:
        await asyncio.wait_for(task, SECONDS)
    assert isinstance(caught.value.__cause__, ConnectError)
    assert (ran, tx.rolled_back, await postgres.ids()) == ([], False, [])


@pytest.mark.postgres
async def test_a_commit_past_its_deadline_is_an_unknown_outcome(postgres: Notes):
    await postgres.session.script(SLOW_COMMIT.format(5))
    started = asyncio.get_running_loop().time()
    with pytest.raises(CommitUnknownError, match="DeadlineError"):
        async with postgres.session.transaction(timeout=0.3):
            await postgres.add(1)
    assert asyncio.get_running_loop().time() - started < 2.0
    assert await postgres.ids() == []


@pytest.mark.postgres
async def test_a_connection_lost_in_a_transaction_is_told_and_replaced(postgres: Notes):
    with pytest.raises(ConnectError, match="57P01"):
        async with postgres.session.transaction():
            await postgres.add(1)
            await postgres.session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(TransactionAbortedError, match="ConnectError"):
        async with postgres.session.transaction():
            with pytest.raises(ConnectError):
                await postgres.session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await postgres.ids() == []


@pytest.mark.postgres
async def test_text_of_the_users_does_not_change_the_session_of_others(postgres: Notes):
    async with postgres.session.transaction():
        await postgres.session.execute("SET search_path TO elsewhere", (), reset=True)
    await postgres.settled()
    assert await postgres.ids() == []
