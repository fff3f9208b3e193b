"""Errors of PubSub."""

from __future__ import annotations

from ectype.errors import EctypeError


class PubSubError(EctypeError):
    """PubSub was used in a way that would lose messages."""
