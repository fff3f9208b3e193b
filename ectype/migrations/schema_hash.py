"""One short value for all that a database holds: equal for equal schemas, whatever way led there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from ectype.migrations.catalog import Catalog, StoredTable
from ectype.migrations.catalog_reading import read_catalog
from ectype.migrations.sessions import HasAdapter, connected


async def schema_hash(repo: HasAdapter, *, prefix: str | None = None) -> str:
    """Return the SHA-256 of the schema that a database has now, in hexadecimal. It writes nothing.

    The order of columns does not count, since no database lets a column come back where it was; nor does the journal.

    Raises:
        ConnectError: the database cannot be reached.
        ConfigError: there is no such schema.
    """
    async with connected(repo, prefix) as connection:
        return digest(await read_catalog(connection, repo.adapter, prefix))


def digest(catalog: Catalog) -> str:
    """Return the SHA-256 of what a catalogue says, in hexadecimal."""
    return hashlib.sha256(json.dumps(_plain(catalog), sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        found = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        if isinstance(value, StoredTable):
            for name in ("columns", "uniques", "foreign_keys", "indexes", "checks"):
                found[name] = sorted(found[name], key=json.dumps)
        return {"is": type(value).__name__, **found}
    if isinstance(value, tuple | list | frozenset | set):
        items = [_plain(one) for one in cast("Sequence[object]", value)]
        return sorted(items, key=json.dumps) if isinstance(value, frozenset | set) else items
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return repr(value)
