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
