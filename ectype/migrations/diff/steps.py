"""What the diff finds: commands in their order, the files that they go into, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ectype.migrations.reverse import reverse_all
from ectype.sql.ddl import Node

File: TypeAlias = Literal["before", "main", "build", "drop", "check", "finish", "last"]
"""`before` is committed first; what is to `build`, or to `drop`, stands alone, outside a transaction; `check` reads all
rows, so that `finish` takes no time after it; and `last` is what no release needs any more."""

FILES: tuple[File, ...] = ("before", "main", "build", "drop", "check", "finish", "last")

# The order of commands within a file; a rollback runs them backwards.
PLACES = 0
DROP_OBJECTS = 1
RENAME = 2
TYPES = 3
DROP_FOREIGN_KEYS = 4
DROP_PARTS = 5
RENAME_PARTS = 6
CREATE_TABLES = 7
ALTER_TABLES = 8
FILL = 9
CREATE_KEYS = 10
CREATE_PARTS = 11
CREATE_FOREIGN_KEYS = 12
DROP_TABLES = 13
CREATE_OBJECTS = 14
DROP_TYPES = 15


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that belong together.

    Attributes:
        rank: their place in their file.
        down: what undoes them, where they cannot be turned round; None where they can.
        note: what the author of the file should know, as a remark before them.
        loses: what is lost for good: rows, or the values of a column.
    """

    rank: int
    up: tuple[Node, ...]
    file: File = "main"
    down: tuple[Node, ...] | None = None
    note: str | None = None
    loses: str | None = None

    def undone(self) -> tuple[Node, ...]:
        """Return the commands that undo these."""
        return reverse_all(self.up) if self.down is None else self.down


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """What the database holds that the diff leaves alone, and why."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class BackfillFile:
    """A backfill that the files need before the last of them can be applied.

    Attributes:
        name: its name.
        table: the table, or `schema.table`.
        set: what its UPDATE sets.
        where: which rows need it.
        key: the column by which they are gone through.
    """

    name: str
    table: str
    set: str
    where: str
    key: str


@dataclass(slots=True)
class Difference:
    """What leads from a database to what is wanted of it."""

    steps: list[Step] = field(default_factory=list[Step])
    unmanaged: list[Unmanaged] = field(default_factory=list[Unmanaged])
    backfills: list[BackfillFile] = field(default_factory=list[BackfillFile])

    def add(self, rank: int, *up: Node, file: File = "main", note: str | None = None, loses: str | None = None) -> None:
        """Add a step that can be turned round."""
        self.steps.append(Step(rank, up, file, note=note, loses=loses))

    def files(self) -> Iterator[tuple[File, list[Step]]]:
        """Yield the files with their steps in order; each step to build or to drop has a file of its own."""
        for file in FILES:
            steps = sorted((step for step in self.steps if step.file == file), key=lambda step: step.rank)
            if file in ("build", "drop"):
                for step in steps:
                    yield file, [step]
            elif steps:
                yield file, steps
