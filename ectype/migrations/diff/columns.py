"""Two states of a table's columns, and the commands that lead from one to the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from ectype.migrations.diff import steps as at
from ectype.migrations.diff.comparison import Comparison, Retyped, dropped
from ectype.migrations.diff.online import retype
from ectype.migrations.diff.renames import mentions
from ectype.migrations.diff.state import PLAIN_ORDER, TableState
from ectype.migrations.lint.tokens import tokens_of
from ectype.migrations.lint.types import change as effect_on_rows
from ectype.migrations.lint.types import type_name
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    Check,
    Column,
    ColumnState,
    Comment,
    CreateConstraint,
    Execute,
    Identity,
    ModifyColumn,
    Raw,
    RemoveColumn,
    ValidateConstraint,
)
from ectype.sql.ddl_names import quote, table_name
from ectype.sql.ddl_types import literal_text

REWRITTEN = "every row is written anew, and nobody else reads or writes meanwhile"
STOPS_AT_LONG = "it stops at a value that is too long"
STOPS_OR_ROUNDS = "it stops at a value that does not fit, and rounds what has too many digits"
STOPS = "the migration that validates stops while a row has NULL here: fill such rows before"


def replaced_columns(work: Comparison, there: TableState, wanted: TableState) -> set[str]:
    """Return the columns that are removed and added anew: those that the database computes, where that changes."""
    same = work.current.same
    both = [(one, wanted.columns[name]) for name, one in there.columns.items() if name in wanted.columns]
    moving = {one.name for one, other in both if (one.type, one.collation) != (other.type, other.collation)}
    found: set[str] = set()
    for one, other in both:
        if one.generated is None and other.generated is None:
            continue
        changed = not same((one.generated, one.stored), (other.generated, other.stored)) or one.name in moving
        over = "" if one.generated is None else one.generated.sql
        if changed or any(mentions(over, name) for name in moving):
            found.add(one.name)
    return found


def changed_columns(work: Comparison, there: TableState, wanted: TableState, anew: set[str]) -> None:
    """Find the commands for the columns of one table."""
    prefix, name = there.place
    removed = [one for label, one in there.columns.items() if label not in wanted.columns or label in anew]
    # What is computed from others goes first.
    for one in sorted(removed, key=lambda column: column.generated is None):
        loses = None if one.generated is not None else f"the column `{name}.{one.name}` with its values"
        node = AlterTable(name, (RemoveColumn(one.name, replace(one, primary_key=False)),), prefix)
        rank = at.ALTER_TABLES if one.generated is None else at.RENAME_PARTS
        work.found.add(rank, node, loses=loses)
    for label, one in wanted.columns.items():
        if label not in there.columns or label in anew:
            _add(work, there, one)
        else:
            _modify(work, there, wanted, there.columns[label], one)


def _add(work: Comparison, table: TableState, one: Column) -> None:
    prefix, name = table.place
    filled = one.null or one.default is not None or one.generated is not None or one.identity is not False
    if filled:
        rank = at.FILL if one.generated is not None else at.ALTER_TABLES
        work.found.add(rank, AlterTable(name, (AddColumn(one),), prefix))
        return
    work.found.add(at.ALTER_TABLES, AlterTable(name, (AddColumn(replace(one, null=True)),), prefix))
    fill = work.fills.get((table.place, one.name))
    _tighten(work, table, replace(one, null=True), one, fill)


def _tighten(work: Comparison, table: TableState, was: Column, one: Column, fill: str | None) -> None:
    """Make a column take NULL no more, while others write: by a check that the database believes once validated."""
    prefix, name = table.place
    column = quote(one.name, work.dialect, what="column")
    if fill is not None:
        target = table_name(name, prefix, work.dialect)
        text = f"UPDATE {target} SET {column} = {fill} WHERE {column} IS NULL"
        work.found.add(at.FILL, Execute(text, ""), note="one statement for all rows: split it where the table is large")
    modify = AlterTable(name, (_modified(was, one, null=True, default=False),), prefix)
    if not work.carefully:
        work.found.add(at.CREATE_KEYS, modify)
        return
    label = f"{name}_{one.name}".encode()[:54].decode(errors="ignore") + "_not_null"
    check = CreateConstraint(name, Check(label, f"{column} IS NOT NULL"), prefix=prefix)
    work.found.add(at.CREATE_KEYS, replace(check, validate=False), note=None if fill is not None else STOPS)
    validated = ValidateConstraint(name, label, prefix)
    work.found.add(at.CREATE_KEYS, validated, modify, dropped(check), file="finish")


def _modify(work: Comparison, table: TableState, wanted: TableState, was: Column, one: Column) -> None:
    prefix, name = table.place
    same = work.current.same
    if was.comment != one.comment and Retyped(table.place, one.name) not in work.online:
        work.found.add(at.CREATE_OBJECTS, Comment(name, one.comment, one.name, was.comment, prefix))
    if was.generated is not None:
        return
    moves = (was.type, was.collation) != (one.type, one.collation)
    default = not same(was.default, one.default)
    if moves or default:
        change = _modified(was, one, null=False, default=default or (moves and one.default is not None))
        if was.collation != one.collation and not work.carefully:
            # Without a word SQLite keeps the order that a column has.
            change = replace(
                change,
                to=replace(change.to, collation=one.collation or PLAIN_ORDER),
                was=None if change.was is None else replace(change.was, collation=was.collation or PLAIN_ORDER),
            )
        note = REWRITTEN if moves and work.carefully else None
        if moves and was.type != one.type and work.carefully:
            change, note = _retyped(change, quote(one.name, work.dialect, what="column"), was, one)
            if note is not None:
                here = Retyped(table.place, one.name)
                work.retyped.append(here)
                if here in work.online:
                    casts = (change.using is not None, change.back is not None)
                    retype(work, table, wanted, was, one, casts)
                    return
                note = f"{note}. In steps, while others go on: --online {here.text}"
        work.found.add(at.ALTER_TABLES, AlterTable(name, (change,), prefix), note=note)
    if was.null and not one.null:
        fill = one.default.sql if isinstance(one.default, Raw) else work.fills.get((table.place, one.name))
        if one.identity is not False:
            work.found.add(at.FILL, AlterTable(name, (_modified(was, one, null=True, default=False),), prefix))
        else:
            _tighten(work, table, was, one, fill)
    elif one.null and not was.null:
        work.found.add(at.CREATE_KEYS, AlterTable(name, (_modified(was, one, null=True, default=False),), prefix))
    if was.identity != one.identity and work.carefully:
        work.found.add(at.CREATE_KEYS, _numbered(work, table, was, one))


def _retyped(change: ModifyColumn, column: str, was: Column, one: Column) -> tuple[ModifyColumn, str | None]:
    """Return the change of a type with the casts that it needs, and what its author should know."""
    old, new = (type_name(tokens_of(str(side.type))) for side in (was, one))
    effect = effect_on_rows(old, new)
    if effect == "free":
        # The rows stay as they are: nothing is said of how to make them.
        return change, None
    change = replace(change, using=_cast(column, old, new, one), back=_cast(column, new, old, was))
    if effect == "rewrite":
        return change, REWRITTEN
    return change, f"{REWRITTEN}; {STOPS_AT_LONG if change.using is None else STOPS_OR_ROUNDS}"


def _cast(column: str, old: str, new: str, to: Column) -> Raw | None:
    """Return how a value becomes one of the new type; None where the server does it by itself, and refuses a loss."""
    if new.startswith(("varchar(", "char(")) and old != new:
        # A cast that is written down cuts what is too long, and tells nobody.
        return None
    return Raw(cast("Any", f"{column}::{to.type}"))


def _modified(was: Column, one: Column, *, null: bool, default: bool) -> ModifyColumn:
    def state(column: Column, other: Column) -> ColumnState:
        collation = column.collation if null is False or column.collation == other.collation else other.collation
        return ColumnState(
            other.type if null else column.type,
            column.null if null else UNCHANGED,
            column.default if default else UNCHANGED,
            collation=collation,
        )

    # NULL is changed after the type, so that both states have the new one.
    return ModifyColumn(one.name, state(one, one), state(was, one))


def _numbered(work: Comparison, table: TableState, was: Column, one: Column) -> Execute:
    """Return the text that changes who numbers a column; migrations have no command for it."""
    place = table_name(table.place[1], table.place[0], work.dialect)
    column = quote(one.name, work.dialect, what="column")
    head = f"ALTER TABLE {place} ALTER COLUMN {column}"

    def to(before: Column, after: Column) -> str:
        if not isinstance(after.identity, Identity):
            return f"{head} DROP IDENTITY"
        how = "ALWAYS" if after.identity.always else "BY DEFAULT"
        start, step = after.identity.start or 1, after.identity.increment or 1
        if isinstance(before.identity, Identity):
            return f"{head} SET GENERATED {how} SET START WITH {start} SET INCREMENT BY {step}"
        options = f" (START WITH {start} INCREMENT BY {step})" if (start, step) != (1, 1) else ""
        sequence = (
            f"pg_get_serial_sequence({literal_text(place, work.dialect)}, {literal_text(one.name, work.dialect)})"
        )
        highest = f"(SELECT greatest(coalesce(max({column}) + 1, {start}), {start}) FROM {place})"
        return f"{head} ADD GENERATED {how} AS IDENTITY{options}; SELECT setval({sequence}, {highest}, false)"

    return Execute(to(was, one), to(one, was))
