"""What can be said about a pool: names, units and bounds, by keyword or in the URL."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict, Unpack

from ectype.adapters.base import Connection
from ectype.errors import ConfigError

AfterConnect: TypeAlias = Callable[[Connection], Awaitable[object]]
"""Prepares a new connection, as `lambda connection: connection.execute("SET ROLE reader")`."""

LIFE_SPREAD = 0.75
"""The shortest life of a connection, as a part of `max_lifetime`."""


class PoolKeywords(TypedDict, total=False):
    """The options of a pool but for its size, all in seconds; `PoolOptions` says what each means."""

    queue_target: float
    queue_interval: float
    pool_timeout: float | None
    connect_timeout: float
    idle_check: float
    max_idle: float | None
    max_lifetime: float | None
    hold_warning: float | None
    backoff: tuple[float, float]
    after_connect: AfterConnect | None


class SizedKeywords(PoolKeywords, total=False):
    """All options of a pool."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """How a pool behaves. All times are in seconds.

    Attributes:
        size: how many connections there may be.
        queue_target: how long a call may wait for a connection when the pool is not overloaded.
        queue_interval: for how long all calls must have waited longer before calls are refused.
        pool_timeout: how long a call waits for a connection at most; 0 refuses it at once while others have them all,
            None leaves it to the call's own timeout.
        connect_timeout: how long making one connection may take, `after_connect` included.
        idle_check: how long a connection may lie idle and be lent without asking the server whether it is there.
        max_idle: how long a connection may lie idle before it is closed, unless it is the only one; None for ever.
        max_lifetime: how long a connection lives; each ends at a random moment of the last quarter; None for ever.
        hold_warning: after how long a transaction that keeps its connection is reported; None for never.
        backoff: the shortest and the longest pause between attempts to reach a server that refuses.
        after_connect: is awaited with each new connection, and again when its session has been reset.

    Raises:
        ConfigError: a value is out of bounds.
    """

    size: int = 10
    queue_target: float = 0.05
    queue_interval: float = 2.0
    pool_timeout: float | None = None
    connect_timeout: float = 5.0
    idle_check: float = 5.0
    max_idle: float | None = 300.0
    max_lifetime: float | None = None
    hold_warning: float | None = 60.0
    backoff: tuple[float, float] = (0.05, 0.5)
    after_connect: AfterConnect | None = None

    def __post_init__(self) -> None:
        _check_size(self.size)
        for name in ("queue_target", "queue_interval", "connect_timeout"):
            _check_seconds(name, getattr(self, name))
        for name in ("max_idle", "max_lifetime", "hold_warning"):
            if getattr(self, name) is not None:
                _check_seconds(name, getattr(self, name))
        if self.pool_timeout is not None and (self.pool_timeout != 0 or isinstance(self.pool_timeout, bool)):
            _check_seconds("pool_timeout", self.pool_timeout)
        if self.idle_check != 0:
            _check_seconds("idle_check", self.idle_check)
        _check_backoff(self.backoff)
        if self.after_connect is not None and not callable(self.after_connect):
            raise ConfigError(
                f"after_connect is {self.after_connect!r}",
                hint='give an async function: `lambda connection: connection.execute("SET ROLE reader")`',
            )


def keywords(options: Mapping[str, str], size: int, **given: Unpack[PoolKeywords]) -> SizedKeywords:
    """Return what was given by keyword, with what the URL says on top: whoever runs a program sees the URL last.

    >>> keywords({"pool_size": "4", "sslmode": "require"}, size=10, idle_check=1.0)
    {'idle_check': 1.0, 'size': 4}
    """
    merged: dict[str, Any] = {**given, "size": int(options["pool_size"]) if "pool_size" in options else size}
    for name in PoolKeywords.__annotations__:
        # As in libpq, a `connect_timeout` of 0 is none of one's own.
        if name in options and (name, options[name]) != ("connect_timeout", "0"):
            merged[name] = float(options[name])
    return SizedKeywords(**merged)


def timeout_of(options: Mapping[str, str], timeout: float | None) -> float | None:
    """Return the deadline of a statement: the URL's, or else what was given."""
    return float(options["timeout"]) if "timeout" in options else timeout


# Callers without a checker give what they like, so the checks take any object.


def _check_size(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"pool_size is {value!r}", hint="a pool has one connection at least")


def _check_seconds(name: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ConfigError(f"{name} is {value!r}", hint=f"it is a number of seconds above 0, as `{name}=5`")


def _check_backoff(value: object) -> None:
    match value:
        case (int() | float() as least, int() | float() as most) if 0 < least <= most < math.inf:
            return
        case _:
            raise ConfigError(
                f"backoff is {value!r}",
                hint="it is the shortest and the longest pause in seconds, as `backoff=(0.05, 0.5)`",
            )
