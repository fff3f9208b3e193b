"""Prints what the depot knows, as Rich tables."""

from rich.console import Console
from rich.table import Table

from ectype import Repo, fn, from_
from examples.depot.queries import by_suffix, heaviest, needs, unneeded
from examples.depot.schemas import Distribution, Kind, Requirement, Scan

MARKS = {Kind.ADDED: "[green]+[/]", Kind.REMOVED: "[red]-[/]", Kind.CHANGED: "[yellow]~[/]"}


def human(size: int) -> str:
    """Return a size in bytes for people.

    >>> human(1536)
    '1.5 KiB'
    """
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def _table(console: Console, title: str, *columns: str) -> Table:
    """Print a heading, and return the empty table that comes under it."""
    console.print(f"\n[bold]{title}[/]")
    table = Table()
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right")
    return table


async def print_report(repo: Repo, taken: Scan, console: Console) -> None:
    """Print every question's answer; each table is one composed query."""
    console.print(
        f"[bold]scan {taken.id}[/]  {taken.distributions} distributions · {taken.files} files · {human(taken.size)}"
    )
    _print_changes(taken, console)
    table = _table(console, "The largest distributions", "name", "version", "files", "size")
    for line in await repo.all(heaviest(8)):
        table.add_row(line.name, line.version, str(line.files), human(line.size))
    console.print(table)

    await _print_needs(repo, console)

    table = _table(console, "Files by suffix", "suffix", "rank", "files", "size")
    for row in await repo.all(by_suffix(8)):
        table.add_row(row.suffix, str(row.rank), str(row.files), human(row.size))
    console.print(table)

    alone = await repo.all(unneeded().limit(8).preload(Distribution.entry_points))
    table = _table(console, "What nothing else depends on", "name", "commands", "size")
    for one in alone:
        commands = [point.name for point in one.entry_points if point.group == "console_scripts"]
        table.add_row(one.name, ", ".join(commands[:3]) or "–", human(one.size))
    console.print(table)


def _print_changes(taken: Scan, console: Console) -> None:
    if not taken.changes:
        first = "the first scan: there is nothing to compare it with"
        console.print("nothing changed since the scan before" if taken.id > 1 else first)
        return
    table = _table(console, "What changed since the scan before", "", "name", "before", "after")
    for one in taken.changes:
        table.add_row(MARKS[one.kind], one.name, one.before or "–", one.after or "–")
    console.print(table)


async def _print_needs(repo: Repo, console: Console) -> None:
    """Print the transitive dependencies of the distribution that asks for most others."""
    asks = (
        from_(Distribution)
        .join(Distribution.requirements)
        .where(~Requirement.extra)
        .group_by(Distribution.name)
        .order_by(fn.count(Requirement.id).desc(), Distribution.name)
        .limit(1)
        .select(Distribution.name)
    )
    name = await repo.one(asks)
    if name is None:
        return
    table = _table(console, f"What {name} needs, directly or through others", "name", "steps away")
    for need in await repo.all(needs(name).limit(10)):
        table.add_row(need.name, str(need.depth))
    console.print(table)
