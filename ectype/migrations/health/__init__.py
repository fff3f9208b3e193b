"""Whether a database and its server are as an application needs them."""

from collections.abc import Awaitable, Callable
from typing import Final

from ectype.adapters.base import Adapter, Connection
from ectype.migrations.health import postgres, sqlite
from ectype.migrations.health.signs import Sign
from ectype.types.base import Target

__all__ = ["Sign", "examine"]

CONNECT_SECONDS: Final = 10.0

EXAMINERS: Final[dict[Target, Callable[[Connection], Awaitable[list[Sign]]]]] = {
    "postgres": postgres.examine,
    "sqlite": sqlite.examine,
}


async def examine(adapter: Adapter) -> list[Sign]:
    """Return what was looked at. It changes nothing.

    Raises:
        ConnectError: the database cannot be reached.
    """
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await EXAMINERS[adapter.dialect.target](connection)
    finally:
        await connection.close()
