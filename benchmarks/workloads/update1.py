"""One row updated by its key from a ready changeset, without reading it before."""

from typing import Any

from sqlalchemy import update

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaEntry
from benchmarks.schemas import Entry, entries, reset_postgres, reset_sqlite
from benchmarks.worlds import Postgres, Sqlite
from ectype import change, with_meta

NAMES = ("id", "author_id", "level", "text", "score", "timestamp")


def key(i: int) -> int:
    return i % 1000 + 1


def _ready() -> list[Any]:
    """Return a changeset of each row, as if all had been read."""
    found: list[Any] = []
    for row in entries():
        entry = with_meta(Entry(**dict(zip(NAMES, row, strict=True))), source="entry")
        found.append(change(entry, Entry.text.set(f"upd {row[0] - 1}")))
    return found


def _ectype(world: Postgres | Sqlite) -> Competitor:
    ready = _ready()

    async def run(i: int) -> Any:
        return (await world.repo.update(ready[i % 1000])).text

    return Competitor("ectype", run)


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def run(i: int) -> Any:
        async with world.sessions() as session:
            await session.execute(update(SaEntry).where(SaEntry.id == key(i)).values(text=f"upd {i % 1000}"))
            await session.commit()
            return f"upd {i % 1000}"

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    sql = "UPDATE entry SET text = $2 WHERE id = $1"

    async def raw(i: int) -> Any:
        await world.raw.execute(sql, key(i), f"upd {i % 1000}")
        return f"upd {i % 1000}"

    async def pool(i: int) -> Any:
        await world.raw_pool.execute(sql, key(i), f"upd {i % 1000}")
        return f"upd {i % 1000}"

    async def reset() -> None:
        await reset_postgres(world.raw)

    others = [_ectype(world), Competitor("asyncpg.Pool", pool), _orm(world)]
    return Table("update1", "PostgreSQL", [Competitor("raw asyncpg", raw), *others], reset=reset)


def sqlite(world: Sqlite) -> Table:
    sql = "UPDATE entry SET text = ? WHERE id = ?"

    def raw(i: int) -> Any:
        world.raw.execute(sql, (f"upd {i % 1000}", key(i)))
        return f"upd {i % 1000}"

    async def idiomatic(i: int) -> Any:
        async with world.aio.execute(sql, (f"upd {i % 1000}", key(i))):
            return f"upd {i % 1000}"

    async def reset() -> None:
        reset_sqlite(world.raw)

    competitors = [Competitor("raw sqlite3", raw, sync=True), Competitor("aiosqlite", idiomatic)]
    return Table("update1", "SQLite", [*competitors, _ectype(world), _orm(world)], reset=reset)
