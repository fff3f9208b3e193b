"""What SQLite's ALTER TABLE cannot do: the table is made anew, its rows are copied, and it takes the old one's place.

The steps are those of https://sqlite.org/lang_altertable.html#otheralter. Foreign keys are off meanwhile, which SQLite
allows before a transaction only; without that, dropping the old table would delete the rows that reference it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ectype.adapters.base import Connection
from ectype.errors import DatabaseError, MigrationError
from ectype.migrations.catalog_text import parts_of, read_index, unquoted
from ectype.migrations.sqlite_changes import Plan, planned
from ectype.migrations.sqlite_table import TableDefinition, names_in, quoted, read_definition
from ectype.sql.ddl import (
    AlterTable,
    CreateConstraint,
    DropConstraint,
    Node,
    RemoveColumn,
    RenameConstraint,
    RenameIndex,
)
from ectype.sql.ddl_alter import looks_first
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import Dialect

Change: TypeAlias = AlterTable | CreateConstraint | DropConstraint | RenameConstraint

TABLE: Final = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE"
OWN: Final = """\
SELECT type, name, sql FROM sqlite_schema
WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, rowid"""
NAMES: Final = "SELECT lower(name) FROM sqlite_schema"
KEYS_ON: Final = "PRAGMA foreign_keys"
VIOLATIONS: Final = 'SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2'
VIEWS: Final = "SELECT name FROM sqlite_schema WHERE type = 'view'"
FOLLOWED: Final = "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'trigger'"
HAS_COUNTER: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'"


class ForeignKeysAreOn(BaseException):
    """Stops a migration whose transaction began with foreign keys on, and that has a table to build anew.

    It is no Exception, so that `except Exception` in the migration lets it pass.
    """


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was wrong before a rebuild, so that it is not held against it: foreign keys, views and triggers."""

    violations: dict[tuple[str, str], int]
    broken: frozenset[str]


async def before_rebuilds(connection: Connection) -> Rebuilt:
    """Look at the database before the first rebuild of a migration."""
    return Rebuilt(await _violations(connection), frozenset(await _broken(connection)))


async def check_rebuilds(connection: Connection, before: Rebuilt) -> None:
    """See that nothing refers to a row, table or column that is no longer there.

    Raises:
        MigrationError: something does that did not before.
    """
    for (table, parent), count in (await _violations(connection)).items():
        more = count - before.violations.get((table, parent), 0)
        if more > 0:
            rows = "row references" if more == 1 else "rows reference"
            raise MigrationError(
                f"{more} {rows} from `{table}` what is not in `{parent}`",
                hint=f"put these rows right first. Where a table is built anew, foreign keys are off for the whole "
                f"migration, so that no ON DELETE acts: write into `{parent}` in a migration of its own",
            )
    for what, why in sorted((await _broken(connection)).items()):
        if what not in before.broken:
            raise MigrationError(
                f"the {what} no longer works: {why}", hint=f"drop the {what} first, and make it again afterwards"
            )


async def apply_change(connection: Connection, node: Node, dialect: Dialect) -> None:
    """Do what `looks_first` says is done by looking at the table: by SQLite's own ALTER TABLE, else by a rebuild.

    Raises:
        ForeignKeysAreOn: a rebuild is needed, and the transaction began without switching them off.
        MigrationError: the command does not fit the table.
        ConstraintError: a row does not fit what the table shall be.
    """
    assert looks_first(node, dialect)
    if isinstance(node, RenameIndex):
        await _rename_index(connection, node)
        return
    assert isinstance(node, Change)
    table = node.name if isinstance(node, AlterTable) else node.table
    definition = await _definition(connection, table)
    plan = planned(Plan(definition), node, dialect)
    if plan.definition == definition and not plan.values:
        return
    if isinstance(node, AlterTable) and await _removes_plainly(connection, node, definition):
        for change in node.changes:
            for sql in compile_ddl(AlterTable(node.name, (change,)), dialect):
                await connection.execute(sql)
        return
    await _rebuild(connection, definition, plan)


async def _definition(connection: Connection, table: str) -> TableDefinition:
    rows = await connection.fetch(TABLE, (table,), list)
    if not rows:
        raise MigrationError(f"there is no table `{table}`", hint="create it in this migration, or in one before it")
    return read_definition(rows[0][0])


async def _removes_plainly(connection: Connection, node: AlterTable, definition: TableDefinition) -> bool:
    """Whether all changes are removals of columns that nothing mentions, which SQLite makes by itself."""
    names = {change.name.lower() for change in node.changes if isinstance(change, RemoveColumn)}
    if len(names) != len(node.changes) or not all(definition.has(name) for name in names):
        return False
    for name in names:
        column = definition.column(name)
        if any(one.kind in ("PRIMARY", "UNIQUE", "CHECK") for one in column.clauses):
            return False
        others = [one for one in definition.columns if one is not column]
        mentions = [*definition.constraints, *(clause for one in others for clause in one.clauses)]
        if any(name in clause.names for clause in mentions):
            return False
    texts = await connection.fetch(OWN, (definition.name,), list)
    return not any(names & names_in(list(parts_of(row[2]))) for row in texts)


async def _rebuild(connection: Connection, old: TableDefinition, plan: Plan) -> None:
    if (await connection.fetch(KEYS_ON, (), list))[0][0]:
        raise ForeignKeysAreOn
    new, name = plan.definition, quoted(old.name)
    kept = await _kept(connection, old.name, plan.gone)
    counter = await _counter(connection, old.name)
    taken = {row[0] for row in await connection.fetch(NAMES, (), list)}
    temporary = next(one for one in (f"ectype_new_{n}_{old.name}" for n in range(1, 1_000)) if one.lower() not in taken)
    await connection.execute(new.text(temporary))
    columns, values = _copied(old, new, plan)
    if columns:
        await connection.execute(f"INSERT INTO {quoted(temporary)} ({columns}) SELECT {values} FROM {name}")
    await _compare(connection, old.name, temporary)
    await connection.execute(f"DROP TABLE {name}")
    await connection.execute("PRAGMA legacy_alter_table = ON")
    try:
        # So renamed, the views and triggers that name the table are left alone: they go on to mean it.
        await connection.execute(f"ALTER TABLE {quoted(temporary)} RENAME TO {name}")
    finally:
        await connection.execute("PRAGMA legacy_alter_table = OFF")
    if counter is not None:
        await _set_counter(connection, old.name, counter)
    for sql in kept:
        await connection.execute(sql)


def _copied(old: TableDefinition, new: TableDefinition, plan: Plan) -> tuple[str, str]:
    """Return the columns that get values, and the values: their own, or what the command says."""
    columns: list[str] = []
    values: list[str] = []
    row_id = new.row_id
    if row_id is not None and old.row_id is not None:
        columns.append(row_id)
        values.append(old.row_id)
    for column in new.columns:
        own = column.name.lower()
        if column.is_generated or (not old.has(own) and own not in plan.values) or own in plan.gone:
            continue
        columns.append(quoted(column.name))
        values.append(f"({plan.values[own]})" if own in plan.values else quoted(column.name))
    return ", ".join(columns), ", ".join(values)


async def _kept(connection: Connection, table: str, gone: frozenset[str]) -> list[str]:
    """Return the texts of the table's indexes and triggers; an index over a column that goes, goes with it."""
    rows = await connection.fetch(OWN, (table,), list)
    return [sql for kind, _, sql in rows if kind == "trigger" or not gone & _mentioned(sql)]


def _mentioned(sql: str) -> frozenset[str]:
    terms, where = read_index(sql)
    return names_in([part for text in (*terms, where or "") for part in parts_of(text)])


async def _compare(connection: Connection, old: str, new: str) -> None:
    sql = f"SELECT (SELECT count(*) FROM {quoted(old)}), (SELECT count(*) FROM {quoted(new)})"
    before, after = (await connection.fetch(sql, (), list))[0]
    if before != after:
        raise MigrationError(
            f"the table `{old}` has {before} rows, and {after} of them were copied into the new one",
            hint="nothing was changed; a constraint with ON CONFLICT IGNORE or REPLACE may have left rows out",
        )


async def _counter(connection: Connection, table: str) -> int | None:
    """Return the last number that AUTOINCREMENT gave; None without one."""
    if not await connection.fetch(HAS_COUNTER, (), list):
        return None
    rows = await connection.fetch("SELECT seq FROM sqlite_sequence WHERE name = ?1", (table,), list)
    return rows[0][0] if rows else None


async def _set_counter(connection: Connection, table: str, number: int) -> None:
    await connection.execute("DELETE FROM sqlite_sequence WHERE name = ?1", (table,))
    await connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, number))


async def _rename_index(connection: Connection, node: RenameIndex) -> None:
    found = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?1 COLLATE NOCASE"
    rows = await connection.fetch(found, (node.name,), list)
    if not rows:
        raise MigrationError(f"there is no index `{node.name}`", hint="create it in a migration before this one")
    if rows[0][0] is None:
        raise MigrationError(
            f"the index `{node.name}` belongs to a constraint, and has its name from SQLite",
            hint="rename the constraint: m.rename_constraint",
        )
    sql: str = rows[0][0]
    own = next(part for part in parts_of(sql) if unquoted(part.text).lower() == node.name.lower())
    await connection.execute(f"DROP INDEX {quoted(node.name)}")
    await connection.execute(sql[: own.start] + quoted(node.to) + sql[own.end :])


async def _violations(connection: Connection) -> dict[tuple[str, str], int]:
    try:
        return {(row[0], row[1]): row[2] for row in await connection.fetch(VIOLATIONS, (), list)}
    except DatabaseError:
        # A foreign key that does not fit its parent stops the whole check: the first INSERT would say so too.
        return await _violations_by_table(connection)


async def _violations_by_table(connection: Connection) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for (table,) in await connection.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'", (), _pairs):
        sql = 'SELECT "table", parent, count(*) FROM pragma_foreign_key_check(?1) GROUP BY 1, 2'
        try:
            found |= {(row[0], row[1]): row[2] for row in await connection.fetch(sql, (table,), list)}
        except DatabaseError as exc:
            found[table, exc.message] = 1
    return found


def _pairs(rows: list[Any]) -> list[Any]:
    return rows


async def _broken(connection: Connection) -> dict[str, str]:
    """Return the views and triggers that SQLite cannot compile, with its words."""
    probes = {
        f"view `{row[0]}`": f"EXPLAIN SELECT * FROM {quoted(row[0])}" for row in await connection.fetch(VIEWS, (), list)
    }
    for (table,) in await connection.fetch(FOLLOWED, (), _pairs):
        if f"view `{table}`" in probes and await _fails(connection, probes[f"view `{table}`"]):
            continue
        columns = await connection.fetch("SELECT name FROM pragma_table_info(?1)", (table,), list)
        if not columns:
            continue
        sets = ", ".join(f"{quoted(row[0])} = NULL" for row in columns)
        probes[f"INSERT trigger of `{table}`"] = f"EXPLAIN INSERT INTO {quoted(table)} DEFAULT VALUES"
        probes[f"UPDATE trigger of `{table}`"] = f"EXPLAIN UPDATE {quoted(table)} SET {sets}"
        probes[f"DELETE trigger of `{table}`"] = f"EXPLAIN DELETE FROM {quoted(table)}"
    found: dict[str, str] = {}
    for what, sql in probes.items():
        why = await _fails(connection, sql)
        if why is not None:
            found[what] = why
    return found


async def _fails(connection: Connection, sql: str) -> str | None:
    """Return what SQLite says against a statement; None when it can run it."""
    try:
        await connection.fetch(sql, (), list)
    except DatabaseError as exc:
        return exc.message
    return None
