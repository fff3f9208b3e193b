"""The errors of a pool that is asked in the wrong place, or whose database is gone."""

from __future__ import annotations

import os

from ectype.errors import ConnectError, EctypeError


def closed(url: str) -> ConnectError:
    """Return the error of a call that comes after `close`."""
    return ConnectError(f"the pool to {url} is closed", hint="use the repo inside `async with repo:`")


def away(url: str, home: int) -> ConnectError:
    """Return the error of a call from another process than `home`, or from another event loop."""
    if os.getpid() != home:
        return ConnectError(
            f"the pool to {url} was opened in process {home} and is used in {os.getpid()}, after a fork",
            hint="open the repo in each process, after the fork: two processes on one connection mix their answers",
        )
    return ConnectError(
        f"the pool to {url} belongs to another event loop",
        hint="use a repo in the event loop that opened it: one `asyncio.run` around all, or a repo for each",
    )


def gone(url: str) -> ConnectError:
    """Return the error of every call after a database in memory has been lost."""
    return ConnectError(
        f"the database of {url} was lost with its only connection, which broke",
        hint="open a new repo, and fill it anew; a file outlives its connections",
    )


def copy_of(exc: Exception) -> Exception:
    """Return the error anew: one instance raised by several tasks would gather all their tracebacks."""
    if not isinstance(exc, EctypeError):
        return exc
    copy = exc.__class__(exc.message, hint=exc.hint)
    copy.__cause__ = exc.__cause__
    return copy
