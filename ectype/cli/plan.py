"""`--plan` and `--sql` of `ectype migrate` and `ectype rollback`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

from ectype.cli.output import Output
from ectype.errors import ConfigError
from ectype.migrations import PlannedMigration, PlannedStatement, RunPlan
from ectype.migrations.history import ectype_version
from ectype.migrations.offline import script

LINES_SHOWN: Final = 12


def show_plan(output: Output, plan: RunPlan) -> None:
    """Print what would run, with the lock and the work of each statement."""
    for migration in plan.migrations:
        output.line(f"{migration.version} {migration.name}   {_transaction(migration)}")
        for number, statement in enumerate(migration.statements, start=migration.done + 1):
            shown = statement.sql.splitlines()
            if len(shown) > LINES_SHOWN:
                shown = [*shown[:LINES_SHOWN], f"… and {len(shown) - LINES_SHOWN} more lines"]
            output.line("\n".join([f" {number:>2}  {shown[0]}", *(f"     {line}" for line in shown[1:])]))
            output.line(f"     {_effect(statement, plan)}")
    count = len(plan.migrations)
    output.line(f"{count} would run, nothing was changed" if count else "nothing would run")
    output.document({"plan": [_document(one) for one in plan.migrations]})


def write_sql(output: Output, plan: RunPlan, path: Path, prefix: str | None) -> None:
    """Write the plan as a SQL script, into a file or to the output.

    Raises:
        ConfigError: the file cannot be written.
    """
    text = script(plan, version=ectype_version(), prefix=prefix)
    if str(path) == "-":
        output.text(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror}", hint="name another file") from exc
    output.line(f"wrote {path}: {len(plan.migrations)} migrations, nothing was changed", mark="✔")
    output.document({"sql": str(path), "migrations": [one.version for one in plan.migrations]})


def _transaction(migration: PlannedMigration) -> str:
    if migration.transaction:
        return "in one transaction"
    steps = migration.done + len(migration.statements)
    again = f", goes on after step {migration.done}" if migration.done else ""
    return f"transaction: no, {steps} step{'' if steps == 1 else 's'}{again}"


def _effect(statement: PlannedStatement, plan: RunPlan) -> str:
    effect = statement.effect
    if effect.work == "unknown":
        return "what it locks and does is not known"
    if effect.lock is None:
        return "no lock on a table that is there"
    reads, writes = ("ok" if free else "wait" for free in (effect.reads, effect.writes))
    parts = [f"lock {effect.lock}", f"reads {reads}", f"writes {writes}"]
    if effect.work != "none":
        parts.append(f"{effect.work}s {_rows(statement, plan)}")
    return " · ".join(parts)


def _rows(statement: PlannedStatement, plan: RunPlan) -> str:
    if statement.rows is None:
        return "rows, how many is not known" if statement.effect.table else "rows"
    source = "reltuples" if plan.dialect.target == "postgres" else "max(rowid)"
    return f"~{_short(statement.rows)} rows ({source})"


def _short(count: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)


def _document(migration: PlannedMigration) -> dict[str, object]:
    return {
        "version": migration.version,
        "name": migration.name,
        "direction": migration.direction,
        "transaction": migration.transaction,
        "done": migration.done,
        "statements": [{"sql": one.sql, "rows": one.rows, **asdict(one.effect)} for one in migration.statements],
    }
