"""What a query reads from: a schema's table, or another one of its columns, as a value with identity."""

from __future__ import annotations

from typing import Any

from ectype.errors import QueryError
from ectype.expr.nodes import ColumnRef, Entity
from ectype.expr.operand import Column, Expr
from ectype.schema.meta import SchemaInfo
from ectype.types.base import Type


class TableSource:
    """A schema's table, or another table of its columns. There is one object for each, so identity is equality.

    Attributes:
        info: what is known of the schema.
        alias: the name given by `alias()`, or None.
        table: the name of the table; None for a shape, which has none.
        prefix: where the table is, when `source(…, prefix=)` says so; it wins over what the schema says.
        hint: literal text after the table's name, or None.
        lasting: whether it lives as long as its schema.
        columns: the column expressions over this source, by field name; those of virtual fields are for changesets.
        entity: the whole struct, as a select takes it; `optional` where an outer join may leave it out.
    """

    __slots__ = (
        "alias", "columns", "entity", "hint", "info", "label", "lasting", "optional", "prefix", "root", "shape", "table"
    )  # fmt: skip

    def __init__(
        self,
        info: SchemaInfo,
        alias: str | None,
        *,
        table: str | None = None,
        prefix: str | None = None,
        hint: str | None = None,
        lasting: bool = True,
    ) -> None:
        self.info = info
        self.alias = alias
        self.table = table or info.table
        self.prefix = prefix
        self.hint = hint
        self.lasting = lasting and table is None and prefix is None and hint is None
        self.root = info.root
        self.label = alias or table or info.name
        self.shape: Any = None
        self.columns: dict[str, Column[Any, Any]] = {
            name: Column(ColumnRef(self.root, self, name)) for name in info.field_names
        }
        for name in info.embeds:
            embed = info.declarations[name].embed
            assert embed is not None  # it is among the embeds
            self.columns[name] = embed.column(self.columns[name].node)
        self.entity: Expr[Any, Any] = Expr(Entity(self.root, self, optional=False))  # type: ignore[arg-type]
        self.optional: Expr[Any, Any] = Expr(Entity(self.root, self, optional=True))  # type: ignore[arg-type]
        if self.lasting:
            self.root.tops += [column.node for column in self.columns.values()]

    def column_type(self, name: str) -> Type[Any]:
        """The type of one of its columns."""
        return self.info.fields[name].type

    def column_source(self, name: str) -> str:
        """The name of the column in the database."""
        return self.info.fields[name].source

    def hides(self, name: str) -> bool:
        """Whether values of the column must not be shown."""
        return name in self.info.hidden

    def column(self, name: str) -> Column[Any, Any]:
        """The expression of one of its columns. Raises QueryError with the closest name when there is none."""
        try:
            return self.columns[name]
        except KeyError:
            raise QueryError(
                f"field `{name}` does not exist in {self.info.name}", hint=self.info.suggest(name)
            ) from None

    def __repr__(self) -> str:
        return f"<source {self.label}>"
