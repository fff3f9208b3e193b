"""A thousand rows of five columns that cost nothing to decode, to structs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import load_only

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaJournal
from benchmarks.schemas import LEVELS, Journal
from benchmarks.worlds import Postgres, Sqlite
from ectype import from_, only

COLUMNS = "id, author_id, level, text, score"


def level(i: int) -> int:
    return LEVELS[i % 5]


def seen(rows: Any) -> object:
    return len(rows), sum(row[0] if isinstance(row, tuple) else getattr(row, "id", None) or row["id"] for row in rows)


def _ectype(world: Postgres | Sqlite) -> Competitor:
    cheap = only(Journal.id, Journal.author_id, Journal.level, Journal.text, Journal.score)
    return Competitor("ectype", lambda i: world.repo.all(from_(Journal).where(Journal.level == level(i)).select(cheap)))


def _orm(world: Postgres | Sqlite) -> Competitor:
    wanted = load_only(SaJournal.id, SaJournal.author_id, SaJournal.level, SaJournal.text, SaJournal.score)

    async def run(i: int) -> Any:
        async with world.sessions() as session:
            return list(await session.scalars(select(SaJournal).options(wanted).where(SaJournal.level == level(i))))

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = $1"
    raw = Competitor("raw asyncpg", lambda i: world.raw.fetch(sql, level(i)))
    return Table("cheap1000", "PostgreSQL", [raw, _ectype(world), _orm(world)], seen)


def sqlite(world: Sqlite) -> Table:
    sql = f"SELECT {COLUMNS} FROM journal WHERE level = ?"
    raw = Competitor("raw sqlite3", lambda i: world.raw.execute(sql, (level(i),)).fetchall(), sync=True)
    return Table("cheap1000", "SQLite", [raw, _ectype(world), _orm(world)], seen)
