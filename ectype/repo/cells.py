"""Rows of an `insert_all` whose cells are more than values: expressions, and values that are sent once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr
from ectype.query.cells import Placeholder, checked_cell
from ectype.repo.rows import Group
from ectype.schema.meta import SchemaInfo
from ectype.types.columns import ColumnValues

MOST_ROWS: Final = 500
"""Rows of one statement: each number of rows is a text of its own."""

Row: TypeAlias = tuple[Expression | None, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows for one statement.

    Attributes:
        cells: the expression of each cell, row by row; None for a plain value.
        values: what the statement is sent, cell by cell.
    """

    cells: tuple[Row, ...]
    values: tuple[Any, ...]


def plain(group: Group) -> Group:
    """Return the rows with the values of their placeholders."""
    columns = [
        ColumnValues.of([cell.value if cell.__class__ is Placeholder else cell for cell in column.values])
        for column in group.columns
    ]
    return Group(group.fields, group.positions, columns)


def shared_fields(group: Group) -> tuple[Group, tuple[str, ...]]:
    """Return the rows with the values of their placeholders, and the fields where all have the same one.

    One field is always left: as many rows are written as it has values.
    """
    shared = [
        field
        for field, column in zip(group.fields, group.columns, strict=True)
        if column.values[0].__class__ is Placeholder and all(cell is column.values[0] for cell in column.values)
    ]
    if len(shared) == len(group.fields):
        shared.pop()
    return plain(group), tuple(shared)


def chunks(info: SchemaInfo, group: Group, most_values: int) -> Iterator[Chunk]:
    """Yield the rows in parts that one statement takes.

    Raises:
        QueryError: for an expression that reads a row, or a row of more values than a statement takes.
    """
    cells: list[Row] = []
    values: list[Any] = []
    for row in group.rows():
        nodes, own = _row(info, group.fields, row)
        if len(own) > most_values:
            raise QueryError(
                f"a row of {info.name} has {len(own)} values, and one statement takes {most_values}",
                hint="write it without expressions",
            )
        if len(cells) == MOST_ROWS or len(values) + len(own) > most_values:
            yield Chunk(tuple(cells), tuple(values))
            cells, values = [], []
        cells.append(nodes)
        values += own
    yield Chunk(tuple(cells), tuple(values))


def _row(info: SchemaInfo, fields: tuple[str, ...], row: tuple[Any, ...]) -> tuple[Row, list[Any]]:
    nodes: list[Expression | None] = []
    values: list[Any] = []
    for field, cell in zip(fields, row, strict=True):
        if isinstance(cell, Expr):
            checked = checked_cell(info.name, field, cast("Expr[Any, Any]", cell))
            nodes.append(checked.node)
            values += checked.params
        else:
            nodes.append(None)
            values.append(cell)
    return tuple(nodes), values
