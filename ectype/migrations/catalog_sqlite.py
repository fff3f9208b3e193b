"""The catalogue of SQLite: its PRAGMAs (https://www.sqlite.org/pragma.html), and the text that it keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ectype.adapters.base import Connection
from ectype.errors import ConfigError, did_you_mean
from ectype.migrations.catalog import (
    Action,
    Catalog,
    Generated,
    IndexPart,
    StoredCheck,
    StoredColumn,
    StoredForeignKey,
    StoredIndex,
    StoredKey,
    StoredObject,
    StoredTable,
)
from ectype.migrations.catalog_text import ColumnText, TableText, read_index, read_table

# CROSS JOIN keeps the order of the tables: a PRAGMA that is asked before its argument is known answers nothing.
SCHEMAS: Final = "SELECT name FROM pragma_database_list WHERE name <> 'temp' ORDER BY seq"

# Virtual tables, and the tables that hold them, have other types than `table`.
TABLES: Final = """\
SELECT name, wr, strict FROM pragma_table_list
WHERE schema = ?1 AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?2
ORDER BY name"""

OBJECTS: Final = """\
SELECT type, name, CASE type WHEN 'trigger' THEN tbl_name ELSE '' END, sql
FROM {schema}.sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY rowid"""

TEXTS: Final = "SELECT type, name, sql FROM {schema}.sqlite_schema WHERE sql IS NOT NULL"

COLUMNS: Final = """\
SELECT t.name, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
FROM pragma_table_list t CROSS JOIN pragma_table_xinfo(t.name, t.schema) x
WHERE t.schema = ?1 AND t.type = 'table' ORDER BY t.name, x.cid"""

FOREIGN_KEYS: Final = """\
SELECT t.name, f.id, f."table", f."from", f."to", f.on_delete, f.on_update
FROM pragma_table_list t CROSS JOIN pragma_foreign_key_list(t.name, t.schema) f
WHERE t.schema = ?1 AND t.type = 'table' ORDER BY t.name, f.id DESC, f.seq"""

INDEXES: Final = """\
SELECT t.name, l.name, l."unique", l.origin, x.cid, x.name, x."desc"
FROM pragma_table_list t
  CROSS JOIN pragma_index_list(t.name, t.schema) l CROSS JOIN pragma_index_xinfo(l.name, t.schema) x
WHERE t.schema = ?1 AND t.type = 'table' AND x.key ORDER BY t.name, l.name, x.seqno"""

ACTIONS: Final[dict[str, Action]] = {
    "NO ACTION": "nothing",
    "RESTRICT": "restrict",
    "CASCADE": "cascade",
    "SET NULL": "set_null",
    "SET DEFAULT": "set_default",
}
HIDDEN: Final[dict[int, Generated]] = {2: "virtual", 3: "stored"}


async def read(connection: Connection, schema: str | None, journal: str) -> Catalog:
    """Return what the file, or an attached database, holds, without the journal of migrations.

    Raises:
        ConfigError: no database is attached by that name.
    """
    known = [row[0] for row in await connection.fetch(SCHEMAS, (), list)]
    name = schema or "main"
    if name not in known:
        raise ConfigError(f"no database is attached as `{name}`", hint=did_you_mean(name, known))
    tables = await connection.fetch(TABLES, (name, journal), list)
    quoted = '"' + name.replace('"', '""') + '"'
    texts = {(row[0], row[1]): row[2] for row in await connection.fetch(TEXTS.format(schema=quoted), (), list)}
    columns, foreign_keys, indexes = [
        _by_table(await connection.fetch(sql, (name,), list)) for sql in (COLUMNS, FOREIGN_KEYS, INDEXES)
    ]
    names = {row[0].lower(): row[0] for row in tables}
    keys = {
        table.lower(): [row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]]
        for table, rows in columns.items()
    }
    made: list[StoredTable] = []
    for row in tables:
        text = read_table(texts.get(("table", row[0]), ""))
        key = _key(columns[row[0]])
        made.append(
            StoredTable(
                name=row[0],
                schema=name,
                columns=_columns(columns[row[0]], indexes[row[0]], text.columns, row_ids=not row[1]),
                primary_key=StoredKey(key) if key else None,
                uniques=_uniques(indexes[row[0]]),
                foreign_keys=_foreign_keys(foreign_keys[row[0]], text, names, keys, _spelled(columns)),
                indexes=_indexes(indexes[row[0]], texts),
                checks=tuple(StoredCheck(condition, name) for name, condition in text.checks),
                strict=bool(row[2]),
                row_ids=not row[1],
            )
        )
    objects = tuple(
        StoredObject("view" if row[0] == "view" else "trigger", row[1], row[3], name, table=row[2] or None)
        for row in await connection.fetch(OBJECTS.format(schema=quoted), (), list)
    )
    return Catalog("sqlite", name, "main", tuple(made), (), objects)


def _by_table(rows: Sequence[Any]) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _key(rows: Sequence[Any]) -> tuple[str, ...]:
    return tuple(row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5])


def _columns(
    rows: Sequence[Any], indexes: Sequence[Any], texts: Mapping[str, ColumnText], *, row_ids: bool
) -> tuple[StoredColumn, ...]:
    key = _key(rows)
    # Where the key is the row id, no index stands for it: https://www.sqlite.org/lang_createtable.html#rowid.
    is_row_id = row_ids and len(key) == 1 and not any(row[3] == "pk" for row in indexes)
    made: list[StoredColumn] = []
    for _, name, type_, not_null, default, position, hidden in rows:
        text = texts.get(name.lower(), ColumnText())
        made.append(
            StoredColumn(
                name=name,
                type=type_,
                stored_as=type_,
                nullable=not not_null and not position,
                default=default,
                generated=HIDDEN.get(hidden),
                expression=text.expression,
                identity="rowid" if position and is_row_id else None,
                collation=text.collation,
            )
        )
    return tuple(made)


def _uniques(rows: Sequence[Any]) -> tuple[StoredKey, ...]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row[3] == "u":
            found.setdefault(row[1], []).append(row[5])
    return tuple(StoredKey(tuple(columns)) for columns in found.values())


def _spelled(columns: Mapping[str, Sequence[Any]]) -> dict[tuple[str, str], str]:
    return {(table.lower(), row[1].lower()): row[1] for table, rows in columns.items() for row in rows}


def _foreign_keys(
    rows: Sequence[Any],
    text: TableText,
    names: Mapping[str, str],
    keys: Mapping[str, Sequence[str]],
    spelled: Mapping[tuple[str, str], str],
) -> tuple[StoredForeignKey, ...]:
    """Join the rows of each foreign key; SQLite numbers them from the last one of the text to the first."""
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row[1], []).append(row)
    known = len(text.foreign_keys) == len(grouped)
    called = text.foreign_keys if known else [None] * len(grouped)
    waiting = text.deferrable if known else [None] * len(grouped)
    made: list[StoredForeignKey] = []
    for name, when, parts in zip(called, waiting, grouped.values(), strict=True):
        owner, table = parts[0][0].lower(), parts[0][2].lower()
        # Without columns, the primary key is meant. A name's case does not count, so it may be spelled otherwise.
        named = [part[4] for part in parts]
        there = (
            list(keys.get(table, ())) if None in named else [spelled.get((table, one.lower()), one) for one in named]
        )
        made.append(
            StoredForeignKey(
                columns=tuple(spelled.get((owner, part[3].lower()), part[3]) for part in parts),
                table=names.get(table, parts[0][2]),
                references=tuple(there),
                on_delete=ACTIONS[parts[0][5]],
                on_update=ACTIONS[parts[0][6]],
                name=name,
                deferrable=when,
            )
        )
    return tuple(made)


def _indexes(rows: Sequence[Any], texts: Mapping[tuple[str, str], str]) -> tuple[StoredIndex, ...]:
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        if row[3] == "c":
            grouped.setdefault(row[1], []).append(row)
    made: list[StoredIndex] = []
    for name, parts in grouped.items():
        said, where = read_index(texts.get(("index", name), ""))
        found = tuple(
            IndexPart(
                part[5] if part[5] is not None else said[at] if at < len(said) else "",
                part[5] is not None,
                bool(part[6]),
            )
            for at, part in enumerate(parts)
        )
        made.append(StoredIndex(name, found, bool(parts[0][2]), where))
    return tuple(made)
