"""Tortoise over the same tables."""

from typing import Any

from tortoise import Tortoise, fields
from tortoise.models import Model


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


async def start(url: str) -> None:
    """Make Tortoise know its models and the database; it connects at the first statement."""
    await Tortoise.init(db_url=url.replace("postgresql://", "asyncpg://"), modules={"models": [__name__]})


async def stop() -> None:
    await Tortoise.close_connections()
