"""Keys of every kind: numbered by the database, made here, given by the caller, of several columns, and none."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import Field, NoPrimaryKeyError, Repo, Schema, change, field, from_, meta, source, with_meta
from tests.integration.repo.vault import Agent, Child, Folder, Line, Ordered, Parent, Place, Random, opened


@pytest.fixture
async def vault(database_url: str) -> AsyncIterator[Repo]:
    async with opened(database_url) as repo:
        yield repo


async def _rows(repo: Repo, model: Any) -> int:
    return len(await repo.all(model))


KINDS: dict[str, Any] = {
    "numbered by the database": lambda: Folder(name="a"),
    "a random UUID": lambda: Random(name="a"),
    "a UUID that grows": lambda: Ordered(name="a"),
    "a text that grows": lambda: Parent(name="a"),
    "two columns": lambda: Place(row=1, number=2, name="a"),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
async def test_a_row_of_each_kind_is_inserted_found_changed_and_deleted_by_its_key(vault: Repo, make: Any):
    made = await vault.insert(make())
    model: Any = made.__class__
    key = tuple(getattr(made, name) for name in model.__schema__.primary_key)
    assert await vault.get(model, key if len(key) > 1 else key[0]) == made
    changed = await vault.update(change(made, model.name.set("b")))
    assert await vault.all(from_(model).select(model.name)) == ["b"]
    assert meta(await vault.delete(changed)).state == "deleted"
    assert await _rows(vault, model) == 0


async def test_keys_that_are_made_here_have_the_version_that_was_asked_for_and_yield_to_what_is_given(vault: Repo):
    assert (await vault.insert(Random(name="a"))).id.version == 4
    one, two = await vault.insert(Ordered(name="a")), await vault.insert(Ordered(name="b"))
    assert (one.id.version, one.id < two.id) == (7, True)
    given = await vault.insert(Ordered(id=(await vault.insert(Random(name="x"))).id, name="c"))
    assert given.id.version == 4


async def test_the_type_of_keys_is_said_by_the_base_for_both_sides(vault: Repo):
    parent = await vault.insert(Parent(name="a"))
    assert len(parent.id) == 26
    child = await vault.insert(Child(parent_id=parent.id))
    assert await vault.all(from_(Child).join(Child.parent).select(Parent.name)) == ["a"]
    assert change(child).cast({"parent_id": "x"}, Child.parent_id).errors
    assert change(child).cast({"parent_id": parent.id.lower()}, Child.parent_id).changes == {}


@pytest.mark.parametrize("write", ["update", "delete"])
async def test_without_a_key_no_row_is_written(vault: Repo, write: str):
    await vault.insert(Line(name="a"))
    await vault.insert(Folder(name="a"))
    cases: list[tuple[Any, str]] = [
        (change(Line(name="a"), Line.name.set("b")), "Line has no primary key"),
        (change(Folder(name="a"), Folder.name.set("b")), f"`{write}` needs `Folder.id`, which this struct does not"),
        (change(Folder(id=None, name="a"), Folder.name.set("b")), f"`{write}` needs `Folder.id`"),  # type: ignore[arg-type]
        (change(Place(row=1, name="a"), Place.name.set("b")), f"`{write}` needs `Place.number`"),  # type: ignore[call-arg]
    ]
    for changeset, message in cases:
        with pytest.raises(NoPrimaryKeyError, match=message):
            await getattr(vault, write)(changeset)
    assert await vault.all(from_(Folder).select(Folder.name)) == ["a"]
    assert await vault.all(from_(Line).select(Line.name)) == ["a"]


async def test_the_columns_of_a_base_with_a_source_mapper_have_its_names(vault: Repo, events: list[Any]):
    agent = await vault.insert(Agent(name="Ada", code="0"))
    assert '"NAME", "CODE"' in events[-1].sql
    agent = await vault.update(change(agent, Agent.code.set("007")))
    assert await vault.all(from_(Agent).where(Agent.code == "007").select(Agent.name)) == ["Ada"]
    # All but the key and what says otherwise is hidden.
    assert repr(agent) == f"Agent(id={agent.id}, name='Ada', code=<redacted>)"


async def test_a_struct_is_written_where_its_meta_says(vault: Repo):
    line = with_meta(Line(name="a"), source="folders")
    stored = await vault.insert(line)
    assert meta(stored).source == "folders"
    assert (await _rows(vault, Folder), await _rows(vault, Line)) == (1, 0)
    folder = await vault.get_or_raise(Folder, 1)
    assert await vault.update(change(with_meta(folder, prefix=None), Folder.name.set("b"))) is not None
    assert await vault.all(from_(Folder).select(Folder.name)) == ["b"]


class Bill(Schema, table="bills", prefix="one"):
    id: Field[int] = field(primary_key=True)
    name: Field[str]


@pytest.mark.postgres
async def test_the_prefix_of_a_struct_wins_over_that_of_its_schema(fresh_postgres_url: str):
    async with Repo(fresh_postgres_url) as repo:
        await repo.query("CREATE SCHEMA one")
        await repo.query("CREATE SCHEMA two")
        await repo.query("CREATE TABLE one.bills (id bigint PRIMARY KEY, name text NOT NULL)")
        await repo.query("CREATE TABLE two.bills (id bigint PRIMARY KEY, name text NOT NULL)")
        two = source(Bill, prefix="two")
        await repo.insert(Bill(id=1, name="a"))
        there = await repo.insert(with_meta(Bill(id=2, name="b"), prefix="two"))
        assert (meta(there).prefix, meta(there).source) == ("two", "bills")
        assert await repo.all(from_(Bill).select(Bill.id)) == [1]
        assert await repo.all(from_(two).select(two.id)) == [2]
        # What came from there goes back there; a struct may be told so too.
        there = await repo.update(change(there, Bill.name.set("c")))
        assert await repo.all(from_(two).select(two.name)) == ["c"]
        await repo.insert(with_meta(Bill(id=3, name="d"), prefix="two"))
        await repo.delete(with_meta(Bill(id=2, name=""), state="loaded", prefix="two"))
        assert await repo.all(from_(two).select(two.id)) == [3]
        assert await repo.all(from_(Bill).select(Bill.id)) == [1]
