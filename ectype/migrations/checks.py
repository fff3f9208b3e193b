"""Whether the folder and the journal belong together: what a run refuses, and what `verify` tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ectype.migrations.dsl import Direction
from ectype.migrations.errors import JournalMismatchError
from ectype.migrations.history import Entry
from ectype.migrations.scripts import Script
from ectype.migrations.steps import Step

Problem: TypeAlias = Literal["edited", "gone", "order", "partial", "duplicate", "lock"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        problem: what kind it is.
        version: the migration; None when it is about a file that is none.
        message: what it is, in a sentence.
        hint: what to do.
    """

    problem: Problem
    version: int | None
    message: str
    hint: str


def settled(entries: Mapping[int, Entry]) -> dict[int, str]:
    """Return the name of each version that is applied, to its end."""
    return {one.version: one.name for one in entries.values() if one.state == "up" and not one.is_partial}


def going(entries: Mapping[int, Entry], direction: Direction) -> dict[int, str]:
    """Return the name of each version that counts as applied for a run in that direction.

    What was interrupted in the same direction counts as not yet there, so that the run goes on with it.

    Raises:
        JournalMismatchError: something ended half-way, and the run cannot go on with it.
    """
    for entry in entries.values():
        if entry.is_partial and not (entry.is_resumable and entry.state == direction):
            raise _half_way(entry)
    partial_down = {one.version: one.name for one in entries.values() if one.is_partial and one.state == "down"}
    return settled(entries) | partial_down


def check_run(
    entries: Mapping[int, Entry], scripts: Sequence[Script], steps: Sequence[Step], *, strict_order: bool
) -> None:
    """Refuse to run where the journal and the files do not fit.

    Raises:
        JournalMismatchError: it says what does not, and what to do.
    """
    rolled_back = {step.script.version for step in steps if step.direction == "down"}
    is_down = any(step.direction == "down" for step in steps)
    found = [one for one in edited(entries, scripts) if not is_down or one.version in rolled_back]
    found += inside_squash(entries, scripts)
    if strict_order:
        found += out_of_order(entries, [step.script for step in steps if step.direction == "up"])
    refuse(found)


def refuse(found: Sequence[Finding]) -> None:
    """Raise JournalMismatchError for what was found, if anything was."""
    if found:
        text = (
            found[0].message
            if len(found) == 1
            else "\n".join(["the journal and the files do not fit:", "", *(f"    {one.message}" for one in found)])
        )
        raise JournalMismatchError(text, hint=found[0].hint)


def edited(entries: Mapping[int, Entry], scripts: Sequence[Script]) -> list[Finding]:
    """Return the applied migrations whose files were changed since."""
    found: list[Finding] = []
    for script in scripts:
        entry = entries.get(script.version)
        if entry is None or entry.checksum is None or (entry.state == "down" and not entry.is_partial):
            continue
        if not script.is_as(entry.checksum):
            when = "" if entry.finished_at is None else f" on {entry.finished_at:%Y-%m-%d %H:%M}"
            found.append(
                Finding(
                    "edited",
                    script.version,
                    f"{script.path} was edited after it was applied{when}",
                    "bring the file back from version control and write a new migration; if the change is harmless: "
                    f"ectype resolve {script.version} --applied",
                )
            )
    return found


def gone(entries: Mapping[int, Entry], scripts: Sequence[Script]) -> list[Finding]:
    """Return the applied migrations whose files are not there."""
    there = {script.version for script in scripts} | {one for script in scripts for one in script.replaces}
    return [
        Finding(
            "gone",
            entry.version,
            f"{entry.version} {entry.name} is applied, but its file is gone",
            f"bring {entry.version}_{entry.name}.py back from version control",
        )
        for entry in entries.values()
        if (entry.state == "up" or entry.is_partial) and entry.checksum is not None and entry.version not in there
    ]


def out_of_order(entries: Mapping[int, Entry], pending: Sequence[Script]) -> list[Finding]:
    """Return the pending migrations that are older than the newest applied one."""
    newest = max(settled(entries), default=0)
    return [
        Finding(
            "order",
            script.version,
            f"{script.version} {script.name} is pending, but older than {newest}, which is applied",
            f"give it a newer version: rename {script.path.name}",
        )
        for script in pending
        if script.version < newest
    ]


def inside_squash(entries: Mapping[int, Entry], scripts: Sequence[Script]) -> list[Finding]:
    """Return the squashed migrations of which only some are applied, so that neither they nor the whole can run."""
    there = settled(entries)
    return [
        Finding(
            "order",
            script.version,
            f"{script.path} stands for {len(script.replaces)} migrations, of which this database has "
            f"{sum(one in there for one in script.replaces)}",
            "apply the others from a version of the program that has their files: "
            f"ectype migrate --to {script.version}",
        )
        for script in scripts
        if script.version not in there and any(one in there for one in script.replaces)
    ]


def half_way(entries: Mapping[int, Entry]) -> list[Finding]:
    """Return what ended half-way."""
    errors = [(entry, _half_way(entry)) for entry in entries.values() if entry.is_partial]
    return [Finding("partial", entry.version, error.message, error.hint or "") for entry, error in errors]


def _half_way(entry: Entry) -> JournalMismatchError:
    decide = f"ectype resolve {entry.version} --applied\n    ectype resolve {entry.version} --rolled-back"
    if entry.is_resumable:
        command = "migrate" if entry.state == "up" else "rollback"
        return JournalMismatchError(
            f"{entry.version} {entry.name} was interrupted going {entry.state}, after step {entry.step} of "
            f"{entry.steps}",
            hint=f"go on with it, or finish or undo it by hand and say so:\n\n    ectype {command}\n    {decide}",
        )
    return JournalMismatchError(
        f"{entry.version} {entry.name} ended half-way going {entry.state}: a COMMIT in its text saved a part",
        hint=f"look at the database, finish it or undo it by hand, and say so:\n\n    {decide}",
    )
