"""Rows written with those that belong to them: `has_one` and `has_many`, in one transaction, on both databases."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from ectype import (
    Changeset,
    ConstraintError,
    Error,
    Field,
    HasMany,
    Invalid,
    InvalidChangesetError,
    Ok,
    Repo,
    SchemaError,
    StaleEntryError,
    TransactionAbortedError,
    change,
    from_,
    has_many,
    is_loaded,
    meta,
    primary_key,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import Crate, Depot, Item, Logo, Maker, Note, Part, Shop, kinds, tables


@pytest.fixture(autouse=True)
async def _shop(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def maker_with(repo: Repo, *names: str) -> Maker:
    return await repo.insert(Maker(name="ACME", items=[Item(name=name, code=name, parts=[]) for name in names]))


async def codes(repo: Repo) -> list[tuple[str | None, int | None]]:
    return [(one.code, one.maker_id) for one in await repo.all(from_(Item).order_by(Item.id))]


# --- inserts


async def test_a_struct_is_inserted_with_the_structs_that_its_constructor_was_given(
    repo: Repo, events: list[QueryEvent]
):
    maker = await repo.insert(
        Maker(
            name="ACME",
            logo=Logo(text="A"),
            items=[Item(name="a", parts=[Part(name="p"), Part(name="q")]), Item(name="b")],
        )
    )
    assert kinds(events) == [
        "INSERT makers",
        "INSERT items",
        "INSERT parts",
        "INSERT parts",
        "INSERT items",
        "INSERT logos",
    ]
    assert not repo.in_transaction
    assert [one.maker_id for one in maker.items] == [maker.id] * 2
    assert maker.logo is not None
    assert maker.logo.maker_id == maker.id
    assert [(one.name, one.item_id) for one in maker.items[0].parts] == [
        ("p", maker.items[0].id),
        ("q", maker.items[0].id),
    ]
    assert {meta(one).state for one in (maker, maker.logo, *maker.items, *maker.items[0].parts)} == {"loaded"}
    assert all(one.inserted_at == one.updated_at for one in maker.items)
    again = await repo.preload(await repo.get_or_raise(Maker, maker.id), Maker.logo, Maker.items / Item.parts)
    assert (again.logo, again.items, again.items[0].parts) == (maker.logo, maker.items, maker.items[0].parts)
    assert not is_loaded(maker.items[1], Item.parts)


async def test_empty_associations_of_a_new_struct_write_nothing(repo: Repo, events: list[QueryEvent]):
    maker = await repo.insert(Maker(name="ACME", items=[], logo=None))
    assert kinds(events) == ["INSERT makers"]
    assert (maker.items, maker.logo) == ([], None)


@pytest.mark.parametrize("items", ["x", [1], [Logo(text="l")], Item(name="x"), [{"name": "x"}]])
async def test_what_the_constructor_was_given_wrongly_is_refused(repo: Repo, events: list[QueryEvent], items: Any):
    with pytest.raises(SchemaError, match=r"`Maker\.items` is a list of structs of Item, and the constructor of Maker"):
        await repo.insert(Maker(name="x", items=items))
    assert events == []


async def test_changes_win_over_what_the_constructor_was_given(repo: Repo):
    maker = await repo.insert(
        change(Maker(name="ACME", items=[Item(name="a")])).put_assoc(Maker.items, [Item(name="b")])
    )
    assert [one.name for one in maker.items] == ["b"]
    assert [one.name for one in await repo.all(Item)] == ["b"]


async def test_params_become_rows_and_the_foreign_key_is_always_the_owners(repo: Repo):
    other = await maker_with(repo, "theirs")
    params = {
        "name": "ACME",
        "items": [{"name": "a", "maker_id": other.id, "id": other.items[0].id, "parts": [{"name": "p", "item_id": 1}]}],
    }

    def hostile(item: Item, params: Mapping[str, object]) -> Changeset[Item]:
        return change(item).cast(params, Item.name, Item.maker_id).cast_assoc(Item.parts)

    maker = await repo.insert(change(Maker).cast(params, Maker.name).cast_assoc(Maker.items, with_=hostile))
    assert [(one.name, one.maker_id) for one in maker.items] == [("a", maker.id)]
    assert maker.items[0].id != other.items[0].id
    assert [one.item_id for one in maker.items[0].parts] == [maker.items[0].id]
    assert (await repo.get_or_raise(Item, other.items[0].id)).maker_id == other.id


async def test_check_27_one_that_is_refused_rolls_all_back_and_has_the_error(repo: Repo, events: list[QueryEvent]):
    await maker_with(repo, "dup")
    events.clear()
    items = [Item.changeset(Item(), {"name": code, "code": code}) for code in ("ok", "dup", "late")]
    outcome = await repo.try_insert(change(Maker, Maker.name.set("new")).put_assoc(Maker.items, items))
    assert isinstance(outcome, Invalid)
    changeset = outcome.changeset
    assert kinds(events) == ["INSERT makers", "INSERT items", "INSERT items"]
    assert (changeset.valid, changeset.action, meta(changeset.data).state) == (False, "insert", "built")
    assert changeset.traverse_errors() == {"items": [{}, {"code": ["has already been taken"]}, {}]}
    first, second, third = changeset.changes["items"]
    assert [one.valid for one in (first, second, third)] == [True, False, True]
    assert (second.action, dict(second.changes), dict(third.changes)) == (
        "insert",
        {"name": "dup", "code": "dup"},
        {"name": "late", "code": "late"},
    )
    error = second.errors[0][1]
    assert error == Error("has already been taken", constraint="unique", constraint_name="items_code_index")
    assert not hasattr(first.data, "id")
    assert await codes(repo) == [("dup", (await repo.one_or_raise(from_(Maker))).id)]
    assert [path for path, _ in changeset.located_errors()] == [("items", 1, "code")]
    fixed = changeset.put_assoc(Maker.items, [first, Item(name="free", code="free"), third])
    assert [one.code for one in (await repo.insert(fixed)).items] == ["ok", "free", "late"]


async def test_a_refusal_two_levels_down_keeps_its_path(repo: Repo):
    await repo.insert(Maker(name="x", items=[Item(name="i", parts=[Part(name="taken")])]))
    params = {"items": [{"name": "a"}, {"name": "b", "parts": [{"name": "free"}, {"name": "taken"}]}]}
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(change(Maker(name="new")).cast(params).cast_assoc(Maker.items))
    assert caught.value.changeset.traverse_errors() == {
        "items": [{}, {"parts": [{}, {"name": ["has already been taken"]}]}]
    }
    assert "items[1].parts[1].name: has already been taken" in str(caught.value)
    assert len(await repo.all(Maker)) == 1


async def test_a_refusal_of_the_row_itself_keeps_the_entries(repo: Repo):
    await maker_with(repo, "dup")
    refused = Item.changeset(Item(), {"name": "x", "code": "dup", "parts": [{"name": "p"}]})
    outcome = await repo.try_insert(refused)
    assert isinstance(outcome, Invalid)
    assert outcome.changeset.traverse_errors() == {"code": ["has already been taken"]}
    assert [dict(one.changes) for one in outcome.changeset.changes["parts"]] == [{"name": "p"}]
    assert await repo.all(Part) == []


async def test_a_violation_that_nobody_declared_is_raised_and_rolls_back(repo: Repo):
    await maker_with(repo, "dup")
    with pytest.raises(ConstraintError, match="is not declared in the changeset of Item"):
        await repo.insert(Maker(name="new", items=[Item(name="dup", code="dup")]))
    assert len(await repo.all(Maker)) == 1


async def test_an_entry_to_delete_cannot_be_inserted(repo: Repo, events: list[QueryEvent]):
    gone = change(Item(name="x")).with_action("delete")
    with pytest.raises(SchemaError, match='has the action "delete", and its Maker is only being inserted'):
        await repo.insert(change(Maker(name="x")).put_assoc(Maker.items, [gone]))
    assert events == []


# --- updates


async def test_check_23_entries_are_deleted_then_updated_then_inserted(repo: Repo, events: list[QueryEvent]):
    maker = await maker_with(repo, "1", "2")
    first, second = maker.items
    params = {"items": [{"name": "new", "code": "2"}, {"id": str(first.id), "name": "x"}]}
    events.clear()
    changeset = change(maker).cast(params).cast_assoc(Maker.items)
    assert [one.action for one in changeset.changes["items"]] == ["replace", "insert", "update"]
    stored = await repo.update(changeset)
    # The maker's own UPDATE is that of `updated_at`. What is left over is deleted first, so its code is free again;
    # and the row of the deleted item lets its own go before it.
    assert kinds(events) == [
        "UPDATE makers",
        "DELETE parts",
        "DELETE item_labels",
        "DELETE items",
        "UPDATE items",
        "INSERT items",
    ]
    assert [(one.name, one.code) for one in stored.items] == [("new", "2"), ("x", "1")]
    assert stored.updated_at > maker.updated_at
    assert await repo.all(from_(Item).where(Item.id == second.id, Item.name == "2")) == []
    put = await repo.update(change(stored).put_assoc(Maker.items, [stored.items[0]]))
    assert (put.updated_at, [one.id for one in put.items]) == (stored.updated_at, [stored.items[0].id])
    assert [one.id for one in await repo.all(Item)] == [stored.items[0].id]


async def test_nothing_is_sent_for_what_does_not_change(repo: Repo, events: list[QueryEvent]):
    maker = await maker_with(repo, "1", "2")
    events.clear()
    same = {"items": [{"id": one.id, "name": one.name} for one in maker.items]}
    assert await repo.update(change(maker).cast(same).cast_assoc(Maker.items)) is maker
    assert await repo.update(change(maker).put_assoc(Maker.items, maker.items)) is maker
    assert events == []
    one = {"items": [{"id": maker.items[0].id}, {"id": maker.items[1].id, "name": "x"}]}
    updated = await repo.update(change(maker).cast(one).cast_assoc(Maker.items, force_update_on_change=False))
    assert kinds(events) == ["UPDATE items"]
    assert [one.name for one in updated.items] == ["1", "x"]
    assert updated.updated_at == maker.updated_at


async def test_what_is_replaced_may_be_gone_already(repo: Repo):
    maker = await maker_with(repo, "1", "2")
    await repo.delete_all(from_(Item).where(Item.id == maker.items[0].id))
    stored = await repo.update(change(maker).put_assoc(Maker.items, [maker.items[1]]))
    assert [one.code for one in stored.items] == ["2"]
    loose = await repo.preload(maker, Maker.loose, force=True)
    await repo.delete_all(Item)
    assert (await repo.update(change(loose).put_assoc(Maker.loose, []))).loose == []


async def test_one_that_is_told_to_go_must_be_there(repo: Repo):
    maker = await maker_with(repo, "1", "2")
    params = {"items": [{"id": maker.items[0].id, "action": "delete"}, {"id": maker.items[1].id}]}
    stored = await repo.update(change(maker).cast(params).cast_assoc(Maker.items))
    assert [one.code for one in stored.items] == ["2"]
    with pytest.raises(StaleEntryError):
        await repo.update(change(maker).cast(params).cast_assoc(Maker.items))
    stored = await repo.update(change(maker).cast(params).cast_assoc(Maker.items), allow_stale=True)
    assert [one.code for one in stored.items] == ["2"]


async def test_an_entry_that_changed_since_ends_the_whole_write(repo: Repo):
    maker = await maker_with(repo, "1")
    await repo.delete(maker.items[0])
    params = {"name": "New", "items": [{"id": maker.items[0].id, "name": "x"}]}
    with pytest.raises(StaleEntryError):
        await repo.update(change(maker).cast(params, Maker.name).cast_assoc(Maker.items))
    assert (await repo.get_or_raise(Maker, maker.id)).name == "ACME"


async def test_what_is_nilified_stays_without_its_owner(repo: Repo, events: list[QueryEvent]):
    maker = await repo.preload(await maker_with(repo, "1", "2"), Maker.loose)
    events.clear()
    stored = await repo.update(change(maker).put_assoc(Maker.loose, maker.loose[1:]))
    assert kinds(events) == ["UPDATE items"]
    assert [one.code for one in stored.loose] == ["2"]
    assert sorted(await codes(repo)) == [("1", None), ("2", maker.id)]


async def test_a_row_of_another_owner_is_put_by_its_struct(repo: Repo):
    first, second = await maker_with(repo, "1"), await maker_with(repo, "2")
    stored = await repo.update(change(first).put_assoc(Maker.items, [*first.items, *second.items]))
    assert [(one.code, one.maker_id) for one in stored.items] == [("1", first.id), ("2", first.id)]
    assert await codes(repo) == [("1", first.id), ("2", first.id)]


async def test_what_can_never_be_none_cannot_be_nilified(repo: Repo, events: list[QueryEvent]):
    class Thing(Shop, table="items"):
        id: Field[int] = primary_key()
        name: Field[str]
        parts: HasMany[Part] = has_many(foreign_key="item_id", on_replace="nilify", on_delete="nilify_all")

    item = await repo.insert(Item(name="x", parts=[Part(name="p")]))
    thing = await repo.preload(await repo.get_or_raise(Thing, item.id), Thing.parts)
    events.clear()
    with pytest.raises(SchemaError, match=r"`Part\.item_id` should become NULL, and it is never None"):
        await repo.update(change(thing).put_assoc(Thing.parts, []))
    with pytest.raises(SchemaError, match=r'is "nilify_all", and `Part\.item_id` is never None'):
        await repo.delete(thing)
    assert events == []


# --- has_one


async def test_check_29_the_old_one_goes_before_the_new_one_comes(repo: Repo, events: list[QueryEvent]):
    maker = await repo.insert(Maker(name="ACME", logo=Logo(text="old")))
    events.clear()
    stored = await repo.update(change(maker).put_assoc(Maker.logo, Logo(text="new")))
    assert kinds(events) == ["DELETE logos", "INSERT logos"]
    assert stored.logo is not None
    assert [(one.id, one.text, one.maker_id) for one in await repo.all(Logo)] == [(stored.logo.id, "new", maker.id)]
    kept = await repo.preload(stored, Maker.kept_logo)
    events.clear()
    renewed = await repo.update(change(kept).put_assoc(Maker.kept_logo, {"text": "newer"}))
    assert kinds(events) == ["UPDATE logos", "INSERT logos"]
    assert renewed.kept_logo is not None
    assert [(one.text, one.maker_id) for one in await repo.all(from_(Logo).order_by(Logo.id))] == [
        ("new", None),
        ("newer", maker.id),
    ]


async def test_the_only_entry_is_taken_away_or_written_in_place(repo: Repo, events: list[QueryEvent]):
    maker = await repo.preload(await repo.insert(Maker(name="A", logo=Logo(text="old"))), Maker.new_logo)
    events.clear()
    updated = await repo.update(change(maker).put_assoc(Maker.new_logo, {"text": "new"}))
    assert kinds(events) == ["UPDATE logos"]
    assert updated.new_logo is not None
    assert (updated.new_logo.text, updated.new_logo.maker_id) == ("new", maker.id)
    none = await repo.update(change(updated).put_assoc(Maker.new_logo, None))
    assert none.new_logo is None
    assert [(one.text, one.maker_id) for one in await repo.all(Logo)] == [("new", None)]
    cleared = await repo.insert(Maker(name="B", logo=Logo(text="b")))
    assert (await repo.update(change(cleared).put_assoc(Maker.logo, None))).logo is None
    assert [one.text for one in await repo.all(Logo)] == ["new"]


# --- transactions


async def test_one_transaction_is_opened_and_none_inside_an_open_one(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    begun: list[str] = []
    session = repo._session
    before = session.transaction
    monkeypatch.setattr(
        session, "transaction", lambda *args, **kwargs: (begun.append("one"), before(*args, **kwargs))[1]
    )
    await repo.insert(Maker(name="a"))
    assert begun == []
    await repo.insert(Maker(name="a", items=[Item(name="x", parts=[Part(name="p")])]))
    assert begun == ["one"]
    async with repo.transaction():
        await repo.insert(Maker(name="a", items=[Item(name="y", parts=[Part(name="q")])]))
    assert begun == ["one", "one"]


async def test_an_open_transaction_goes_on_after_a_try_and_ends_after_a_refusal(repo: Repo):
    await maker_with(repo, "dup")
    refused = change(Maker(name="new")).put_assoc(Maker.items, [Item.changeset(Item(), {"name": "x", "code": "dup"})])
    async with repo.transaction():
        assert isinstance(await repo.try_insert(refused), Invalid)
        assert isinstance(await repo.try_insert(Maker(name="other")), Ok)
    assert [one.name for one in await repo.all(from_(Maker).order_by(Maker.id))] == ["ACME", "other"]

    async def swallowed() -> None:
        async with repo.transaction():
            with suppress(InvalidChangesetError):
                await repo.insert(refused)
            await repo.insert(Maker(name="lost"))

    with pytest.raises(TransactionAbortedError):
        await swallowed()
    assert len(await repo.all(Maker)) == 2


async def test_a_write_that_stops_half_way_without_an_error_of_the_database_cannot_be_kept(repo: Repo):
    def full(changeset: Changeset[Item], repo: Repo) -> Changeset[Item]:
        return changeset.add_error("base", "is full")

    refused = change(Maker(name="new")).put_assoc(Maker.items, [change(Item(name="x")).prepare_changes(full)])
    errors: list[Any] = []

    async def swallowed() -> None:
        async with repo.transaction():
            try:
                await repo.insert(refused)
            except InvalidChangesetError as exc:
                errors.append(exc.changeset.traverse_errors())

    with pytest.raises(TransactionAbortedError):
        await swallowed()
    assert errors == [{"items": [{"base": ["is full"]}]}]
    assert await repo.all(Maker) == []


async def test_functions_of_entries_run_in_the_transaction_just_before_their_write(repo: Repo):
    calls: list[Any] = []

    async def seen(changeset: Changeset[Item], repo: Repo) -> Changeset[Item]:
        calls.append((repo.in_transaction, len(await repo.all(Maker)), changeset.get_field(Item.maker_id)))
        return changeset.put_change(Item.name, "prepared")

    maker = await repo.insert(
        change(Maker(name="a")).put_assoc(Maker.items, [change(Item(name="x")).prepare_changes(seen)])
    )
    assert calls == [(True, 1, maker.id)]
    assert [one.name for one in await repo.all(Item)] == ["prepared"]


async def test_insert_or_update_writes_entries_too(repo: Repo):
    maker = await repo.insert_or_update(change(Maker(name="a")).put_assoc(Maker.items, [{"name": "x"}]))
    again = await repo.insert_or_update(change(maker).put_assoc(Maker.items, [*maker.items, {"name": "y"}]))
    assert [one.name for one in again.items] == ["x", "y"]


# --- deleting


async def test_what_belongs_to_a_deleted_row_goes_first_as_the_association_says(repo: Repo, events: list[QueryEvent]):
    item = await repo.insert(Item(name="x", parts=[Part(name="p"), Part(name="q")]))
    other = await repo.insert(Item(name="y", parts=[Part(name="r")]))
    note = await repo.insert(Note(text="n", part_id=other.parts[0].id))
    events.clear()
    assert meta(await repo.delete(item)).state == "deleted"
    assert kinds(events) == ["DELETE parts", "DELETE item_labels", "DELETE items"]
    assert [one.name for one in await repo.all(Part)] == ["r"]
    await repo.delete(other.parts[0])
    assert kinds(events)[-2:] == ["UPDATE part_notes", "DELETE parts"]
    assert (await repo.get_or_raise(Note, note.id)).part_id is None


async def test_nothing_is_let_go_when_the_delete_fails(repo: Repo):
    item = await repo.insert(Item(name="x", parts=[Part(name="p")]))
    await repo.insert(Note(text="n", part_id=item.parts[0].id))
    with pytest.raises(ConstraintError):
        await repo.delete(item)
    assert [one.name for one in await repo.all(Part)] == ["p"]
    part = await repo.insert(Item(name="gone"))
    await repo.delete_all(from_(Item).where(Item.id == part.id))
    with pytest.raises(StaleEntryError):
        await repo.delete(part)


# --- keys of several columns


async def test_keys_of_several_columns_are_filled_and_compared(repo: Repo, events: list[QueryEvent]):
    depot = await repo.insert(Depot(city="Bonn", number=1, crates=[Crate(label="a"), Crate(label="b")]))
    assert [(one.label, one.city, one.number) for one in depot.crates] == [("a", "Bonn", 1), ("b", "Bonn", 1)]
    events.clear()
    stored = await repo.update(change(depot).put_assoc(Depot.crates, [depot.crates[1], {"label": "c"}]))
    assert kinds(events) == ["DELETE crates", "INSERT crates"]
    assert [one.label for one in stored.crates] == ["b", "c"]
    crate = await repo.insert(change(Crate(label="d")).put_assoc(Crate.depot, Depot(city="Kiel", number=7)))
    assert (crate.city, crate.number, meta(crate.depot).state) == ("Kiel", 7, "loaded")
    away = await repo.update(change(crate).put_assoc(Crate.depot, None))
    assert (away.city, away.number, away.depot) == (None, None, None)
