"""One migration that cannot be one transaction: each statement is a step, saved with its number in the journal.

What can run in a transaction does, together with the journal's new number, so that it happens once. What cannot, as
`CREATE INDEX CONCURRENTLY`, is announced in the journal before; who comes after an interruption looks whether it
happened, and does it again where it did not.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Final

from ectype import telemetry
from ectype.adapters.base import Connection
from ectype.errors import DatabaseError, EctypeError, MigrationError
from ectype.migrations.effects import Effect, effect
from ectype.migrations.errors import JournalMismatchError, MigrationFailedError
from ectype.migrations.events import FINISHED, STARTED, STEPPED, MigrationFinished, MigrationStarted, StepFinished
from ectype.migrations.execution import (
    UNCHANGED,
    Prepared,
    Session,
    Statement,
    commit,
    execute,
    indented,
    tell,
    undo,
)
from ectype.migrations.history import Entry
from ectype.migrations.overheard import noticing
from ectype.migrations.patience import CONNECT_SECONDS, pause_before_try
from ectype.migrations.sql_text import bare, split
from ectype.sql.ddl_alter import looks_first
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

IS_VALID: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"

# A build waits for every older transaction, and must not give that up; it holds nobody up meanwhile. Without a session
# of our own it has what the role and the server say, which is the same unless somebody changed it.
WAIT_LONG: Final[dict[Target, tuple[str, ...]]] = {"postgres": ("SET lock_timeout = 0",), "sqlite": ()}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of the migration, alone."""

    statement: Statement
    effect: Effect


def texts_of(statement: Statement, dialect: Dialect) -> tuple[str, ...]:
    """Return the single SQL statements of a statement; of what looks at the table first, the remark that says so."""
    return (statement.sql,) if looks_first(statement.node, dialect) else tuple(split(statement.sql, dialect.target))


def steps_of(prepared: Prepared, dialect: Dialect) -> tuple[Step, ...]:
    """Return the steps of a migration, or none when it can be one transaction.

    Raises:
        MigrationError: it cannot be one, or says `transaction = False`, and does what needs one.
    """
    if not prepared.body.transaction:
        _refuse_without_transaction(prepared, dialect)
    single = [
        Statement(sql, statement.node, is_first=statement.is_first and number == 0)
        for statement in prepared.statements
        for number, sql in enumerate(texts_of(statement, dialect))
    ]
    steps = tuple(Step(statement, effect(statement.sql, dialect.target)) for statement in single)
    if prepared.body.transaction and all(step.effect.in_transaction for step in steps):
        return ()
    _refuse_hooks(prepared, steps)
    return steps


def _refuse_without_transaction(prepared: Prepared, dialect: Dialect) -> None:
    body = prepared.body
    if prepared.live:
        why = "it uses `m.repo` or `m.flush`, which work in the migration's transaction"
    elif any(looks_first(statement.node, dialect) for statement in prepared.statements):
        why = f"it builds a table anew, which {dialect.name} does in one transaction"
    else:
        return
    raise MigrationError(
        f"{body.path or body} says `transaction = False`, and {why}",
        hint="leave `transaction = False` out, or move what cannot be in a transaction to a migration of its own",
    )


def _refuse_hooks(prepared: Prepared, steps: tuple[Step, ...]) -> None:
    """Raise MigrationError for hooks of a transaction that there is none of."""
    body = prepared.body
    hooks = " and ".join(
        f"`{name}`"
        for name, hook in (("after_begin", body.after_begin), ("before_commit", body.before_commit))
        if hook is not None
    )
    if not hooks:
        return
    outside = next((step.statement.sql for step in steps if not step.effect.in_transaction), None)
    why = "it says `transaction = False`" if outside is None else f"this cannot run in one:\n\n{indented(outside)}"
    raise MigrationError(
        f"{body.path or body} has {hooks} for its transaction, and {why}",
        hint="move what cannot run in a transaction to a migration of its own, or record in `change` what the hooks do",
    )


async def run_steps(session: Session, prepared: Prepared, steps: tuple[Step, ...]) -> bool:
    """Run the steps that are not done yet, and say whether that was ours to do.

    Raises:
        MigrationFailedError: a step failed; those before it are saved, and the next run goes on with it.
        MigrationLockError: the lock was lost between two steps.
        JournalMismatchError: what was interrupted had other steps.
    """
    work = _Work(session, prepared, steps)
    if not await work.begin():
        return False
    body, started = prepared.body, time.monotonic()
    telemetry.emit(STARTED, MigrationStarted(body.version, body.name, prepared.direction, len(steps), work.done))
    with noticing(session.connection.plain, body):
        while work.done < len(steps):
            await session.guard.check()
            await work.step()
    duration = round((time.monotonic() - started) * 1000)
    if not await session.journal.finish(body, duration):
        return False
    event = MigrationFinished(body.version, body.name, prepared.direction, duration, tuple(work.notes))
    telemetry.emit(FINISHED, event)
    return True


class _Work:
    """How far one migration is."""

    def __init__(self, session: Session, prepared: Prepared, steps: tuple[Step, ...]) -> None:
        self._session = session
        self._prepared = prepared
        self._steps = steps
        self._before: Entry | None = None
        self._in_doubt: str | None = None
        self.done = 0
        self.notes: list[str] = []

    async def begin(self) -> bool:
        """Find out where to begin, and say whether anything is left for us."""
        session, body, direction = self._session, self._prepared.body, self._prepared.direction
        await session.guard.check()
        entry = (await session.journal.read()).get(body.version)
        if entry is not None and entry.is_resumable and entry.state == direction:
            self._resume(entry)
            return True
        self._before = entry
        await session.guard.begin(session.connection)
        try:
            claimed = await session.journal.claim(body, direction, steps=len(self._steps))
        except BaseException:
            await undo(session.connection)
            raise
        await commit(session.connection, self._prepared)
        return claimed

    def _resume(self, entry: Entry) -> None:
        if entry.steps != len(self._steps):
            raise JournalMismatchError(
                f"{self._prepared.body} was interrupted after step {entry.step} of {entry.steps}, and its file "
                f"has {len(self._steps)} now",
                hint="bring the file back as it was, or finish by hand and say so: "
                f"ectype resolve {entry.version} --applied (or --rolled-back)",
            )
        self.done, self._in_doubt = entry.step or 0, entry.checkpoint
        self._before = entry
        self.notes.append(f"went on after step {self.done} of {len(self._steps)}")

    async def step(self) -> None:
        """Do the next step, unless another run has done it meanwhile."""
        step, number = self._steps[self.done], self.done + 1
        try:
            if step.effect.in_transaction:
                await self._with_tries(step, number)
            else:
                await self._outside(step, number)
        except MigrationFailedError as exc:
            # It was the COMMIT that failed; the steps before it are saved all the same.
            if exc.unchanged and isinstance(exc.__cause__, EctypeError):
                raise await self._failed(exc.__cause__, step, number) from exc.__cause__
            raise
        except EctypeError as exc:
            await undo(self._session.connection)
            raise await self._failed(exc, step, number) from exc
        except BaseException:
            await undo(self._session.connection)
            raise
        self.done, self._in_doubt = number, None
        body = self._prepared.body
        event = StepFinished(body.version, body.name, self._prepared.direction, number, len(self._steps))
        telemetry.emit(STEPPED, event)

    async def _with_tries(self, step: Step, number: int) -> None:
        session = self._session
        tried = 0
        while True:
            tried += 1
            try:
                await self._inside(step, number)
            except EctypeError as exc:
                if not session.guard.may_retry(exc) or tried >= session.patience.tries:
                    raise
                await undo(session.connection)
                await pause_before_try(tried)
            else:
                return

    async def _inside(self, step: Step, number: int) -> None:
        session, connection, started = self._session, self._session.connection, time.monotonic()
        await session.guard.begin(connection)
        if not await session.journal.advance(self._prepared.body, number):
            await undo(connection)
            return
        await execute(session, step.statement)
        await session.guard.verify(connection)
        await commit(connection, self._prepared)
        tell(self._prepared, number, step.statement, started)

    async def _outside(self, step: Step, number: int) -> None:
        session, connection, body = self._session, self._session.connection, self._prepared.body
        if not await self._is_done(step, number):
            await session.journal.note(body, _note(number))
            if session.adapter.migrating.lock == "session":
                for sql in WAIT_LONG[session.journal.dialect.target]:
                    await connection.execute(sql)
            started = time.monotonic()
            await connection.plain.execute(step.statement.sql)
            await self._assert_valid(step)
            tell(self._prepared, number, step.statement, started)
        # Whoever else has written it did the same.
        await session.journal.advance(body, number)

    async def _is_done(self, step: Step, number: int) -> bool:
        """Look at what an interrupted run left: drop an index that was not finished, believe one that was."""
        in_doubt = self._in_doubt == _note(number)
        index = step.effect.index
        if index is None:
            if in_doubt and not step.effect.repeatable:
                raise MigrationError(
                    "an earlier run was interrupted in this statement, and nobody knows whether it took effect",
                    hint="look at the database, then finish by hand or undo it, and say so: "
                    f"ectype resolve {self._prepared.body.version} --applied (or --rolled-back)",
                )
            return False
        valid = await _is_valid(self._session.connection, index)
        if _makes_index(step):
            if valid is False:
                await self._session.connection.execute(f"DROP INDEX CONCURRENTLY {index}")
                self.notes.append("dropped INVALID index, rebuilt")
                return False
            # One that was there before the first try is refused by the server; one of ours is what was wanted.
            return in_doubt and valid is True
        return in_doubt and valid is None

    async def _assert_valid(self, step: Step) -> None:
        index = step.effect.index
        if index is not None and _makes_index(step) and not await _is_valid(self._session.connection, index):
            raise MigrationError(
                f"the index {index} was built, but the database does not use it",
                hint="run the migration again: it drops the index and builds it anew",
            )

    async def _failed(self, cause: EctypeError, step: Step, number: int) -> MigrationFailedError:
        body, direction = self._prepared.body, self._prepared.direction
        nothing_done = await self._tidied(step)
        code = cause.sqlstate if isinstance(cause, DatabaseError) else None
        words = "migrate" if direction == "up" else "rollback"
        other = "rolled-back" if direction == "up" else "applied"
        ending = (
            UNCHANGED
            if nothing_done
            else f"stopped in step {number} of {len(self._steps)}, what came before is saved: `ectype {words}` goes "
            f"on from there, `ectype resolve {body.version} --{other}` says that you have undone it"
        )
        parts = (
            f"{body} failed going {direction}, step {number} of {len(self._steps)}:",
            indented(step.statement.sql),
            indented(cause.message if code is None else f"{cause.message} ({code})"),
            f"{body.path or 'from code'}: {ending}",
        )
        return MigrationFailedError(
            "\n\n".join(parts),
            version=body.version,
            path=body.path,
            statement=step.statement.sql,
            unchanged=nothing_done,
            hint=cause.hint,
        )

    async def _tidied(self, step: Step) -> bool:
        """Take away what the failed step left, and say whether the database is as before the migration."""
        session, connection, body = self._session, self._session.connection, self._prepared.body
        if connection.broken:
            return False
        with contextlib.suppress(EctypeError):
            index = step.effect.index
            if index is not None and _makes_index(step) and await _is_valid(connection, index) is False:
                await connection.execute(f"DROP INDEX CONCURRENTLY {index}", timeout=CONNECT_SECONDS)
            if self._in_doubt is None:
                await session.journal.note(body, None)
                if self.done == 0 and not (self._before is not None and self._before.is_resumable):
                    await session.journal.take_back(body, self._before)
                    return True
        return False


def _note(number: int) -> str:
    return f"step {number} began"


def _makes_index(step: Step) -> bool:
    return bare(step.statement.sql)[:6].upper() == "CREATE"


async def _is_valid(connection: Connection, index: str) -> bool | None:
    """Whether the index is valid; None when there is none."""
    rows = await connection.fetch(IS_VALID, (index,), list)
    return bool(rows[0][0]) if rows else None
