"""What one statement does to the database, as far as the rules ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "create table", "drop table", "truncate", "rename table", "add column", "drop column", "rename column",
    "set type", "set not null", "drop not null", "drop default", "add constraint", "validate", "drop constraint",
    "create index", "drop index", "reindex", "rewrite", "detach", "create enum", "add value", "rename value",
    "drop object", "rename object", "move", "write", "set", "transaction", "outside", "pragma", "lock", "other",
]  # fmt: skip
"""What is done; `outside` is what refuses to run in a transaction."""

ConstraintKind: TypeAlias = Literal["check", "foreign key", "unique", "primary key", "exclude", "not null"]


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column as its definition says it.

    Attributes:
        type: in one spelling, see `type_name`.
        default: its text, None for none.
        calls: the functions that the default calls.
        constraint: the kinds of constraints that it brings.
        references: the table that it references, empty for none.
        references_column: the column of that table, empty where it is not said.
        stored: whether it is computed and kept.
        numbered: whether the database numbers it.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    calls: tuple[str, ...] = ()
    constraint: frozenset[ConstraintKind] = frozenset()
    references: str = ""
    references_column: str = ""
    check: str = ""
    stored: bool = False
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a statement does.

    Attributes:
        kind: what.
        table: the table, empty where there is none or it is not said.
        name: the column, constraint, index, type or word that is meant.
        to: the new name, type or value.
        column: the column that is added.
        columns: those of a new table, of an index, or of a constraint.
        constraint: what is added.
        text: the condition of a check, in one spelling; the value of a setting.
        concurrently: whether others can write meanwhile.
        not_valid: whether rows that exist are left unchecked.
        using_index: whether a constraint takes an index that is there.
        unique: whether an index is.
        references: the table that a foreign key references.
        references_columns: the columns there.
        using: whether a change of type has an expression of its own.
    """

    kind: Kind
    table: str = ""
    name: str = ""
    to: str = ""
    column: NewColumn | None = None
    new_columns: tuple[NewColumn, ...] = ()
    columns: tuple[str, ...] = ()
    constraint: ConstraintKind | None = None
    text: str = ""
    concurrently: bool = False
    not_valid: bool = False
    using_index: bool = False
    unique: bool = False
    references: str = ""
    references_columns: tuple[str, ...] = ()
    using: bool = False

    def inside(self, schema: str) -> Fact:
        """Return the fact as it is said where names without a schema mean that one.

        >>> Fact("drop table", "public.users").inside("public").table
        'users'
        """
        start = f"{schema}."
        if not any(start in name for name in (self.table, self.name, self.references, self._column_references)):
            return self
        column = self.column
        if column is not None:
            column = replace(column, references=column.references.removeprefix(start))
        return replace(
            self,
            table=self.table.removeprefix(start),
            name=self.name.removeprefix(start),
            references=self.references.removeprefix(start),
            column=column,
        )

    @property
    def _column_references(self) -> str:
        return "" if self.column is None else self.column.references
