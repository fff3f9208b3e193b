"""`python -m benchmarks [--quick] [--only NAME] [--peer NAME] [--pinned] [--json FILE] [--docs]`: measure and judge.

The exit status is 1 when a row is over its budget; a quick run is too rough for that, and only says so.
"""

import argparse
import asyncio
import gc
import sys
from pathlib import Path

from rich.console import Console

from benchmarks import documents, growth, worlds
from benchmarks.harness import QUICK, THOROUGH, Pace, Report, measure, warm_up
from benchmarks.machine import machine
from benchmarks.pinning import pin_client
from benchmarks.report import print_report
from benchmarks.workloads import (
    answered,
    bulk1000,
    casts,
    changeset,
    cheap1000,
    columnar,
    get,
    imports,
    insert1,
    join500,
    load,
    overload,
    plan,
    preload,
    sel20,
    sel1000,
    steps,
    structs,
    tasks64,
    trip,
    tx3,
    update1,
)

BOTH = (
    get,
    sel20,
    sel1000,
    cheap1000,
    join500,
    preload,
    insert1,
    update1,
    tx3,
    bulk1000,
    tasks64,
    columnar,
    steps,
    trip,
)
"""The workloads on both databases; the last one writes what others read."""


async def run(pace: Pace, only: str | None, peer: str | None, *, pinned: bool) -> Report:
    """Run every workload whose name has `only` in it, against the libraries with `peer` in their name."""
    report = Report()
    if pinned and (why := pin_client()) is not None:
        report.notes.append(f"not pinned: {why}")
        pinned = False

    def wanted(name: str) -> bool:
        return only is None or only in name

    await warm_up()
    gc.freeze()
    if wanted("import"):
        report.add(imports.measure(pace.rounds))
    for table in [*load.tables(), *structs.tables(), *casts.tables(), *changeset.tables()]:
        if wanted(table.workload):
            report.add(await measure(table, pace))
    report.notes += [structs.memory()] if wanted("struct memory") else []
    report.notes += casts.slowest() if wanted("cast") and pace is not QUICK else []
    for database, opened in (("PostgreSQL", worlds.postgres), ("SQLite", worlds.sqlite)):
        try:
            async with opened(peer) as world:
                report.versions.append(world.version)
                world.quick = pace is QUICK
                await _measure_in(world, report, pace, wanted, pinned=pinned)
        except worlds.Unavailable as exc:
            report.notes.append(f"skipped: {database}: {exc}")
    return report


async def _measure_in(world: worlds.World, report: Report, pace: Pace, wanted: growth.Wanted, *, pinned: bool) -> None:
    gc.freeze()
    if world.database == "PostgreSQL":
        for table in plan.tables(world):
            if wanted(table.workload):
                report.add(await measure(table, pace))
        report.notes += [plan.memory()] if wanted("plan") else []
        if wanted("answered"):
            async with answered.tables(world) as tables:
                for table in tables:
                    report.add(await measure(table, pace))
        if wanted("overload") and pace is not QUICK:
            # First, since the pools of all the others leave the server few connections when they are full.
            report.notes += await overload.notes(world.url, 10.0)
    for workload in BOTH:
        if wanted(workload.__name__.rpartition(".")[2]):
            if pinned and (why := await world.pin()) is not None:
                report.notes.append(f"not pinned: {why}")
                pinned = False
            report.add(await measure(workload.table(world), pace))
    report.series += await growth.measure(world, pace, wanted)
    if wanted("stream"):
        report.notes.append(await growth.streaming(world, 100_000 if pace is QUICK else growth.MILLION))


def main() -> None:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds of short batches: a look, no measurement")
    parser.add_argument("--only", help="run only workloads with this in their name")
    parser.add_argument("--peer", help="compare only with libraries with this in their name, and the bare drivers")
    parser.add_argument("--pinned", action="store_true", help="the client on one processor, PostgreSQL on another")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--docs", action="store_true", help="write the tables and plots that docs/performance.md shows")
    parser.add_argument("--from", dest="read", type=Path, help="measure nothing: report what `--json` wrote")
    chosen = parser.parse_args()
    if chosen.read is not None:
        report = documents.read(chosen.read)
    else:
        report = asyncio.run(run(QUICK if chosen.quick else THOROUGH, chosen.only, chosen.peer, pinned=chosen.pinned))
        report.machine = machine(report.versions)
    if not report.rows and not report.notes and not report.series:
        parser.error(f"no workload has {chosen.only!r} in its name: see the first column of `make bench-quick`")
    print_report(report, Console(width=None if sys.stdout.isatty() else 130))
    if chosen.json is not None:
        documents.write_json(report, chosen.json)
    if chosen.docs:
        documents.write_docs(report, Path("docs"))
    over = any(not one.met for one in report.verdicts) or any(not one.linear for one in report.series)
    if over and not chosen.quick:
        sys.exit(1)


if __name__ == "__main__":
    main()
