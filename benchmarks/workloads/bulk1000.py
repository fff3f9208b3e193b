"""A thousand rows inserted at once; on PostgreSQL with the keys that the database gives them."""

from typing import Any

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import BULK, WRITTEN_SAYS
from benchmarks.schemas import Entry
from benchmarks.worlds import World

RATIO = {"PostgreSQL": 1.1, "SQLite": 1.25}


def seen(found: Any) -> object:
    """Return how many."""
    return found if isinstance(found, int) else len(found)


def table(world: World) -> Table:
    """From a thousand dictionaries, of which the drivers make what they need."""
    repo = world.repo

    async def with_keys(_i: int) -> Any:
        return await repo.insert_all(Entry, BULK, returning=Entry.id)

    async def without(_i: int) -> Any:
        return await repo.insert_all(Entry, BULK)

    own = Competitor("ectype", with_keys if world.database == "PostgreSQL" else without)
    return Table(
        "bulk1000",
        world.database,
        world.competitors("bulk1000", own),
        seen,
        world.reset,
        lambda: world.ask(WRITTEN_SAYS),
        budgets=[Budget(against=RAW[world.database], ratio=RATIO[world.database])],
        lacking=world.lacking("bulk1000"),
    )
