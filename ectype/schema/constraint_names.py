"""What the database calls a constraint: the name that follows from table and columns, or the one that was declared.

The rules are Ecto's (https://hexdocs.pm/ecto/Ecto.Changeset.html#module-constraints), and migrations follow them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ectype.schema.meta import SchemaInfo

SUFFIXES: Final = {"unique": "index", "foreign_key": "fkey", "exclusion": "exclusion"}


@lru_cache(maxsize=1024)
def joined(kind: str, table: str, columns: tuple[str, ...]) -> str:
    """Return the name that a constraint over these columns has unless someone chose another.

    >>> joined("unique", "users", ("email",))
    'users_email_index'
    """
    parts = (table, *columns, SUFFIXES[kind])
    if kind == "unique":
        # As the name of an index without one is made; a foreign key keeps what PostgreSQL calls it.
        return "_".join(re.sub(r"\W", "_", part).rstrip("_") for part in parts)
    return "_".join(parts)


def foreign_key_name(table: str, *columns: str) -> str:
    """Return the name that a foreign key has unless someone chose another.

    >>> foreign_key_name("posts", "author_id")
    'posts_author_id_fkey'
    """
    return joined("foreign_key", table, columns)


def declared_names(info: SchemaInfo, kind: str, fields: Iterable[str]) -> tuple[str, ...]:
    """Return the names that `structure` gave what is over these fields.

    Just over these, rather than over expressions of them; else, of a condition, over others too.
    """
    if info.structure is None:
        return ()
    wanted = frozenset(fields)
    found = [(name, covered, alone) for one, name, covered, alone in info.structure.covered() if one == kind]
    exact = [(name, alone) for name, covered, alone in found if covered == wanted]
    if exact:
        return tuple(name for name, alone in exact if alone) or tuple(name for name, _ in exact)
    if kind in ("unique", "foreign_key"):
        return ()
    return tuple(name for name, covered, _ in found if wanted <= covered)
