"""sqlspec over the same tables: SQL that people write, rows as dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlspec import SQLSpec

from benchmarks.inputs import (
    BULK,
    CHEAP_COLUMNS,
    COLUMNS,
    LEAST,
    LIMIT,
    ROW,
    WRITTEN,
    entry_key,
    journal_key,
    level,
    text,
)
from benchmarks.peers.base import Peer
from benchmarks.schemas import NOW, stored

WITHOUT = "it maps a row to one object, which holds no others"


@dataclass
class Row:
    id: int
    author_id: int
    level: int
    text: str
    score: float
    timestamp: datetime


@dataclass
class CheapRow:
    id: int
    author_id: int
    level: int
    text: str
    score: float


class SqlSpec(Peer):
    """A session for each operation."""

    name: ClassVar[str] = "sqlspec"
    lacks: Mapping[str, str] = {"join500": WITHOUT, "preload": WITHOUT}

    def __init__(self, url: str) -> None:
        self.spec: Any = SQLSpec()
        self.postgres = url.startswith("postgresql://")
        if self.postgres:
            from sqlspec.adapters.asyncpg import AsyncpgConfig

            config: Any = AsyncpgConfig(connection_config={"dsn": url, "min_size": 10, "max_size": 10})
        else:
            from sqlspec.adapters.aiosqlite import AiosqliteConfig

            config = AiosqliteConfig(connection_config={"database": url, "pool_size": 1})
        self.config = self.spec.add_config(config)
        self.marks = [f"${n}" for n in range(1, 6)] if self.postgres else ["?"] * 5
        self.row = ROW if self.postgres else (*ROW[:4], stored(NOW))
        self.insert = f"INSERT INTO entry ({', '.join(WRITTEN)}) VALUES ({', '.join(self.marks)})"
        self.update = f"UPDATE entry SET text = {self.marks[0]} WHERE id = {self.marks[1]}"

    async def close(self) -> None:
        await self.config.close_pool()

    def _session(self) -> Any:
        return self.spec.provide_session(self.config)

    async def _select(self, sql: str, *values: Any, kind: Any = Row) -> Any:
        async with self._session() as session:
            return await session.select(sql, *values, schema_type=kind)

    async def fetch(self, key: int) -> Any:
        sql = f"SELECT {COLUMNS} FROM journal WHERE id = {self.marks[0]}"
        async with self._session() as session:
            return await session.select_one(sql, key, schema_type=Row)

    def get(self, i: int) -> Any:
        return self.fetch(journal_key(i))

    def sel20(self, i: int) -> Any:
        where = f"level = {self.marks[0]} AND score > {self.marks[1]}"
        sql = f"SELECT {COLUMNS} FROM journal WHERE {where} ORDER BY id LIMIT {LIMIT}"
        return self._select(sql, level(i), LEAST)

    def sel1000(self, i: int) -> Any:
        return self._select(f"SELECT {COLUMNS} FROM journal WHERE level = {self.marks[0]}", level(i))

    def cheap1000(self, i: int) -> Any:
        sql = f"SELECT {CHEAP_COLUMNS} FROM journal WHERE level = {self.marks[0]}"
        return self._select(sql, level(i), kind=CheapRow)

    async def insert1(self, _i: int) -> Any:
        async with self._session() as session:
            made = (await session.select_one(f"{self.insert} RETURNING id", *self.row))["id"]
            await self._commit(session)
            return made

    async def update1(self, i: int) -> Any:
        async with self._session() as session:
            await session.execute(self.update, text(i), entry_key(i))
            await self._commit(session)

    async def _commit(self, session: Any) -> None:
        # asyncpg's connections commit each statement by themselves.
        if not self.postgres:
            await session.commit()

    async def tx3(self, i: int) -> Any:
        sql = f"SELECT {COLUMNS} FROM entry WHERE id = {self.marks[0]}"
        async with self._session() as session:
            await session.begin()
            await session.select_one(sql, entry_key(i), schema_type=Row)
            await session.execute(self.update, text(i), entry_key(i))
            made = (await session.select_one(f"{self.insert} RETURNING id", *self.row))["id"]
            await session.commit()
            return made

    async def bulk1000(self, _i: int) -> Any:
        rows = [(*(row[name] for name in WRITTEN[:4]), self.row[4]) for row in BULK]
        async with self._session() as session:
            await session.execute_many(self.insert, rows)
            await self._commit(session)
            return len(BULK)
