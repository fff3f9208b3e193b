"""Random queries give the same rows on PostgreSQL, on SQLite, and in a plain Python model of SQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from ectype import Repo, migrations
from ectype.migrations import Migration
from tests.integration.repo.random_sql import DATA, A, B, Plan, Tables, counted, plans, query_of, rows_of

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


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

    def rows(self, plan: Plan, tables: Tables) -> list[list[object]]:
        return self.runner.run(self._rows(plan, tables))

    async def _rows(self, plan: Plan, tables: Tables) -> list[list[object]]:
        found: list[list[object]] = []
        for repo in self.repos:
            for model, rows in ((A, tables["a"]), (B, tables["b"])):
                await repo.delete_all(model)
                await repo.insert_all(model, rows)
            found.append(await repo.all(query_of(plan)))
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
    wanted = counted(rows_of(plan, tables))
    for found in databases.rows(plan, tables):
        assert counted(found) == wanted
