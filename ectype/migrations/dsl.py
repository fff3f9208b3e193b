"""`Migration`, the `m` of `change(m)`: each method records one command, and nothing runs until the function ends."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, LiteralString, TypeAlias, TypeVar

from ectype.errors import MigrationError
from ectype.migrations.tables import ChangedTable, NewTable
from ectype.sql.ddl import (
    CreateIndex,
    DropIndex,
    DropTable,
    Execute,
    Index,
    Node,
    Raw,
    RenameColumn,
    RenameTable,
    index_name,
)

Direction: TypeAlias = Literal["up", "down"]

_T = TypeVar("_T", NewTable, ChangedTable)


class Migration:
    """What a migration does, recorded command by command.

    With `change(m)` a rollback undoes the commands in reverse order; `up(m)` and `down(m)` win over it where
    a command cannot be turned round.

    Attributes:
        direction: `up` when it is applied, `down` when it is rolled back.

    >>> m = Migration("up")
    >>> with m.create_table("users") as t:
    ...     t.column("email", str, null=False)
    ...     t.timestamps()
    >>> m.create_index("users", "email", unique=True)
    >>> len(m.commands())
    2
    """

    def __init__(self, direction: Direction) -> None:
        self.direction: Direction = direction
        self._commands: list[Node] = []
        self._blocks: list[str] = []

    def create_table(self, name: str, *, primary_key: bool = True) -> AbstractContextManager[NewTable]:
        """Make a table, with a primary key `id` that the database numbers.

        `primary_key=False` leaves that key out, and so does a column with `primary_key=True`.
        """
        return self._block(NewTable(name, primary_key=primary_key), f'm.create_table("{name}")')

    def alter_table(self, name: str) -> AbstractContextManager[ChangedTable]:
        """Add columns to a table, or remove some."""
        return self._block(ChangedTable(name), f'm.alter_table("{name}")')

    def drop_table(self, name: str) -> None:
        """Remove a table and its rows. It cannot be turned round: a `down(m)` must make the table again."""
        self._commands.append(DropTable(name))

    def rename_table(self, name: str, *, to: str) -> None:
        """Give a table another name. Its indexes and constraints keep theirs."""
        self._commands.append(RenameTable(name, to))

    def rename_column(self, table: str, name: str, *, to: str) -> None:
        """Give a column another name."""
        self._commands.append(RenameColumn(table, name, to))

    def create_index(
        self,
        table: str,
        *columns: str | Raw,
        unique: bool = False,
        name: str | None = None,
        where: LiteralString | None = None,
    ) -> None:
        """Make an index, named `<table>_<columns>_index` unless a name is given.

        Args:
            table: the table.
            *columns: its columns, or expressions as `Raw("lower(email)")`.
            unique: whether no two rows may be equal in them.
            name: another name.
            where: SQL text that says which rows the index holds.

        Raises:
            MigrationError: no column was given.
        """
        if not columns:
            raise MigrationError(
                f'm.create_index("{table}") names no column', hint=f'say m.create_index("{table}", "column")'
            )
        index = Index(table, columns, name or index_name(table, columns), unique=unique, where=where)
        self._commands.append(CreateIndex(index))

    def drop_index(
        self,
        table: str,
        *columns: str | Raw,
        unique: bool = False,
        name: str | None = None,
        where: LiteralString | None = None,
    ) -> None:
        """Remove an index. Given as it was created, it can be rolled back; by its name alone it cannot.

        Raises:
            MigrationError: neither columns nor a name were given.
        """
        if not columns and name is None:
            raise MigrationError(
                f'm.drop_index("{table}") names no index',
                hint=f'say m.drop_index("{table}", "column") as it was created, or name="{table}_column_index"',
            )
        name = name or index_name(table, columns)
        was = Index(table, columns, name, unique=unique, where=where) if columns else None
        self._commands.append(DropIndex(name, was))

    def execute(self, up: LiteralString, down: LiteralString | None = None) -> None:
        """Run SQL text, which may hold several statements; `down` undoes it, "" when there is nothing to undo.

        Raises:
            MigrationError: there is no text.
        """
        if not up.strip() and not (down or "").strip():
            raise MigrationError("m.execute was given no SQL", hint='say m.execute("CREATE …", "DROP …")')
        self._commands.append(Execute(up, down))

    def commands(self) -> tuple[Node, ...]:
        """Return what was recorded, in order.

        Raises:
            MigrationError: a block was opened without `with`, so that nothing of it was recorded.
        """
        for opening in self._blocks:
            raise MigrationError(
                f"`{opening}` was called without `with`, so nothing of it would happen",
                hint=f"open it as a block:\n\n    with {opening} as t:\n        t.column(…)",
            )
        return tuple(self._commands)

    def _block(self, table: _T, opening: str) -> AbstractContextManager[_T]:
        self._blocks.append(opening)
        return self._recorded(table, opening)

    @contextmanager
    def _recorded(self, table: _T, opening: str) -> Generator[_T]:
        yield table
        self._blocks.remove(opening)
        self._commands.append(table.node())
