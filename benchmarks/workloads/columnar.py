"""Five thousand rows of six columns as a table for analytics, beside pandas and the drivers that make columns."""

from typing import Any

import adbc_driver_postgresql.dbapi as adbc_postgres
import adbc_driver_sqlite.dbapi as adbc_sqlite
import pandas
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
    if isinstance(found, pandas.DataFrame):
        return len(found), int(found["id"].sum()), float(found["score"].sum())
    columns = found.to_pydict() if hasattr(found, "to_pydict") else found.to_dict(as_series=False)
    return len(found), sum(columns["id"]), sum(columns["score"])


def table(world: World) -> Table:
    """The whole table; ADBC and pandas read synchronously, and SQLite's ADBC leaves moments as text."""
    repo = world.repo
    raw: Any = world.peer(RAW[world.database])
    if world.database == "PostgreSQL":
        connection: Any = adbc_postgres.connect(world.url)
        engine: Any = create_engine(world.url.replace("postgresql://", "postgresql+psycopg://"))
        fetch = Competitor(raw.name, lambda _i: raw.on.fetch(SQL))
    else:
        connection = adbc_sqlite.connect(world.url)
        engine = create_engine(f"sqlite:///{world.url}")
        fetch = Competitor(raw.name, lambda _i: raw.on.execute(SQL).fetchall(), sync=True)

    def adbc(_i: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(SQL)
            return cursor.fetch_arrow_table()

    def read_sql(_i: int) -> Any:
        with engine.connect() as held:
            return pandas.read_sql(SQL, held, parse_dates=["timestamp"])

    async def structs(_i: int) -> Any:
        return [(one.id, 0, 0, 0, one.score) for one in await repo.all(Journal)]

    competitors = [
        fetch,
        Competitor("ectype", lambda _i: repo.to_arrow(Journal)),
        Competitor("ectype, to_polars", lambda _i: repo.to_polars(Journal)),
        Competitor("ectype, all", structs),
        Competitor("pandas.read_sql", read_sql, sync=True, objects=True),
        Competitor("ADBC", adbc, sync=True),
    ]
    return Table("columnar", world.database, competitors, seen)
