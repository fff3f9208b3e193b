"""`python -m benchmarks [--quick] [--json FILE] [--only NAME]`: measure, print a table, write the figures."""

import argparse
import asyncio
import gc
import json
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table as Printed

from benchmarks import worlds
from benchmarks.harness import Row, measure, warm_up
from benchmarks.workloads import casts, changeset, get, gets64, imports, load, plan, sel1000, structs, trip

PACKAGES = ("asyncpg", "aiosqlite", "sqlalchemy", "tortoise-orm", "piccolo", "sqlglot", "pydantic")


async def run(rounds: int, only: str | None) -> tuple[list[Row], list[str]]:
    """Run every workload whose name has `only` in it; return the rows, and what else is to be said."""
    notes: list[str] = []

    def wanted(name: str) -> bool:
        return only is None or only in name

    await warm_up()
    rows: list[Row] = imports.measure(max(3, rounds)) if wanted("import") else []
    for table in [*load.tables(), *structs.tables(), *casts.tables(), *changeset.tables()]:
        if wanted(table.workload):
            rows += await measure(table, rounds)
    notes += [structs.memory()] if wanted("struct memory") else []
    notes += casts.slowest() if wanted("cast") else []
    try:
        async with worlds.postgres() as world:
            gc.freeze()
            # The last one writes.
            reads = [get.postgres(world), gets64.postgres(world), sel1000.postgres(world)]
            tables = [*plan.tables(world), *reads, trip.postgres(world)]
            for table in tables:
                if wanted(table.workload):
                    rows += await measure(table, rounds)
        if wanted("plan"):
            notes.append(plan.memory())
    except worlds.Unavailable as exc:
        notes.append(f"skipped: PostgreSQL, and the plan rows: {exc}")
    async with worlds.sqlite() as world:
        for table in (get.sqlite(world), sel1000.sqlite(world), trip.sqlite(world)):
            if wanted(table.workload):
                rows += await measure(table, rounds)
    return rows, notes


def print_rows(rows: list[Row], console: Console) -> None:
    """Print the report; ratios are to the first line of each table, as median (least to most)."""
    printed = Printed(title="microseconds a call; ratios to the first line of each table", title_justify="left")
    for column in ("workload", "database", "who", "cpu µs", "wall µs", "cpu ×", "wall ×"):
        printed.add_column(column, justify="left" if column in ("workload", "database", "who") else "right")
    last = None
    for row in rows:
        if last not in (None, (row.workload, row.database)):
            printed.add_section()
        last = (row.workload, row.database)
        printed.add_row(
            row.workload,
            row.database,
            row.name,
            f"{row.cpu_us:.2f}",
            f"{row.wall_us:.2f}",
            "{:.2f} ({:.2f}–{:.2f})".format(*row.cpu_ratio),
            "{:.2f} ({:.2f}–{:.2f})".format(*row.wall_ratio),
        )
    console.print(printed)


def main() -> None:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds instead of nine")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--only", help="run only workloads with this in their name")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    rows, notes = asyncio.run(run(3 if chosen.quick else 9, chosen.only))
    if not rows and not notes:
        parser.error(
            f"no workload has {chosen.only!r} in its name: see the first column of `python -m benchmarks --quick`"
        )
    machine = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    packages = {name: version(name) for name in PACKAGES}
    console.print(machine + ", " + ", ".join(f"{name} {number}" for name, number in packages.items()))
    print_rows(rows, console)
    for note in notes:
        console.print(note)
    if chosen.json is not None:
        document = {"machine": machine, "packages": packages, "notes": notes, "rows": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
