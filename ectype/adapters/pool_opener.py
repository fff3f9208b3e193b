"""How a pool makes one connection: after a pause when the server refused the last time, and prepared by the user."""

from __future__ import annotations

import asyncio
import random
from time import monotonic

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.pool_options import LIFE_SPREAD, PoolOptions
from ectype.errors import ConnectError


class Opener:
    """Makes the connections of one pool.

    Attributes:
        failures: how many attempts have failed since the last that did not.
        failure: why the last one failed, when it was the server or the way to it.
    """

    __slots__ = ("_adapter", "_failed_at", "_name", "_options", "failure", "failures")

    def __init__(self, adapter: Adapter, options: PoolOptions, name: str) -> None:
        self._adapter = adapter
        self._options = options
        self._name = name
        self._failed_at = 0.0
        self.failures = 0
        self.failure: ConnectError | None = None

    async def pause(self) -> None:
        """Wait for as long as the last failures ask for, counted from the last."""
        if self.failures:
            await asyncio.sleep(max(0.0, self._failed_at + self._backoff() - monotonic()))

    async def connect(self) -> Connection:
        """Make a connection, ready to be lent, within `connect_timeout`."""
        seconds = self._options.connect_timeout
        started = monotonic()
        connection = await self._adapter.connect(seconds)
        try:
            await self.prepare(connection, seconds - (monotonic() - started))
        except BaseException:
            connection.terminate()
            raise
        self.failures = 0
        self.failure = None
        return connection

    async def prepare(self, connection: Connection, seconds: float) -> None:
        """Let the user's `after_connect` prepare a connection whose session is new. Raises ConnectError."""
        prepare = self._options.after_connect
        if prepare is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await prepare(connection)
        except Exception as exc:
            why = "took longer than `connect_timeout`" if isinstance(exc, TimeoutError) else f"failed: {exc}"
            raise ConnectError(
                f"`after_connect` of `{self._name}` {why}", hint="a connection that it did not prepare is not lent"
            ) from exc
        if connection.in_transaction:
            raise ConnectError(
                f"`after_connect` of `{self._name}` left a transaction open", hint="commit it in `after_connect`"
            )

    def failed(self, exc: Exception) -> None:
        """Note that an attempt has failed."""
        self.failures += 1
        self._failed_at = monotonic()
        if isinstance(exc, ConnectError):
            self.failure = exc

    def life(self) -> float:
        """Return for how many seconds a new connection may live."""
        longest = self._options.max_lifetime
        # Not for secrets: it keeps connections that were made together from ending together.
        return float("inf") if longest is None else longest * random.uniform(LIFE_SPREAD, 1)

    def _backoff(self) -> float:
        least, most = self._options.backoff
        # Not for secrets: it keeps many processes from knocking at once.
        return min(most, least * 2 ** min(self.failures, 10)) * random.uniform(0.5, 1.0)
