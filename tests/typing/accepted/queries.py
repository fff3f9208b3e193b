"""Queries know what is in scope, and what a row is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, assert_type
from uuid import UUID

from pydantic import BaseModel

from ectype import (
    POSTGRES,
    SQLITE,
    Agg,
    Expr,
    Field,
    Maybe,
    Operand,
    Order,
    Over,
    Q,
    Query,
    Rel,
    Schema,
    alias,
    and_,
    cte,
    exists,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    or_,
    outer,
    scalar,
    subquery,
    window,
)
from tests.typing.accepted.schemas import Artist, Kind, Visit, Work

AnyWork = TypeVar("AnyWork", bound=Over[Work])


class Label(Schema):
    title: Field[str]
    artist: Field[str]
    visits: Field[int]
    best: Field[int | None]


class Lineage(Schema):
    artist_id: Field[int]
    teacher_id: Field[int | None]
    steps: Field[int]


@dataclass(frozen=True)
class Poster:
    title: str
    guide: str | None


class Sold(NamedTuple):
    title: str
    value: Decimal


class Card(BaseModel):
    title: str


# --- conditions

begun = datetime(2026, 1, 1, tzinfo=UTC)

assert_type(Work.title == "Judith", Operand[Work, bool])
assert_type(Work.title != "Judith", Operand[Work, bool])
assert_type(Work.kind == Kind.DRAWING, Operand[Work, bool])
assert_type(Work.value >= Decimal(3), Operand[Work, bool])
assert_type(Work.width < 1.5, Operand[Work, bool])
assert_type(Work.width < 2, Operand[Work, bool])
assert_type(Visit.paid == True, Operand[Visit, bool])  # noqa: E712  # the SQL comparison
assert_type(Visit.stars > 3, Operand[Visit, bool])
assert_type(Visit.began_at.between(begun, datetime.now(UTC)), Operand[Visit, bool])
assert_type(Artist.born <= date(1600, 1, 1), Operand[Artist, bool])
assert_type(Artist.teacher_id.is_null(), Operand[Artist, bool])
assert_type(Visit.guide_id == Artist.id, Operand[Visit | Artist, bool])
assert_type(Artist.id == Visit.guide_id, Operand[Visit | Artist, bool])
assert_type(~(Work.hall > 3) & (Work.room == "x") | Visit.stars.is_null(), Operand[Work | Visit, bool])
assert_type(and_(Work.hall > 3, Work.room == "x"), Operand[Work, bool])
assert_type(or_(Work.title.like("J%"), Work.title.ilike("%h")), Operand[Work, bool])
assert_type(Work.kind.in_([Kind.DRAWING]), Operand[Work, bool])
assert_type(Work.hall.in_(range(3)), Operand[Work, bool])
assert_type(Work.hall.in_({1, 2}), Operand[Work, bool])
assert_type(Artist.id.in_((1, 2)), Operand[Artist, bool])
assert_type(Artist.id.in_(from_(Visit).select(Visit.guide_id)), Operand[Artist, bool])
assert_type(Visit.guide_id.in_(from_(Artist).select(Artist.id)), Operand[Visit, bool])

# --- values

assert_type(Work.value * Decimal(2), Operand[Work, Decimal])
assert_type(Work.value - Work.value, Operand[Work, Decimal])
assert_type(Work.hall + 1, Operand[Work, int | None])
assert_type(-Visit.id % 3, Operand[Visit, int])
assert_type(fn.coalesce(Visit.stars, 0), Operand[Visit, int])
assert_type(fn.coalesce(Visit.stars, Work.hall), Operand[Visit | Work, int | None])
assert_type(fn.nullif(Work.title, ""), Operand[Work, str | None])
assert_type(fn.lower(Work.title), Operand[Work, str])
assert_type(fn.lower(Work.secret), Operand[Work, str | None])
assert_type(fn.length(Work.title), Operand[Work, int])
assert_type(fn.length(Work.secret), Operand[Work, int | None])
assert_type(fn.concat(Work.title, Artist.name), Operand[Work | Artist, str])
assert_type(fn.concat(Work.title, "!"), Operand[Work, str])
assert_type(fn.abs(Work.value), Operand[Work, Decimal])
assert_type(literal(3), Operand[Any, int])
assert_type(Work.title.desc(nulls="last"), Order[Work])
assert_type(fragment("lower({}) || {}", Work.title, "x"), Operand[Work, Any])
assert_type(fragment("{} || {}", Work.title, Artist.name), Operand[Work | Artist, Any])

# --- aggregates and windows

assert_type(fn.count(Work.number), Agg[Work, int])
assert_type(fn.count(Work.kind, distinct=True), Agg[Work, int])
assert_type(fn.sum(Visit.stars), Agg[Visit, int | None])
assert_type(fn.sum(Work.value), Agg[Work, Decimal | None])
assert_type(fn.sum(Work.width), Agg[Work, float | None])
assert_type(fn.avg(Visit.stars), Agg[Visit, Decimal | None])
assert_type(fn.avg(Visit.id), Agg[Visit, Decimal | None])
assert_type(fn.avg(Work.value), Agg[Work, Decimal | None])
assert_type(fn.avg(Work.width), Agg[Work, float | None])
assert_type(fn.min(Visit.began_at), Agg[Visit, datetime | None])
assert_type(fn.max(Visit.stars), Agg[Visit, int | None])
assert_type(fn.count(Visit.id).filter(Visit.paid), Agg[Visit, int])
assert_type(fn.count(Visit.id).filter(Work.hall > 3), Agg[Visit | Work, int])
assert_type(fn.count().filter(Visit.paid), Agg[Visit, int])

by_room = window(partition_by=Work.room, order_by=Work.value.desc())
assert_type(fn.row_number().over(by_room), Operand[Work, int])
assert_type(fn.lag(Work.value).over(by_room), Operand[Work, Decimal | None])
assert_type(fn.first_value(Work.title).over(by_room), Operand[Work, str])
assert_type(fn.sum(Work.value).over(window(order_by=Work.title, frame=fn.rows(-2, 0))), Operand[Work, Decimal | None])
assert_type(fn.count().over(window(partition_by=[Work.room, Work.kind])), Operand[Work, int])

# --- what is in scope

works = from_(Work)
joined = works.join(Work.artist)
outer_joined = joined.left_join(Work.visits)
assert_type(works, Query[Work, Work, Work])
assert_type(joined, Query[Work | Artist, Work | Artist, Work])
assert_type(
    outer_joined, Query[Work | Artist | Visit | Maybe[Visit], Work | Artist | Maybe[Visit], Work]
)

# --- what a row is

assert_type(works.select(Work.title), Query[Work, Work, str])
assert_type(works.select(Work), Query[Work, Work, Work])
assert_type(joined.select(Work, Artist).__row__, Any)
