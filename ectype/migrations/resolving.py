"""The journal put right by hand: what is applied and what is not, said and not run."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.checks import settled
from ectype.migrations.history import Entry, State
from ectype.migrations.patience import Patience
from ectype.migrations.scripts import Folders, Script, checksum, find
from ectype.migrations.sessions import HasAdapter, working
from ectype.migrations.steps import Goal, plan

Resolution: TypeAlias = Literal["applied", "rolled-back"]

STATES: Final[dict[str, State]] = {"applied": "up", "rolled-back": "down"}


async def resolve(
    repo: HasAdapter,
    version: int,
    resolution: Resolution,
    folder: Folders = "migrations",
    *,
    prefix: str | None = None,
    lock_wait: float = 60.0,
) -> None:
    """Write into the journal how a migration that ended half-way was finished, or undone, by hand.

    `applied` also accepts the text of a file that was edited after it was applied. Nothing of the migration runs.

    Raises:
        MigrationError: the migration is unknown, or the journal says so already.
        MigrationLockError: another run did not end in time.
        ConnectError: the database cannot be reached.
    """
    if resolution not in STATES:
        raise MigrationError(
            f"{resolution!r} is no resolution", hint=did_you_mean(resolution, STATES) or "applied, or rolled-back"
        )
    scripts = {script.version: script for script in find(folder)}
    async with working(repo, Patience(lock_wait), prefix) as session:
        await session.guard.begin(session.connection)
        entries = await session.journal.read()
        name, digest = _facts(version, scripts, entries)
        state = STATES[resolution]
        _refuse_what_is_so(version, entries.get(version), state, digest, scripts.get(version))
        await session.journal.record(version, name, digest, state)
        await session.connection.commit()


async def baseline(
    repo: HasAdapter,
    version: int,
    folder: Folders = "migrations",
    *,
    prefix: str | None = None,
    lock_wait: float = 60.0,
) -> list[int]:
    """Say that a database which was there before its journal has all migrations up to a version, and return them.

    Raises:
        MigrationError: the version is unknown, or the journal has migrations already.
        MigrationLockError: another run did not end in time.
        ConnectError: the database cannot be reached.
    """
    steps = plan({}, find(folder), Goal("up", to=version))
    async with working(repo, Patience(lock_wait), prefix) as session:
        await session.guard.begin(session.connection)
        there = settled(await session.journal.read())
        if there:
            raise MigrationError(
                f"the journal has {len(there)} migrations already, the last one {max(there)}: a baseline is for a "
                "database without",
                hint=f"to write more of them into it: ectype migrate --fake --to {version}",
            )
        for step in steps:
            await session.journal.record(step.script.version, step.script.name, checksum(step.script.path), "up")
        await session.connection.commit()
    return [step.script.version for step in steps]


def _facts(version: int, scripts: dict[int, Script], entries: dict[int, Entry]) -> tuple[str, str | None]:
    script, entry = scripts.get(version), entries.get(version)
    if script is not None:
        return script.name, checksum(script.path)
    if entry is not None:
        return entry.name, entry.checksum
    known = [str(one) for one in sorted(scripts.keys() | entries.keys())]
    raise MigrationError(f"there is no migration {version}", hint=did_you_mean(str(version), known))


def _refuse_what_is_so(
    version: int, entry: Entry | None, state: State, digest: str | None, script: Script | None
) -> None:
    if entry is None:
        if state == "down":
            raise MigrationError(f"{version} is not applied", hint="there is nothing to resolve")
        return
    same_text = entry.checksum == digest or (
        script is not None and entry.checksum is not None and script.is_as(entry.checksum)
    )
    if entry.state == state and not entry.is_partial and (state == "down" or same_text):
        word = "applied" if state == "up" else "rolled back"
        raise MigrationError(f"{version} {entry.name} is {word} already", hint="there is nothing to resolve")
