"""`python -m benchmarks.profile [WORKLOAD] [--database PostgreSQL|SQLite]`: where the time of a workload goes.

py-spy samples a process that does nothing but the workload, and this prints the functions in which most samples were
taken as a table of Markdown: the share of each, and its microseconds of the CPU that a call takes. What a function of C
takes counts for the one of Python that called it; `--native` tells them apart, and slows the process. Waiting is left
out.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from benchmarks import worlds
from benchmarks.harness import once

SECONDS = 6.0
RATE = 500
WAITING = (
    "select (selectors.py",
    "EpollSelector.select (selectors.py",
    "epoll_wait",
    # Threads that wait for work, in a call of C that py-spy does not always know to be idle.
    "_worker (concurrent/futures/thread.py",
    "_connection_worker_thread (aiosqlite/core.py",
)
READY, TOLD = "ready", "calls made: "


async def loop(workload: str, database: str, seconds: float) -> str:
    """Warm up, say so, do ectype's part of a workload for so long, and return how many calls in how much CPU."""
    module = import_module(f"benchmarks.workloads.{workload}")
    async with (worlds.postgres if database == "PostgreSQL" else worlds.sqlite)("nobody") as world:
        own = next(one for one in module.table(world).competitors if one.name == "ectype")
        await world.reset()
        for i in range(200):
            await once(own, i)
        gc.freeze()
        print(READY, flush=True)
        end, calls, cpu = time.perf_counter() + seconds, 0, time.process_time()
        while time.perf_counter() < end:
            await once(own, calls)
            calls += 1
        return f"{calls} {time.process_time() - cpu}"


def sampled(workload: str, database: str, seconds: float, more: list[str]) -> tuple[Counter[str], int, float]:
    """Return the samples by the function in which they were taken, how many calls were made, and CPU seconds of one."""
    inner = [sys.executable, "-m", "benchmarks.profile", workload, "--database", database, "--loop", str(seconds)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(inner, stdout=subprocess.PIPE, text=True) as process,
    ):
        raw, output = Path(folder) / "stacks.txt", process.stdout
        assert output is not None
        while output.readline().strip() != READY:
            pass
        spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--function", *more]
        spy += [
            "--rate",
            str(RATE),
            "--format",
            "raw",
            "--pid",
            str(process.pid),
            "--duration",
            str(int(seconds - 1)),
            "--output",
            str(raw),
        ]
        subprocess.run(spy, check=True, capture_output=True, text=True, timeout=300)
        said = next(line.removeprefix(TOLD).split() for line in output if line.startswith(TOLD))
        calls, cpu = int(said[0]), float(said[1])
        found: Counter[str] = Counter()
        for line in raw.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            innermost = stack.split(";")[-1]
            if not innermost.startswith(WAITING):
                found[innermost] += int(count)
        return found, calls, cpu / calls


def main() -> None:
    """Read the command line; sample, or be what is sampled."""
    parser = argparse.ArgumentParser(prog="benchmarks.profile", description=__doc__)
    parser.add_argument("workload", nargs="?", default="get")
    parser.add_argument("--database", choices=("PostgreSQL", "SQLite"), default="PostgreSQL")
    parser.add_argument("--loop", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--native", action="store_true", help="tell functions of C apart")
    parser.add_argument("--most", type=int, default=25, help="how many functions are shown")
    chosen = parser.parse_args()
    if chosen.loop is not None:
        print(f"{TOLD}{asyncio.run(loop(chosen.workload, chosen.database, chosen.loop))}")
        return
    more = ["--native"] if chosen.native else []
    found, calls, each = sampled(chosen.workload, chosen.database, SECONDS, more)
    total = sum(found.values())
    print(
        f"{chosen.workload} on {chosen.database}: {each * 1e6:.1f} µs of CPU a call, "
        f"{calls:,} calls, {total:,} samples\n"
    )
    print("| function | share | µs a call |\n|---|---|---|")
    for name, count in found.most_common(chosen.most):
        print(f"| `{name}` | {count / total:.1%} | {each * 1e6 * count / total:.2f} |")


if __name__ == "__main__":
    main()
