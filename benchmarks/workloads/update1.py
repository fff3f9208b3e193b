"""One row updated by its key from a ready changeset, without reading it before."""

from typing import Any

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import NAMES, WRITTEN_SAYS, text
from benchmarks.schemas import Entry, entries
from benchmarks.worlds import World
from ectype import change, with_meta

BUDGETS = {
    "PostgreSQL": Budget(against="raw asyncpg", above=8),
    "SQLite": Budget(against="aiosqlite", ratio=0.65),
}


def ready_changes() -> list[Any]:
    """Return a changeset of each row, as if all had been read."""
    found: list[Any] = []
    for row in entries():
        entry = with_meta(Entry(**dict(zip(NAMES, row, strict=True))), source="entry")
        found.append(change(entry, Entry.text.set(text(row[0] - 1))))
    return found


def table(world: World) -> Table:
    """Row `i % 1000 + 1`."""
    repo, ready = world.repo, ready_changes()
    own = Competitor("ectype", lambda i: repo.update(ready[i % 1000]))
    return Table(
        "update1",
        world.database,
        world.competitors("update1", own),
        lambda _result: None,
        world.reset,
        lambda: world.ask(WRITTEN_SAYS),
        budgets=[BUDGETS[world.database]],
        lacking=world.lacking("update1"),
    )
