"""A sandboxed repo on each database; the database is the same for all tests, since none leaves anything behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ectype import Repo, from_
from tests.databases import PostgresServer, run
from tests.integration.sandbox.people import Note, Person, create_tables

BOTH = [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"]


@pytest.fixture(scope="session")
def postgres_people(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    run(create_tables(url))
    return url


@pytest.fixture(scope="session")
def sqlite_people(tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("people") / "people.db"
    run(create_tables(f"sqlite:///{file}"))
    return f"sqlite:///{file}"


@pytest.fixture(params=BOTH)
def people_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_people")
    return url


async def _sandboxed(url: str) -> AsyncIterator[Repo]:
    async with Repo(url, pool_size=4, timeout=30, sandbox=True) as repo:
        yield repo
    async with Repo(url) as outside:
        assert await outside.all(from_(Person).select(Person.name)) == []
        assert await outside.all(Note) == []


@pytest.fixture
async def repo(people_url: str) -> AsyncIterator[Repo]:
    """A repo with four connections; at the end of the test nothing may be in the database."""
    async for one in _sandboxed(people_url):
        yield one


@pytest.fixture
async def postgres_repo(postgres_people: str) -> AsyncIterator[Repo]:
    """The same on PostgreSQL alone."""
    async for one in _sandboxed(postgres_people):
        yield one
