"""All commands under one name."""

import sys

import typer

from ectype.cli import drift, generate, migrate, status

app = typer.Typer(
    name="ectype",
    help="Your database: write its migrations, apply them, roll them back; write the schemas of what it holds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(generate.app, name="gen", help="Write new files.")
app.command("migrate")(migrate.migrate)
app.command("rollback")(migrate.rollback)
app.command("status")(status.status)
app.command("drift")(drift.drift)


def main() -> None:
    """Run the command line; exits with the code that says how it went."""
    # A character that the output's encoding lacks must not fail a migration that is already committed.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    app()
