"""The tables that all workloads share: 50 authors, 5,000 journal rows, 500 comments, 100 shelves of 10 books each.

`entry` is as `journal`, 1,000 rows that workloads write.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from ectype import BelongsTo, Field, HasMany, Schema, belongs_to, has_many, primary_key

NOW = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LEVELS = (10, 20, 30, 40, 50)
COLUMNS = "id, author_id, level, text, score, timestamp"


class Author(Schema, table="author"):
    id: Field[int] = primary_key()
    name: Field[str]
    email: Field[str]


class Journal(Schema, table="journal"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    timestamp: Field[datetime]
    author: BelongsTo[Author] = belongs_to()


class Comment(Schema, table="comment"):
    id: Field[int] = primary_key()
    journal_id: Field[int]
    body: Field[str]
    journal: BelongsTo[Journal] = belongs_to()


class Entry(Schema, table="entry"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    timestamp: Field[datetime]


class Shelf(Schema, table="shelf"):
    id: Field[int] = primary_key()
    name: Field[str]
    books: HasMany[Book] = has_many()


class Book(Schema, table="book"):
    id: Field[int] = primary_key()
    shelf_id: Field[int]
    title: Field[str]


POSTGRES = """
CREATE TABLE author (id serial PRIMARY KEY, name varchar(100) NOT NULL, email varchar(200) NOT NULL);
CREATE TABLE journal (id serial PRIMARY KEY, author_id integer NOT NULL REFERENCES author(id), level smallint NOT NULL,
  text varchar(255) NOT NULL, score double precision NOT NULL, timestamp timestamptz NOT NULL);
CREATE TABLE comment (id serial PRIMARY KEY, journal_id integer NOT NULL REFERENCES journal(id), body text NOT NULL);
CREATE TABLE entry (id serial PRIMARY KEY, author_id integer NOT NULL, level smallint NOT NULL,
  text varchar(255) NOT NULL, score double precision NOT NULL, timestamp timestamptz NOT NULL);
CREATE TABLE shelf (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE book (id serial PRIMARY KEY, shelf_id integer NOT NULL, title text NOT NULL);
CREATE INDEX ON journal (level);
CREATE INDEX ON entry (level);
CREATE INDEX ON entry (text);
CREATE INDEX ON book (shelf_id);
"""
SQLITE = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author(id), level INTEGER NOT NULL,
  text TEXT NOT NULL, score REAL NOT NULL, timestamp TEXT NOT NULL);
CREATE TABLE comment (id INTEGER PRIMARY KEY, journal_id INTEGER NOT NULL REFERENCES journal(id), body TEXT NOT NULL);
CREATE TABLE entry (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, level INTEGER NOT NULL, text TEXT NOT NULL,
  score REAL NOT NULL, timestamp TEXT NOT NULL);
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE book (id INTEGER PRIMARY KEY, shelf_id INTEGER NOT NULL, title TEXT NOT NULL);
CREATE INDEX journal_level ON journal (level);
CREATE INDEX entry_level ON entry (level);
CREATE INDEX entry_text ON entry (text);
CREATE INDEX book_shelf ON book (shelf_id);
"""


def authors() -> list[tuple[Any, ...]]:
    return [(i, f"Author {i}", f"author{i}@example.com") for i in range(1, 51)]


def journal() -> list[tuple[Any, ...]]:
    return [
        (i, i % 50 + 1, (i % 5 + 1) * 10, f"Insert from A, item {i}", i * 0.5, NOW - timedelta(seconds=i))
        for i in range(1, 5001)
    ]


def comments() -> list[tuple[Any, ...]]:
    return [(i, i * 7, f"Comment body number {i}") for i in range(1, 501)]


def entries() -> list[tuple[Any, ...]]:
    return [(*row[:3], f"Entry item {row[0]}", *row[4:]) for row in journal()[:1000]]


def bulk() -> list[dict[str, Any]]:
    """Return the thousand rows that are inserted at once."""
    return [
        {
            "author_id": i % 50 + 1,
            "level": LEVELS[i % 5],
            "text": f"Insert from C, item {i}",
            "score": i * 0.5,
            "timestamp": NOW,
        }
        for i in range(1000)
    ]


def shelves() -> list[tuple[Any, ...]]:
    return [(i, f"Shelf {i}") for i in range(1, 101)]


def books() -> list[tuple[Any, ...]]:
    return [(i, i % 100 + 1, f"Book {i}") for i in range(1, 1001)]


def stored(moment: datetime) -> str:
    """Return a datetime as ectype stores it in SQLite."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


async def fill_postgres(url: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(POSTGRES)
        await connection.copy_records_to_table("author", records=authors())
        await connection.copy_records_to_table("journal", records=journal())
        await connection.copy_records_to_table("comment", records=comments())
        await connection.copy_records_to_table("shelf", records=shelves())
        await connection.copy_records_to_table("book", records=books())
        # COPY gave the keys, of which the sequence knows nothing.
        await connection.execute("SELECT setval(pg_get_serial_sequence('author', 'id'), max(id)) FROM author")
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def fill_sqlite(path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SQLITE)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO author VALUES (?, ?, ?)", authors())
        rows = [(*row[:5], stored(row[5])) for row in journal()]
        connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT INTO comment VALUES (?, ?, ?)", comments())
        connection.executemany("INSERT INTO shelf VALUES (?, ?)", shelves())
        connection.executemany("INSERT INTO book VALUES (?, ?, ?)", books())
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
    finally:
        connection.close()


async def reset_postgres(connection: Any) -> None:
    """Bring `entry` back to its thousand rows."""
    await connection.execute("TRUNCATE entry RESTART IDENTITY")
    await connection.copy_records_to_table("entry", records=entries())
    await connection.execute("SELECT setval('entry_id_seq', 1000)")


def reset_sqlite(connection: sqlite3.Connection) -> None:
    """Bring `entry` back to its thousand rows."""
    connection.execute("BEGIN")
    connection.execute("DELETE FROM entry")
    rows = [(*row[:5], stored(row[5])) for row in entries()]
    connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute("COMMIT")
