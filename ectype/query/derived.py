"""Sources that are no table: what queries, fragments and constant rows have in common when they are read."""

from __future__ import annotations

from typing import Any

from ectype.errors import QueryError, did_you_mean
from ectype.expr.nodes import ColumnRef, Entity, Root
from ectype.expr.operand import Column, Expr
from ectype.schema.meta import SchemaInfo
from ectype.types.base import Type


class DerivedSource:
    """Rows with the columns of a schema that stand in no table of it.

    Attributes:
        info: the schema whose fields it has for columns.
        label: its name.
        lasting: whether it lives as long as its schema.
    """

    __slots__ = ("columns", "entity", "info", "label", "lasting", "optional", "root", "shape")

    def __init__(
        self, root: Root, info: SchemaInfo, label: str, names: tuple[str, ...], *, lasting: bool = False
    ) -> None:
        self.info = info
        self.label = label
        self.lasting = lasting
        self.root = root
        self.shape: Any = None
        self.columns: dict[str, Column[Any, Any]] = {name: Column(ColumnRef(self.root, self, name)) for name in names}
        self.entity: Expr[Any, Any] = Expr(Entity(self.root, self, optional=False))  # type: ignore[arg-type]
        self.optional: Expr[Any, Any] = Expr(Entity(self.root, self, optional=True))  # type: ignore[arg-type]
        if lasting:
            self.root.tops += [column.node for column in self.columns.values()]

    def column_type(self, name: str) -> Type[Any]:
        """The type of one of its columns."""
        return self.info.fields[name].type

    def column_source(self, name: str) -> str:
        """The column's name in the database: that of the member, since what is inside names its outputs so."""
        return name

    def hides(self, name: str) -> bool:
        """Whether values of the column must not be shown."""
        return name in self.info.redacted

    def column(self, name: str) -> Column[Any, Any]:
        """The expression of one of its columns. Raises QueryError with the closest name when there is none."""
        try:
            return self.columns[name]
        except KeyError:
            hint = did_you_mean(name, self.columns)
            raise QueryError(f"`{name}` does not exist in `{self.label}`", hint=hint) from None

    def __repr__(self) -> str:
        return f"<source {self.label}>"
