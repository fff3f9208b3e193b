"""Importing, in a fresh process: what every command and every worker pays once."""

import statistics
import subprocess
import sys

from benchmarks.budgets import Budget
from benchmarks.harness import Figures, Report, Row, ratio

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


BUDGET = Budget(most=150_000, figure="wall")


def measure(rounds: int) -> Report:
    """Return the time of each import, without that of the interpreter's own start."""
    figures = {name: Figures() for name in STATEMENTS}
    for number in range(rounds + 1):
        for name, statement in STATEMENTS.items():
            done = subprocess.run(
                [sys.executable, "-c", TIMED.format(statement)], check=True, capture_output=True, text=True, timeout=60
            )
            wall, cpu = map(float, done.stdout.split())
            if number:
                figures[name].wall.append(wall)
                figures[name].cpu.append(cpu)
    base = figures["ectype"]
    rows = [
        Row(
            "import",
            "–",
            name,
            statistics.median(mine.wall) * 1e6,
            statistics.median(mine.cpu) * 1e6,
            ratio(mine.wall, base.wall),
            ratio(mine.cpu, base.cpu),
        )
        for name, mine in figures.items()
    ]
    return Report(rows, [BUDGET.judge("import", "–", figures)])
