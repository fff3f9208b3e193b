"""The table between two schemas of a `many_to_many`: a schema of its own, or a table that is known by its name only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ectype.schema.meta import Declaration, FieldInfo, FieldOptions, SchemaInfo
from ectype.schema.sources import TableSource


class NarrowInfo(SchemaInfo):
    """What is known of a table, or of a query's rows, that has no schema: columns of the types of others.

    Args:
        name: what it is called in messages.
        table: the table, None for a query's rows.
        prefix: the table's prefix.
        columns: by name, a field that has the same type.
    """

    def __init__(self, name: str, table: str | None, prefix: str | None, columns: Mapping[str, FieldInfo]) -> None:
        self.like = columns
        super().__init__(
            schema=type(name, (), {}),
            table=table,
            prefix=prefix,
            declarations={
                column: Declaration(column, None, column, FieldOptions(redact=known.options.redact))
                for column, known in columns.items()
            },
            associations={},
            scopes=lambda _member: [],
            registry=None,
        )
        self.source = TableSource(self, None)

    @cached_property
    def fields(self) -> dict[str, FieldInfo]:
        """Every column with its type, by name."""
        return {
            column: FieldInfo(column, column, known.type, known.nullable, self.declarations[column].options)
            for column, known in self.like.items()
        }


@dataclass(frozen=True, slots=True)
class JoinTable:
    """The table between two schemas.

    Attributes:
        source: what a query reads.
        owner_keys: its columns that point to the owner.
        related_keys: its columns that point to the related schema.
        named: whether it is known by its name only, so that nobody can mention its columns.
    """

    source: TableSource
    owner_keys: tuple[str, ...]
    related_keys: tuple[str, ...]
    named: bool
