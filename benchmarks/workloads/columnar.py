"""Five thousand rows of six columns as a table for analytics, beside pandas and the drivers that make columns."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sqlalchemy import create_engine

from benchmarks.budgets import RAW
from benchmarks.harness import Competitor, Table
from benchmarks.inputs import COLUMNS
from benchmarks.schemas import Journal
from benchmarks.worlds import World

SQL = f"SELECT {COLUMNS} FROM journal"


def seen(found: Any) -> object:
    """Return how many rows there are, and sums of two columns."""
    if isinstance(found, list):
        return len(found), sum(row[0] for row in found), sum(row[4] for row in found)
    if hasattr(found, "to_pydict"):
        columns = found.to_pydict()
    else:
        columns = {name: found[name].to_list() for name in ("id", "score")}
    return len(found), sum(columns["id"]), sum(columns["score"])


def _adbc(world: World) -> Callable[[int], Any]:
    name = "postgresql" if world.database == "PostgreSQL" else "sqlite"
    connection: Any = import_module(f"adbc_driver_{name}.dbapi").connect(world.url)

    def run(_i: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(SQL)
            return cursor.fetch_arrow_table()

    return run


def _pandas(world: World) -> Callable[[int], Any]:
    pandas: Any = import_module("pandas")
    postgres = world.database == "PostgreSQL"
    url = world.url.replace("postgresql://", "postgresql+psycopg://") if postgres else f"sqlite:///{world.url}"
    engine = create_engine(url)

    def run(_i: int) -> Any:
        with engine.connect() as held:
            return pandas.read_sql(SQL, held, parse_dates=["timestamp"])

    return run


def table(world: World) -> Table:
    """The whole table; ADBC and pandas read synchronously, and SQLite's ADBC leaves moments as text."""
    repo = world.repo
    raw: Any = world.peer(RAW[world.database])
    fetch = (
        Competitor(raw.name, lambda _i: raw.on.fetch(SQL))
        if world.database == "PostgreSQL"
        else Competitor(raw.name, lambda _i: raw.on.execute(SQL).fetchall(), sync=True)
    )

    async def structs(_i: int) -> Any:
        return [(one.id, 0, 0, 0, one.score) for one in await repo.all(Journal)]

    competitors = [
        fetch,
        Competitor("ectype", lambda _i: repo.to_arrow(Journal)),
        Competitor("ectype, to_polars", lambda _i: repo.to_polars(Journal)),
        Competitor("ectype, all", structs),
    ]
    lacking: dict[str, str] = {}
    for name, make, objects in (("pandas.read_sql", _pandas, True), ("ADBC", _adbc, False)):
        try:
            competitors.append(Competitor(name, make(world), sync=True, objects=objects))
        except ImportError as exc:
            lacking[name] = f"not installed: {exc}"
    return Table("columnar", world.database, competitors, seen, lacking=lacking)
