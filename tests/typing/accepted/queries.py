"""Queries know what is in scope, and what a row is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Never, TypeVar, assert_type
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

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")
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


def rows(_query: Query[A, Z, R]) -> list[R]:
    """What `repo.all` gives for a query."""
    return []


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
assert_type(literal(3), Operand[Never, int])
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
by_artist = window(partition_by=Artist.name, order_by=(Work.value.desc(nulls="last"), Work.title))
assert_type(fn.rank().over(by_artist), Operand[Artist | Work, int])
assert_type(fn.dense_rank().over(window(order_by=Work.value)), Operand[Work, int])
assert_type(fn.row_number().over(window()), Operand[Any, int])
assert_type(fn.row_number().over(by_room), Operand[Work, int])
assert_type(fn.lag(Work.value).over(by_room), Operand[Work, Decimal | None])
assert_type(fn.first_value(Work.title).over(by_room), Operand[Work, str])
assert_type(fn.sum(Work.value).over(window(order_by=Work.title, frame=fn.rows(-2, 0))), Operand[Work, Decimal | None])
assert_type(fn.count().over(window(partition_by=(Work.room, Work.kind))), Operand[Work, int])

# --- what is in scope

works = from_(Work)
hung = works.join(Work.artist)
visited = hung.left_join(Work.visits)
assert_type(works, Query[Work, Work, Work])
assert_type(hung, Query[Work | Artist, Work | Artist, Work])
assert_type(visited, Query[Work | Artist | Visit | Maybe[Visit], Work | Artist | Maybe[Visit], Work])
assert_type(
    visited.where(Visit.stars > 3).order_by(Visit.stars.desc(), Work.title).limit(3).offset(1).distinct(),
    Query[Work | Artist | Visit | Maybe[Visit], Work | Artist | Maybe[Visit], Work],
)
assert_type(
    hung.group_by(Work.room, Artist.id).having(fn.count() > 1, fn.sum(Work.value) >= Decimal(3)),
    Query[Work | Artist, Work | Artist, Work],
)
assert_type(hung.where(and_(Work.hall > 3, Artist.name == "x")), Query[Work | Artist, Work | Artist, Work])
assert_type(
    hung.where(or_(Work.hall > 3, Artist.name == "x", Work.title == "y")), Query[Work | Artist, Work | Artist, Work]
)

# --- joins of every kind: associations of one and of many, that may be missing, schemas, aliases, subqueries, CTEs

pupil = alias(Artist, "pupil")
teacher = alias(Artist, "teacher")
dear = subquery(works.where(Work.value > Decimal(9)), "dear")
lineage = cte(Lineage, "lineage")
artists = from_(Artist)

assert_type(artists.join(Artist.works), Query[Artist | Work, Artist | Work, Artist])
assert_type(from_(Visit).join(Visit.guide), Query[Visit | Artist, Visit | Artist, Visit])
assert_type(artists.join(Artist.teacher, as_=teacher).where(teacher.name == "x"), Query[Artist, Artist, Artist])
assert_type(artists.join(pupil, on=pupil.teacher_id == Artist.id), Query[Artist, Artist, Artist])
assert_type(
    artists.join(Work, on=(Work.artist_id == Artist.id) & (Work.hall > 3)), Query[Artist | Work, Artist | Work, Artist]
)
assert_type(artists.join(dear, on=dear.artist_id == Artist.id), Query[Artist | Work, Artist | Work, Artist])
assert_type(artists.join(lineage, on=lineage.artist_id == Artist.id), Query[Artist | Lineage, Artist | Lineage, Artist])
assert_type(
    artists.left_join(Work, on=Work.artist_id == Artist.id),
    Query[Artist | Work | Maybe[Work], Artist | Maybe[Work], Artist],
)
assert_type(
    from_(Visit).left_join(Visit.guide),
    Query[Visit | Artist | Maybe[Artist], Visit | Maybe[Artist], Visit],
)

# --- what a row is

assert_type(works.select(Work.title), Query[Work, Work, str])
assert_type(works.select(Work), Query[Work, Work, Work])
assert_type(hung.select(Work, Artist), Query[Work | Artist, Work | Artist, tuple[Work, Artist]])
assert_type(rows(visited.select(maybe(Visit))), list[Visit | None])
assert_type(rows(visited.select(maybe(Visit.stars))), list[int | None])
assert_type(rows(visited.select(Work, maybe(Visit), Artist.name)), list[tuple[Work, Visit | None, str]])
assert_type(rows(visited.select(maybe(Visit.id + 1))), list[int | None])
assert_type(rows(visited.select(fn.coalesce(maybe(Visit.stars), 0))), list[int])
assert_type(rows(visited.select(fn.coalesce(maybe(fn.sum(Visit.stars)), 0))), list[int])
assert_type(rows(visited.select(fn.count(Visit.id))), list[int])
assert_type(rows(visited.select(Work.title, fn.count(Visit.id).filter(Visit.stars > 3))), list[tuple[str, int]])
assert_type(rows(visited.select(fn.count(), fn.max(Visit.stars))), list[tuple[int, int | None]])
assert_type(rows(visited.select(Work.title, literal("new"))), list[tuple[str, str]])
assert_type(rows(works.select(fragment("lower({})", Work.title))), list[Any])
assert_type(rows(works.select(Work.title, fn.row_number().over(by_room))), list[tuple[str, int]])
assert_type(rows(from_(teacher).select(teacher.name)), list[str])
assert_type(rows(from_(teacher).select(teacher)), list[Artist])
assert_type(rows(from_(dear)), list[Work])
assert_type(rows(artists.select(Artist.id, Artist.name, Artist.born)), list[tuple[int, str, date | None]])
assert_type(rows(artists.select(Artist, Artist.id, Artist.id, Artist.id)), list[tuple[Artist, int, int, int]])
assert_type(
    rows(works.select(Work.title, Work.title, Work.title, Work.hall, Work.hall)),
    list[tuple[str, str, str, int | None, int | None]],
)
assert_type(
    rows(works.select(Work.title, Work.title, Work.title, Work.hall, Work.hall, Work.value)),
    list[tuple[str, str, str, int | None, int | None, Decimal]],
)
assert_type(
    rows(works.select(Work.title, Work.title, Work.title, Work.hall, Work.hall, Work.value, Work.kind)),
    list[tuple[str, str, str, int | None, int | None, Decimal, Kind]],
)
assert_type(
    rows(works.select(Work.title, Work.title, Work.title, Work.hall, Work.hall, Work.value, Work.kind, Work.tags)),
    list[tuple[str, str, str, int | None, int | None, Decimal, Kind, list[str]]],
)
assert_type(
    rows(
        works.select(
            Work.title, Work.title, Work.title, Work.hall, Work.hall, Work.value, Work.kind, Work.tags, Work.number
        )
    ),
    list[tuple[str, str, str, int | None, int | None, Decimal, Kind, list[str], UUID]],
)
assert_type(
    rows(
        visited.select(
            Work.title,
            Artist.name,
            maybe(Visit.stars),
            Work.hall,
            fn.count(Visit.id),
            Work.value,
            Work.kind,
            Work.tags,
            Work.number,
            Artist,
        )
    ),
    list[tuple[str, str, int | None, int | None, int, Decimal, Kind, list[str], UUID, Artist]],
)

# --- rows with names

assert_type(
    rows(
        visited.group_by(Work.number, Artist.id).project(
            Label(title=Work.title, artist=Artist.name, visits=fn.count(Visit.id), best=fn.max(Visit.stars))
        )
    ),
    list[Label],
)
assert_type(rows(works.project(Label(title=Work.title, artist="unknown", visits=0, best=None))), list[Label])
assert_type(rows(visited.select_into(Poster, Work.title, Artist.name)), list[Poster])
assert_type(rows(works.select_into(Sold, Work.title, Work.value)), list[Sold])
assert_type(rows(works.select_into(Card, Work.title)), list[Card])

# --- subqueries in expressions

assert_type(exists(from_(Visit).where(Visit.work_number == outer(Work.number))), Operand[Never, bool])
assert_type(outer(Work.hall), Operand[Never, int | None])
assert_type(scalar(artists.select(Artist.name)), Operand[Never, str | None])
assert_type(scalar(from_(Visit).select(fn.max(Visit.stars))), Operand[Never, int | None])
works.where(~exists(from_(Visit).where(Visit.work_number == outer(Work.number), Visit.paid)))
works.where(Work.artist_id == scalar(artists.select(fn.max(Artist.id))))
assert_type(rows(works.select(Work.title, exists(from_(Visit)))), list[tuple[str, bool]])

# --- a recursive CTE, and sets of rows

roots = artists.where(Artist.teacher_id.is_null()).project(
    Lineage(artist_id=Artist.id, teacher_id=Artist.teacher_id, steps=0)
)
branches = artists.join(lineage, on=Artist.teacher_id == lineage.artist_id).project(
    Lineage(artist_id=Artist.id, teacher_id=Artist.teacher_id, steps=lineage.steps + 1)
)
descent = from_(lineage).with_cte(lineage, roots.union_all(branches), recursive=True)
assert_type(rows(descent.where(lineage.steps < 9)), list[Lineage])
assert_type(rows(artists.select(Artist.name).union(works.select(Work.title))), list[str])
assert_type(rows(works.intersect(works.where(Work.hall > 3)).except_(works)), list[Work])

# --- preloads

shown = Artist.works.where(Work.hall > 3, Work.value >= Decimal(1)).order_by(Work.value.desc(), Work.title).limit(3)
assert_type(shown, Rel[Artist, list[Work]])
assert_type(shown / Work.visits, Rel[Artist, list[Visit]])
assert_type(Visit.guide.where(Artist.born.is_not_null()), Rel[Visit, Artist | None])
assert_type(Work.artist.where(Artist.name != "x"), Rel[Work, Artist])
assert_type(rows(artists.preload(Artist.teacher, shown / Work.visits / Visit.guide)), list[Artist])
assert_type(rows(visited.preload(Work.artist / Artist.teacher, Work.visits)), list[Work])
assert_type(rows(visited.select(Artist).preload(Artist.works)), list[Artist])

# --- reusable parts


def dearer(query: Over[Work], than: Decimal = Decimal(1)) -> Over[Work]:
    return query.where(Work.value > than).order_by(Work.value.desc())


def on_show() -> Expr[Work, bool]:
    return Work.hall.is_not_null()


def titled(query: AnyWork, start: str) -> AnyWork:
    return query.where(Work.title.like(start + "%"))


def by_painter(query: Over[Work | Artist]) -> Over[Work | Artist]:
    return query.order_by(Artist.name, Work.title)


def titles(query: Q[Work]) -> Query[Work, Work, str]:
    return query.select(Work.title)


def with_artist(query: Q[Work]) -> Query[Work | Artist, Work | Artist, Work]:
    return query.join(Work.artist)


assert_type(works.scope(dearer), Query[Work, Work, Work])
assert_type(hung.scope(dearer, than=Decimal(3)).scope(by_painter), Query[Work | Artist, Work | Artist, Work])
assert_type(rows(hung.select(Work.title, Artist.name).scope(dearer, Decimal(3))), list[tuple[str, str]])
assert_type(hung.where(on_show()), Query[Work | Artist, Work | Artist, Work])
assert_type(titled(hung, "J"), Query[Work | Artist, Work | Artist, Work])
assert_type(hung.scope(titled, "J"), Query[Work | Artist, Work | Artist, Work])
assert_type(works.pipe(titles), Query[Work, Work, str])
assert_type(works.pipe(with_artist).pipe(rows), list[Work])
assert_type(works.to_sql(POSTGRES), tuple[str, tuple[object, ...]])
assert_type(descent.to_sql(SQLITE), tuple[str, tuple[object, ...]])
