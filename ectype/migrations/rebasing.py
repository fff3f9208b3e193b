"""Two branches that both added migrations, put in one row: those of this branch get versions after the others'."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias

from ectype.errors import MigrationError
from ectype.migrations.history import Entry
from ectype.migrations.lock_file import LINE, NAME, write_lock_file
from ectype.migrations.scripts import Folders, Script, checksum, find_all, folders_of
from ectype.migrations.sessions import HasAdapter, reading

Side: TypeAlias = Literal["ours", "theirs"]
"""Which half of a conflict is of the branch whose migrations move: the upper one, or the lower one."""

TIME: Final = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class Renumbered:
    """One migration of this branch, and the version that it has after the others.

    Attributes:
        path: its file before.
        to: its file after.
        version: its version before.
        new_version: its version after.
    """

    path: Path
    to: Path
    version: int
    new_version: int


@dataclass(frozen=True, slots=True)
class Rebased:
    """What was done, or with `plan=True` would be.

    Attributes:
        renumbered: the migrations that got another version, in their order.
        lock_files: the lock files that were written anew.
    """

    renumbered: tuple[Renumbered, ...]
    lock_files: tuple[Path, ...]


async def rebase(
    repo: HasAdapter,
    folder: Folders = "migrations",
    *,
    now: datetime,
    local: Collection[Path] | None = None,
    side: Side = "ours",
    prefix: str | None = None,
    plan: bool = False,
) -> Rebased:
    """Give the migrations of this branch versions after those of the branch that it was merged with.

    Which ones are of this branch is what `local` says, or else one half of the conflicts that git left in the lock
    files. They keep their order, and those that come after the others anyway keep their versions. Files are renamed,
    and the lock files written anew, without the marks of the conflict.

    Args:
        repo: the repo, or whatever has an adapter, in whose database none of them may be applied.
        folder: the folder of migrations, or several.
        now: the time, aware; a version is a time.
        local: the files of this branch.
        side: which half of a conflict is of this branch: `ours` in a merge, `theirs` while git rebases.
        prefix: the PostgreSQL schema.
        plan: change nothing, and say what would be.

    Raises:
        MigrationError: one that would get another version is applied, or is a squashed one; two have one name; or
            nothing says which are of this branch. Nothing was changed.
        ConnectError: the database cannot be reached.

    Example:
        await rebase(repo, now=datetime.now(UTC), plan=True)
    """
    folders = folders_of(folder)
    scripts = find_all(folders)
    mine = _of_this_branch(folders, scripts, local, side)
    others = [script for script in scripts if script not in mine]
    _refuse_one_name(mine, others)
    moves = _moves(mine, others, now)
    _refuse_squashed([script for script, _ in moves])
    async with reading(repo, prefix) as journal:
        _refuse_applied([script for script, _ in moves], await journal.read())
    done = tuple(_renumbered(script, version) for script, version in moves)
    if plan:
        return Rebased(done, ())
    for one in done:
        one.path.rename(one.to)
    written = [write_lock_file(one) for one in folders if done or (one / NAME).exists()]
    return Rebased(done, tuple(path for path in written if path is not None))


def _of_this_branch(
    folders: Sequence[Path], scripts: Sequence[Script], local: Collection[Path] | None, side: Side
) -> list[Script]:
    if local is not None:
        resolved = {path.resolve() for path in local}
        return [script for script in scripts if script.path.resolve() in resolved]
    lines = {one: _conflict(one / NAME, side) for one in folders}
    if not any(lines.values()):
        raise MigrationError(
            "nothing says which migrations are of this branch: no lock file has the marks of a conflict",
            hint="name the branch that they go after: ectype rebase --onto origin/main",
        )
    return [script for script in scripts if _is_in(script, scripts, lines[script.folder])]


def _is_in(script: Script, scripts: Sequence[Script], lines: Collection[tuple[int, str]]) -> bool:
    """Whether one of the lines is that of the file, which may have been edited since, where it is the only one."""
    if (script.version, checksum(script.path)) in lines:
        return True
    is_only = sum(one.version == script.version and one.folder == script.folder for one in scripts) == 1
    return is_only and any(version == script.version for version, _ in lines)


def _conflict(path: Path, side: Side) -> set[tuple[int, str]]:
    """Return the lines of one half of the conflicts in a lock file, without those that both halves have."""
    halves: dict[Side, set[tuple[int, str]]] = {"ours": set(), "theirs": set()}
    half: Side | None = None
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines():
        if line.startswith("<<<<<<<"):
            half = "ours"
        elif line.startswith("|||||||"):
            # What both began with, in the style `diff3`.
            half = None
        elif line.startswith("======="):
            half = "theirs"
        elif line.startswith(">>>>>>>"):
            half = None
        elif half is not None and (match := LINE.fullmatch(line.strip())) is not None:
            halves[half].add((int(match[1]), match[2]))
    return halves[side] - halves["theirs" if side == "ours" else "ours"]


def _moves(mine: Sequence[Script], others: Sequence[Script], now: datetime) -> list[tuple[Script, int]]:
    """Return which get which version: after the newest of the others, and after the one before it."""
    newest = max((script.version for script in others), default=0)
    taken = {script.version for script in others}
    moves: list[tuple[Script, int]] = []
    for script in mine:
        if script.version > newest and script.version not in taken:
            newest = script.version
        else:
            newest = _after(newest, now)
            moves.append((script, newest))
        taken.add(newest)
    return moves


def _after(version: int, now: datetime) -> int:
    """Return a version after one: the time, where that is later; else a second more, or one where it is no time."""
    try:
        at = datetime.strptime(str(version), TIME).replace(tzinfo=now.tzinfo)
    except ValueError:
        return version + 1
    return int(f"{max(now, at + timedelta(seconds=1)):{TIME}}")


def _renumbered(script: Script, version: int) -> Renumbered:
    path = script.path.with_name(f"{version}_{script.name}.py")
    return Renumbered(script.path, path, script.version, version)


def _refuse_one_name(mine: Sequence[Script], others: Sequence[Script]) -> None:
    named = {script.name: script for script in others}
    for script in mine:
        if (twin := named.get(script.name)) is not None:
            raise MigrationError(
                f"both branches have a migration named {script.name}:\n\n    {twin.path}\n    {script.path}",
                hint=f"give yours another name, by renaming {script.path}; then run it again",
            )


def _refuse_squashed(moving: Sequence[Script]) -> None:
    for script in moving:
        if script.replaces:
            raise MigrationError(
                f"{script.path} stands for the versions {', '.join(map(str, sorted(script.replaces)))}, and cannot "
                "get another one",
                hint="squash again after the merge: bring its files back from _squashed/ and remove it",
            )


def _refuse_applied(moving: Sequence[Script], entries: dict[int, Entry]) -> None:
    # A twin of the same version in the other branch may be what is applied: the name tells them apart.
    there = [
        script
        for script in moving
        if (entry := entries.get(script.version)) is not None
        and (entry.state == "up" or entry.is_partial)
        and entry.name == script.name
    ]
    if there:
        first = there[0]
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise MigrationError(
            f"{first.path}{others} would get another version, and is applied in this database",
            hint="undo the merge (git merge --abort), roll it back on your branch (ectype rollback --to "
            f"{first.version}), merge again and rebase; or, where others have it applied too, keep the versions: "
            "ectype verify --write-lock",
        )
