"""A thousand rows of six columns, one of them a timestamp, to structs."""

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import level, plain
from benchmarks.schemas import Journal
from benchmarks.worlds import World
from ectype import from_

RATIO = {"PostgreSQL": 0.85, "SQLite": 1.5}


def table(world: World) -> Table:
    """One of five levels."""
    repo = world.repo
    own = Competitor("ectype", lambda i: repo.all(from_(Journal).where(Journal.level == level(i))))
    return Table(
        "sel1000",
        world.database,
        world.competitors("sel1000", own),
        lambda rows: sorted(plain(row) for row in rows),
        budgets=[Budget(against=RAW[world.database], ratio=RATIO[world.database])],
        lacking=world.lacking("sel1000"),
    )
