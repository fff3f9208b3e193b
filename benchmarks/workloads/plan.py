"""Building a query and finding its plan, without running it: what every statement pays before it is sent."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from benchmarks.harness import Competitor, Table
from benchmarks.peers import SaAuthor, SaComment, SaJournal
from benchmarks.schemas import Author, Comment, Journal
from benchmarks.worlds import Postgres
from ectype import from_


def tables(world: Postgres) -> list[Table]:
    """By key; three filters, an order and a limit; two joins with three entities."""
    plans = world.plans
    cache: dict[Any, Any] = {}
    dialect = postgresql.dialect()

    def compiled(statement: Any) -> Any:
        return statement._compile_w_cache(dialect, compiled_cache=cache, column_keys=[])[0]

    def by_key(i: int) -> Any:
        query = from_(Journal).where(Journal.id == i)
        return plans(query)

    def filters(i: int) -> Any:
        query = (
            from_(Journal)
            .where(Journal.level == 10, Journal.score > 1.5, Journal.author_id == i)
            .order_by(Journal.id)
            .limit(20)
        )
        return plans(query)

    def joins(i: int) -> Any:
        query = (
            from_(Comment)
            .join(Comment.journal)
            .join(Journal.author)
            .where(Journal.level == i)
            .order_by(Comment.id)
            .select(Comment, Journal, Author)
        )
        return plans(query)

    def sa_by_key(i: int) -> Any:
        return compiled(select(SaJournal).where(SaJournal.id == i))

    def sa_filters(i: int) -> Any:
        statement = select(SaJournal).where(SaJournal.level == 10, SaJournal.score > 1.5, SaJournal.author_id == i)
        return compiled(statement.order_by(SaJournal.id).limit(20))

    def sa_joins(i: int) -> Any:
        statement = select(SaComment, SaJournal, SaAuthor).join(SaComment.journal).join(SaJournal.author)
        return compiled(statement.where(SaJournal.level == i).order_by(SaComment.id))

    pairs = {"plan key": (by_key, sa_by_key), "plan filters": (filters, sa_filters), "plan joins": (joins, sa_joins)}
    return [
        Table(
            name,
            "–",
            [Competitor("ectype", ours, sync=True), Competitor("SQLAlchemy", theirs, sync=True)],
            lambda plan: plan is not None,
        )
        for name, (ours, theirs) in pairs.items()
    ]
