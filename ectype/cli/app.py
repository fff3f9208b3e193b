"""All commands under one name."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ectype.cli import (
    backfill,
    doctor,
    drift,
    erd,
    generate,
    journal,
    lint,
    migrate,
    new,
    rebase,
    seed,
    shell,
    status,
    storage,
    tenants,
)
from ectype.cli.settings import REPO_VARIABLE


class AnyOrder(TyperGroup):
    """Takes `--repo NAME` after the command too, since it belongs to all of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, with `--repo` moved to its front."""
        return super().parse_args(ctx, _repo_first(args))


def _repo_first(args: list[str]) -> list[str]:
    ends = args.index("--") if "--" in args else len(args)
    for number, word in enumerate(args[:ends]):
        size = 2 if word == "--repo" else 1 if word.startswith("--repo=") else 0
        if size:
            return [*args[number : number + size], *args[:number], *args[number + size :]]
    return args


app = typer.Typer(
    cls=AnyOrder,
    name="ectype",
    help="Your database: write its migrations, apply them, roll them back; write the schemas of what it holds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(generate.app, name="gen", help="Write new files.")
app.add_typer(tenants.app, name="tenants", help="Work in many PostgreSQL schemas.")
app.command("migrate")(migrate.migrate)
app.command("rollback")(migrate.rollback)
app.command("status")(status.status)
app.command("drift")(drift.drift)
app.command("resolve")(journal.resolve)
app.command("baseline")(journal.baseline)
app.command("backfill")(backfill.backfill)
app.command("rebase")(rebase.rebase)
app.command("squash")(journal.squash)
app.command("verify")(journal.verify)
app.command("lint")(lint.lint)
app.command("create")(storage.create)
app.command("drop")(storage.drop)
app.command("reset")(storage.reset)
app.command("dump")(storage.dump)
app.command("load")(storage.load)
app.command("seed")(seed.seed)
app.command("shell")(shell.shell)
app.command("erd")(erd.erd)
app.command("doctor")(doctor.doctor)
app.command("new")(new.new)


@app.callback()
def choose(
    context: typer.Context,
    *,
    repo: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One of the repos under tool.ectype.repos in pyproject.toml; else ECTYPE_REPO."
        ),
    ] = None,
) -> None:
    """Your database: write its migrations, apply them, roll them back; write the schemas of what it holds."""
    if repo is None:
        return
    before = os.environ.get(REPO_VARIABLE)
    os.environ[REPO_VARIABLE] = repo

    def put_back() -> None:
        if before is None:
            del os.environ[REPO_VARIABLE]
        else:
            os.environ[REPO_VARIABLE] = before

    context.call_on_close(put_back)


def main() -> None:
    """Run the command line; exits with the code that says how it went."""
    # A character that the output's encoding lacks must not fail a migration that is already committed.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    app()
