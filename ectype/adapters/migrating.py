"""How the migrations of a database are kept: the table of their journal, and the lock of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ectype.errors import ConfigError, did_you_mean

MigrationLock: TypeAlias = Literal["session", "transaction"]
"""Whether the lock of a run of migrations belongs to a session of its own, or to a transaction that stays open."""

LOCKS: Final = ("session", "transaction")
SOURCE: Final = "schema_migrations"
LONGEST: Final = 63
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Migrating:
    """How migrations are kept.

    Attributes:
        source: the table of the journal.
        lock: what the lock of a run belongs to on PostgreSQL; SQLite's is that of its file.
    """

    source: str = SOURCE
    lock: MigrationLock = "session"


def checked_source(name: object) -> str:
    """Return the name of a journal as it was given.

    Raises:
        ConfigError: it cannot be one.

    >>> checked_source("blog_migrations")
    'blog_migrations'
    """
    # What a program without a checker gives may be anything.
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= LONGEST and not name.startswith("sqlite_"):
        return name
    schema = isinstance(name, str) and "." in name
    raise ConfigError(
        f"migration_source={name!r} cannot be the table of the migrations",
        hint="a schema is said with `prefix=` (`--prefix`), or by the `search_path` of the URL"
        if schema
        else f"take lower-case letters, digits and underscores, {LONGEST} at most, and not `sqlite_…`",
    )


def checked_lock(lock: object) -> MigrationLock:
    """Return the kind of a lock as it was given.

    Raises:
        ConfigError: there is no such kind.
    """
    for one in LOCKS:
        if lock == one:
            found: MigrationLock = one
            return found
    raise ConfigError(
        f"migration_lock={lock!r} is not a choice",
        hint=did_you_mean(lock, LOCKS)
        if isinstance(lock, str)
        else '"session", or "transaction" behind a pooler that keeps no sessions; no run goes without',
    )
