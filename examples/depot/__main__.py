"""`python -m examples.depot [serve] [--database URL]`: scan the environment, print what is in it, or serve it."""

import argparse
import asyncio
import os
from pathlib import Path

from rich.console import Console

from ectype import EctypeError, Repo, migrations
from examples.depot.report import print_report
from examples.depot.scan import scan

MIGRATIONS = Path(__file__).parent / "migrations"


async def run(url: str, console: Console) -> None:
    """Migrate, scan and report."""
    async with Repo(url) as repo:
        applied = await migrations.migrate(repo, MIGRATIONS)
        if applied:
            console.print(f"applied {len(applied)} migrations to {repo.adapter.url}")
        taken = await scan(repo)
        await print_report(repo, taken, console)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="depot", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["scan", "serve"], default="scan")
    parser.add_argument("--database", default=os.environ.get("DEPOT_DATABASE", "sqlite:///depot.db"))
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    console = Console()
    try:
        if chosen.what == "serve":
            # The page needs the web extra, the scan does not.
            from examples.depot.serve import serve  # noqa: PLC0415

            serve(chosen.database, chosen.port)
        else:
            asyncio.run(run(chosen.database, console))
    except EctypeError as exc:
        console.print(str(exc), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
