"""The repository gives what a query selects, and takes only what belongs to its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar, assert_never, assert_type
from uuid import UUID

from ectype import (
    Assignment,
    Changeset,
    CommitUnknownError,
    Ignored,
    Inserted,
    Invalid,
    Ok,
    OnConflict,
    Over,
    ReadRepo,
    Repo,
    RolledBack,
    Schema,
    Transaction,
    Updated,
    change,
    do_nothing,
    do_update,
    excluded,
    fn,
    from_,
    maybe,
    placeholder,
    replace,
    replace_all,
    replace_all_except,
    source,
)
from ectype.schema.schema import Of
from tests.typing.accepted.schemas import Artist, Kind, Room, Visit, Work

M = TypeVar("M", bound=Schema)
works = from_(Work)
visited = works.join(Work.artist).left_join(Work.visits)


async def reads(repo: Repo) -> None:
    assert_type(await repo.all(Work), list[Work])
    assert_type(await repo.all(visited), list[Work])
    assert_type(await repo.all(visited.select(Work.hall)), list[int | None])
    assert_type(await repo.all(visited.select(Work, maybe(Visit)), timeout=3), list[tuple[Work, Visit | None]])
    assert_type(await repo.one(Work), Work | None)
    assert_type(await repo.one(works.select(Work.title, Work.value)), tuple[str, Decimal] | None)
    assert_type(await repo.one_or_raise(Work, prefix="stock"), Work)
    assert_type(await repo.one_or_raise(works.select(fn.count())), int)
    assert_type(await repo.get(Artist, 1), Artist | None)
    assert_type(await repo.get(Room, ("north", 3)), Room | None)
    assert_type(await repo.get_or_raise(Artist, 1), Artist)
    assert_type(await repo.get_by(Work, Work.title == "Judith", Work.hall.is_null()), Work | None)
    assert_type(await repo.get_by_or_raise(Work, Work.kind == Kind.DRAWING), Work)
    assert_type(await repo.exists(Work), bool)
    assert_type(await repo.exists(visited.select(Work.title, Artist.name)), bool)
    assert_type(repo.to_sql(visited), tuple[str, tuple[object, ...]])


async def tables_that_are_there(repo: ReadRepo) -> None:
    assert_type(await repo.table_exists(Work), bool)
    assert_type(await repo.table_exists(source(Work, "old_works"), prefix="archive"), bool)
    assert_type(await repo.table_exists("works", timeout=1), bool)


async def aggregates(repo: Repo) -> None:
    assert_type(await repo.aggregate(Work, fn.count()), int)
    assert_type(await repo.aggregate(Work, fn.sum(Work.value)), Decimal | None)
    assert_type(await repo.aggregate(works.where(Work.hall > 3), fn.max(Work.hall)), int | None)
    assert_type(await repo.aggregate(visited, fn.count(Visit.id).filter(Visit.paid)), int)


async def preloads(repo: Repo, artist: Artist, artists: list[Artist]) -> None:
    assert_type(await repo.preload(artist, Artist.works / Work.visits, Artist.teacher), Artist)
    assert_type(await repo.preload(artists, Artist.works.where(Work.hall > 3), force=True), list[Artist])


def named(params: Mapping[str, object]) -> Changeset[Artist]:
    return change(Artist).cast(params, Artist.name).validate_required(Artist.name)


async def writes(repo: Repo, params: Mapping[str, object]) -> None:
    artist = await repo.insert(named(params))
    assert_type(artist, Artist)
    assert_type(await repo.insert(Artist(name="Ada"), on_conflict=do_nothing(), conflict_target=Artist.id), Artist)
    assert_type(await repo.update(change(artist, Artist.name.set("Eve"), Artist.born.set(None))), Artist)
    assert_type(await repo.delete(artist), Artist)
    assert_type(await repo.delete(change(artist)), Artist)
    assert_type(await repo.try_update(change(artist)), Ok[Artist] | Invalid[Artist])
    assert_type(await repo.try_delete(artist), Ok[Artist] | Invalid[Artist])


async def outcomes(repo: Repo, params: Mapping[str, object]) -> str:
    match await repo.try_insert(named(params)):
        case Ok(artist):
            assert_type(artist, Artist)
            return artist.name
        case Invalid(changeset):
            assert_type(changeset, Changeset[Artist])
            return str(changeset.traverse_errors())


async def upserts(repo: Repo, params: Mapping[str, object]) -> Artist:
    better = do_update(
        Artist.name.set(fn.concat(Artist.name, excluded(Artist.name))),
        Artist.teacher_id.inc(1),
        where=Artist.born > excluded(Artist.born),
    )
    assert_type(better, OnConflict[Artist])
    assert_type(replace(Artist.name, Artist.born), OnConflict[Artist])
    assert_type(replace_all_except(Artist.name), OnConflict[Artist])
    await repo.upsert(named(params), on_conflict=replace_all(), conflict_target=[Artist.id, Artist.name])
    outcome = await repo.upsert(named(params), on_conflict=better, conflict_target=Artist.id)
    match outcome:
        case Inserted(struct) | Updated(struct):
            return struct
        case Ignored(there):
            assert_type(there, Artist | None)
            return there or await repo.get_or_raise(Artist, 1)
        case _:
            assert_never(outcome)


async def many_inserts(repo: Repo, rows: Sequence[dict[str, Any]], structs: Iterator[Work], struct: Work) -> None:
    assert_type(await repo.insert_all(Work, rows), int)
    assert_type(await repo.insert_all(Work, structs, timestamps=True), int)
    copied = from_(Work).select({"number": Work.number, "hall": Work.hall})
    assert_type(await repo.insert_all(Work, copied), int)
    assert_type(await repo.insert_all(Work, copied, returning=Work.number), list[UUID])
    assert_type(await repo.insert_all(Work, [{"hall": placeholder(3)}]), int)
    assert_type(await repo.insert(struct, returning=(Work.number, Work.hall)), Work)
    assert_type(await repo.update(change(struct), returning=True), Work)
    assert_type(await repo.try_delete(struct, returning=Work.hall), Ok[Work] | Invalid[Work])
    assert_type(await repo.insert_all(Work, rows, returning=Work.number), list[UUID])
    assert_type(await repo.insert_all(Work, rows, returning=(Work.number, Work.hall)), list[tuple[UUID, int | None]])
    assert_type(
        await repo.insert_all(Work, rows, returning=(Work.number, Work.hall, Work.kind)),
        list[tuple[UUID, int | None, Kind]],
    )
    assert_type(
        await repo.insert_all(
            Work, rows, on_conflict=replace(Work.title), conflict_target=(Work.number, Work.title), returning=Work
        ),
        list[Work],
    )


async def many_updates(repo: Repo) -> None:
    assert_type(Work.hall.inc(1), Assignment[Work])
    assert_type(Work.value.inc(Decimal(1)), Assignment[Work])
    assert_type(Work.hall.set(None), Assignment[Work])
    assert_type(Work.tags.set(["oil"]), Assignment[Work])
    assert_type(Work.title.set(fn.lower(Work.title)), Assignment[Work])
    assert_type(await repo.update_all(Work, Work.hall.set(None)), int)
    assert_type(await repo.update_all(works.where(Work.hall > 3), Work.hall.inc(1), Work.title.set("x")), int)
    assert_type(await repo.update_all(works.join(Work.artist), Work.title.set(Artist.name)), int)
    assert_type(await repo.update_all(Work, Work.hall.inc(1), returning=Work.title), list[str])
    assert_type(await repo.update_all(works, Work.hall.inc(1), returning=Work.title), list[str])
    assert_type(
        await repo.update_all(works, Work.hall.inc(1), returning=(Work.title, Work.hall)), list[tuple[str, int | None]]
    )
    assert_type(await repo.update_all(Work, Work.hall.inc(1), returning=Work), list[Work])
    assert_type(await repo.update_all(works, Work.hall.inc(1), returning=Work), list[Work])


async def many_deletes(repo: Repo) -> None:
    assert_type(await repo.delete_all(Work), int)
    assert_type(await repo.delete_all(works.where(Work.hall > 3)), int)
    assert_type(await repo.delete_all(Work, returning=Work.title), list[str])
    assert_type(
        await repo.delete_all(works, returning=(Work.title, Work.value, Work.hall)),
        list[tuple[str, Decimal, int | None]],
    )
    assert_type(await repo.delete_all(Work, returning=Work), list[Work])
    assert_type(await repo.delete_all(works, returning=Work), list[Work])


async def transactions(repo: Repo) -> int:
    async def counted() -> int:
        return await repo.aggregate(Work, fn.count())

    async def moved(tx: Transaction) -> str:
        if tx.rolled_back:
            tx.rollback("never")
        return "moved"

    assert_type(await repo.transact(counted, isolation="serializable", retries=3), int)
    assert_type(await repo.transact(moved), str | RolledBack)
    async with repo.transaction(isolation="repeatable read", read_only=True, timeout=3) as tx:
        assert_type(tx, Transaction)
    assert_type(await repo.transact(counted, read_only=True, deferrable=True, timeout=3), int)
    try:
        await repo.transact(counted)
    except CommitUnknownError as exc:
        assert_type(await exc.resolve(timeout=5), bool)
    async with repo.checkout(timeout=3):
        assert_type(repo.checked_out, bool)
    repo.after_commit(lambda: None)
    repo.after_rollback(lambda: None)
    assert_type(repo.in_transaction, bool)
    async with repo.transaction():
        # The block may end early, so that the checkers want a value after it.
        return 1
    return 0


# --- functions over any schema


async def newest(repo: Repo, model: type[M]) -> M | None:
    return await repo.one(from_(model).limit(1))


async def everything(repo: Repo, model: Of[M]) -> list[M]:
    return await repo.all(model)


async def store(repo: Repo, subject: M) -> M:
    return await repo.insert(subject)


async def page(repo: Repo, query: Over[Work], number: int) -> list[Any]:
    return await repo.all(query.order_by(Work.title).offset(20 * number).limit(20))


async def over_any_schema(repo: Repo) -> None:
    assert_type(await newest(repo, Artist), Artist | None)
    assert_type(await everything(repo, Work), list[Work])
    assert_type(await store(repo, Artist(name="Ada")), Artist)
    assert_type(await page(repo, visited, 3), list[Any])
