"""Building a query and finding its plan, without running it: what every statement pays before it is sent."""

import gc
import itertools
import operator
import tracemalloc
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.peers.piccolo import PiccoloComment, PiccoloJournal
from benchmarks.peers.sqlalchemy import SaAuthor, SaComment, SaJournal
from benchmarks.peers.tortoise import TortoiseComment, TortoiseJournal
from benchmarks.schemas import Author, Comment, Journal
from benchmarks.worlds import World
from ectype import POSTGRES, Query, from_
from ectype.repo.engine import Prepared
from ectype.repo.select import prepare
from ectype.sql.compilers import compile_select

MOST = (0.5, 1.5, 2.0)
"""Microseconds to build a query and find its plan."""


def tables(world: World) -> list[Table]:
    """By key; three filters, an order and a limit; two joins with three entities; each as compiled anew."""
    engine = world.repo._engine
    cache: dict[Any, Any] = {}
    dialect = postgresql.dialect()

    ours = (by_key, filters, joins)
    theirs = (sa_by_key, sa_filters, sa_joins)
    made: list[Table] = []
    for position, name in enumerate(("key", "filters", "joins")):
        build, sa = ours[position], theirs[position]
        found = [
            # As each does inside its own call: a frame of ours around it would be a tenth of what is measured.
            Competitor("ectype", lambda i, build=build: prepare(engine, build(i).node, None), sync=True),
            Competitor(
                "SQLAlchemy",
                lambda i, sa=sa: sa(i)._compile_w_cache(dialect, compiled_cache=cache, column_keys=[])[0],
                sync=True,
                objects=True,
            ),
            Competitor("Tortoise", TORTOISE[position], sync=True, objects=True),
            Competitor("Piccolo", PICCOLO[position], sync=True, objects=True),
        ]
        budgets = [Budget(most=MOST[position])]
        made.append(Table(f"plan {name}", "–", found, lambda plan: plan is not None, budgets=budgets))
        fresh = [
            Competitor("ectype", lambda i, build=build: Prepared(compile_select(build(i).node, POSTGRES)), sync=True),
            Competitor("SQLAlchemy", lambda i, sa=sa: sa(i).compile(dialect=dialect), sync=True),
        ]
        made.append(Table(f"cold {name}", "–", fresh, lambda plan: plan is not None))
    return made


def by_key(i: int) -> Query[Any, Any, Any]:
    return from_(Journal).where(Journal.id == i)


def filters(i: int) -> Query[Any, Any, Any]:
    return (
        from_(Journal)
        .where(Journal.level == 10, Journal.score > 1.5, Journal.author_id == i)
        .order_by(Journal.id)
        .limit(20)
    )


def joins(i: int) -> Query[Any, Any, Any]:
    return (
        from_(Comment)
        .join(Comment.journal)
        .join(Journal.author)
        .where(Journal.level == i)
        .order_by(Comment.id)
        .select(Comment, Journal, Author)
    )


def sa_by_key(i: int) -> Any:
    return select(SaJournal).where(SaJournal.id == i)


def sa_filters(i: int) -> Any:
    statement = select(SaJournal).where(SaJournal.level == 10, SaJournal.score > 1.5, SaJournal.author_id == i)
    return statement.order_by(SaJournal.id).limit(20)


def sa_joins(i: int) -> Any:
    statement = select(SaComment, SaJournal, SaAuthor).join(SaComment.journal).join(SaJournal.author)
    return statement.where(SaJournal.level == i).order_by(SaComment.id)


def tortoise_filters(i: int) -> Any:
    return TortoiseJournal.filter(level=10, score__gt=1.5, author_id=i).order_by("id").limit(20).sql()


def tortoise_joins(i: int) -> Any:
    return TortoiseComment.filter(journal__level=i).select_related("journal__author").order_by("id").sql()


def piccolo_by_key(i: int) -> Any:
    return PiccoloJournal.objects().where(PiccoloJournal.id == i).querystrings[0].compile_string()


def piccolo_filters(i: int) -> Any:
    query = PiccoloJournal.objects().where(PiccoloJournal.level == 10, PiccoloJournal.score > 1.5)
    query = query.where(PiccoloJournal.author_id == i).order_by(PiccoloJournal.id).limit(20)
    return query.querystrings[0].compile_string()


def piccolo_joins(i: int) -> Any:
    query = PiccoloComment.objects(PiccoloComment.journal_id, PiccoloComment.journal_id.author_id)
    query = query.where(PiccoloComment.journal_id.level == i).order_by(PiccoloComment.id)
    return query.querystrings[0].compile_string()


TORTOISE = (lambda i: TortoiseJournal.filter(id=i).sql(), tortoise_filters, tortoise_joins)
PICCOLO = (piccolo_by_key, piccolo_filters, piccolo_joins)


def memory() -> str:
    """Say what one more shape keeps: its nodes, its text and its loader, as a repo's cache holds them."""
    compared = (operator.eq, operator.ne, operator.gt, operator.ge, operator.lt, operator.le)
    columns = (Journal.level, Journal.score, Journal.author_id)
    shapes = list(itertools.product(compared, repeat=len(columns)))
    kept: list[Prepared] = [Prepared(compile_select(filters(1).node, POSTGRES))]
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for chosen in shapes:
            query: Any = from_(Journal)
            for compare, column in zip(chosen, columns, strict=True):
                query = query.where(compare(column, 1))
            kept.append(Prepared(compile_select(query.order_by(Journal.text).limit(20).node, POSTGRES)))
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / len(shapes) / 1024
        return f"one of {len(shapes)} shapes of three filters, an order and a limit keeps {each:.1f} KiB"
    finally:
        tracemalloc.stop()
