"""Text of one's own gives rows or what they are asked for; users' orders, filters and cursors keep a query's type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, assert_type

from pydantic import BaseModel

from ectype import InvalidParamsError, Page, Q, Query, Repo, Result, alias, fn, from_, literal, maybe
from tests.typing.accepted.schemas import Artist, Visit, Work


@dataclass
class Line:
    title: str


class Pair(NamedTuple):
    title: str
    year: int


class Known(TypedDict):
    title: str


class Model(BaseModel):
    title: str


async def texts(repo: Repo, name: str, when: datetime | None) -> None:
    result = await repo.query("select id, title from works where title = {} and at > {}", name, when)
    assert_type(result, Result)
    assert_type(result.columns, tuple[str, ...])
    assert_type(result.rows, list[tuple[Any, ...]])
    assert_type(result.count, int)
    await repo.query("select {}, {}", literal(3), [1, {"a": None}], timeout=3.0)
    named = await repo.query("select {} from {} where {} = {}", Work.title, Work, Work.number, 3, prefix="wiki")
    assert_type(named, Result)
    await repo.query("select 1 from {} join {} on true", Work, alias(Work, "other"))
    assert_type(await repo.query("select * from works", into=Work), list[Work])
    assert_type(await repo.query("select title from works", into=Line), list[Line])
    assert_type(await repo.query("select title, year from works", into=Pair, timeout=1), list[Pair])
    assert_type(await repo.query("select title from works", into=Known), list[Known])
    assert_type(await repo.query("select title from works where id = {}", 3, into=Model), list[Model])


def loads(repo: Repo, row: Mapping[str, Any]) -> None:
    assert_type(repo.load(Work, row), Work)
    assert_type(repo.load(Work, (["id", "title"], [1, "x"])), Work)
    assert_type(repo.load(Artist, (("id",), (1,))), Artist)


def users(params: Mapping[str, str], text: str | None) -> None:
    works = from_(Work)
    assert_type(works.order_by_params(text, sortable={"title": Work.title, "id": Work.number}), Q[Work])
    assert_type(works.order_by_params("-id", sortable={"id": Work.number}, nulls="first", tie_break=False), Q[Work])
    assert_type(works.filter_params(params, filterable={"title": Work.title}), Q[Work])
    assert_type(
        works.filter_params({"id__in": ["a", "b"]}, filterable={"id": Work.number}, operators={"id": ["in"]}), Q[Work]
    )
    joined = works.join(Work.artist)
    both = joined.order_by_params(
        text, sortable={"title": Work.title, "artist": Artist.name, "n": fn.lower(Work.title)}
    )
    assert_type(both.select(Work.title, Artist.name), Query[Work | Artist, Work | Artist, tuple[str, str]])
    try:
        joined.filter_params({}, filterable={"artist": Artist.name, "title": Work.title})
    except InvalidParamsError as refused:
        assert_type(refused.messages(), dict[str, list[str]])


async def pages(repo: Repo, cursor: str | None) -> None:
    page = await repo.page(from_(Work).order_by(Work.title.desc()), size=20, after=cursor, secret="…" * 16)
    assert_type(page, Page[Work])
    assert_type(page.rows, list[Work])
    assert_type(page.next, str | None)
    assert_type(page.has_previous, bool)
    assert_type(await repo.page(Work, before=cursor, secret=(b"x" * 16, "y" * 16)), Page[Work])
    query = from_(Work).left_join(Work.visits).select(Work.title, maybe(Visit))
    outer = await repo.page(query, secret="x" * 16, unique=[Work.number, Visit.id])
    assert_type(outer, Page[tuple[str, Visit | None]])
