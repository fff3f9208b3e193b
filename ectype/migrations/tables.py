"""The `t` of `with m.create_table(…) as t:` and `with m.alter_table(…) as t:`."""

from abc import ABC, abstractmethod
from copy import deepcopy
from datetime import datetime
from typing import LiteralString

from ectype.errors import MigrationError, did_you_mean
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Check,
    Column,
    CreateTable,
    OnAction,
    References,
    RemoveColumn,
    Table,
    TableChange,
)
from ectype.sql.ddl_compiler import ACTIONS


class _Columns(ABC):
    """What can be said about columns, whether the table is new or not."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._names: list[str] = []

    def column(
        self,
        name: str,
        type: object,  # noqa: A002  # it is the column's type, and called so in SQL and in Ecto
        *,
        null: bool = True,
        default: object = None,
        primary_key: bool = False,
        scale: int | None = None,
    ) -> None:
        """Add a column.

        Args:
            name: the column's name.
            type: a Python type (`int`, `str`, `Decimal`, `datetime`, an Enum class, `dict[str, Any]`), or the
                database's own words as text: `"numeric(12,2)"`.
            null: whether it takes NULL.
            default: a plain value, or SQL text as `Raw("now()")`.
            primary_key: whether it belongs to the primary key; several such columns make a composite one.
            scale: the digits after the point of a `Decimal`, which SQLite needs to order and sum it.

        Raises:
            MigrationError: the column is there already.
        """
        self._add(Column(name, type, null=null, default=deepcopy(default), primary_key=primary_key, scale=scale))

    def references(
        self,
        name: str,
        table: str,
        *,
        on_delete: OnAction = "nothing",
        on_update: OnAction = "nothing",
        null: bool = True,
        column: str = "id",
        type: object = int,  # noqa: A002  # as in `column`
        primary_key: bool = False,
        constraint: str | None = None,
    ) -> None:
        """Add a column that references another table, with a foreign key named `<table>_<name>_fkey`.

        Args:
            name: the column's name.
            table: the table that it references.
            on_delete: what happens when the referenced row is deleted.
            on_update: what happens when its key changes.
            null: whether the column takes NULL.
            column: the column that it references.
            type: the type of both columns.
            primary_key: whether it belongs to the primary key.
            constraint: another name for the foreign key.

        Raises:
            MigrationError: an action is unknown, or sets to NULL what takes no NULL.
        """
        for action in (on_delete, on_update):
            self._check_action(name, action, null=null and not primary_key)
        foreign_key = References(table, column, on_delete, on_update, constraint)
        self._add(Column(name, type, null=null, primary_key=primary_key, references=foreign_key))

    def timestamps(self) -> None:
        """Add `inserted_at` and `updated_at`: aware datetimes, never NULL, which the `Timestamps` mixin fills."""
        self.column("inserted_at", datetime, null=False)
        self.column("updated_at", datetime, null=False)

    def _check_action(self, name: str, action: OnAction, *, null: bool) -> None:
        if action not in ACTIONS:
            raise MigrationError(
                f"{action!r} is nothing that `{name}` of `{self._table}` can do", hint=did_you_mean(action, ACTIONS)
            )
        if action == "set_null" and not null:
            raise MigrationError(
                f"`{name}` of `{self._table}` takes no NULL, so a foreign key cannot set it to NULL",
                hint='leave `null=False` out, or take on_delete="cascade" or "restrict"',
            )

    def _claim(self, name: str) -> None:
        if name in self._names:
            raise MigrationError(
                f"the column `{name}` of `{self._table}` is given twice", hint="take one of the two lines out"
            )
        self._names.append(name)

    @abstractmethod
    def _add(self, column: Column) -> None: ...


class NewTable(_Columns):
    """Records the columns and checks of a table to be made."""

    def __init__(self, table: str, *, primary_key: bool) -> None:
        super().__init__(table)
        self._primary_key = primary_key
        self._columns: list[Column] = []
        self._checks: list[Check] = []

    def check(self, name: str, condition: LiteralString) -> None:
        """Add a check constraint with that name; the condition is SQL text, as `"age > 17"`."""
        if any(check.name == name for check in self._checks):
            raise MigrationError(f"the check `{name}` of `{self._table}` is given twice", hint="give it another name")
        self._checks.append(Check(name, condition))

    def node(self) -> CreateTable:
        """Return what was recorded, with the default primary key `id` where no column is one."""
        columns = tuple(self._columns)
        if self._primary_key and not any(column.primary_key for column in columns):
            if "id" in self._names:
                raise MigrationError(
                    f"`{self._table}` has a column `id` that is no primary key, and gets one of that name by default",
                    hint='say t.column("id", …, primary_key=True), or m.create_table(…, primary_key=False)',
                )
            columns = (Column("id", int, null=False, primary_key=True, identity=True), *columns)
        return CreateTable(Table(self._table, columns, tuple(self._checks)))

    def _add(self, column: Column) -> None:
        self._claim(column.name)
        self._columns.append(column)


class ChangedTable(_Columns):
    """Records what changes in a table that exists."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self._changes: list[TableChange] = []

    def remove(
        self,
        name: str,
        type: object = None,  # noqa: A002  # as in `column`
        *,
        null: bool = True,
        default: object = None,
    ) -> None:
        """Remove a column; with its type and options as they were, the removal can be rolled back.

        Raises:
            MigrationError: the column was given before in this block, or has options and no type.
        """
        self._claim(name)
        if type is None and not (null and default is None):
            raise MigrationError(
                f't.remove("{name}") has the options of a column, but no type',
                hint=f'say what it was: t.remove("{name}", str, null=False)',
            )
        was = None if type is None else Column(name, type, null=null, default=deepcopy(default))
        self._changes.append(RemoveColumn(name, was))

    def node(self) -> AlterTable:
        """Return what was recorded."""
        if not self._changes:
            raise MigrationError(
                f'm.alter_table("{self._table}") changes nothing', hint="add a `t.column(…)`, or take the block out"
            )
        return AlterTable(self._table, tuple(self._changes))

    def _add(self, column: Column) -> None:
        self._claim(column.name)
        self._changes.append(AddColumn(column))
