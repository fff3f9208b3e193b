"""Importing, in a fresh process: what every command and every worker pays once."""

import statistics
import subprocess
import sys

from benchmarks.harness import Row

STATEMENTS = {
    "bare interpreter": "pass",
    "ectype": "from ectype import Schema, Field, Repo, from_, change",
    "SQLAlchemy": "from sqlalchemy.orm import DeclarativeBase; from sqlalchemy.ext.asyncio import create_async_engine",
    "sqlglot": "import sqlglot",
}
TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def measure(rounds: int) -> list[Row]:
    """Return the time of each import, without that of the interpreter's own start."""
    walls: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    cpus: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds + 1):
        for name, statement in STATEMENTS.items():
            done = subprocess.run(
                [sys.executable, "-c", TIMED.format(statement)], check=True, capture_output=True, text=True, timeout=60
            )
            wall, cpu = map(float, done.stdout.split())
            walls[name].append(wall)
            cpus[name].append(cpu)
    base = walls["ectype"][1:]
    rows: list[Row] = []
    for name in STATEMENTS:
        ratios = [a / b for a, b in zip(walls[name][1:], base, strict=True)]
        ratio = (statistics.median(ratios), min(ratios), max(ratios))
        wall, cpu = statistics.median(walls[name][1:]), statistics.median(cpus[name][1:])
        rows.append(Row("import", "–", name, wall * 1e6, cpu * 1e6, ratio, ratio))
    return rows
