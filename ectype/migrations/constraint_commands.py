"""What a migration says about the constraints of a table that exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import LiteralString, TypedDict, Unpack

from ectype.errors import MigrationError
from ectype.migrations.recording import Recorder, refuse_unknown
from ectype.sql.ddl import (
    Check,
    Constraint,
    CreateConstraint,
    Deferrable,
    DropConstraint,
    Exclusion,
    ForeignKey,
    Key,
    References,
    RenameConstraint,
    ValidateConstraint,
)


class ConstraintOptions(TypedDict, total=False):
    """What a constraint is: one of the first five, with what belongs to it.

    Attributes:
        check: the condition that every row must meet, as SQL text.
        exclude: the rule that no two rows may meet: `gist (room WITH =, during WITH &&)` (PostgreSQL).
        unique: the columns in which no two rows may be equal.
        primary_key: the columns of the primary key.
        foreign_key: the column that references another table, with `references`.
        references: what `foreign_key` references: `references("users", on_delete="cascade")`.
        using_index: a unique index that becomes the unique constraint or the primary key (PostgreSQL).
        nulls_distinct: False where two rows with NULL are equal (PostgreSQL 15).
        deferrable: `deferred` to check at COMMIT, `immediate` to do so only where a transaction asks for it.
        validate: False to leave the rows that exist unchecked until `m.validate_constraint` (PostgreSQL).
        comment: what is written beside it (PostgreSQL).
        prefix: the database schema of the table (PostgreSQL).
    """

    check: LiteralString
    exclude: LiteralString
    unique: Sequence[str]
    primary_key: Sequence[str]
    foreign_key: str
    references: References
    using_index: str
    nulls_distinct: bool
    deferrable: Deferrable
    validate: bool
    comment: str
    prefix: str | None


KINDS = ("check", "exclude", "unique", "primary_key", "foreign_key")
CONSTRAINT_OPTIONS = tuple(ConstraintOptions.__annotations__)


class ConstraintCommands(Recorder):
    """Adding, removing, checking and renaming constraints."""

    def create_constraint(self, table: str, name: str, **options: Unpack[ConstraintOptions]) -> None:
        """Add a constraint to a table that exists. SQLite has no ALTER TABLE for it: the table is built anew.

        Args:
            table: the table.
            name: the constraint's name.
            **options: what it is: `check=`, `exclude=`, `unique=`, `primary_key=` or `foreign_key=`; and how. See
                `ConstraintOptions`.

        Raises:
            MigrationError: it is none of these, or several.

        Example:
            m.create_constraint("users", "users_adult", check="age > 17", validate=False)
        """
        self._record(self._constraint("m.create_constraint", table, name, options))

    def drop_constraint(
        self, table: str, name: str, *, if_exists: bool = False, **options: Unpack[ConstraintOptions]
    ) -> None:
        """Remove a constraint. With what it was, as it was created, the removal can be rolled back.

        Raises:
            MigrationError: it has options, and is none of the kinds, or several.
        """
        prefix = self._place(options.get("prefix"))
        rest = [option for option in options if option != "prefix"]
        was = self._constraint("m.drop_constraint", table, name, options) if rest else None
        self._record(DropConstraint(table, name, was, if_exists, prefix))

    def validate_constraint(self, table: str, name: str, *, prefix: str | None = None) -> None:
        """Check the rows of a constraint made with `validate=False`, while others read and write (PostgreSQL).

        A rollback leaves it checked.
        """
        self._record(ValidateConstraint(table, name, self._place(prefix)))

    def rename_constraint(self, table: str, name: str, *, to: str, prefix: str | None = None) -> None:
        """Give a constraint another name."""
        self._record(RenameConstraint(table, name, to, self._place(prefix)))

    def _constraint(self, call: str, table: str, name: str, options: ConstraintOptions) -> CreateConstraint:
        said = f'{call}("{table}", "{name}")'
        refuse_unknown(said, tuple(options), CONSTRAINT_OPTIONS)
        kinds = [kind for kind in KINDS if kind in options]
        if len(kinds) != 1:
            raise MigrationError(
                f"{said} is {' and '.join(kinds) or 'no constraint'}: it must be one thing",
                hint=f'say what it is, as {call}("{table}", "{name}", check="price > 0")',
            )
        prefix = self._place(options.get("prefix"))
        made = _made(said, name, kinds[0], options)
        validate = options.get("validate", True)
        if isinstance(made, ForeignKey):
            validate = validate and made.to.validate
            made = replace(made, to=replace(made.to, prefix=made.to.prefix or prefix, validate=True))
        return CreateConstraint(table, made, validate, options.get("comment"), prefix)


BELONGS = {
    "check": ("validate",),
    "exclude": ("deferrable",),
    "unique": ("using_index", "nulls_distinct", "deferrable"),
    "primary_key": ("using_index", "deferrable"),
    "foreign_key": ("references", "validate", "deferrable"),
}


def _made(said: str, name: str, kind: str, options: ConstraintOptions) -> Constraint:
    for option in options:
        if option not in (kind, "comment", "prefix", *BELONGS[kind]):
            raise MigrationError(
                f"{said} has `{option}=`, which does not belong to `{kind}=`",
                hint=f"beside `{kind}=` it may have {', '.join(f'`{one}=`' for one in BELONGS[kind])}",
            )
    deferrable = options.get("deferrable")
    if kind == "check":
        return Check(name, options.get("check", ""))
    if kind == "exclude":
        return Exclusion(name, options.get("exclude", ""), deferrable)
    if kind == "foreign_key":
        return _foreign_key(said, name, options)
    columns = tuple(options.get("unique", ()) or options.get("primary_key", ()))
    index = options.get("using_index")
    if not columns and index is None:
        raise MigrationError(f"{said} names no column", hint=f'say {kind}=["email"]')
    return Key(name, columns, kind == "primary_key", options.get("nulls_distinct", True), index, deferrable)


def _foreign_key(said: str, name: str, options: ConstraintOptions) -> ForeignKey:
    to = options.get("references")
    if to is None:
        raise MigrationError(
            f"{said} does not say what it references",
            hint='say foreign_key="author_id", references=references("users")',
        )
    if to.name not in (None, name):
        raise MigrationError(
            f"{said} and its references(…) give two names", hint=f'leave name="{to.name}" out of references(…)'
        )
    to = replace(to, name=None, deferrable=options.get("deferrable", to.deferrable))
    return ForeignKey(name, options.get("foreign_key", ""), to)
