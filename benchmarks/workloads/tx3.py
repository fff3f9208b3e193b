"""A transaction of three statements: a row read, changed, and another inserted."""

from typing import Any

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaEntry
from benchmarks.schemas import COLUMNS, NOW, Entry, reset_postgres, reset_sqlite, stored
from benchmarks.workloads.insert1 import READY, ROW, VALUES
from benchmarks.workloads.update1 import key
from benchmarks.worlds import Postgres, Sqlite
from ectype import change


def _ectype(world: Postgres | Sqlite) -> Competitor:
    repo = world.repo

    async def run(i: int) -> Any:
        async with repo.transaction():
            entry = await repo.get_or_raise(Entry, key(i))
            await repo.update(change(entry, Entry.text.set(f"upd {i}")))
            return (await repo.insert(READY)).id

    return Competitor("ectype", run)


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def run(i: int) -> Any:
        async with world.sessions() as session:
            entry = await session.get(SaEntry, key(i))
            entry.text = f"upd {i}"
            made = SaEntry(**VALUES)
            session.add(made)
            await session.commit()
            return made.id

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    select = f"SELECT {COLUMNS} FROM entry WHERE id = $1"
    update = "UPDATE entry SET text = $2 WHERE id = $1"
    insert = "INSERT INTO entry (author_id, level, text, score, timestamp) VALUES ($1, $2, $3, $4, $5) RETURNING id"

    async def work(connection: Any, i: int) -> Any:
        async with connection.transaction():
            await connection.fetchrow(select, key(i))
            await connection.execute(update, key(i), f"upd {i}")
            return await connection.fetchval(insert, *ROW)

    async def pooled(i: int) -> Any:
        async with world.raw_pool.acquire() as connection:
            return await work(connection, i)

    async def reset() -> None:
        await reset_postgres(world.raw)

    raw = Competitor("raw asyncpg", lambda i: work(world.raw, i))
    return Table(
        "tx3", "PostgreSQL", [raw, _ectype(world), Competitor("asyncpg.Pool", pooled), _orm(world)], reset=reset
    )


def sqlite(world: Sqlite) -> Table:
    select = f"SELECT {COLUMNS} FROM entry WHERE id = ?"
    update = "UPDATE entry SET text = ? WHERE id = ?"
    insert = "INSERT INTO entry (author_id, level, text, score, timestamp) VALUES (?, ?, ?, ?, ?) RETURNING id"
    row = (*ROW[:4], stored(NOW))

    def raw(i: int) -> Any:
        execute = world.raw.execute
        execute("BEGIN IMMEDIATE")
        execute(select, (key(i),)).fetchone()
        execute(update, (f"upd {i}", key(i)))
        [(made,)] = execute(insert, row).fetchall()
        execute("COMMIT")
        return made

    async def idiomatic(i: int) -> Any:
        aio = world.aio
        await aio.execute("BEGIN IMMEDIATE")
        async with aio.execute(select, (key(i),)) as cursor:
            await cursor.fetchone()
        await aio.execute(update, (f"upd {i}", key(i)))
        async with aio.execute(insert, row) as cursor:
            [(made,)] = await cursor.fetchall()
        await aio.commit()
        return made

    async def reset() -> None:
        reset_sqlite(world.raw)

    competitors = [Competitor("aiosqlite", idiomatic), Competitor("raw sqlite3", raw, sync=True)]
    return Table("tx3", "SQLite", [*competitors, _ectype(world), _orm(world)], reset=reset)
