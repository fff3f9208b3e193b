"""SQLAlchemy over the same tables, set up as its documentation recommends."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, String
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


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


def engine_for(url: str) -> AsyncEngine:
    return create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)


def sqlite_engine_for(path: str) -> AsyncEngine:
    return create_async_engine(f"sqlite+aiosqlite:///{path}")


def sessions_for(engine: AsyncEngine) -> Any:
    return async_sessionmaker(engine, expire_on_commit=False)
