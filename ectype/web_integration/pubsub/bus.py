"""Bus: what carries the messages of one PubSub to the PubSubs of other processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

Heard: TypeAlias = Callable[[str], None]
"""Takes a text that came, in the order in which they came."""
Missed: TypeAlias = Callable[[datetime, str], None]
"""Takes from when on texts may be missing, and why. Whoever calls it hears again."""


class Parcel(NamedTuple):
    """A text for one node, or for all when `node` is None."""

    node: str | None
    text: str


class Bus(Protocol):
    """A way to other processes: `PostgresBus`, `RedisBus`, or one of your own.

    Delivery is at most once and in the order of one sender. A bus that may have lost something says so.
    """

    async def open(self, node: str, heard: Heard, missed: Missed) -> None:
        """Hear from here on what is for all and what is for `node`; raises when it cannot."""
        ...

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Send texts in order. When it raises, they are sent again: a text that comes twice is heard once."""
        ...

    async def close(self) -> None:
        """Hear and send no more."""
        ...
