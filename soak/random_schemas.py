"""Random pairs of schemas, for as long as asked: the diff leads there, finds nothing then, and leads back."""

import asyncio
import tempfile
import time
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from soak.servers import database
from tests.integration.diff.test_random_schemas import applications, convertible, leads_there_and_back, project_in

AT_ONCE = 20
EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


async def run(seconds: float) -> Iterable[str]:
    """Try pairs on SQLite for half of the time, and on PostgreSQL for the other; return how many there were.

    Raises:
        AssertionError: a pair was not reached, or not left again; the smallest one found is in the message.
    """
    on_sqlite = await asyncio.to_thread(_sqlite, seconds / 2)
    async with database() as url:
        on_postgres = await asyncio.to_thread(_postgres, url, seconds / 2)
    return [f"{on_sqlite} pairs on SQLite, {on_postgres} on PostgreSQL: all reached, and left as they were found"]


def _sqlite(seconds: float) -> int:
    def one(before: Any, after: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(leads_there_and_back(project_in(folder, f"sqlite:///{folder}/test.db"), before, after))

    return _until(time.monotonic() + seconds, one)


def _postgres(url: str, seconds: float) -> int:
    def one(before: Any, after: Any) -> None:
        assume(convertible(before, after))
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_emptied(folder, url, before, after))

    return _until(time.monotonic() + seconds, one)


async def _emptied(folder: str, url: str, before: Any, after: Any) -> None:
    project = project_in(folder, url)
    await project.execute(EMPTY)
    await leads_there_and_back(project, before, after)


def _until(end: float, one: Any) -> int:
    """Try pairs in batches, each with a seed of its own, until the time is over; return how many."""
    tried = 0
    quick = settings(
        max_examples=AT_ONCE,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def counted(before: Any, after: Any) -> None:
        nonlocal tried
        if time.monotonic() < end:
            one(before, after)
            tried += 1

    while time.monotonic() < end:
        try:
            seed(time.monotonic_ns())(quick(given(applications, applications)(counted)))()
        except Exception as exc:
            raise AssertionError("\n".join([str(exc), *getattr(exc, "__notes__", ())])) from exc
    return tried
