"""What a pool is doing, as frozen data, and as the message of a call that got no connection."""

from __future__ import annotations

from dataclasses import dataclass

from ectype.adapters.lateness import BLOCKED_HINT, blocked
from ectype.errors import PoolTimeoutError

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """A connection that is out, or a call that waits for one.

    Attributes:
        name: the name of the task.
        seconds: for how long.
        taken_at: `file:line` of the program's own code that opened the transaction; None for single statements.
        now_at: `file:line` where the task stands; None where it cannot be seen.
    """

    name: str
    seconds: float
    taken_at: str | None = None
    now_at: str | None = None

    def __str__(self) -> str:
        places = [f"taken at {self.taken_at}"] if self.taken_at else []
        if self.now_at and self.now_at != self.taken_at:
            places.append(f"now at {self.now_at}")
        return f"`{self.name}` for {self.seconds:.1f} s" + (f" ({', '.join(places)})" if places else "")


@dataclass(frozen=True, slots=True)
class PoolReport:
    """What a pool is doing at one moment.

    Attributes:
        size: how many connections there may be.
        idle: how many are free.
        in_use: how many are out.
        opening: how many are being made, checked or cleaned.
        waiting: how many calls wait for one.
        holders: who has those that are out, the longest first.
        failure: why the last attempt to connect failed; None when it did not.
        name: the repo's name.
        waiters: who waits, the longest first.
        overloaded: whether calls are refused because more come than can be served.
    """

    size: int
    idle: int
    in_use: int
    opening: int
    waiting: int
    holders: tuple[Holder, ...]
    failure: str | None = None
    name: str = "repo"
    waiters: tuple[Holder, ...] = ()
    overloaded: bool = False


def timed_out(report: PoolReport, *, url: str, waited: float, own: bool, late: float = 0.0) -> PoolTimeoutError:
    """Return the error of a call that waited to its deadline.

    Args:
        report: of the pool.
        url: the database.
        waited: for how long the call may wait.
        own: whether its task holds a connection already.
        late: how long after the deadline the event loop came to look.
    """
    why = blocked(late)
    if why:
        hint = BLOCKED_HINT
    elif report.failure is not None and report.in_use < report.size:
        hint = f"the last attempt to connect failed: {report.failure}"
    elif own:
        hint = (
            "this task waits for a second connection while it holds one: run the inner call inside the "
            "`transaction()` or `checkout()` that is open"
        )
    else:
        hint = f"hold connections for a shorter time, or give the repo a larger `pool_size` (now {report.size})"
    return PoolTimeoutError(
        f"no connection of `{report.name}` became free within {waited:.3g} s: {busy(report, url)}{why}", hint=hint
    )


def refused(busy_text: str, *, name: str, size: int, waited: float) -> PoolTimeoutError:
    """Return the error of a call that is refused so that others can be served in time.

    Args:
        busy_text: what `busy` says; it may be some milliseconds old, since a flood of calls is refused with it.
        name: the repo's name.
        size: the pool's size.
        waited: how long the call waited; 0 for one that is refused as it comes.
    """
    after = "at once" if waited == 0 else f"after {waited:.3g} s in the queue"
    return PoolTimeoutError(
        f"`{name}` is overloaded, and the call was refused {after}: {busy_text}",
        hint="the database is asked for more than it can do: slow the callers down, make the statements cheaper, or "
        f"give the repo a larger `pool_size` (now {size})",
    )


def busy(report: PoolReport, url: str) -> str:
    """Return what the pool is doing, in half a sentence."""
    calls = "1 call waits" if report.waiting == 1 else f"{report.waiting} calls wait"
    text = f"{report.in_use} of {report.size} to {url} are in use"
    if report.opening:
        text += f", {report.opening} being opened or checked"
    held = ", ".join(map(str, report.holders[:_SHOWN]))
    more = f" and {len(report.holders) - _SHOWN} more" if len(report.holders) > _SHOWN else ""
    return f"{text}, {calls}" + (f"; held by {held}{more}" if held else "")
