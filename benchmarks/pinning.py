"""The client on one processor and the server on another: the regime in which small statements cost most.

Left alone the kernel puts both on one processor or on two from batch to batch, and a small statement's cost doubles
with it. See "Two regimes" in `docs/performance.md`.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any


def pin_client() -> str | None:
    """Keep this process on the first processor that it may use; return why not."""
    if not hasattr(os, "sched_setaffinity"):
        return "this system pins no processes"
    if len(os.sched_getaffinity(0)) < 2:
        return "there is one processor only"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return None


async def pin_server(connection: Any) -> str | None:
    """Keep the server's processes of this database on another processor; return why not."""
    mine = os.sched_getaffinity(0)
    other = set(range(os.cpu_count() or 1)) - mine
    pids = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    try:
        for row in pids:
            os.sched_setaffinity(row[0], {max(other)})
    except (OSError, ValueError) as exc:
        return f"the server's processes cannot be pinned from here: {exc}"
    return None


async def never() -> str | None:
    """Leave all to the kernel."""
    await asyncio.sleep(0)
    return None


Pin = Callable[[], Awaitable[str | None]]
