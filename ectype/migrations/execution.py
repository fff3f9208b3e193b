"""One migration, in one transaction with its row of the journal: all of it happens, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ectype import telemetry
from ectype.adapters.base import Adapter, Connection
from ectype.errors import ConnectError, DatabaseError, DeadlineError, EctypeError, IrreversibleError, MigrationError
from ectype.migrations.body import Body, commands
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.events import FINISHED, RAN, STARTED, MigrationFinished, MigrationStarted, StatementRan
from ectype.migrations.guard import Guard
from ectype.migrations.history import Journal
from ectype.migrations.inside import inner_repo
from ectype.migrations.overheard import OverheardConnection, noticing
from ectype.migrations.patience import CONNECT_SECONDS, Patience, pause_before_try
from ectype.migrations.rebuild import ForeignKeysAreOn, apply_change, before_rebuilds, check_rebuilds
from ectype.migrations.recording import Direction, NeedsConnection
from ectype.migrations.replacing import check_replaced
from ectype.repo.repo import Repo
from ectype.sql.ddl import Execute, Node, is_concurrent
from ectype.sql.ddl_alter import looks_first
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import Dialect

LINES_SHOWN: Final = 20
UNCHANGED: Final = "rolled back: the database is unchanged"
HALF_WAY: Final = "not rolled back: a part of it is saved, see `ectype status`"
UNKNOWN: Final = "nobody knows whether it was committed: see `ectype status` before you go on"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL text, and the command that it belongs to, of which it may be the first."""

    sql: str
    node: Node
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """A migration in one direction, down to its SQL.

    Attributes:
        statements: what it runs; of a live one, nothing is known before it runs.
        live: whether it asks for its repo or flushes, so that it is recorded in its transaction.
        prefix: the database schema that it runs in.
    """

    body: Body
    direction: Direction
    statements: tuple[Statement, ...]
    live: bool = False
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with: the database, its connection, its guard, the journal."""

    adapter: Adapter
    connection: OverheardConnection
    guard: Guard
    journal: Journal
    patience: Patience


async def prepare(body: Body, direction: Direction, dialect: Dialect, *, prefix: str | None = None) -> Prepared:
    """Record the migration's commands and compile them; the database is not touched.

    Raises:
        MigrationFailedError: a function of the migration raised, or a command means nothing to the database.
        IrreversibleError: it cannot be rolled back.
    """
    try:
        nodes = await commands(body, direction, prefix=prefix)
        statements = statements_of(nodes, dialect)
    except NeedsConnection:
        return Prepared(body, direction, (), live=True, prefix=prefix)
    except (IrreversibleError, MigrationFailedError):
        raise
    except EctypeError as exc:
        message = f"{body.path or body}: {exc.message}"
        raise MigrationFailedError(message, version=body.version, path=body.path, hint=exc.hint) from exc
    return Prepared(body, direction, statements, prefix=prefix)


def refuse_live(prepared: Prepared, why: str) -> None:
    """Raise MigrationError for a migration whose statements are not known before it runs."""
    if prepared.live:
        raise MigrationError(
            f"{prepared.body.path or prepared.body} uses `m.repo` or `m.flush`: {why}",
            hint="run it with `ectype migrate`, on a copy of the database if you want to see what it does",
        )


def statements_of(nodes: Sequence[Node], dialect: Dialect) -> tuple[Statement, ...]:
    """Return the SQL of commands; what SQLite does by looking at the table is one statement, with a remark for text."""
    found: list[Statement] = []
    for node in nodes:
        texts = compile_ddl(node, dialect)
        if looks_first(node, dialect):
            texts = ("\n".join(texts),)
        found += [Statement(text, node, is_first=number == 0) for number, text in enumerate(texts)]
    return tuple(found)


async def run(session: Session, prepared: Prepared) -> bool:
    """Run the migration, and say whether it was ours to run: False when another runner did it meanwhile.

    Raises:
        MigrationFailedError: it failed; it says whether the database is unchanged.
        MigrationLockError: another runner was in the way.
    """
    body = prepared.body
    count = None if prepared.live else len(prepared.statements)
    telemetry.emit(STARTED, MigrationStarted(body.version, body.name, prepared.direction, count))
    with noticing(session.connection.plain, body):
        duration = await _with_tries(session, prepared)
    if duration is None:
        return False
    telemetry.emit(FINISHED, MigrationFinished(body.version, body.name, prepared.direction, duration))
    return True


async def _with_tries(session: Session, prepared: Prepared) -> int | None:
    number, keys_off = 0, False
    while True:
        number += 1
        await session.guard.check()
        try:
            return await _with_keys(session, prepared, keys_off=keys_off)
        except ForeignKeysAreOn:
            keys_off = True
            continue
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


async def _with_keys(session: Session, prepared: Prepared, *, keys_off: bool) -> int | None:
    """Run the migration with foreign keys on; or off, which SQLite lets nobody say within a transaction."""
    if not keys_off:
        return await _in_transaction(session, prepared, keys_off=False)
    await session.connection.execute("PRAGMA foreign_keys = OFF")
    try:
        return await _in_transaction(session, prepared, keys_off=True)
    finally:
        # A connection that cannot say this is closed, and with it the setting ends.
        with contextlib.suppress(EctypeError):
            await session.connection.execute("PRAGMA foreign_keys = ON")


async def _in_transaction(session: Session, prepared: Prepared, *, keys_off: bool) -> int | None:
    connection, journal, body = session.connection, session.journal, prepared.body
    await session.guard.begin(connection)
    work = Work(session, prepared)
    try:
        if not await journal.claim(body, prepared.direction):
            await undo(connection)
            return None
        started = time.monotonic()
        before = await before_rebuilds(connection) if keys_off else None
        await work.run_all()
        if before is not None:
            await check_rebuilds(connection, before)
        await session.guard.verify(connection)
        duration = round((time.monotonic() - started) * 1000)
        await journal.finish(body, duration)
    except IrreversibleError:
        await undo(connection)
        raise
    except EctypeError as exc:
        await undo(connection)
        ending = HALF_WAY if await _is_saved(session, work) else UNCHANGED
        if isinstance(exc, MigrationFailedError):
            raise _function_failed(exc, ending) from exc.__cause__
        raise _failed(prepared, exc, ending, work) from exc
    except BaseException:
        await undo(connection)
        raise
    await commit(connection, prepared)
    return duration


class Work:
    """The statements of one migration, run in order: those that were prepared, or those it asks for while it runs."""

    def __init__(self, session: Session, prepared: Prepared) -> None:
        self._session = session
        self._prepared = prepared
        self._repo: Repo | None = None
        self.statements = list(prepared.statements)
        self.running = 0
        """The number of the statement that runs, from 1; 0 between them."""

    @property
    def version(self) -> int:
        """The migration's version."""
        return self._prepared.body.version

    @property
    def repo(self) -> Repo:
        """A repo whose calls run in the migration's transaction."""
        assert self._repo is not None
        return self._repo

    async def run_all(self) -> None:
        """Run the migration's statements.

        Raises:
            ForeignKeysAreOn: one of them must build a table anew.
            EctypeError: one of them fails.
        """
        prepared = self._prepared
        if not prepared.live:
            await self._run(list(enumerate(self.statements, start=1)))
            return
        connection = self._session.connection.plain
        async with inner_repo(self._session.adapter, connection, prepared.prefix) as self._repo:
            await self.run(await commands(prepared.body, prepared.direction, prefix=prepared.prefix, live=self))

    async def run(self, nodes: Sequence[Node]) -> None:
        """Run commands now, as `m.flush()` asks for."""
        if any(is_concurrent(node) for node in nodes):
            raise MigrationError(
                "an index made or dropped `concurrently` stands alone in its migration, without `m.flush` and `m.repo`",
                hint="put it into a migration of its own: it runs outside a transaction",
            )
        found = statements_of(nodes, self._session.journal.dialect)
        self.statements += found
        await self._run(list(enumerate(found, start=len(self.statements) - len(found) + 1)))

    async def _run(self, numbered: Sequence[tuple[int, Statement]]) -> None:
        for number, statement in numbered:
            self.running = number
            started = time.monotonic()
            await execute(self._session, statement)
            tell(self._prepared, number, statement, started)
        self.running = 0


async def execute(session: Session, statement: Statement) -> None:
    """Run one statement in the open transaction.

    Raises:
        MigrationError: it ended the transaction, or would lose rows unseen.
        DatabaseError: it failed.
    """
    connection, dialect = session.connection, session.journal.dialect
    await session.guard.before(connection, statement.node)
    if statement.is_first:
        await check_replaced(connection, statement.node, dialect)
    if isinstance(statement.node, Execute):
        await connection.plain.script(statement.sql)
    elif looks_first(statement.node, dialect):
        await apply_change(connection, statement.node, dialect)
    else:
        await connection.plain.execute(statement.sql)
    if not connection.in_transaction:
        raise MigrationError(
            "the statement ended the migration's transaction",
            hint="take COMMIT and ROLLBACK out: a migration is one transaction, together with its row of the journal",
        )


def tell(prepared: Prepared, number: int, statement: Statement, started: float) -> None:
    """Tell that a statement has run, which began at that time of the monotonic clock."""
    body, duration = prepared.body, round((time.monotonic() - started) * 1000)
    telemetry.emit(RAN, StatementRan(body.version, body.name, prepared.direction, number, statement.sql, duration))


async def _is_saved(session: Session, work: Work) -> bool:
    """Whether a part of the migration is saved: a COMMIT in its text would have saved the claim of the journal too."""
    if not any(isinstance(statement.node, Execute) for statement in work.statements):
        return False
    try:
        entry = (await session.journal.read()).get(work.version)
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
        raise _failed(prepared, exc, UNKNOWN) from exc
    except EctypeError as exc:
        await undo(connection)
        raise _failed(prepared, exc, UNCHANGED) from exc


async def undo(connection: Connection) -> None:
    """Roll the open transaction back, or close the connection, which does so too."""
    if connection.broken or not connection.in_transaction:
        return
    try:
        await connection.rollback(CONNECT_SECONDS)
    except EctypeError:
        # A transaction whose connection ends is rolled back by the database.
        await connection.close()


def _failed(prepared: Prepared, cause: EctypeError, ending: str, work: Work | None = None) -> MigrationFailedError:
    body = prepared.body
    sql = work.statements[work.running - 1].sql if work is not None and work.running else None
    parts = [f"{body} failed going {prepared.direction}"]
    if work is not None and sql is not None:
        count = "" if prepared.live else f" of {len(work.statements)}"
        parts = [f"{parts[0]}, statement {work.running}{count}:", indented(sql)]
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


def _function_failed(failure: MigrationFailedError, ending: str) -> MigrationFailedError:
    """Return the failure of a function that had its transaction, with what became of that."""
    return MigrationFailedError(
        f"{failure.message}\n\n{ending}",
        version=failure.version,
        path=failure.path,
        unchanged=ending == UNCHANGED,
        hint=failure.hint,
    )


def indented(text: str) -> str:
    """Return the text four spaces in, cut where it is long."""
    lines = textwrap.dedent(text).strip().splitlines()
    if len(lines) > LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], f"… and {len(lines) - LINES_SHOWN} more lines"]
    return textwrap.indent("\n".join(lines), "    ")
