"""A thousand rows of five columns that cost nothing to decode, to structs."""

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import NAMES, level, plain
from benchmarks.schemas import Journal
from benchmarks.worlds import World
from ectype import from_, only

CHEAP = only(Journal.id, Journal.author_id, Journal.level, Journal.text, Journal.score)


def table(world: World) -> Table:
    """One of five levels."""
    repo = world.repo
    own = Competitor("ectype", lambda i: repo.all(from_(Journal).where(Journal.level == level(i)).select(CHEAP)))
    return Table(
        "cheap1000",
        world.database,
        world.competitors("cheap1000", own),
        lambda rows: sorted(plain(row, NAMES[:5]) for row in rows),
        budgets=[Budget(against=RAW[world.database], ratio=1.5)],
        lacking=world.lacking("cheap1000"),
    )
