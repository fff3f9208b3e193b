"""A repo for each tenant, each in the sandbox: owners are of one tenant's repo, and their rows of nobody else."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ectype import OwnershipError, PoolTimeoutError, Repo, Repos, from_, sandbox
from tests.databases import PostgresServer, run
from tests.integration.sandbox.conftest import BOTH
from tests.integration.sandbox.people import Person, create_tables, named

SECONDS = 30.0
"""The ceiling of what must end."""
TENANTS = ("acme", "bolt")

Tenants = Repos[str, Repo]


@pytest.fixture(params=BOTH)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """A database with the same tables for each tenant."""
    if request.param == "sqlite":
        template = str(request.getfixturevalue("sqlite_people")).removeprefix("sqlite:///")
        for tenant in TENANTS:
            shutil.copy(template, tmp_path / f"{tenant}.db")
        return {tenant: f"sqlite:///{tmp_path / tenant}.db" for tenant in TENANTS}
    return request.getfixturevalue("postgres_tenants")


@pytest.fixture(scope="session")
def postgres_tenants(postgres_server: PostgresServer) -> dict[str, str]:
    found = {tenant: postgres_server.create_database() for tenant in TENANTS}
    for url in found.values():
        run(create_tables(url))
    return found


@pytest.fixture
def make(urls: dict[str, str]) -> Callable[[str], Repo]:
    return lambda tenant: Repo(urls[tenant], name=tenant, pool_size=4, timeout=30, sandbox=True)


@pytest.fixture
async def repos(urls: dict[str, str], make: Callable[[str], Repo]) -> AsyncIterator[Tenants]:
    """The tenants' repos; at the end of the test nothing may be in any database."""
    async with Repos(make, timeout=SECONDS) as repos:
        yield repos
    for url in urls.values():
        async with Repo(url) as outside:
            assert await names(outside) == []


async def names(repo: Repo) -> list[str]:
    return await repo.all(from_(Person).select(Person.name).order_by(Person.name))


async def add(repos: Tenants, tenant: str, name: str) -> list[str]:
    """What an application does for one request: it knows the tenants' repos, and nothing of a sandbox."""
    async with repos.use(tenant) as repo, repo.transaction():
        await repo.insert(named(name))
        return await names(repo)


async def test_each_tenant_has_an_owner_of_its_own(repos: Tenants):
    async with (
        repos.use("acme") as acme,
        repos.use("bolt") as bolt,
        sandbox(acme),
        sandbox(bolt),
    ):
        assert await add(repos, "acme", "Ada") == ["Ada"]
        # A name that only one of the two databases has may be used again.
        assert await add(repos, "bolt", "Ada") == ["Ada"]
        assert await asyncio.gather(add(repos, "acme", "Bo"), add(repos, "bolt", "Cy")) == [
            ["Ada", "Bo"],
            ["Ada", "Cy"],
        ]


async def test_the_owner_of_one_tenant_is_none_of_another(repos: Tenants):
    async with repos.use("acme") as acme, sandbox(acme, name="test of acme"):
        with pytest.raises(OwnershipError, match="has no owner"):
            await add(repos, "bolt", "Ada")
        assert await add(repos, "acme", "Ada") == ["Ada"]


async def test_scenarios_that_run_at_once_see_their_own_rows_of_each_tenant(repos: Tenants):
    written = asyncio.Barrier(3)

    async def scenario(name: str) -> list[list[str]]:
        async with repos.use("acme") as acme, repos.use("bolt") as bolt, sandbox(acme), sandbox(bolt):
            await add(repos, "acme", f"{name} at acme")
            await add(repos, "bolt", f"{name} at bolt")
            await written.wait()
            return [await names(acme), await names(bolt)]

    async with asyncio.timeout(SECONDS):
        found = await asyncio.gather(*(scenario(name) for name in ("x", "y", "z")))
    assert found == [[[f"{name} at acme"], [f"{name} at bolt"]] for name in ("x", "y", "z")]


async def test_a_repo_that_is_opened_under_the_owner_of_another_tenant_has_none(repos: Tenants):
    async with repos.use("acme") as acme, sandbox(acme):
        async with repos.use("bolt") as bolt:
            with pytest.raises(OwnershipError):
                await names(bolt)
            async with sandbox(bolt):
                assert await add(repos, "bolt", "Ada") == ["Ada"]
        with pytest.raises(OwnershipError):
            await add(repos, "bolt", "Bo")


async def test_a_repo_whose_owner_lives_is_not_closed_to_make_room(urls: dict[str, str], make: Callable[[str], Repo]):
    async with Repos(make, limit=1, timeout=0.1) as repos:
        async with repos.use("acme") as acme, sandbox(acme):
            await add(repos, "acme", "Ada")
            with pytest.raises(PoolTimeoutError, match="all 1 repos"):
                await add(repos, "bolt", "Bo")
            assert await add(repos, "acme", "Cy") == ["Ada", "Cy"]
        async with repos.use("bolt") as bolt, sandbox(bolt):
            assert await add(repos, "bolt", "Bo") == ["Bo"]
        assert repos.keys == ("bolt",)
        async with repos.use("acme") as again, sandbox(again):
            assert await names(again) == []


async def test_closing_the_repos_ends_their_owners(urls: dict[str, str], make: Callable[[str], Repo]):
    repos: Tenants = Repos(make)
    entered = asyncio.Event()

    async def scenario() -> None:
        async with repos.use("acme") as acme, sandbox(acme):
            await add(repos, "acme", "Ada")
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(scenario())
    await entered.wait()
    async with asyncio.timeout(SECONDS):
        await repos.close()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    async with Repo(urls["acme"]) as outside:
        assert await names(outside) == []
