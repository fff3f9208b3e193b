"""Which statements a call sends, those that begin and end transactions included: no more than it needs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from ectype import (
    Changeset,
    ConstraintError,
    QueryError,
    Repo,
    change,
    do_nothing,
    fn,
    from_,
    only,
    replace_all,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import Item, Logo, Maker, Note, Part, tables

Call = Callable[[Repo, Maker], Awaitable[Any]]


@pytest.fixture
async def maker(repo: Repo) -> AsyncIterator[Maker]:
    """A maker with a logo and an item of one part."""
    async with tables(repo):
        logo, items = Logo(text="l"), [Item(name="i", code="i", parts=[Part(name="p")])]
        yield await repo.insert(Maker(name="m", logo=logo, items=items))


async def prepared(changeset: Changeset[Maker], repo: Repo) -> Changeset[Maker]:
    await repo.exists(Item)
    return changeset


async def _tried_inside(repo: Repo, maker: Maker) -> None:
    async with repo.transaction():
        await repo.try_insert(Maker(name="x"))


async def _inside(repo: Repo, maker: Maker) -> None:
    async with repo.transaction():
        await repo.insert(Maker(name="x", items=[Item(name="y")]))


async def _many_inside(repo: Repo, maker: Maker) -> None:
    async with repo.transaction():
        await repo.insert_all(Item, [{"name": "a"}, {"name": "b", "code": "c"}], timestamps=True)


BEGIN, COMMIT = "BEGIN", "COMMIT"
IN_ONE = (BEGIN, "INSERT", "INSERT", COMMIT)
CALLS: dict[str, tuple[Call, tuple[str, ...]]] = {
    "a row": (lambda repo, maker: repo.insert(Maker(name="x")), ("INSERT",)),
    "a row that is tried": (lambda repo, maker: repo.try_insert(Maker(name="x")), ("INSERT",)),
    "a row that is tried inside": (_tried_inside, (BEGIN, "SAVEPOINT", "INSERT", "RELEASE SAVEPOINT", COMMIT)),
    "no related rows": (lambda repo, maker: repo.insert(Maker(name="x", items=[], logo=None)), ("INSERT",)),
    "a family": (lambda repo, maker: repo.insert(Maker(name="x", items=[Item(name="y")])), IN_ONE),
    "a family inside": (_inside, IN_ONE),
    "a function that prepares": (
        lambda repo, maker: repo.insert(change(Maker(name="x")).prepare_changes(prepared)),
        (BEGIN, "SELECT", "INSERT", COMMIT),
    ),
    "nothing to change": (lambda repo, maker: repo.update(change(maker)), ()),
    "nothing to change in a family": (
        lambda repo, maker: repo.update(change(maker).put_assoc(Maker.items, maker.items)),
        (),
    ),
    "a change": (lambda repo, maker: repo.update(change(maker, Maker.name.set("x"))), ("UPDATE",)),
    "a change of a related row": (
        lambda repo, maker: repo.update(change(maker).put_assoc(Maker.logo, {"text": "x"})),
        (BEGIN, "DELETE", "INSERT", COMMIT),
    ),
    "a row that goes": (
        lambda repo, maker: repo.delete(maker.items[0].parts[0]),
        (BEGIN, "UPDATE", "DELETE", COMMIT),
    ),
    "a row that goes alone": (lambda repo, maker: repo.delete(maker.logo), ("DELETE",)),
    "rows alike": (
        lambda repo, maker: repo.insert_all(Item, [{"name": one} for one in "abc"], timestamps=True),
        ("INSERT",),
    ),
    "rows of two kinds": (
        lambda repo, maker: repo.insert_all(Item, [{"name": "a"}, {"name": "b", "code": "c"}], timestamps=True),
        IN_ONE,
    ),
    "rows of two kinds inside": (_many_inside, IN_ONE),
    "many changes": (lambda repo, maker: repo.update_all(Item, Item.name.set("x")), ("UPDATE",)),
    "a row that is looked for": (lambda repo, maker: repo.get(Maker, maker.id), ("SELECT",)),
    "a preload": (
        lambda repo, maker: repo.all(from_(Maker).preload(Maker.items / Item.parts)),
        ("SELECT", "SELECT", "SELECT"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "sent"), CALLS.values(), ids=CALLS)
async def test_a_transaction_is_begun_only_where_several_statements_write(
    repo: Repo, maker: Maker, all_events: list[QueryEvent], call: Call, sent: tuple[str, ...]
):
    all_events.clear()
    await call(repo, maker)
    assert tuple(event.operation.partition(" IMM")[0] for event in all_events) == sent


async def test_an_upsert_is_one_statement_where_that_tells_what_it_did(
    repo: Repo, maker: Maker, all_events: list[QueryEvent]
):
    all_events.clear()
    await repo.upsert(Item(name="x", code="i"), on_conflict=replace_all(), conflict_target=Item.code)
    sent = tuple(event.operation.partition(" IMM")[0] for event in all_events)
    assert sent == (("INSERT",) if repo.adapter.dialect.upsert_tells else IN_ONE)


RELATED: dict[str, Call] = {
    "insert": lambda repo, maker: repo.insert(Maker(name="x", logo=Logo(text="y"), items=[Item(name="z")])),
    "update": lambda repo, maker: repo.update(change(maker).put_assoc(Maker.items, [{"name": "new"}])),
    "delete": lambda repo, maker: repo.delete(maker.items[0].parts[0]),
    "prepare": lambda repo, maker: repo.insert(change(Maker(name="x")).prepare_changes(prepared)),
    "upsert": lambda repo, maker: repo.upsert(
        Item(name="x", code="i", parts=[Part(name="y")]), on_conflict=replace_all(), conflict_target=Item.code
    ),
    "preload": lambda repo, maker: repo.preload(maker, Maker.items / Item.parts, force=True),
    "unsafe_validate_unique": lambda repo, maker: repo.unsafe_validate_unique(
        change(Item(name="x"), Item.code.set("i")), Item.code
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", RELATED.values(), ids=RELATED)
async def test_the_options_of_a_call_reach_all_that_it_needs(
    repo: Repo, maker: Maker, all_events: list[QueryEvent], call: Call
):
    all_events.clear()
    await call(repo.with_options(tags={"page": "home"}, timeout=20), maker)
    assert {str(event.tags) for event in all_events} == {"{'page': 'home'}"}


async def test_what_a_write_reads_back_is_of_its_own_row_only(repo: Repo, maker: Maker, events: list[QueryEvent]):
    events.clear()
    await repo.insert(Maker(name="x", items=[Item(name="y")]), returning=Maker.name)
    assert ["name" in event.sql.partition("RETURNING")[2] for event in events] == [True, False]
    changed = change(maker, Maker.name.set("z")).put_assoc(Maker.logo, {"text": "x"})
    await repo.update(changed, returning=True)
    await repo.upsert(
        Item(name="a", code="b", parts=[Part(name="c")]), on_conflict=do_nothing(), conflict_target=Item.code
    )


async def test_deleting_many_rows_does_nothing_to_what_belongs_to_them(
    repo: Repo, maker: Maker, events: list[QueryEvent]
):
    """Only `delete` of a row does what `on_delete` says; here the database's own keys have the word."""
    part = maker.items[0].parts[0]
    note = await repo.insert(Note(text="n", part_id=part.id))
    events.clear()
    with pytest.raises(ConstraintError):
        await repo.delete_all(from_(Part).where(Part.id == part.id))
    assert len(events) == 1
    assert await repo.get_or_raise(Note, note.id) == note
    await repo.delete(part)
    assert (await repo.get_or_raise(Note, note.id)).part_id is None


async def test_asking_whether_there_is_a_row_reads_no_column_and_no_rows(
    repo: Repo, maker: Maker, events: list[QueryEvent]
):
    events.clear()
    queries: list[Any] = [
        Item,
        from_(Item).order_by(Item.name),
        from_(Item).select(only(Item.name)),
        from_(Item).preload(Item.parts),
        from_(Item).join(Item.parts).select(Item.name, Part.name),
    ]
    for query in queries:
        assert await repo.exists(query)
    # The database stops at the first row of an EXISTS, so that a LIMIT would say nothing.
    assert [event.sql.partition(" FROM ")[0] for event in events] == ["SELECT EXISTS(SELECT 1"] * len(queries)
    assert [event.rows for event in events] == [1] * len(queries)
    with pytest.raises(QueryError):
        await repo.exists(fn.count())  # type: ignore[arg-type]  # pyright: ignore


async def test_what_is_loaded_stays_although_its_key_is_missing(repo: Repo, maker: Maker, events: list[QueryEvent]):
    # Ecto warns of it, and keeps it too.
    loose = Item(name="x", maker=maker)
    events.clear()
    assert (await repo.preload(loose, Item.maker)).maker == maker
    assert events == []
    assert (await repo.preload(loose, Item.maker, force=True)).maker is None
    assert events == []
