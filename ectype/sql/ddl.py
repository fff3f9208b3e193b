"""What a migration can say about tables, indexes and constraints, as frozen data that knows no database.

What a database holds beside tables (enums, views, functions …) is in `ddl_objects`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, LiteralString, TypeAlias

from ectype.sql.ddl_objects import ObjectNode


@dataclass(frozen=True, slots=True)
class SetColumns:
    """What `set_null(…)` and `set_default(…)` give: of a key of several columns, those that are set."""

    action: Literal["set_null", "set_default"]
    columns: tuple[str, ...]


OnAction: TypeAlias = Literal["nothing", "restrict", "cascade", "set_null", "set_default"]
"""What happens to a row when the row that it references is deleted, or its key changes."""
OnDelete: TypeAlias = OnAction | SetColumns
Deferrable: TypeAlias = Literal["immediate", "deferred"]
"""When a constraint that may wait until COMMIT is checked, unless a transaction says otherwise."""
Match: TypeAlias = Literal["simple", "full"]
"""Whether a key that is NULL in one of its columns references nothing, or must be NULL in all of them."""
Direction: TypeAlias = Literal["asc", "desc"]
Nulls: TypeAlias = Literal["first", "last"]


class Unchanged(Enum):
    """What an option has that is not given: the column keeps what it has."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Raw:
    """SQL text that is sent as it is: a default such as `Raw("now()")`, or an expression to index.

    The text must be a literal of the program, which pyright checks, so that no value from outside enters it.
    """

    sql: LiteralString


@dataclass(frozen=True, slots=True)
class References:
    """A foreign key from one column, or from several with `others`.

    Attributes:
        table: the table that is referenced.
        column: its column.
        name: the constraint's name; None means `<table>_<column>_fkey` of the referencing side.
        type: the type of both columns.
        others: further pairs of a column here and one there, for a key of several columns.
        match: what a key means that is NULL in a part.
        deferrable: None where it is checked at each statement; else when it is, unless told otherwise.
        validate: whether the rows that exist are checked too.
        prefix: the database schema of the table that is referenced.
    """

    table: str
    column: str = "id"
    on_delete: OnDelete = "nothing"
    on_update: OnAction = "nothing"
    name: str | None = None
    type: object = int
    others: tuple[tuple[str, str], ...] = ()
    match: Match | None = None
    deferrable: Deferrable | None = None
    validate: bool = True
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A column that the database numbers, primary key or not.

    Attributes:
        always: whether an INSERT cannot give a number of its own.
        start: the first number.
        increment: what is added for each next one.
    """

    always: bool = False
    start: int | None = None
    increment: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        type: a Python annotation (`int`, `Decimal`, an Enum class, `dict[str, Any]`), or the database's own
            words as text (`"numeric(12,2)"`).
        default: a Python value, `Raw` text, or None for none.
        primary_key: whether it belongs to the primary key.
        identity: True for the key that the database numbers, which is the whole primary key; or how it numbers.
        scale: the digits after the point of a `Decimal`.
        precision: the digits of a `Decimal` on both sides of the point.
        size: how many characters a text has at most.
        generated: the expression that computes it.
        stored: whether what is computed is kept, or computed at each read.
        collation: how its texts are ordered and compared.
        comment: what is written beside it.
        if_not_exists: whether a column of that name that is there already is left as it is.
    """

    name: str
    type: object
    null: bool = True
    default: object = None
    primary_key: bool = False
    identity: bool | Identity = False
    references: References | None = None
    scale: int | None = None
    precision: int | None = None
    size: int | None = None
    generated: Raw | None = None
    stored: bool = True
    collation: str | None = None
    comment: str | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A named condition that every row of a table must meet. The condition is SQL text."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A named rule that no two rows meet: `gist (room WITH =, during WITH &&)`."""

    name: str
    sql: str
    deferrable: Deferrable | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A unique constraint, or the primary key.

    Attributes:
        columns: its columns in order.
        primary: whether it is the primary key.
        nulls_distinct: whether two rows with NULL are different rows.
        using_index: a unique index that becomes the constraint, in place of the columns.
        deferrable: None where it is checked at each row; else when it is, unless told otherwise.
    """

    name: str
    columns: tuple[str, ...]
    primary: bool = False
    nulls_distinct: bool = True
    using_index: str | None = None
    deferrable: Deferrable | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of a table whose columns are there already: `column` here, and those of `to.others`."""

    name: str
    column: str
    to: References


Constraint: TypeAlias = Check | Exclusion | Key | ForeignKey


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, its columns in order, its constraints.

    Attributes:
        checks: its check constraints.
        constraints: its other ones.
        comment: what is written beside it.
        prefix: the database schema that it is in.
        unlogged: whether PostgreSQL keeps it out of its log, so that a crash empties it.
        options: what stands after the brackets, as `WITH (fillfactor = 70)` or `WITHOUT ROWID`.
    """

    name: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    comment: str | None = None
    prefix: str | None = None
    unlogged: bool = False
    options: str | None = None


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """A column, or an expression, of an index with what is said about its order."""

    of: str | Raw
    direction: Direction | None = None
    nulls: Nulls | None = None
    operator_class: str | None = None
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index over columns or expressions; `where` is SQL text that says which rows it holds.

    Attributes:
        include: columns that it holds beside those it is over.
        using: how it is kept: `btree`, `gin`, `gist` …
        nulls_distinct: whether two rows with NULL are different rows for a unique one.
        concurrently: whether the table can be written to while it is made; it then stands alone in its migration.
        comment: what is written beside it.
        prefix: the database schema of the table, and so of the index.
        only: whether the partitions of the table get none.
        options: its storage parameters, as `fillfactor = 70`.
    """

    table: str
    columns: tuple[str | Raw | IndexColumn, ...]
    name: str
    unique: bool = False
    where: str | None = None
    include: tuple[str, ...] = ()
    using: str | None = None
    nulls_distinct: bool = True
    concurrently: bool = False
    comment: str | None = None
    prefix: str | None = None
    only: bool = False
    options: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Make a table."""

    table: Table
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropTable:
    """Remove a table and its rows. `table` is what it was, where that is known: it makes the drop reversible."""

    name: str
    table: Table | None = None
    if_exists: bool = False
    cascade: bool = False
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Add a column to a table that exists."""

    column: Column


@dataclass(frozen=True, slots=True)
class RemoveColumn:
    """Remove a column. `column` is what it was, where that is known: it makes the removal reversible."""

    name: str
    column: Column | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class ColumnState:
    """What a column is changed to, or was: what is `UNCHANGED` is not spoken of.

    Attributes:
        type: as a column's.
        references: its foreign key; None for none, where the change speaks of one.
    """

    type: object
    null: bool | Unchanged = UNCHANGED
    default: object = UNCHANGED
    scale: int | None = None
    precision: int | None = None
    size: int | None = None
    collation: str | None = None
    references: References | None = None


@dataclass(frozen=True, slots=True)
class ModifyColumn:
    """Change a column's type, whether it takes NULL, its default, its foreign key.

    Attributes:
        was: what it was, where that is known: it makes the change reversible.
        using: the expression that makes the new values from the old row.
        back: the expression that a rollback uses.
    """

    name: str
    to: ColumnState
    was: ColumnState | None = None
    using: Raw | None = None
    back: Raw | None = None


TableChange: TypeAlias = AddColumn | RemoveColumn | ModifyColumn


@dataclass(frozen=True, slots=True)
class AlterTable:
    """Change the columns of a table, in the order given."""

    name: str
    changes: tuple[TableChange, ...]
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RenameTable:
    """Give a table another name. Indexes and constraints keep theirs."""

    name: str
    to: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Give a column another name."""

    table: str
    name: str
    to: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """Make an index."""

    index: Index
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Remove an index. `index` is what it was, where that is known: it makes the drop reversible."""

    name: str
    index: Index | None = None
    if_exists: bool = False
    concurrently: bool = False
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RenameIndex:
    """Give an index another name."""

    name: str
    to: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class CreateConstraint:
    """Add a constraint to a table that exists; without `validate` its rows are not checked yet."""

    table: str
    constraint: Constraint
    validate: bool = True
    comment: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class DropConstraint:
    """Remove a constraint. `was` is what it was, where that is known: it makes the drop reversible."""

    table: str
    name: str
    was: CreateConstraint | None = None
    if_exists: bool = False
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class ValidateConstraint:
    """Check the rows that a constraint has not been checked against.

    A rollback, `undone`, has nothing to do: a rule that is known to hold needs no forgetting.
    """

    table: str
    name: str
    prefix: str | None = None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class RenameConstraint:
    """Give a constraint another name."""

    table: str
    name: str
    to: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """Write a comment beside a table, or a column of it; None takes it away. `was` makes it reversible."""

    table: str
    text: str | None
    column: str | None = None
    was: str | Unchanged | None = UNCHANGED
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Execute:
    """SQL text of the migration's author; `down` turns it round, "" when there is nothing to turn round."""

    up: str
    down: str | None = None


TableNode: TypeAlias = (
    CreateTable
    | DropTable
    | AlterTable
    | RenameTable
    | RenameColumn
    | CreateIndex
    | DropIndex
    | RenameIndex
    | CreateConstraint
    | DropConstraint
    | ValidateConstraint
    | RenameConstraint
    | Comment
    | Execute
)
Node: TypeAlias = TableNode | ObjectNode


def index_name(table: str, columns: Sequence[str | Raw | IndexColumn]) -> str:
    """Return the name that an index has when none is given, by Ecto's rule, which changesets expect too.

    >>> index_name("users", ["email"])
    'users_email_index'
    >>> index_name("users", [Raw("lower(email)"), "team_id"])
    'users_lower_email_team_id_index'
    """
    plain = [column.of if isinstance(column, IndexColumn) else column for column in columns]
    texts = [column.sql if isinstance(column, Raw) else column for column in plain]
    return "_".join(re.sub(r"\W", "_", part).rstrip("_") for part in (table, *texts, "index"))


def foreign_key_name(table: str, column: str) -> str:
    """Return the name that a foreign key has when none is given, by PostgreSQL's and Ecto's rule.

    >>> foreign_key_name("posts", "author_id")
    'posts_author_id_fkey'
    """
    return f"{table}_{column}_fkey"


def is_concurrent(node: Node) -> bool:
    """Whether the command cannot run in a transaction."""
    match node:
        case CreateIndex(index):
            return index.concurrently
        case DropIndex():
            return node.concurrently
        case _:
            return False
