"""Errors of PubSub."""

from ectype.errors import EctypeError


class PubSubError(EctypeError):
    """PubSub was used in a way that would lose messages."""
