"""What a session takes its connections from: a pool, or in tests the sandbox."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
from typing import Protocol, runtime_checkable

from ectype.adapters.base import Begin, Connection
from ectype.adapters.call_site import Site
from ectype.adapters.pool_report import PoolReport


@runtime_checkable
class Connections(Protocol):
    """Lends connections and takes them back. `Pool` says what each method does."""

    @property
    def single(self) -> bool:
        """Whether there is one connection only, so that nothing else could run while it is out."""
        ...

    def try_acquire(self) -> Connection | None:
        """Return a free connection at once, or None when `acquire` has to be awaited."""
        ...

    async def acquire(self, timeout: float) -> Connection:
        """Return a connection, waiting for one in turn."""
        ...

    def release(self, connection: Connection, *, reset: bool = False) -> None:
        """Take a connection back."""
        ...

    def idle_of(self, connection: Connection) -> float | None:
        """Return how long a connection that is out had lain idle before, in seconds; None for one that is not out."""
        ...

    def begin_text(self, how: Begin) -> str:
        """Return the statement that opens a transaction here."""
        ...

    def note_site(self, connection: Connection, site: Site | None) -> None:
        """Note where a connection that is out was taken."""
        ...

    def reclaim(self, connection: Connection) -> None:
        """Cut a connection whose holder is gone; callable from any thread."""
        ...

    def disconnect_all(self, *, within: float = 0.0) -> None:
        """Replace every connection there is now, each at a random moment of the next `within` seconds."""
        ...

    async def open(self, timeout: float) -> None:
        """Make the first connection, so that what cannot be reached shows at once."""
        ...

    def report(self) -> PoolReport:
        """Return what it is doing now."""
        ...

    async def close(self, timeout: float = 5.0) -> None:
        """Refuse new calls, wait for those under way until the deadline, then cut their connections."""
        ...
