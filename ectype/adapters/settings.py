"""What a repo is told beside its URL, and which database takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from ectype.adapters.migrating import checked_lock, checked_source
from ectype.adapters.url import MEMORY, Config, parse
from ectype.errors import ConfigError, did_you_mean

Prepare: TypeAlias = Literal["auto", "named", "unnamed"]
"""Whether statements stay prepared on the server, by name: see `ectype.adapters.postgres`."""
_PREPARE = ("auto", "named", "unnamed")
_TAKEN = ("main", "temp")


def with_settings(
    config: Config,
    *,
    direct_url: str | None = None,
    prepare: str | None = None,
    attach: Mapping[str, str] | None = None,
    migration_source: str | None = None,
    migration_lock: str | None = None,
) -> Config:
    """Return the configuration with what the repo was told; None leaves a setting as the URL has it.

    Args:
        config: what the URL says.
        direct_url: where a session of its own is had: the server itself, where the URL leads to a pooler.
        prepare: what `?prepare=` says.
        attach: SQLite's further files, a path or `sqlite:///` URL by the name of its schema.
        migration_source: the table of the journal of migrations.
        migration_lock: what the lock of a run of migrations belongs to.

    Raises:
        ConfigError: the database does not know the setting, or cannot use the value.
    """
    if migration_source is not None:
        config = replace(config, migrating=replace(config.migrating, source=checked_source(migration_source)))
    if migration_lock is not None:
        config = replace(config, migrating=replace(config.migrating, lock=checked_lock(migration_lock)))
    if config.scheme == "sqlite":
        of_postgres = {"direct_url": direct_url, "prepare": prepare, "migration_lock": migration_lock}
        for name, value in of_postgres.items():
            if value is not None:
                raise ConfigError(
                    f"{name}= is a setting of PostgreSQL, and {config.masked} is SQLite",
                    hint="leave it out: nothing stands between the program and a file",
                )
        return replace(config, attach=_files(attach or {}, in_memory=config.path == MEMORY))
    if attach:
        raise ConfigError(
            f"attach= is a setting of SQLite, and {config.masked} is a server",
            hint="name a PostgreSQL schema with `prefix=`; for another database make another repo",
        )
    if prepare is not None:
        if prepare not in _PREPARE:
            raise ConfigError(f"prepare={prepare!r} is not a choice", hint=did_you_mean(str(prepare), _PREPARE))
        config = replace(config, options=MappingProxyType({**config.options, "prepare": prepare}))
    if direct_url is not None:
        config = replace(config, direct=_direct(direct_url, config))
    return config


def _direct(direct_url: str, config: Config) -> Config:
    direct = parse(direct_url)
    if direct.scheme != config.scheme:
        raise ConfigError(
            f"direct_url={direct.masked} is another kind of database than {config.masked}",
            hint="it leads to the same database, without the pooler in between",
        )
    return direct


def _files(attach: Mapping[str, str], *, in_memory: bool) -> Mapping[str, str]:
    files: dict[str, str] = {}
    for name, where in attach.items():
        if not name.isidentifier() or not name.isascii() or name.lower() in _TAKEN:
            raise ConfigError(
                f"attach= cannot call a schema {name!r}", hint="give it a plain name other than `main` and `temp`"
            )
        config = parse(where) if "://" in where else None
        if config is not None and (config.scheme != "sqlite" or config.options):
            raise ConfigError(
                f"attach={{{name!r}: {config.masked!r}}} is no SQLite file without options",
                hint="give the path of a file; its options are those of the repo's URL",
            )
        path = where if config is None else config.path
        if not path or "\0" in path:
            raise ConfigError(f"attach={{{name!r}: {where!r}}} names no file", hint="give the path of a file")
        if path == MEMORY and not in_memory:
            raise ConfigError(
                f"attach={{{name!r}: {where!r}}} would be another database in each connection", hint="name a file"
            )
        files[name] = path
    return MappingProxyType(files)
