"""Turning DDL round: what `change` did, undone in the reverse order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, assert_never

from ectype.migrations.reverse_objects import irreversible, reverse_object
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    Comment,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropConstraint,
    DropIndex,
    DropTable,
    Execute,
    ModifyColumn,
    Node,
    RemoveColumn,
    RenameColumn,
    RenameConstraint,
    RenameIndex,
    RenameTable,
    TableChange,
    ValidateConstraint,
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
    RenameTable(name='articles', to='posts', prefix=None)
    """
    match node:
        case CreateTable() | DropTable():
            return _reverse_table(node)
        case AlterTable(name, changes, prefix):
            return AlterTable(name, tuple(_reverse_change(name, change) for change in reversed(changes)), prefix)
        case RenameTable(name, to) | RenameColumn(_, name, to) | RenameIndex(name, to) | RenameConstraint(_, name, to):
            return replace(node, name=to, to=name)
        case CreateIndex() | DropIndex():
            return _reverse_index(node)
        case CreateConstraint() | DropConstraint():
            return _reverse_constraint(node)
        case ValidateConstraint():
            return replace(node, undone=not node.undone)
        case Comment(table, text, column, was):
            if was is UNCHANGED:
                what = f'"{table}"' if column is None else f'"{table}", column="{column}"'
                raise irreversible(
                    f"m.comment({what})",
                    "it does not say what the comment was",
                    f"give `was=`, None for none; or {WRITE_BOTH}",
                )
            return replace(node, text=was, was=text)
        case Execute(up, down):
            if down is None:
                raise irreversible(
                    f"m.execute({_short(up)!r})",
                    "it does not say how to undo it",
                    'give the text that undoes it, or "" when there is nothing to undo:\n\n'
                    '    m.execute("CREATE EXTENSION citext", "DROP EXTENSION citext")',
                )
            return Execute(down, up)
        case _:
            return reverse_object(node)


def _reverse_table(node: CreateTable | DropTable) -> Node:
    if isinstance(node, CreateTable):
        return DropTable(node.table.name, node.table, node.if_not_exists, prefix=node.table.prefix)
    if node.table is None:
        raise irreversible(f'm.drop_table("{node.name}")', "it does not say what the table was", WRITE_BOTH)
    return CreateTable(node.table, node.if_exists)


def _reverse_index(node: CreateIndex | DropIndex) -> Node:
    if isinstance(node, CreateIndex):
        index = node.index
        return DropIndex(index.name, index, node.if_not_exists, index.concurrently, index.prefix)
    if node.index is None:
        raise irreversible(
            f'm.drop_index(…, name="{node.name}")',
            "it does not say what the index was",
            f"name its columns as they were created, so that it can be made again:\n\n"
            f'    m.drop_index("table", "column", name="{node.name}")\n\nor {WRITE_BOTH}',
        )
    return CreateIndex(node.index, node.if_exists)


def _reverse_constraint(node: CreateConstraint | DropConstraint) -> Node:
    if isinstance(node, CreateConstraint):
        return DropConstraint(node.table, node.constraint.name, node, prefix=node.prefix)
    call = f'm.drop_constraint("{node.table}", "{node.name}")'
    if node.was is None:
        raise irreversible(
            call,
            "it does not say what the constraint was",
            f'say it as it was created: m.drop_constraint("{node.table}", "{node.name}", check="…"); or {WRITE_BOTH}',
        )
    if node.if_exists:
        raise irreversible(call, "with `if_exists=True` nobody knows whether it was there", WRITE_BOTH)
    return node.was


def _reverse_change(table: str, change: TableChange) -> TableChange:
    match change:
        case AddColumn(column):
            return RemoveColumn(column.name, column, column.if_not_exists)
        case RemoveColumn(name, column):
            if column is None:
                raise irreversible(
                    f't.remove("{name}") in m.alter_table("{table}")',
                    "it does not say what the column was",
                    f'give its type and options, so that it can be made again:\n\n    t.remove("{name}", int)',
                )
            return AddColumn(column)
        case ModifyColumn():
            return _reverse_modify(table, change)
        case _:
            assert_never(change)


def _reverse_modify(table: str, change: ModifyColumn) -> ModifyColumn:
    call, was = f't.modify("{change.name}") in m.alter_table("{table}")', change.was
    if was is None:
        raise irreversible(
            call,
            "it does not say what the column was",
            f'give it: t.modify("{change.name}", …, from_=int), or from_=was(int, null=True)',
        )
    for option in ("null", "default"):
        if (getattr(change.to, option) is UNCHANGED) != (getattr(was, option) is UNCHANGED):
            said = "changes" if getattr(was, option) is UNCHANGED else "leaves"
            raise irreversible(
                call,
                f"it {said} `{option}`, and `from_` {'does not say' if said == 'changes' else 'says'} what that was",
                f"say both: t.modify(…, {option}=…, from_=was(…, {option}=…))",
            )
    return ModifyColumn(change.name, was, change.to, change.back, change.using)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
