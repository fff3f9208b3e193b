"""Tables to write on, in a database of each kind: `notes` for transactions, the blog for everything else."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ectype import Repo, migrations, telemetry
from ectype.adapters.registry import adapter_for
from ectype.telemetry import QueryEvent
from tests.databases import run
from tests.integration.repo import blog
from tests.integration.repo.notes import Notes, opened

CONTROL = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
BOTH = [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"]


@pytest.fixture(params=BOTH)
async def notes(request: pytest.FixtureRequest) -> AsyncIterator[Notes]:
    """The table `notes` and a session with four connections, once on each database; checked to be clean at the end."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    async with opened(url) as notes:
        yield notes


@pytest.fixture
async def postgres_notes(postgres_url: str) -> AsyncIterator[Notes]:
    """The same on PostgreSQL alone."""
    async with opened(postgres_url) as notes:
        yield notes


async def _migrated(url: str) -> None:
    async with Repo(url) as repo:
        await migrations.up(repo, 1, blog)


@pytest.fixture(scope="session")
def postgres_blog(postgres_url: str) -> Iterator[str]:
    """The blog's tables in a schema of their own, once a run."""
    name = f"blog_{uuid.uuid4().hex[:12]}"
    run(_script(postgres_url, f"CREATE SCHEMA {name}"))
    url = f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3D{name}"
    run(_migrated(url))
    yield url
    run(_script(postgres_url, f"DROP SCHEMA {name} CASCADE"))


async def _script(url: str, sql: str) -> None:
    connection = await adapter_for(url).connect(10)
    await connection.script(sql)
    await connection.close()


@pytest.fixture(scope="session")
def sqlite_blog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the blog's tables, to be copied."""
    path = tmp_path_factory.mktemp("blog") / "blog.db"
    run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=BOTH)
def blog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The blog's tables, empty, once on each database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_blog")
        yield url
        run(_script(url, "; ".join(f"DELETE FROM {table}" for table in blog.TABLES)))
        return
    path = tmp_path / "blog.db"
    shutil.copy(request.getfixturevalue("sqlite_blog"), path)
    yield f"sqlite:///{path}"


@pytest.fixture
async def repo(blog_url: str) -> AsyncIterator[Repo]:
    """A repo over the blog's tables."""
    async with Repo(blog_url, pool_size=4) as repo:
        yield repo
        # What a test said as text has left connections to be reset.
        while repo.pool.report().opening:
            await asyncio.sleep(0.001)


@pytest.fixture
def events() -> Iterator[list[QueryEvent]]:
    """What the repo tells of its statements from here on, without those that begin and end transactions."""
    seen: list[QueryEvent] = []

    def keep(event: QueryEvent) -> None:
        if event.operation.split()[0] not in CONTROL:
            seen.append(event)

    with telemetry.attach("ectype.repo.query", keep):
        yield seen


@pytest.fixture
def all_events() -> Iterator[list[QueryEvent]]:
    """The same with those that begin and end transactions."""
    seen: list[QueryEvent] = []
    with telemetry.attach("ectype.repo.query", seen.append):
        yield seen
