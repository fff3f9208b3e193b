"""Telemetry events of presence, for `telemetry.attach("ectype.presence.diff", handler)`. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIFF_TOLD: Final = "ectype.presence.diff"
NODE: Final = "ectype.presence.node"


@dataclass(frozen=True, slots=True)
class PresenceDiff:
    """A diff was told to the clients of a topic in this process.

    Attributes:
        presence: the name of the `Presence`.
        topic: where.
        joins: how many metas joined.
        leaves: how many left.
        waited: from the change to the telling; `fetch` is part of it.
    """

    presence: str
    topic: str
    joins: int
    leaves: int
    waited: float


@dataclass(frozen=True, slots=True)
class PresenceNode:
    """Another process came into sight (`seen`), or went out of it.

    Attributes:
        presence: the name of the `Presence`.
        node: the process, by the `node` of its PubSub.
        seen: whether it is seen now.
    """

    presence: str
    node: str
    seen: bool
