"""The method: competitors interleaved in one process, wall and client CPU, medians of ratios within a round.

All competitors of a table run A B C … then … C B A, round after round. A ratio is competitor ÷ baseline within one
round, so that a machine that is slow for a while is slow for both. The batch of each competitor is long enough to be
timed, the first is thrown away, and the garbage is collected before each batch while the collector stays on.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.budgets import Budget, Spread, Verdict
from benchmarks.yardstick import slowness

MOST = 3_000
"""Calls of a batch."""
TURNS = 400
"""Calls of each of two competitors that take turns, in a round."""


@dataclass(frozen=True)
class Pace:
    """How long a run takes: how many rounds, and how long a batch."""

    rounds: int
    batch_seconds: float
    least: int
    """Iterations of a batch, at least."""


THOROUGH = Pace(9, 0.045, 3)
QUICK = Pace(2, 0.004, 1)


@dataclass(frozen=True)
class Competitor:
    """One way to do the work: `run(i)` does iteration `i`; a coroutine is awaited.

    `objects` says that it is a peer: it returns objects of a model, and ectype is to be ahead of it.
    """

    name: str
    run: Callable[[int], Any]
    sync: bool = False
    objects: bool = False


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
    written: Callable[[], Awaitable[object]] | None = None
    """Reads what the work has left in the database, which must be equal among competitors too."""
    calls: int = 1
    budgets: Sequence[Budget] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Who does not do this work, and why."""


@dataclass
class Figures:
    """What was measured for one competitor, seconds a call, a value a round."""

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
    wall_ratio: Spread
    cpu_ratio: Spread
    above_us: Spread = (0.0, 0.0, 0.0)
    """Microseconds of CPU above the baseline."""
    objects: bool = False


@dataclass(frozen=True)
class Series:
    """How the cost of something grows: seconds of client CPU by how many there are of it.

    `exponent` is that of the power law between the largest sizes; 1 is linear.
    """

    name: str
    database: str
    unit: str
    points: Sequence[tuple[int, float]]
    exponent: float
    linear: bool


@dataclass
class Report:
    """What a run found."""

    rows: list[Row] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    lacking: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Workload, database, who, and why not."""
    notes: list[str] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    machine: str = ""
    versions: list[str] = field(default_factory=list)
    slowness: list[float] = field(default_factory=list)
    """How many times as long this machine took for the yardstick, in each round of each table."""

    def add(self, other: "Report") -> None:
        self.rows += other.rows
        self.verdicts += other.verdicts
        self.lacking += other.lacking
        self.notes += other.notes
        self.slowness += other.slowness


async def measure(table: Table, pace: Pace) -> Report:
    """Run a table and return its rows, and how it stands against its budgets.

    Raises:
        AssertionError: when competitors do not give the same result.
    """
    table = await _check(table)
    sizes = {one.name: await _size(table, one, pace) for one in table.competitors}
    figures = {one.name: Figures() for one in table.competitors}
    slow: list[float] = []
    for number in range(pace.rounds):
        slow.append(slowness())
        order = table.competitors if number % 2 == 0 else list(reversed(table.competitors))
        for one in order:
            wall, cpu = await _batch(table, one, sizes[one.name])
            figures[one.name].wall.append(wall / table.calls)
            figures[one.name].cpu.append(cpu / table.calls)
    base = figures[table.competitors[0].name]
    rows = [_row(table, one, figures[one.name], base) for one in table.competitors]
    ahead = [Budget(against=one.name, ratio=1.0, words="ahead of") for one in table.competitors if one.objects]
    verdicts: list[Verdict] = []
    for budget in [*table.budgets, *ahead]:
        if budget.who not in figures or (budget.against is not None and budget.against not in figures):
            continue
        judged = figures, slow
        if budget.above is not None:
            judged = await _alternated(table, budget, pace)
        verdicts.append(budget.judge(table.workload, table.database, *judged))
    lacking = [(table.workload, table.database, name, why) for name, why in table.lacking.items()]
    return Report(rows, verdicts, lacking, slowness=slow)


async def _check(table: Table) -> Table:
    """Return the table without libraries that fail at the work, whose errors it tells.

    Raises:
        AssertionError: when competitors do not give the same result.
    """
    results: list[tuple[Competitor, object]] = []
    lacking = dict(table.lacking)
    for one in table.competitors:
        if table.reset is not None:
            await table.reset()
        try:
            found = table.check(await once(one, 7))
        except Exception as exc:
            if not one.objects:
                raise
            lacking[one.name] = f"fails: {' '.join(repr(exc).split()):.160}"
            continue
        results.append((one, found if table.written is None else (found, await table.written())))
    for one, result in results[1:]:
        assert result == results[0][1], f"{table.workload}: {one.name} gave {result!r:.300}, {results[0][1]!r:.300}"
    return replace(table, competitors=[one for one, _ in results], lacking=lacking)


async def once(one: Competitor, i: int) -> Any:
    """Do one iteration and return its result."""
    result = one.run(i)
    return result if one.sync else await result


async def _size(table: Table, one: Competitor, pace: Pace) -> int:
    if pace is not QUICK:
        await once(one, 1)
    started = time.perf_counter()
    for i in range(pace.least):
        await once(one, i)
    each = (time.perf_counter() - started) / pace.least
    size = max(pace.least, min(MOST, int(pace.batch_seconds / max(each, 1e-9))))
    if pace is not QUICK:
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


async def _alternated(table: Table, budget: Budget, pace: Pace) -> tuple[dict[str, Figures], list[float]]:
    """Return the figures of two competitors that take turns call by call, and the slowness of each round.

    A batch of a small statement costs half or twice as much as the next, by which processor the server's process is
    on: more than what one competitor costs above the other. Calls that take turns meet the same, and the median of
    each is that of the same moments.
    """
    pair = [next(one for one in table.competitors if one.name == name) for name in (budget.who, budget.against)]
    figures = {one.name: Figures() for one in pair}
    slow: list[float] = []
    for number in range(pace.rounds):
        slow.append(slowness())
        if table.reset is not None:
            await table.reset()
        gc.collect()
        took: dict[str, list[float]] = {one.name: [] for one in pair}
        for i in range(TURNS if pace is not QUICK else pace.least):
            for turn, one in enumerate(pair if number % 2 == 0 else reversed(pair)):
                # Each its own row: a change that the other has just written would be none, and not be sent.
                row = i * len(pair) + turn
                started = time.process_time()
                await once(one, row)
                took[one.name].append(time.process_time() - started)
        for one in pair:
            figures[one.name].cpu.append(statistics.median(took[one.name]))
    return figures, slow


def _row(table: Table, one: Competitor, mine: Figures, base: Figures) -> Row:
    return Row(
        table.workload,
        table.database,
        one.name,
        statistics.median(mine.wall) * 1e6,
        statistics.median(mine.cpu) * 1e6,
        ratio(mine.wall, base.wall),
        ratio(mine.cpu, base.cpu),
        spread([(a - b) * 1e6 for a, b in zip(mine.cpu, base.cpu, strict=True)]),
        one.objects,
    )


def ratio(mine: list[float], base: list[float]) -> Spread:
    """Return the ratios of equal rounds as median, least and most."""
    return spread([a / b if b else float("nan") for a, b in zip(mine, base, strict=True)])


def spread(values: list[float]) -> Spread:
    """Return median, least and most."""
    return statistics.median(values), min(values), max(values)


async def warm_up(seconds: float = 0.3) -> None:
    """Spin, so that the processor is awake before the first table."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await asyncio.sleep(0)
