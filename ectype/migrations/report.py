"""What is applied and what is pending: the folder and the journal, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from ectype.migrations import guard_postgres
from ectype.migrations.history import Entry
from ectype.migrations.scripts import Folders, Script, find
from ectype.migrations.sessions import HasAdapter, reading

File: TypeAlias = Literal["ok", "edited", "gone"]
"""How an applied migration's file is: as it was applied, changed since then, or not there."""


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration, as the folder and the journal know it.

    Attributes:
        version: its number.
        name: its name.
        state: `up` when it is applied, `partial` when it ended half-way in either direction, else `pending`.
        file: `edited` or `gone` when it is applied and its file is not what it was.
        finished_at: when it was applied; None while it is pending.
        duration_ms: how long that took, in milliseconds; None while it is pending.
        step: how many steps of a migration that was interrupted are done.
        steps: how many steps that one has.
    """

    version: int
    name: str
    state: Literal["up", "partial", "pending"]
    file: File
    finished_at: datetime | None
    duration_ms: int | None
    step: int | None = None
    steps: int | None = None


async def status(
    repo: HasAdapter, folder: Folders = "migrations", *, prefix: str | None = None
) -> list[MigrationStatus]:
    """Return every migration of the folder and of the journal, by rising version. It writes nothing.

    Raises:
        MigrationError: the folder cannot be used, or the journal is another tool's table.
        ConnectError: the database cannot be reached.
    """
    scripts = {script.version: script for script in find(folder)}
    async with reading(repo, prefix) as journal:
        read = await journal.read()
    entries = {version: entry for version, entry in read.items() if entry.state == "up" or entry.is_partial}
    replaced = {version for script in scripts.values() for version in script.replaces}
    versions = sorted(scripts.keys() | (entries.keys() - replaced))
    return [_status(scripts.get(version), entries.get(version)) for version in versions]


async def lock_holder(repo: HasAdapter, *, prefix: str | None = None) -> str | None:
    """Say who holds the lock of the migrations now: `free` for nobody, None where the database does not tell.

    SQLite's lock is that of its file, which is found out only by taking it.

    Raises:
        ConnectError: the database cannot be reached.
    """
    if repo.adapter.dialect.target == "sqlite":
        return None
    return await guard_postgres.holder(repo.adapter, prefix or "") or "free"


def _status(script: Script | None, entry: Entry | None) -> MigrationStatus:
    if entry is not None:
        file = _file(script, entry)
        state = "partial" if entry.is_partial else "up"
        steps = (entry.step, entry.steps) if entry.is_resumable else (None, None)
        return MigrationStatus(entry.version, entry.name, state, file, entry.finished_at, entry.duration_ms, *steps)
    assert script is not None, "a migration is in the folder or in the journal"
    return MigrationStatus(script.version, script.name, "pending", "ok", None, None)


def _file(script: Script | None, entry: Entry) -> File:
    if script is None:
        return "ok" if entry.checksum is None else "gone"
    return "ok" if entry.checksum is None or script.is_as(entry.checksum) else "edited"
