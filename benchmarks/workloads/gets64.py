"""64 tasks over 10 connections, each with sixteen gets in a row: what a busy web worker does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.harness import Competitor, Table
from benchmarks.schemas import COLUMNS, Journal
from benchmarks.workloads.get import key, seen
from benchmarks.worlds import Postgres

TASKS, GETS = 64, 16


def _many(get: Callable[[int], Awaitable[Any]]) -> Callable[[int], Awaitable[list[Any]]]:
    async def one(start: int) -> list[Any]:
        return [await get(key(start + step)) for step in range(GETS)]

    async def run(i: int) -> list[Any]:
        lists = await asyncio.gather(*(one((i + task) * GETS) for task in range(TASKS)))
        return [row for rows in lists for row in rows]

    return run


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE id = $1"
    return Table(
        f"{TASKS} tasks × {GETS} gets",
        "PostgreSQL",
        [
            Competitor("asyncpg.Pool", _many(lambda one: world.raw_pool.fetchrow(sql, one))),
            Competitor("ectype", _many(lambda one: world.repo.get(Journal, one))),
            Competitor("ectype, batch_gets", _many(lambda one: world.batched.get(Journal, one))),
        ],
        lambda rows: [seen(row) for row in rows],
    )
