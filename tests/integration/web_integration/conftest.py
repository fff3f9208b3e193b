"""Several PubSubs on one bus, as several processes would have: in one process, over PostgreSQL, over Redis."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ectype import Repo
from ectype.web_integration import PostgresBus, PubSub
from ectype.web_integration.pubsub.redis import RedisBus

CEILING_SECONDS = 20
REDIS_VARIABLE = "ECTYPE_TEST_REDIS_URL"


async def until(test: Callable[[], object]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(CEILING_SECONDS):
        while not test():
            await asyncio.sleep(0.005)


@pytest.fixture
def redis_url() -> str:
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        pytest.skip(f"no Redis: {REDIS_VARIABLE} names none")
    return url


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "redis"])
def make_bus(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """A function that makes one more bus to the same others."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        return lambda: RedisBus(url, channel=name)
    repo = request.getfixturevalue("repo")
    return lambda: PostgresBus(repo, channel=name)


@pytest.fixture
async def repo(fresh_postgres_url: str) -> AsyncIterator[Repo]:
    async with Repo(fresh_postgres_url, pool_size=4) as repo:
        yield repo


@pytest.fixture
async def pubsub(make_bus: Callable[[], Any]) -> AsyncIterator[Callable[..., Any]]:
    """A function that opens one more PubSub among the same others."""
    async with AsyncExitStack() as stack:

        async def open_one(**options: Any) -> PubSub:
            return await stack.enter_async_context(PubSub(bus=make_bus(), **options))

        yield open_one
