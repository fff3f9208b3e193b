"""Which database and which folder: from an option, the environment, or `[tool.ectype]` in pyproject.toml."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from ectype.errors import ConfigError, did_you_mean

KEYS: Final = ("url", "migrations", "schemas")


@dataclass(frozen=True, slots=True)
class Project:
    """What the nearest pyproject.toml says, going upward; the values are None where it says nothing.

    Attributes:
        root: the folder of that file, or the current one when there is none.
    """

    root: Path
    url: str | None = None
    migrations: str | None = None
    schemas: str | None = None


def database_url(option: str | None, project: Project, environ: Mapping[str, str] = os.environ) -> str:
    """Return the database's URL: the option, else `DATABASE_URL`, else `url` in pyproject.toml.

    Raises:
        ConfigError: none of them is given.
    """
    url = option or environ.get("DATABASE_URL") or project.url
    if not url:
        raise ConfigError(
            "no database is named",
            hint="name it in one of these ways:\n\n    ectype … --database postgresql://localhost/blog\n"
            "    export DATABASE_URL=postgresql://localhost/blog\n\n"
            '    [tool.ectype]                        # in pyproject.toml\n    url = "sqlite:///blog.db"',
        )
    return url


def migrations_folder(option: Path | None, project: Project) -> Path:
    """Return the folder of migrations: the option, else what pyproject.toml says, else `migrations` beside it."""
    folder = option or project.root / (project.migrations or "migrations")
    current = Path.cwd()
    return folder.relative_to(current) if folder.is_relative_to(current) else folder


def find_project(start: Path) -> Project:
    """Return what the nearest pyproject.toml says, going upward; no more than `start` when there is none.

    Raises:
        ConfigError: the file cannot be read, or says what ectype does not know.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _read(path)
    return Project(start)


def _read(path: Path) -> Project:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    table = _table(path, _table(path, document, "tool"), "ectype")
    return Project(path.parent, **{key: _text(path, key, value) for key, value in table.items()})


def _table(path: Path, document: Mapping[str, object], key: str) -> Mapping[str, object]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"`{key}` in {path} is no table, but {table!r}", hint="write [tool.ectype]")
    return cast("dict[str, object]", table)


def _text(path: Path, key: str, value: object) -> str:
    if key not in KEYS:
        raise ConfigError(f"[tool.ectype] in {path} has an unknown key `{key}`", hint=did_you_mean(key, KEYS))
    if not isinstance(value, str) or not value:
        raise ConfigError(f"`{key}` of [tool.ectype] in {path} must be text, got {value!r}", hint=f'{key} = "…"')
    return value
