"""SQLAlchemy over the same tables, set up as its documentation recommends: its ORM and its Core."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import DateTime, ForeignKey, String, event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, load_only, mapped_column, relationship, selectinload
from sqlalchemy.types import TypeDecorator

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Peer


class Moment(TypeDecorator[datetime]):
    """An aware datetime on SQLite too, where SQLAlchemy's own type is naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    pass


class SaAuthor(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200))


class SaJournal(Base):
    __tablename__ = "journal"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    level: Mapped[int]
    text: Mapped[str] = mapped_column(String(255))
    score: Mapped[float]
    timestamp: Mapped[datetime] = mapped_column(Moment)
    author: Mapped[SaAuthor] = relationship()


class SaComment(Base):
    __tablename__ = "comment"
    id: Mapped[int] = mapped_column(primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"))
    body: Mapped[str]
    journal: Mapped[SaJournal] = relationship()


class SaEntry(Base):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int]
    level: Mapped[int]
    text: Mapped[str] = mapped_column(String(255))
    score: Mapped[float]
    timestamp: Mapped[datetime] = mapped_column(Moment)


class SaShelf(Base):
    __tablename__ = "shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["SaBook"]] = relationship()


class SaBook(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    title: Mapped[str]


@cache
def engine_for(url: str) -> AsyncEngine:
    """Return an engine for a URL of PostgreSQL or a path of SQLite, with ten connections: one for all that ask."""
    if url.startswith("postgresql://"):
        return create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=0)
    engine = create_async_engine(f"sqlite+aiosqlite:///{url}")

    @event.listens_for(engine.sync_engine, "connect")
    def unsynchronised(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return engine


class Orm(Peer):
    """A session for each operation."""

    name: ClassVar[str] = "SQLAlchemy ORM"

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        await self.engine.dispose()

    async def _scalars(self, query: Any) -> list[Any]:
        async with self.sessions() as session:
            return list(await session.scalars(query))

    async def fetch(self, key: int) -> Any:
        async with self.sessions() as session:
            return await session.get(SaJournal, key)

    async def sel20(self, i: int) -> Any:
        query = select(SaJournal).where(SaJournal.level == level(i), SaJournal.score > LEAST)
        return await self._scalars(query.order_by(SaJournal.id).limit(LIMIT))

    async def sel1000(self, i: int) -> Any:
        return await self._scalars(select(SaJournal).where(SaJournal.level == level(i)))

    async def cheap1000(self, i: int) -> Any:
        wanted = load_only(SaJournal.id, SaJournal.author_id, SaJournal.level, SaJournal.text, SaJournal.score)
        return await self._scalars(select(SaJournal).options(wanted).where(SaJournal.level == level(i)))

    async def join500(self, _i: int) -> Any:
        linked = joinedload(SaComment.journal, innerjoin=True).joinedload(SaJournal.author, innerjoin=True)
        return await self._scalars(select(SaComment).options(linked).order_by(SaComment.id))

    async def preload(self, _i: int) -> Any:
        return await self._scalars(select(SaShelf).options(selectinload(SaShelf.books)))

    async def insert1(self, _i: int) -> Any:
        async with self.sessions() as session:
            entry = SaEntry(**VALUES)
            session.add(entry)
            await session.commit()
            return entry

    async def update1(self, i: int) -> Any:
        async with self.sessions() as session:
            await session.execute(update(SaEntry).where(SaEntry.id == entry_key(i)).values(text=text(i)))
            await session.commit()

    async def tx3(self, i: int) -> Any:
        async with self.sessions() as session:
            entry = await session.get(SaEntry, entry_key(i))
            assert entry is not None
            entry.text = text(i)
            made = SaEntry(**VALUES)
            session.add(made)
            await session.commit()
            return made.id

    async def bulk1000(self, _i: int) -> Any:
        async with self.sessions() as session:
            made = [SaEntry(**row) for row in BULK]
            session.add_all(made)
            await session.commit()
            return [one.id for one in made]


class Core(Peer):
    """A connection for each operation; it returns rows."""

    name: ClassVar[str] = "SQLAlchemy Core"
    objects: ClassVar[bool] = False
    lacks: Mapping[str, str] = {"preload": "rows hold no others"}

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)

    async def close(self) -> None:
        await self.engine.dispose()

    async def _rows(self, query: Any) -> Any:
        async with self.engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def fetch(self, key: int) -> Any:
        async with self.engine.connect() as connection:
            return (await connection.execute(select(JOURNAL).where(JOURNAL.c.id == key))).one()

    async def sel20(self, i: int) -> Any:
        query = select(JOURNAL).where(JOURNAL.c.level == level(i), JOURNAL.c.score > LEAST)
        return await self._rows(query.order_by(JOURNAL.c.id).limit(LIMIT))

    async def sel1000(self, i: int) -> Any:
        return await self._rows(select(JOURNAL).where(JOURNAL.c.level == level(i)))

    async def cheap1000(self, i: int) -> Any:
        columns = (JOURNAL.c.id, JOURNAL.c.author_id, JOURNAL.c.level, JOURNAL.c.text, JOURNAL.c.score)
        return await self._rows(select(*columns).where(JOURNAL.c.level == level(i)))

    async def join500(self, _i: int) -> Any:
        comment, author = SaComment.__table__, SaAuthor.__table__
        query = select(*comment.c, *JOURNAL.c, *author.c)
        query = query.join_from(comment, JOURNAL, JOURNAL.c.id == comment.c.journal_id)
        return await self._rows(query.join(author, author.c.id == JOURNAL.c.author_id).order_by(comment.c.id))

    async def insert1(self, _i: int) -> Any:
        async with self.engine.begin() as connection:
            return (await connection.execute(insert(ENTRY).returning(ENTRY.c.id), VALUES)).scalar_one()

    async def update1(self, i: int) -> Any:
        async with self.engine.begin() as connection:
            await connection.execute(update(ENTRY).where(ENTRY.c.id == entry_key(i)).values(text=text(i)))

    async def tx3(self, i: int) -> Any:
        async with self.engine.begin() as connection:
            (await connection.execute(select(ENTRY).where(ENTRY.c.id == entry_key(i)))).one()
            await connection.execute(update(ENTRY).where(ENTRY.c.id == entry_key(i)).values(text=text(i)))
            return (await connection.execute(insert(ENTRY).returning(ENTRY.c.id), VALUES)).scalar_one()

    async def bulk1000(self, _i: int) -> Any:
        async with self.engine.begin() as connection:
            await connection.execute(insert(ENTRY), BULK)
            return len(BULK)


JOURNAL: Any = SaJournal.__table__
ENTRY: Any = SaEntry.__table__
