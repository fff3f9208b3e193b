"""How far a backfill is: its row in the journal of migrations, under a version below zero that its name gives."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from ectype.adapters.base import Connection
from ectype.migrations.history import ectype_version, moment, text_of
from ectype.sql.dialect import Dialect

Key: TypeAlias = str | int | None

READ: Final = 'SELECT checksum, step, steps, checkpoint, finished_at FROM "{journal}" WHERE version = @1'

# `step` counts the batches, `steps` the rows; the checkpoint is the last key, with the rows that were changed.
BEGIN: Final = """\
INSERT INTO "{journal}" (version, name, checksum, state, started_at, ectype_version, host, step, steps, checkpoint)
VALUES (@1, @2, @3, 'backfill', @4, @5, @6, 0, 0, @7)
ON CONFLICT (version) DO UPDATE SET
  checksum = excluded.checksum, started_at = excluded.started_at, finished_at = NULL, duration_ms = NULL,
  ectype_version = excluded.ectype_version, host = excluded.host, step = 0, steps = 0, checkpoint = @7"""

ADVANCE: Final = """\
UPDATE "{journal}" SET step = step + 1, steps = steps + @2, checkpoint = @3
WHERE version = @1 AND checkpoint = @4 AND finished_at IS NULL
RETURNING version"""

FINISH: Final = 'UPDATE "{journal}" SET finished_at = @2 WHERE version = @1'


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        checksum: that of the file with which it began.
        batches: how many are done.
        rows: how many rows were gone through.
        updated: how many of them were changed.
        after: the last key that is done; None before the first batch.
        is_finished: whether it went through to the end.
    """

    checksum: str | None
    batches: int = 0
    rows: int = 0
    updated: int = 0
    after: Key = None
    is_finished: bool = False

    @property
    def checkpoint(self) -> str:
        """What the journal holds."""
        return json.dumps({"after": self.after, "updated": self.updated})


@dataclass(frozen=True, slots=True)
class BackfillJournal:
    """The row of one backfill, as one connection sees it.

    Attributes:
        connection: the connection.
        dialect: the database's.
        journal: the table.
        name: the backfill.
    """

    connection: Connection
    dialect: Dialect
    journal: str
    name: str

    async def read(self) -> Progress | None:
        """Return how far it is; None when it never began."""
        rows = await self.connection.fetch(self._text(READ), (self._version,), list)
        if not rows:
            return None
        checksum, batches, count, checkpoint, finished = rows[0]
        found = json.loads(checkpoint)
        return Progress(checksum, batches, count, found["updated"], found["after"], finished is not None)

    async def begin(self, checksum: str) -> Progress:
        """Write that it begins, at the first row."""
        progress = Progress(checksum)
        now = moment(self.dialect, datetime.now(UTC))
        known = (self._version, f"backfill {self.name}", checksum, now, ectype_version(), platform.node())
        await self.connection.execute(self._text(BEGIN), (*known, progress.checkpoint))
        return progress

    async def advance(self, before: Progress, after: Progress) -> bool:
        """Write that a batch is done, in its transaction, and say whether nobody else has written so."""
        params = (self._version, after.rows - before.rows, after.checkpoint, before.checkpoint)
        return bool(await self.connection.fetch(self._text(ADVANCE), params, list))

    async def finish(self) -> None:
        """Write that it went through to the end."""
        now = moment(self.dialect, datetime.now(UTC))
        await self.connection.execute(self._text(FINISH), (self._version, now))

    @property
    def _version(self) -> int:
        return -1 - int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:7])

    def _text(self, sql: str) -> str:
        return text_of(sql, self.journal, self.dialect)
