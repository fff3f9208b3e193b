"""After a write that was refused its transaction can only roll back, however many statements the write needs.

It is so on every database and for every write but the `try_` ones, so that no program works on one of them only.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from ectype import (
    ConstraintError,
    Invalid,
    Repo,
    TransactionAbortedError,
    change,
    from_,
    literal,
    placeholder,
    replace,
    scalar,
)
from tests.integration.repo.shop import Item, Label, Maker, Part, tables

Write = Callable[[Repo, Item], Awaitable[Any]]


@pytest.fixture
async def item(repo: Repo) -> AsyncIterator[Item]:
    """An item whose code and whose part's name are taken."""
    async with tables(repo):
        yield await repo.insert(Item(name="i", code="taken", maker=Maker(name="m"), parts=[Part(name="taken")]))


def rows(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "new", "code": "new"}, *more]


WRITES: dict[str, Write] = {
    "insert": lambda repo, item: repo.insert(Item(name="x", code="taken")),
    "insert of a family": lambda repo, item: repo.insert(
        Item(name="x", code="free", parts=[Part(name="a"), Part(name="taken")])
    ),
    "update": lambda repo, item: repo.update(change(item.parts[0], Part.item_id.set(-1))),
    "delete": lambda repo, item: repo.delete(item.maker),
    "insert_or_update": lambda repo, item: repo.insert_or_update(change(Item(name="x", code="taken"))),
    "upsert": lambda repo, item: repo.upsert(
        Item(id=5, name="x", code="taken"), on_conflict=replace(Item.name), conflict_target=Item.id
    ),
    "insert_all of rows alike": lambda repo, item: repo.insert_all(
        Item, rows({"name": "x", "code": "taken"}), timestamps=True
    ),
    "insert_all of rows of two kinds": lambda repo, item: repo.insert_all(
        Item, rows({"name": "x"}, {"code": "taken", "name": "y", "maker_id": None}), timestamps=True
    ),
    "insert_all of expressions": lambda repo, item: repo.insert_all(
        Item,
        [
            {"name": scalar(from_(Part).select(Part.name).limit(1)), "code": literal(f"c{number}")}
            for number in range(12_000)
        ]
        + [{"name": literal("x"), "code": literal("taken")}],
        timestamps=True,
    ),
    "insert_all of placeholders": lambda repo, item: repo.insert_all(
        Item, rows({"name": placeholder("x"), "code": "taken"}), timestamps=True
    ),
    "insert_all of a query": lambda repo, item: repo.insert_all(
        Part, from_(Part).select({"name": Part.name, "item_id": Part.item_id})
    ),
    "update_all": lambda repo, item: repo.update_all(Part, Part.item_id.set(-1)),
    "delete_all": lambda repo, item: repo.delete_all(Item),
    "text": lambda repo, item: repo.query("insert into parts (name, item_id) values ('taken', {})", literal(item.id)),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_nothing_runs_after_a_write_that_was_refused(repo: Repo, item: Item, write: Write):
    async def work() -> None:
        await repo.insert(Label(name="before"))
        with pytest.raises(ConstraintError):
            await write(repo, item)
        await repo.insert(Label(name="after"))

    with pytest.raises(TransactionAbortedError, match="an earlier statement failed"):
        await repo.transact(work)
    assert not await repo.exists(Label)
    assert await repo.all(from_(Item).select(Item.code)) == ["taken"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_outside_a_transaction_it_leaves_nothing_and_harms_nothing(repo: Repo, item: Item, write: Write):
    with pytest.raises(ConstraintError):
        await write(repo, item)
    await repo.insert(Label(name="after"))
    assert await repo.all(from_(Item).select(Item.code)) == ["taken"]
    assert await repo.all(from_(Part).select(Part.name)) == ["taken"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_savepoint_around_it_keeps_what_came_before(repo: Repo, item: Item, write: Write):
    async with repo.transaction():
        await repo.insert(Label(name="before"))
        with pytest.raises(ConstraintError):
            async with repo.transaction():
                await write(repo, item)
        await repo.insert(Label(name="after"))
    assert await repo.all(from_(Label).order_by(Label.id).select(Label.name)) == ["before", "after"]
    assert await repo.all(from_(Item).select(Item.code)) == ["taken"]


async def test_a_try_that_is_invalid_lets_its_transaction_go_on(repo: Repo, item: Item):
    async with repo.transaction():
        refused = change(Item(name="x", code="taken")).unique_constraint(Item.code)
        assert isinstance(await repo.try_insert(refused), Invalid)
        await repo.insert(Label(name="after"))
    assert await repo.exists(Label)
