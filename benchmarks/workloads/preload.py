"""A hundred parents with their ten children each, by two queries, to linked structs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaShelf
from benchmarks.schemas import Shelf
from benchmarks.worlds import Postgres, Sqlite
from ectype import from_

PARENTS = "SELECT id, name FROM shelf"


def seen(found: Any) -> object:
    if isinstance(found, list):
        return len(found), sum(len(shelf.books) for shelf in found)
    return len(found[0]), len(found[1])


def _ectype(world: Postgres | Sqlite) -> Competitor:
    return Competitor("ectype", lambda _i: world.repo.all(from_(Shelf).preload(Shelf.books)))


def _orm(world: Postgres | Sqlite) -> Competitor:
    async def run(_i: int) -> Any:
        async with world.sessions() as session:
            return list(await session.scalars(select(SaShelf).options(selectinload(SaShelf.books))))

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    children = "SELECT id, shelf_id, title FROM book WHERE shelf_id = ANY($1::int[]) ORDER BY shelf_id, id"

    async def twice(_i: int) -> Any:
        parents = await world.raw.fetch(PARENTS)
        return parents, await world.raw.fetch(children, [row[0] for row in parents])

    return Table(
        "preload", "PostgreSQL", [Competitor("raw asyncpg, two fetches", twice), _ectype(world), _orm(world)], seen
    )


def sqlite(world: Sqlite) -> Table:
    def twice(_i: int) -> Any:
        parents = world.raw.execute(PARENTS).fetchall()
        marks = ", ".join("?" * len(parents))
        sql = f"SELECT id, shelf_id, title FROM book WHERE shelf_id IN ({marks}) ORDER BY shelf_id, id"
        return parents, world.raw.execute(sql, [row[0] for row in parents]).fetchall()

    raw = Competitor("raw sqlite3, two fetches", twice, sync=True)
    return Table("preload", "SQLite", [raw, _ectype(world), _orm(world)], seen)
