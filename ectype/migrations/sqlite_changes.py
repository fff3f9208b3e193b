"""What a command makes of a table's definition on SQLite, and where each new column gets its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from ectype.errors import MigrationError
from ectype.migrations.catalog_text import parts_of
from ectype.migrations.sqlite_table import (
    Clause,
    ColumnDefinition,
    TableDefinition,
    names_in,
    read_column,
    read_constraint,
    renamed,
)
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    CreateConstraint,
    DropConstraint,
    ModifyColumn,
    RemoveColumn,
    RenameConstraint,
    TableChange,
)
from ectype.sql.ddl_alter import modified, state_default
from ectype.sql.ddl_columns import collation_text, column_text, wide_key
from ectype.sql.ddl_constraints import constraint_text, foreign_key_text
from ectype.sql.dialect import Dialect

NULLS = ("NOT", "NULL")


@dataclass(frozen=True, slots=True)
class Plan:
    """A table as it shall be.

    Attributes:
        definition: its columns and constraints.
        values: for a column that does not get its own old value: the expression it gets.
        gone: the columns that are no more, in lower case.
    """

    definition: TableDefinition
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    gone: frozenset[str] = frozenset()


def planned(
    plan: Plan, node: AlterTable | CreateConstraint | DropConstraint | RenameConstraint, dialect: Dialect
) -> Plan:
    """Return the table after a command.

    Raises:
        MigrationError: it speaks of a column, or constraint, that is not there.
    """
    match node:
        case AlterTable(name, changes):
            for change in changes:
                plan = _changed(plan, name, change, dialect)
            return plan
        case CreateConstraint(table, constraint):
            _refuse_taken(plan.definition, constraint.name)
            added = read_constraint(constraint_text(table, constraint, dialect))
            return _with_constraint(plan, added)
        case DropConstraint(_, name):
            found = plan.definition.constraint(name)
            if found is None and node.if_exists:
                return plan
            return replace(plan, definition=plan.definition.replaced(_known(plan.definition, name, found), None))
        case RenameConstraint(_, name, to):
            _refuse_taken(plan.definition, to)
            found = _known(plan.definition, name, plan.definition.constraint(name))
            return replace(plan, definition=plan.definition.replaced(found, renamed(found, to)))
        case _:
            assert_never(node)


def _with_constraint(plan: Plan, added: Clause) -> Plan:
    definition = plan.definition
    return replace(plan, definition=replace(definition, constraints=(*definition.constraints, added)))


def _refuse_taken(definition: TableDefinition, name: str) -> None:
    # SQLite itself takes two constraints of one name, and then nobody can tell them apart.
    if definition.constraint(name) is not None:
        raise MigrationError(
            f"the table `{definition.name}` has a constraint `{name}` already", hint="give the new one another name"
        )


def _known(definition: TableDefinition, name: str, found: Clause | None) -> Clause:
    if found is None:
        names = [f"`{one.name}`" for one in definition.all_constraints() if one.name]
        raise MigrationError(
            f"the table `{definition.name}` has no constraint `{name}`",
            hint=f"it has {', '.join(names)}" if names else "none of its constraints has a name",
        )
    return found


def _changed(plan: Plan, table: str, change: TableChange, dialect: Dialect) -> Plan:
    definition = plan.definition
    match change:
        case AddColumn(column):
            if definition.has(column.name):
                if column.if_not_exists:
                    return plan
                raise MigrationError(
                    f"the table `{table}` has a column `{column.name}` already", hint="give the new one another name"
                )
            made = read_column(column_text(table, column, dialect))
            if column.primary_key and not any(one.kind == "PRIMARY" for one in made.clauses):
                made = made.with_(Clause("PRIMARY", "PRIMARY KEY"))
            added = replace(plan, definition=replace(definition, columns=(*definition.columns, made)))
            wide = wide_key(table, column)
            return (
                added
                if wide is None
                else _with_constraint(added, read_constraint(constraint_text(table, wide, dialect)))
            )
        case RemoveColumn(name):
            if change.if_exists and not definition.has(name):
                return plan
            return _removed(plan, definition.column(name).name.lower())
        case ModifyColumn():
            return _modified(plan, table, change, dialect)
        case _:
            assert_never(change)


def _removed(plan: Plan, name: str) -> Plan:
    """Return the table without a column, and without the constraints that are about it, as on PostgreSQL."""
    columns = tuple(one for one in plan.definition.columns if one.name.lower() != name)
    if not columns:
        raise MigrationError(
            f"`{name}` is the only column of `{plan.definition.name}`", hint="drop the table: m.drop_table"
        )
    definition = replace(
        plan.definition,
        columns=tuple(
            replace(one, clauses=tuple(c for c in one.clauses if c.kind != "CHECK" or name not in c.names))
            for one in columns
        ),
        constraints=tuple(one for one in plan.definition.constraints if name not in own_columns(one)),
    )
    return replace(plan, definition=definition, gone=plan.gone | {name})


def own_columns(clause: Clause) -> frozenset[str]:
    """Return the names in a constraint that can be columns of its own table, not of the one it references."""
    if clause.kind != "FOREIGN":
        return clause.names
    bracket = next((part for part in parts_of(clause.text) if part.text.startswith("(")), None)
    return frozenset() if bracket is None else names_in([bracket])


def _modified(plan: Plan, table: str, change: ModifyColumn, dialect: Dialect) -> Plan:
    to, was, where = change.to, change.was, f"`{change.name}` of `{table}`"
    definition = plan.definition
    old_key = None if was is None else was.references
    if old_key is not None and old_key != to.references:
        definition = _without_key(definition, change.name)

    def edit(column: ColumnDefinition) -> ColumnDefinition:
        column = replace(column, type=modified(table, change, to, dialect))
        if to.collation is not None:
            text = f"COLLATE {collation_text(where, to.collation, dialect)}"
            column = column.without("COLLATE").with_(Clause("COLLATE", text))
        if to.default is not UNCHANGED:
            default = state_default(table, change, dialect)
            column = column.without("DEFAULT")
            column = column if default is None else column.with_(Clause("DEFAULT", f"DEFAULT {default}"))
        if to.null is not UNCHANGED:
            column = column.without(*NULLS)
            column = column if to.null is True else column.with_(Clause("NOT", "NOT NULL"))
        return column

    definition = definition.changed(change.name, edit)
    plan = replace(plan, definition=definition)
    if to.references is not None and old_key != to.references:
        key = foreign_key_text(table, None, change.name, to.references, dialect, within_table=True)
        plan = _with_constraint(plan, read_constraint(key))
    if change.using is not None:
        name = definition.column(change.name).name
        plan = replace(plan, values={**plan.values, name.lower(): change.using.sql})
    return plan


def _without_key(definition: TableDefinition, name: str) -> TableDefinition:
    definition = definition.changed(name, lambda column: column.without("REFERENCES"))
    lowered = name.lower()
    kept = tuple(one for one in definition.constraints if one.kind != "FOREIGN" or lowered not in own_columns(one))
    return replace(definition, constraints=kept)
