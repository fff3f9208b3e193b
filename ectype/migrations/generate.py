"""A new migration file, empty but for what every one has."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ectype.errors import MigrationError
from ectype.migrations.scripts import find

TEMPLATE: Final = '''"""{title}"""

from ectype.migrations import Migration


def change(m: Migration) -> None:
    """Record what changes; a rollback undoes it in reverse order."""
'''


def new_migration(folder: Path, name: str, *, now: datetime) -> Path:
    """Write a migration of that name, versioned by the clock in UTC, and return its path.

    `CreateUsers` and `create-users` become `create_users`. The folder is made when there is none.

    Args:
        folder: the folder of migrations.
        name: what the migration does.
        now: the time, aware.

    Raises:
        MigrationError: the name cannot be one, or a migration has it already.
    """
    name = _snake(name)
    scripts = find(_made(folder))
    for script in scripts:
        if script.name == name:
            raise MigrationError(f"there is a migration named {name} already: {script.path}", hint="take another name")
    version = _free_version(now, {script.version for script in scripts})
    path = folder / f"{version}_{name}.py"
    path.write_text(TEMPLATE.format(title=name.replace("_", " ")), encoding="utf-8")
    return path


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
