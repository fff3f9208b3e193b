"""An expression over the columns of one table as the text of DDL: bare columns, and values as literals.

DDL takes no parameters, so a value is written by the rules of defaults: escaped, and refused where it has no literal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from ectype.errors import CastError, SchemaError
from ectype.expr.nodes import Expression, Items
from ectype.expr.operand import Expr, Order
from ectype.query.ast import Step
from ectype.schema.meta import SchemaInfo
from ectype.sql import numbers
from ectype.sql.ddl_indexes import INDEX_COLUMN
from ectype.sql.ddl_names import quote
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect
from ectype.sql.lower import Lowering, Scope, render, wrapped
from ectype.sql.params import Dumper, by_class


def expression_text(info: SchemaInfo, given: Expr[Any, Any], dialect: Dialect) -> str:
    """Return an expression over the columns of a schema's table.

    Raises:
        QueryError: it mentions anything else.
        SchemaError: a value in it has no literal.
        UnsupportedError: this database cannot say it.
    """
    return render(_Writing(_Written(info, given.params, dialect), 0).lower(given.node), dialect)


def order_text(info: SchemaInfo, given: Order[Any], dialect: Dialect) -> tuple[str, str]:
    """Return the expression of an ORDER BY term, and the words behind it."""
    text = expression_text(info, Expr(given.node.operand, given.params), dialect)
    words = " DESC" if given.node.descending else ""
    return text, words if given.node.nulls is None else f"{words} NULLS {given.node.nulls.upper()}"


def column_name(info: SchemaInfo, field: str, dialect: Dialect) -> str:
    """Return the name of a column in quotes that can mean nothing else."""
    name = info.fields[field].source
    return INDEX_COLUMN[dialect.target](name, quote(name, dialect, what="column"))


class _Written(Scope):
    """What an expression of DDL can see: the columns of one table by their bare names, and its values."""

    __slots__ = ("info", "values")

    def __init__(self, info: SchemaInfo, values: Sequence[object], dialect: Dialect) -> None:
        super().__init__(dialect, {}, _no_query)
        self.info = info
        self.values = values
        for column in info.source.columns.values():
            if column.name in info.column_names:
                self.renamed[column.reference] = exp.Var(this=column_name(info, column.name, dialect))

    def placeholder(self, index: int, dump: Dumper) -> exp.Expr:
        """Write the value with this index, as it would have been sent."""
        return exp.Var(this=self.literal(self.values[index], dump))

    def literal(self, value: object, dump: Dumper) -> str:
        """Return a value as text, which takes the type of what it stands beside."""
        if value is None:
            return "NULL"
        try:
            return literal_text(dump(value), self.dialect)
        except CastError as exc:
            raise SchemaError(
                f"the DDL of {self.info.name} cannot hold {value!r:.60}: {exc.message}", hint=exc.hint
            ) from exc


class _Writing(Lowering):
    """Lowers an expression of DDL, where a list stands as the values that it holds."""

    __slots__ = ()

    def _in_values(self, operand: Expression) -> exp.Expr:
        scope = self.scope
        assert isinstance(scope, _Written)  # it was made with one
        if isinstance(operand, Items):
            raise SchemaError(
                f"an index or a constraint of {scope.info.name} cannot hold a list of rows",
                hint="compare column by column: `(User.a == 1) & (User.b == 2)`",
            )
        numbers.check_key("in_", operand, scope.dialect)
        inner = render(wrapped(self.lower(operand)), scope.dialect)
        element = numbers.beside(operand, scope.dialect) or by_class(scope.dialect.target)
        values: Any = scope.values[self.next]
        self.next += 1
        texts = [scope.literal(value, element) for value in values]
        return exp.Paren(this=exp.Var(this=f"{inner} IN ({', '.join(texts)})" if texts else "1 = 0"))


def _no_query(_scope: Scope, _step: Step, _offset: int, _form: str) -> exp.Expr:
    raise SchemaError("an index or a constraint holds no query")
