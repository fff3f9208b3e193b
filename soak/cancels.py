"""Every call of a repo, cancelled at every await and at random: nothing dirty, leaked, half stored or mixed up."""

import asyncio
import random
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

from ectype import Repo, migrations
from tests.databases import PostgresServer
from tests.integration.repo import blog
from tests.integration.repo.cancelling import (
    at_random,
    cancelled_after,
    cancelled_at,
    closing_in_time,
    settled,
)

TASKS = 8
POOL_SIZE = 4
ROUND = 200
"""How many cancels a task does before the pool is looked at."""


async def run(seconds: float) -> Iterable[str]:
    """Cancel calls on each database for half of the time, and return how many were cancelled.

    Raises:
        AssertionError: a call left something behind, or told a wrong outcome.
    """
    # A callback that is cancelled is reported, as any that raises.
    warnings.filterwarnings("ignore", "the after_commit callback")
    server = PostgresServer()
    try:
        url = await asyncio.to_thread(server.create_database)
        postgres = await _cancels(url, seconds / 2)
    finally:
        await asyncio.to_thread(server.stop)
    with tempfile.TemporaryDirectory() as folder:
        sqlite = await _cancels(f"sqlite:///{Path(folder) / 'soak.db'}", seconds / 2)
    return [f"PostgreSQL: {postgres}", f"SQLite: {sqlite}"]


async def _cancels(url: str, seconds: float) -> str:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    first, rounds, cancels = 0, 0, 0
    async with closing_in_time(Repo(url, pool_size=POOL_SIZE)) as repo:
        await migrations.up(repo, 1, blog)
        while loop.time() < end:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_worker(repo, url, random.Random(first + at), first + at, end))
                    for at in range(0, TASKS * ROUND, ROUND)
                ]
            await settled(repo)
            cancels += sum(task.result() for task in tasks)
            first += TASKS * ROUND
            rounds += 1
            for table in blog.TABLES:
                await repo._session.execute(f"DELETE FROM {table}")  # any table
        await settled(repo)
    return f"{cancels} calls cancelled in {rounds} rounds, 0 dirty, 0 leaked, 0 wrong"


async def _worker(repo: Repo, url: str, dice: random.Random, first: int, end: float) -> int:
    loop = asyncio.get_running_loop()
    for number in range(first, first + ROUND):
        if loop.time() >= end:
            return number - first
        _, call = at_random(dice, url)
        if dice.random() < 0.5:
            await cancelled_after(repo, call, number, *(dice.random() * 0.01 for _ in range(dice.choice((1, 1, 2)))))
        else:
            suspension = dice.randrange(1, 12)
            await cancelled_at(repo, call, number, (suspension, suspension + dice.randrange(1, 4)))
    return ROUND
