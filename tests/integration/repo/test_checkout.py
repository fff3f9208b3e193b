"""A checkout: several statements on one connection, without a transaction."""
# ruff: noqa: PT012  # the blocks are what is tested here

import asyncio

import pytest

from ectype.errors import ConnectError, DatabaseError, DeadlineError, TransactionClosedError
from ectype.repo.transaction import Session
from tests.integration.repo.notes import SECONDS, Notes


async def test_a_checkout_holds_one_connection_and_each_statement_is_stored_by_itself(notes: Notes):
    session = notes.session
    async with session.checkout():
        assert (session.checked_out, session.in_transaction, notes.pool.report().in_use) == (True, False, 1)
        await notes.add(1)
        assert await notes.ids_outside() == [1]
        with pytest.raises(DatabaseError):
            await notes.add(1)
        await notes.add(2)
        assert notes.pool.report().in_use == 1
    assert (session.checked_out, notes.pool.report().in_use) == (False, 0)
    assert await notes.ids() == [1, 2]


async def test_a_transaction_in_a_checkout_runs_on_its_connection(notes: Notes):
    ran: list[str] = []
    session = notes.session
    async with session.checkout():
        async with session.transaction():
            await notes.add(1)
            session.after_commit(lambda: ran.append("committed"))
            assert (session.in_transaction, notes.pool.report().in_use) == (True, 1)
            async with session.transaction() as inner:
                await notes.add(2)
                inner.rollback()
        assert (session.in_transaction, session.checked_out, ran) == (False, True, ["committed"])
        with pytest.raises(LookupError):
            async with session.transaction():
                await notes.add(3)
                raise LookupError
        async with session.transaction() as tx:
            with pytest.raises(DatabaseError):
                await notes.add(1)
            tx.rollback()
        assert await session.transact(notes.ids, read_only=True) == [1]
        await notes.add(4)
    assert await notes.ids() == [1, 4]


async def test_a_checkout_in_a_transaction_or_in_another_one_changes_nothing(notes: Notes):
    session = notes.session
    async with session.transaction() as tx:
        async with session.checkout():
            await notes.add(1)
            assert session.in_transaction
        tx.rollback()
    async with session.checkout():
        async with session.checkout():
            await notes.add(2)
        assert session.checked_out
        await notes.add(3)
        with session.detached():
            assert not session.checked_out
            await notes.add(4)
    assert await notes.ids() == [2, 3, 4]


async def test_tasks_started_in_a_checkout_take_turns_and_wait_for_a_transaction(notes: Notes):
    session = notes.session
    order: list[str] = []

    async def statement(number: int) -> None:
        await notes.add(number)
        order.append(f"statement {number}")

    async def transaction(number: int) -> None:
        async with session.transaction():
            await notes.add(number)
            await asyncio.sleep(0.01)
            await notes.add(number + 1)
            order.append(f"transaction {number}")

    async with session.checkout(), asyncio.TaskGroup() as group:
        for number in range(0, 40, 4):
            group.create_task(transaction(number))
            group.create_task(statement(number + 2))
            group.create_task(statement(number + 3))
    assert await notes.ids() == list(range(40))
    assert order[:4] == ["transaction 0", "statement 2", "statement 3", "transaction 4"]


async def test_a_task_that_worked_in_a_checkout_and_outlives_it_is_told(notes: Notes):
    go = asyncio.Event()

    async def child() -> None:
        await notes.add(1)
        await go.wait()
        await notes.add(2)

    async with notes.session.checkout():
        task = asyncio.create_task(child())
        while not await notes.ids():
            await asyncio.sleep(0)
    go.set()
    with pytest.raises(TransactionClosedError, match=r"the checkout that task `.*` works in has ended"):
        await task
    assert await notes.ids() == [1]


async def test_a_begin_that_sql_text_left_is_told_at_the_end_and_rolled_back(notes: Notes):
    session = notes.session
    with pytest.raises(TransactionClosedError, match=r"SQL text in this `checkout\(\)` left a transaction open"):
        async with session.checkout():
            await session.script("BEGIN")
            await notes.add(1)
    with pytest.raises(LookupError):
        async with session.checkout():
            await session.script("BEGIN")
            await notes.add(2)
            raise LookupError
    await notes.settled()
    assert await notes.ids() == []


async def test_a_checkout_is_entered_once(notes: Notes):
    checkout = notes.session.checkout()
    async with checkout:
        with pytest.raises(TransactionClosedError, match="entered before"):
            await checkout.__aenter__()


async def test_what_text_changed_in_the_session_lasts_to_the_end_of_the_checkout(postgres_notes: Notes):
    session = postgres_notes.session

    async def setting() -> str:
        return await session.fetch("SELECT current_setting('app.user', true)", (), lambda rows: rows[0][0])

    async with session.checkout():
        await session.fetch("SELECT set_config('app.user', 'ada', false)", (), list, reset=True)
        assert await setting() == "ada"
        async with session.transaction():
            assert await setting() == "ada"
    await postgres_notes.settled()
    for _ in range(postgres_notes.pool.report().size):
        assert not await setting()


async def test_leaving_does_not_wait_for_ever_for_a_childs_transaction(notes: Notes):
    session = Session(notes.pool, timeout=0.2)
    inside, go = asyncio.Event(), asyncio.Event()

    async def child() -> None:
        async with session.transaction():
            await session.execute(f"INSERT INTO notes (id) VALUES ({notes.mark})", (1,))
            inside.set()
            await go.wait()
            await session.execute(f"INSERT INTO notes (id) VALUES ({notes.mark})", (2,))

    async with asyncio.timeout(SECONDS):
        with pytest.raises(DeadlineError):
            async with session.checkout():
                task = asyncio.create_task(child())
                await inside.wait()
    await notes.settled()
    go.set()
    with pytest.raises(ConnectError):
        await task
    assert await notes.ids() == []


async def test_a_lost_connection_of_a_checkout_is_said_at_the_next_statement(postgres_notes: Notes):
    session = postgres_notes.session
    with pytest.raises(ConnectError):
        async with session.checkout():
            pid = await session.fetch("SELECT pg_backend_pid()", (), lambda rows: rows[0][0])
            with session.detached():
                await session.fetch("SELECT pg_terminate_backend($1)", (pid,), list)
            for _ in range(2):
                with pytest.raises(ConnectError):
                    await postgres_notes.ids()
            await postgres_notes.ids()


async def test_a_commit_that_is_refused_leaves_the_checkout_usable(notes: Notes):
    """On SQLite a COMMIT that a deferred foreign key refuses leaves its transaction open."""
    session = notes.session
    await session.script(
        "CREATE TABLE parts (id integer PRIMARY KEY, note integer REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    async with session.checkout():
        with pytest.raises(DatabaseError):
            async with session.transaction():
                await session.execute("INSERT INTO parts (id, note) VALUES (1, 9)")
        await notes.add(1)
        assert await notes.ids_outside() == [1]
