"""Django over the same tables: its async calls and its own, which are synchronous; psycopg 3 under it."""

import os
from typing import Any, ClassVar

import django
from asgiref.sync import sync_to_async
from django.apps import AppConfig
from django.conf import settings
from django.db import connections, models, transaction

from benchmarks.inputs import BULK, CHEAP_COLUMNS, LEAST, LIMIT, VALUES, entry_key, level, text
from benchmarks.peers.base import Address, Peer

NOTHING: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}


class Config(AppConfig):
    name = "benchmarks"
    label = "benchmarks"


if not settings.configured:
    settings.configure(
        DATABASES={"default": NOTHING}, INSTALLED_APPS=["benchmarks.peers.django.Config"], USE_TZ=True, TIME_ZONE="UTC"
    )
    django.setup()


class DjangoAuthor(models.Model):
    name = models.CharField(max_length=100)
    email = models.CharField(max_length=200)
    id = models.AutoField(primary_key=True)

    class Meta:
        app_label, db_table, managed = "benchmarks", "author", False


class DjangoJournal(models.Model):
    id = models.AutoField(primary_key=True)
    author = models.ForeignKey(DjangoAuthor, on_delete=models.DO_NOTHING)
    level = models.SmallIntegerField()
    text = models.CharField(max_length=255)
    score = models.FloatField()
    timestamp = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "benchmarks", "journal", False


class DjangoComment(models.Model):
    id = models.AutoField(primary_key=True)
    journal = models.ForeignKey(DjangoJournal, on_delete=models.DO_NOTHING)
    body = models.TextField()

    class Meta:
        app_label, db_table, managed = "benchmarks", "comment", False


class DjangoEntry(models.Model):
    id = models.AutoField(primary_key=True)
    author_id = models.IntegerField()
    level = models.SmallIntegerField()
    text = models.CharField(max_length=255)
    score = models.FloatField()
    timestamp = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "benchmarks", "entry", False


class DjangoShelf(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField()

    class Meta:
        app_label, db_table, managed = "benchmarks", "shelf", False


class DjangoBook(models.Model):
    id = models.AutoField(primary_key=True)
    shelf = models.ForeignKey(DjangoShelf, on_delete=models.DO_NOTHING, related_name="books")
    title = models.TextField()

    class Meta:
        app_label, db_table, managed = "benchmarks", "book", False


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of a database: connections stay open, SQLite waits for no disk."""
    if not url.startswith("postgresql://"):
        options = {"init_command": "PRAGMA synchronous=OFF", "transaction_mode": "IMMEDIATE"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url, "OPTIONS": options}
    place = Address.of(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": place.database,
        "USER": place.user,
        "PASSWORD": place.password,
        "HOST": place.host,
        "PORT": place.port,
        "CONN_MAX_AGE": None,
    }


def use(url: str | None) -> None:
    """Make all models stand in a database, once for the async calls and once for the others; None for nowhere."""
    connections.close_all()
    made = NOTHING if url is None else database(url)
    connections.settings = connections.configure_settings({"default": dict(made), "sync": dict(made)})
    for alias in ("default", "sync"):
        if hasattr(connections._connections, alias):
            del connections[alias]


class Django(Peer):
    """The async calls, which run in one thread; the transaction is one call of `sync_to_async`."""

    name: ClassVar[str] = "Django async"
    using: ClassVar[str] = "default"

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> None:
        # What this suite calls from its event loop on purpose, Django would refuse.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        await sync_to_async(use)(self.url)

    async def close(self) -> None:
        await sync_to_async(use)(None)

    def fetch(self, key: int) -> Any:
        return DjangoJournal.objects.using(self.using).aget(id=key)

    async def _all(self, query: Any) -> Any:
        return [row async for row in query]

    def sel20(self, i: int) -> Any:
        return self._all(
            DjangoJournal.objects.using(self.using).filter(level=level(i), score__gt=LEAST).order_by("id")[:LIMIT]
        )

    def sel1000(self, i: int) -> Any:
        return self._all(DjangoJournal.objects.using(self.using).filter(level=level(i)))

    def cheap1000(self, i: int) -> Any:
        return self._all(
            DjangoJournal.objects.using(self.using).filter(level=level(i)).only(*CHEAP_COLUMNS.split(", "))
        )

    def join500(self, _i: int) -> Any:
        return self._all(DjangoComment.objects.using(self.using).select_related("journal__author").order_by("id"))

    def preload(self, _i: int) -> Any:
        return self._all(DjangoShelf.objects.using(self.using).prefetch_related("books"))

    def insert1(self, _i: int) -> Any:
        return DjangoEntry.objects.using(self.using).acreate(**VALUES)

    def update1(self, i: int) -> Any:
        return DjangoEntry.objects.using(self.using).filter(id=entry_key(i)).aupdate(text=text(i))

    def tx3(self, i: int) -> Any:
        return sync_to_async(transaction_of_three)(i, self.using)

    async def bulk1000(self, _i: int) -> Any:
        return len(await DjangoEntry.objects.using(self.using).abulk_create([DjangoEntry(**row) for row in BULK]))


def transaction_of_three(i: int, using: str) -> int:
    """Read a row, change it, insert another."""
    with transaction.atomic(using=using):
        entry = DjangoEntry.objects.using(using).get(id=entry_key(i))
        entry.text = text(i)
        entry.save(update_fields=["text"])
        return DjangoEntry.objects.using(using).create(**VALUES).id


class DjangoSync(Django):
    """The synchronous calls, without an event loop under them."""

    name: ClassVar[str] = "Django sync"
    sync: ClassVar[bool] = True
    using: ClassVar[str] = "sync"

    async def open(self) -> None:
        """Share the settings of the async one, which opens first."""
        if hasattr(connections._connections, "sync"):
            del connections["sync"]

    async def close(self) -> None:
        connections["sync"].close()

    def fetch(self, key: int) -> Any:
        return DjangoJournal.objects.using(self.using).get(id=key)

    def _all(self, query: Any) -> Any:
        return list(query)

    def insert1(self, _i: int) -> Any:
        return DjangoEntry.objects.using(self.using).create(**VALUES)

    def update1(self, i: int) -> Any:
        return DjangoEntry.objects.using(self.using).filter(id=entry_key(i)).update(text=text(i))

    def tx3(self, i: int) -> Any:
        return transaction_of_three(i, self.using)

    def bulk1000(self, _i: int) -> Any:
        return len(DjangoEntry.objects.using(self.using).bulk_create([DjangoEntry(**row) for row in BULK]))
