"""What the log says of a statement: one line, its parameters shortened."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, cast

from ectype.errors import ConfigError, did_you_mean
from ectype.telemetry import QueryEvent

logger: Final = logging.getLogger("ectype.repo")

Log: TypeAlias = bool | int | Literal["debug", "info", "warning", "error", "critical"]
"""Whether statements are logged, and at which level: True for the usual one, False for none."""

OFF: Final = -1
"""The level of a repo that logs nothing, which no logger is enabled for; a call may say otherwise."""
SILENT: Final = -2
"""The level of a call that asked not to be logged, not even when it is slow."""
USUAL: Final = logging.DEBUG

LONGEST_VALUE: Final = 100
LONGEST_SQL: Final = 4_000
MOST_VALUES: Final = 20

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


def level_of(log: object, usual: int = USUAL) -> int:
    """Return the level that `log=` says; True is the usual one, also where the repo logs nothing.

    Raises:
        ConfigError: for what is no level.
    """
    if log is True:
        return usual if usual > 0 else USUAL
    if log is False:
        return OFF
    if isinstance(log, int) and log > 0:
        return log
    found = _LEVELS.get(log.lower()) if isinstance(log, str) else None
    if found is None:
        raise ConfigError(
            f"log={log!r} is no level", hint=did_you_mean(str(log), _LEVELS) or f"True, False or {', '.join(_LEVELS)}"
        )
    return found


def seconds_of(slow_query: float | None) -> float | None:
    """Return from how many seconds on a statement is slow. Raises ConfigError for what is no time."""
    if slow_query is not None and not (isinstance(cast("object", slow_query), int | float) and slow_query >= 0):
        raise ConfigError(f"slow_query={slow_query!r} is no time", hint="give seconds, as `slow_query=0.5`")
    return slow_query


def line_of(event: QueryEvent, head: str) -> str:
    """Return the line of one statement.

    >>> event = QueryEvent(
    ...     repo="blog", operation="SELECT", sql="SELECT 1", params=(), source="posts", prefix=None, rows=1,
    ...     queue_time=0.0001, query_time=0.0012, decode_time=None, idle_time=None,
    ... )
    >>> line_of(event, "QUERY OK")
    'QUERY OK source="posts" db=1.2ms queue=0.1ms rows=1 SELECT 1 []'
    """
    parts = [head]
    if event.source is not None:
        parts.append(f'source="{event.source}"')
    if event.error is not None:
        parts.append(f"error={event.error.__class__.__name__}")
    times = {
        "db": event.query_time,
        "decode": event.decode_time,
        "queue": event.queue_time,
        "idle": event.idle_time,
    }
    parts += [f"{name}={seconds * 1_000:.1f}ms" for name, seconds in times.items() if seconds is not None]
    if event.rows is not None:
        parts.append(f"rows={event.rows}")
    parts.append(" ".join(_shortened(event.sql, LONGEST_SQL).splitlines()))
    parts.append(shown(event.params))
    if event.call_site is not None:
        parts.append(f"at {event.call_site}")
    return " ".join(parts)


def shown(value: object) -> str:
    """Return a value as the log shows it: long texts and lists are cut before anybody writes them out.

    >>> shown((1, "x" * 200, None))[:30]
    "[1, 'xxxxxxxxxxxxxxxxxxxxxxxxx"
    """
    if isinstance(value, list | tuple):
        several = cast("Sequence[Any]", value)
        more = len(several) - MOST_VALUES
        items = [shown(one) for one in several[:MOST_VALUES]]
        return f"[{', '.join(items)}{f', … {more} more' if more > 0 else ''}]"
    if isinstance(value, str | bytes | bytearray | memoryview):
        sized = cast("str | bytes", value)
        more = len(sized) - LONGEST_VALUE
        return f"{sized[:LONGEST_VALUE]!r}{f'… {more} more' if more > 0 else ''}"
    return _shortened(repr(value), LONGEST_VALUE)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… {len(text) - longest} more"
