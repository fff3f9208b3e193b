"""Five hundred comments with their journal rows and these with their authors, from one join, to linked structs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaComment, SaJournal
from benchmarks.schemas import Comment, Journal
from benchmarks.worlds import Postgres, Sqlite
from ectype import from_

SQL = (
    "SELECT c.id, c.journal_id, c.body, j.id, j.author_id, j.level, j.text, j.score, j.timestamp, "
    "a.id, a.name, a.email "
    "FROM comment c JOIN journal j ON j.id = c.journal_id JOIN author a ON a.id = j.author_id ORDER BY c.id"
)


def seen(rows: Any) -> object:
    if hasattr(rows[0], "journal"):
        return len(rows), sum(row.journal.author.id for row in rows)
    return len(rows), sum(row[9] for row in rows)


def _ectype(world: Postgres | Sqlite) -> Competitor:
    def run(_i: int) -> Any:
        query = from_(Comment).join(Comment.journal).join(Journal.author).order_by(Comment.id)
        return world.repo.all(query.preload(Comment.journal.joined() / Journal.author.joined()))

    return Competitor("ectype", run)


def _orm(world: Postgres | Sqlite) -> Competitor:
    linked = joinedload(SaComment.journal, innerjoin=True).joinedload(SaJournal.author, innerjoin=True)

    async def run(_i: int) -> Any:
        async with world.sessions() as session:
            return list(await session.scalars(select(SaComment).options(linked).order_by(SaComment.id)))

    return Competitor("SQLAlchemy ORM", run)


def postgres(world: Postgres) -> Table:
    raw = Competitor("raw asyncpg", lambda _i: world.raw.fetch(SQL))
    return Table("join500", "PostgreSQL", [raw, _ectype(world), _orm(world)], seen)


def sqlite(world: Sqlite) -> Table:
    raw = Competitor("raw sqlite3", lambda _i: world.raw.execute(SQL).fetchall(), sync=True)
    return Table("join500", "SQLite", [raw, _ectype(world), _orm(world)], seen)
