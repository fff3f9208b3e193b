"""What the tests of transactions write on: one table of numbers, through a session, on either database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.repo.transaction import Session

SECONDS = 20.0
"""The ceiling of what must end."""


class Notes:
    """A session, and the words of its database."""

    def __init__(self, url: str, *, size: int = 4, timeout: float = 10.0) -> None:
        self.mark = "$1" if url.startswith("postgresql") else "?1"
        self.pool = Pool(adapter_for(url), size=size)
        self.session = Session(self.pool, timeout=timeout)

    async def create(self) -> None:
        await self.session.script("CREATE TABLE notes (id integer PRIMARY KEY)")

    async def add(self, number: int) -> int:
        return await self.session.execute(f"INSERT INTO notes (id) VALUES ({self.mark})", (number,))

    async def ids(self) -> list[int]:
        return await self.session.fetch("SELECT id FROM notes ORDER BY id", (), lambda rows: [row[0] for row in rows])

    async def ids_outside(self) -> list[int]:
        """Read what is committed, whatever transaction the caller is in."""
        with self.session.detached():
            return await self.ids()

    async def slow(self, seconds: float, timeout: float | None = None) -> int:
        """Run a statement that takes about so long, or until it is cancelled."""
        if self.mark == "$1":
            return await self.session.execute("SELECT pg_sleep($1)", (seconds,), timeout)
        sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1) SELECT max(x) FROM n"
        return await self.session.execute(sql, (int(seconds * 6_000_000),), timeout)

    async def idle(self) -> None:
        """Wait until every connection is back in the pool and has been cleaned."""
        async with asyncio.timeout(SECONDS):
            while self.pool.report().in_use or self.pool.report().opening:
                await asyncio.sleep(0.0005)

    async def settled(self) -> None:
        """Wait until nothing is in use, then take every connection at once and use it."""
        await self.idle()
        async with asyncio.timeout(SECONDS):
            taken = [await self.pool.acquire(2) for _ in range(self.pool.report().size)]
        for connection in taken:
            assert not connection.in_transaction
            assert await connection.fetch("SELECT 1", (), lambda rows: rows[0][0]) == 1
            self.pool.release(connection)

    async def close(self) -> None:
        await self.session.close()
        await self.idle()
        await self.pool.close()


@asynccontextmanager
async def opened(url: str, *, size: int = 4) -> AsyncIterator[Notes]:
    """Make the table, hand it out, and see that every connection has come back clean.

    On PostgreSQL it stands in a schema of its own: that is made much faster than a database.
    """
    admin = Notes(url, size=1)
    name = f"notes_{uuid.uuid4().hex[:12]}"
    postgres = url.startswith("postgresql")
    if postgres:
        await admin.session.script(f"CREATE SCHEMA {name}")
        url += f"{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
    notes = Notes(url, size=size)
    try:
        await notes.create()
        yield notes
        await notes.settled()
    finally:
        await notes.close()
        if postgres:
            await admin.session.script(f"DROP SCHEMA {name} CASCADE")
        await admin.close()
