"""What every part of the `m` of `change(m)` shares: it keeps commands in order, and knows where they go."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from ectype.errors import IrreversibleError, MigrationError, did_you_mean
from ectype.repo.repo import Repo
from ectype.sql.ddl import Node

Direction: TypeAlias = Literal["up", "down"]


class Live(Protocol):
    """The open transaction of a migration that looks into the database while it is recorded."""

    @property
    def repo(self) -> Repo:
        """A repo whose calls run in the migration's transaction."""
        ...

    async def run(self, nodes: Sequence[Node]) -> None:
        """Run commands now."""
        ...


class NeedsConnection(BaseException):
    """Stops the recording of a migration that cannot be recorded without its transaction.

    It is no Exception, so that `except Exception` in the migration lets it pass.
    """


class Recorder:
    """Records commands.

    Attributes:
        direction: `up` when the migration is applied, `down` when it is rolled back.
        prefix: the database schema that the migration runs in; None for the default one.
    """

    def __init__(
        self,
        direction: Direction,
        *,
        prefix: str | None = None,
        live: Live | None = None,
        turned_round: bool = False,
    ) -> None:
        """Begin to record.

        Args:
            direction: where the migration goes.
            prefix: the database schema of all that names none itself.
            live: the open transaction; None while the commands are only looked at.
            turned_round: whether it is a `change` whose commands will be undone.
        """
        self.direction: Direction = direction
        self.prefix = prefix
        self._live = live
        self._turned_round = turned_round
        self._commands: list[Node] = []
        self._flushes = 0

    @property
    def repo(self) -> Repo:
        """A repo whose calls run in the migration's transaction, at once: before the commands that wait.

        `await m.flush()` runs those first.

        Raises:
            IrreversibleError: `change` is being rolled back, and nobody knows how to undo what a repo does.
        """
        return self._running("m.repo").repo

    def flush(self) -> Coroutine[Any, Any, None]:
        """Run what was recorded so far, so that what follows can read and write it; to be awaited.

        Raises:
            IrreversibleError: `change` is being rolled back, so that its commands must run in the reverse order.
            DatabaseError: a command fails.
        """
        live = self._running("await m.flush()")
        self._flushes += 1
        return self._flush(live)

    async def _flush(self, live: Live) -> None:
        self._flushes -= 1
        await live.run(self.take())

    def take(self) -> tuple[Node, ...]:
        """Return what was recorded, and forget it."""
        commands = tuple(self._commands)
        self._commands.clear()
        return commands

    def _running(self, call: str) -> Live:
        if self._turned_round:
            raise IrreversibleError(
                f"`{call}` cannot be turned round: it runs while the commands are still recorded",
                hint="write `up(m)` and `down(m)` in place of `change(m)`",
            )
        if self._live is None:
            raise NeedsConnection(call)
        return self._live

    def _record(self, node: Node) -> None:
        self._commands.append(node)

    def _place(self, prefix: str | None) -> str | None:
        """Return the database schema of a command that gives `prefix`."""
        if prefix is not None and self.prefix not in (None, prefix):
            raise MigrationError(
                f'a command has prefix="{prefix}", and the migration runs in `{self.prefix}`',
                hint="leave `prefix=` out: each schema gets its own run of the migration",
            )
        return prefix or self.prefix


def refuse_unknown(call: str, options: Sequence[str], known: Sequence[str]) -> None:
    """Raise MigrationError when an option does not exist."""
    for option in options:
        if option not in known:
            raise MigrationError(f"{call} has no option `{option}`", hint=did_you_mean(option, known))
