"""Indexes that PostgreSQL makes and drops outside a transaction, while others write to the table."""

from typing import Final

from ectype.adapters.base import Connection
from ectype.errors import MigrationError
from ectype.sql.ddl import CreateIndex, Node
from ectype.sql.ddl_names import qualified
from ectype.sql.dialect import POSTGRES

VALID: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"


async def run_concurrently(connection: Connection, sql: str, node: Node) -> None:
    """Run the statement; what a build that was broken off left behind is dropped before.

    Raises:
        MigrationError: the index was made, and is not valid.
        DatabaseError: the statement failed.
    """
    if not isinstance(node, CreateIndex):
        await connection.execute(sql)
        return
    name = qualified(node.index.name, node.index.prefix, POSTGRES, what="index")
    if await _is_valid(connection, name) is False:
        await connection.execute(f"DROP INDEX CONCURRENTLY {name}")
    await connection.execute(sql)
    if await _is_valid(connection, name) is False:
        raise MigrationError(
            f"the index {name} was made, and PostgreSQL does not use it",
            hint="run the migration again: it drops the index and makes it anew",
        )


async def _is_valid(connection: Connection, name: str) -> bool | None:
    """Whether the index is valid; None when there is none."""
    rows = await connection.fetch(VALID, (name,), list)
    return bool(rows[0][0]) if rows else None
