"""Turning DDL round: what `change` did, undone in the reverse order."""

from collections.abc import Sequence
from typing import Final, assert_never

from ectype.errors import IrreversibleError
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    Execute,
    Node,
    RemoveColumn,
    RenameColumn,
    RenameTable,
    TableChange,
)

WRITE_BOTH: Final = "write `up(m)` and `down(m)` in place of `change(m)`"


def reverse_all(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the inverse of each node, last one first.

    Raises:
        IrreversibleError: one of them cannot be turned round; the message names it.
    """
    return tuple(reverse(node) for node in reversed(nodes))


def reverse(node: Node) -> Node:
    """Return the node that undoes this one; `reverse(reverse(node)) == node` wherever it returns.

    Raises:
        IrreversibleError: the node does not say what to go back to.

    >>> reverse(RenameTable("posts", to="articles"))
    RenameTable(name='articles', to='posts')
    """
    match node:
        case CreateTable(table):
            return DropTable(table.name, table)
        case DropTable(name, table):
            if table is None:
                raise _irreversible(f'm.drop_table("{name}")', "it does not say what the table was", WRITE_BOTH)
            return CreateTable(table)
        case AlterTable(name, changes):
            return AlterTable(name, tuple(_reverse_change(name, change) for change in reversed(changes)))
        case RenameTable(name, to):
            return RenameTable(to, to=name)
        case RenameColumn(table, name, to):
            return RenameColumn(table, to, to=name)
        case CreateIndex(index):
            return DropIndex(index.name, index)
        case DropIndex(name, index):
            if index is None:
                raise _irreversible(
                    f'm.drop_index(…, name="{name}")',
                    "it does not say what the index was",
                    f"name its columns as they were created, so that it can be made again:\n\n"
                    f'    m.drop_index("table", "column", name="{name}")\n\nor {WRITE_BOTH}',
                )
            return CreateIndex(index)
        case Execute(up, down):
            if down is None:
                raise _irreversible(
                    f"m.execute({_short(up)!r})",
                    "it does not say how to undo it",
                    'give the text that undoes it, or "" when there is nothing to undo:\n\n'
                    '    m.execute("CREATE EXTENSION citext", "DROP EXTENSION citext")',
                )
            return Execute(down, up)
        case _:
            assert_never(node)


def _reverse_change(table: str, change: TableChange) -> TableChange:
    match change:
        case AddColumn(column):
            return RemoveColumn(column.name, column)
        case RemoveColumn(name, column):
            if column is None:
                raise _irreversible(
                    f't.remove("{name}") in m.alter_table("{table}")',
                    "it does not say what the column was",
                    f'give its type and options, so that it can be made again:\n\n    t.remove("{name}", int)',
                )
            return AddColumn(column)
        case _:
            assert_never(change)


def _irreversible(command: str, why: str, hint: str) -> IrreversibleError:
    return IrreversibleError(f"`{command}` cannot be turned round: {why}", hint=hint)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
