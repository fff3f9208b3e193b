"""What the channels workload found, as a table of the terminal and as a page of the docs."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from benchmarks.machine import versions

BARE = "bare Starlette"
OURS = "ectype"
VERSIONS = ("starlette", "uvicorn", "websockets", "channels", "django", "python-socketio", "aiosqlite")

COLUMNS = {
    "idle_kib": "KiB an idle client",
    "fan_out_p50": "fan-out p50 ms",
    "fan_out_p99": "p99 ms",
    "deliveries": "deliveries/s",
    "delivery_cpu_us": "cpu µs",
    "echoes": "echo/s",
    "echo_cpu_us": "cpu µs",
    "requests": "rows/s",
    "request_cpu_us": "cpu µs",
}


@dataclass
class Figures:
    """What was measured of one server, a value a round; latencies in milliseconds."""

    idle_kib: list[float] = field(default_factory=list)
    fan_out_p50: list[float] = field(default_factory=list)
    fan_out_p99: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    delivery_cpu_us: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)
    echo_cpu_us: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    request_cpu_us: list[float] = field(default_factory=list)


Found = Mapping[str, Figures]


def ratio(found: Found, name: str, column: str) -> float:
    """Return the median of the ratios to the bare loop of the same round."""
    pairs = zip(getattr(found[name], column), getattr(found[BARE], column), strict=True)
    return statistics.median(mine / base for mine, base in pairs)


def cells(found: Found, name: str) -> list[str]:
    """Return a row: medians, and behind them the ratios."""
    made: list[str] = []
    for column in COLUMNS:
        values = getattr(found[name], column)
        if not values:
            made.append("–")
            continue
        middle = statistics.median(values)
        shown = f"{middle:,.0f}" if middle >= 100 else f"{middle:.1f}"
        made.append(f"{shown} ({ratio(found, name, column):.2f})")
    return made


def report(found: Found, title: str) -> Table:
    """Return the table of the terminal."""
    table = Table(title=title, title_justify="left")
    table.add_column("server")
    for column in COLUMNS.values():
        table.add_column(column, justify="right")
    for name in found:
        table.add_row(name, *cells(found, name))
    return table


def judged(found: Found) -> list[tuple[str, str, str, bool]]:
    """Return for each figure of the budget: what, what was found, the budget, and whether it is met."""
    pairs = zip(found[OURS].idle_kib, found[BARE].idle_kib, strict=True)
    more = statistics.median(mine - base for mine, base in pairs)
    checks: list[tuple[str, float, str, Callable[[float], bool]]] = [
        ("fan-out p50", ratio(found, OURS, "fan_out_p50"), "≤ 1.25 ×", lambda value: value <= 1.25),
        ("deliveries/s", ratio(found, OURS, "deliveries"), "≥ 0.8 ×", lambda value: value >= 0.8),
        ("echo/s", ratio(found, OURS, "echoes"), "≥ 0.7 ×", lambda value: value >= 0.7),
        ("an idle joined client, KiB more", more, "≤ 8", lambda value: value <= 8),
    ]
    return [(what, f"{value:.2f}", budget, good(value)) for what, value, budget, good in checks]


def verdict(found: Found) -> list[str]:
    """Return a line for each figure of the budget."""
    return [
        f"{'within' if good else 'BEYOND'} the budget: {what} {value} ({budget})"
        for what, value, budget, good in judged(found)
    ]


def markdown(found: Found, title: str, system: str) -> str:
    """Return the page of the docs."""
    rounds = len(found[BARE].echoes)

    def line(parts: Any) -> str:
        return "| " + " | ".join(parts) + " |"

    libraries = ", ".join(versions(VERSIONS))
    return "\n".join(
        [
            "# Figures of channels",
            "",
            "Written by `make bench-channels BENCH_ARGS=--docs`; [performance.md](performance.md) says what they mean.",
            "",
            f"{system}, {libraries}. {title}, {rounds} rounds: medians, and in brackets the median of the ratios to "
            "the bare loop of the same round.",
            "",
            line(["server", *COLUMNS.values()]),
            line("---" for _ in range(len(COLUMNS) + 1)),
            *[line([name, *cells(found, name)]) for name in found],
            "",
            line(["of ectype, beside the bare loop", "found", "budget", ""]),
            line(["---"] * 4),
            *[
                line([what, value, budget, "met" if good else "**over**"])
                for what, value, budget, good in judged(found)
            ],
            "",
        ]
    )
