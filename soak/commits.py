"""Many COMMITs that meet faults: each is reported right or as unknown, and `resolve` is right every time."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

from ectype import Repo
from tests.databases import PostgresServer
from tests.integration.repo.commit_proxy import FAULTS, proxied
from tests.integration.repo.test_transaction_unknown import ENDS, WORK, make, meet

TASKS = 8


async def run(seconds: float) -> Iterable[str]:
    """Let transactions meet random faults for so long, and return how they ended.

    Raises:
        AssertionError: one was told wrongly.
    """
    server = PostgresServer()
    try:
        url = await asyncio.to_thread(server.create_database)
        ends = await _rounds(url, seconds)
    finally:
        await asyncio.to_thread(server.stop)
    asked = sum(count for (_, end), count in ends.items() if end in ("committed", "rolled back"))
    lines = [f"{sum(ends.values())} transactions, {asked} of them unknown and resolved right, 0 wrong"]
    return [*lines, *(f"{fault}: {end} {count} times" for (fault, end), count in sorted(ends.items()))]


async def _rounds(url: str, seconds: float) -> Counter[tuple[str, str]]:
    ends: Counter[tuple[str, str]] = Counter()
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def worker(number: int) -> None:
        dice = random.Random(number)
        key = number
        while loop.time() < end:
            key += TASKS
            fault = dice.choice(FAULTS)
            async with proxied(url) as proxy:
                how = await meet(proxy, entries, dice.choice(WORK), fault, key)
            assert how in ENDS[fault], (fault, how)
            ends[fault, how] += 1

    async with Repo(url, pool_size=TASKS) as entries:
        await make(entries)
        async with asyncio.TaskGroup() as group:
            for number in range(1, TASKS + 1):
                group.create_task(worker(number))
    return ends
