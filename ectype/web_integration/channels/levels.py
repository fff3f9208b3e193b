"""At which level of the log a socket or a channel says what it does."""

from __future__ import annotations

from typing import TypeAlias

from ectype.web_integration.channels.errors import ChannelError

LogLevel: TypeAlias = int | None
"""A level of `logging`, as `logging.INFO`; None where nothing is said."""


def check_level(name: str, level: object) -> None:
    """Refuse what is no level.

    Raises:
        ChannelError: it is neither an int nor None.
    """
    if level is not None and (isinstance(level, bool) or not isinstance(level, int)):
        raise ChannelError(
            f"{name} is a level of `logging` or None, got {level!r:.60}",
            hint=f"write {name.rpartition('.')[2]} = logging.DEBUG, or None to say nothing",
        )
