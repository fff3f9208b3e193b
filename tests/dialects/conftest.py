"""Databases with the tables of `world`, and `expect_sql` over them."""

import sqlite3
from collections.abc import Iterator

import pytest

from ectype.sql.dialect import SQLITE
from tests.databases import PostgresServer
from tests.dialects.expecting import ExpectSql, Postgres
from tests.dialects.rows import seeds
from tests.dialects.world import TABLES, create_table


@pytest.fixture(scope="session")
def sqlite() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("ATTACH ':memory:' AS wiki")
    for table in TABLES:
        connection.execute(create_table(table, SQLITE))
        connection.execute(create_table(table, SQLITE, prefix="wiki"))
    for sql, params in seeds(SQLITE):
        connection.execute(sql, params)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres | str]:
    """The connection, or why there is none."""
    try:
        server: PostgresServer = request.getfixturevalue("postgres_server")
    except pytest.skip.Exception as exc:
        yield str(exc)
        return
    url = server.create_database()
    database = Postgres(url)
    yield database
    database.close()
    server.drop_database(url)


@pytest.fixture
def expect_sql(sqlite: sqlite3.Connection, postgres: Postgres | str) -> ExpectSql:
    """Compare and run one statement on every database: see `ExpectSql.__call__`."""
    return ExpectSql(sqlite, postgres)
