"""The journal `schema_migrations`: which migrations were applied, when, from which text, by which machine."""

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
from ectype.sql.ddl import Column, CreateTable, Table
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import Dialect
from ectype.types.base import Codec, Target
from ectype.types.resolve import field_type

State: TypeAlias = Literal["up", "down"]

TABLE: Final = "schema_migrations"

JOURNAL: Final = Table(
    TABLE,
    (
        Column("version", int, primary_key=True),
        Column("name", str, null=False),
        Column("checksum", str),
        Column("state", str, null=False),
        Column("started_at", datetime, null=False),
        Column("finished_at", datetime),
        Column("duration_ms", int),
        Column("ectype_version", str, null=False),
        Column("host", str, null=False),
    ),
)

EXISTS: Final[dict[Target, str]] = {
    "postgres": f"SELECT 1 WHERE to_regclass('{TABLE}') IS NOT NULL",
    "sqlite": f"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{TABLE}'",
}

READ: Final = f'SELECT version, name, checksum, state, finished_at, duration_ms FROM "{TABLE}" ORDER BY version'

# Both databases read the same text; only the sign before a parameter's number differs.
CLAIM_UP: Final = f"""\
INSERT INTO "{TABLE}" (version, name, checksum, state, started_at, ectype_version, host)
VALUES (@1, @2, @3, 'up', @4, @5, @6)
ON CONFLICT (version) DO UPDATE SET
  name = excluded.name, checksum = excluded.checksum, state = 'up', started_at = excluded.started_at,
  finished_at = NULL, duration_ms = NULL, ectype_version = excluded.ectype_version, host = excluded.host
WHERE "{TABLE}".state <> 'up'
RETURNING version"""

CLAIM_DOWN: Final = f"""\
UPDATE "{TABLE}"
SET state = 'down', started_at = @2, finished_at = NULL, duration_ms = NULL, ectype_version = @3, host = @4
WHERE version = @1 AND state = 'up'
RETURNING version"""

FINISH: Final = f'UPDATE "{TABLE}" SET finished_at = @2, duration_ms = @3 WHERE version = @1'


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. A migration that was rolled back keeps its row, with the state `down`."""

    version: int
    name: str
    checksum: str | None
    state: State
    finished_at: datetime | None
    duration_ms: int | None

    @property
    def is_partial(self) -> bool:
        """Whether it began and did not end: text of the migration ended its transaction, and then something failed."""
        return self.finished_at is None


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal, as one connection sees it."""

    connection: Connection
    dialect: Dialect

    async def exists(self) -> bool:
        """Whether the table is there."""
        return bool(await self._rows(EXISTS[self.dialect.target]))

    async def create(self) -> None:
        """Make the table; the caller holds the lock or a transaction, since IF NOT EXISTS is not safe in a race."""
        for sql in compile_ddl(CreateTable(JOURNAL), self.dialect):
            await self.connection.execute(sql)

    async def read(self) -> dict[int, Entry]:
        """Return the rows by version, by rising version; none when there is no table.

        Raises:
            MigrationError: there is a table of that name which is not ours.
        """
        if not await self.exists():
            return {}
        load = _codec(self.dialect).load
        try:
            rows = await self._rows(READ)
        except DatabaseError as exc:
            raise MigrationError(
                f"the table `{TABLE}` is not ectype's journal of migrations: {exc.message}",
                hint="another tool made it; rename it, so that ectype can make its own",
            ) from exc
        return {
            row[0]: Entry(
                row[0], row[1], row[2], row[3], row[4] if load is None or row[4] is None else load(row[4]), row[5]
            )
            for row in rows
        }

    async def claim(self, body: Body, direction: Direction) -> bool:
        """Write that the migration is run now, and say whether that is ours to do.

        False means that another runner has done it. One that is doing it at this moment is waited for: the row is
        locked until its transaction ends, so that each migration runs once even if a lock was lost.
        """
        started = _codec(self.dialect).dump(datetime.now(UTC))
        if direction == "up":
            params = (body.version, body.name, body.checksum, started, _ectype_version(), platform.node())
            return bool(await self._rows(CLAIM_UP, params))
        return bool(await self._rows(CLAIM_DOWN, (body.version, started, _ectype_version(), platform.node())))

    async def finish(self, body: Body, duration_ms: int) -> None:
        """Write that the migration is done, in the transaction that did it."""
        finished = _codec(self.dialect).dump(datetime.now(UTC))
        await self.connection.execute(self._text(FINISH), (body.version, finished, duration_ms))

    async def _rows(self, sql: str, params: Sequence[object] = ()) -> list[Any]:
        return await self.connection.fetch(self._text(sql), params, list)

    def _text(self, sql: str) -> str:
        return sql.replace("@", self.dialect.placeholder)


def _codec(dialect: Dialect) -> Codec:
    kind, _ = field_type(datetime, scale=None)
    return kind.codec(dialect.target)


def _ectype_version() -> str:
    try:
        return version("ectype")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
