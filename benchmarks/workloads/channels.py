"""Channels beside a bare Starlette loop, Django Channels and python-socketio.

`python -m benchmarks.workloads.channels [--quick] [--json FILE] [--docs] [--from FILE]`. Each server is a process; one
at a time has work, in rounds A B C D, D C B A. Ratios are to the bare loop within a round. The budget is that of the
design: fan-out p50 at most 1.25 times the bare loop's, deliveries at least 0.8 times, echoes at least 0.7 times, an
idle joined client at most 8 KiB more.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.machine import system
from benchmarks.workloads.channels_client import V2, Crowd, SocketIO, requests
from benchmarks.workloads.channels_report import Figures, markdown, report, verdict
from benchmarks.workloads.channels_servers import ROWS, SERVERS, fill

SUBSCRIBERS = 1_000
ECHOING = 64
NEEDS = {"Django Channels": "channels", "python-socketio": "socketio"}
TITLE = f"{SUBSCRIBERS:,} subscribers, {ECHOING} that echo"
PAGE = resource.getpagesize()
DOCS = Path("docs/performance-channels.md")


@dataclass(frozen=True)
class Server:
    """One that runs."""

    name: str
    pid: int
    port: int

    @property
    def dialect(self) -> type[V2] | type[SocketIO]:
        """What it speaks."""
        return SocketIO if self.name == "python-socketio" else V2

    def memory(self) -> int:
        """Return the bytes that it has in memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def cpu(self) -> float:
        """Return the seconds that it has computed."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(name: str, file: str) -> Iterator[Server]:
    """Run a server until the block ends."""
    command = [sys.executable, "-m", "benchmarks.workloads.channels_servers", name, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"{name} did not start")
            yield Server(name, process.pid, int(port))
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def one_round(server: Server, figures: Figures, seconds: float) -> None:
    """Measure everything of one server once."""
    warm = Crowd(server.port, server.dialect, ECHOING)
    warm.echo(seconds / 4)
    warm.fan_out(3)
    before = server.cpu()
    answers, took = warm.echo(seconds)
    figures.echoes.append(answers / took)
    figures.echo_cpu_us.append((server.cpu() - before) / answers * 1e6)
    warm.close()
    empty = server.memory()
    crowd = Crowd(server.port, server.dialect, SUBSCRIBERS)
    try:
        figures.idle_kib.append((server.memory() - empty) / SUBSCRIBERS / 1024)
        crowd.fan_out(2)
        waits = sorted(crowd.fan_out(max(5, int(10 * seconds))))
        figures.fan_out_p50.append(waits[len(waits) // 2] * 1e3)
        figures.fan_out_p99.append(waits[len(waits) * 99 // 100] * 1e3)
        before = server.cpu()
        delivered, took = crowd.deliveries(seconds)
        figures.deliveries.append(delivered / took)
        figures.delivery_cpu_us.append((server.cpu() - before) / delivered * 1e6)
    finally:
        crowd.close()
    if server.name != "python-socketio":
        paths = [f"/row/{1 + number * 37 % ROWS}" for number in range(ROWS)]
        requests(server.port, paths, seconds / 4)
        before = server.cpu()
        answers, took = requests(server.port, paths, seconds)
        figures.requests.append(answers / took)
        figures.request_cpu_us.append((server.cpu() - before) / answers * 1e6)


def measure(rounds: int, seconds: float) -> tuple[dict[str, Figures], list[str]]:
    """Return what was measured of each server, and what could not be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    notes = [
        f"skipped: {name}, which needs `pip install -r requirements/bench.txt`"
        for name, module in NEEDS.items()
        if importlib.util.find_spec(module) is None
    ]
    names = [name for name in SERVERS if name not in NEEDS or importlib.util.find_spec(NEEDS[name]) is not None]
    figures = {name: Figures() for name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "rows.db")
        fill(file)
        for number in range(rounds):
            for name in names if number % 2 == 0 else names[::-1]:
                # A process of its own each time: memory that the last round left would hide what a client costs.
                with ExitStack() as stack:
                    server = stack.enter_context(serving(name, file))
                    try:
                        one_round(server, figures[name], seconds)
                    except OSError as exc:
                        raise RuntimeError(f"{name}, in round {number + 1}: {exc}") from exc
    return figures, notes


def main() -> None:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(prog="benchmarks.workloads.channels", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short rounds instead of seven")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--docs", action="store_true", help=f"write the table to {DOCS}")
    parser.add_argument("--from", dest="read", type=Path, help="measure nothing: report what `--json` wrote")
    chosen = parser.parse_args()
    if chosen.read is None:
        figures, notes = measure(*((3, 1.0) if chosen.quick else (7, 2.0)))
    else:
        held = json.loads(chosen.read.read_text())["figures"]
        figures, notes = {name: Figures(**values) for name, values in held.items()}, []
    console = Console(width=None if sys.stdout.isatty() else 170)
    console.print(report(figures, TITLE))
    notes += verdict(figures)
    for note in notes:
        console.print(note)
    if chosen.docs:
        DOCS.write_text(markdown(figures, TITLE, system()))
    if chosen.json is not None:
        document = {"notes": notes, "figures": {name: asdict(one) for name, one in figures.items()}}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
