"""Piccolo over the same tables."""

from piccolo.columns import DoublePrecision, ForeignKey, SmallInt, Text, Timestamptz, Varchar
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table


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


def start(url: str) -> None:
    """Tell the tables where they are; making the engine asks the server for its version."""
    engine = PostgresEngine(config={"dsn": url})
    for table in (PiccoloAuthor, PiccoloJournal, PiccoloComment):
        table._meta.db = engine
