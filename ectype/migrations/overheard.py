"""The connection of a run, which tells what the run itself sends, and what the server says beside its answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from ectype import telemetry
from ectype.adapters.base import Begin, Connection, HasNotices, Notice
from ectype.adapters.delegated import DelegatedConnection
from ectype.migrations.body import Body
from ectype.migrations.events import NOTICED, SENT, MigratorStatement, NoticeRaised

T = TypeVar("T")


class OverheardConnection(DelegatedConnection):
    """A connection that tells each statement of the run.

    What a migration itself asks for goes through `plain`, and is told by whoever runs it.
    """

    __slots__ = ("_begin_text",)

    def __init__(self, inner: Connection, begin_text: Callable[[Begin], str]) -> None:
        super().__init__(inner)
        self._begin_text = begin_text

    @property
    def plain(self) -> Connection:
        """The connection itself, which tells nothing."""
        return self._inner

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction."""
        await self._told(self._begin_text(how), self._inner.begin(how, timeout))

    async def commit(self, timeout: float | None = None) -> None:
        """Commit."""
        await self._told("COMMIT", self._inner.commit(timeout))

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back."""
        await self._told("ROLLBACK", self._inner.rollback(timeout))

    async def _run(self, call: Callable[..., Awaitable[T]], timeout: float | None, *args: Any) -> T:
        working = call(*args, timeout)
        return await (self._told(args[0], working) if args and isinstance(args[0], str) else working)

    async def _told(self, sql: str, working: Awaitable[T]) -> T:
        started = time.monotonic()
        try:
            return await working
        finally:
            telemetry.emit(SENT, MigratorStatement(sql, round((time.monotonic() - started) * 1000)))


@contextlib.contextmanager
def noticing(connection: Connection, body: Body) -> Generator[None]:
    """Tell what the server says while the block runs a migration."""

    def heard(notice: Notice) -> None:
        telemetry.emit(
            NOTICED,
            NoticeRaised(body.version, body.name, notice.severity, notice.message, notice.detail, notice.hint),
        )

    if not isinstance(connection, HasNotices):
        yield
        return
    end = connection.hear_notices(heard)
    try:
        yield
    finally:
        end()
