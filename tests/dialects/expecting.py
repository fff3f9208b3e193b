"""`ExpectSql`: the text and the parameters of one statement on every database, and that the databases take them.

Every text that a test expects is also run, with its parameters, on a real SQLite and, where there is one, on a real
PostgreSQL; what it writes is rolled back.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from ectype import Query
from ectype.adapters.base import Begin, Connection
from ectype.adapters.registry import adapter_for
from ectype.errors import EctypeError
from ectype.query.ast import steps
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect
from tests.dialects.rows import seeds
from tests.dialects.world import TABLES, create_table

Params: TypeAlias = tuple[object, ...]
Written: TypeAlias = Callable[[Dialect], tuple[str, Params]]
"""A statement that is no query: what it is on a dialect."""


@dataclass(frozen=True)
class Refused:
    """What a test expects where a database, or every one, cannot do it."""

    error: type[EctypeError]
    message: str


class Postgres:
    """One connection to a scratch database, driven from tests that are not async."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection: Connection = self.loop.run_until_complete(adapter_for(url).connect(10))
        wiki = [create_table(table, POSTGRES, prefix="wiki") for table in TABLES]
        self.do(self.connection.script(";".join(["CREATE SCHEMA wiki", *wiki])))
        self.do(self.connection.script(";".join(create_table(table, POSTGRES) for table in TABLES)))
        for sql, params in seeds(POSTGRES):
            self.do(self.connection.execute(sql, params))

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def run(self, sql: str, params: Params, load: Callable[[list[Any]], list[Any]] = list) -> list[Any]:
        self.do(self.connection.begin(Begin()))
        try:
            found: list[Any] = self.do(self.connection.fetch(sql, params, load))
            return found
        finally:
            self.do(self.connection.rollback())

    def close(self) -> None:
        self.do(self.connection.close())
        self.loop.close()


def run_on_sqlite(connection: sqlite3.Connection, sql: str, params: Params) -> list[tuple[Any, ...]]:
    connection.execute(f"EXPLAIN {sql}", params).fetchall()
    connection.execute("SAVEPOINT test")
    try:
        return connection.execute(sql, params).fetchall()
    finally:
        connection.execute("ROLLBACK TO test")
        connection.execute("RELEASE test")


class ExpectSql:
    """See the module."""

    def __init__(self, sqlite: sqlite3.Connection, postgres: Postgres | str) -> None:
        self.sqlite = sqlite
        self.postgres = postgres

    def __call__(
        self,
        statement: Query[Any, Any, Any] | Written | Callable[[], Query[Any, Any, Any]],
        postgres: str | Refused,
        sqlite: str | Refused | None = None,
        *,
        params: Params = (),
        sqlite_params: Params | None = None,
        rows: list[Any] | None = None,
    ) -> None:
        """Compare the text and parameters on both databases, then run them over the rows of `tests.dialects.rows`.

        Args:
            statement: a query, or a function that gives the text and parameters on a dialect.
            postgres: the text on PostgreSQL, or the error.
            sqlite: the same on SQLite; without it the text of PostgreSQL, with `?1` for `$1`.
            params: what the driver of PostgreSQL gets.
            sqlite_params: the same on SQLite, where they differ.
            rows: what a query gives, loaded, on every database; in any order unless the query has one.
        """
        wanted = re.sub(r"\$(\d+)", r"?\1", postgres) if sqlite is None and isinstance(postgres, str) else sqlite
        there = self._compare(statement, SQLITE, postgres if wanted is None else wanted, sqlite_params or params)
        if there is not None:
            self._check(statement, SQLITE, run_on_sqlite(self.sqlite, *there), rows)
        there = self._compare(statement, POSTGRES, postgres, params)
        if there is None:
            return
        if isinstance(self.postgres, str):
            pytest.skip(f"the texts are right, but not run on PostgreSQL: {self.postgres}")
        self._check(statement, POSTGRES, self.postgres.run(*there), rows)

    @staticmethod
    def _check(statement: Any, dialect: Dialect, found: list[Any], rows: list[Any] | None) -> None:
        if rows is None:
            return
        assert isinstance(statement, Query), "`rows` are those of a query"
        compiled = compile_select(statement.node, dialect)
        loaded = build(compiled.columns, compiled.row)(found)
        if not any(step.kind == "order" for step in steps(statement.node)):
            loaded, rows = sorted(loaded, key=repr), sorted(rows, key=repr)
        assert loaded == rows

    def _compare(
        self, statement: Any, dialect: Dialect, wanted: str | Refused, params: Params
    ) -> tuple[str, Params] | None:
        if isinstance(wanted, Refused):
            with pytest.raises(wanted.error, match=re.escape(wanted.message)):
                self._text(statement, dialect)
            return None
        got = self._text(statement, dialect)
        assert got == (wanted, params)
        return got

    @staticmethod
    def _text(statement: Any, dialect: Dialect) -> tuple[str, Params]:
        return statement.to_sql(dialect) if isinstance(statement, Query) else statement(dialect)


def raising(text: str, what: str, test: str) -> str:
    """Return the text on SQLite of what is NULL where it ought to raise: it does, where the test holds."""
    return f"coalesce({text}, CASE WHEN {test} THEN json_extract('{{}}', 'ectype: {what}') END)"


def held(moved: str, *given: str) -> str:
    """Return the text on SQLite of a moment or day that may lie beyond the year 9999."""
    return raising(moved, "year out of range", " AND ".join(f"{one} IS NOT NULL" for one in given))


def divisor(text: str, *columns: str) -> str:
    """Return the text on SQLite of what may be zero; it counts where the columns that are divided are not NULL."""
    test = "".join(f" AND {one} IS NOT NULL" for one in columns)
    return raising(f"nullif({text}, 0)", "division by zero", f"{text} = 0{test}")
