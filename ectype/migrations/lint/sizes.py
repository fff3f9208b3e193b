"""How many rows the tables have: what makes a lock short, or long."""

from typing import Final

from ectype.adapters.base import Connection
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

# Estimates, which cost nothing; -1 is a table that was never looked at.
TABLES: Final[dict[Target, str]] = {
    "postgres": """\
SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END, c.reltuples::bigint,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1""",
    "sqlite": """\
SELECT name, -1, '"' || replace(name, '"', '""') || '"' FROM sqlite_schema
WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1""",
}
AT_MOST: Final = 1000


async def sizes_of(connection: Connection, dialect: Dialect) -> dict[str, int]:
    """Return about how many rows each table has, by its name; those of another schema than `public` as `schema.table`.

    A small or unknown estimate is counted, up to a thousand rows.
    """
    found: dict[str, int] = {}
    for name, estimate, quoted in await connection.fetch(TABLES[dialect.target], (), list):
        found[name] = max(estimate, 0) if estimate > AT_MOST else await _counted(connection, quoted)
    return found


async def _counted(connection: Connection, quoted: str) -> int:
    rows = await connection.fetch(f"SELECT count(*) FROM (SELECT 1 FROM {quoted} LIMIT {AT_MOST}) AS t", (), list)
    return int(rows[0][0])
