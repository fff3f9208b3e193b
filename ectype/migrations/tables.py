"""The `t` of `with m.create_table(…) as t:` and `with m.alter_table(…) as t:`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Literal, LiteralString, TypedDict, Unpack, cast

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.keys import references
from ectype.migrations.recording import refuse_unknown
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    Check,
    Column,
    ColumnState,
    Constraint,
    CreateTable,
    Deferrable,
    Exclusion,
    ForeignKey,
    Identity,
    Key,
    Match,
    ModifyColumn,
    OnAction,
    OnDelete,
    Raw,
    References,
    RemoveColumn,
    SetColumns,
    Table,
    TableChange,
    Unchanged,
    foreign_key_name,
    index_name,
)


class ColumnOptions(TypedDict, total=False):
    """What a column may have besides its type.

    Attributes:
        primary_key: whether it belongs to the primary key; several such columns make a composite one.
        scale: the digits after the point of a `Decimal`, which SQLite needs to order and sum it.
        precision: the digits of a `Decimal` on both sides of the point (PostgreSQL).
        size: how many characters a `str` has at most (PostgreSQL).
        generated: SQL text that computes it: `Raw("price * count")`.
        stored: False to compute it at each read.
        identity: who numbers it: `always` the database, or `by_default`, where an INSERT gives no number.
        start: the first number of an identity.
        increment: what is added for each next one.
        collation: how its texts are ordered; `C` is the order by code point on every database.
        comment: what is written beside it (PostgreSQL).
    """

    primary_key: bool
    scale: int | None
    precision: int | None
    size: int | None
    generated: Raw | None
    stored: bool
    identity: Literal["always", "by_default"] | None
    start: int | None
    increment: int | None
    collation: str | None
    comment: str | None


COLUMN_OPTIONS = tuple(ColumnOptions.__annotations__)


def was(
    type: object,  # noqa: A002  # as in `column`
    *,
    null: bool | Unchanged = UNCHANGED,
    default: object = UNCHANGED,
    scale: int | None = None,
    precision: int | None = None,
    size: int | None = None,
    collation: str | None = None,
) -> ColumnState:
    """Say what a column was before `t.modify`, so that a rollback can go back to it.

    Example:
        t.modify("age", int, null=False, from_=was(int, null=True))
    """
    return _state(type, null, default, scale=scale, precision=precision, size=size, collation=collation)


class _Columns(ABC):
    """What can be said about columns, whether the table is new or not."""

    def __init__(self, table: str, prefix: str | None = None) -> None:
        self._table = table
        self._prefix = prefix
        self._names: list[str] = []

    def column(
        self,
        name: str,
        type: object,  # noqa: A002  # it is the column's type, and called so in SQL and in Ecto
        *,
        null: bool = True,
        default: object = None,
        **options: Unpack[ColumnOptions],
    ) -> None:
        """Add a column.

        Args:
            name: the column's name.
            type: a Python type (`int`, `str`, `Decimal`, `datetime`, an Enum class, `dict[str, Any]`), the
                database's own words as text: `"numeric(12,2)"`; or `references(…)`.
            null: whether it takes NULL.
            default: a plain value, or SQL text as `Raw("now()")`.
            **options: see `ColumnOptions`.

        Raises:
            MigrationError: the column is there already, or its options contradict each other.
        """
        self._add(self._made(name, type, null, default, options))

    def references(
        self,
        name: str,
        table: str,
        *,
        on_delete: OnDelete = "nothing",
        on_update: OnAction = "nothing",
        null: bool = True,
        column: str = "id",
        type: object = int,  # noqa: A002  # as in `column`
        primary_key: bool = False,
        constraint: str | None = None,
        default: object = None,
        with_: Mapping[str, str] | None = None,
        match: Match | None = None,
        deferrable: Deferrable | None = None,
        validate: bool = True,
        prefix: str | None = None,
    ) -> None:
        """Add a column that references another table, with a foreign key named `<table>_<name>_fkey`.

        Args:
            name: the column's name.
            table: the table that it references.
            on_delete: what happens when the referenced row is deleted; of a key of several columns,
                `set_null("editor_id")` sets some.
            on_update: what happens when its key changes.
            null: whether the column takes NULL.
            column: the column that it references.
            type: the type of both columns.
            primary_key: whether it belongs to the primary key.
            constraint: another name for the foreign key.
            default: the column's default.
            with_: further columns of the key, which the table has, each with the one that it references.
            match: `full` where the columns of the key must all be NULL, or none.
            deferrable: `deferred` to check at COMMIT, `immediate` to do so only where a transaction asks for it.
            validate: False to leave the rows that exist unchecked until `m.validate_constraint`.
            prefix: the database schema of the referenced table.

        Raises:
            MigrationError: an action is unknown, or sets to NULL what takes no NULL.
        """
        self._check_action(name, on_delete, on_update)
        to = references(
            table,
            column=column,
            type=type,
            on_delete=on_delete,
            on_update=on_update,
            name=constraint,
            with_=with_,
            match=match,
            deferrable=deferrable,
            validate=validate,
            prefix=prefix,
        )
        self._add(self._made(name, to, null, default, {"primary_key": primary_key}))

    def timestamps(
        self,
        *,
        inserted_at: str | None = "inserted_at",
        updated_at: str | None = "updated_at",
        type: object = datetime,  # noqa: A002  # as in `column`
        null: bool = False,
    ) -> None:
        """Add `inserted_at` and `updated_at`: aware datetimes, never NULL, which the `Timestamps` mixin fills.

        Either may have another name, or None to be left out.
        """
        for name in (inserted_at, updated_at):
            if name is not None:
                self.column(name, type, null=null)

    def _made(self, name: str, type: object, null: bool, default: object, options: ColumnOptions) -> Column:  # noqa: A002, FBT001  # as in `column`
        refuse_unknown(f't.column("{name}")', tuple(options), COLUMN_OPTIONS)
        given = dict(options)
        start, increment = given.pop("start", None), given.pop("increment", None)
        identity = self._identity(name, given.pop("identity", None), start, increment)
        to = type if isinstance(type, References) else None
        if to is not None:
            to = replace(to, prefix=to.prefix or self._prefix)
            self._check_null(name, to, null=null and not options.get("primary_key", False))
        made = Column(
            name,
            type if to is None else to.type,
            null=null and identity is False,
            default=deepcopy(default),
            identity=identity,
            references=to,
        )
        return replace(made, **cast("dict[str, object]", given))  # type: ignore[arg-type]

    def _identity(self, name: str, how: object, start: object, increment: object) -> Identity | Literal[False]:
        if how is None:
            if start is not None or increment is not None:
                raise MigrationError(
                    f"`{name}` of `{self._table}` has `start=` or `increment=`, and nobody numbers it",
                    hint='say who does: identity="by_default"',
                )
            return False
        if how not in ("always", "by_default"):
            raise MigrationError(
                f"`{name}` of `{self._table}` has identity={how!r}",
                hint=did_you_mean(str(how), ("always", "by_default")),
            )
        return Identity(how == "always", cast("int | None", start), cast("int | None", increment))

    def _check_action(self, name: str, *actions: OnDelete) -> None:
        known = ("nothing", "restrict", "cascade", "set_null", "set_default")
        for action in actions:
            if not isinstance(action, SetColumns) and action not in known:
                raise MigrationError(
                    f"{action!r} is nothing that `{name}` of `{self._table}` can do", hint=did_you_mean(action, known)
                )

    def _check_null(self, name: str, to: References, *, null: bool) -> None:
        for action in (to.on_delete, to.on_update):
            sets = action == "set_null" or (
                isinstance(action, SetColumns) and action.action == "set_null" and name in action.columns
            )
            if sets and not null:
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
    """Records the columns and constraints of a table to be made."""

    def __init__(
        self,
        table: str,
        *,
        primary_key: bool,
        comment: str | None = None,
        prefix: str | None = None,
        unlogged: bool = False,
        options: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        super().__init__(table, prefix)
        self._primary_key = primary_key
        self._columns: list[Column] = []
        self._checks: list[Check] = []
        self._constraints: list[Constraint] = []
        self._made_of = Table(table, (), comment=comment, prefix=prefix, unlogged=unlogged, options=options)
        self._if_not_exists = if_not_exists

    def check(self, name: str, condition: LiteralString) -> None:
        """Add a check constraint with that name; the condition is SQL text, as `"age > 17"`."""
        if any(check.name == name for check in self._checks):
            raise MigrationError(f"the check `{name}` of `{self._table}` is given twice", hint="give it another name")
        self._checks.append(Check(name, condition))

    def unique(
        self,
        *columns: str,
        name: str | None = None,
        nulls_distinct: bool = True,
        deferrable: Deferrable | None = None,
    ) -> None:
        """Add a unique constraint, named as a unique index would be, which is what changesets expect.

        Raises:
            MigrationError: no column is given.
        """
        if not columns:
            raise MigrationError(f"t.unique() of `{self._table}` names no column", hint='say t.unique("column")')
        made = name or index_name(self._table, columns)
        self._constraints.append(Key(made, columns, nulls_distinct=nulls_distinct, deferrable=deferrable))

    def exclude(self, name: str, rule: LiteralString, *, deferrable: Deferrable | None = None) -> None:
        """Add an exclusion constraint (PostgreSQL): `t.exclude("no_overlap", "gist (room WITH =, during WITH &&)")`."""
        self._constraints.append(Exclusion(name, rule, deferrable))

    def foreign_key(self, column: str, to: References) -> None:
        """Add a foreign key over columns of this table that `t.column` made: for one column with two keys."""
        name = to.name or foreign_key_name(self._table, column)
        self._constraints.append(ForeignKey(name, column, replace(to, prefix=to.prefix or self._prefix)))

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
        made = replace(self._made_of, columns=columns, checks=tuple(self._checks), constraints=tuple(self._constraints))
        return CreateTable(made, self._if_not_exists)

    def _add(self, column: Column) -> None:
        self._claim(column.name)
        self._columns.append(column)


class ChangedTable(_Columns):
    """Records what changes in a table that exists."""

    def __init__(self, table: str, prefix: str | None = None) -> None:
        super().__init__(table, prefix)
        self._changes: list[TableChange] = []

    def column_if_missing(
        self,
        name: str,
        type: object,  # noqa: A002  # as in `column`
        *,
        null: bool = True,
        default: object = None,
        **options: Unpack[ColumnOptions],
    ) -> None:
        """Add a column unless the table has one of that name, whatever it is; a rollback removes it if it is there."""
        self._add(replace(self._made(name, type, null, default, options), if_not_exists=True))

    def modify(
        self,
        name: str,
        type: object,  # noqa: A002  # as in `column`
        *,
        null: bool | Unchanged = UNCHANGED,
        default: object = UNCHANGED,
        scale: int | None = None,
        precision: int | None = None,
        size: int | None = None,
        collation: str | None = None,
        from_: object = None,
        using: Raw | None = None,
        back: Raw | None = None,
    ) -> None:
        """Change a column: its type, and what else is given; the rest stays as it is.

        Args:
            name: the column's name.
            type: its type from now on, or `references(…)`.
            null: whether it takes NULL from now on.
            default: its default from now on; None takes it away.
            scale: as of a column.
            precision: as of a column.
            size: as of a column.
            collation: as of a column.
            from_: what it was, so that a rollback can go back: a type, `references(…)`, or `was(type, null=…)`.
            using: SQL text that makes the new value from the old row, where the database knows no way of its own.
            back: the same for a rollback.

        Raises:
            MigrationError: the column was given before in this block.
        """
        self._claim(name)
        to = _state(type, null, default, scale=scale, precision=precision, size=size, collation=collation)
        if to.references is not None:
            self._check_null(name, to.references, null=null is not False)
        before = from_ if from_ is None or isinstance(from_, ColumnState) else _state(from_, UNCHANGED, UNCHANGED)
        known = None if before is None else self._placed(before)
        self._changes.append(ModifyColumn(name, self._placed(to), known, using, back))

    def remove(
        self,
        name: str,
        type: object = None,  # noqa: A002  # as in `column`
        *,
        null: bool = True,
        default: object = None,
        **options: Unpack[ColumnOptions],
    ) -> None:
        """Remove a column; with its type and options as they were, the removal can be rolled back.

        Raises:
            MigrationError: the column was given before in this block, or has options and no type.
        """
        self._remove(name, type, null, default, options, if_exists=False)

    def remove_if_exists(
        self,
        name: str,
        type: object = None,  # noqa: A002  # as in `column`
        *,
        null: bool = True,
        default: object = None,
        **options: Unpack[ColumnOptions],
    ) -> None:
        """Remove a column where the table has one of that name; with its type, a rollback makes it where it is not."""
        self._remove(name, type, null, default, options, if_exists=True)

    def node(self) -> AlterTable:
        """Return what was recorded."""
        if not self._changes:
            raise MigrationError(
                f'm.alter_table("{self._table}") changes nothing', hint="add a `t.column(…)`, or take the block out"
            )
        return AlterTable(self._table, tuple(self._changes), self._prefix)

    def _remove(
        self,
        name: str,
        type: object,  # noqa: A002  # as in `column`
        null: bool,  # noqa: FBT001  # as in `column`
        default: object,
        options: ColumnOptions,
        *,
        if_exists: bool,
    ) -> None:
        self._claim(name)
        if type is None and not (null and default is None and not options):
            raise MigrationError(
                f't.remove("{name}") has the options of a column, but no type',
                hint=f'say what it was: t.remove("{name}", str, null=False)',
            )
        column = None if type is None else self._made(name, type, null, default, options)
        column = column and replace(column, if_not_exists=if_exists)
        self._changes.append(RemoveColumn(name, column, if_exists))

    def _placed(self, state: ColumnState) -> ColumnState:
        if state.references is None:
            return state
        return replace(state, references=replace(state.references, prefix=state.references.prefix or self._prefix))

    def _add(self, column: Column) -> None:
        self._claim(column.name)
        self._changes.append(AddColumn(column))


def _state(
    type: object,  # noqa: A002  # as in `column`
    null: bool | Unchanged,  # noqa: FBT001  # as in `column`
    default: object,
    **options: object,
) -> ColumnState:
    to = type if isinstance(type, References) else None
    made = ColumnState(type if to is None else to.type, null, deepcopy(default), references=to)
    return replace(made, **options)  # type: ignore[arg-type]
