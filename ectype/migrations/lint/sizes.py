"""How many rows the tables have: what makes a lock short, or long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ectype.adapters.base import Connection
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

# Estimates, which cost nothing; -1 is a table that was never looked at.
TABLES: Final[dict[Target, str]] = {
    "postgres": """\
SELECT n.nspname, c.relname, c.reltuples::bigint, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1, 2""",
    "sqlite": """\
SELECT 'main', name, -1, '"' || replace(name, '"', '""') || '"' FROM sqlite_schema
WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1, 2""",
}
DEFAULT: Final[dict[Target, str]] = {
    "postgres": "SELECT coalesce(current_schema()::text, 'public')",
    "sqlite": "SELECT 'main'",
}
AT_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the tables of a database are.

    Attributes:
        schema: the schema that names without one mean.
        rows: about how many rows each table has, by its name; those of another schema as `schema.table`.
    """

    schema: str
    rows: Mapping[str, int]


async def sizes_of(connection: Connection, dialect: Dialect, schemas: Sequence[str] = ()) -> Sizes:
    """Return about how many rows each table has.

    A small or unknown estimate is counted, up to a thousand rows.

    Args:
        connection: a connection to the database.
        dialect: the database's.
        schemas: those that the migrations run in, one after the other, so that names without a schema mean one of
            them: the largest table of a name counts. None for the schema that the connection has anyway.
    """
    if not schemas:
        schemas = [(await connection.fetch(DEFAULT[dialect.target], (), list))[0][0]]
    found: dict[str, int] = {}
    for schema, table, estimate, quoted in await connection.fetch(TABLES[dialect.target], (), list):
        name = table if schema in schemas else f"{schema}.{table}"
        rows = max(estimate, 0) if estimate > AT_MOST else await _counted(connection, quoted)
        found[name] = max(rows, found.get(name, 0))
    return Sizes(schemas[0], found)


async def _counted(connection: Connection, quoted: str) -> int:
    rows = await connection.fetch(f"SELECT count(*) FROM (SELECT 1 FROM {quoted} LIMIT {AT_MOST}) AS t", (), list)
    return int(rows[0][0])
