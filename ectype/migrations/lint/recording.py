"""A migration's commands, each with the line of its file where it stands; no database is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import currentframe, isawaitable
from types import FrameType

from ectype.migrations.body import Body, commands
from ectype.migrations.dsl import Migration
from ectype.migrations.recording import NeedsConnection
from ectype.sql.ddl import Node


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a migration would do going up.

    Attributes:
        commands: each command with its line.
        ends_at: the line where it asks for its database, after which nothing is known; None when it does not.
    """

    commands: tuple[tuple[Node, int], ...]
    ends_at: int | None = None


class Traced(Migration):
    """A `Migration` that remembers the line of each command.

    Attributes:
        path: the file that the lines are of.
    """

    def __init__(self, path: str) -> None:
        super().__init__("up")
        self.path = path
        self._lines: list[int] = []

    def lines(self) -> Sequence[int]:
        """Return the line of each command that was recorded."""
        return self._lines

    def here(self) -> int:
        """Return the line of the migration's file that runs now, 1 where none does."""
        frame: FrameType | None = currentframe()
        while frame is not None and frame.f_code.co_filename != self.path:
            frame = frame.f_back
        return 1 if frame is None else frame.f_lineno

    def _record(self, node: Node) -> None:
        self._lines.append(self.here())
        super()._record(node)


async def record(body: Body) -> Recorded:
    """Return what the migration does going up.

    Raises:
        MigrationError: it has no way up.
        MigrationFailedError: one of its functions raised.
    """
    m = Traced("" if body.path is None else str(body.path))
    describe = body.up or body.change
    ends_at: int | None = None
    if describe is not None:
        try:
            outcome = describe(m)
            if isawaitable(outcome):
                await outcome
        except NeedsConnection as exc:
            ends_at = _line_of(exc, m)
        except Exception:
            # What a run would raise says it better, with its place.
            await commands(body, "up")
            raise
    else:
        await commands(body, "up")
    return Recorded(tuple(zip(m.take(), m.lines(), strict=True)), ends_at)


def _line_of(error: BaseException, m: Traced) -> int:
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == m.path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
