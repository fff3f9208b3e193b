"""One migration, in one transaction with its row of the journal: all of it happens, or nothing."""

import asyncio
import textwrap
import time
from dataclasses import dataclass
from typing import Final

from ectype import telemetry
from ectype.adapters.base import Connection
from ectype.errors import ConnectError, DatabaseError, DeadlineError, EctypeError, MigrationError
from ectype.migrations.body import Body, commands
from ectype.migrations.dsl import Direction
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.events import FINISHED, MigrationFinished
from ectype.migrations.guard import Guard
from ectype.migrations.history import Journal
from ectype.migrations.patience import CONNECT_SECONDS, Patience, pause_before_try
from ectype.sql.ddl import Execute, Node
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import Dialect

LINES_SHOWN: Final = 20
UNCHANGED: Final = "rolled back: the database is unchanged"
HALF_WAY: Final = "not rolled back: a part of it is saved, see `ectype status`"
UNKNOWN: Final = "nobody knows whether it was committed: see `ectype status` before you go on"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL text, and the command that it belongs to."""

    sql: str
    node: Node


@dataclass(frozen=True, slots=True)
class Prepared:
    """A migration in one direction, down to its SQL."""

    body: Body
    direction: Direction
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with: its connection, its guard, the journal."""

    connection: Connection
    guard: Guard
    journal: Journal
    patience: Patience


async def prepare(body: Body, direction: Direction, dialect: Dialect) -> Prepared:
    """Record the migration's commands and compile them; the database is not touched.

    Raises:
        MigrationFailedError: a function of the migration raised, or a command means nothing to the database.
        IrreversibleError: it cannot be rolled back.
    """
    nodes = await commands(body, direction)
    try:
        statements = tuple(Statement(sql, node) for node in nodes for sql in compile_ddl(node, dialect))
    except EctypeError as exc:
        message = f"{body.path or body}: {exc.message}"
        raise MigrationFailedError(message, version=body.version, path=body.path, hint=exc.hint) from exc
    return Prepared(body, direction, statements)


async def run(session: Session, prepared: Prepared) -> bool:
    """Run the migration, and say whether it was ours to run: False when another runner did it meanwhile.

    Raises:
        MigrationFailedError: it failed; it says whether the database is unchanged.
        MigrationLockError: another runner was in the way.
    """
    duration = await _with_tries(session, prepared)
    if duration is None:
        return False
    body = prepared.body
    telemetry.emit(FINISHED, MigrationFinished(body.version, body.name, prepared.direction, duration))
    return True


async def _with_tries(session: Session, prepared: Prepared) -> int | None:
    number = 0
    while True:
        number += 1
        await session.guard.check()
        try:
            return await _in_transaction(session, prepared)
        except MigrationFailedError as exc:
            cause = exc.__cause__
            if not isinstance(cause, EctypeError) or not session.guard.may_retry(cause):
                raise
            if number >= session.patience.tries:
                exc.add_note(f"tried {number} times")
                blocker = await session.guard.in_the_way(exc.statement or "")
                if blocker is not None:
                    exc.add_note(blocker)
                raise
        await pause_before_try(number)


async def _in_transaction(session: Session, prepared: Prepared) -> int | None:
    connection, journal, body = session.connection, session.journal, prepared.body
    await session.guard.begin(connection)
    position = 0
    try:
        if not await journal.claim(body, prepared.direction):
            await undo(connection)
            return None
        started = time.monotonic()
        for position, statement in enumerate(prepared.statements, start=1):  # noqa: B007  # the handler reads it
            await execute(session, statement)
        position = 0
        await session.guard.verify(connection)
        duration = round((time.monotonic() - started) * 1000)
        await journal.finish(body, duration)
    except EctypeError as exc:
        await undo(connection)
        ending = HALF_WAY if await _is_saved(session, prepared) else UNCHANGED
        raise _failed(prepared, exc, position, ending) from exc
    except BaseException:
        await undo(connection)
        raise
    await commit(connection, prepared)
    return duration


async def execute(session: Session, statement: Statement) -> None:
    """Run one statement in the open transaction.

    Raises:
        MigrationError: it ended the transaction, or would lose rows unseen.
        DatabaseError: it failed.
    """
    connection = session.connection
    await session.guard.before(connection, statement.node)
    if isinstance(statement.node, Execute):
        await connection.script(statement.sql)
    else:
        await connection.execute(statement.sql)
    if not connection.in_transaction:
        raise MigrationError(
            "the statement ended the migration's transaction",
            hint="take COMMIT and ROLLBACK out: a migration is one transaction, together with its row of the journal",
        )


async def _is_saved(session: Session, prepared: Prepared) -> bool:
    """Whether a part of the migration is saved: a COMMIT in its text would have saved the claim of the journal too."""
    if not any(isinstance(statement.node, Execute) for statement in prepared.statements):
        return False
    try:
        entry = (await session.journal.read()).get(prepared.body.version)
    except EctypeError:
        # The connection is lost, and an open transaction with it.
        return False
    return entry is not None and entry.is_partial


async def commit(connection: Connection, prepared: Prepared) -> None:
    """Commit, seen through to its end even when it is cancelled.

    Raises:
        MigrationFailedError: nothing was committed, or nobody knows.
    """
    committing = asyncio.ensure_future(connection.commit())
    try:
        await asyncio.shield(committing)
    except asyncio.CancelledError:
        # Who cancels now must find the migration and its row either both there or both not.
        await asyncio.wait([committing])
        raise
    except (ConnectError, DeadlineError) as exc:
        raise _failed(prepared, exc, 0, UNKNOWN) from exc
    except EctypeError as exc:
        await undo(connection)
        raise _failed(prepared, exc, 0, UNCHANGED) from exc


async def undo(connection: Connection) -> None:
    """Roll the open transaction back, or close the connection, which does so too."""
    if connection.broken or not connection.in_transaction:
        return
    try:
        await connection.rollback(CONNECT_SECONDS)
    except EctypeError:
        # A transaction whose connection ends is rolled back by the database.
        await connection.close()


def _failed(prepared: Prepared, cause: EctypeError, position: int, ending: str) -> MigrationFailedError:
    body, statements = prepared.body, prepared.statements
    sql = statements[position - 1].sql if position else None
    parts = [f"{body} failed going {prepared.direction}"]
    if sql is not None:
        parts = [f"{parts[0]}, statement {position} of {len(statements)}:", indented(sql)]
    code = cause.sqlstate if isinstance(cause, DatabaseError) else None
    parts.append(indented(cause.message if code is None else f"{cause.message} ({code})"))
    parts.append(f"{body.path or 'from code'}: {ending}")
    return MigrationFailedError(
        "\n\n".join(parts),
        version=body.version,
        path=body.path,
        statement=sql,
        unchanged=ending == UNCHANGED,
        hint=cause.hint,
    )


def indented(text: str) -> str:
    """Return the text four spaces in, cut where it is long."""
    lines = textwrap.dedent(text).strip().splitlines()
    if len(lines) > LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], f"… and {len(lines) - LINES_SHOWN} more lines"]
    return textwrap.indent("\n".join(lines), "    ")
