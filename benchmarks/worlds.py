"""The databases with everybody's connections to them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.harness import Competitor
from benchmarks.peers import opened
from benchmarks.peers.base import Peer
from benchmarks.pinning import Pin, never, pin_server
from benchmarks.schemas import fill_postgres, fill_sqlite, reset_postgres, reset_sqlite
from ectype import Repo
from ectype.repo.select import prepare
from tests.databases import PostgresServer, Unavailable


@dataclass
class World:
    """One database, ectype's repos on it, and everybody else."""

    database: str
    url: str
    repo: Repo
    batched: Repo
    peers: list[Peer]
    absent: dict[str, str]
    reset: Callable[[], Awaitable[None]]
    ask: Callable[[str], Awaitable[tuple[Any, ...]]]
    """Returns the first row of a statement, over a connection of nobody's."""
    version: str
    pin: Pin = never
    """Keeps the server off the client's processor, also connections that were made since."""
    quick: bool = False
    """Whether the run is only a look."""

    def peer(self, name: str) -> Any:
        """Return a peer by the name that tables call it."""
        return next(one for one in self.peers if one.name == name)

    def competitors(self, workload: str, *own: Competitor, method: str | None = None) -> list[Competitor]:
        """Return the baseline, those of ours, and everybody else who does a workload."""
        method = method or workload
        found = [
            Competitor(one.name, getattr(one, method), one.sync, one.objects)
            for one in self.peers
            if hasattr(one, method) and workload not in one.lacks
        ]
        return [found[0], *own, *found[1:]]

    def lacking(self, workload: str) -> dict[str, str]:
        """Return who does not do a workload, and why."""
        return self.absent | {one.name: one.lacks[workload] for one in self.peers if workload in one.lacks}


def plans(repo: Repo) -> Any:
    """Return what finds the plan of a query as the repo does, without running it."""
    engine = repo._engine

    def find(query: Any) -> Any:
        return prepare(engine, query.node, None)

    return find


@asynccontextmanager
async def postgres(chosen: str | None = None) -> AsyncIterator[World]:
    """A fresh database on the server that the tests would use, and every competitor's connection to it."""
    server = PostgresServer()
    try:
        url = await asyncio.to_thread(server.create_database)
        await fill_postgres(url)
        writer: Any = await asyncpg.connect(url)
        try:
            async with (
                Repo(url, pool_size=10) as repo,
                Repo(url, pool_size=10, batch_gets=True) as batched,
                opened("PostgreSQL", url, chosen) as (peers, absent),
            ):
                version = f"PostgreSQL {await writer.fetchval('show server_version')}"

                async def reset() -> None:
                    await reset_postgres(writer)

                async def ask(sql: str) -> tuple[Any, ...]:
                    return tuple(await writer.fetchrow(sql))

                async def pin() -> str | None:
                    return await pin_server(writer)

                yield World("PostgreSQL", url, repo, batched, peers, absent, reset, ask, version, pin)
        finally:
            await writer.close()
            await asyncio.to_thread(server.drop_database, url)
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def sqlite(chosen: str | None = None) -> AsyncIterator[World]:
    """A fresh file, and every competitor's connection to it; nobody waits for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench.db")
        fill_sqlite(path)
        url = f"sqlite:///{path}?synchronous=off"
        async with (
            Repo(url) as repo,
            Repo(url, batch_gets=True) as batched,
            opened("SQLite", path, chosen) as (peers, absent),
        ):
            raw: Any = peers[0]
            version = f"SQLite {raw.on.execute('select sqlite_version()').fetchone()[0]}"

            async def reset() -> None:
                reset_sqlite(raw.on)

            async def ask(sql: str) -> tuple[Any, ...]:
                return tuple(raw.on.execute(sql).fetchone())

            yield World("SQLite", path, repo, batched, peers, absent, reset, ask, version)


__all__ = ["Unavailable", "World", "plans", "postgres", "sqlite"]
