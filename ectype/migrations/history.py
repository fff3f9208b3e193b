"""The journal of migrations: which migrations were applied, when, from which text, by which machine."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal, TypeAlias

from ectype.adapters.base import Connection
from ectype.errors import DatabaseError, MigrationError
from ectype.migrations.body import Body
from ectype.migrations.dsl import Direction
from ectype.sql.ddl import AddColumn, AlterTable, Column, CreateTable, Table
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import Dialect
from ectype.types.base import Codec, Target
from ectype.types.resolve import field_type

State: TypeAlias = Literal["up", "down"]

COLUMNS_OF_JOURNAL: Final = (
    Column("version", int, primary_key=True),
    Column("name", str, null=False),
    Column("checksum", str),
    Column("state", str, null=False),
    Column("started_at", datetime, null=False),
    Column("finished_at", datetime),
    Column("duration_ms", int),
    Column("ectype_version", str, null=False),
    Column("host", str, null=False),
    Column("step", int),
    Column("steps", int),
    Column("checkpoint", str),
)

ADDED_SINCE: Final = ("step", "steps", "checkpoint")
"""The columns that journals of older versions lack; a run adds them."""

EXISTS: Final[dict[Target, str]] = {
    "postgres": "SELECT 1 WHERE to_regclass('{journal}') IS NOT NULL",
    "sqlite": "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{journal}'",
}

COLUMNS: Final[dict[Target, str]] = {
    "postgres": "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('{journal}') AND attnum > 0",
    "sqlite": "SELECT name FROM pragma_table_info('{journal}')",
}

READ: Final = (
    "SELECT version, name, checksum, state, finished_at, duration_ms, {added} "
    'FROM "{journal}" WHERE version > 0 ORDER BY version'
)

# Both databases read the same text; only the sign before a parameter's number differs.
CLAIM_UP: Final = """\
INSERT INTO "{journal}" (version, name, checksum, state, started_at, ectype_version, host, step, steps)
VALUES (@1, @2, @3, 'up', @4, @5, @6, @7, @8)
ON CONFLICT (version) DO UPDATE SET
  name = excluded.name, checksum = excluded.checksum, state = 'up', started_at = excluded.started_at,
  finished_at = NULL, duration_ms = NULL, ectype_version = excluded.ectype_version, host = excluded.host,
  step = excluded.step, steps = excluded.steps, checkpoint = NULL
WHERE "{journal}".state <> 'up' AND "{journal}".finished_at IS NOT NULL
RETURNING version"""

CLAIM_DOWN: Final = """\
UPDATE "{journal}"
SET state = 'down', started_at = @2, finished_at = NULL, duration_ms = NULL, ectype_version = @3, host = @4,
  step = @5, steps = @6, checkpoint = NULL
WHERE version = @1 AND state = 'up' AND finished_at IS NOT NULL
RETURNING version"""

# Who advances a step does it: the row is the lock where a lock does not outlive a transaction.
ADVANCE: Final = """\
UPDATE "{journal}" SET step = @2, checkpoint = NULL
WHERE version = @1 AND step = @3 AND finished_at IS NULL
RETURNING version"""

NOTE: Final = 'UPDATE "{journal}" SET checkpoint = @2 WHERE version = @1'

FORGET: Final = 'DELETE FROM "{journal}" WHERE version = @1'

RESTORE: Final = """\
UPDATE "{journal}"
SET state = @2, finished_at = @3, duration_ms = @4, step = NULL, steps = NULL, checkpoint = NULL
WHERE version = @1"""

RECORD: Final = """\
INSERT INTO "{journal}" (version, name, checksum, state, started_at, finished_at, duration_ms, ectype_version, host)
VALUES (@1, @2, @3, @4, @5, @5, 0, @6, @7)
ON CONFLICT (version) DO UPDATE SET
  name = excluded.name, checksum = excluded.checksum, state = excluded.state, started_at = excluded.started_at,
  finished_at = excluded.finished_at, duration_ms = 0, ectype_version = excluded.ectype_version,
  host = excluded.host, step = NULL, steps = NULL, checkpoint = NULL"""

FINISH: Final = """\
UPDATE "{journal}" SET finished_at = @2, duration_ms = @3, checkpoint = NULL
WHERE version = @1 AND finished_at IS NULL
RETURNING version"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. A migration that was rolled back keeps its row, with the state `down`.

    Attributes:
        state: where it went last.
        finished_at: when it was there; None when it is on its way, or ended half-way.
        step: how many of its steps are done, where it cannot be one transaction.
        steps: how many steps it has, where it cannot be one transaction.
        checkpoint: what was being done outside a transaction.
    """

    version: int
    name: str
    checksum: str | None
    state: State
    finished_at: datetime | None
    duration_ms: int | None
    step: int | None = None
    steps: int | None = None
    checkpoint: str | None = None

    @property
    def is_partial(self) -> bool:
        """Whether it began and did not end: its steps were interrupted, or its text ended its transaction."""
        return self.finished_at is None

    @property
    def is_resumable(self) -> bool:
        """Whether the next run can go on where this one ended."""
        return self.is_partial and self.step is not None


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal, as one connection sees it.

    Attributes:
        connection: the connection.
        dialect: the database's.
        name: the table.
    """

    connection: Connection
    dialect: Dialect
    name: str

    @property
    def table(self) -> Table:
        """The table as this version makes it."""
        return table_of(self.name)

    async def exists(self) -> bool:
        """Whether the table is there."""
        return bool(await self._rows(EXISTS[self.dialect.target]))

    async def create(self) -> None:
        """Make the table; the caller holds the lock or a transaction, since IF NOT EXISTS is not safe in a race."""
        for sql in compile_ddl(CreateTable(self.table), self.dialect):
            await self.connection.execute(sql)

    async def read(self) -> dict[int, Entry]:
        """Return the rows by version, by rising version; none when there is no table.

        Raises:
            MigrationError: there is a table of that name which is not ours.
        """
        if not await self.exists():
            return {}
        load = _codec(self.dialect).load
        there = await self.columns()
        added = ", ".join(name if name in there else f"NULL AS {name}" for name in ADDED_SINCE)
        try:
            rows = await self._rows(READ.replace("{added}", added))
        except DatabaseError as exc:
            raise MigrationError(
                f"the table `{self.name}` is not ectype's journal of migrations: {exc.message}",
                hint="another tool made it; rename it, or let ectype's have another name: `migration_source=`",
            ) from exc
        found: dict[int, Entry] = {}
        for number, name, digest, state, finished, duration, step, steps, checkpoint in rows:
            when = finished if load is None or finished is None else load(finished)
            found[number] = Entry(number, name, digest, state, when, duration, step, steps, checkpoint)
        return found

    async def columns(self) -> frozenset[str]:
        """Return the names of the columns that the table has."""
        return frozenset(row[0] for row in await self._rows(COLUMNS[self.dialect.target]))

    async def is_current(self) -> bool:
        """Whether the table has all the columns of this version."""
        return await self.columns() >= set(ADDED_SINCE)

    async def upgrade(self) -> None:
        """Add the columns that a journal of an older version lacks; the caller holds the lock."""
        there = await self.columns()
        missing = tuple(
            AddColumn(one) for one in self.table.columns if one.name in ADDED_SINCE and one.name not in there
        )
        if missing:
            for sql in compile_ddl(AlterTable(self.name, missing), self.dialect):
                await self.connection.execute(sql)

    async def claim(self, body: Body, direction: Direction, *, steps: int | None = None) -> bool:
        """Write that the migration is run now, and say whether that is ours to do.

        False means that another runner has done it. One that is doing it at this moment is waited for: the row is
        locked until its transaction ends, so that each migration runs once even if a lock was lost.

        Args:
            body: the migration.
            direction: where it goes.
            steps: how many steps it has, when it is not one transaction.
        """
        started = moment(self.dialect, datetime.now(UTC))
        done = None if steps is None else 0
        if direction == "up":
            known = (body.version, body.name, body.checksum, started)
            return bool(await self._rows(CLAIM_UP, (*known, ectype_version(), platform.node(), done, steps)))
        params = (body.version, started, ectype_version(), platform.node(), done, steps)
        return bool(await self._rows(CLAIM_DOWN, params))

    async def advance(self, body: Body, step: int) -> bool:
        """Write that a step is done, and say whether nobody else has written so."""
        return bool(await self._rows(ADVANCE, (body.version, step, step - 1)))

    async def note(self, body: Body, checkpoint: str | None) -> None:
        """Write what is about to be done outside a transaction; None when it has come to nothing."""
        await self.connection.execute(self._text(NOTE), (body.version, checkpoint))

    async def take_back(self, body: Body, before: Entry | None) -> None:
        """Write the row as it was before the claim of a migration of which nothing was done."""
        if before is None:
            await self.connection.execute(self._text(FORGET), (body.version,))
            return
        finished = None if before.finished_at is None else moment(self.dialect, before.finished_at)
        params = (body.version, before.state, finished, before.duration_ms)
        await self.connection.execute(self._text(RESTORE), params)

    async def record(self, version: int, name: str, checksum: str | None, state: State) -> None:
        """Write that a migration is applied, or is not, without running it."""
        now = moment(self.dialect, datetime.now(UTC))
        params = (version, name, checksum, state, now, ectype_version(), platform.node())
        await self.connection.execute(self._text(RECORD), params)

    async def finish(self, body: Body, duration_ms: int) -> bool:
        """Write that the migration is done, in the transaction that did it, and say whether nobody else has."""
        finished = moment(self.dialect, datetime.now(UTC))
        return bool(await self._rows(FINISH, (body.version, finished, duration_ms)))

    async def _rows(self, sql: str, params: Sequence[object] = ()) -> list[Any]:
        return await self.connection.fetch(self._text(sql), params, list)

    def _text(self, sql: str) -> str:
        return text_of(sql, self.name, self.dialect)


def table_of(name: str) -> Table:
    """Return a journal of that name, as this version makes it."""
    return Table(name, COLUMNS_OF_JOURNAL)


def text_of(sql: str, journal: str, dialect: Dialect) -> str:
    """Return a statement about the journal, with the name of the table and the signs of its parameters."""
    return sql.replace("{journal}", journal).replace("@", dialect.placeholder)


def moment(dialect: Dialect, when: datetime) -> object:
    """Return a moment as the database stores it."""
    return _codec(dialect).dump(when)


def _codec(dialect: Dialect) -> Codec:
    kind, _ = field_type(datetime, scale=None)
    return kind.codec(dialect.target)


def ectype_version() -> str:
    """Return the version of ectype that is installed."""
    try:
        return version("ectype")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
