"""Another type for a column of a table in use: a second column that a trigger keeps in step, until it has the name.

The files are: the column with its trigger, and a backfill for the rows that are there; its indexes, each alone; a check
that all rows are in step; the swap of the names, which takes no time; and the end of the old column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ectype.errors import MigrationError, UnsupportedError, did_you_mean
from ectype.migrations.backfill_text import WORD
from ectype.migrations.diff import steps as at
from ectype.migrations.diff.comparison import Comparison, Retyped, covers, dropped, short
from ectype.migrations.diff.online_obstacles import in_the_way, spoken
from ectype.migrations.diff.state import TableState
from ectype.migrations.diff.steps import BackfillFile, Step
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Check,
    Column,
    ColumnState,
    Comment,
    CreateConstraint,
    CreateIndex,
    Execute,
    Index,
    IndexColumn,
    ModifyColumn,
    Node,
    Raw,
    RemoveColumn,
    RenameColumn,
    RenameIndex,
    ValidateConstraint,
)
from ectype.sql.ddl_names import quote, table_name


def said_online(options: Sequence[str]) -> tuple[Retyped, ...]:
    """Return the columns that were named, as `users.age` or `tenant.users.age`.

    Raises:
        MigrationError: an option cannot be read.
    """
    found: list[Retyped] = []
    for text in options:
        parts = text.split(".")
        if len(parts) not in (2, 3) or not all(parts):
            raise MigrationError(f"--online takes a column, got {text!r}", hint="--online users.age")
        found.append(Retyped((parts[0] if len(parts) == 3 else None, parts[-2]), parts[-1]))
    return tuple(found)


def refuse_unused(asked: Sequence[Retyped], retyped: Sequence[Retyped]) -> None:
    """Raise MigrationError for a column that was named and gets no other type."""
    for one in asked:
        if one not in retyped:
            others = [other.text for other in retyped]
            raise MigrationError(
                f"--online {one.text}: no column of that name gets another type for which rows are written anew",
                hint=did_you_mean(one.text, others) if others else "leave it out",
            )


def refuse_here(work: Comparison) -> None:
    """Raise UnsupportedError where the database builds a table anew instead."""
    if work.online and not work.carefully:
        raise UnsupportedError(
            f"--online {work.online[0].text} is not what {work.dialect.name} can do: it builds the table anew",
            hint="leave it out: nobody else writes to the file meanwhile anyway",
        )


def retype(
    work: Comparison, there: TableState, wanted: TableState, was: Column, one: Column, casts: tuple[bool, bool]
) -> None:
    """Find the commands that give a column another type in steps.

    Args:
        work: the comparison.
        there: the table as it is.
        wanted: the table as it is to be.
        was: the column as it is.
        one: the column as it is to be.
        casts: whether a value becomes one of the new type, and of the old one, by a cast that is written down.

    Raises:
        MigrationError: something stands in the way; it is named.
    """
    why = next(in_the_way(work, there, wanted, was, one), None)
    key = _key(there, was.name)
    if why is None and key is None:
        why = "the table has no primary key by which a backfill could go through it"
    if why is not None or key is None:
        raise MigrationError(
            f"`{there.place[1]}.{was.name}` cannot get the type {one.type} in steps: {why}",
            hint="leave --online out for it, and change it in a quiet hour; or take what is in the way out before",
        )
    _Retyping(work, there, was, one, key, casts).write()


def _key(table: TableState, column: str) -> str | None:
    """Return a column by which a backfill can go through the table: the first of the primary key."""
    key = table.primary_key
    if key is None or key.columns[0] == column or WORD.fullmatch(key.columns[0]) is None:
        return None
    return key.columns[0]


class _Retyping:
    """The commands for one column."""

    def __init__(
        self, work: Comparison, table: TableState, was: Column, one: Column, key: str, casts: tuple[bool, bool]
    ) -> None:
        self._work, self._table, self._key = work, table, key
        self._was, self._one = was, one
        self._prefix, self._name = table.place
        self._column, self._new, self._old = was.name, short(was.name, "_new"), short(was.name, "_old")
        self._q = {name: quote(name, work.dialect, what="column") for name in (self._column, self._new, self._old)}
        self._target = table_name(self._name, self._prefix, work.dialect)
        there, back = casts
        self._made = self._q[self._column] + (f"::{one.type}" if there else "")
        # A cast that is written down would cut what is too long, and tell nobody.
        self._back = f"::{was.type}" if back else ""
        label = f"{self._name}_{was.name}"
        self._function = table_name(short(label, "_in_step"), self._prefix, work.dialect)
        # Triggers run by their names: what others write to the row must be there before.
        self._trigger = quote(short(f"zz_{label}", "_in_step"), work.dialect, what="trigger")
        self._in_step = self._check(
            short(label, "_backfilled"), f"{self._q[self._new]} IS NOT DISTINCT FROM {self._made}"
        )
        self._not_null = self._check(short(label, "_new_not_null"), f"{self._q[self._new]} IS NOT NULL")
        self._backfill = work.free_backfill(label, str(one.type))
        self._indexes = [index for index in table.indexes.values() if covers(index, was.name)]

    def write(self) -> None:
        """Add the commands, and the backfill."""
        text = f"{self._q[self._new]} = {self._made}"
        where = f"{self._q[self._new]} IS DISTINCT FROM {self._made}"
        self._work.found.backfills.append(
            BackfillFile(self._backfill, spoken(self._table.place), text, where, self._key)
        )
        self._begin()
        for index in self._indexes:
            self._add(CreateIndex(replace(self._renamed(index), concurrently=True)), file="build", rank=at.CREATE_PARTS)
        self._swap()
        self._end()

    def _begin(self) -> None:
        added = replace(self._one, name=self._new, null=True, default=None, comment=None)
        name = self._column
        note = f"`{name}` gets the type {self._one.type} in steps; next is: ectype backfill {self._backfill}"
        self._add(self._alter(AddColumn(added)), note=note)
        self._add(self._in_step, rank=at.CREATE_KEYS)
        if not self._was.null:
            self._add(self._not_null, rank=at.CREATE_KEYS)
        for node in self._keeps_step():
            self._add(node, rank=at.CREATE_OBJECTS)

    def _keeps_step(self) -> tuple[Execute, Execute]:
        function = (
            f"CREATE FUNCTION {self._function}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN\n  NEW.{self._q[self._new]} := NEW.{self._made};\n  RETURN NEW;\nEND $$"
        )
        trigger = (
            f"CREATE TRIGGER {self._trigger} BEFORE INSERT OR UPDATE ON {self._target}\n"
            f"FOR EACH ROW EXECUTE FUNCTION {self._function}()"
        )
        return (
            Execute(function, f"DROP FUNCTION {self._function}()"),
            Execute(trigger, f"DROP TRIGGER {self._trigger} ON {self._target}"),
        )

    def _swap(self) -> None:
        """Give the new column the name; a rollback brings what was written since back into the old one."""
        function, trigger = self._keeps_step()
        checks = [self._in_step] if self._was.null else [self._in_step, self._not_null]
        stops = f"it stops while a row is not in step: ectype backfill {self._backfill}"
        for number, one in enumerate(checks):
            validated = ValidateConstraint(self._name, one.constraint.name, self._prefix)
            self._add(validated, file="check", rank=at.CREATE_KEYS, note=None if number else stops)
        if not self._was.null:
            kind = self._one.type
            self._finish(
                self._alter(ModifyColumn(self._new, ColumnState(kind, null=False), ColumnState(kind, null=True)))
            )
        for one in checks:
            self._finish(dropped(one))
        self._finish(
            Execute(str(trigger.down)), down=(Execute(trigger.up),), note="lint: ok C01 the names are swapped with it"
        )
        self._finish(
            Execute(str(function.down)), down=(Execute(function.up),), note="lint: ok C01 only that trigger ran it"
        )
        if not self._was.null:
            kind = self._was.type
            loosened = ModifyColumn(self._column, ColumnState(kind, null=True), ColumnState(kind, null=False))
            self._finish(self._alter(loosened), note="lint: ok C01 it is the old column, which nobody writes any more")
        # What was written since has a new value that is not the old one's.
        back = f"{self._q[self._new]}{self._back}"
        refill = (
            f"UPDATE {self._target} SET {self._q[self._column]} = {back} "
            f"WHERE {self._q[self._new]} IS DISTINCT FROM {self._made}"
        )
        self._work.found.steps.append(Step(at.ALTER_TABLES, (), "finish", (Execute(refill),)))
        swapped = "lint: ok D03 the other column has that name when it commits"
        self._finish(RenameColumn(self._name, self._column, self._old, self._prefix), note=swapped)
        self._finish(RenameColumn(self._name, self._new, self._column, self._prefix), note=swapped)
        if self._one.default is not None:
            kind = self._one.type
            to, before = ColumnState(kind, default=self._one.default), ColumnState(kind, default=None)
            note = "lint: ok C01 the column takes the default over"
            self._finish(self._alter(ModifyColumn(self._column, to, before)), note=note)
        if self._one.comment is not None:
            self._finish(Comment(self._name, self._one.comment, self._column, None, self._prefix))
        for index in self._indexes:
            self._finish(RenameIndex(index.name, short(index.name, "_old"), self._prefix))
            self._finish(RenameIndex(self._renamed(index).name, index.name, self._prefix))

    def _end(self) -> None:
        """Remove the old column; a rollback makes it anew of the new one."""
        column = replace(self._was, name=self._old, null=True, comment=None)
        back = f"{self._q[self._column]}{self._back}"
        down: tuple[Node, ...] = (
            self._alter(AddColumn(column)),
            Execute(f"UPDATE {self._target} SET {self._q[self._old]} = {back}"),
        )
        if self._was.comment is not None:
            down += (Comment(self._name, self._was.comment, self._old, None, self._prefix),)
        for index in self._indexes:
            down += (CreateIndex(replace(self._renamed(index, self._old), name=short(index.name, "_old"))),)
        self._work.found.steps.append(
            Step(
                at.ALTER_TABLES,
                (self._alter(RemoveColumn(self._old, column)),),
                "last",
                down,
                note=f"lint: ok D02 `{self._column}` holds its values",
            )
        )

    # --- the parts ----------------------------------------------------------------------------------------------------

    def _check(self, name: str, sql: str) -> CreateConstraint:
        return CreateConstraint(self._name, Check(name, sql), validate=False, prefix=self._prefix)

    def _renamed(self, index: Index, column: str | None = None) -> Index:
        """Return an index over the other column, with a name of its own."""
        to = column or self._new

        def named(part: str) -> str:
            return to if part == self._column else part

        def part_of(part: str | Raw | IndexColumn) -> str | Raw | IndexColumn:
            if isinstance(part, str):
                return named(part)
            if isinstance(part, IndexColumn) and isinstance(part.of, str):
                return replace(part, of=named(part.of))
            return part

        return replace(
            index,
            columns=tuple(part_of(part) for part in index.columns),
            include=tuple(named(part) for part in index.include),
            name=short(index.name, "_new"),
        )

    def _alter(self, change: AddColumn | RemoveColumn | ModifyColumn) -> AlterTable:
        return AlterTable(self._name, (change,), self._prefix)

    def _add(self, node: Node, *, rank: int = at.ALTER_TABLES, file: at.File = "main", note: str | None = None) -> None:
        self._work.found.add(rank, node, file=file, note=note)

    def _finish(self, node: Node, *, down: tuple[Node, ...] | None = None, note: str | None = None) -> None:
        self._work.found.steps.append(Step(at.ALTER_TABLES, (node,), "finish", down, note=note))
