"""What a listener hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Notification:
    """One NOTIFY.

    Attributes:
        channel: where it was sent.
        payload: its text, empty for none.
        pid: the server's process that sent it.
    """

    channel: str
    payload: str
    pid: int


@dataclass(frozen=True, slots=True)
class Resync:
    """Notifications may have been missed: read anew what they tell of.

    The listener hears again by the time this is handed out, so what is read from here on misses nothing.

    Attributes:
        since: from when on they may be missing (aware, UTC).
        reason: why.
    """

    since: datetime
    reason: str
