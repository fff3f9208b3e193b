"""Sixty-four tasks over ten connections, each of which reads one row by its key, four times."""

import asyncio
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaJournal
from benchmarks.schemas import COLUMNS, Journal
from benchmarks.worlds import Postgres, Sqlite

TASKS, TIMES = 64, 4


def key(task: int, i: int) -> int:
    return (task * 977 + i * 31) % 5000 + 1


def _all(get: Callable[[int], Any]) -> Callable[[int], Any]:
    async def one(task: int, i: int) -> int:
        found = 0
        for n in range(TIMES):
            row = await get(key(task, i + n))
            found += row.id if hasattr(row, "id") else row[0]
        return found

    async def run(i: int) -> Any:
        return await asyncio.gather(*(one(task, i) for task in range(TASKS)))

    return run


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def get(number: int) -> Any:
        async with world.sessions() as session:
            return await session.get(SaJournal, number)

    return Competitor("SQLAlchemy ORM", _all(get))


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE id = $1"
    pool = Competitor("asyncpg.Pool", _all(lambda number: world.raw_pool.fetchrow(sql, number)))
    own = Competitor("ectype", _all(lambda number: world.repo.get(Journal, number)))
    batched = Competitor("ectype, batch_gets", _all(lambda number: world.batched.get(Journal, number)))
    return Table("tasks64", "PostgreSQL", [pool, own, batched, _orm(world)], calls=TASKS * TIMES)


def sqlite(world: Sqlite) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE id = ?"

    async def idiomatic(number: int) -> Any:
        async with world.aio.execute(sql, (number,)) as cursor:
            return await cursor.fetchone()

    own = Competitor("ectype", _all(lambda number: world.repo.get(Journal, number)))
    return Table("tasks64", "SQLite", [Competitor("aiosqlite", _all(idiomatic)), own, _orm(world)], calls=TASKS * TIMES)
