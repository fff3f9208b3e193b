"""The contracts of the rim: what an adapter and a connection do, whatever the driver."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from ectype.adapters.migrating import Migrating
from ectype.sql.dialect import Dialect
from ectype.telemetry import Database

T = TypeVar("T")

Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]
Use: TypeAlias = Literal["alone", "shared"]
"""Whether a cursor has its connection to itself until it ends."""
Row: TypeAlias = Sequence[Any]
"""One row as the driver gives it: it can be unpacked and indexed by position."""


@dataclass(frozen=True, slots=True)
class Begin:
    """How a transaction begins. SQLite writes begin IMMEDIATE, read-only and `deferred` ones DEFERRED.

    `deferred` takes no lock before a statement needs one, as PostgreSQL never does.
    """

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What a server says beside its answers, as PostgreSQL's `RAISE NOTICE`.

    Attributes:
        severity: `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`.
        message: what it says.
        detail: more of it, where there is more.
        hint: what it advises, where it does.
        sqlstate: its code.
    """

    severity: str
    message: str
    detail: str | None
    hint: str | None
    sqlstate: str


@runtime_checkable
class HasNotices(Protocol):
    """What a connection has besides whose server says things beside its answers."""

    def hear_notices(self, heard: Callable[[Notice], None]) -> Callable[[], None]:
        """Tell `heard` every notice from here on; what is returned ends that."""
        ...


class Cursor(Protocol):
    """The rows of a statement, a batch at a time. Its methods raise what those of its connection do."""

    async def fetch(self, load: Callable[[list[Any]], T], timeout: float | None = None) -> T:
        """Return `load(rows)` of the next batch; the last one is smaller, or empty."""
        ...

    async def close(self, timeout: float | None = None) -> None:
        """Let go of what has not been read."""
        ...

    def forget(self) -> None:
        """Let go of it without the connection, whose transaction ends."""
        ...


@dataclass(frozen=True, slots=True)
class CopyFormat:
    r"""How COPY writes rows: PostgreSQL's `text`, `csv` or `binary`, and for the first two what stands between values.

    None is the format's own default: tab and `\N`, or comma and nothing.
    """

    name: Literal["text", "csv", "binary"] = "csv"
    header: bool = False
    delimiter: str | None = None
    null: str | None = None


class Connection(Protocol):
    """One connection: it runs text with parameters, and says what state it is in.

    Every method raises ectype's own errors only (`DatabaseError`, `ConstraintError`, `ConnectError`,
    `DeadlineError`, `CastError`, `TransactionAbortedError`, `UnsupportedError`), with the driver's exception as
    `__cause__`. `timeout` is in seconds; None means none. Parameters have been dumped already. After a cancellation
    or a deadline the connection is either clean or `broken`: no statement runs on it, and a transaction that was open
    before is either still open or reported by `TransactionAbortedError` until `rollback` is called.

    Attributes:
        retired: whether the pool closes it when it comes back, though it still works: it has lived long enough, or
            its server takes no more writes.
    """

    retired: bool

    @property
    def bounded(self) -> bool:
        """Whether the deadline of a statement, BEGIN, COMMIT or ROLLBACK reaches it where no other cancellation does.

        It is asked for by a cancellation with `ectype.adapters.deadlines.DUE`, or needs none.
        """
        ...

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether the database has a transaction open on this connection."""
        ...

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`; the load runs where the statement did."""
        ...

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote (0 for what writes none)."""
        ...

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement, without RETURNING, once a row of parameters; all or nothing.

        Returns how many rows were written.
        """
        ...

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, in order, and return `load` of all their rows."""
        ...

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement of the user's and return `load(columns, rows, count)`.

        The columns are there without rows too, and empty for what gives none; `count` is how many rows came back, or
        were written where none come back.
        """
        ...

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> Cursor:
        """Begin to read the rows of one statement, `batch` at a time, in the transaction that is open.

        On a connection that is `shared`, other statements may run on it between the batches, and whatever they write
        changes nothing of what the cursor gives.
        """
        ...

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run text that may hold several statements and has no parameters, as a migration's `execute`."""
        ...

    async def copy_in(
        self,
        table: str,
        columns: Sequence[str],
        records: Iterable[Sequence[object]] | AsyncIterable[Sequence[object]],
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        as_text: bool = False,
    ) -> int:
        """Send rows to a table by COPY, all or none, and return how many; a row has a dumped value for each column.

        `as_text` sends them in text, for types that the driver has no binary form of. Raises UnsupportedError where the
        database has no COPY.
        """
        ...

    async def copy_bytes(
        self,
        table: str,
        columns: Sequence[str],
        pieces: AsyncIterable[bytes],
        form: CopyFormat,
        timeout: float | None = None,
        *,
        prefix: str | None = None,
        skipped: int = 0,
    ) -> int:
        """Send bytes that are in the format of COPY already to a table, all or none, and return how many rows they are.

        `skipped` is how many lines came before them, for messages. Raises UnsupportedError where the database has no
        COPY.
        """
        ...

    async def copy_out(
        self,
        sql: str,
        params: Sequence[object],
        write: Callable[[bytes], Awaitable[None]],
        form: CopyFormat,
        timeout: float | None = None,
    ) -> int:
        """Send the rows of one query to `write` by COPY, piece by piece, and return how many.

        What `write` raises ends it and is raised. Raises UnsupportedError where the database has no COPY.
        """
        ...

    async def listen(
        self,
        channels: Sequence[str],
        heard: Callable[[str, str, int], None],
        lost: Callable[[], None],
        timeout: float | None = None,
    ) -> None:
        """Tell `heard(channel, payload, pid)` every notification from here on, and `lost` when the connection goes.

        Raises UnsupportedError where the database has no notifications.
        """
        ...

    async def notify(self, channel: str, payload: str, timeout: float | None = None) -> None:
        """Send a notification; in a transaction it leaves with the commit.

        Raises UnsupportedError where the database has no notifications.
        """
        ...

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction."""
        ...

    async def commit(self, timeout: float | None = None) -> None:
        """Commit; raises TransactionAbortedError when the database answers with a rollback."""
        ...

    async def transaction(self, timeout: float | None = None) -> str | None:
        """Return the id of the open transaction; None when it has written nothing, or the database has no ids."""
        ...

    async def committed(self, transaction: str | None, timeout: float) -> bool:
        """Find out whether the COMMIT that was sent last, and whose answer was lost, has happened.

        The connection is broken by then. `transaction` is the id of the transaction.

        Raises:
            CommitUnknownError: it cannot be known.
            DeadlineError: it was still running when the time was over.
            ConnectError: the server cannot be reached.
        """
        ...

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back."""
        ...

    async def reset(self, timeout: float | None = None) -> None:
        """Undo what SQL text may have changed in the session: settings, temporary tables, locks, listeners."""
        ...

    async def close(self, timeout: float = 5.0) -> None:
        """Close politely within the deadline, else cut the connection. Never raises."""
        ...

    def terminate(self) -> None:
        """Cut the connection now, whatever it does; it is `broken` from here on. Never raises nor waits."""
        ...


class Copier(Protocol):
    """Copies a whole database in little time, where that can be done."""

    @property
    def database(self) -> str:
        """The name of the database's make, for messages."""
        ...

    async def copy(self, timeout: float) -> tuple[Adapter, Callable[[], None]]:
        """Return the adapter of a copy of the database as it is now, and what deletes the copy.

        Raises ConnectError when the database cannot be opened.
        """
        ...


class Adapter(Protocol):
    """One database, reached by one driver."""

    @property
    def dialect(self) -> Dialect:
        """What the database says, and can do. Capabilities of the server's version are known after `connect`."""
        ...

    @property
    def url(self) -> str:
        """The URL without its password, for messages."""
        ...

    @property
    def database(self) -> Database:
        """What events say of the database; one object for each adapter."""
        ...

    @property
    def single(self) -> bool:
        """Whether there can be only one connection (SQLite's `:memory:`)."""
        ...

    @property
    def migrating(self) -> Migrating:
        """How the migrations of the database are kept."""
        ...

    @property
    def copier(self) -> Copier | None:
        """What copies the database, so that each test has its own; None where tests share it in transactions."""
        ...

    def begin_text(self, how: Begin) -> str:
        """Return the statement by which its connections open a transaction, for events."""
        ...

    async def connect(self, timeout: float) -> Connection:
        """Make one connection, ready to use. Raises ConnectError, masked, with what was tried and the fix."""
        ...

    async def connect_session(self, timeout: float) -> Connection:
        """Make one connection whose session is its own, for locks and listeners: to `direct_url` where there is one.

        Raises what `connect` raises, and UnsupportedError when a pooler stands in between.
        """
        ...
