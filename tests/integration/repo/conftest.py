"""A table to write on, in a database of each kind."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.repo.notes import Notes, opened


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
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
