"""The method: competitors interleaved in one process, wall and client CPU, medians of ratios within a round.

All competitors of a table run A B C … then … C B A, round after round. A ratio is competitor ÷ baseline within one
round, so that a machine that is slow for a while is slow for both. The batch of each competitor is long enough to be
timed, the first is thrown away, and the garbage is collected before each batch while the collector stays on.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

BATCH_SECONDS = 0.045
LEAST, MOST = 3, 3_000


@dataclass(frozen=True)
class Competitor:
    """One way to do the work: `run(i)` does iteration `i`; a coroutine is awaited."""

    name: str
    run: Callable[[int], Any]
    sync: bool = False


@dataclass(frozen=True)
class Table:
    """Competitors over the same work; the first is the baseline that ratios are taken against.

    `reset` brings back what a batch has written, before each batch and outside its time; `calls` is how many calls
    are one iteration, whose figures are those of one call.
    """

    workload: str
    database: str
    competitors: Sequence[Competitor]
    check: Callable[[Any], object] = lambda result: result
    """What must be equal among competitors: a sanity check that all did the same work."""
    reset: Callable[[], Awaitable[None]] | None = None
    calls: int = 1


@dataclass
class Figures:
    """What was measured for one competitor, a value a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One line of a report: microseconds a call, and ratios to the baseline as median, least and most."""

    workload: str
    database: str
    name: str
    wall_us: float
    cpu_us: float
    wall_ratio: tuple[float, float, float]
    cpu_ratio: tuple[float, float, float]


async def measure(table: Table, rounds: int) -> list[Row]:
    """Run a table and return its rows.

    Raises:
        AssertionError: when competitors do not give the same result.
    """
    await _check(table)
    sizes = {one.name: await _size(table, one) for one in table.competitors}
    figures = {one.name: Figures() for one in table.competitors}
    for number in range(rounds):
        order = table.competitors if number % 2 == 0 else list(reversed(table.competitors))
        for one in order:
            wall, cpu = await _batch(table, one, sizes[one.name])
            figures[one.name].wall.append(wall / table.calls)
            figures[one.name].cpu.append(cpu / table.calls)
    base = figures[table.competitors[0].name]
    return [_row(table, one.name, figures[one.name], base) for one in table.competitors]


async def _check(table: Table) -> None:
    results: list[tuple[str, object]] = []
    for one in table.competitors:
        if table.reset is not None:
            await table.reset()
        results.append((one.name, table.check(await _once(one, 7))))
    for name, result in results[1:]:
        assert result == results[0][1], f"{table.workload}: {name} gave {result!r:.200}, {results[0]!r:.200}"


async def _once(one: Competitor, i: int) -> Any:
    result = one.run(i)
    return result if one.sync else await result


async def _size(table: Table, one: Competitor) -> int:
    await _once(one, 1)
    started = time.perf_counter()
    for i in range(LEAST):
        await _once(one, i)
    each = (time.perf_counter() - started) / LEAST
    size = max(LEAST, min(MOST, int(BATCH_SECONDS / max(each, 1e-9))))
    await _batch(table, one, size)
    return size


async def _batch(table: Table, one: Competitor, size: int) -> tuple[float, float]:
    if table.reset is not None:
        await table.reset()
    gc.collect()
    run: Callable[[int], Awaitable[Any]] = one.run
    wall, cpu = time.perf_counter(), time.process_time()
    if one.sync:
        for i in range(size):
            run(i)
    else:
        for i in range(size):
            await run(i)
    return (time.perf_counter() - wall) / size, (time.process_time() - cpu) / size


def _row(table: Table, name: str, mine: Figures, base: Figures) -> Row:
    return Row(
        table.workload,
        table.database,
        name,
        statistics.median(mine.wall) * 1e6,
        statistics.median(mine.cpu) * 1e6,
        _ratio(mine.wall, base.wall),
        _ratio(mine.cpu, base.cpu),
    )


def _ratio(mine: list[float], base: list[float]) -> tuple[float, float, float]:
    ratios = [a / b if b else float("nan") for a, b in zip(mine, base, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


async def warm_up(seconds: float = 0.3) -> None:
    """Spin, so that the processor is awake before the first table."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await asyncio.sleep(0)
