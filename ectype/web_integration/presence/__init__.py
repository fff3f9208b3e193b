"""Presence: who is in a topic, on all processes."""

from ectype.web_integration.presence.errors import PresenceError
from ectype.web_integration.presence.presence import Holder, Owner, Presence, Present
from ectype.web_integration.presence.tracker import Periods

__all__ = ["Holder", "Owner", "Periods", "Presence", "PresenceError", "Present"]
