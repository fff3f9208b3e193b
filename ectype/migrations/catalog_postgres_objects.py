"""What PostgreSQL holds beside tables: views, functions, triggers, policies, sequences, extensions.

The texts are those that the server's own functions give, with names short where the search path finds them.
"""

from __future__ import annotations

from typing import Any, Final

from ectype.adapters.base import Connection
from ectype.migrations.catalog import ObjectKind, StoredObject

OWN: Final = (
    "NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = '{0}'::regclass AND x.objid = {1} AND x.deptype IN ({2}))"
)

VIEWS: Final = f"""\
SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized_view' END, c.relname::text, NULL, NULL,
  pg_get_viewdef(c.oid, true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relkind IN ('v', 'm') AND {OWN.format("pg_class", "c.oid", "'e'")}
ORDER BY c.oid"""

FUNCTIONS: Final = f"""\
SELECT 'function', p.proname::text, pg_get_function_identity_arguments(p.oid), NULL,
  coalesce(pg_get_function_result(p.oid), ''), pg_get_functiondef(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1::text AND p.prokind IN ('f', 'p') AND {OWN.format("pg_proc", "p.oid", "'e'")}
ORDER BY p.oid"""

TRIGGERS: Final = """\
SELECT 'trigger', t.tgname::text, NULL, c.relname::text, '', pg_get_triggerdef(t.oid, true)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND NOT t.tgisinternal AND t.tgparentid = 0
ORDER BY t.oid"""

POLICIES: Final = """\
SELECT 'policy', p.polname::text, NULL, c.relname::text, '',
  format('CREATE POLICY %I ON %I AS %s FOR %s TO %s', p.polname, c.relname,
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
      ELSE 'ALL' END,
    CASE WHEN p.polroles = '{0}' THEN 'PUBLIC' ELSE (
      SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY(p.polroles))
      END)
  || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid, true) || ')', '')
  || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')', '')
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text
ORDER BY p.oid"""

SEQUENCES: Final = f"""\
SELECT 'sequence', c.relname::text, NULL, NULL, '',
  format('CREATE SEQUENCE %I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s', c.relname,
    format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
    CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND {OWN.format("pg_class", "c.oid", "'e', 'a', 'i'")}
ORDER BY c.oid"""

# An extension stands in a schema, and belongs to the whole database.
EXTENSIONS: Final = """\
SELECT 'extension', e.extname::text, NULL, NULL, '', format('CREATE EXTENSION %I', e.extname)
FROM pg_extension e WHERE e.extname <> 'plpgsql' AND $1::text IS NOT NULL
ORDER BY e.oid"""


async def read_objects(connection: Connection, schema: str) -> tuple[StoredObject, ...]:
    """Return what a schema holds beside tables and enums: what may need another one after that."""
    made: list[StoredObject] = []
    for sql in (EXTENSIONS, SEQUENCES, FUNCTIONS, VIEWS, TRIGGERS, POLICIES):
        make = _view if sql is VIEWS else _object
        made += [make(schema, row) for row in await connection.fetch(sql, (schema,), list)]
    return tuple(made)


def _view(schema: str, row: Any) -> StoredObject:
    kind: ObjectKind = row[0]
    query: str = row[4].strip().removesuffix(";")
    return StoredObject(kind, row[1], query, schema, body=query)


def _object(schema: str, row: Any) -> StoredObject:
    kind, name, arguments, table, body, text = row
    # These texts name the schema always, and are compared with those of a database whose schema has another name.
    for before in ("FUNCTION ", "PROCEDURE "):
        text = text.replace(f"{before}{schema}.", before, 1)
    return StoredObject(kind, name, text.strip(), schema, arguments, table, body)
