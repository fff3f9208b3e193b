"""A constraint that the database refused, as an error of the changeset that declared it."""

from collections.abc import Mapping
from typing import Any

from ectype.errors import ConstraintError
from ectype.repo.engine import Engine
from ectype.schema.changeset import Changeset
from ectype.schema.constraints import match_violation, unmatched
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.meta import SchemaInfo

FOREIGN_KEYS = 'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?1)'


async def refused(
    engine: Engine, changeset: Changeset[Any], exc: ConstraintError, values: Mapping[str, Any]
) -> Exception:
    """Return the error to raise: the changeset with its error, or the violation with the line that declares it."""
    columns = field_names(changeset.info, exc.columns)
    if exc.kind == "foreign_key" and exc.constraint is None and engine.dialect.nameless_foreign_keys:
        columns = await blamed(engine, changeset.info, values)
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


async def blamed(engine: Engine, info: SchemaInfo, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the field whose value has no row to refer to: SQLite does not say which foreign key it was."""
    if info.table is None:
        return ()
    rows = await _ask(engine, FOREIGN_KEYS, (info.table,))
    by_source = {field.source: name for name, field in info.fields.items()}
    for column, table, target in rows:
        name = by_source.get(column)
        value = None if name is None else values.get(name)
        if name is None or value is None:
            continue
        dumped = info.fields[name].type.codec(engine.dialect.target).dump(value)
        key = str(target or column).replace('"', '""')
        parent = str(table).replace('"', '""')
        found = await _ask(engine, f'SELECT 1 FROM "{parent}" WHERE "{key}" = ?1', (dumped,))
        if not found:
            return (name,)
    return ()
