"""Work on a connection that a cancellation must not stop half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def steadily(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, whoever is cancelled meanwhile; the cancellation is raised afterwards.

    Raises:
        CancelledError: it came meanwhile; what `work` raised is its cause.
    """
    running = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as exc:
            cancelled = cancelled or exc
    error = asyncio.CancelledError() if running.cancelled() else running.exception()
    if cancelled is not None:
        raise cancelled from error
    if error is not None:
        raise error
