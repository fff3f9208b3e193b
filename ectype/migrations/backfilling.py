"""The conductor of a backfill: batch after batch, each committed with the place that it reached."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ectype import telemetry
from ectype.adapters.base import Connection
from ectype.errors import DatabaseError, EctypeError, MigrationError, UnsupportedError, did_you_mean
from ectype.migrations.backfill_journal import BackfillJournal, Key, Progress
from ectype.migrations.backfill_text import Backfill, Texts, quoted, texts
from ectype.migrations.errors import BackfillFailedError, JournalMismatchError
from ectype.migrations.events import BATCHED, BatchFinished
from ectype.migrations.execution import Session, undo
from ectype.migrations.patience import Patience, pause_before_try
from ectype.migrations.planning import estimate
from ectype.migrations.scripts import BACKFILLS, Folders, Script, checksum, folders_of, load
from ectype.migrations.sessions import HasAdapter, working
from ectype.types.base import Target

EXAMPLE: Final = """\
from ectype.migrations import Backfill

backfill = Backfill("users", set="slug = lower(name)", where="slug IS NULL")"""

# A key without NULL: its type, as the database writes it.
KEY: Final[dict[Target, str]] = {
    "postgres": """\
SELECT format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = $2::text AND a.attnum > 0""",
    "sqlite": "SELECT type, \"notnull\" OR pk FROM pragma_table_info(replace(?1, '\"', '')) WHERE name = ?2",
}
LAG: Final = "SELECT max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication"
LAG_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What came of a run.

    Attributes:
        name: the backfill.
        rows: how many rows it went through, earlier runs included.
        updated: how many of them it changed.
        batches: how many batches that were.
        resumed: whether an earlier run had begun.
    """

    name: str
    rows: int
    updated: int
    batches: int
    resumed: bool


async def backfill(
    repo: HasAdapter,
    name: str,
    folder: Folders = "migrations",
    *,
    batch: int | None = None,
    pause: float = 0.0,
    max_lag: float | None = None,
    restart: bool = False,
    prefix: str | None = None,
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
) -> BackfillResult:
    """Run the backfill of `backfills/<name>.py` in the folder of migrations, and return what came of it.

    The rows are gone through in the order of their key. Each batch is one transaction, together with the key that it
    reached, so that an interrupted backfill goes on where it ended, and does no batch twice.

    Args:
        repo: the repo, or whatever has an adapter.
        name: the backfill.
        folder: the folder of migrations; of several the one that has it.
        batch: how many rows at a time, instead of what the file says.
        pause: seconds between two batches.
        max_lag: seconds that a replica of PostgreSQL may be behind; the backfill waits while one is further.
        restart: begin at the first row, even if an earlier run ended half-way or went through.
        prefix: the PostgreSQL schema.
        lock_wait: seconds to wait for another run of this backfill.
        lock_timeout: seconds that a batch may wait for a lock; it is then tried again, up to ten times.

    Raises:
        BackfillFailedError: a batch failed and was rolled back; the next run goes on with it.
        JournalMismatchError: it went through before, or its file was edited half-way.
        MigrationLockError: another run of it did not end in time.
        MigrationError: there is no such backfill, or it cannot be used.
        UnsupportedError: `max_lag` on a database without replicas.
        ConnectError: the database cannot be reached.
    """
    script, found = _find(folders_of(folder), name)
    wanted = found if batch is None else replace(found, batch=batch)
    if max_lag is not None and repo.adapter.dialect.target != "postgres":
        raise UnsupportedError(
            f"max_lag={max_lag} is not what {repo.adapter.dialect.name} can do: it has no replicas",
            hint="leave it out, or give `pause=` (`--pause`)",
        )
    patience = Patience(lock_wait, lock_timeout)
    # The journal is made under the lock of the migrations; the rest of it must not keep them waiting.
    async with working(repo, patience, prefix):
        pass
    async with working(repo, patience, prefix, f"backfill:{name}") as session:
        run = await _prepared(session, name, wanted, checksum(script.path), restart=restart)
        return await run.to_the_end(pause, max_lag)


async def _prepared(session: Session, name: str, wanted: Backfill, digest: str, *, restart: bool) -> _Run:
    dialect = session.journal.dialect
    journal = BackfillJournal(session.connection, dialect, session.journal.name, name)
    key_type = await _key_type(session.connection, wanted, dialect.target)
    total = await estimate(session.connection, quoted(wanted.table), dialect)
    before = None if restart else await journal.read()
    if before is not None:
        _refuse_what_does_not_fit(name, before, digest)
    await session.guard.begin(session.connection)
    try:
        # Another run may have begun it while this one looked, where no lock outlives a transaction.
        there = None if restart else await journal.read()
        progress = there or await journal.begin(digest)
        await session.connection.commit()
    except BaseException:
        await undo(session.connection)
        raise
    return _Run(session, journal, wanted, texts(wanted, dialect.target, key_type), progress, total)


class _Run:
    """One run of one backfill."""

    def __init__(
        self,
        session: Session,
        journal: BackfillJournal,
        wanted: Backfill,
        statements: Texts,
        progress: Progress,
        total: int | None,
    ) -> None:
        self._session = session
        self._journal = journal
        self._wanted = wanted
        self._texts = statements
        self._progress = progress
        self._resumed = progress.batches > 0
        self._total = total

    async def to_the_end(self, pause: float, max_lag: float | None) -> BackfillResult:
        """Run batch after batch until no row is left."""
        while True:
            await self._session.guard.check()
            if not await self._with_tries():
                break
            lag = None if max_lag is None else await self._settled(max_lag)
            one = self._progress
            event = BatchFinished(self._journal.name, one.batches, one.rows, one.updated, self._total, lag)
            telemetry.emit(BATCHED, event)
            if pause > 0:
                await asyncio.sleep(pause)
        one = self._progress
        return BackfillResult(self._journal.name, one.rows, one.updated, one.batches, self._resumed)

    async def _with_tries(self) -> bool:
        session, tried = self._session, 0
        while True:
            tried += 1
            try:
                return await self._batch()
            except EctypeError as exc:
                await undo(session.connection)
                if not session.guard.may_retry(exc) or tried >= session.patience.tries:
                    raise self._failed(exc, tried) from exc
            except BaseException:
                await undo(session.connection)
                raise
            await pause_before_try(tried)

    async def _batch(self) -> bool:
        """Do one batch, and say whether there was one."""
        connection, before = self._session.connection, self._progress
        await self._session.guard.begin(connection)
        end = await self._end(before.after)
        if end is None:
            await self._journal.finish()
            await connection.commit()
            return False
        upto, count = end
        if before.after is None:
            updated = await connection.execute(self._texts.update_first, (upto,))
        else:
            updated = await connection.execute(self._texts.update_next, (before.after, upto))
        after = replace(
            before,
            batches=before.batches + 1,
            rows=before.rows + count,
            updated=before.updated + updated,
            after=upto,
        )
        if await self._journal.advance(before, after):
            await connection.commit()
            self._progress = after
            return True
        # Another run did this batch; go on where that one is.
        await connection.rollback()
        there = await self._journal.read()
        if there is None or there.is_finished:
            self._progress = there or after
            return False
        self._progress = there
        return True

    async def _end(self, after: Key) -> tuple[str | int, int] | None:
        first = after is None
        sql = (self._texts.bound_first if first else self._texts.bound_next).format(batch=self._wanted.batch)
        rows: list[Any] = await self._session.connection.fetch(sql, () if first else (after,), list)
        if not rows:
            return None
        key, count = rows[0]
        if not isinstance(key, str | int):
            raise MigrationError(
                f"`{self._wanted.key}` of `{self._wanted.table}` holds {type(key).__name__}, which no checkpoint keeps",
                hint="go through the rows by another column: numbers or text",
            )
        return key, count

    async def _settled(self, max_lag: float) -> float:
        """Wait until no replica is further behind than that, and return how far the slowest is."""
        while (lag := await _lag(self._session.connection)) > max_lag:
            await asyncio.sleep(LAG_PAUSE_SECONDS)
            await self._session.guard.check()
        return lag

    def _failed(self, cause: EctypeError, tried: int) -> BackfillFailedError:
        one, name = self._progress, self._journal.name
        code = f" ({cause.sqlstate})" if isinstance(cause, DatabaseError) and cause.sqlstate else ""
        times = f" after {tried} tries" if tried > 1 else ""
        return BackfillFailedError(
            f"batch {one.batches + 1} of the backfill {name} failed{times}: {cause.message}{code}\n"
            f"it was rolled back; {one.batches} batches with {one.rows} rows are done, "
            f"`ectype backfill {name}` goes on after them",
            hint=cause.hint,
        )


def _find(folders: Sequence[Path], name: str) -> tuple[Script, Backfill]:
    places = [folder / BACKFILLS for folder in folders]
    there = [one for place in places if place.is_dir() for one in sorted(place.glob("*.py"))]
    paths = [one for one in there if one.stem == name]
    if not paths:
        known = [one.stem for one in there]
        raise MigrationError(
            f"there is no backfill {name!r} in {', '.join(map(str, places))}",
            hint=did_you_mean(name, known) if known else f"write {places[0] / name}.py:\n\n{EXAMPLE}",
        )
    if len(paths) > 1:
        raise MigrationError(
            f"two backfills have the name {name}:\n\n    {paths[0]}\n    {paths[1]}", hint="rename one of the files"
        )
    path = paths[0]
    script = Script(0, name, path)
    module: ModuleType = load(script)
    found = getattr(module, "backfill", None)
    if not isinstance(found, Backfill):
        raise MigrationError(f"{path} has no `backfill`", hint=f"write one:\n\n{EXAMPLE}")
    return script, found


def _refuse_what_does_not_fit(name: str, before: Progress, digest: str) -> None:
    if before.is_finished:
        raise JournalMismatchError(
            f"the backfill {name} went through before: {before.rows} rows, {before.updated} changed",
            hint=f"to go through all rows again: ectype backfill {name} --restart",
        )
    if before.checksum != digest:
        raise JournalMismatchError(
            f"the file of the backfill {name} was edited after {before.batches} batches were done",
            hint=f"bring it back as it was, or begin at the first row: ectype backfill {name} --restart",
        )


async def _key_type(connection: Connection, wanted: Backfill, target: Target) -> str:
    rows = await connection.fetch(KEY[target], (quoted(wanted.table), wanted.key), list)
    if not rows:
        raise MigrationError(
            f"there is no column `{wanted.key}` in a table `{wanted.table}`",
            hint='name both as they are in the database: Backfill("users", key="id", …)',
        )
    name, never_null = rows[0]
    if not never_null:
        raise MigrationError(
            f"`{wanted.key}` of `{wanted.table}` may be NULL, and a row without a key would be passed over",
            hint='go through the rows by a column that is NOT NULL: Backfill(…, key="id")',
        )
    return str(name)


async def _lag(connection: Connection) -> float:
    rows = await connection.fetch(LAG, (), list)
    return float(rows[0][0] or 0.0)
