"""One row inserted from a ready changeset, with the key that the database gives it."""

from typing import Any

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import VALUES, WRITTEN_SAYS
from benchmarks.schemas import Entry
from benchmarks.worlds import World
from ectype import change

READY = change(Entry(**VALUES))
BUDGETS = {
    "PostgreSQL": Budget(against="raw asyncpg", above=8),
    "SQLite": Budget(against="aiosqlite", ratio=0.55),
}


def seen(made: Any) -> object:
    """Return the key."""
    return made if isinstance(made, int) else made.id


def table(world: World) -> Table:
    """Always the same row."""
    repo = world.repo
    return Table(
        "insert1",
        world.database,
        world.competitors("insert1", Competitor("ectype", lambda _i: repo.insert(READY))),
        seen,
        world.reset,
        lambda: world.ask(WRITTEN_SAYS),
        budgets=[BUDGETS[world.database]],
        lacking=world.lacking("insert1"),
    )
