"""A constraint that the database refused, as an error of the changeset that declared it."""

from collections.abc import Mapping
from typing import Any

from ectype.errors import ConstraintError
from ectype.repo.engine import Engine
from ectype.schema.changeset import Changeset
from ectype.schema.constraints import match_violation, unmatched
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import SchemaInfo

# A key that refers to no columns by name refers to the primary key: https://www.sqlite.org/foreignkeys.html
FOREIGN_KEYS = """
SELECT k.id, k."from", k."table", coalesce(k."to", (
  SELECT p.name FROM pragma_table_info(k."table") AS p WHERE p.pk = k.seq + 1
)) FROM pragma_foreign_key_list(?1) AS k ORDER BY k.id DESC, k.seq"""


async def refused(
    engine: Engine, changeset: Changeset[Any], exc: ConstraintError, values: Mapping[str, Any]
) -> Exception:
    """Return the error to raise: the changeset with its error, or the violation with the line that declares it."""
    columns = field_names(changeset.info, exc.columns)
    if exc.kind == "foreign_key" and exc.constraint is None and engine.dialect.nameless_foreign_keys:
        columns = await _blamed(engine, changeset, values)
    matched = match_violation(changeset, exc.kind, exc.constraint, columns)
    if matched is not None:
        return InvalidChangesetError(matched)
    message, hint = unmatched(changeset, exc.kind, exc.constraint, columns)
    return ConstraintError(
        f"{exc.message}\n{message}",
        kind=exc.kind,
        constraint=exc.constraint,
        table=exc.table,
        columns=exc.columns,
        sqlstate=exc.sqlstate,
        hint=hint,
    )


def field_names(info: SchemaInfo, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of database columns; a column that the schema does not have keeps its name."""
    by_source = {field.source: name for name, field in info.fields.items()}
    return tuple(by_source.get(column, column) for column in columns)


async def _ask(engine: Engine, sql: str, params: tuple[object, ...]) -> list[Any]:
    """Read what an error message needs, also in a transaction that can only be rolled back."""
    scope = engine.session.scope()
    if scope is None:
        return await engine.session.fetch(sql, params, list)
    return await scope.lease.run(scope.lease.connection.fetch, sql, params, list, engine.session.timeout)


async def _blamed(engine: Engine, changeset: Changeset[Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields whose values have no row to refer to: SQLite does not say which foreign key it was."""
    info = changeset.info
    keys: dict[int, list[tuple[str, str, str]]] = {}
    for number, column, table, target in await _ask(engine, FOREIGN_KEYS, (info.table,)):
        keys.setdefault(number, []).append((column, table, target))
    for key in keys.values():
        fields = field_names(info, tuple(column for column, _, _ in key))
        if not any(name in values for name in fields):
            continue
        wanted = [values.get(name, getattr(changeset.data, name, None)) for name in fields]
        if None in wanted or not all(name in info.fields for name in fields):
            continue
        params = tuple(
            info.fields[name].type.codec(engine.dialect.target).dump(value)
            for name, value in zip(fields, wanted, strict=True)
        )
        conditions = " AND ".join(f"{_quoted(target)} = ?{i + 1}" for i, (_, _, target) in enumerate(key))
        if not await _ask(engine, f"SELECT 1 FROM {_quoted(key[0][1])} WHERE {conditions}", params):
            return fields
    return ()


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
