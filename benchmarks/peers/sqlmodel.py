"""SQLModel over the same tables: the functions of SQLAlchemy's ORM over SQLModel's classes and its own session."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import update
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import joinedload, load_only, selectinload
from sqlmodel import Field, Relationship, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Peer
from benchmarks.peers.sqlalchemy import Moment, engine_for


class SmAuthor(SQLModel, table=True):
    __tablename__ = "author"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=100)
    email: str = Field(max_length=200)


class SmJournal(SQLModel, table=True):
    __tablename__ = "journal"
    id: int | None = Field(default=None, primary_key=True)
    author_id: int = Field(foreign_key="author.id")
    level: int
    text: str = Field(max_length=255)
    score: float
    timestamp: datetime = Field(sa_type=Moment)
    author: SmAuthor = Relationship()


class SmComment(SQLModel, table=True):
    __tablename__ = "comment"
    id: int | None = Field(default=None, primary_key=True)
    journal_id: int = Field(foreign_key="journal.id")
    body: str
    journal: SmJournal = Relationship()


class SmEntry(SQLModel, table=True):
    __tablename__ = "entry"
    id: int | None = Field(default=None, primary_key=True)
    author_id: int
    level: int
    text: str = Field(max_length=255)
    score: float
    timestamp: datetime = Field(sa_type=Moment)


class SmShelf(SQLModel, table=True):
    __tablename__ = "shelf"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: list["SmBook"] = Relationship()


class SmBook(SQLModel, table=True):
    __tablename__ = "book"
    id: int | None = Field(default=None, primary_key=True)
    shelf_id: int = Field(foreign_key="shelf.id")
    title: str


class SqlModel(Peer):
    """A session for each operation."""

    name: ClassVar[str] = "SQLModel"

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        self.sessions: Any = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    async def close(self) -> None:
        await self.engine.dispose()

    async def _all(self, query: Any) -> list[Any]:
        async with self.sessions() as session:
            return list((await session.exec(query)).all())

    async def fetch(self, key: int) -> Any:
        async with self.sessions() as session:
            return await session.get(SmJournal, key)

    async def sel20(self, i: int) -> Any:
        query = select(SmJournal).where(SmJournal.level == level(i), SmJournal.score > LEAST)
        return await self._all(query.order_by(SmJournal.id).limit(LIMIT))

    async def sel1000(self, i: int) -> Any:
        return await self._all(select(SmJournal).where(SmJournal.level == level(i)))

    async def cheap1000(self, i: int) -> Any:
        wanted = load_only(SmJournal.id, SmJournal.author_id, SmJournal.level, SmJournal.text, SmJournal.score)
        return await self._all(select(SmJournal).options(wanted).where(SmJournal.level == level(i)))

    async def join500(self, _i: int) -> Any:
        linked = joinedload(SmComment.journal, innerjoin=True).joinedload(SmJournal.author, innerjoin=True)
        return await self._all(select(SmComment).options(linked).order_by(SmComment.id))

    async def preload(self, _i: int) -> Any:
        return await self._all(select(SmShelf).options(selectinload(SmShelf.books)))

    async def insert1(self, _i: int) -> Any:
        async with self.sessions() as session:
            entry = SmEntry(**VALUES)
            session.add(entry)
            await session.commit()
            return entry

    async def update1(self, i: int) -> Any:
        async with self.sessions() as session:
            await session.exec(update(SmEntry).where(SmEntry.id == entry_key(i)).values(text=text(i)))
            await session.commit()

    async def tx3(self, i: int) -> Any:
        async with self.sessions() as session:
            entry = await session.get(SmEntry, entry_key(i))
            entry.text = text(i)
            made = SmEntry(**VALUES)
            session.add(made)
            await session.commit()
            return made.id

    async def bulk1000(self, _i: int) -> Any:
        async with self.sessions() as session:
            made = [SmEntry(**row) for row in BULK]
            session.add_all(made)
            await session.commit()
            return [one.id for one in made]
