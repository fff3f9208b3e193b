"""The libraries that ectype is compared with, one module each; those that cannot be had here are named with why."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

from benchmarks.peers.base import Peer

DRIVERS = {
    "PostgreSQL": (("drivers", "Asyncpg"), ("drivers", "AsyncpgPool"), ("drivers", "Psycopg")),
    "SQLite": (("drivers", "Sqlite3"), ("drivers", "Aiosqlite")),
}
LIBRARIES = (
    ("sqlalchemy", "Core"),
    ("sqlalchemy", "Orm"),
    ("sqlmodel", "SqlModel"),
    ("tortoise", "TortoisePeer"),
    ("piccolo", "PiccoloPeer"),
    ("django", "Django"),
    ("django", "DjangoSync"),
    ("oxyde", "Oxyde"),
    ("sqlspec", "SqlSpec"),
)
ONLY_SQLITE = (("peewee", "Peewee"),)


@asynccontextmanager
async def opened(database: str, url: str, chosen: str | None) -> AsyncIterator[tuple[list[Peer], dict[str, str]]]:
    """Connect the peers of a database; yield them, and why others could not be.

    `chosen` is a part of the names of the libraries to compare with; None for all.
    """
    wanted = [*DRIVERS[database], *LIBRARIES, *(ONLY_SQLITE if database == "SQLite" else ())]
    peers: list[Peer] = []
    absent: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for module, name in wanted:
            if chosen is not None and module != "drivers" and chosen not in module:
                continue
            try:
                made: Peer = getattr(import_module(f"benchmarks.peers.{module}"), name)(url)
            except ImportError as exc:
                absent[module] = f"not installed: {exc}"
                continue
            try:
                await made.open()
            except Exception as exc:  # noqa: BLE001  # a library that does not start here must not stop the others
                absent[made.name] = f"does not start: {exc!r:.120}"
                continue
            stack.push_async_callback(made.close)
            peers.append(made)
        yield peers, absent
