"""`many_to_many`: the rows of the table between are written with the rows that they tie, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import ConstraintError, Invalid, InvalidChangesetError, Repo, SchemaError, change, from_, meta
from ectype.schema.structs import placed
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import Depot, Item, Label, Prize, kinds, tables


@pytest.fixture(autouse=True)
async def _shop(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


async def labels(repo: Repo, *names: str) -> list[Label]:
    return [await repo.insert(Label(name=name)) for name in names]


async def tied(repo: Repo) -> list[tuple[int, int]]:
    found = await repo.query("SELECT item_id, label_id FROM item_labels ORDER BY 1, 2")
    return [(row[0], row[1]) for row in found.rows]


async def test_new_rows_are_inserted_and_tied(repo: Repo, events: list[QueryEvent]):
    (old,) = await labels(repo, "old")
    events.clear()
    item = await repo.insert(Item(name="i", labels=[Label(name="new"), old]))
    assert kinds(events) == ["INSERT items", "INSERT item_labels", "INSERT labels", "INSERT item_labels"]
    assert [one.name for one in item.labels] == ["new", "old"]
    assert await tied(repo) == sorted([(item.id, item.labels[0].id), (item.id, old.id)])
    again = await repo.preload(item, Item.labels, force=True)
    assert sorted([one.name for one in again.labels]) == ["new", "old"]


async def test_check_28_what_is_left_out_is_untied_and_what_stays_is_left_alone(repo: Repo, events: list[QueryEvent]):
    first, second, third = await labels(repo, "1", "2", "3")
    item = await repo.insert(Item(name="i", labels=[second, third]))
    events.clear()
    stored = await repo.update(change(item).put_assoc(Item.labels, [first, second]))
    texts = [event.sql.replace('"', "").replace("?", "$") for event in events]
    assert kinds(events) == ["DELETE item_labels", "INSERT item_labels"]
    assert "item_id = $1" in texts[0]
    assert "label_id = $2" in texts[0]
    assert [one.name for one in stored.labels] == ["1", "2"]
    assert await tied(repo) == [(item.id, first.id), (item.id, second.id)]
    assert [one.name for one in await repo.all(from_(Label).order_by(Label.id))] == ["1", "2", "3"]
    assert stored.updated_at == item.updated_at


async def test_an_entry_that_is_updated_is_written_and_stays_tied(repo: Repo, events: list[QueryEvent]):
    (one,) = await labels(repo, "1")
    item = await repo.insert(Item(name="i", labels=[one]))
    events.clear()
    stored = await repo.update(change(item).put_assoc(Item.labels, [change(one, Label.name.set("x")), {"name": "y"}]))
    assert kinds(events) == ["UPDATE labels", "INSERT labels", "INSERT item_labels"]
    assert [label.name for label in stored.labels] == ["x", "y"]
    gone = await repo.update(
        change(stored).put_assoc(Item.labels, [change(one).with_action("delete"), stored.labels[1]])
    )
    assert kinds(events) == ["DELETE item_labels"]
    assert [label.name for label in gone.labels] == ["y"]
    assert len(await repo.all(Label)) == 2


async def test_a_schema_between_gets_its_defaults_keys_and_timestamps(repo: Repo, events: list[QueryEvent]):
    first, second = await labels(repo, "1", "2")
    events.clear()
    item = await repo.insert(Item(name="i", prizes=[first, second]))
    assert kinds(events) == ["INSERT items", "INSERT prizes", "INSERT prizes"]
    prizes = await repo.all(from_(Prize).order_by(Prize.id))
    assert [(one.item_id, one.label_id, one.public, one.note) for one in prizes] == [
        (item.id, first.id, True, "i"),
        (item.id, second.id, True, "i"),
    ]
    assert all(one.inserted_at is not None for one in prizes)
    await repo.update(change(prizes[0], Prize.public.set(False)))
    # A row between that does not count is not the association's to delete.
    await repo.update(change(item).put_assoc(Item.prizes, []))
    assert [one.label_id for one in await repo.all(Prize)] == [first.id]


async def test_a_tie_that_is_there_already_is_refused_on_the_entry_or_passes(repo: Repo):
    first, second = await labels(repo, "1", "2")
    item = await repo.insert(Item(name="i", labels=[second], prizes=[second], quiet=[], quiet_prizes=[]))
    for rel, name, index in (
        (Item.labels, "labels", "item_labels_item_id_label_id_index"),
        (Item.prizes, "prizes", "prizes_item_id_label_id_index"),
    ):
        stale = await repo.update(change(item).put_assoc(rel, []))
        await repo.update(change(stale).put_assoc(rel, [second]))
        again = change(stale).put_assoc(rel, [first, second])
        with pytest.raises(ConstraintError):
            await repo.update(again)
        outcome = await repo.try_update(again.unique_constraint(Item.id, name=index, message="is tied already"))
        assert isinstance(outcome, Invalid)
        assert outcome.changeset.traverse_errors() == {name: [{}, {"id": ["is tied already"]}]}
    quiet = await repo.update(
        change(item).put_assoc(Item.quiet, [first, second]).put_assoc(Item.quiet_prizes, [first, second])
    )
    assert [one.name for one in quiet.quiet] == ["1", "2"]
    assert await tied(repo) == [(item.id, first.id), (item.id, second.id)]
    assert len(await repo.all(Prize)) == 2


async def test_one_that_is_refused_rolls_the_ties_back(repo: Repo):
    async def no(changeset: Any, repo: Repo) -> Any:
        return changeset.add_error("base", "no")

    (one,) = await labels(repo, "1")
    entries = [one, change(Label(name="x")).prepare_changes(no)]
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(change(Item(name="i")).put_assoc(Item.labels, entries))
    assert caught.value.changeset.traverse_errors() == {"labels": [{}, {"base": ["no"]}]}
    assert (await tied(repo), await repo.all(Item)) == ([], [])


async def test_the_ties_of_a_deleted_row_go_first(repo: Repo, events: list[QueryEvent]):
    (one,) = await labels(repo, "1")
    item, other = await repo.insert(Item(name="i", labels=[one])), await repo.insert(Item(name="j", labels=[one]))
    events.clear()
    await repo.delete(item)
    assert kinds(events) == ["DELETE parts", "DELETE item_labels", "DELETE items"]
    assert await tied(repo) == [(other.id, one.id)]
    assert len(await repo.all(Label)) == 1


async def test_ties_may_have_keys_of_several_columns(repo: Repo, events: list[QueryEvent]):
    kiel = await repo.insert(Depot(city="Kiel", number=2))
    bonn = await repo.insert(Depot(city="Bonn", number=1, routes=[kiel, Depot(city="Ulm", number=3)]))
    events.clear()
    stored = await repo.update(change(bonn).put_assoc(Depot.routes, [bonn.routes[1]]))
    assert kinds(events) == ["DELETE routes"]
    found = await repo.preload(await repo.get_or_raise(Depot, ("Bonn", 1)), Depot.routes)
    assert [one.city for one in found.routes] == [one.city for one in stored.routes] == ["Ulm"]


async def test_a_struct_without_its_key_cannot_be_tied(repo: Repo):
    lost = placed(Label(name="x"), meta((await labels(repo, "1"))[0]))
    with pytest.raises(SchemaError, match=r"`Item\.labels` is tied by `Label\.id`, which has no value"):
        await repo.insert(Item(name="i", labels=[lost]))
    assert await repo.all(Item) == []
