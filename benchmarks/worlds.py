"""The databases with everybody's connections to them."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg

from benchmarks import piccolo_tables, tortoise_models
from benchmarks.peers import engine_for, sessions_for, sqlite_engine_for
from benchmarks.schemas import fill_postgres, fill_sqlite
from ectype import Repo
from ectype.repo.select import prepare
from tests.databases import PostgresServer, Unavailable


@dataclass
class Postgres:
    raw: Any
    raw_pool: Any
    repo: Repo
    batched: Repo
    engine: Any
    sessions: Any
    plans: Any
    version: str
    url: str


@dataclass
class Sqlite:
    raw: sqlite3.Connection
    aio: aiosqlite.Connection
    repo: Repo
    engine: Any
    sessions: Any


@asynccontextmanager
async def postgres() -> AsyncIterator[Postgres]:
    """A fresh database on the server that the tests would use, and every competitor's connection to it."""
    server = PostgresServer()
    try:
        url = await asyncio.to_thread(server.create_database)
        await fill_postgres(url)
        raw: Any = await asyncpg.connect(url)
        raw_pool: Any = await asyncpg.create_pool(url, min_size=10, max_size=10)
        engine = engine_for(url)
        await tortoise_models.start(url)
        await asyncio.to_thread(piccolo_tables.start, url)
        try:
            async with Repo(url, pool_size=10) as repo, Repo(url, pool_size=10, batch_gets=True) as batched:
                version = str(await raw.fetchval("show server_version"))
                plans = _plans(repo)
                yield Postgres(raw, raw_pool, repo, batched, engine, sessions_for(engine), plans, version, url)
        finally:
            await tortoise_models.stop()
            await engine.dispose()
            await raw_pool.close()
            await raw.close()
            await asyncio.to_thread(server.drop_database, url)
    finally:
        await asyncio.to_thread(server.stop)


def _plans(repo: Repo) -> Any:
    """Return what finds the plan of a query as the repo does, without running it."""
    engine = repo._engine

    def find(query: Any) -> Any:
        return prepare(engine, query.node, None)

    return find


@asynccontextmanager
async def sqlite() -> AsyncIterator[Sqlite]:
    """A fresh file, and every competitor's connection to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench.db")
        fill_sqlite(path)
        raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        engine = sqlite_engine_for(path)
        try:
            async with aiosqlite.connect(path, isolation_level=None) as aio, Repo(f"sqlite:///{path}") as repo:
                yield Sqlite(raw, aio, repo, engine, sessions_for(engine))
        finally:
            await engine.dispose()
            raw.close()


__all__ = ["Postgres", "Sqlite", "Unavailable", "postgres", "sqlite"]
