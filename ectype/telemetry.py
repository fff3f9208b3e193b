"""Events that anyone may listen to, at no cost when nobody does.

    with telemetry.attach("ectype.repo.query", handler):
        ...

A handler that raises is detached and reported as a warning, as in Erlang's `telemetry`: measuring never breaks
what is measured.
"""

import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Handler = Callable[[Any], object]

_handlers: dict[str, tuple[Handler, ...]] = {}


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """One statement that a repo ran. Times are in seconds, None where they were not measured.

    Attributes:
        repo: the repo's name.
        sql: the text that ran.
        params: the parameters, with those of `redact` columns masked.
        rows: how many rows came back or were written, None when it failed.
        queue_time: how long the call waited for a connection.
        query_time: how long the database, the driver and the loader took.
        error: the exception that ended it, or None.
        tags: what the call was given as `tags=`.
    """

    repo: str
    sql: str
    params: tuple[object, ...]
    rows: int | None
    queue_time: float | None
    query_time: float
    error: BaseException | None = None
    tags: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class PoolConnected:
    """`ectype.pool.connected`: a repo's pool has made a connection.

    Attributes:
        repo: the repo's name.
        seconds: how long it took.
        connections: how many there are now.
    """

    repo: str
    seconds: float
    connections: int


@dataclass(frozen=True, slots=True)
class PoolDisconnected:
    """`ectype.pool.disconnected`: a connection is gone.

    Attributes:
        repo: the repo's name.
        reason: `lost`, `idle`, `retired` (its life was over, or its server takes no writes), `leaked` or `closed`.
        connections: how many are left.
    """

    repo: str
    reason: str
    connections: int


@dataclass(frozen=True, slots=True)
class PoolConnectionError:
    """`ectype.pool.connection_error`: an attempt to connect failed.

    Attributes:
        repo: the repo's name.
        error: what it failed with.
        failures: how many have failed in a row.
    """

    repo: str
    error: Exception
    failures: int


@dataclass(frozen=True, slots=True)
class PoolTimeout:
    """`ectype.pool.timeout`: a call got no connection.

    Attributes:
        repo: the repo's name.
        waited: for how many seconds it waited.
        refused: whether it was refused because of an overload, and not by its deadline.
        error: what the call raises.
    """

    repo: str
    waited: float
    refused: bool
    error: Exception


@dataclass(frozen=True, slots=True)
class PoolHeld:
    """`ectype.pool.held`: a transaction keeps its connection for longer than `hold_warning`.

    Attributes:
        repo: the repo's name.
        task: the name of the task that took it.
        seconds: for how long.
        taken_at: `file:line` of the program's code that took it.
        now_at: `file:line` where the task stands now; None where it cannot be seen.
    """

    repo: str
    task: str
    seconds: float
    taken_at: str
    now_at: str | None


@dataclass(frozen=True, slots=True)
class PoolLeaked:
    """`ectype.pool.leaked`: a transaction was dropped without being left; its connection has been cut.

    Attributes:
        repo: the repo's name.
        task: the name of the task that took it.
        seconds: how long ago.
        taken_at: `file:line` of the program's code that took it.
    """

    repo: str
    task: str
    seconds: float
    taken_at: str


@dataclass(frozen=True, slots=True)
class ListenEvent:
    """A listener lost its connection, or has another.

    Attributes:
        url: the database, without its password.
        channels: what is listened to.
        state: `lost` or `restored`.
        error: how it was lost; None when it is restored.
    """

    url: str
    channels: tuple[str, ...]
    state: str
    error: BaseException | None


@contextmanager
def attach(event: str, handler: Handler) -> Generator[None, None, None]:
    """Call `handler` with every event of that name until the block ends."""
    _handlers[event] = (*_handlers.get(event, ()), handler)
    try:
        yield
    finally:
        detach(event, handler)


def detach(event: str, handler: Handler) -> None:
    """Stop calling `handler`; it is no error when it was not attached."""
    left = tuple(one for one in _handlers.get(event, ()) if one is not handler)
    if left:
        _handlers[event] = left
    else:
        _handlers.pop(event, None)


def listeners(event: str | None) -> bool:
    """Whether anyone listens, so that an event that nobody wants is never built."""
    return event in _handlers


def emit(event: str, payload: object) -> None:
    """Hand the event to every listener, in the order they were attached."""
    for handler in _handlers.get(event, ()):
        try:
            handler(payload)
        except Exception as exc:  # noqa: BLE001  # a listener may raise anything, and must not break the caller
            detach(event, handler)
            warnings.warn(
                f"the handler {handler!r} of {event!r} raised {exc!r} and was detached", RuntimeWarning, stacklevel=2
            )
