"""One row by its primary key, to a struct."""

from typing import Any

from sqlalchemy import select

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaJournal
from benchmarks.schemas import COLUMNS, Journal
from benchmarks.worlds import Postgres, Sqlite


def key(i: int) -> int:
    return i % 5000 + 1


def seen(row: Any) -> object:
    return row["id"] if not hasattr(row, "id") else row.id


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE id = $1"

    async def orm(i: int) -> Any:
        async with world.sessions() as session:
            return await session.get(SaJournal, key(i))

    async def core(i: int) -> Any:
        async with world.engine.connect() as connection:
            return (await connection.execute(select(*SaJournal.__table__.c).where(SaJournal.id == key(i)))).one()

    return Table(
        "get",
        "PostgreSQL",
        [
            Competitor("raw asyncpg", lambda i: world.raw.fetchrow(sql, key(i))),
            Competitor("ectype", lambda i: world.repo.get(Journal, key(i))),
            Competitor("asyncpg.Pool", lambda i: world.raw_pool.fetchrow(sql, key(i))),
            Competitor("SQLAlchemy Core", core),
            Competitor("SQLAlchemy ORM", orm),
        ],
        seen,
    )


def sqlite(world: Sqlite) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE id = ?"

    async def idiomatic(i: int) -> Any:
        async with world.aio.execute(sql, (key(i),)) as cursor:
            return await cursor.fetchone()

    async def orm(i: int) -> Any:
        async with world.sessions() as session:
            return await session.get(SaJournal, key(i))

    return Table(
        "get",
        "SQLite",
        [
            Competitor("aiosqlite", idiomatic),
            Competitor("raw sqlite3", lambda i: world.raw.execute(sql, (key(i),)).fetchone(), sync=True),
            Competitor("ectype", lambda i: world.repo.get(Journal, key(i))),
            Competitor("SQLAlchemy ORM", orm),
        ],
        lambda row: row[0] if isinstance(row, tuple) else row.id,
    )
