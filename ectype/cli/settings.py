"""Which database and which folder: from an option, the environment, or `[tool.ectype]` in pyproject.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from ectype.adapters.settings import with_settings
from ectype.adapters.url import Config, parse
from ectype.errors import ConfigError, did_you_mean

KEYS: Final = (
    "url",
    "migrations",
    "schemas",
    "seeds",
    "structure",
    "statement_timeout",
    "migration_source",
    "migration_lock",
)
LONGEST_SECONDS: Final = 86_400
REPOS: Final = "repos"
REPO_VARIABLE: Final = "ECTYPE_REPO"
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Project:
    """What the nearest pyproject.toml says, going upward; the values are None where it says nothing.

    Attributes:
        root: the folder of that file, or the current one when there is none.
        url: the database.
        migrations: the folders of migrations.
        schemas: the modules of the schemas, with commas between them: `app.schemas`.
        seeds: the file that `ectype seed` runs.
        structure: the file that `ectype dump` writes.
        statement_timeout: how long a statement of a migration may take, as `30s`.
        migration_source: the table of the journal of migrations.
        migration_lock: what the lock of a run of migrations belongs to.
        repo: the name of the repo that was chosen, None for the one of `[tool.ectype]` itself.
    """

    root: Path
    url: str | None = None
    migrations: tuple[str, ...] | None = None
    schemas: str | None = None
    seeds: str | None = None
    structure: str | None = None
    statement_timeout: str | None = None
    migration_source: str | None = None
    migration_lock: str | None = None
    repo: str | None = None


def url_variable(repo: str | None) -> str:
    """Return the environment variable that names a repo's database.

    >>> url_variable(None), url_variable("reports")
    ('DATABASE_URL', 'REPORTS_DATABASE_URL')
    """
    return "DATABASE_URL" if repo is None else f"{repo.upper()}_DATABASE_URL"


def setting_variable(key: str, repo: str | None) -> str:
    """Return the environment variable that goes before a key of pyproject.toml.

    >>> setting_variable("migrations", None), setting_variable("migrations", "reports")
    ('ECTYPE_MIGRATIONS', 'ECTYPE_REPORTS_MIGRATIONS')
    """
    return "_".join(["ECTYPE", *([] if repo is None else [repo.upper()]), key.upper()])


def database_url(option: str | None, project: Project, environ: Mapping[str, str] = os.environ) -> str:
    """Return the database's URL: the option, else `DATABASE_URL`, else `url` in pyproject.toml.

    Of a repo with a name it is `NAME_DATABASE_URL`, so that no command for it meets the database of another.

    Raises:
        ConfigError: none of them is given.
    """
    variable = url_variable(project.repo)
    url = option or environ.get(variable) or project.url
    if not url:
        table = "tool.ectype" if project.repo is None else f"tool.ectype.{REPOS}.{project.repo}"
        what = "no database is named" if project.repo is None else f"no database is named for the repo `{project.repo}`"
        raise ConfigError(
            what,
            hint="name it in one of these ways:\n\n    ectype … --database postgresql://localhost/blog\n"
            f"    export {variable}=postgresql://localhost/blog\n\n"
            f'    [{table}]                        # in pyproject.toml\n    url = "sqlite:///blog.db"',
        )
    return url


def database_of(option: str | None, project: Project, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the database with what the settings say of its migrations.

    Raises:
        ConfigError: no database is named, or its URL or a setting cannot be used.
    """
    config = parse(database_url(option, project, environ))
    return with_settings(config, migration_source=project.migration_source, migration_lock=project.migration_lock)


def migrations_folders(options: Sequence[Path] | None, project: Project) -> tuple[Path, ...]:
    """Return the folders of migrations: the options, else what pyproject.toml says, else `migrations` beside it.

    Of a repo with a name that is `migrations/NAME`.
    """
    if options:
        return tuple(beside(one, project, "") for one in options)
    default = "migrations" if project.repo is None else f"migrations/{project.repo}"
    return tuple(beside(None, project, one) for one in project.migrations or (default,))


def folders_to_write(options: Sequence[Path] | None, project: Project) -> tuple[Path, ...]:
    """Return the folders of migrations, the one that a new migration goes into first.

    It is the first, or the one that an option names; the others of the project are still looked through, so that no
    version and no name is taken twice.
    """
    named = migrations_folders(options, project)
    others = migrations_folders(None, project)
    known = {one.resolve() for one in others}
    if not options or not all(one.resolve() in known for one in named):
        return named
    return (*named, *(one for one in others if one.resolve() not in {path.resolve() for path in named}))


def seconds(text: str) -> float | None:
    """Read a number of seconds; None where it is none.

    >>> seconds("60"), seconds("0.5s"), seconds("soon")
    (60.0, 0.5, None)
    """
    try:
        found = float(text.removesuffix("s"))
    except ValueError:
        return None
    return found if 0 <= found <= LONGEST_SECONDS else None


def statement_timeout(option: float | None, project: Project) -> float | None:
    """Return how long a statement of a migration may take: the option, else the setting, else None.

    Raises:
        ConfigError: the setting is no number of seconds.
    """
    if option is not None or project.statement_timeout is None:
        return option
    found = seconds(project.statement_timeout)
    if found is None:
        raise ConfigError(
            f"`statement_timeout` is {project.statement_timeout!r}, which is no number of seconds",
            hint='statement_timeout = "30s", or ECTYPE_STATEMENT_TIMEOUT=30s',
        )
    return found


def beside(option: Path | None, project: Project, default: str) -> Path:
    """Return the path that was given, else the default in the project's folder; relative where that is shorter."""
    path = option or project.root / default
    current = Path.cwd()
    return path.relative_to(current) if path.is_relative_to(current) else path


def find_project(start: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """Return what the nearest pyproject.toml says, going upward; no more than `start` when there is none.

    `ECTYPE_REPO`, which `--repo` sets, chooses one of the repos under `[tool.ectype.repos]`. `ECTYPE_MIGRATIONS`,
    `ECTYPE_SCHEMAS` and the others go before what the file says; of a repo with a name it is `ECTYPE_NAME_MIGRATIONS`.
    Their paths are relative to the file, as its own are.

    Raises:
        ConfigError: the file cannot be read, or says what ectype does not know; or it has no such repo.
    """
    chosen = environ.get(REPO_VARIABLE) or None
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _said_outside(_read(path, chosen), environ)
    if chosen is not None:
        raise ConfigError(f"there is no repo `{chosen}`: no pyproject.toml is here", hint=_example(chosen))
    return _said_outside(Project(start), environ)


def _said_outside(project: Project, environ: Mapping[str, str]) -> Project:
    """Return the settings with those of the environment before them; the URL has a variable of its own."""
    said = {key: environ.get(setting_variable(key, project.repo)) for key in KEYS if key != "url"}
    found: dict[str, Any] = {key: value for key, value in said.items() if value}
    if folders := said["migrations"]:
        # As PATH lists folders.
        found["migrations"] = tuple(one for one in folders.split(os.pathsep) if one)
    return replace(project, **found)


def _read(path: Path, chosen: str | None) -> Project:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    table = _table(path, _table(path, document, "tool"), "ectype")
    repos = _table(path, table, REPOS)
    own = _values(path, "tool.ectype", {key: value for key, value in table.items() if key != REPOS})
    named = {name: _values(path, f"tool.ectype.{REPOS}.{name}", _repo(path, repos, name)) for name in repos}
    if chosen is None:
        return Project(path.parent, **own)
    if chosen not in named:
        hint = did_you_mean(chosen, named) if named else _example(chosen)
        raise ConfigError(f"there is no repo `{chosen}` in {path}", hint=hint)
    # What a repo does not say is as of all, but for the two that would mix two databases up.
    shared = {key: value for key, value in own.items() if key not in ("url", "migrations", "structure")}
    return Project(path.parent, **{**shared, **named[chosen]}, repo=chosen)


def _example(name: str) -> str:
    return f'say what it is in pyproject.toml:\n\n    [tool.ectype.{REPOS}.{name}]\n    url = "sqlite:///{name}.db"'


def _repo(path: Path, repos: Mapping[str, object], name: str) -> Mapping[str, object]:
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} in {path} cannot be the name of a repo", hint="take lower-case letters, digits and underscores"
        )
    return _table(path, repos, name)


def _values(path: Path, where: str, table: Mapping[str, object]) -> dict[str, Any]:
    return {key: _value(path, where, key, value) for key, value in table.items()}


def _value(path: Path, where: str, key: str, value: object) -> str | tuple[str, ...]:
    if key != "migrations" or not isinstance(value, list):
        text = _text(path, where, key, value)
        return (text,) if key == "migrations" else text
    folders = cast("list[object]", value)
    if not folders:
        raise ConfigError(f"`migrations` of [{where}] in {path} names no folder", hint='migrations = ["migrations"]')
    return tuple(_text(path, where, key, one) for one in folders)


def _table(path: Path, document: Mapping[str, object], key: str) -> Mapping[str, object]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"`{key}` in {path} is no table, but {table!r}", hint="write [tool.ectype]")
    return cast("dict[str, object]", table)


def _text(path: Path, where: str, key: str, value: object) -> str:
    if key not in KEYS:
        known = (*KEYS, REPOS) if where == "tool.ectype" else KEYS
        raise ConfigError(f"[{where}] in {path} has an unknown key `{key}`", hint=did_you_mean(key, known))
    if not isinstance(value, str) or not value:
        raise ConfigError(f"`{key}` of [{where}] in {path} must be text, got {value!r}", hint=f'{key} = "…"')
    return value
