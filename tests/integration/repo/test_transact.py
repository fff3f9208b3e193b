"""A function as one transaction: its result, its rollback, its retries."""
# the blocks are what is tested here

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from ectype.errors import ConfigError, DatabaseError
from ectype.repo.block import RolledBack, Transaction
from tests.integration.repo.notes import Notes


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
    for count in (-1, True, "3"):
        with pytest.raises(ConfigError, match="is no count of further tries"):
            await notes.session.transact(notes.ids, retries=count)  # type: ignore[arg-type]
    async with notes.session.transaction():
        with pytest.raises(ConfigError, match="retries=3 cannot be given inside"):
            await notes.session.transact(notes.ids, retries=3)
        with pytest.raises(ConfigError, match="isolation='serializable' cannot be given"):
            await notes.session.transact(notes.ids, isolation="serializable")


async def test_only_a_lost_race_is_tried_again_and_callbacks_of_failed_tries_are_dropped(notes: Notes):
    """Row 42."""
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


@pytest.mark.postgres
async def test_a_write_skew_is_retried_until_both_transactions_hold(postgres_notes: Notes):
    """Row 41."""
    await postgres_notes.add(1)
    await postgres_notes.add(2)
    both_have_read = asyncio.Barrier(2)
    tries = 0

    async def leave(number: int) -> None:
        nonlocal tries
        tries += 1
        on_duty = await postgres_notes.ids()
        if tries <= 2:
            await both_have_read.wait()
        if len(on_duty) > 1:
            await postgres_notes.session.execute("DELETE FROM notes WHERE id = $1", (number,))

    await asyncio.gather(
        *(
            postgres_notes.session.transact(lambda number=number: leave(number), isolation="serializable", retries=5)
            for number in (1, 2)
        )
    )
    assert (tries, len(await postgres_notes.ids())) == (3, 1)


@pytest.mark.postgres
async def test_a_swallowed_serialization_failure_is_retried_as_well(postgres_notes: Notes):
    await postgres_notes.add(1)
    both_have_read = asyncio.Barrier(2)
    tries = 0

    async def bump(number: int) -> None:
        nonlocal tries
        tries += 1
        await postgres_notes.ids()
        if tries <= 2:
            await both_have_read.wait()
        with suppress(DatabaseError):
            await postgres_notes.session.execute("UPDATE notes SET id = id + 1")

    await asyncio.gather(
        *(
            postgres_notes.session.transact(lambda number=number: bump(number), isolation="repeatable read", retries=5)
            for number in (1, 2)
        )
    )
    assert (tries, await postgres_notes.ids()) == (3, [3])


@pytest.mark.postgres
async def test_a_deadlock_is_retried(postgres_notes: Notes):
    """Row 40."""
    await postgres_notes.add(1)
    await postgres_notes.add(2)
    await postgres_notes.session.script("ALTER TABLE notes ADD COLUMN n integer NOT NULL DEFAULT 0")
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def cross(first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        mine = tries
        await postgres_notes.session.execute("UPDATE notes SET n = n + 1 WHERE id = $1", (first,))
        if mine <= 2:
            await both_hold_one.wait()
        await postgres_notes.session.execute("UPDATE notes SET n = n + 1 WHERE id = $1", (second,))

    await asyncio.gather(
        postgres_notes.session.transact(lambda: cross(1, 2), retries=3),
        postgres_notes.session.transact(lambda: cross(2, 1), retries=3),
    )
    assert tries == 3
    assert await postgres_notes.session.fetch("SELECT sum(n) FROM notes", (), lambda rows: rows[0][0]) == 4
