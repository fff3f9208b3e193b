"""Importing, in a fresh process: what every command and every worker pays once."""

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.budgets import Budget
from benchmarks.harness import Figures, Report, Row, ratio
from benchmarks.yardstick import slowness

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
    slow: list[float] = []
    with tempfile.TemporaryDirectory() as compiled:
        # Compiled once, as an installed package is; an environment may forbid to write it beside the sources.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = compiled
        for number in range(rounds + 1):
            if number:
                slow.append(slowness())
            for name, statement in STATEMENTS.items():
                command = [sys.executable, "-c", TIMED.format(statement)]
                done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=environment)
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
    return Report(rows, [BUDGET.judge("import", "–", figures, slow)], slowness=slow)
