"""Ten times the load that can be sustained: what those that are served wait, and what becomes of the rest.

The load is open: calls come at their own rate, whatever becomes of those before them. A call's time runs from the
moment it should have begun to its last row, so that a late event loop counts too. A statement sleeps on the server, so
that the pool is what is scarce, and neither the server's processors nor the client's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import asyncpg

from ectype import Field, PoolTimeoutError, Repo, Schema, field, fragment, from_

SIZE = 5
TARGET = 0.05
TIMES = 10
GIVE_UP_SECONDS = 2.0
"""How long a call of a pool that refuses nothing waits."""


class Method(Schema, table="pg_am", prefix="pg_catalog"):
    """A table that every server has, for a statement of one row."""

    amname: Field[str] = field(primary_key=True)


SLEEP = from_(Method).limit(1).select(fragment("pg_sleep(0.01)::text").as_type(str))


@dataclass(frozen=True)
class Outcome:
    """What became of an open load; times in seconds."""

    offered: int
    served: int
    refused: int
    per_second: float
    p50: float
    p99: float
    worst: float
    refused_p50: float
    refused_p99: float

    def __str__(self) -> str:
        return (
            f"{self.offered:,} offered, {self.served:,} served ({self.per_second:.0f}/s): p50 {self.p50 * 1e3:.0f}, "
            f"p99 {self.p99 * 1e3:.0f}, worst {self.worst * 1e3:.0f} ms; {self.refused:,} refused after "
            f"p50 {self.refused_p50 * 1e3:.1f}, p99 {self.refused_p99 * 1e3:.0f} ms"
        )


async def peak(call: Callable[[], Awaitable[object]], workers: int, seconds: float) -> float:
    """Return how many calls a second so many workers make, one after the other."""
    done = 0
    end = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(workers)))
    return done / (time.perf_counter() - began)


async def flood(
    call: Callable[[], Awaitable[object]], rate: float, seconds: float, refusal: type[Exception]
) -> Outcome:
    """Offer `rate` calls a second for so long, wait for the last, and return what became of them."""
    waits: list[float] = []
    refusals: list[float] = []
    last = 0.0

    async def one(due: float) -> None:
        nonlocal last
        try:
            await call()
        except refusal:
            refusals.append(time.perf_counter() - due)
        else:
            last = time.perf_counter()
            waits.append(last - due)

    began = time.perf_counter()
    offered = 0
    tasks: set[asyncio.Task[None]] = set()
    while (now := time.perf_counter() - began) < seconds:
        while offered < now * rate:
            task = asyncio.create_task(one(began + offered / rate))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            offered += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return Outcome(
        offered,
        len(waits),
        len(refusals),
        len(waits) / max(last - began, seconds),
        _part(waits, 50),
        _part(waits, 99),
        max(waits, default=0.0),
        _part(refusals, 50),
        _part(refusals, 99),
    )


def _part(values: list[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1] if len(values) > 1 else 0.0


async def ectype(url: str, seconds: float, times: float = TIMES) -> tuple[float, Outcome]:
    """Return the peak rate, and what becomes of a load of `times` as much, through a `Repo`."""
    async with Repo(url, pool_size=SIZE, queue_target=TARGET, name="flooded") as repo:

        async def call() -> Any:
            return await repo.all(SLEEP)

        best = await peak(call, SIZE, min(seconds, 3.0))
        return best, await flood(call, best * times, seconds, PoolTimeoutError)


async def bare(url: str, seconds: float, times: float = TIMES) -> tuple[float, Outcome]:
    """The same through `asyncpg.Pool`, whose calls give up after two seconds."""
    async with asyncpg.create_pool(url, min_size=SIZE, max_size=SIZE) as pool:
        statement = 'SELECT pg_sleep(0.01)::text FROM "pg_catalog"."pg_am" LIMIT 1'

        async def call() -> Any:
            async with pool.acquire(timeout=GIVE_UP_SECONDS) as connection:
                return await connection.fetch(statement)

        best = await peak(call, SIZE, min(seconds, 3.0))
        return best, await flood(call, best * times, seconds, TimeoutError)


async def notes(url: str, seconds: float) -> list[str]:
    """Return a line for each of the two."""
    lines: list[str] = []
    for name, run in (("ectype", ectype), ("asyncpg.Pool", bare)):
        best, outcome = await run(url, seconds)
        lines.append(f"overload, {TIMES} × {best:.0f}/s for {seconds:g} s, {name}: {outcome}")
    return lines
