"""A thousand rows of six columns, one of them a timestamp, to structs."""

from typing import Any

from sqlalchemy import select

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaJournal
from benchmarks.schemas import COLUMNS, LEVELS, Journal
from benchmarks.worlds import Postgres, Sqlite
from ectype import from_


def level(i: int) -> int:
    return LEVELS[i % 5]


def seen(rows: Any) -> object:
    return len(rows), sum(row[0] if isinstance(row, tuple) else getattr(row, "id", None) or row["id"] for row in rows)


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = $1"

    async def orm(i: int) -> Any:
        async with world.sessions() as session:
            return list(await session.scalars(select(SaJournal).where(SaJournal.level == level(i))))

    async def core(i: int) -> Any:
        async with world.engine.connect() as connection:
            found = await connection.execute(select(*SaJournal.__table__.c).where(SaJournal.level == level(i)))
            return [tuple(row) for row in found]

    return Table(
        "sel1000",
        "PostgreSQL",
        [
            Competitor("raw asyncpg", lambda i: world.raw.fetch(sql, level(i))),
            Competitor("ectype", lambda i: world.repo.all(from_(Journal).where(Journal.level == level(i)))),
            Competitor("SQLAlchemy Core", core),
            Competitor("SQLAlchemy ORM", orm),
        ],
        seen,
    )


def sqlite(world: Sqlite) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = ?"

    async def orm(i: int) -> Any:
        async with world.sessions() as session:
            return list(await session.scalars(select(SaJournal).where(SaJournal.level == level(i))))

    return Table(
        "sel1000",
        "SQLite",
        [
            Competitor("raw sqlite3", lambda i: world.raw.execute(sql, (level(i),)).fetchall(), sync=True),
            Competitor("ectype", lambda i: world.repo.all(from_(Journal).where(Journal.level == level(i)))),
            Competitor("SQLAlchemy ORM", orm),
        ],
        seen,
    )
