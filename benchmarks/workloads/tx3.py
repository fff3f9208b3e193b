"""A transaction of three statements: a row read, changed, and another inserted."""

from typing import Any

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import WRITTEN_SAYS, entry_key, text
from benchmarks.schemas import Entry
from benchmarks.workloads.insert1 import READY
from benchmarks.worlds import World
from ectype import change

BUDGETS = {
    "PostgreSQL": (Budget(against="raw asyncpg", above=25), Budget(against="raw asyncpg", ratio=1.25)),
    "SQLite": (Budget(against="aiosqlite", ratio=0.5),),
}


def table(world: World) -> Table:
    """Row `i % 1000 + 1` is read and changed."""
    repo = world.repo

    async def run(i: int) -> Any:
        async with repo.transaction():
            entry = await repo.get_or_raise(Entry, entry_key(i))
            await repo.update(change(entry, Entry.text.set(text(i))))
            return (await repo.insert(READY)).id

    return Table(
        "tx3",
        world.database,
        world.competitors("tx3", Competitor("ectype", run)),
        reset=world.reset,
        written=lambda: world.ask(WRITTEN_SAYS),
        budgets=BUDGETS[world.database],
        lacking=world.lacking("tx3"),
    )
