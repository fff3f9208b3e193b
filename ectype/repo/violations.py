"""A constraint that the database refused, as an error of the changeset that declared it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ectype.errors import ConstraintError
from ectype.repo.engine import Engine
from ectype.schema.changeset import Changeset
from ectype.schema.constraint_names import foreign_key_name
from ectype.schema.constraints import match_violation, unmatched
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import SchemaInfo, meta

# A key that refers to no columns by name refers to the primary key: https://www.sqlite.org/foreignkeys.html
FOREIGN_KEYS = """
SELECT k.id, k."from", k."table", coalesce(k."to", (
  SELECT p.name FROM pragma_table_info(k."table") AS p WHERE p.pk = k.seq + 1
)) FROM pragma_foreign_key_list(?1) AS k ORDER BY k.id DESC, k.seq"""

NAMED_KEY = """
SELECT c.oid::bigint, here.attname::text, c.confrelid::regclass::text, there.attname::text
FROM pg_constraint AS c CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(own, other, place)
JOIN pg_attribute AS here ON here.attrelid = c.conrelid AND here.attnum = k.own
JOIN pg_attribute AS there ON there.attrelid = c.confrelid AND there.attnum = k.other
WHERE c.contype = 'f' AND c.conname = $1 AND c.conrelid = to_regclass($2) ORDER BY c.oid, k.place"""


async def refused(
    engine: Engine, changeset: Changeset[Any], exc: ConstraintError, values: Mapping[str, Any]
) -> Exception:
    """Return the error to raise: the changeset with its error, or the violation with the line that declares it."""
    columns, name = field_names(changeset.info, exc.columns), exc.constraint
    if exc.kind == "foreign_key" and name is None and engine.dialect.nameless_foreign_keys:
        columns = await blamed(engine, changeset, values)
        if not columns:
            name = await _held_by(engine, changeset)
    matched = match_violation(changeset, exc.kind, name, columns)
    return undeclared(changeset, exc, name, columns) if matched is None else InvalidChangesetError(matched)


def undeclared(
    changeset: Changeset[Any], exc: ConstraintError, name: str | None, columns: tuple[str, ...]
) -> ConstraintError:
    """Return the violation with what the changeset declares, and the line that declares this one."""
    message, hint = unmatched(changeset, exc.kind, name, columns)
    return ConstraintError(
        f"{exc.message}\n{message}",
        kind=exc.kind,
        constraint=name,
        table=exc.table,
        columns=exc.columns,
        sqlstate=exc.sqlstate,
        hint=hint,
    )


def field_names(info: SchemaInfo, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of database columns; a column that the schema does not have keeps its name."""
    by_source = {field.source: name for name, field in info.fields.items()}
    return tuple(by_source.get(column, column) for column in columns)


async def blamed(
    engine: Engine,
    changeset: Changeset[Any],
    values: Mapping[str, Any],
    name: str | None = None,
    prefix: str | None = None,
) -> tuple[str, ...]:
    """Return the fields whose values have no row to refer to, by the key of that name: SQLite does not say which.

    `prefix` is where the call writes, when it says so.
    """
    info, where = changeset.info, meta(changeset.data)
    keys: dict[int, list[tuple[str, str, str]]] = {}
    if engine.dialect.nameless_foreign_keys:
        found = await engine.ask(FOREIGN_KEYS, (where.source,))
    else:
        table = ".".join(
            _quoted(one) for one in (prefix or where.prefix or engine.prefix, where.source) if one is not None
        )
        found = await engine.ask(NAMED_KEY, (name, table))
    for number, column, table, target in found:
        keys.setdefault(number, []).append((column, table, target))
    for key in keys.values():
        fields = field_names(info, tuple(column for column, _, _ in key))
        if not any(name in values for name in fields):
            continue
        wanted = [values.get(name, getattr(changeset.data, name, None)) for name in fields]
        if None in wanted or not all(name in info.fields for name in fields):
            continue
        params = _dumped(engine, info, fields, wanted)
        mark = engine.dialect.placeholder
        conditions = " AND ".join(f"{_quoted(target)} = {mark}{i + 1}" for i, (_, _, target) in enumerate(key))
        referred = _quoted(key[0][1]) if engine.dialect.nameless_foreign_keys else key[0][1]
        if not await engine.ask(f"SELECT 1 FROM {referred} WHERE {conditions}", params):
            return fields
    return ()


# Those of the key's columns in the order of the key; a key that names none refers to the primary key.
REFERRING = """
SELECT m.name, k.id, k."from", coalesce(k."to", (
  SELECT p.name FROM pragma_table_info(?1) AS p WHERE p.pk = k.seq + 1
)) FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS k
WHERE m.type = 'table' AND lower(k."table") = lower(?1) AND k.on_delete IN ('NO ACTION', 'RESTRICT')
ORDER BY m.name, k.id, k.seq"""


async def _held_by(engine: Engine, changeset: Changeset[Any]) -> str | None:
    """Return the name of the key by which other rows refer to the one to write, as far as anyone can know it."""
    info = changeset.info
    keys: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for table, number, column, target in await engine.ask(REFERRING, (meta(changeset.data).source,)):
        keys.setdefault((table, number), []).append((column, target))
    names = {one: foreign_key_name(one[0], *[column for column, _ in key]) for one, key in keys.items()}
    for one, key in keys.items():
        fields = field_names(info, tuple([target for _, target in key]))
        wanted = [getattr(changeset.data, name, None) for name in fields]
        if None in wanted or not all(name in info.fields for name in fields):
            continue
        conditions = " AND ".join(f"{_quoted(column)} = ?{i + 1}" for i, (column, _) in enumerate(key))
        sql = f"SELECT 1 FROM {_quoted(one[0])} WHERE {conditions} LIMIT 1"
        if await engine.ask(sql, _dumped(engine, info, fields, wanted)):
            return _declared_for(changeset, names[one], set(names.values()))
    return None


def _declared_for(changeset: Changeset[Any], name: str, usual: set[str]) -> str:
    """Return the usual name of a key; or that of the one declared constraint whose key someone named otherwise."""
    declared = [one for one in changeset.constraints if one.kind == "foreign_key"]
    table = meta(changeset.data).source or ""
    usual = usual | {foreign_key_name(table, *_sources(changeset.info, one.columns)) for one in declared}
    odd = [one for one in declared if one.match == "exact" and one.name not in usual]
    if len(odd) != 1 or any(one.matches(name) for one in declared):
        return name
    return odd[0].name


def _sources(info: SchemaInfo, fields: Sequence[str]) -> list[str]:
    return [info.fields[name].source for name in fields]


def _dumped(engine: Engine, info: SchemaInfo, fields: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
    target = engine.dialect.target
    return tuple(info.fields[name].type.codec(target).dump(value) for name, value in zip(fields, values, strict=True))


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
