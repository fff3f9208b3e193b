"""Twenty rows by two conditions, in order, to structs."""

from typing import Any

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import LEAST, LIMIT, level, plain
from benchmarks.schemas import Journal
from benchmarks.worlds import World
from ectype import from_


def table(world: World) -> Table:
    """One of five levels, a least score, ordered by key."""
    repo = world.repo

    def run(i: int) -> Any:
        query = from_(Journal).where(Journal.level == level(i), Journal.score > LEAST).order_by(Journal.id)
        return repo.all(query.limit(LIMIT))

    limit = {"PostgreSQL": 1.15}.get(world.database)
    return Table(
        "sel20",
        world.database,
        world.competitors("sel20", Competitor("ectype", run)),
        lambda rows: [plain(row) for row in rows],
        budgets=[] if limit is None else [Budget(against=RAW[world.database], ratio=limit)],
        lacking=world.lacking("sel20"),
    )
