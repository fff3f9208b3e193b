"""oxyde over the same tables: pydantic models over a core of Rust."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from oxyde import Field, Model, db
from oxyde.db import PoolSettings, transaction

from benchmarks.inputs import BULK, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Address, Peer


class OxydeAuthor(Model):
    id: int | None = Field(default=None, db_pk=True)
    name: str
    email: str

    class Meta:
        is_table = True
        table_name = "author"


class OxydeJournal(Model):
    id: int | None = Field(default=None, db_pk=True)
    author: OxydeAuthor | None = Field(default=None)
    level: int
    text: str
    score: float
    timestamp: datetime

    class Meta:
        is_table = True
        table_name = "journal"


class OxydeComment(Model):
    id: int | None = Field(default=None, db_pk=True)
    journal: OxydeJournal | None = Field(default=None)
    body: str

    class Meta:
        is_table = True
        table_name = "comment"


class OxydeEntry(Model):
    id: int | None = Field(default=None, db_pk=True)
    author_id: int
    level: int
    text: str
    score: float
    timestamp: datetime

    class Meta:
        is_table = True
        table_name = "entry"


class OxydeShelf(Model):
    id: int | None = Field(default=None, db_pk=True)
    name: str
    books: list["OxydeBook"] = Field(db_reverse_fk="shelf", default=[])

    class Meta:
        is_table = True
        table_name = "shelf"


class OxydeBook(Model):
    id: int | None = Field(default=None, db_pk=True)
    shelf: OxydeShelf | None = Field(default=None)
    title: str

    class Meta:
        is_table = True
        table_name = "book"


class Oxyde(Peer):
    """Ten connections."""

    name: ClassVar[str] = "oxyde"
    lacks: Mapping[str, str] = {"cheap1000": "its models have all columns"}

    def __init__(self, url: str) -> None:
        self.url = f"sqlite:///{url}"
        if url.startswith("postgresql://"):
            place = Address.of(url)
            secret = f":{quote(place.password, safe='')}" if place.password else ""
            host = quote(place.host, safe="")
            self.url = f"postgresql://{quote(place.user, safe='')}{secret}@{host}:{place.port}/{place.database}"

    async def open(self) -> None:
        settings = PoolSettings(max_connections=10, min_connections=10, sqlite_synchronous="OFF")
        await db.init(default=self.url, settings=settings)

    async def close(self) -> None:
        await db.close()

    def fetch(self, key: int) -> Any:
        return OxydeJournal.objects.get(id=key)

    def sel20(self, i: int) -> Any:
        return OxydeJournal.objects.filter(level=level(i), score__gt=LEAST).order_by("id").limit(LIMIT).all()

    def sel1000(self, i: int) -> Any:
        return OxydeJournal.objects.filter(level=level(i)).all()

    def join500(self, _i: int) -> Any:
        return OxydeComment.objects.join("journal", "journal__author").order_by("id").all()

    def preload(self, _i: int) -> Any:
        return OxydeShelf.objects.prefetch("books").all()

    def insert1(self, _i: int) -> Any:
        return OxydeEntry.objects.create(**VALUES)

    def update1(self, i: int) -> Any:
        return OxydeEntry.objects.filter(id=entry_key(i)).update(text=text(i))

    async def tx3(self, i: int) -> Any:
        async with transaction.atomic():
            entry = await OxydeEntry.objects.get(id=entry_key(i))
            entry.text = text(i)
            await entry.save(update_fields=["text"])
            return (await OxydeEntry.objects.create(**VALUES)).id

    async def bulk1000(self, _i: int) -> Any:
        return [one.id for one in await OxydeEntry.objects.bulk_create(BULK)]
