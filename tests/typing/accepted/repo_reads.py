"""Reads, streams, hooks and kinds of repos: what they give and what they take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_type

from ectype import CallOptions, Field, Query, QueryContext, ReadRepo, Repo, Stream, TransactionOptions, field, fn, from_
from tests.typing.accepted.schemas import Artist, Room, Visit, Work

works = from_(Work)
visited = works.join(Work.artist).left_join(Work.visits)


class Tenanted:
    """A mixin of schemas."""

    tenant: Field[int] = field(default=0)


async def by_key(repo: Repo) -> None:
    assert_type(await repo.get(works, 1), Work | None)
    assert_type(await repo.get(visited.select(Work.title, Artist.name), 1), tuple[str, str] | None)
    assert_type(await repo.get_or_raise(works.where(Work.hall > 3), 1), Work)
    assert_type(await repo.get_or_raise(works.select(Work.title), 1), str)
    assert_type(await repo.get(Room, ("north", 3)), Room | None)


async def again(repo: ReadRepo, artist: Artist, artists: list[Artist]) -> None:
    assert_type(await repo.reload(artist), Artist | None)
    assert_type(await repo.reload(artists, timeout=3), list[Artist | None])
    assert_type(await repo.reload_or_raise(artist), Artist)
    assert_type(await repo.reload_or_raise(artists), list[Artist])


async def by_conditions(repo: ReadRepo) -> None:
    assert_type(await repo.all_by(Work, Work.hall > 3, Work.title == "Judith", tags={"page": "x"}), list[Work])


async def streams(repo: ReadRepo) -> None:
    assert_type(repo.stream(Work), Stream[Work])
    async with repo.stream(visited.select(Work.title, fn.count(Visit.id)), batch=10, timeout=3) as rows:
        async for row in rows:
            assert_type(row, tuple[str, int])
    async with repo.stream(works) as stream:
        assert_type([work.title async for work in stream], list[str])


def narrowed() -> None:
    assert_type(works.where_each(Work, lambda work: work.hall > 3), Query[Work, Work, Work])
    works.where_each(Tenanted, lambda table: table.tenant == 3)


def of_tenant(query: Query[Any, Any, Any], context: QueryContext) -> Query[Any, Any, Any]:
    if context.operation == "on_delete" or context.tags.get("every_tenant"):
        return query
    return query.where_each(Tenanted, lambda table: table.tenant == 3)


def serializable(options: TransactionOptions) -> TransactionOptions:
    return replace(options, isolation="serializable")


def defaults(method: str) -> CallOptions:
    return {"timeout": 60.0} if method == "all" else {}


def kinds() -> None:
    repo = Repo(
        "sqlite:///x.db",
        prepare_query=of_tenant,
        prepare_transaction=serializable,
        default_options=defaults,
        batch_gets=True,
        parallel_preloads=False,
        replicas=["sqlite:///y.db"],
    )
    Repo("sqlite:///x.db", default_options={"timeout": 3.0, "tags": {"app": "x"}})
    assert_type(repo.replica(), ReadRepo)
    assert_type(repo.replica().with_options(timeout=3), ReadRepo)
    assert_type(repo.with_options(timeout=3), Repo)
    assert_type(repo.with_options(query_cache=False), Repo)


async def tasks(repo: Repo) -> None:
    reader: ReadRepo = repo
    async with reader.transaction():
        assert_type(await reader.exists(Work), bool)
        assert_type(await reader.aggregate(works, fn.count()), int)
