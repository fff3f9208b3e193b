"""The tracker: who is present on many nodes, as pure data. See `Tracker` and `State`."""

from ectype.web_integration.presence.tracker.tracker import Periods, Replica, Tracker

__all__ = ["Periods", "Replica", "Tracker"]
