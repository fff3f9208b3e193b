"""COMMIT and what follows it: shielded, certain or said to be unknown, and told only when it is true."""
# ruff: noqa: PT012, PT031  # the blocks are what is tested here

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ectype import telemetry
from ectype.errors import CommitUnknownError, ConnectError, DatabaseError, DeadlineError, TransactionAbortedError
from ectype.repo.transaction import Session
from tests.integration.repo.notes import SECONDS, Notes


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
        with pytest.warns(RuntimeWarning, match=r"broken.*LookupError.*is stored all the same"):
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


async def test_rollback_callbacks_run_when_their_block_is_undone(notes: Notes):
    ran: list[object] = []
    session = notes.session
    async with session.transaction():
        async with session.transaction() as inner:
            session.after_rollback(lambda: ran.append(("inner", session.in_transaction)))
            async with session.transaction():
                session.after_rollback(lambda: ran.append("innermost"))
            assert ran == []
            inner.rollback()
        assert ran == [("inner", True), "innermost"]
        session.after_rollback(lambda: ran.append("outer"))
        session.after_commit(lambda: ran.append("committed"))
    session.after_rollback(lambda: ran.append("outside"))
    assert ran[2:] == ["committed"]
    ran.clear()

    async def later() -> None:
        ran.append((await notes.ids(), notes.pool.report().in_use, session.in_transaction))

    with pytest.raises(LookupError):
        async with session.transaction():
            await notes.add(1)
            session.after_rollback(later)
            async with session.transaction():
                session.after_rollback(lambda: ran.append("kept inside"))
            session.after_commit(lambda: ran.append("committed"))
            raise LookupError
    assert ran == [([], 0, False), "kept inside"]


async def test_rollback_callbacks_run_when_commit_is_refused_or_a_statement_had_failed(notes: Notes):
    ran: list[str] = []
    await notes.add(1)
    with pytest.raises(TransactionAbortedError):
        async with notes.session.transaction():
            notes.session.after_rollback(lambda: ran.append("aborted"))
            await asyncio.gather(notes.add(1), return_exceptions=True)
    await notes.session.script("CREATE TABLE parts (note integer REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(DatabaseError):
        async with notes.session.transaction():
            notes.session.after_rollback(lambda: ran.append("refused"))
            await notes.session.execute("INSERT INTO parts (note) VALUES (9)")
    assert ran == ["aborted", "refused"]


async def test_a_rollback_callback_that_raises_is_reported_and_the_error_of_the_block_stays(notes: Notes):
    events: list[Any] = []

    def broken() -> None:
        raise KeyError("no")

    with (
        telemetry.attach("ectype.repo.after_rollback_error", events.append),
        pytest.warns(RuntimeWarning, match=r"the after_rollback callback .*KeyError.*was rolled back all the same"),
        pytest.raises(LookupError, match="mine"),
    ):
        async with notes.session.transaction():
            notes.session.after_rollback(broken)
            raise LookupError("mine")
    assert [event.callback for event in events] == [broken]


async def test_failed_tries_tell_their_rollback_and_never_a_commit(notes: Notes):
    """Row 42: what was told of a try that lost is told once, by its own kind of callback."""
    ran: list[str] = []

    async def work() -> None:
        number = sum(one.startswith("undone") for one in ran)
        notes.session.after_commit(lambda: ran.append(f"mail {number}"))
        notes.session.after_rollback(lambda: ran.append(f"undone {number}"))
        await notes.add(number)
        if number < 2:
            raise DatabaseError("lost", sqlstate="40001")

    await notes.session.transact(work, retries=5)
    assert ran == ["undone 0", "undone 1", "mail 2"]


# --- PostgreSQL alone


SLOW_COMMIT = """
CREATE FUNCTION wait_a_while() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_a_while()
"""


@pytest.mark.postgres
async def test_a_cancellation_waits_for_commit_and_is_raised_after_the_callbacks(postgres_notes: Notes):
    await postgres_notes.session.script(SLOW_COMMIT.format(0.2))
    ran: list[str] = []

    async def work() -> None:
        async with postgres_notes.session.transaction():
            await postgres_notes.add(1)
            postgres_notes.session.after_commit(lambda: ran.append("ran"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ran, await postgres_notes.ids()) == (["ran"], [1])


@pytest.mark.postgres
async def test_a_commit_that_is_refused_while_cancelled_is_the_cause_of_the_cancellation(postgres_notes: Notes):
    await postgres_notes.session.script(SLOW_COMMIT.format(0.2).replace("RETURN NULL", "RAISE EXCEPTION 'refused'"))

    async def work() -> None:
        async with postgres_notes.session.transaction():
            await postgres_notes.add(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, DatabaseError)
    assert await postgres_notes.ids() == []


@pytest.mark.postgres
async def test_a_connection_lost_during_commit_is_an_unknown_outcome(postgres_notes: Notes):
    await postgres_notes.session.script(SLOW_COMMIT.format(5))
    ran: list[str] = []
    tx = postgres_notes.session.transaction()

    async def work() -> None:
        async with tx:
            await postgres_notes.add(1)
            postgres_notes.session.after_commit(lambda: ran.append("ran"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    await postgres_notes.session.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND pid <> pg_backend_pid()"
        " AND datname = current_database()",
        (),
        list,
    )
    with pytest.raises(CommitUnknownError, match="ConnectError") as caught:
        await asyncio.wait_for(task, SECONDS)
    assert isinstance(caught.value.__cause__, ConnectError)
    assert (ran, tx.rolled_back, await postgres_notes.ids()) == ([], False, [])


@pytest.mark.postgres
async def test_a_commit_past_its_deadline_is_an_unknown_outcome(postgres_notes: Notes):
    await postgres_notes.session.script(SLOW_COMMIT.format(5))
    started = asyncio.get_running_loop().time()
    with pytest.raises(CommitUnknownError, match="DeadlineError"):
        async with postgres_notes.session.transaction(timeout=0.3):
            await postgres_notes.add(1)
    assert asyncio.get_running_loop().time() - started < 2.0
    assert await postgres_notes.ids() == []


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a server process, as a machine that hangs would; the socket stays open."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        os.kill(pid, 0)
    except OSError as exc:
        pytest.skip(f"the server's process cannot be stopped from here: {exc}")
    if not name.startswith("postgres"):
        pytest.skip("the server does not run on this machine")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.postgres
@pytest.mark.parametrize("at", ["a statement", "commit", "rollback"])
async def test_a_frozen_server_holds_nobody_past_the_deadline(postgres_notes: Notes, at: str):
    session = Session(postgres_notes.pool, timeout=0.3)
    error = {"a statement": DeadlineError, "commit": CommitUnknownError, "rollback": LookupError}[at]
    started = asyncio.get_running_loop().time()
    with ExitStack() as stack:
        with pytest.raises(error):
            async with session.transaction():
                pid = await session.fetch("SELECT pg_backend_pid()", (), lambda rows: rows[0][0])
                stack.enter_context(frozen(pid))
                if at == "a statement":
                    await session.execute("SELECT 1")
                if at == "rollback":
                    raise LookupError
        taken = asyncio.get_running_loop().time() - started
        assert await postgres_notes.ids() == []
    assert taken < 3.0
