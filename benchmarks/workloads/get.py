"""One row by its primary key, to a struct."""

from benchmarks.budgets import Budget
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import journal_key, plain
from benchmarks.schemas import Journal
from benchmarks.worlds import World

BUDGETS = {
    "PostgreSQL": (Budget(against="raw asyncpg", above=5), Budget(against="asyncpg.Pool", ratio=0.45)),
    "SQLite": (Budget(against="aiosqlite", ratio=0.35),),
}


def table(world: World) -> Table:
    """Key `i % 5000 + 1` of five thousand."""
    repo = world.repo
    own = Competitor("ectype", lambda i: repo.get(Journal, journal_key(i)))
    others = [
        Competitor(one.name, lambda i, fetch=one.fetch: fetch(journal_key(i)), one.sync, one.objects)
        for one in world.peers
    ]
    competitors = [others[0], own, *others[1:]]
    return Table(
        "get", world.database, competitors, plain, budgets=BUDGETS[world.database], lacking=world.lacking("get")
    )
