"""Building, planning and loading stay within ten times their figures; `make bench` prints the figures themselves."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from ectype import POSTGRES, SQLITE, BelongsTo, Field, Schema, belongs_to, from_, primary_key
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select

SIX_COLUMNS_NS = 200


class Author(Schema, table="author"):
    id: Field[int] = primary_key()
    name: Field[str]


class Entry(Schema, table="entry"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    timestamp: Field[datetime]
    author: BelongsTo[Author] = belongs_to()


class Note(Schema, table="note"):
    id: Field[int] = primary_key()
    entry_id: Field[int]
    entry: BelongsTo[Entry] = belongs_to()


def by_key(i: int) -> object:
    return from_(Entry).where(Entry.id == i).node


def three_filters(i: int) -> object:
    query = from_(Entry).where(Entry.level == 1, Entry.score > 2.0, Entry.author_id == i)
    return query.order_by(Entry.id).limit(20).node


def two_joins(i: int) -> object:
    query = from_(Note).join(Note.entry).join(Entry.author).where(Entry.level == i)
    return query.order_by(Note.id).select(Note, Entry, Author).node


def best_of(call: Callable[[], object], times: int) -> float:
    """Return the seconds of the fastest of several runs, so that a busy machine does not fail the test."""
    fastest = float("inf")
    for _ in range(5):
        gc.collect()
        started = time.perf_counter()
        for _ in range(times):
            call()
        fastest = min(fastest, (time.perf_counter() - started) / times)
    return fastest


@pytest.mark.parametrize(
    ("build_query", "figure_us"), [(by_key, 1), (three_filters, 3), (two_joins, 4)], ids=["key", "filters", "joins"]
)
def test_building_a_query_and_finding_its_plan_takes_microseconds(
    build_query: Callable[[int], object], figure_us: float
):
    plans = {build_query(0): "plan"}
    taken = best_of(lambda: plans[build_query(7)], 2_000)
    assert taken * 1e6 < 10 * figure_us


@pytest.mark.parametrize(
    ("dialect", "moment"),
    [(POSTGRES, "2026-11-01 09:02:03.123456+00"), (SQLITE, "2026-11-01 09:02:03.123456")],
    ids=["postgres", "sqlite"],
)
def test_loading_a_row_of_six_columns_takes_fractions_of_a_microsecond(dialect, moment):
    statement = compile_select(from_(Entry).node, dialect)
    assert statement.row is not None
    load = build(statement.columns, statement.row)
    rows = [(i, 1, 2, "text", 1.5, moment) for i in range(1_000)]
    assert best_of(lambda: load(rows), 10) / 1_000 * 1e9 < 10 * SIX_COLUMNS_NS
