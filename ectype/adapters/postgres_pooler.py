"""A pooler between us and the server, which may run each transaction on another server: found, and kept clean."""

from __future__ import annotations

import re
from typing import Any, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.errors import UnsupportedError

# What another client of the pooler would find on the server, or what would be gone with the next transaction.
_SESSION = re.compile(
    r"(?:\A|;)\s*(?P<word>set\s+(?!local\b|transaction\b|constraints\b)\S+|reset|listen|unlisten|prepare|deallocate"
    r"|discard|load|create\s+(?:or\s+replace\s+)?(?:local\s+|global\s+)?temp(?:orary)?"
    r"|declare\s.*\bwith\s+hold)\b",
    re.IGNORECASE | re.DOTALL,
)
_LOCK = re.compile(r"\b(?P<word>pg_(?:try_)?advisory_(?:lock|unlock)\w*|set_config)\s*\(", re.IGNORECASE)
_LOCAL = re.compile(r"set_config\s*\([^()]*,\s*true\s*\)", re.IGNORECASE)

HINT = (
    "give the repo `direct_url=` with the address of the server itself (or of a pooler in session mode); tables, "
    "queries and transactions go on through the pooler"
)


class Probed(Protocol):
    """The part of `asyncpg.Connection` that is asked."""

    # Their words are asyncpg's.
    async def prepare(self, query: str, *, name: str, timeout: float | None = None) -> Any: ...  # noqa: D102
    def get_server_pid(self) -> int: ...  # noqa: D102


async def is_pooled(driver: Probed, timeout: float) -> bool:
    """Whether another program answers for the server.

    A server gives every new connection the number of its process; a pooler, which has none yet, makes one up. And one
    that changes servers between the two halves of a statement has shown itself too.
    """
    try:
        statement = await driver.prepare("SELECT pg_backend_pid()", name="", timeout=timeout)
        [[pid]] = await statement.fetch(timeout=timeout)
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        return True
    return bool(pid != driver.get_server_pid())


def keep_settings(driver: Any) -> None:  # its private member has no type
    """Keep the driver from switching `jit` off and on around its look at a type: behind a pooler it may stay off.

    The one place that uses a private member of asyncpg, which has no option for it.
    """
    driver._server_caps = driver._server_caps._replace(jit=False)  # noqa: SLF001


def refuse_session_words(sql: str, url: str) -> None:
    """Raise UnsupportedError for SQL text that changes a session, which behind a pooler is nobody's own."""
    found = _SESSION.search(sql) or _LOCK.search(_LOCAL.sub("", sql))
    if found is not None:
        word = " ".join(found["word"].upper().split())
        raise UnsupportedError(
            f"{word} changes the session, and {url} leads to a pooler that may give each transaction another server: "
            "other clients would find what was changed, and the next statement might not (PostgreSQL)",
            hint=f"inside a transaction use `SET LOCAL` or `pg_advisory_xact_lock`; else {HINT}",
        )
