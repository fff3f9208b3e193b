"""The catalogue of PostgreSQL: https://www.postgresql.org/docs/current/catalogs.html."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ectype.adapters.base import Connection
from ectype.errors import ConfigError, did_you_mean
from ectype.migrations.catalog import (
    Action,
    Catalog,
    Deferrable,
    IndexPart,
    StoredCheck,
    StoredColumn,
    StoredEnum,
    StoredExclusion,
    StoredForeignKey,
    StoredIndex,
    StoredKey,
    StoredTable,
)
from ectype.migrations.catalog_postgres_objects import read_objects

SCHEMAS: Final = """\
SELECT current_schema()::text, array_agg(nspname::text ORDER BY nspname)
FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"""

# Partitions belong to their table, and what an extension made to the extension.
TABLES: Final = """\
SELECT c.oid, c.relname::text, obj_description(c.oid, 'pg_class'), c.relrowsecurity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relname <> $2::text
  AND NOT EXISTS (
    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname COLLATE "C\""""

COLUMNS: Final = """\
SELECT a.attrelid, a.attname::text, a.atttypid, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  pg_get_expr(d.adbin, d.adrelid, true), a.attgenerated::text, a.attidentity::text, l.collname::text,
  col_description(a.attrelid, a.attnum), a.attndims,
  pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname) IS NOT NULL,
  q.seqstart, q.seqincrement
FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
  LEFT JOIN pg_depend p ON a.attidentity <> '' AND p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid
    AND p.refobjsubid = a.attnum AND p.classid = 'pg_class'::regclass AND p.deptype = 'i'
  LEFT JOIN pg_sequence q ON q.seqrelid = p.objid
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum"""

DOMAINS: Final = """\
SELECT oid, typbasetype, format_type(typbasetype, typtypmod), typnotnull, typdefault, typndims
FROM pg_type WHERE typtype = 'd'"""

ENUMS: Final = """\
SELECT t.oid, t.typarray, n.nspname::text, t.typname::text, obj_description(t.oid, 'pg_type'),
  array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
GROUP BY t.oid, t.typarray, n.nspname, t.typname
ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C\""""

# A constraint of a partitioned table has copies on the partitions, with a parent.
CONSTRAINTS: Final = """\
SELECT o.conrelid, o.conname::text, o.contype::text,
  ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k(num, place)
    JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num ORDER BY k.place),
  n.nspname::text, c.relname::text,
  ARRAY(SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY AS k(num, place)
    JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.num ORDER BY k.place),
  o.confdeltype::text, o.confupdtype::text, pg_get_expr(o.conbin, o.conrelid, true), o.condeferrable, o.condeferred,
  o.convalidated, o.confmatchtype::text, pg_get_constraintdef(o.oid, true), obj_description(o.oid, 'pg_constraint')
FROM pg_constraint o
  LEFT JOIN pg_class c ON c.oid = o.confrelid
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.conrelid = ANY($1::oid[]) AND o.conparentid = 0 AND o.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY o.conrelid, o.conname COLLATE "C\""""

INDEXES: Final = """\
SELECT i.indrelid, c.relname::text, m.amname::text, i.indisunique, i.indisvalid,
  pg_get_expr(i.indpred, i.indrelid, true),
  i.indnkeyatts,
  ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(num, place)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0 ORDER BY k.place),
  ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k ORDER BY k),
  ARRAY(SELECT k.bits FROM unnest(i.indoption::int2[]) WITH ORDINALITY AS k(bits, place) ORDER BY k.place),
  ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::text END
    FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k(oid, place) JOIN pg_opclass o ON o.oid = k.oid
    ORDER BY k.place),
  ARRAY(SELECT coalesce(l.collname::text, '')
    FROM unnest(i.indcollation::oid[], (i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(oid, num, place)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
    LEFT JOIN pg_collation l ON l.oid = k.oid AND k.num > 0 AND l.oid <> a.attcollation
    ORDER BY k.place),
  pg_get_indexdef(i.indexrelid, 0, true), array_to_string(c.reloptions, ', '), obj_description(c.oid, 'pg_class')
FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = ANY($1::oid[])
  AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
ORDER BY i.indrelid, c.relname COLLATE "C\""""

# The bits say descending and NULL first; without a word, NULL is last going up and first going down.
NULLS: Final[dict[int, Literal["first", "last"] | None]] = {0: None, 1: "last", 2: "first", 3: None}
SETS: Final = re.compile(r"ON DELETE SET (?:NULL|DEFAULT) \(([^)]*)\)")
ACTIONS: Final[dict[str, Action]] = {
    "a": "nothing",
    "r": "restrict",
    "c": "cascade",
    "n": "set_null",
    "d": "set_default",
}


@dataclass(frozen=True, slots=True)
class _Domain:
    base: int
    text: str
    not_null: bool
    default: str | None
    dimensions: int


async def read(connection: Connection, schema: str | None, journal: str) -> Catalog:
    """Return what one schema holds, without the journal of migrations.

    Raises:
        ConfigError: there is no such schema.
    """
    default, known = (await connection.fetch(SCHEMAS, (), list))[0]
    if schema is not None and schema not in known:
        raise ConfigError(f"the database has no schema `{schema}`", hint=did_you_mean(schema, known))
    name = schema or default or "public"
    tables = await connection.fetch(TABLES, (name, journal), list)
    oids = [row[0] for row in tables]
    enums = await connection.fetch(ENUMS, (), list)
    domains = {row[0]: _Domain(*row[1:]) for row in await connection.fetch(DOMAINS, (), list)}
    by_oid = {oid: (row[2], row[3]) for row in enums for oid in row[:2]}
    columns: dict[int, list[StoredColumn]] = defaultdict(list)
    for row in await connection.fetch(COLUMNS, (oids,), list):
        columns[row[0]].append(_column(row, domains, by_oid))
    constraints: dict[int, list[Any]] = defaultdict(list)
    for row in await connection.fetch(CONSTRAINTS, (oids,), list):
        constraints[row[0]].append(row)
    indexes: dict[int, list[StoredIndex]] = defaultdict(list)
    for row in await connection.fetch(INDEXES, (oids,), list):
        indexes[row[0]].append(_index(row))
    stored = tuple(_table(name, row, columns[row[0]], constraints[row[0]], tuple(indexes[row[0]])) for row in tables)
    used = {column.enum for table in stored for column in table.columns}
    return Catalog(
        target="postgres",
        schema=name,
        default_schema=default or "public",
        tables=stored,
        enums=tuple(
            StoredEnum(row[3], row[2], tuple(row[5]), row[4])
            for row in enums
            if row[2] == name or (row[2], row[3]) in used
        ),
        objects=await read_objects(connection, name),
    )


def _column(row: Any, domains: Mapping[int, _Domain], enums: Mapping[int, tuple[str, str]]) -> StoredColumn:
    (
        _,
        name,
        oid,
        text,
        not_null,
        default,
        generated,
        identity,
        collation,
        comment,
        dimensions,
        owns_sequence,
        *steps,
    ) = row
    stored_as = text
    while oid in domains:
        domain = domains[oid]
        oid, stored_as, dimensions = domain.base, domain.text, domain.dimensions
        not_null = not_null or domain.not_null
        default = default if default is not None else domain.default
    numbered = {"a": "always", "d": "by default"}.get(identity)
    if numbered is None and owns_sequence and (default or "").startswith("nextval("):
        numbered = "sequence"
    made: Any = numbered
    return StoredColumn(
        name=name,
        type=text,
        stored_as=stored_as,
        nullable=not not_null,
        default=None if generated else default,
        generated={"s": "stored", "v": "virtual"}.get(generated),  # type: ignore[arg-type]
        expression=default if generated else None,
        identity=made,
        collation=collation,
        comment=comment,
        enum=enums.get(oid),
        dimensions=max(dimensions, 1) if stored_as.endswith("[]") else 0,
        numbering=(steps[0], steps[1]) if steps[0] is not None else (1, 1),
    )


def _table(
    schema: str, row: Any, columns: Sequence[StoredColumn], constraints: Sequence[Any], indexes: tuple[StoredIndex, ...]
) -> StoredTable:
    keys = {kind: [_key(one) for one in constraints if one[2] == kind] for kind in "pu"}
    return StoredTable(
        name=row[1],
        schema=schema,
        columns=tuple(columns),
        primary_key=keys["p"][0] if keys["p"] else None,
        uniques=tuple(keys["u"]),
        foreign_keys=tuple(_foreign_key(one) for one in constraints if one[2] == "f"),
        indexes=indexes,
        checks=tuple(StoredCheck(one[9], one[1], one[12], one[15]) for one in constraints if one[2] == "c"),
        comment=row[2],
        exclusions=tuple(_exclusion(one) for one in constraints if one[2] == "x"),
        row_security=row[3],
    )


def _deferrable(one: Any) -> Deferrable | None:
    return ("deferred" if one[11] else "immediate") if one[10] else None


def _key(one: Any) -> StoredKey:
    return StoredKey(tuple(one[3]), one[1], _deferrable(one), "NULLS NOT DISTINCT" not in one[14], one[15])


def _foreign_key(one: Any) -> StoredForeignKey:
    sets = SETS.search(one[14])
    return StoredForeignKey(
        columns=tuple(one[3]),
        table=one[5],
        references=tuple(one[6]),
        schema=one[4],
        on_delete=ACTIONS[one[7]],
        on_update=ACTIONS[one[8]],
        name=one[1],
        deferrable=_deferrable(one),
        full=one[13] == "f",
        sets=() if sets is None else tuple(part.strip().strip('"') for part in sets[1].split(",")),
        valid=one[12],
        comment=one[15],
    )


def _exclusion(one: Any) -> StoredExclusion:
    rule = re.sub(r" (NOT )?DEFERRABLE( INITIALLY \w+)?$", "", one[14].removeprefix("EXCLUDE USING "))
    return StoredExclusion(rule, one[1], _deferrable(one), one[15])


def _index(row: Any) -> StoredIndex:
    _, name, method, unique, valid, where, count, columns, texts, bits, classes, collations, text, *rest = row
    parts = tuple(
        IndexPart(
            texts[at] if columns[at] is None else columns[at],
            columns[at] is not None,
            bool(bits[at] & 1),
            NULLS[bits[at] & 3],
            classes[at] or None,
            collations[at] or None,
        )
        for at in range(count)
    )
    distinct = "NULLS NOT DISTINCT" not in text
    return StoredIndex(name, parts, unique, where, method, tuple(columns[count:]), valid, distinct, *rest)
