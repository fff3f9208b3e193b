"""One row inserted from a ready changeset, with the key that the database gives it."""

from typing import Any

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaEntry
from benchmarks.schemas import NOW, Entry, reset_postgres, reset_sqlite, stored
from benchmarks.worlds import Postgres, Sqlite
from ectype import change

VALUES = {"author_id": 7, "level": 20, "text": "Insert from A, item", "score": 1.25, "timestamp": NOW}
ROW = tuple(VALUES.values())
READY = change(Entry(**VALUES))  # type: ignore[arg-type]


def seen(made: Any) -> object:
    return made if isinstance(made, int) else made.id


def _ectype(world: Postgres | Sqlite) -> Competitor:
    return Competitor("ectype", lambda _i: world.repo.insert(READY))


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def run(_i: int) -> Any:
        async with world.sessions() as session:
            entry = SaEntry(**VALUES)
            session.add(entry)
            await session.commit()
            return entry

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    sql = "INSERT INTO entry (author_id, level, text, score, timestamp) VALUES ($1, $2, $3, $4, $5) RETURNING id"
    raw = Competitor("raw asyncpg", lambda _i: world.raw.fetchval(sql, *ROW))
    pool = Competitor("asyncpg.Pool", lambda _i: world.raw_pool.fetchval(sql, *ROW))

    async def reset() -> None:
        await reset_postgres(world.raw)

    return Table("insert1", "PostgreSQL", [raw, _ectype(world), pool, _orm(world)], seen, reset)


def sqlite(world: Sqlite) -> Table:
    sql = "INSERT INTO entry (author_id, level, text, score, timestamp) VALUES (?, ?, ?, ?, ?) RETURNING id"
    row = (*ROW[:4], stored(NOW))

    async def idiomatic(_i: int) -> Any:
        async with world.aio.execute(sql, row) as cursor:
            [(key,)] = await cursor.fetchall()
            return key

    async def reset() -> None:
        reset_sqlite(world.raw)

    raw = Competitor("raw sqlite3", lambda _i: world.raw.execute(sql, row).fetchall()[0][0], sync=True)
    return Table(
        "insert1", "SQLite", [raw, Competitor("aiosqlite", idiomatic), _ectype(world), _orm(world)], seen, reset
    )
