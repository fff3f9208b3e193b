"""How costs grow: with rows, columns, joins, preload levels, clauses, tasks at once, and shapes that are cached.

A series is linear or better when its exponent, that of the power law through its larger half, is below `LINEAR`.
"""

import asyncio
import gc
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import new_class
from typing import Any, TypeAlias

from benchmarks.budgets import RAW
from benchmarks.harness import QUICK, Pace, Series
from benchmarks.schemas import Author, Journal
from benchmarks.worlds import World, plans
from ectype import Field, HasMany, Schema, alias, fragment, from_, has_many, only, primary_key, source
from ectype.repo.engine import Prepared
from ectype.sql.compilers import compile_select

Wanted: TypeAlias = Callable[[str], bool]
LINEAR = 1.2
LEAST_SECONDS = 0.01
"""How long one measurement takes at least, by repeating what is measured."""
MILLION = 1_000_000
COLUMNS = 60
LEVELS = 8
ROOTS = 10


class Line(Schema, table="line"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    views: Field[int]


class Node(Schema, table="node"):
    id: Field[int] = primary_key()
    parent_id: Field[int | None]
    children: "HasMany[Node]" = has_many(foreign_key="parent_id")


def _wide(namespace: dict[str, Any]) -> None:
    namespace["__module__"] = __name__
    namespace["__annotations__"] = {"id": Field[int], **{f"c{n}": Field[int] for n in range(1, COLUMNS)}}
    namespace["id"] = primary_key()


Wide: Any = new_class("Wide", (Schema,), {"table": "wide"}, _wide)
TEXT_LINES = "SELECT {i}, {i} % 50, 10, 'Insert from A, item ' || {i}, {i} * 0.5, {i}"
SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"


def tables(most: int, database: str) -> list[str]:
    """Return the statements that make the tables of this module, `most` rows in the longest."""
    wide = ", ".join(f"c{n} integer NOT NULL" for n in range(1, COLUMNS))
    values = ", ".join(["i"] * COLUMNS)
    each = "generate_series(1, {most}) i" if database == "PostgreSQL" else "n"
    before = "" if database == "PostgreSQL" else SERIES

    def filled(table: str, select: str, count: int) -> str:
        return f"{before} INSERT INTO {table} {select} FROM {each}".replace("{most}", str(count))

    return [
        "CREATE TABLE line (id integer PRIMARY KEY, author_id integer NOT NULL, level integer NOT NULL, "
        "text text NOT NULL, score double precision NOT NULL, views integer NOT NULL)",
        f"CREATE TABLE wide (id integer PRIMARY KEY, {wide})",
        "CREATE TABLE node (id integer PRIMARY KEY, parent_id integer)",
        "CREATE INDEX node_parent ON node (parent_id)",
        filled("line", TEXT_LINES.replace("{i}", "i"), most),
        filled("wide", f"SELECT {values}", 100),
        filled("node", f"SELECT i, CASE WHEN i <= {ROOTS} THEN NULL ELSE i - {ROOTS} END", ROOTS * (LEVELS + 1)),
    ]


async def measure(world: World, pace: Pace, wanted: Wanted) -> list[Series]:
    """Run the series whose names are wanted."""
    if not any(wanted(f"growth {name}") for name, *_ in _series(world, 0)):
        return []
    most = 10_000 if pace is QUICK else 100_000
    async with world.repo.transaction():
        for statement in tables(most, world.database):
            await world.repo.query(statement)  # type: ignore[arg-type]  # it is made of numbers
    rounds = 1 if pace is QUICK else 5
    found: list[Series] = []
    for name, unit, sizes, make in _series(world, most):
        if wanted(f"growth {name}"):
            points = [(size, await _cost(make(size), rounds)) for size in sizes]
            slope = exponent(points)
            found.append(Series(f"growth {name}", world.database, unit, points, slope, slope <= LINEAR))
    return found


def _series(world: World, most: int) -> Iterable[tuple[str, str, tuple[int, ...], Callable[[int], Any]]]:
    repo = world.repo
    rows = tuple(10**power for power in range(6) if 10**power <= most)
    yield "rows", "row", rows, lambda size: lambda: repo.all(from_(Line).limit(size))
    yield "rows, bare driver", "row", rows, lambda size: _bare(world, size)
    yield "rows, streamed", "row", rows[1:], lambda size: lambda: _streamed(repo, size)
    yield "rows, to_arrow", "row", rows, lambda size: lambda: repo.to_arrow(from_(Line).limit(size))
    yield "rows, insert_all", "row", tuple(n for n in rows if n <= 10_000), lambda size: _inserting(world, size)
    yield "columns of 100 rows", "column", (2, 5, 10, 20, 40, 60), lambda size: _columns(repo, size)
    yield "preload levels", "level", (1, 2, 4, 8), lambda size: _preloading(repo, size)
    yield "tasks at once", "task", (1, 10, 100, 1_000), lambda size: lambda: _tasks(repo, size)
    if world.database == "PostgreSQL":
        find = plans(repo)
        dialect = repo.adapter.dialect
        yield "joins, planned", "join", (1, 2, 4, 8), lambda size: lambda: find(_joined(size))
        yield (
            "joins, compiled",
            "join",
            (1, 2, 4, 8),
            lambda size: lambda: Prepared(compile_select(_joined(size).node, dialect)),
        )
        yield "clauses, planned", "clause", (1, 4, 16, 64), lambda size: lambda: find(_clauses(size))
        yield (
            "clauses, compiled",
            "clause",
            (1, 4, 16, 64),
            lambda size: lambda: Prepared(compile_select(_clauses(size).node, dialect)),
        )
        yield "shapes cached", "shape", (1, 10, 100, 900), lambda size: lambda: [find(_shape(n)) for n in range(size)]


async def _cost(run: Callable[[], Any], rounds: int) -> float:
    """Return the least seconds of client CPU, over some rounds, of one call."""

    async def once() -> None:
        result = run()
        if isinstance(result, Awaitable):
            await result

    await once()
    started = time.perf_counter()
    await once()
    times = max(1, int(LEAST_SECONDS / max(time.perf_counter() - started, 1e-7)))
    best = math.inf
    for _ in range(rounds):
        gc.collect()
        began = time.process_time()
        for _ in range(times):
            await once()
        best = min(best, (time.process_time() - began) / times)
    return max(best, 1e-9)


def exponent(points: list[tuple[int, float]]) -> float:
    """Return the slope of the logarithms through the larger half of the points, by least squares.

    >>> round(exponent([(1, 1.0), (10, 10.0), (100, 100.0), (1000, 1000.0)]), 3)
    1.0
    """
    used = points[len(points) // 2 - 1 :] if len(points) > 2 else points
    xs = [math.log(size) for size, _ in used]
    ys = [math.log(cost) for _, cost in used]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)


def _bare(world: World, size: int) -> Callable[[], Any]:
    """Return what reads the rows by the driver, whose own growth nobody above it can mend."""
    on: Any = world.peer(RAW[world.database]).on
    text = f"SELECT id, author_id, level, text, score, views FROM line LIMIT {size}"
    return lambda: on.fetch(text) if world.database == "PostgreSQL" else on.execute(text).fetchall()


async def _streamed(repo: Any, size: int) -> int:
    count = 0
    async with repo.stream(from_(Line).limit(size)) as lines:
        async for _ in lines:
            count += 1
    return count


def _inserting(world: World, size: int) -> Callable[[], Awaitable[Any]]:
    row = {"author_id": 1, "level": 2, "text": "x", "score": 0.5, "views": 3}
    rows = [row | {"id": n} for n in range(size)]

    async def run() -> None:
        async with world.repo.transaction() as tx:
            await world.repo.insert_all(source(Line, "line_written"), rows)
            tx.rollback()

    async def first() -> None:
        text: Any = "CREATE TABLE IF NOT EXISTS line_written AS SELECT * FROM line WHERE false"
        await world.repo.query(text if world.database == "PostgreSQL" else text.replace("false", "0"))
        await run()

    return first


def _columns(repo: Any, size: int) -> Callable[[], Awaitable[Any]]:
    chosen = only(*(getattr(Wide, name) for name in ("id", *(f"c{n}" for n in range(1, size)))))
    return lambda: repo.all(from_(Wide).select(chosen))


def _preloading(repo: Any, size: int) -> Callable[[], Awaitable[Any]]:
    path: Any = Node.children
    for _ in range(size - 1):
        path = path / Node.children
    return lambda: repo.all(from_(Node).where(Node.parent_id.is_null()).preload(path))


async def _tasks(repo: Any, size: int) -> None:
    await asyncio.gather(*(repo.get(Journal, n % 5000 + 1) for n in range(size)))


ALIASES: list[Any] = [alias(Author, f"author{n}") for n in range(8)]


def _joined(size: int) -> Any:
    query: Any = from_(Journal)
    for other in ALIASES[:size]:
        query = query.join(other, on=Journal.author_id == other.id)
    return query


def _clauses(size: int) -> Any:
    query: Any = from_(Journal)
    for n in range(size):
        query = query.where(Journal.score > n)
    return query


OPERATORS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a == b,
    lambda a, b: a != b,
    lambda a, b: a < b,
    lambda a, b: a > b,
    lambda a, b: a <= b,
    lambda a, b: a >= b,
]


def _shape(number: int) -> Any:
    """Return the query of one of 1,296 shapes."""
    query: Any = from_(Journal)
    for column in (Journal.level, Journal.score, Journal.author_id, Journal.id):
        number, chosen = divmod(number, len(OPERATORS))
        query = query.where(OPERATORS[chosen](column, 1))
    return query


class Number(Schema):
    n: Field[int]
    text: Field[str]


def resident() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


async def streaming(world: World, count: int = MILLION) -> str:
    """Stream many rows, and say how much memory that took at most beyond what was held before."""
    if world.database == "PostgreSQL":
        rows = fragment("(SELECT i AS n, 'row ' || i AS text FROM generate_series(1, {}::int) i)", count)
    else:
        rows = fragment(
            "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {}) "
            "SELECT i AS n, 'row ' || i AS text FROM s)",
            count,
        )
    gc.collect()
    before = most = resident()
    began, seen = time.perf_counter(), 0
    async with world.repo.stream(from_(source(Number, rows)), timeout=120.0) as numbers:
        async for _ in numbers:
            seen += 1
            if seen % 10_000 == 0:
                most = max(most, resident())
    taken = time.perf_counter() - began
    return (
        f"streaming {seen:,} rows on {world.database}: {taken:.1f} s, at most {(most - before) / 2**20:.1f} MiB beyond "
        "what was held before"
    )
