"""A thousand rows inserted at once; on PostgreSQL with the keys that the database gives them."""

from typing import Any

from sqlalchemy import insert

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaEntry
from benchmarks.schemas import NOW, Entry, bulk, reset_postgres, reset_sqlite, stored
from benchmarks.worlds import Postgres, Sqlite

NAMES = ("author_id", "level", "text", "score", "timestamp")


def seen(found: Any) -> object:
    return found if isinstance(found, int) else len(found)


def postgres(world: Postgres) -> Table:
    rows = bulk()
    sql = (
        "INSERT INTO entry (author_id, level, text, score, timestamp) SELECT * FROM unnest($1::int[], $2::smallint[], "
        "$3::text[], $4::float8[], $5::timestamptz[]) RETURNING id"
    )

    async def raw(_i: int) -> Any:
        return await world.raw.fetch(sql, *[[row[name] for row in rows] for name in NAMES])

    async def orm(_i: int) -> Any:
        async with world.sessions() as session:
            made = [SaEntry(**row) for row in rows]
            session.add_all(made)
            await session.commit()
            return [one.id for one in made]

    async def reset() -> None:
        await reset_postgres(world.raw)

    own = Competitor("ectype", lambda _i: world.repo.insert_all(Entry, rows, returning=Entry.id))
    competitors = [Competitor("raw asyncpg, unnest", raw), own, Competitor("SQLAlchemy ORM", orm)]
    return Table("bulk1000", "PostgreSQL", competitors, seen, reset)


def sqlite(world: Sqlite) -> Table:
    rows = bulk()
    sql = "INSERT INTO entry (author_id, level, text, score, timestamp) VALUES (?, ?, ?, ?, ?)"
    moment = stored(NOW)

    def raw(_i: int) -> Any:
        world.raw.execute("BEGIN IMMEDIATE")
        made = [(row["author_id"], row["level"], row["text"], row["score"], moment) for row in rows]
        count = world.raw.executemany(sql, made).rowcount
        world.raw.execute("COMMIT")
        return count

    async def core(_i: int) -> Any:
        async with world.engine.begin() as connection:
            await connection.execute(insert(SaEntry.__table__), rows)
            return len(rows)

    async def reset() -> None:
        reset_sqlite(world.raw)

    own = Competitor("ectype", lambda _i: world.repo.insert_all(Entry, rows))
    competitors = [Competitor("raw sqlite3", raw, sync=True), own, Competitor("SQLAlchemy Core", core)]
    return Table("bulk1000", "SQLite", competitors, seen, reset)
