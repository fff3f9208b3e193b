"""Twenty rows by two conditions, in order, to structs."""

from typing import Any

from sqlalchemy import select

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaJournal
from benchmarks.schemas import COLUMNS, LEVELS, Journal
from benchmarks.worlds import Postgres, Sqlite
from ectype import from_

LEAST = 100.0


def level(i: int) -> int:
    return LEVELS[i % 5]


def seen(rows: Any) -> object:
    return [row[0] if isinstance(row, tuple) else getattr(row, "id", None) or row["id"] for row in rows]


def _ectype(world: Postgres | Sqlite) -> Competitor:
    def run(i: int) -> Any:
        query = from_(Journal).where(Journal.level == level(i), Journal.score > LEAST).order_by(Journal.id).limit(20)
        return world.repo.all(query)

    return Competitor("ectype", run)


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def run(i: int) -> Any:
        query = select(SaJournal).where(SaJournal.level == level(i), SaJournal.score > LEAST)
        async with world.sessions() as session:
            return list(await session.scalars(query.order_by(SaJournal.id).limit(20)))

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = $1 AND score > $2 ORDER BY id LIMIT 20"
    raw = Competitor("raw asyncpg", lambda i: world.raw.fetch(sql, level(i), LEAST))
    pool = Competitor("asyncpg.Pool", lambda i: world.raw_pool.fetch(sql, level(i), LEAST))
    return Table("sel20", "PostgreSQL", [raw, _ectype(world), pool, _orm(world)], seen)


def sqlite(world: Sqlite) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = ? AND score > ? ORDER BY id LIMIT 20"
    raw = Competitor("raw sqlite3", lambda i: world.raw.execute(sql, (level(i), LEAST)).fetchall(), sync=True)

    async def idiomatic(i: int) -> Any:
        async with world.aio.execute(sql, (level(i), LEAST)) as cursor:
            return list(await cursor.fetchall())

    aio = Competitor("aiosqlite", idiomatic)
    return Table("sel20", "SQLite", [raw, aio, _ectype(world), _orm(world)], seen)
