"""Piccolo over the same tables."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from piccolo.columns import DoublePrecision, ForeignKey, Integer, SmallInt, Text, Timestamptz, Varchar
from piccolo.engine.postgres import PostgresEngine
from piccolo.engine.sqlite import SQLiteEngine
from piccolo.table import Table

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Peer


class PiccoloAuthor(Table, tablename="author"):
    name = Varchar(100)
    email = Varchar(200)


class PiccoloJournal(Table, tablename="journal"):
    author_id = ForeignKey(PiccoloAuthor)
    level = SmallInt()
    text = Varchar(255)
    score = DoublePrecision()
    timestamp = Timestamptz()


class PiccoloComment(Table, tablename="comment"):
    journal_id = ForeignKey(PiccoloJournal)
    body = Text()


class PiccoloEntry(Table, tablename="entry"):
    author_id = Integer()
    level = SmallInt()
    text = Varchar(255)
    score = DoublePrecision()
    timestamp = Timestamptz()


TABLES = (PiccoloAuthor, PiccoloJournal, PiccoloComment, PiccoloEntry)


class PiccoloPeer(Peer):
    """Ten connections on PostgreSQL; on SQLite one for each query, as it does."""

    name: ClassVar[str] = "Piccolo"
    lacks: Mapping[str, str] = {
        "preload": "it prefetches what a row points to, not what points to it",
        "cheap1000": "its objects have all columns",
    }

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:
        # Making the engine asks the server for its version, on an event loop of its own.
        self.engine = await asyncio.to_thread(self._engine)
        for table in TABLES:
            table._meta.db = self.engine
        if isinstance(self.engine, PostgresEngine):
            await self.engine.start_connection_pool(min_size=10, max_size=10)

    def _engine(self) -> Any:
        if self.url.startswith("postgresql://"):
            return PostgresEngine(config={"dsn": self.url})
        return SQLiteEngine(path=self.url)

    async def close(self) -> None:
        if isinstance(self.engine, PostgresEngine):
            await self.engine.close_connection_pool()

    def fetch(self, key: int) -> Any:
        return PiccoloJournal.objects().where(PiccoloJournal.id == key).first().run()

    def sel20(self, i: int) -> Any:
        query = PiccoloJournal.objects().where(PiccoloJournal.level == level(i), PiccoloJournal.score > LEAST)
        return query.order_by(PiccoloJournal.id).limit(LIMIT).run()

    def sel1000(self, i: int) -> Any:
        return PiccoloJournal.objects().where(PiccoloJournal.level == level(i)).run()

    def join500(self, _i: int) -> Any:
        linked = PiccoloComment.objects(PiccoloComment.journal_id, PiccoloComment.journal_id.author_id)
        return linked.order_by(PiccoloComment.id).run()

    async def insert1(self, _i: int) -> Any:
        entry = PiccoloEntry(**VALUES)
        await entry.save()
        return entry

    def update1(self, i: int) -> Any:
        return PiccoloEntry.update({PiccoloEntry.text: text(i)}).where(PiccoloEntry.id == entry_key(i)).run()

    async def tx3(self, i: int) -> Any:
        async with self.engine.transaction():
            entry: Any = await PiccoloEntry.objects().where(PiccoloEntry.id == entry_key(i)).first()
            entry.text = text(i)
            await entry.save([PiccoloEntry.text])
            made = PiccoloEntry(**VALUES)
            await made.save()
            return made.id

    async def bulk1000(self, _i: int) -> Any:
        await PiccoloEntry.insert(*[PiccoloEntry(**row) for row in BULK])
        return len(BULK)
