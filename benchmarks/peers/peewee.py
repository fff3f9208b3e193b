"""Peewee over the same tables: synchronous, SQLite only."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from peewee import (
    CharField,
    DateTimeField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
    prefetch,
)

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Peer
from benchmarks.schemas import stored

DATABASE = SqliteDatabase(None)


class Moment(DateTimeField):
    """An aware datetime, which Peewee's own type stores with its offset."""

    def db_value(self, value: Any) -> Any:
        return stored(value)

    def python_value(self, value: Any) -> Any:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)


class Stored(Model):
    class Meta:
        database = DATABASE


class PeeweeAuthor(Stored):
    name = CharField(100)
    email = CharField(200)

    class Meta:
        table_name = "author"


class PeeweeJournal(Stored):
    author = ForeignKeyField(PeeweeAuthor)
    level = IntegerField()
    text = CharField(255)
    score = FloatField()
    timestamp = Moment()

    class Meta:
        table_name = "journal"


class PeeweeComment(Stored):
    journal = ForeignKeyField(PeeweeJournal)
    body = TextField()

    class Meta:
        table_name = "comment"


class PeeweeEntry(Stored):
    author_id = IntegerField()
    level = IntegerField()
    text = CharField(255)
    score = FloatField()
    timestamp = Moment()

    class Meta:
        table_name = "entry"


class PeeweeShelf(Stored):
    name = TextField()

    class Meta:
        table_name = "shelf"


class PeeweeBook(Stored):
    shelf = ForeignKeyField(PeeweeShelf, backref="books")
    title = TextField()

    class Meta:
        table_name = "book"


class Peewee(Peer):
    """One connection."""

    name: ClassVar[str] = "Peewee, sync"
    sync: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        DATABASE.init(url, pragmas={"synchronous": 0, "journal_mode": "wal"})

    async def open(self) -> None:
        DATABASE.connect()

    async def close(self) -> None:
        DATABASE.close()

    def fetch(self, key: int) -> Any:
        return PeeweeJournal.get_by_id(key)

    def sel20(self, i: int) -> Any:
        query = PeeweeJournal.select().where((PeeweeJournal.level == level(i)) & (PeeweeJournal.score > LEAST))
        return list(query.order_by(PeeweeJournal.id).limit(LIMIT))

    def sel1000(self, i: int) -> Any:
        return list(PeeweeJournal.select().where(PeeweeJournal.level == level(i)))

    def cheap1000(self, i: int) -> Any:
        one = PeeweeJournal
        columns = (one.id, one.author, one.level, one.text, one.score)
        return list(one.select(*columns).where(one.level == level(i)))

    def join500(self, _i: int) -> Any:
        query = PeeweeComment.select(PeeweeComment, PeeweeJournal, PeeweeAuthor).join(PeeweeJournal).join(PeeweeAuthor)
        return list(query.order_by(PeeweeComment.id))

    def preload(self, _i: int) -> Any:
        return prefetch(PeeweeShelf.select(), PeeweeBook.select())

    def insert1(self, _i: int) -> Any:
        return PeeweeEntry.create(**VALUES)

    def update1(self, i: int) -> Any:
        return PeeweeEntry.update(text=text(i)).where(PeeweeEntry.id == entry_key(i)).execute()

    def tx3(self, i: int) -> Any:
        with DATABASE.atomic("IMMEDIATE"):
            entry = PeeweeEntry.get_by_id(entry_key(i))
            entry.text = text(i)
            entry.save(only=[PeeweeEntry.text])
            return PeeweeEntry.create(**VALUES).id

    def bulk1000(self, _i: int) -> Any:
        with DATABASE.atomic():
            PeeweeEntry.bulk_create([PeeweeEntry(**row) for row in BULK], batch_size=1000)
        return len(BULK)
