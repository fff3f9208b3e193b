"""Related rows are written under the prefix of the row that they belong to, on both databases."""

from collections.abc import AsyncIterator

import pytest

from ectype import Meta, Repo, change, meta
from ectype.schema.structs import placed
from ectype.telemetry import QueryEvent
from tests.integration.repo.shop import TABLES, Item, Label, Logo, Maker, Part, tables


@pytest.fixture
async def prefix(repo: Repo) -> AsyncIterator[str]:
    """A place beside the usual one: a schema with the same tables; on SQLite its own name of the database."""
    async with tables(repo):
        if repo.adapter.dialect.name == "SQLite":
            yield "main"
            return
        copies = ";".join(f"CREATE TABLE branch.{table} (LIKE {table} INCLUDING ALL)" for table in TABLES)
        await repo._session.script(f"CREATE SCHEMA branch; {copies}")
        try:
            yield "branch"
        finally:
            await repo._session.script("DROP SCHEMA branch CASCADE")


def whole() -> Maker:
    return Maker(
        name="m", logo=Logo(text="l"), items=[Item(name="i", parts=[Part(name="p")], labels=[Label(name="x")])]
    )


@pytest.mark.parametrize("said", ["by the call", "by the struct"])
async def test_all_of_a_family_is_written_where_its_owner_is(
    repo: Repo, prefix: str, events: list[QueryEvent], said: str
):
    events.clear()
    if said == "by the call":
        maker = await repo.insert(whole(), prefix=prefix)
    else:
        maker = await repo.insert(placed(whole(), Meta("built", "makers", prefix)))
    assert maker.logo is not None
    item = maker.items[0]
    everything = (maker, maker.logo, item, item.parts[0], item.labels[0])
    assert {meta(one).prefix for one in everything} == {prefix}
    new = {"name": "j", "parts": [{"name": "q"}], "labels": [{"name": "y"}]}
    stored = await repo.update(change(maker).put_assoc(Maker.items, [new]).put_assoc(Maker.logo, {"text": "new"}))
    assert meta(stored.items[0].parts[0]).prefix == prefix
    await repo.delete(stored.items[0])
    assert len(events) == 18
    assert [event.sql for event in events if f'"{prefix}".' not in event.sql] == []
