"""Tortoise over the same tables."""

from typing import Any, ClassVar

from tortoise import Tortoise, fields
from tortoise.models import Model
from tortoise.transactions import in_transaction

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Address, Peer


class TortoiseAuthor(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(100)
    email = fields.CharField(200)

    class Meta:
        table = "author"


class TortoiseJournal(Model):
    id = fields.IntField(primary_key=True)
    author: Any = fields.ForeignKeyField("models.TortoiseAuthor", related_name="journals")
    level = fields.SmallIntField()
    text = fields.CharField(255)
    score = fields.FloatField()
    timestamp = fields.DatetimeField()

    class Meta:
        table = "journal"


class TortoiseComment(Model):
    id = fields.IntField(primary_key=True)
    journal: Any = fields.ForeignKeyField("models.TortoiseJournal", related_name="comments")
    body = fields.TextField()

    class Meta:
        table = "comment"


class TortoiseEntry(Model):
    id = fields.IntField(primary_key=True)
    author_id = fields.IntField()
    level = fields.SmallIntField()
    text = fields.CharField(255)
    score = fields.FloatField()
    timestamp = fields.DatetimeField()

    class Meta:
        table = "entry"


class TortoiseShelf(Model):
    id = fields.IntField(primary_key=True)
    name = fields.TextField()

    class Meta:
        table = "shelf"


class TortoiseBook(Model):
    id = fields.IntField(primary_key=True)
    shelf: Any = fields.ForeignKeyField("models.TortoiseShelf", related_name="books")
    title = fields.TextField()

    class Meta:
        table = "book"


class TortoisePeer(Peer):
    """Ten connections on PostgreSQL, one on SQLite."""

    name: ClassVar[str] = "Tortoise"

    def __init__(self, url: str) -> None:
        self.connection: Any = f"sqlite://{url}?synchronous=OFF"
        if url.startswith("postgresql://"):
            place = Address.of(url)
            given = {"host": place.host, "port": place.port, "user": place.user, "password": place.password}
            given |= {"database": place.database, "minsize": 10, "maxsize": 10}
            self.connection = {"engine": "tortoise.backends.asyncpg", "credentials": given}

    async def open(self) -> None:
        apps = {"models": {"models": [__name__], "default_connection": "default"}}
        await Tortoise.init(
            {"connections": {"default": self.connection}, "apps": apps, "use_tz": True, "timezone": "UTC"}
        )

    async def close(self) -> None:
        await Tortoise.close_connections()

    def fetch(self, key: int) -> Any:
        return TortoiseJournal.get(id=key)

    def sel20(self, i: int) -> Any:
        return TortoiseJournal.filter(level=level(i), score__gt=LEAST).order_by("id").limit(LIMIT)

    def sel1000(self, i: int) -> Any:
        return TortoiseJournal.filter(level=level(i))

    def cheap1000(self, i: int) -> Any:
        return TortoiseJournal.filter(level=level(i)).only("id", "author_id", "level", "text", "score")

    def join500(self, _i: int) -> Any:
        return TortoiseComment.all().select_related("journal__author").order_by("id")

    def preload(self, _i: int) -> Any:
        return TortoiseShelf.all().prefetch_related("books")

    def insert1(self, _i: int) -> Any:
        return TortoiseEntry.create(**VALUES)

    def update1(self, i: int) -> Any:
        return TortoiseEntry.filter(id=entry_key(i)).update(text=text(i))

    async def tx3(self, i: int) -> Any:
        async with in_transaction() as connection:
            entry = await TortoiseEntry.get(id=entry_key(i), using_db=connection)
            entry.text = text(i)
            await entry.save(update_fields=["text"], using_db=connection)
            return (await TortoiseEntry.create(**VALUES, using_db=connection)).id

    async def bulk1000(self, _i: int) -> Any:
        await TortoiseEntry.bulk_create([TortoiseEntry(**row) for row in BULK])
        return len(BULK)
