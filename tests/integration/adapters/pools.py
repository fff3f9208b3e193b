"""What the tests of the pool share: an adapter with a gate, a pool that is closed at the end, what it counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.pool import Pool

SLOW = {
    "postgres": "SELECT pg_sleep(20)",
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) "
    "SELECT count(*) FROM n",
}


class Gated:
    """A real adapter whose `connect` first does what the test says: waits, fails, counts."""

    def __init__(self, adapter: Adapter, gate: Callable[[], Awaitable[None]] | None = None) -> None:
        self.adapter = adapter
        self.gate = gate
        self.connects = 0
        self.made: list[Connection] = []
        self.single = adapter.single
        self.url = adapter.url

    @property
    def dialect(self) -> Any:
        return self.adapter.dialect

    async def connect(self, timeout: float) -> Connection:
        self.connects += 1
        if self.gate is not None:
            await self.gate()
        connection = await self.adapter.connect(timeout)
        self.made.append(connection)
        return connection


@asynccontextmanager
async def opened(adapter: Any, **options: Any) -> AsyncIterator[Pool]:
    pool = Pool(adapter, **options)
    try:
        yield pool
    finally:
        await pool.close(2)


async def settled(pool: Pool) -> None:
    async with asyncio.timeout(10):
        while pool.report().opening or pool.report().in_use:
            await asyncio.sleep(0.005)


def counts(pool: Pool) -> tuple[int, int, int, int]:
    report = pool.report()
    return report.idle, report.in_use, report.opening, report.waiting
