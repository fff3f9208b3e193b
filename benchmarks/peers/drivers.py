"""The bare drivers besides the one that ratios are taken against: rows, and SQL that people write."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import aiosqlite
import asyncpg
import psycopg

from benchmarks.inputs import (
    BULK,
    CHEAP_COLUMNS,
    COLUMNS,
    LEAST,
    LIMIT,
    ROW,
    STORED_ROW,
    WRITTEN,
    entry_key,
    level,
    text,
)
from benchmarks.peers.base import Peer

JOIN = (
    "SELECT c.id, c.journal_id, c.body, j.id, j.author_id, j.level, j.text, j.score, j.timestamp, "
    "a.id, a.name, a.email "
    "FROM comment c JOIN journal j ON j.id = c.journal_id JOIN author a ON a.id = j.author_id ORDER BY c.id"
)
PARENTS = "SELECT id, name FROM shelf"
UNNEST = (
    f"INSERT INTO entry ({', '.join(WRITTEN)}) SELECT * FROM unnest($1::int[], $2::smallint[], $3::text[], "
    "$4::float8[], $5::timestamptz[]) RETURNING id"
)


class Texts:
    """The statements with the placeholders of a driver; `mark(n)` is that of the n-th parameter, from 1."""

    def __init__(self, mark: Callable[[int], str]) -> None:
        self.get = f"SELECT {COLUMNS} FROM journal WHERE id = {mark(1)}"
        self.sel20 = (
            f"SELECT {COLUMNS} FROM journal WHERE level = {mark(1)} AND score > {mark(2)} ORDER BY id LIMIT {LIMIT}"
        )
        self.sel1000 = f"SELECT {COLUMNS} FROM journal WHERE level = {mark(1)}"
        self.cheap1000 = f"SELECT {CHEAP_COLUMNS} FROM journal WHERE level = {mark(1)}"
        self.entry = f"SELECT {COLUMNS} FROM entry WHERE id = {mark(1)}"
        self.insert = f"INSERT INTO entry ({', '.join(WRITTEN)}) VALUES ({', '.join(mark(n) for n in range(1, 6))})"
        self.insert1 = f"{self.insert} RETURNING id"
        self.update1 = f"UPDATE entry SET text = {mark(1)} WHERE id = {mark(2)}"


NUMBERED = Texts(lambda n: f"${n}")
MARKED = Texts(lambda _: "?")
FORMATTED = Texts(lambda _: "%s")


class Asyncpg(Peer):
    """One held connection: what ratios are taken against on PostgreSQL."""

    name: ClassVar[str] = "raw asyncpg"
    objects: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self.url = url
        self.on: Any = None

    async def open(self) -> None:
        self.on = await asyncpg.connect(self.url)

    async def close(self) -> None:
        await self.on.close()

    def fetch(self, key: int) -> Any:
        return self.on.fetchrow(NUMBERED.get, key)

    def sel20(self, i: int) -> Any:
        return self.on.fetch(NUMBERED.sel20, level(i), LEAST)

    def sel1000(self, i: int) -> Any:
        return self.on.fetch(NUMBERED.sel1000, level(i))

    def cheap1000(self, i: int) -> Any:
        return self.on.fetch(NUMBERED.cheap1000, level(i))

    def join500(self, _i: int) -> Any:
        return self.on.fetch(JOIN)

    async def preload(self, _i: int) -> Any:
        parents = await self.on.fetch(PARENTS)
        children = "SELECT id, shelf_id, title FROM book WHERE shelf_id = ANY($1::int[]) ORDER BY shelf_id, id"
        return parents, await self.on.fetch(children, [row[0] for row in parents])

    def insert1(self, _i: int) -> Any:
        return self.on.fetchval(NUMBERED.insert1, *ROW)

    def update1(self, i: int) -> Any:
        return self.on.execute(NUMBERED.update1, text(i), entry_key(i))

    async def tx3(self, i: int) -> Any:
        return await _three(self.on, i)

    def bulk1000(self, _i: int) -> Any:
        return self.on.fetch(UNNEST, *[[row[name] for row in BULK] for name in WRITTEN])


async def _three(connection: Any, i: int) -> Any:
    async with connection.transaction():
        await connection.fetchrow(NUMBERED.entry, entry_key(i))
        await connection.execute(NUMBERED.update1, text(i), entry_key(i))
        return await connection.fetchval(NUMBERED.insert1, *ROW)


class AsyncpgPool(Asyncpg):
    """`asyncpg.Pool` of ten connections, by its own short forms."""

    name: ClassVar[str] = "asyncpg.Pool"
    lacks: Mapping[str, str] = {}

    async def open(self) -> None:
        self.on = await asyncpg.create_pool(self.url, min_size=10, max_size=10)

    async def tx3(self, i: int) -> Any:
        async with self.on.acquire() as connection:
            return await _three(connection, i)


class Psycopg(Peer):
    """psycopg 3 in C: one connection that commits by itself, one binary cursor used again and again."""

    name: ClassVar[str] = "psycopg 3"
    objects: ClassVar[bool] = False
    lacks: Mapping[str, str] = {"tasks64": "one connection serves one task"}

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:
        self.connection = await psycopg.AsyncConnection.connect(
            self.url, autocommit=True, prepare_threshold=0, options="-c timezone=UTC"
        )
        self.cursor: Any = self.connection.cursor(binary=True)

    async def close(self) -> None:
        await self.connection.close()

    async def _all(self, sql: str, *values: Any) -> Any:
        await self.cursor.execute(sql, values)
        return await self.cursor.fetchall()

    async def _one(self, sql: str, *values: Any) -> Any:
        await self.cursor.execute(sql, values)
        return await self.cursor.fetchone()

    def fetch(self, key: int) -> Any:
        return self._one(FORMATTED.get, key)

    def sel20(self, i: int) -> Any:
        return self._all(FORMATTED.sel20, level(i), LEAST)

    def sel1000(self, i: int) -> Any:
        return self._all(FORMATTED.sel1000, level(i))

    def cheap1000(self, i: int) -> Any:
        return self._all(FORMATTED.cheap1000, level(i))

    def join500(self, _i: int) -> Any:
        return self._all(JOIN)

    async def preload(self, _i: int) -> Any:
        parents = await self._all(PARENTS)
        children = "SELECT id, shelf_id, title FROM book WHERE shelf_id = ANY(%s::int[]) ORDER BY shelf_id, id"
        return parents, await self._all(children, [row[0] for row in parents])

    async def insert1(self, _i: int) -> Any:
        return (await self._one(FORMATTED.insert1, *ROW))[0]

    def update1(self, i: int) -> Any:
        return self.cursor.execute(FORMATTED.update1, (text(i), entry_key(i)))

    async def tx3(self, i: int) -> Any:
        async with self.connection.transaction():
            await self._one(FORMATTED.entry, entry_key(i))
            await self.cursor.execute(FORMATTED.update1, (text(i), entry_key(i)))
            return (await self._one(FORMATTED.insert1, *ROW))[0]

    async def bulk1000(self, _i: int) -> Any:
        sql = UNNEST
        for n in range(1, 6):
            sql = sql.replace(f"${n}", "%s")
        return await self._all(sql, *[[row[name] for row in BULK] for name in WRITTEN])


class Sqlite3(Peer):
    """`sqlite3` called synchronously: what ratios are taken against on SQLite."""

    name: ClassVar[str] = "raw sqlite3"
    sync: ClassVar[bool] = True
    objects: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self.on = sqlite3.connect(url, isolation_level=None, cached_statements=512)
        self.on.execute("PRAGMA synchronous=OFF")

    async def close(self) -> None:
        self.on.close()

    def fetch(self, key: int) -> Any:
        return self.on.execute(MARKED.get, (key,)).fetchone()

    def sel20(self, i: int) -> Any:
        return self.on.execute(MARKED.sel20, (level(i), LEAST)).fetchall()

    def sel1000(self, i: int) -> Any:
        return self.on.execute(MARKED.sel1000, (level(i),)).fetchall()

    def cheap1000(self, i: int) -> Any:
        return self.on.execute(MARKED.cheap1000, (level(i),)).fetchall()

    def join500(self, _i: int) -> Any:
        return self.on.execute(JOIN).fetchall()

    def preload(self, _i: int) -> Any:
        parents = self.on.execute(PARENTS).fetchall()
        return parents, self.on.execute(_children(parents), [row[0] for row in parents]).fetchall()

    def insert1(self, _i: int) -> Any:
        return self.on.execute(MARKED.insert1, STORED_ROW).fetchall()[0][0]

    def update1(self, i: int) -> Any:
        self.on.execute(MARKED.update1, (text(i), entry_key(i)))

    def tx3(self, i: int) -> Any:
        execute = self.on.execute
        execute("BEGIN IMMEDIATE")
        execute(MARKED.entry, (entry_key(i),)).fetchone()
        execute(MARKED.update1, (text(i), entry_key(i)))
        [(made,)] = execute(MARKED.insert1, STORED_ROW).fetchall()
        execute("COMMIT")
        return made

    def bulk1000(self, _i: int) -> Any:
        self.on.execute("BEGIN IMMEDIATE")
        count = self.on.executemany(MARKED.insert, _stored_rows()).rowcount
        self.on.execute("COMMIT")
        return count


def _children(parents: list[Any]) -> str:
    marks = ", ".join("?" * len(parents))
    return f"SELECT id, shelf_id, title FROM book WHERE shelf_id IN ({marks}) ORDER BY shelf_id, id"


def _stored_rows() -> list[tuple[Any, ...]]:
    """Return the thousand rows as SQLite stores them; the moment's text is made once, which flatters the drivers."""
    return [(row["author_id"], row["level"], row["text"], row["score"], STORED_ROW[4]) for row in BULK]


class Aiosqlite(Peer):
    """aiosqlite as its documentation uses it: a cursor in an `async with`."""

    name: ClassVar[str] = "aiosqlite"
    objects: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:
        self.on = await aiosqlite.connect(self.url, isolation_level=None)
        await self.on.execute("PRAGMA synchronous=OFF")

    async def close(self) -> None:
        await self.on.close()

    async def _all(self, sql: str, values: Any = ()) -> list[Any]:
        async with self.on.execute(sql, values) as cursor:
            return list(await cursor.fetchall())

    async def fetch(self, key: int) -> Any:
        async with self.on.execute(MARKED.get, (key,)) as cursor:
            return await cursor.fetchone()

    def sel20(self, i: int) -> Any:
        return self._all(MARKED.sel20, (level(i), LEAST))

    def sel1000(self, i: int) -> Any:
        return self._all(MARKED.sel1000, (level(i),))

    def cheap1000(self, i: int) -> Any:
        return self._all(MARKED.cheap1000, (level(i),))

    def join500(self, _i: int) -> Any:
        return self._all(JOIN)

    async def preload(self, _i: int) -> Any:
        parents = await self._all(PARENTS)
        return parents, await self._all(_children(parents), [row[0] for row in parents])

    async def insert1(self, _i: int) -> Any:
        return (await self._all(MARKED.insert1, STORED_ROW))[0][0]

    async def update1(self, i: int) -> Any:
        async with self.on.execute(MARKED.update1, (text(i), entry_key(i))):
            pass

    async def tx3(self, i: int) -> Any:
        await self.on.execute("BEGIN IMMEDIATE")
        async with self.on.execute(MARKED.entry, (entry_key(i),)) as cursor:
            await cursor.fetchone()
        await self.on.execute(MARKED.update1, (text(i), entry_key(i)))
        [(made,)] = await self._all(MARKED.insert1, STORED_ROW)
        await self.on.commit()
        return made

    async def bulk1000(self, _i: int) -> Any:
        await self.on.execute("BEGIN IMMEDIATE")
        async with self.on.executemany(MARKED.insert, _stored_rows()) as cursor:
            count = cursor.rowcount
        await self.on.commit()
        return count
