"""Where a row is written and read when several say where: the call, the struct, the schema, the repo.

A place is a PostgreSQL schema, or an attached file of SQLite.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Repo,
    Schema,
    belongs_to,
    change,
    field,
    fn,
    from_,
    has_many,
    meta,
    replace,
    source,
    subquery,
    with_meta,
)

PLACES = ("one", "two", "three")


class Paper(Schema, table="papers"):
    id: Field[int] = field(primary_key=True)
    title: Field[str]
    lines: "HasMany[Line]" = has_many(foreign_key="paper_id")
    stamps: "HasMany[Stamp]" = has_many(foreign_key="paper_id")


class Line(Schema, table="lines"):
    id: Field[int] = field(primary_key=True)
    paper_id: Field[int | None] = field(default=None)
    paper: BelongsTo[Paper | None] = belongs_to()


class Stamp(Schema, table="stamps", prefix="three"):
    """Its schema says where its table is."""

    id: Field[int] = field(primary_key=True)
    paper_id: Field[int | None] = field(default=None)
    paper: BelongsTo[Paper | None] = belongs_to()


TABLES = (
    "papers (id integer PRIMARY KEY, title text NOT NULL)",
    "lines (id integer PRIMARY KEY, paper_id integer)",
    "stamps (id integer PRIMARY KEY, paper_id integer)",
)

Opened = Callable[[str | None], Repo]


@pytest.fixture
async def repo_at(database_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """A function that returns a repo of a prefix, over a database with the tables in three places."""
    repos: list[Repo] = []
    attached: dict[str, Any] = {}
    if database_url.startswith("sqlite"):
        attached = {"attach": {name: str(tmp_path / f"{name}.db") for name in PLACES}}

    def repo_at(prefix: str | None) -> Repo:
        repos.append(Repo(database_url, prefix=prefix, **attached))
        return repos[-1]

    async with repo_at(None) as repo:
        for place in PLACES:
            create = "" if attached else f"CREATE SCHEMA {place};"
            tables = ";".join(f"CREATE TABLE {place}.{table}" for table in TABLES)
            await repo._session.script(f"{create}{tables}")
    yield repo_at
    for one in repos:
        await one.close()


async def where(repo: Repo, model: type[Schema], key: str = "id") -> dict[str, list[Any]]:
    """Return the keys that a table has in each place, without the places where it has none."""
    found = {}
    for place in PLACES:
        there: Any = source(model, prefix=place)
        found[place] = await repo.all(from_(there).order_by(there.id).select(getattr(there, key)))
    return {place: rows for place, rows in found.items() if rows}


def papers(place: str | None, title: str = "new") -> Paper:
    paper = Paper(id=1, title=title)
    return paper if place is None else with_meta(paper, prefix=place)


async def _insert(repo: Repo, place: str | None, **options: Any) -> Any:
    return await repo.insert(papers(place), **options)


async def _upsert(repo: Repo, place: str | None, **options: Any) -> Any:
    action = replace(Paper.title)
    return (await repo.upsert(papers(place), on_conflict=action, conflict_target=Paper.id, **options)).struct


async def _update(repo: Repo, place: str | None, **options: Any) -> Any:
    return await repo.update(change(papers(place, "old"), Paper.title.set("new")), **options)


async def _insert_or_update(repo: Repo, place: str | None, **options: Any) -> Any:
    old = with_meta(papers(place, "old"), state="loaded")
    return await repo.insert_or_update(change(old, Paper.title.set("new")), **options)


async def _delete(repo: Repo, place: str | None, **options: Any) -> Any:
    return await repo.delete(papers(place), **options)


Write = Callable[..., Awaitable[Any]]
SAYING = [said for said in product((None, "one"), (None, "two"), (None, "three")) if any(said)]
"""What the repo, the struct and the call say."""


@pytest.mark.parametrize("said", SAYING, ids=lambda said: "-".join(one or "_" for one in said))
@pytest.mark.parametrize("write", [_insert, _upsert, _update, _insert_or_update, _delete], ids=lambda one: one.__name__)
async def test_the_call_wins_over_the_struct_and_that_over_the_repo(
    repo_at: Opened, write: Write, said: tuple[str | None, str | None, str | None]
):
    prefix, place, call = said
    repo = repo_at(prefix)
    wanted = call or place or prefix
    assert wanted is not None
    there_already = write not in (_insert, _upsert)
    if there_already:
        for one in PLACES:
            await repo.insert_all(source(Paper, prefix=one), [{"id": 1, "title": "old"}])
    written = await write(repo, place, **({"prefix": call} if call else {}))
    assert meta(written).prefix == wanted
    titles = await where(repo, Paper, "title")
    if write is _delete:
        assert titles == {one: ["old"] for one in PLACES if one != wanted}
    elif there_already:
        assert titles == {one: ["new" if one == wanted else "old"] for one in PLACES}
    else:
        assert titles == {wanted: ["new"]}


async def test_related_rows_follow_the_call_and_those_whose_schema_says_where_stay_there(repo_at: Opened):
    """Ecto moves those too when the call says a prefix, and reads them where their schema says all the same."""
    repo = repo_at(None)
    paper = Paper(id=1, title="x", lines=[Line(id=1)], stamps=[Stamp(id=1)])
    written = await repo.insert(paper, prefix="two")
    assert [meta(one).prefix for one in (written, written.lines[0], written.stamps[0])] == ["two", "two", "three"]
    found = [await where(repo, model) for model in (Paper, Line, Stamp)]
    assert found == [{"two": [1]}, {"two": [1]}, {"three": [1]}]
    read = await repo.one_or_raise(from_(Paper).preload(Paper.lines, Paper.stamps), prefix="two")
    assert ([one.id for one in read.lines], [one.id for one in read.stamps]) == ([1], [1])


async def test_related_rows_follow_a_struct_that_says_where(repo_at: Opened):
    repo = repo_at("one")
    paper = with_meta(Paper(id=1, title="x", lines=[Line(id=1)], stamps=[Stamp(id=1)]), prefix="two")
    written = await repo.insert(paper)
    added = await repo.update(change(written).put_assoc(Paper.lines, [written.lines[0], Line(id=2)]))
    assert [meta(one).prefix for one in added.lines] == ["two", "two"]
    assert [await where(repo, model) for model in (Line, Stamp)] == [{"two": [1, 2]}, {"three": [1]}]


@pytest.mark.parametrize("said", [None, "one", "two"])
async def test_a_schema_that_says_where_wins_over_the_call_and_the_repo(repo_at: Opened, said: str | None):
    repo = repo_at("two")
    options: Any = {"prefix": said} if said else {}
    await repo.insert(Stamp(id=1), **options)
    await repo.insert_all(Stamp, [{"id": 2}, {"id": 3}], **options)
    await repo.upsert(Stamp(id=2, paper_id=5), on_conflict=replace(Stamp.paper_id), conflict_target=Stamp.id, **options)
    assert await repo.update_all(from_(Stamp).where(Stamp.id == 1), Stamp.paper_id.set(7), **options) == 1
    assert await repo.delete_all(from_(Stamp).where(Stamp.id == 3), **options) == 1
    assert await where(repo, Stamp, "paper_id") == {"three": [7, 5]}
    assert [one.id for one in await repo.all(from_(Stamp).order_by(Stamp.id), **options)] == [1, 2]
    assert await repo.exists(Stamp, **options)


async def _streamed(repo: Repo, query: Any, options: Any) -> list[int]:
    async with repo.stream(query.order_by(Paper.id), **options) as rows:
        return [paper.id async for paper in rows]


async def _paged(repo: Repo, query: Any, options: Any) -> list[int]:
    return [paper.id for paper in (await repo.page(query.order_by(Paper.id), secret="s" * 16, **options)).rows]


async def _exists(repo: Repo, query: Any, options: Any) -> list[int]:
    return [key for key in (1, 2, 3) if await repo.exists(query.where(Paper.id == key), **options)]


async def _got(repo: Repo, query: Any, options: Any) -> list[int]:
    found = [await repo.get(query, key, **options) for key in (1, 2, 3)]
    return [paper.id for paper in found if paper is not None]


async def _aggregated(repo: Repo, query: Any, options: Any) -> list[int]:
    plain = await repo.aggregate(query, fn.max(Paper.id), **options)
    wrapped = await repo.aggregate(query.order_by(Paper.id).limit(5), fn.max(Paper.id), **options)
    assert plain == wrapped
    return [plain]


async def _combined(repo: Repo, query: Any, options: Any) -> list[int]:
    inner = subquery(query.where(Paper.id > 0), "inner_rows")
    assert await repo.all(from_(inner).select(inner.id), **options) == [2]
    return await repo.all(query.select(Paper.id).union(query.select(Paper.id)), **options)


Read = Callable[[Repo, Any, Any], Awaitable[list[int]]]
READS: dict[str, Read] = {
    "all": lambda repo, query, options: repo.all(query.select(Paper.id), **options),
    "get": _got,
    "exists": _exists,
    "aggregate": _aggregated,
    "stream": _streamed,
    "page": _paged,
    "subquery and union": _combined,
    "update_all": lambda repo, query, options: repo.update_all(
        query, Paper.title.set("x"), returning=Paper.id, **options
    ),
    "delete_all": lambda repo, query, options: repo.delete_all(query, returning=Paper.id, **options),
}
SAID: dict[str, tuple[str | None, Callable[[], Any], dict[str, str]]] = {
    "repo": ("two", lambda: from_(Paper), {}),
    "call": ("one", lambda: from_(Paper), {"prefix": "two"}),
    "query": ("one", lambda: from_(Paper).prefix("two"), {"prefix": "three"}),
}


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_query_reads_and_writes_where_the_innermost_that_speaks_says(repo_at: Opened, read: Read, said: str):
    prefix, query, options = SAID[said]
    repo = repo_at(prefix)
    for key, place in enumerate(PLACES, 1):
        await repo.insert_all(source(Paper, prefix=place), [{"id": key, "title": "x"}])
    assert await read(repo, query(), options) == [2]
