"""A run on the terminal: the tables, the budgets, who does not do what, and how costs grow."""

from rich.console import Console
from rich.table import Table

from benchmarks.budgets import Spread
from benchmarks.harness import Report, spread


def shown(found: Spread) -> str:
    """Return a median with the least and the most."""
    median, least, most = (f"{one:.2f}" if abs(one) < 100 else f"{one:,.0f}" for one in found)
    return f"{median} ({least}–{most})"


def told(report: Report) -> str:
    """Return what budgets in microseconds are judged by."""
    return (
        "Budgets in microseconds are those of the machine on which they were set. This one took "
        f"{shown(spread(report.slowness))} times as long for the yardstick, by which what is found here was divided, "
        "round by round."
    )


def print_report(report: Report, console: Console) -> None:
    """Print everything; ratios are to the first line of each table, as median (least to most)."""
    console.print(report.machine)
    console.print(_rows(report))
    if report.lacking:
        console.print(_lacking(report))
    if report.series:
        console.print(_series(report))
    console.print(_verdicts(report))
    if report.slowness:
        console.print(told(report))
    for note in report.notes:
        console.print(note)
    over = [one for one in report.verdicts if not one.met]
    for one in over:
        console.print(f"over budget: {one.workload} on {one.database}: {one.budget}, found {shown(one.found)}")
    worse = [one for one in report.series if not one.linear]
    for one in worse:
        console.print(f"grows worse than linearly: {one.name} on {one.database}: exponent {one.exponent:.2f}")
    console.print(
        f"{len(report.verdicts) - len(over)} of {len(report.verdicts)} budgets met, "
        f"{len(report.series) - len(worse)} of {len(report.series)} series linear or better"
    )


def _rows(report: Report) -> Table:
    printed = Table(title="microseconds a call; ratios to the first line of each table", title_justify="left")
    for column in ("workload", "database", "who", "cpu µs", "wall µs", "cpu ×", "wall ×", "cpu µs above"):
        printed.add_column(column, justify="left" if column in ("workload", "database", "who") else "right")
    last = None
    for row in report.rows:
        if last not in (None, (row.workload, row.database)):
            printed.add_section()
        last = (row.workload, row.database)
        printed.add_row(
            row.workload,
            row.database,
            row.name,
            f"{row.cpu_us:,.2f}",
            f"{row.wall_us:,.2f}",
            shown(row.cpu_ratio),
            shown(row.wall_ratio),
            f"{row.above_us[0]:+,.1f}",
        )
    return printed


def _lacking(report: Report) -> Table:
    printed = Table(title="who does not do what", title_justify="left")
    for column in ("workload", "database", "who", "why"):
        printed.add_column(column)
    for one in report.lacking:
        printed.add_row(*one)
    return printed


def _verdicts(report: Report) -> Table:
    printed = Table(title="budgets", title_justify="left")
    for column in ("workload", "database", "budget", "found", ""):
        printed.add_column(column)
    for one in report.verdicts:
        printed.add_row(one.workload, one.database, one.budget, shown(one.found), "met" if one.met else "OVER")
    return printed


def _series(report: Report) -> Table:
    printed = Table(title="growth: microseconds of client CPU for each further one", title_justify="left")
    for column in ("series", "database", "figures", "exponent", ""):
        printed.add_column(column)
    for one in report.series:
        figures = ", ".join(f"{size:,}: {cost / size * 1e6:.2f}" for size, cost in one.points)
        printed.add_row(
            one.name, one.database, figures, f"{one.exponent:.2f}", "linear or better" if one.linear else "WORSE"
        )
    return printed
