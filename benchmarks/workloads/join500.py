"""Five hundred comments with their journal rows and these with their authors, from one join, to linked structs."""

from typing import Any

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.schemas import Comment, Journal
from benchmarks.worlds import World
from ectype import from_

RATIO = {"PostgreSQL": 1.25, "SQLite": 1.5}


def seen(rows: Any) -> object:
    """Return keys, scores and names of all rows, of linked objects or of flat rows."""
    if isinstance(rows[0], tuple) or not hasattr(rows[0], "body") or not hasattr(rows[0], "journal"):
        return [(row[0], row[3], row[7], row[10]) for row in rows]
    return [(row.id, row.journal.id, row.journal.score, row.journal.author.name) for row in rows]


def seen_anyhow(rows: Any) -> object:
    """Piccolo hangs the linked object on the foreign key itself."""
    first = rows[0]
    if hasattr(first, "journal_id") and hasattr(first.journal_id, "author_id"):
        return [(row.id, row.journal_id.id, row.journal_id.score, row.journal_id.author_id.name) for row in rows]
    return seen(rows)


def table(world: World) -> Table:
    """All five hundred, ordered by key."""
    repo = world.repo

    def run(_i: int) -> Any:
        query = from_(Comment).join(Comment.journal).join(Journal.author).order_by(Comment.id)
        return repo.all(query.preload(Comment.journal.joined() / Journal.author.joined()))

    return Table(
        "join500",
        world.database,
        world.competitors("join500", Competitor("ectype", run)),
        seen_anyhow,
        budgets=[Budget(against=RAW[world.database], ratio=RATIO[world.database])],
        lacking=world.lacking("join500"),
    )
