"""Errors of presence."""

from __future__ import annotations

from ectype.errors import EctypeError


class PresenceError(EctypeError):
    """Presence was asked for something that cannot be: a second track of one key, an update of nobody."""
