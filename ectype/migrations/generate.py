"""A new migration file, empty but for what every one has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ectype.errors import MigrationError
from ectype.migrations.scripts import Folders, find, folders_of

TEMPLATE: Final = '''"""{title}"""

from ectype.migrations import Migration


def change(m: Migration) -> None:
    """Record what changes; a rollback undoes it in reverse order."""
'''


def new_migration(folder: Folders, name: str, *, now: datetime) -> Path:
    """Write a migration of that name, versioned by the clock in UTC, and return its path.

    `CreateUsers` and `create-users` become `create_users`. The folder is made when there is none.

    Args:
        folder: the folder of migrations; of several the first, and no name or version of the others is taken.
        name: what the migration does.
        now: the time, aware.

    Raises:
        MigrationError: the name cannot be one, or a migration has it already.
    """
    return write_migrations(folder, [(name, lambda title: TEMPLATE.format(title=title))], now=now)[0]


def write_migrations(
    folder: Folders, files: Sequence[tuple[str, Callable[[str], str]]], *, now: datetime
) -> list[Path]:
    """Write migrations in their order: of each its name, and what makes its text of its title. Return their paths.

    Raises:
        MigrationError: a name cannot be one, or a migration has it already; then nothing is written.
    """
    names = [_snake(name) for name, _ in files]
    target, *others = folders_of(folder)
    scripts = find((_made(target), *(one for one in others if one.is_dir())))
    for script in scripts:
        if script.name in names:
            raise MigrationError(
                f"there is a migration named {script.name} already: {script.path}", hint="take another name"
            )
    taken = {script.version for script in scripts}
    if len(files) > 1 and taken:
        # Files that belong together must not stand on two sides of one that is there.
        now = max(now, _after(max(taken), now))
    texts: list[tuple[Path, str]] = []
    for name, (_, make) in zip(names, files, strict=True):
        version = _free_version(now, taken)
        taken.add(version)
        texts.append((target / f"{version}_{name}.py", make(name.replace("_", " "))))
    for path, text in texts:
        path.write_text(text, encoding="utf-8")
    return [path for path, _ in texts]


def _after(version: int, now: datetime) -> datetime:
    """Return the second after a version, where it is a time; else the one that was given."""
    try:
        return datetime.strptime(str(version), "%Y%m%d%H%M%S").replace(tzinfo=now.tzinfo) + timedelta(seconds=1)
    except ValueError:
        return now


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise MigrationError(f"the folder {folder} cannot be made: {exc.strerror}", hint="name another one") from exc
    return folder


def _snake(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_").lower()
    if re.fullmatch(r"[a-z][a-z0-9_]*", words) is None:
        raise MigrationError(
            f"{name!r} cannot be the name of a migration", hint="take letters, digits and underscores: create_users"
        )
    return words


def _free_version(now: datetime, taken: set[int]) -> int:
    while (version := int(f"{now:%Y%m%d%H%M%S}")) in taken:
        now += timedelta(seconds=1)
    return version
