"""The folders of migrations: which files there are, and what is in one."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, TypeAlias, cast

from ectype.errors import MigrationError

Folders: TypeAlias = str | Path | Sequence[str | Path]
"""One folder of migrations, or several, whose files are one row by version."""

FILE_NAME: Final = re.compile(r"([0-9]{1,18})_([a-z][a-z0-9_]*)\.py")
REPLACES: Final = re.compile(r"(?ms)^replaces = (\{.*?^\})")
BACKFILLS: Final = "backfills"
"""The folder beside the migrations that holds backfills, which are none."""
NAMING: Final = "name it <version>_<name>.py, as 20261121070000_create_users.py; `ectype gen migration NAME` does so"


@dataclass(frozen=True, slots=True)
class Script:
    """One migration file: its version and name stand in the file's name.

    Attributes:
        folder: the folder of migrations that it was found in.
        replaces: of a file that `ectype squash` wrote: the versions that it stands for, with their checksums.
    """

    version: int
    name: str
    path: Path
    folder: Path = Path()
    replaces: Mapping[int, str] = field(default_factory=lambda: MappingProxyType(dict[int, str]()), hash=False)

    def is_as(self, digest: str) -> bool:
        """Whether a checksum is that of the file as it is, or of the migration of this version that it replaces."""
        return digest in (checksum(self.path), self.replaces.get(self.version))


def backfills_in(folders: Sequence[Path]) -> set[str]:
    """Return the names of the backfills beside the migrations."""
    places = [folder / BACKFILLS for folder in folders]
    return {path.stem for place in places if place.is_dir() for path in place.glob("*.py")}


def folders_of(folder: Folders) -> tuple[Path, ...]:
    """Return the folders that are meant, in the order in which they were named.

    Raises:
        MigrationError: none is named, or one lies in another, whose files would count twice.
    """
    found = (Path(folder),) if isinstance(folder, str | Path) else tuple(Path(one) for one in folder)
    if not found:
        raise MigrationError("no folder of migrations is named", hint='name one: folder="migrations"')
    resolved = [one.resolve() for one in found]
    for number, one in enumerate(resolved):
        for other in range(len(resolved)):
            if other != number and one.is_relative_to(resolved[other]):
                raise MigrationError(
                    f"the folder of migrations {found[number]} lies in {found[other]}, so its files would count twice",
                    hint=f"name {found[other]} alone: the folders in it are looked through too",
                )
    return found


def find(folder: Folders) -> tuple[Script, ...]:
    """Return the migrations of the folders and the folders in them, by version. Files that begin with `_` are none.

    Raises:
        MigrationError: there is no such folder, a file is named otherwise, or two have one version or one name, in
            whichever folders they are.
    """
    scripts = find_all(folder)
    _refuse_twins(scripts)
    return scripts


def find_all(folder: Folders) -> tuple[Script, ...]:
    """Return what `find` does, without a look at whether two have one version or one name.

    Raises:
        MigrationError: there is no such folder, or a file is named otherwise.
    """
    found: list[Script] = []
    for one in folders_of(folder):
        if not one.is_dir():
            raise MigrationError(
                f"there is no folder of migrations at {one}",
                hint="`ectype gen migration NAME` makes it, `--folder` names another",
            )
        found += [_script(path, one) for path in _python_files(one)]
    return tuple(sorted(found, key=lambda script: script.version))


def checksum(path: Path) -> str:
    """Return the SHA-256 of the file's text; line ends do not count, since version control may change them."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def load(script: Script) -> ModuleType:
    """Run the file as a module and return it.

    Raises:
        MigrationError: it cannot be run; the message names the line.
    """
    module = ModuleType(f"ectype_migration_{script.version}")
    module.__file__ = str(script.path)
    # Dataclasses and enums look their module up while the file runs.
    sys.modules[module.__name__] = module
    try:
        # Compiled here and not imported: the import system would believe a stale `.pyc` of the same second.
        exec(compile(script.path.read_bytes(), str(script.path), "exec"), module.__dict__)
    except Exception as exc:
        raise MigrationError(
            f"{place(exc, script.path)}: the migration cannot be read: {type(exc).__name__}: {exc}",
            hint="the file must run as a Python module before any of it is applied",
        ) from exc
    finally:
        del sys.modules[module.__name__]
    return module


def place(error: BaseException, path: Path) -> str:
    """Return `file:line` of the last line of the file that the error passed through, or the file alone."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _python_files(folder: Path) -> list[Path]:
    files = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return sorted(
        folder / path
        for path in files
        if path.parts[0] != BACKFILLS and not any(part.startswith(("_", ".")) for part in path.parts)
    )


def _script(path: Path, folder: Path) -> Script:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"{path} is not named as a migration", hint=NAMING)
    return Script(int(match[1]), match[2], path, folder, MappingProxyType(_replaces(path)))


def _replaces(path: Path) -> dict[int, str]:
    """Read `replaces = {…}` without running the file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    match = REPLACES.search(text)
    if match is None:
        return {}
    try:
        found = cast("dict[int, str]", ast.literal_eval(match[1]))
    except (ValueError, SyntaxError) as exc:
        raise MigrationError(
            f"`replaces` of {path} cannot be read: {exc}", hint="bring the file back as `ectype squash` wrote it"
        ) from exc
    return found


def _refuse_twins(scripts: Sequence[Script]) -> None:
    seen: dict[int | str, Script] = {}
    for script in scripts:
        for what, key in (("version", script.version), ("name", script.name)):
            if (twin := seen.setdefault(key, script)) is not script:
                raise MigrationError(
                    f"two migrations have the {what} {key}:\n\n    {twin.path}\n    {script.path}",
                    hint=f"give one of them another {what}, by renaming the file",
                )
