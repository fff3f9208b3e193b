"""Rows written with those that they belong to, and the foreign key that follows them, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import Invalid, NotLoadedError, Repo, SchemaError, change, from_, is_loaded
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import Item, Label, Maker, Part, kinds, tables


@pytest.fixture(autouse=True)
async def _shop(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def test_the_row_it_belongs_to_comes_first(repo: Repo, events: list[QueryEvent]):
    part = await repo.insert(Part(name="p", item=Item(name="i", maker=Maker(name="m"))))
    assert kinds(events) == ["INSERT makers", "INSERT items", "INSERT parts"]
    assert part.item_id == part.item.id
    assert part.item.maker is not None
    assert part.item.maker_id == part.item.maker.id
    stored = await repo.get_or_raise(Part, part.id)
    assert stored.item_id == part.item.id


async def test_a_stored_struct_is_only_pointed_to(repo: Repo, events: list[QueryEvent]):
    maker = await repo.insert(Maker(name="m"))
    events.clear()
    item = await repo.insert(Item(name="i", maker=maker))
    assert kinds(events) == ["INSERT items"]
    assert (item.maker_id, item.maker) == (maker.id, maker)
    put = await repo.insert(change(Item(name="j")).put_assoc(Item.maker, maker))
    assert put.maker_id == maker.id


@pytest.mark.parametrize(
    ("rel", "name", "statements", "makers"),
    [
        (Item.maker, "maker", ["INSERT makers", "UPDATE items"], ["new", "old"]),
        (Item.owned_maker, "owned_maker", ["INSERT makers", "UPDATE items", "DELETE makers"], ["new"]),
    ],
)
async def test_the_one_that_is_replaced_goes_after_the_row_or_stays(
    repo: Repo, events: list[QueryEvent], rel: Any, name: str, statements: list[str], makers: list[str]
):
    item = await repo.insert(Item(name="i", **{name: Maker(name="old")}))
    events.clear()
    stored = await repo.update(change(item).put_assoc(rel, {"name": "new"}))
    assert kinds(events) == statements
    assert (stored.maker_id, getattr(stored, name).name) == (getattr(stored, name).id, "new")
    assert sorted([one.name for one in await repo.all(Maker)]) == makers
    none = await repo.update(change(stored).put_assoc(rel, None))
    assert (none.maker_id, getattr(none, name)) == (None, None)
    assert (await repo.get_or_raise(Item, item.id)).maker_id is None


async def test_an_entry_may_be_updated_or_deleted(repo: Repo, events: list[QueryEvent]):
    item = await repo.insert(Item(name="i", maker=Maker(name="old")))
    assert item.maker is not None
    events.clear()
    updated = await repo.update(change(item).put_assoc(Item.maker, change(item.maker, Maker.name.set("new"))))
    assert kinds(events) == ["UPDATE makers"]
    assert updated.maker is not None
    assert updated.maker.name == "new"
    gone = await repo.update(change(updated).put_assoc(Item.maker, change(updated.maker).with_action("delete")))
    assert kinds(events) == ["UPDATE items", "DELETE makers"]
    assert (gone.maker, gone.maker_id) == (None, None)


async def test_the_foreign_key_and_the_association_must_agree(repo: Repo, events: list[QueryEvent]):
    first, second = await repo.insert(Maker(name="1")), await repo.insert(Maker(name="2"))
    agreed = change(Item(name="i")).put_change(Item.maker_id, first.id).put_assoc(Item.maker, first)
    assert (await repo.insert(agreed)).maker_id == first.id
    begun = change(Item(name="i")).put_assoc(Item.maker, first)
    stored = await repo.insert(Item(name="s", maker=second))
    events.clear()
    for wrong in (
        begun.put_change(Item.maker_id, second.id),
        change(Item(name="i", maker_id=second.id)).put_assoc(Item.maker, first),
        change(Item(name="i", maker_id=second.id, maker=first)),
        change(Item(name="i", maker_id=second.id)).put_assoc(Item.maker, None),
    ):
        with pytest.raises(SchemaError, match=r"`Item\.maker_id` is \d+, and `Item\.maker` was changed to one"):
            await repo.insert(wrong)
    for wrong in (
        change(stored).put_change(Item.maker_id, second.id + 5).put_assoc(Item.maker, first),
        change(stored).put_change(Item.maker_id, None).put_assoc(Item.maker, first),
    ):
        with pytest.raises(SchemaError, match="change one of them"):
            await repo.update(wrong)
    assert events == []


async def test_a_new_row_that_is_refused_has_its_error_in_place(repo: Repo):
    await repo.insert(Item(name="x", code="dup"))
    part = change(Part(name="p")).put_assoc(Part.item, Item.changeset(Item(), {"name": "y", "code": "dup"}))
    outcome = await repo.try_insert(part)
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"item": {"code": ["has already been taken"]}}
    assert dict(outcome.changeset.changes).keys() == {"item"}
    assert await repo.all(Part) == []


async def test_a_refusal_of_the_row_leaves_no_foreign_key_in_its_changes(repo: Repo):
    await repo.insert(Part(name="taken", item=Item(name="i")))
    outcome = await repo.try_insert(Part.changeset(Part(), {"name": "taken"}).put_assoc(Part.item, {"name": "new"}))
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"name": ["has already been taken"]}
    assert dict(outcome.changeset.changes).keys() == {"name", "item"}
    assert len(await repo.all(Item)) == 1


async def test_a_foreign_key_that_changes_makes_what_was_loaded_not_loaded(repo: Repo):
    first, second = await repo.insert(Maker(name="1")), await repo.insert(Maker(name="2"))
    item = await repo.insert(Item(name="i", maker=first))
    other = await repo.update(change(item, Item.maker_id.set(second.id)))
    assert not is_loaded(other, Item.maker)
    with pytest.raises(NotLoadedError):
        _ = other.maker
    assert (await repo.preload(other, Item.maker)).maker == second
    renamed = await repo.update(change(item, Item.name.set("j")))
    assert renamed.maker == first
    none = await repo.preload(await repo.insert(Item(name="n")), Item.maker)
    assert none.maker is None
    assert not is_loaded(await repo.update(change(none, Item.maker_id.set(first.id))), Item.maker)


async def test_the_unchanged_row_is_not_sent_when_only_its_owner_changes(repo: Repo, events: list[QueryEvent]):
    item = await repo.insert(Item(name="i", maker=Maker(name="m"), labels=[Label(name="l")]))
    events.clear()
    params = {"maker": {"id": item.maker_id, "name": "n"}}

    def named(maker: Maker, params: Any) -> Any:
        return change(maker).cast(params, Maker.name)

    stored = await repo.update(
        change(item).cast(params).cast_assoc(Item.maker, with_=named, force_update_on_change=False)
    )
    assert kinds(events) == ["UPDATE makers"]
    assert stored.labels == item.labels
    assert [one.name for one in await repo.all(from_(Maker))] == ["n"]
