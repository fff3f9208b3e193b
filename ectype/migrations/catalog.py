"""What a database says that it holds, as plain frozen data: tables, columns, keys, indexes, checks, enums, comments.

The readers, one for each database, are `catalog_postgres` and `catalog_sqlite`; `catalog_reading` picks one. Texts are
the database's own words. System tables and ectype's journal of migrations are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ectype.types.base import Target

Generated: TypeAlias = Literal["stored", "virtual"]
Identity: TypeAlias = Literal["always", "by default", "sequence", "rowid"]
"""Who numbers a column: an identity of PostgreSQL, a `serial`'s sequence, or the row id of SQLite."""
Action: TypeAlias = Literal["nothing", "restrict", "cascade", "set_null", "set_default"]
Deferrable: TypeAlias = Literal["immediate", "deferred"]
ObjectKind: TypeAlias = Literal[
    "enum", "extension", "view", "materialized_view", "function", "trigger", "policy", "sequence"
]


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One column.

    Attributes:
        name: its name.
        type: its type as the database writes it, as `numeric(12,2)` or `email`.
        stored_as: the same with domains followed to what they stand for.
        nullable: whether it takes NULL.
        default: the text of its default, None without one; a generated column has none.
        generated: whether the database computes it, and when.
        expression: the text that computes it.
        identity: who numbers it, None when nobody does.
        collation: its collation, where that is not the type's own.
        comment: what its author said of it.
        enum: the enum type of its values, or of the items of its array: the schema and the name.
        dimensions: how deep an array was declared; 0 for what is none.
        numbering: the first number of an identity, and what is added for each next one.
    """

    name: str
    type: str
    stored_as: str
    nullable: bool = True
    default: str | None = None
    generated: Generated | None = None
    expression: str | None = None
    identity: Identity | None = None
    collation: str | None = None
    comment: str | None = None
    enum: tuple[str, str] | None = None
    dimensions: int = 0
    numbering: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A primary key, or a unique constraint: its columns in order; the name is None where the database gives none.

    Attributes:
        deferrable: None where it is checked at each row.
        nulls_distinct: whether two rows with NULL are different rows.
        comment: what its author said of it.
    """

    columns: tuple[str, ...]
    name: str | None = None
    deferrable: Deferrable | None = None
    nulls_distinct: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredForeignKey:
    """A foreign key: `columns` hold the `references` of `table`, in this order.

    Attributes:
        deferrable: None where it is checked at each statement.
        full: whether its columns must all be NULL, or none.
        sets: of several columns, those that a delete sets; () for all.
        valid: whether the rows that were there before it are known to meet it.
        comment: what its author said of it.
    """

    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]
    schema: str | None = None
    on_delete: Action = "nothing"
    on_update: Action = "nothing"
    name: str | None = None
    deferrable: Deferrable | None = None
    full: bool = False
    sets: tuple[str, ...] = ()
    valid: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class IndexPart:
    """A column of an index by its name, or the text of an expression.

    Attributes:
        nulls: where rows with NULL are, where that does not follow from the direction.
        operator_class: what it is compared by, where that is not the type's own.
        collation: how its texts are ordered, where that is not the column's own.
    """

    text: str
    is_column: bool = True
    descending: bool = False
    nulls: Literal["first", "last"] | None = None
    operator_class: str | None = None
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """An index that no constraint made.

    Attributes:
        parts: what it sorts by.
        unique: whether two rows may not be equal in all parts.
        where: which rows it holds, None for all.
        method: `btree`, `gin` …
        include: the columns that it carries besides.
        valid: whether the database uses it; a build that failed leaves one that it does not.
        nulls_distinct: whether two rows with NULL are different rows for a unique one.
        options: its storage parameters, as `fillfactor=70`.
        comment: what its author said of it.
    """

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    where: str | None = None
    method: str = "btree"
    include: tuple[str, ...] = ()
    valid: bool = True
    nulls_distinct: bool = True
    options: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCheck:
    """A condition that every row meets; `valid` whether those that were there before it are known to."""

    condition: str
    name: str | None = None
    valid: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredExclusion:
    """What no two rows may share: its rule as `gist (room WITH =, during WITH &&)`."""

    rule: str
    name: str
    deferrable: Deferrable | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredTable:
    """One table.

    Attributes:
        name: its name.
        schema: the PostgreSQL schema, or attached database, that it stands in.
        columns: in their order.
        primary_key: None without one.
        strict: whether SQLite holds values to the types of their columns; always so on PostgreSQL.
        row_ids: whether its rows have a number beside their key; SQLite's have, but for WITHOUT ROWID.
        row_security: whether the policies of PostgreSQL decide who sees a row.
    """

    name: str
    schema: str
    columns: tuple[StoredColumn, ...]
    primary_key: StoredKey | None = None
    uniques: tuple[StoredKey, ...] = ()
    foreign_keys: tuple[StoredForeignKey, ...] = ()
    indexes: tuple[StoredIndex, ...] = ()
    checks: tuple[StoredCheck, ...] = ()
    comment: str | None = None
    strict: bool = True
    row_ids: bool = False
    exclusions: tuple[StoredExclusion, ...] = ()
    row_security: bool = False


@dataclass(frozen=True, slots=True)
class StoredEnum:
    """An enum type of PostgreSQL, with its labels in their order."""

    name: str
    schema: str
    labels: tuple[str, ...]
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A view, function, trigger, policy, sequence or extension.

    Attributes:
        kind: what it is.
        name: its name.
        arguments: those of a function, which tell two of one name apart.
        table: that of a trigger or policy.
        definition: the statement that makes it, in the database's own words.
        body: what stands in it of its own: the query of a view, what a function returns.
    """

    kind: ObjectKind
    name: str
    definition: str
    schema: str
    arguments: str | None = None
    table: str | None = None
    body: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that one schema of a database holds; enums also of other schemas, where columns are of them.

    Attributes:
        target: which database.
        schema: the schema that was read.
        default_schema: the one that names without a schema mean.
        tables: by name.
        enums: by schema and name.
        objects: what is there beside tables and enums, in the order in which it was made.
    """

    target: Target
    schema: str
    default_schema: str
    tables: tuple[StoredTable, ...]
    enums: tuple[StoredEnum, ...] = ()
    objects: tuple[StoredObject, ...] = ()
