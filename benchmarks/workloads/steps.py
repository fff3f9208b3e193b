"""`repo.get` layer by layer, from the driver outwards: what a line has above the one before is what its layer costs."""

from typing import Any

from benchmarks.budgets import RAW
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import journal_key
from benchmarks.peers.drivers import MARKED, NUMBERED
from benchmarks.schemas import Journal
from benchmarks.worlds import World
from ectype import from_
from ectype.repo.select import prepare


def seen(found: Any) -> object:
    """Return the key of the row, in a list or by itself."""
    row = found[0] if isinstance(found, list) else found
    return row.id if hasattr(row, "id") else row[0]


def table(world: World) -> Table:
    """The same row by the same statement at each layer."""
    repo, raw = world.repo, world.peer(RAW[world.database]).on
    engine: Any = repo._engine
    prepared = prepare(engine, from_(Journal).where(Journal.id == 1).node, None)
    held: list[Any] = []

    async def connection(i: int) -> Any:
        if not held:
            held.append(await repo.adapter.connect(10))
        return await held[0].fetch(prepared.sql, (journal_key(i),), prepared.load, 15.0)

    if world.database == "PostgreSQL":
        drivers = [
            Competitor("driver: fetchrow", lambda i: raw.fetchrow(NUMBERED.get, journal_key(i))),
            Competitor("driver: fetch, our text", lambda i: raw.fetch(prepared.sql, journal_key(i))),
        ]
    else:
        drivers = [
            Competitor(
                "driver, on its own thread", lambda i: raw.execute(MARKED.get, (journal_key(i),)).fetchall(), sync=True
            )
        ]
    return Table(
        "steps",
        world.database,
        [
            *drivers,
            Competitor("connection: thread, deadline, load", connection),
            Competitor(
                "session: checkout",
                lambda i: engine.session.fetch(prepared.sql, (journal_key(i),), prepared.load, None),
            ),
            Competitor("engine: telemetry", lambda i: engine.fetch(prepared, (journal_key(i),), engine.usual)),
            Competitor("repo.get: options, plan, dump", lambda i: repo.get(Journal, journal_key(i))),
        ],
        seen,
    )
