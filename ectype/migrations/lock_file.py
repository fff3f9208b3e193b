"""`migrations.lock`: the version and the checksum of each migration, a line each, for version control.

Two branches that both add a migration change the same end of the file, so that merging them is a conflict which
somebody sees. A line whose file is missing shows a deployment that is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ectype.errors import MigrationError
from ectype.migrations.checks import Finding
from ectype.migrations.scripts import Script, checksum, find

NAME: Final = "migrations.lock"
LINE: Final = re.compile(r"([0-9]{1,18}) ([0-9a-f]{64})")


def write_lock_file(folder: str | Path = "migrations", *, only_if_there: bool = False) -> Path | None:
    """Write the file anew, and return its path; None when nothing had to be written.

    Args:
        folder: the folder of migrations; the file stands in it.
        only_if_there: leave it when there is no such file.

    Raises:
        MigrationError: the folder cannot be used, or the file cannot be written.
    """
    path = Path(folder) / NAME
    if only_if_there and not path.exists():
        return None
    text = "".join(f"{script.version} {checksum(script.path)}\n" for script in find(Path(folder)))
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
        return None
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise MigrationError(
            f"{path} cannot be written: {exc.strerror}", hint="write it where the folder can be written, and commit it"
        ) from exc
    return path


def locked(folder: Path) -> dict[int, str] | None:
    """Return the checksum of each version in the file; None when there is none.

    Raises:
        MigrationError: a line is none of ours, as after a merge that left its marks.
    """
    path = folder / NAME
    if not path.exists():
        return None
    found: dict[int, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise MigrationError(
                f"{path}:{number}: {line[:80]!r} is no version with its checksum",
                hint="after a merge: `ectype rebase` puts your migrations after the others and writes the file anew",
            )
        found[int(match[1])] = match[2]
    return found


def missing_files(folders: Sequence[Path], scripts: Sequence[Script]) -> list[Finding]:
    """Return the versions of the lock files that have no file.

    Raises:
        MigrationError: a line of a lock file is none of ours.
    """
    # A squashed file may stand in another folder than what it stands for.
    replaced = {one for script in scripts for one in script.replaces}
    return [
        Finding(
            "lock",
            version,
            f"{folder / NAME} lists {version}, but its file is not there",
            "bring the file here, as from version control; or take the line out if the migration is given up",
        )
        for folder in folders
        for version in locked(folder) or {}
        if version not in replaced and not any(one.version == version and one.folder == folder for one in scripts)
    ]


def unlike(folders: Sequence[Path], scripts: Sequence[Script]) -> list[Finding]:
    """Return where the lock files and the files differ; nothing of a folder that has no lock file.

    Raises:
        MigrationError: a line of a lock file is none of ours.
    """
    lines_of = {folder: locked(folder) for folder in folders}
    found = missing_files(folders, scripts)
    for script in scripts:
        folder, lines = script.folder, lines_of[script.folder]
        if lines is None:
            continue
        line = lines.get(script.version)
        if line is None:
            text, hint = f"{script.path} is not in {folder / NAME}", "`ectype verify --write-lock` writes the file anew"
        elif line != checksum(script.path):
            text = f"{script.path} is not as {folder / NAME} says"
            hint = "`ectype migrate` writes the file anew when it has run, and `ectype verify --write-lock` at once"
        else:
            continue
        found.append(Finding("lock", script.version, text, hint))
    return found
