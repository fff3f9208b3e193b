"""The event of a transaction that waited for something else than the database, and held its locks meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from ectype import telemetry

EVENT = "ectype.repo.transaction_idle"
SHORTEST_SECONDS = 0.05
"""Shorter waits are not told."""


@dataclass(frozen=True, slots=True)
class TransactionIdle:
    """The payload of `ectype.repo.transaction_idle`, told when the next statement begins.

    Attributes:
        seconds: how long no statement had run in the transaction.
    """

    seconds: float


def tell(seconds: float) -> None:
    """Tell the listeners of a wait that was long enough."""
    if seconds >= SHORTEST_SECONDS:
        telemetry.emit(EVENT, TransactionIdle(seconds))
