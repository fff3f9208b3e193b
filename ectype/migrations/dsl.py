"""`Migration`, the `m` of `change(m)`: each method records one command, and nothing runs until the function ends."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import LiteralString, TypeVar

from ectype.errors import MigrationError
from ectype.migrations.constraint_commands import ConstraintCommands
from ectype.migrations.index_commands import IndexCommands
from ectype.migrations.object_commands import ObjectCommands
from ectype.migrations.recording import Direction, Live
from ectype.migrations.tables import ChangedTable, NewTable
from ectype.sql.ddl import UNCHANGED, Comment, DropTable, Execute, Node, RenameColumn, RenameTable, Unchanged

_T = TypeVar("_T", NewTable, ChangedTable)


class Migration(IndexCommands, ConstraintCommands, ObjectCommands):
    """What a migration does, recorded command by command.

    With `change(m)` a rollback undoes the commands in reverse order; `up(m)` and `down(m)` win over it where
    a command cannot be turned round. Each of them may be `async`.

    Attributes:
        direction: `up` when it is applied, `down` when it is rolled back.
        prefix: the database schema that it runs in; None for the default one.

    >>> m = Migration("up")
    >>> with m.create_table("users") as t:
    ...     t.column("email", str, null=False)
    ...     t.timestamps()
    >>> m.create_index("users", "email", unique=True)
    >>> len(m.commands())
    2
    """

    def __init__(
        self,
        direction: Direction,
        *,
        prefix: str | None = None,
        live: Live | None = None,
        turned_round: bool = False,
    ) -> None:
        super().__init__(direction, prefix=prefix, live=live, turned_round=turned_round)
        self._blocks: list[str] = []

    def create_table(
        self,
        name: str,
        *,
        primary_key: bool = True,
        comment: str | None = None,
        prefix: str | None = None,
        unlogged: bool = False,
        options: LiteralString | None = None,
        if_not_exists: bool = False,
    ) -> AbstractContextManager[NewTable]:
        """Make a table, with a primary key `id` that the database numbers.

        Args:
            name: the table.
            primary_key: False leaves that key out, and so does a column with `primary_key=True`.
            comment: what is written beside it (PostgreSQL).
            prefix: the database schema that it is in (PostgreSQL).
            unlogged: whether it is kept out of the log: faster, and empty after a crash (PostgreSQL).
            options: what stands after the brackets: `WITH (fillfactor = 70)`, or `WITHOUT ROWID` on SQLite.
            if_not_exists: whether a table of that name, whatever it is, is left as it is.
        """
        made = NewTable(
            name,
            primary_key=primary_key,
            comment=comment,
            prefix=self._place(prefix),
            unlogged=unlogged,
            options=options,
            if_not_exists=if_not_exists,
        )
        return self._block(made, f'm.create_table("{name}")')

    def alter_table(self, name: str, *, prefix: str | None = None) -> AbstractContextManager[ChangedTable]:
        """Add columns to a table, change some, or remove some."""
        return self._block(ChangedTable(name, self._place(prefix)), f'm.alter_table("{name}")')

    def drop_table(
        self, name: str, *, if_exists: bool = False, cascade: bool = False, prefix: str | None = None
    ) -> None:
        """Remove a table and its rows. It cannot be turned round: a `down(m)` must make the table again.

        `cascade` removes the views and foreign keys that need it too (PostgreSQL).
        """
        self._record(DropTable(name, None, if_exists, cascade, self._place(prefix)))

    def rename_table(self, name: str, *, to: str, prefix: str | None = None) -> None:
        """Give a table another name. Its indexes and constraints keep theirs."""
        self._record(RenameTable(name, to, self._place(prefix)))

    def rename_column(self, table: str, name: str, *, to: str, prefix: str | None = None) -> None:
        """Give a column another name."""
        self._record(RenameColumn(table, name, to, self._place(prefix)))

    def comment(
        self,
        table: str,
        text: str | None,
        *,
        column: str | None = None,
        was: str | Unchanged | None = UNCHANGED,
        prefix: str | None = None,
    ) -> None:
        """Write a comment beside a table, or one of its columns (PostgreSQL); None takes it away.

        `was` is the comment before, None for none: with it, a rollback can go back.
        """
        self._record(Comment(table, text, column, was, self._place(prefix)))

    def execute(self, up: LiteralString, down: LiteralString | None = None) -> None:
        """Run SQL text, which may hold several statements; `down` undoes it, "" when there is nothing to undo.

        Raises:
            MigrationError: there is no text.
        """
        if not up.strip() and not (down or "").strip():
            raise MigrationError("m.execute was given no SQL", hint='say m.execute("CREATE …", "DROP …")')
        self._record(Execute(up, down))

    def execute_file(self, up: str | Path, down: str | Path | None = None) -> None:
        """Run the SQL text of a file, which is read now; the file `down` undoes it.

        A path is relative to where the command runs; `Path(__file__).parent / "…"` is beside the migration.

        Raises:
            MigrationError: a file cannot be read.
        """
        self._record(Execute(_text(up), None if down is None else _text(down)))

    def commands(self) -> tuple[Node, ...]:
        """Return what was recorded, in order.

        Raises:
            MigrationError: a block was opened without `with`, or `m.flush()` was not awaited, so that nothing happened.
        """
        if self._flushes:
            raise MigrationError(
                "`m.flush()` was called without `await`, so nothing of it would happen",
                hint="write `await m.flush()`, in an `async def`",
            )
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
        self._record(table.node())


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise MigrationError(
            f"m.execute_file cannot read {path}: {exc}",
            hint='name a file beside the migration: Path(__file__).parent / "views.sql"',
        ) from exc
