"""What a migration can say about tables and indexes, as frozen data that knows no database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, LiteralString, TypeAlias

OnAction: TypeAlias = Literal["nothing", "restrict", "cascade", "set_null"]
"""What happens to a row when the row that it references is deleted, or its key changes."""


@dataclass(frozen=True, slots=True)
class Raw:
    """SQL text that is sent as it is: a default such as `Raw("now()")`, or an expression to index.

    The text must be a literal of the program, which pyright checks, so that no value from outside enters it.
    """

    sql: LiteralString


@dataclass(frozen=True, slots=True)
class References:
    """A foreign key from one column.

    Attributes:
        table: the table that is referenced.
        column: its column.
        name: the constraint's name; None means `<table>_<column>_fkey` of the referencing side.
    """

    table: str
    column: str = "id"
    on_delete: OnAction = "nothing"
    on_update: OnAction = "nothing"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        type: a Python annotation (`int`, `Decimal`, an Enum class, `dict[str, Any]`), or the database's own
            words as text (`"numeric(12,2)"`).
        default: a Python value, `Raw` text, or None for none.
        primary_key: whether it belongs to the primary key.
        identity: whether the database numbers it; such a column is the whole primary key.
        scale: the digits after the point of a `Decimal`.
    """

    name: str
    type: object
    null: bool = True
    default: object = None
    primary_key: bool = False
    identity: bool = False
    references: References | None = None
    scale: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A named condition that every row of a table must meet. The condition is SQL text."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, its columns in order, its check constraints."""

    name: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """An index over columns or expressions; `where` is SQL text that says which rows it holds."""

    table: str
    columns: tuple[str | Raw, ...]
    name: str
    unique: bool = False
    where: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Make a table."""

    table: Table


@dataclass(frozen=True, slots=True)
class DropTable:
    """Remove a table and its rows. `table` is what it was, where that is known: it makes the drop reversible."""

    name: str
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Add a column to a table that exists."""

    column: Column


@dataclass(frozen=True, slots=True)
class RemoveColumn:
    """Remove a column. `column` is what it was, where that is known: it makes the removal reversible."""

    name: str
    column: Column | None = None


TableChange: TypeAlias = AddColumn | RemoveColumn


@dataclass(frozen=True, slots=True)
class AlterTable:
    """Change the columns of a table, in the order given."""

    name: str
    changes: tuple[TableChange, ...]


@dataclass(frozen=True, slots=True)
class RenameTable:
    """Give a table another name. Indexes and constraints keep theirs."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Give a column another name."""

    table: str
    name: str
    to: str


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Make an index."""

    index: Index


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Remove an index. `index` is what it was, where that is known: it makes the drop reversible."""

    name: str
    index: Index | None = None


@dataclass(frozen=True, slots=True)
class Execute:
    """SQL text of the migration's author; `down` turns it round, "" when there is nothing to turn round."""

    up: str
    down: str | None = None


Node: TypeAlias = CreateTable | DropTable | AlterTable | RenameTable | RenameColumn | CreateIndex | DropIndex | Execute


def index_name(table: str, columns: Sequence[str | Raw]) -> str:
    """Return the name that an index has when none is given, by Ecto's rule, which changesets expect too.

    >>> index_name("users", ["email"])
    'users_email_index'
    >>> index_name("users", [Raw("lower(email)"), "team_id"])
    'users_lower_email_team_id_index'
    """
    texts = [column.sql if isinstance(column, Raw) else column for column in columns]
    return "_".join(re.sub(r"\W", "_", part).rstrip("_") for part in (table, *texts, "index"))


def foreign_key_name(table: str, column: str) -> str:
    """Return the name that a foreign key has when none is given, by PostgreSQL's and Ecto's rule.

    >>> foreign_key_name("posts", "author_id")
    'posts_author_id_fkey'
    """
    return f"{table}_{column}_fkey"
