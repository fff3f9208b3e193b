"""The chain of scopes that a task finds its transaction by."""

import asyncio

import pytest

from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, EctypeError
from ectype.repo import transaction
from ectype.repo.transaction import Session


def length() -> int:
    link, count = transaction._chain.get(), 0
    while link is not None:
        link, count = link.below, count + 1
    return count


async def test_tasks_that_start_each_other_inside_transactions_do_not_grow_the_chain():
    pool = Pool(adapter_for("sqlite:///:memory:"))
    session = Session(pool)
    lengths: list[int] = []

    async def generation(number: int, before: asyncio.Event) -> None:
        await before.wait()
        ended = asyncio.Event()
        following: asyncio.Task[None] | None = None
        async with session.transaction():
            lengths.append(length())
            if number:
                following = asyncio.create_task(generation(number - 1, ended))
        ended.set()
        if following:
            await following

    start = asyncio.Event()
    start.set()
    await generation(12, start)
    assert len(lengths) == 13
    assert set(lengths) == {1}
    assert length() == 0
    await pool.close()


async def test_detached_blocks_do_not_grow_the_chain_either():
    pool = Pool(adapter_for("sqlite:///:memory:"))
    session = Session(pool)

    async def generation(number: int) -> int:
        with session.detached():
            return await asyncio.create_task(generation(number - 1)) if number else length()

    assert await generation(10) == 1
    assert length() == 0
    await pool.close()


async def test_a_transaction_is_not_joined_from_another_event_loop():
    pool = Pool(adapter_for("sqlite:///:memory:"))
    session = Session(pool)

    def elsewhere() -> str:
        try:
            asyncio.run(session.execute("SELECT 1"))
        except EctypeError as exc:
            return str(exc)
        return ""

    async with session.transaction():
        assert "belongs to another event loop" in await asyncio.to_thread(elsewhere)
    await pool.close()


def test_an_async_callback_needs_an_event_loop_and_a_plain_one_does_not():
    session = Session(Pool(adapter_for("sqlite:///:memory:")))
    ran: list[str] = []

    async def later() -> None:
        ran.append("later")

    session.after_commit(lambda: ran.append("now"))
    with pytest.raises(ConfigError, match="outside an event loop"):
        session.after_commit(later)
    assert ran == ["now"]
