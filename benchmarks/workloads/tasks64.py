"""Sixty-four tasks over ten connections, each of which reads one row by its key, four times."""

import asyncio
from collections.abc import Callable
from typing import Any

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import member
from benchmarks.schemas import Journal
from benchmarks.worlds import World

TASKS = 64
BUDGETS = {
    "PostgreSQL": (
        Budget(against="asyncpg.Pool", least=2.2, figure="wall"),
        Budget(who="ectype, batch_gets", against="asyncpg.Pool", least=8, figure="wall"),
    ),
    "SQLite": (),
}


def key(task: int, i: int) -> int:
    """Return the key that a task reads, the `i`-th time."""
    return (task * 977 + i * 31) % 5000 + 1


def _all(get: Callable[[int], Any], times: int) -> Callable[[int], Any]:
    async def one(task: int, i: int) -> int:
        found = 0
        for n in range(times):
            found += member(await get(key(task, i + n)), "id", 0)
        return found

    async def run(i: int) -> Any:
        return await asyncio.gather(*(one(task, i) for task in range(TASKS)))

    return run


def table(world: World) -> Table:
    """The pool of the bare driver is the baseline: one held connection serves one task."""
    repo, batched, times = world.repo, world.batched, 1 if world.quick else 4
    own = [
        Competitor("ectype", _all(lambda number: repo.get(Journal, number), times)),
        Competitor("ectype, batch_gets", _all(lambda number: batched.get(Journal, number), times)),
    ]
    first = "asyncpg.Pool" if world.database == "PostgreSQL" else "aiosqlite"
    others = [
        Competitor(one.name, _all(one.fetch, times), objects=one.objects)
        for one in world.peers
        if not one.sync and "tasks64" not in one.lacks and one.name != "raw asyncpg"
    ]
    others.sort(key=lambda one: one.name != first)
    return Table(
        "tasks64",
        world.database,
        [others[0], *own, *others[1:]],
        calls=TASKS * times,
        budgets=BUDGETS[world.database],
        lacking=world.lacking("tasks64"),
    )
