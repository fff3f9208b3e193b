"""Rows written with an upsert: those it belongs to, the row, those that belong to it, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import (
    ConflictIgnoredError,
    Ignored,
    Inserted,
    Invalid,
    InvalidChangesetError,
    NotLoadedError,
    Repo,
    Updated,
    change,
    do_nothing,
    do_update,
    from_,
    is_loaded,
    replace,
    replace_all,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import Item, Label, Maker, Part, Prize, kinds, tables


@pytest.fixture(autouse=True)
async def _shop(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def counts(repo: Repo) -> tuple[int, int, int]:
    return len(await repo.all(Maker)), len(await repo.all(Item)), len(await repo.all(Part))


BY_NAME = replace(Item.name)
BY_ALL = do_update(Item.name.set("set"))


@pytest.mark.parametrize("action", [do_nothing(), BY_NAME, BY_ALL, replace_all()], ids=repr)
@pytest.mark.parametrize("verb", ["insert", "upsert"])
async def test_without_a_conflict_all_of_them_are_inserted(repo: Repo, action: Any, verb: str):
    whole = Item(name="i", code="a", maker=Maker(name="m"), parts=[Part(name="p"), Part(name="q")])
    written = await getattr(repo, verb)(whole, on_conflict=action, conflict_target=Item.code)
    item = written.struct if verb == "upsert" else written
    assert verb == "insert" or isinstance(written, Inserted)
    assert (item.maker_id, [part.item_id for part in item.parts]) == (item.maker.id, [item.id, item.id])
    assert item == await repo.get(Item, item.id)
    assert await counts(repo) == (1, 1, 2)
    # All of its rows are known: it was not there.
    await repo.update(change(item).put_assoc(Item.parts, []))


async def test_children_get_the_key_of_the_row_that_is_there(repo: Repo, events: list[QueryEvent]):
    there = await repo.insert(Item(name="old", code="a", parts=[Part(name="p")]))
    events.clear()
    changeset = change(Item(name="new", code="a")).put_assoc(Item.parts, [{"name": "q"}, Part(name="r")])
    outcome = await repo.upsert(changeset, on_conflict=BY_NAME, conflict_target=Item.code)
    assert kinds(events)[-2:] == ["INSERT parts", "INSERT parts"]
    assert isinstance(outcome, Updated)
    item = outcome.struct
    assert (item.id, item.name) == (there.id, "new")
    assert [(part.name, part.item_id) for part in item.parts] == [("q", there.id), ("r", there.id)]
    rows = await repo.all(from_(Part).where(Part.item_id == there.id).order_by(Part.name))
    assert [part.name for part in rows] == ["p", "q", "r"]


async def test_the_children_of_an_updated_row_count_as_loaded_in_part(repo: Repo):
    await repo.insert(Item(name="old", code="a", parts=[Part(name="p")]))
    for item in (
        Item(name="new", code="a", parts=[Part(name="q")]),
        Item(name="new", code="a", parts=[]),
    ):
        outcome = await repo.upsert(item, on_conflict=BY_NAME, conflict_target=Item.code)
        assert isinstance(outcome, Updated)
        with pytest.raises(NotLoadedError, match="or an upsert wrote them"):
            change(outcome.struct).put_assoc(Item.parts, [])
    assert len(await repo.all(Part)) == 2


@pytest.mark.parametrize(
    ("action", "follows"), [(replace(Item.name), False), (replace(Item.maker_id), True), (replace_all(), True)]
)
async def test_an_updated_row_follows_its_parent_where_the_action_writes_the_foreign_key(
    repo: Repo, action: Any, follows: bool
):
    old = await repo.insert(Item(name="old", code="a", maker=Maker(name="old")))
    outcome = await repo.upsert(
        Item(name="new", code="a", maker=Maker(name="new")), on_conflict=action, conflict_target=Item.code
    )
    assert isinstance(outcome, Updated)
    stored = await repo.get_or_raise(Item, old.id)
    assert outcome.struct == stored
    if follows:
        assert outcome.struct.maker is not None
        assert (outcome.struct.maker.name, stored.maker_id) == ("new", outcome.struct.maker.id)
    else:
        assert stored.maker_id == old.maker_id
        with pytest.raises(NotLoadedError):
            _ = outcome.struct.maker
    assert len(await repo.all(Maker)) == 2


@pytest.mark.parametrize(
    ("action", "target"),
    [
        (do_nothing(), Item.code),
        (do_nothing(), None),
        (do_update(Item.name.set("x"), where=Item.name == "y"), Item.code),
    ],
)
async def test_when_nothing_is_written_nothing_of_the_family_is(repo: Repo, action: Any, target: Any):
    there = await repo.insert(Item(name="old", code="a"))
    wanted = Item(name="new", code="a", maker=Maker(name="m"), parts=[Part(name="p")])
    childless = Item(name="new", code="a", parts=[Part(name="p")])
    found = there if target is not None else None
    for struct in (wanted, childless):
        assert await repo.upsert(struct, on_conflict=action, conflict_target=target) == Ignored(found)
        with pytest.raises(ConflictIgnoredError):
            await repo.insert(struct, on_conflict=action, conflict_target=target)
        async with repo.transaction() as tx:
            assert await repo.upsert(struct, on_conflict=action, conflict_target=target) == Ignored(found)
            with pytest.raises(ConflictIgnoredError):
                await repo.insert(struct, on_conflict=action, conflict_target=target)
            # The transaction goes on.
            await repo.insert(Label(name="other"))
        assert not tx.rolled_back
    assert await counts(repo) == (0, 1, 0)


async def test_callbacks_of_a_family_that_is_not_written_do_not_run(repo: Repo):
    await repo.insert(Item(name="old", code="a"))
    told: list[str] = []

    def tell(changeset: Any, of: Repo) -> Any:
        of.after_commit(lambda: told.append(changeset.data.name))
        return changeset

    maker = change(Maker(name="m")).prepare_changes(tell)
    for code in ("a", "b"):
        changeset = change(Item(name="new", code=code)).put_assoc(Item.maker, maker)
        await repo.upsert(changeset, on_conflict=do_nothing(), conflict_target=Item.code)
    assert told == ["m"]


async def test_a_refused_child_rolls_the_row_back_and_stands_in_its_place(repo: Repo):
    there = await repo.insert(Item(name="old", code="a", parts=[Part(name="p")]))
    changeset = change(Item(name="new", code="a", maker=Maker(name="m"))).put_assoc(
        Item.parts, [change(Part(name=name)).unique_constraint(Part.name) for name in ("q", "p")]
    )
    with pytest.raises(InvalidChangesetError) as refused:
        await repo.upsert(changeset, on_conflict=BY_NAME, conflict_target=Item.code)
    assert refused.value.changeset.traverse_errors() == {"parts": [{}, {"name": ["has already been taken"]}]}
    assert refused.value.changeset.action == "insert"
    assert await counts(repo) == (0, 1, 1)
    assert (await repo.get_or_raise(Item, there.id)).name == "old"


async def test_the_action_is_for_the_row_alone(repo: Repo):
    await repo.insert(Item(name="old", code="a"))
    maker = Maker(name="m", items=[Item(name="new", code="a")])
    refused = change(maker).put_assoc(Maker.items, [change(Item(name="n", code="a")).unique_constraint(Item.code)])
    assert isinstance(await repo.try_insert(refused), Invalid)
    with pytest.raises(InvalidChangesetError) as raised:
        await repo.upsert(refused, on_conflict=do_nothing())
    assert raised.value.changeset.traverse_errors() == {"items": [{"code": ["has already been taken"]}]}
    assert await counts(repo) == (0, 1, 0)


async def test_the_rows_between_are_tied_to_the_row_that_is_there(repo: Repo):
    kept = await repo.insert(Label(name="kept"))
    there = await repo.insert(Item(name="old", code="a", labels=[kept]))
    for at, (rel, labels) in enumerate([(Item.quiet, [kept, Label(name="new")]), (Item.prizes, [kept])]):
        changeset = change(Item(name=f"{at}", code="a")).put_assoc(rel, labels)
        outcome = await repo.upsert(changeset, on_conflict=BY_NAME, conflict_target=Item.code)
        assert isinstance(outcome, Updated)
    item = await repo.preload(there, Item.labels.order_by(Label.id), force=True)
    assert [label.name for label in item.labels] == ["kept", "new"]
    assert [(prize.item_id, prize.label_id) for prize in await repo.all(Prize)] == [(there.id, kept.id)]


async def test_functions_of_prepare_changes_may_add_associations(repo: Repo):
    await repo.insert(Item(name="old", code="a"))
    changeset = change(Item(name="new", code="a")).prepare_changes(
        lambda ready, _: ready.put_assoc(Item.parts, [Part(name="p")])
    )
    outcome = await repo.upsert(changeset, on_conflict=BY_NAME, conflict_target=Item.code)
    assert isinstance(outcome, Updated)
    assert [part.item_id for part in outcome.struct.parts] == [outcome.struct.id]
    assert is_loaded(outcome.struct, Item.parts)
