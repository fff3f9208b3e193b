"""Random queries give the same rows on PostgreSQL, on SQLite, and in a plain Python model of SQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ectype import Repo, UnsupportedError, migrations
from ectype.migrations import Migration
from tests.integration.repo.random_meaning import rows_of
from tests.integration.repo.random_saying import A, B, query_of
from tests.integration.repo.random_sql import DATA, Plan, Tables, plans

SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


async def create_tables(m: Migration) -> None:
    with m.create_table("random_a") as t:
        t.column("x", int)
        t.column("y", int, null=False)
        t.column("name", str)
    with m.create_table("random_b") as t:
        t.column("a_id", int)
        t.column("z", int)


@asynccontextmanager
async def created(url: str) -> AsyncIterator[Repo]:
    async with Repo(url) as repo:
        await migrations.up(repo, 1, create_tables)
        yield repo


class Databases:
    """A repo on each database, driven from a test that is not async, as hypothesis wants it."""

    def __init__(self, urls: list[str]) -> None:
        self.runner = asyncio.Runner()
        self.contexts = [created(url) for url in urls]
        self.repos = [self.runner.run(context.__aenter__()) for context in self.contexts]

    def rows(self, plan: Plan, tables: Tables) -> dict[str, list[Any]]:
        """Return the rows on each database that can give them."""
        return self.runner.run(self._rows(plan, tables))

    async def _rows(self, plan: Plan, tables: Tables) -> dict[str, list[Any]]:
        query = query_of(plan)
        found: dict[str, list[Any]] = {}
        for repo in self.repos:
            name = repo.adapter.dialect.name
            if name == "SQLite" and plan.on_postgres:
                with pytest.raises(UnsupportedError):
                    repo.to_sql(query)
                continue
            async with repo.transaction() as tx:
                await repo.insert_all(A, tables["a"])
                await repo.insert_all(B, tables["b"])
                found[name] = [row if isinstance(row, tuple) else (row,) for row in await repo.all(query)]
                tx.rollback()
        return found

    def close(self) -> None:
        for context in self.contexts:
            self.runner.run(context.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def databases(postgres_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    path: Path = tmp_path_factory.mktemp("random") / "random.db"
    url = postgres_server.create_database()
    both = Databases([url, f"sqlite:///{path}"])
    yield both
    both.close()
    postgres_server.drop_database(url)


@pytest.mark.postgres
@pytest.mark.timeout(600)
@given(plan=plans(), tables=DATA)
@SETTINGS
def test_a_random_query_gives_the_same_rows_everywhere(databases: Databases, plan: Plan, tables: Tables):
    wanted = rows_of(plan, tables)
    for name, found in databases.rows(plan, tables).items():
        if plan.order:
            assert found == wanted, name
        assert Counter(found) == Counter(wanted), name
