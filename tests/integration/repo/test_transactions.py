"""Transactions on every database: what is stored, what is not, and what the caller is told."""
# ruff: noqa: PT012, SIM117  # the blocks are what is tested here

import asyncio
import contextvars
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import (
    CastError,
    ConfigError,
    ConnectError,
    ConstraintError,
    DeadlineError,
    TransactionAbortedError,
    TransactionClosedError,
    UnsupportedError,
)
from ectype.repo.block import Transaction
from ectype.repo.transaction import Session
from tests.integration.repo.notes import Notes

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
    with pytest.raises(TransactionClosedError, match=r"call `repo\.transaction\(\)` anew"):
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
        except Exception:  # noqa: BLE001  # it must not catch it
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


async def test_an_outer_rollback_that_is_swallowed_in_the_inner_block_still_undoes_both(notes: Notes):
    async with notes.session.transaction() as outer:
        async with notes.session.transaction() as inner:
            await notes.add(1)
            with suppress(BaseException):
                outer.rollback()
            with pytest.raises(TransactionAbortedError, match=r"`tx\.rollback\(\)` was called"):
                await notes.add(2)
        assert inner.rolled_back
        with pytest.raises(TransactionAbortedError):
            await notes.add(3)
    assert (outer.rolled_back, await notes.ids()) == (True, [])


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
        with suppress(BaseException):
            tx.rollback()
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
    """Row 37 of the list of hazards."""
    await notes.add(1)
    with pytest.raises(TransactionAbortedError) as left:
        async with notes.session.transaction():
            await notes.add(2)
            with pytest.raises(ConstraintError) as first:
                await notes.add(1)
            for statement in (notes.add(3), notes.ids(), notes.session.script("SELECT 1")):
                with pytest.raises(
                    TransactionAbortedError, match=r"an earlier statement failed.*ConstraintError"
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
    """Row 39 of the list of hazards."""
    await notes.session.script("CREATE TABLE leaves (note integer REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)")
    ran: list[str] = []
    tx = notes.session.transaction()
    with pytest.raises(ConstraintError) as caught:
        async with tx:
            await notes.add(1)
            await notes.session.execute("INSERT INTO leaves VALUES (7)")
            notes.session.after_commit(lambda: ran.append("ran"))
    assert (caught.value.kind, tx.rolled_back, ran, await notes.ids()) == ("foreign_key", True, [], [])


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


# --- PostgreSQL alone


@pytest.mark.postgres
async def test_a_connection_lost_in_a_transaction_is_told_and_replaced(postgres_notes: Notes):
    with pytest.raises(ConnectError, match="57P01"):
        async with postgres_notes.session.transaction():
            await postgres_notes.add(1)
            await postgres_notes.session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(TransactionAbortedError, match="ConnectError"):
        async with postgres_notes.session.transaction():
            with pytest.raises(ConnectError):
                await postgres_notes.session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await postgres_notes.ids() == []


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["in a transaction", "outside", "as a script"])
async def test_text_of_the_users_does_not_change_the_session_of_others(postgres_notes: Notes, how: str):
    session, text = postgres_notes.session, "SET search_path TO elsewhere"
    if how == "in a transaction":
        async with session.transaction(), session.transaction():
            await session.execute(text, (), reset=True)
    elif how == "outside":
        await session.execute(text, (), reset=True)
    else:
        await session.script(text)
    await postgres_notes.settled()
    taken = [await postgres_notes.pool.acquire(1) for _ in range(4)]
    for connection in taken:
        assert await connection.fetch("SELECT * FROM notes", (), list) == []
        postgres_notes.pool.release(connection)
