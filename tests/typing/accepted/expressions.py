"""Expressions: choices, tuples, paths into documents, lists, dates, and functions, each with its type."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Never, assert_type

from ectype import (
    Agg,
    Assignment,
    Expr,
    Operand,
    Query,
    Range,
    all_,
    any_,
    case,
    constant,
    fn,
    fragment,
    from_,
    identifier,
    literal,
    splice,
    tuple_,
    window,
)
from tests.typing.accepted.schemas import Artist, Kind, Visit, Work
from tests.typing.accepted.types import Page

works = from_(Work)
begun = datetime(2026, 1, 1, tzinfo=UTC)

# --- choices

assert_type(case((Work.hall > 3, "high"), else_="low"), Operand[Work, str])
assert_type(case((Work.hall > 3, "high")), Operand[Work, str | None])
assert_type(case((Work.hall > 3, Work.title), else_="none"), Operand[Work, str])
assert_type(case((Work.hall > 3, Work.title), (Artist.id == 1, Artist.name), else_="x"), Operand[Work | Artist, str])
assert_type(case((Work.hall > 3, Work.title), (Artist.id == 1, Artist.name)), Operand[Work | Artist, str | None])
assert_type(works.select(case((Work.hall > 3, 1), else_=0)), Query[Work, Work, int])

# --- tuples and lists of expressions

assert_type(tuple_(Work.title, Work.value) > ("x", Decimal(1)), Operand[Work, bool])
assert_type(tuple_(Work.title, Artist.id) <= tuple_(Artist.name, Artist.id), Operand[Work | Artist, bool])
assert_type(tuple_(Work.title, Artist.id).in_([("x", 1)]), Operand[Work | Artist, bool])
assert_type(tuple_(Work.title, Visit.id).in_(from_(Artist).select(Artist.name, Artist.id)), Operand[Work | Visit, bool])
assert_type(Visit.id.in_([Artist.id, literal(3)]), Operand[Visit | Artist, bool])
assert_type(Visit.id >= all_(from_(Artist).select(Artist.id)), Operand[Visit, bool])
assert_type(Visit.id == any_(from_(Artist).select(Artist.id)), Operand[Visit, bool])
assert_type(any_(from_(Artist).select(Artist.id)), Expr[Never, int])

# --- numbers of different kinds

assert_type(3 - Visit.id, Operand[Visit, int])
assert_type(Visit.id + Decimal(1), Operand[Visit, Decimal])
assert_type(Visit.id * 1.5, Operand[Visit, float])
assert_type(1.5 * Visit.id, Operand[Visit, float])
assert_type(Work.value * 2, Operand[Work, Decimal])
assert_type(2 * Work.value, Operand[Work, Decimal])
assert_type(Work.value * Visit.id, Operand[Work | Visit, Decimal])
assert_type(Visit.id * Work.value, Operand[Visit | Work, Decimal])
assert_type(Visit.id * Work.width, Operand[Visit | Work, float | None])
assert_type(fn.floor(Work.value * 1), Operand[Work, int | None])
assert_type(fn.round(Work.value), Operand[Work, Decimal])
assert_type(fn.round(Work.value, 2), Operand[Work, Decimal])
assert_type(fn.greatest(Visit.id, 3), Operand[Visit, int])

# --- dates

assert_type(Visit.began_at + timedelta(1), Operand[Visit, datetime])
assert_type(timedelta(1) + Visit.began_at, Operand[Visit, datetime])
assert_type(Visit.began_at - timedelta(1), Operand[Visit, datetime])
assert_type(Visit.began_at - Visit.began_at, Operand[Visit, timedelta])
assert_type(Visit.began_at - begun, Operand[Visit, timedelta])
assert_type(begun - Visit.began_at, Operand[Visit, timedelta])
assert_type(fn.ago(3, "day"), Operand[Never, datetime])
assert_type(fn.ago(Visit.id, "day"), Operand[Visit, datetime])
assert_type(fn.datetime_add(Visit.began_at, Visit.id, "month"), Operand[Visit, datetime])
assert_type(fn.date_add(Artist.born, 1, "month"), Operand[Artist, date | None])
assert_type(fn.date_trunc("hour", Visit.began_at), Operand[Visit, datetime])
assert_type(fn.year(Visit.began_at), Operand[Visit, int])
assert_type(fn.month(Artist.born), Operand[Artist, int | None])
assert_type(fn.hour(Visit.began_at), Operand[Visit, int])
assert_type(fn.sqrt(Visit.id), Operand[Visit, float])
assert_type(fn.power(Work.width, 2), Operand[Work, float | None])

# --- documents

assert_type(Work.notes["a"]["b"][0] == "x", Any)
assert_type(Work.notes["a"].as_type(int), Operand[Work, int | None])
assert_type(Work.notes.path("a", 0).as_text(), Operand[Work, str | None])
assert_type(Work.notes.has_key("a"), Operand[Work, bool])
assert_type(Work.notes.contains({"a": 1}), Operand[Work, bool])
assert_type(Work.notes["a"].is_null(), Operand[Work, bool])

# --- lists

assert_type(Work.tags.has("x"), Operand[Work, bool])
assert_type(Work.tags.contains(["x"]), Operand[Work, bool])
assert_type(Work.tags.overlaps(Work.tags), Operand[Work, bool])
assert_type(literal("x").in_(Work.tags), Operand[Work, bool])
assert_type(Work.tags.push("x"), Assignment[Work])
assert_type(Work.tags.pull("x"), Assignment[Work])
assert_type(fn.array_length(Work.tags), Operand[Work, int])
assert_type(fn.array_agg(Work.title), Agg[Work, list[str] | None])
assert_type(fn.array_agg(Work.title, order_by=Artist.name), Agg[Work | Artist, list[str] | None])

# --- text

assert_type(fn.concat(Work.title, "-", Artist.name), Operand[Work | Artist, str])
assert_type(fn.replace(Work.title, "a", "b"), Operand[Work, str])
assert_type(fn.starts_with(Work.title, "a"), Operand[Work, bool])
assert_type(fn.collate(Work.title, "C"), Operand[Work, str])
assert_type(fn.search(Work.title, "a"), Operand[Work, bool])
assert_type(fn.search_rank(Work.title, "a"), Operand[Work, float])

# --- aggregates and windows

assert_type(fn.string_agg(Work.title, ", ", order_by=Work.title.desc()), Agg[Work, str | None])
assert_type(fn.every(Work.hall > 3).filter(Work.hall < 9), Agg[Work, bool | None])
assert_type(fn.json_agg(Work.notes), Agg[Work, list[Any] | None])
assert_type(fn.percentile_cont(0.5, order_by=Work.hall), Agg[Work, float | None])
assert_type(fn.percentile_disc(0.5, order_by=Artist.born), Agg[Artist, date | None])
assert_type(fn.percentile_disc(0.5, order_by=Work.title), Agg[Work, str | None])
assert_type(fn.lag(Visit.id, 1, 0).over(window(order_by=Visit.id)), Operand[Visit, int])
assert_type(fn.ntile(4).over(window(order_by=Visit.id)), Operand[Visit, int])

# --- literals and fragments

assert_type(literal(Kind.DRAWING, Work.kind), Operand[Never, Kind])
assert_type(literal(3, float), Operand[Never, float])
assert_type(fragment("{} in ({})", Work.title, splice(["a", "b"])), Operand[Work, Any])
assert_type(fragment("{}.{} + {}", Work.hall, identifier("x"), 1), Operand[Work, Any])
assert_type(fragment("{} + interval {}", Visit.began_at, constant("1 day")), Operand[Visit, Any])

# --- ranges

assert_type(Page.open.contains(begun.date()), Operand[Page, bool])
assert_type(Page.open.contains(Range(begun.date(), None)), Operand[Page, bool])
assert_type(Page.open.contains(Artist.born), Operand[Page | Artist, bool])
assert_type(Page.open.contains(Page.open), Operand[Page, bool])
assert_type(Artist.born.contained_by(Page.open), Operand[Artist | Page, bool])
assert_type(Visit.id.contained_by(Range(1, 5)), Operand[Visit, bool])
assert_type(Page.open.contained_by(Range(begun.date(), None)), Operand[Page, bool])
assert_type(Page.open.overlaps(Range(begun.date(), None)), Operand[Page, bool])
assert_type(Page.open.overlaps(Page.open), Operand[Page, bool])
assert_type(fn.adjacent(Page.open, Range(begun.date(), None)), Operand[Page, bool])
assert_type(fn.strictly_left(Page.open, Page.open), Operand[Page, bool])
assert_type(fn.lower(Page.open), Operand[Page, date | None])
assert_type(fn.upper(literal(Range(1, 5))), Operand[Never, int | None])
assert_type(fn.lower(Work.title), Operand[Work, str])
assert_type(fn.is_empty(literal(Range(1, 5))), Operand[Never, bool])
assert_type(literal(Range(1, 5)).contains(Visit.id), Operand[Visit, bool])
