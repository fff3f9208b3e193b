"""What a pool tells to those who listen on `ectype.telemetry`, and to the people who run it."""

from __future__ import annotations

import warnings

from ectype import telemetry
from ectype.adapters.pool_report import Holder

CONNECTED = "ectype.pool.connected"
DISCONNECTED = "ectype.pool.disconnected"
CONNECTION_ERROR = "ectype.pool.connection_error"
TIMEOUT = "ectype.pool.timeout"
HELD = "ectype.pool.held"
LEAKED = "ectype.pool.leaked"


class Events:
    """The events of one repo's pool; those that nobody wants are not made."""

    __slots__ = ("_repo",)

    def __init__(self, repo: str) -> None:
        self._repo = repo

    def connected(self, seconds: float, connections: int) -> None:
        """A connection has been made."""
        if telemetry.listeners(CONNECTED):
            telemetry.emit(CONNECTED, telemetry.PoolConnected(self._repo, seconds, connections))

    def disconnected(self, reason: str, connections: int) -> None:
        """A connection is gone, or is being closed."""
        if telemetry.listeners(DISCONNECTED):
            telemetry.emit(DISCONNECTED, telemetry.PoolDisconnected(self._repo, reason, connections))

    def connection_error(self, error: Exception, failures: int) -> None:
        """An attempt to connect has failed."""
        if telemetry.listeners(CONNECTION_ERROR):
            telemetry.emit(CONNECTION_ERROR, telemetry.PoolConnectionError(self._repo, error, failures))

    def timeout(self, error: Exception, waited: float, *, refused: bool) -> None:
        """A call gets no connection."""
        if telemetry.listeners(TIMEOUT):
            telemetry.emit(TIMEOUT, telemetry.PoolTimeout(self._repo, waited, refused, error))

    def held(self, holder: Holder) -> None:
        """A transaction keeps its connection for long: an event and a warning."""
        taken_at = holder.taken_at or "an unknown place"
        if telemetry.listeners(HELD):
            event = telemetry.PoolHeld(self._repo, holder.name, holder.seconds, taken_at, holder.now_at)
            telemetry.emit(HELD, event)
        warnings.warn(
            f"`{self._repo}`: a connection is held by {holder}; shorten what the `transaction()` does, or raise "
            "`hold_warning`",
            RuntimeWarning,
            stacklevel=2,
        )

    def leaked(self, holder: Holder) -> None:
        """A transaction was dropped without being left: an event and a warning."""
        taken_at = holder.taken_at or "an unknown place"
        if telemetry.listeners(LEAKED):
            telemetry.emit(LEAKED, telemetry.PoolLeaked(self._repo, holder.name, holder.seconds, taken_at))
        warnings.warn(
            f"`{self._repo}`: a transaction was dropped without being left, so its connection has been cut, and what "
            f"it wrote is rolled back; it was held by {holder}: use `async with repo.transaction():`",
            RuntimeWarning,
            stacklevel=2,
        )
