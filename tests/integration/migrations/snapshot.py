"""All that a database holds, as comparable data: what a rollback must bring back."""

from dataclasses import replace

from ectype.adapters.base import Adapter, Connection
from ectype.migrations.catalog_reading import read_catalog

POSTGRES = """
SELECT 'constraint', conrelid::regclass::text, conname::text,
  pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' (unchecked)' END
FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|information_schema)' AND contype <> 'n'
UNION ALL
SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid::regclass::text !~ '^pg_'
UNION ALL
SELECT 'view', relkind::text, oid::regclass::text, pg_get_viewdef(oid)
FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'function', '', oid::regprocedure::text, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)' AND prokind = 'f'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'extension', '', extname::text, extversion FROM pg_extension
UNION ALL
SELECT 'schema', '', nspname::text, '' FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'comment', classoid::regclass::text, objoid::text || '.' || objsubid, description
FROM pg_description WHERE objoid >= 16384 AND classoid::regclass::text NOT IN ('pg_extension', 'pg_language')
ORDER BY 1, 2, 3"""

SQLITE = "SELECT type, tbl_name, name, sql FROM sqlite_schema WHERE type <> 'table' ORDER BY 1, 2, 3"


async def snapshot(connection: Connection, adapter: Adapter) -> tuple[object, ...]:
    """Return the catalogue, and the text of all that it does not read."""
    catalog = await read_catalog(connection, adapter)
    sql = POSTGRES if adapter.dialect.target == "postgres" else SQLITE
    # A database does not say in which order they were made.
    catalog = replace(catalog, objects=tuple(sorted(catalog.objects, key=lambda one: (one.kind, one.name))))
    return catalog, [tuple(row) for row in await connection.fetch(sql, (), list) if "schema_migrations" not in row[1]]
