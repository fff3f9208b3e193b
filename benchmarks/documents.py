"""A run as files: JSON, and the tables and plots that `docs/performance.md` shows."""

import json
from dataclasses import asdict
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from benchmarks.budgets import Verdict
from benchmarks.harness import Report, Row, Series
from benchmarks.report import shown, told

FIGURES = "performance-figures.md"
COLOURS = ("#1f6feb", "#6e7781", "#bf8700", "#cf222e", "#8250df", "#1a7f37", "#953800", "#116329", "#0550ae", "#a40e26")
FONT = 'font-family="sans-serif" font-size="11"'


def write_json(report: Report, path: Path) -> None:
    """Write all figures."""
    path.write_text(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Report:
    """Return a report that was written by `write_json`."""
    held: dict[str, Any] = json.loads(path.read_text())
    return Report(
        rows=[
            Row(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
            for row in held["rows"]
        ],
        verdicts=[Verdict(**(one | {"found": tuple(one["found"])})) for one in held["verdicts"]],
        lacking=[(one[0], one[1], one[2], one[3]) for one in held["lacking"]],
        notes=held["notes"],
        series=[
            Series(**(one | {"points": [(point[0], point[1]) for point in one["points"]]})) for one in held["series"]
        ],
        machine=held["machine"],
        versions=held["versions"],
        slowness=held["slowness"],
    )


def write_docs(report: Report, folder: Path) -> list[Path]:
    """Write the tables as Markdown and the plots as SVG into a folder, and return the files."""
    made: list[Path] = []
    plots: list[str] = []
    for database in ("PostgreSQL", "SQLite"):
        if any(row.database == database for row in report.rows):
            name = f"performance-{database.lower()}.svg"
            made.append(folder / name)
            made[-1].write_text(peers_plot(report.rows, database))
            plots.append(f"![Client CPU as a multiple of the bare driver's on {database}]({name})")
    if report.series:
        made.append(folder / "performance-growth.svg")
        made[-1].write_text(growth_plot(report.series))
        plots.append("![Client CPU for each further one, by how many there are](performance-growth.svg)")
    made.append(folder / FIGURES)
    made[-1].write_text(markdown(report, plots))
    return made


def markdown(report: Report, plots: list[str]) -> str:
    """Return the page of tables."""
    lines = [
        "# Figures of a run",
        "",
        "Written by `make bench-docs`; [performance.md](performance.md) says how they are measured and what they mean.",
        "",
        report.machine + ".",
        "",
        *[line for plot in plots for line in (plot, "")],
        "## Budgets",
        "",
        told(report),
        "",
        *_table(
            ("workload", "database", "budget", "found", ""),
            [
                (one.workload, one.database, one.budget, shown(one.found), "met" if one.met else "**over**")
                for one in report.verdicts
            ],
        ),
        "",
        "## Workloads",
        "",
        "Microseconds a call, and ratios to the first line of each group as median (least–most) of the rounds.",
        "",
        *_table(
            ("workload", "database", "who", "CPU µs", "wall µs", "CPU ×", "wall ×", "CPU µs above"),
            [
                (
                    row.workload,
                    row.database,
                    row.name,
                    f"{row.cpu_us:,.2f}",
                    f"{row.wall_us:,.2f}",
                    shown(row.cpu_ratio),
                    shown(row.wall_ratio),
                    f"{row.above_us[0]:+,.1f}",
                )
                for row in report.rows
            ],
        ),
    ]
    if report.series:
        lines += ["", "## Growth", "", "Microseconds of client CPU for each, by how many there are.", ""]
        lines += _table(
            ("series", "database", "figures", "exponent", ""),
            [
                (
                    one.name,
                    one.database,
                    ", ".join(f"{size:,}: {cost / size * 1e6:,.2f}" for size, cost in one.points),
                    f"{one.exponent:.2f}",
                    "linear or better" if one.linear else "**worse**",
                )
                for one in report.series
            ],
        )
    if report.lacking:
        lines += ["", "## Who does not do what", ""]
        lines += _table(("workload", "database", "who", "why"), report.lacking)
    if report.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in report.notes)]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: Any) -> list[str]:
    def line(cells: Any) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(head), line("---" for _ in head), *map(line, rows)]


def peers_plot(rows: list[Row], database: str) -> str:
    """Return bars of client CPU ÷ the baseline's, a group a workload, on a logarithmic axis."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.database == database and row.workload.partition(" ")[0] not in ("trip", "steps", "answered"):
            groups.setdefault(row.workload, []).append(row)
    most = max((row.cpu_ratio[0] for group in groups.values() for row in group), default=10.0)
    least = min((row.cpu_ratio[0] for group in groups.values() for row in group), default=0.1)
    left, width, step = 230, 560, 13
    low, high = min(-1.0, log10(max(least, 1e-3))), max(1.0, log10(most))

    def x(ratio: float) -> float:
        return left + width * (log10(max(ratio, 1e-3)) - low) / (high - low)

    body: list[str] = []
    y = 40
    for workload, group in groups.items():
        body.append(f'<text x="8" y="{y + 4}" {FONT} font-weight="bold">{escape(workload)}</text>')
        for row in group:
            own = row.name.startswith("ectype")
            colour = COLOURS[0] if own else "#d0d7de" if row.objects else COLOURS[1]
            end, start = max(x(row.cpu_ratio[0]), x(1)), min(x(row.cpu_ratio[0]), x(1))
            body.append(f'<text x="{left - 6}" y="{y + 4}" {FONT} text-anchor="end">{escape(row.name)}</text>')
            body.append(
                f'<rect x="{start:.1f}" y="{y - 5}" width="{max(end - start, 1):.1f}" height="10" fill="{colour}"/>'
            )
            body.append(f'<text x="{end + 4:.1f}" y="{y + 4}" {FONT}>{row.cpu_ratio[0]:.2f}</text>')
            y += step
        y += 10
    for power in range(int(low) - 1, int(high) + 1):
        if low <= power <= high:
            at = x(10.0**power)
            body.insert(0, f'<line x1="{at:.1f}" y1="28" x2="{at:.1f}" y2="{y}" stroke="#eaeef2"/>')
            body.append(f'<text x="{at:.1f}" y="24" {FONT} text-anchor="middle">{10.0**power:g} ×</text>')
    title = f"Client CPU on {database}, as a multiple of the bare driver's (logarithmic)"
    return _svg(left + width + 60, y + 10, title, body)


def growth_plot(series: list[Series]) -> str:
    """Return a panel a series: microseconds for each one over how many there are, on a logarithmic axis of sizes."""
    panel, across = (300, 160), 3
    body: list[str] = []
    for number, one in enumerate(series):
        left, top = 20 + number % across * panel[0], 40 + number // across * panel[1]
        costs = [cost / size * 1e6 for size, cost in one.points]
        most = max(costs) or 1.0
        spread = log10(one.points[-1][0]) - log10(one.points[0][0]) or 1.0
        wide, tall = panel[0] - 80, panel[1] - 70
        places = [
            (left + wide * (log10(size) - log10(one.points[0][0])) / spread, top + 30 + tall * (1 - cost / most))
            for (size, _), cost in zip(one.points, costs, strict=True)
        ]
        colour = COLOURS[0] if one.linear else COLOURS[3]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        said = escape(f"{one.name.removeprefix('growth ')}, {one.database}")
        body.append(f'<text x="{left}" y="{top + 8}" {FONT} font-weight="bold">{said}</text>')
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        floor = top + 30 + tall
        body.append(f'<line x1="{left}" y1="{floor}" x2="{left + wide}" y2="{floor}" stroke="#d0d7de"/>')
        for (x, y), (size, _), cost in zip(places, one.points, costs, strict=True):
            body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>')
            if size in (one.points[0][0], one.points[-1][0]):
                body.append(f'<text x="{x:.1f}" y="{floor + 12}" {FONT} text-anchor="middle">{size:,}</text>')
                body.append(f'<text x="{x + 4:.1f}" y="{y - 4:.1f}" {FONT}>{cost:,.2f}</text>')
    height = 40 + (len(series) + across - 1) // across * panel[1]
    return _svg(40 + across * panel[0], height, "Microseconds of client CPU for each, by how many there are", body)


def _svg(width: float, height: float, title: str, body: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}">'
    )
    background = f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>'
    heading = f'<text x="8" y="14" font-family="sans-serif" font-size="13">{escape(title)}</text>'
    return "\n".join([head, background, heading, *body, "</svg>"]) + "\n"
