"""What a pool is doing, as frozen data, and as the message of a call that got no connection."""

from dataclasses import dataclass

from ectype.errors import PoolTimeoutError

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """One connection that is out: the name of the task that has it, and for how many seconds."""

    name: str
    seconds: float


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
    """

    size: int
    idle: int
    in_use: int
    opening: int
    waiting: int
    holders: tuple[Holder, ...]
    failure: str | None = None


def timed_out(report: PoolReport, *, url: str, waited: float, own: bool) -> PoolTimeoutError:
    """Return the error of a call that waited to its deadline; `own` says that its task holds a connection already."""
    why = _busy(report, url)
    if report.failure is not None and report.in_use < report.size:
        hint = f"the last attempt to connect failed: {report.failure}"
    elif own:
        hint = (
            "this task waits for a second connection while it holds one: run the inner call inside the "
            "`transaction()` or `checkout()` that is open"
        )
    else:
        hint = f"hold connections for a shorter time, or give the repo a larger `pool_size` (now {report.size})"
    return PoolTimeoutError(f"no connection became free within {waited:.3g} s: {why}", hint=hint)


def refused(report: PoolReport, *, url: str, waited: float, target: float, interval: float) -> PoolTimeoutError:
    """Return the error of a call that is refused so that those behind it can be served."""
    return PoolTimeoutError(
        f"the call was refused after {waited:.3g} s in the queue: for {interval:g} s every call has waited longer than "
        f"{target:g} s; {_busy(report, url)}",
        hint=f"the database is asked for more than it can do: slow the callers down, make the statements cheaper, or "
        f"give the repo a larger `pool_size` (now {report.size})",
    )


def _busy(report: PoolReport, url: str) -> str:
    calls = "1 call waits" if report.waiting == 1 else f"{report.waiting} calls wait"
    text = f"{report.in_use} of {report.size} to {url} are in use"
    if report.opening:
        text += f", {report.opening} being opened or checked"
    held = ", ".join(f"`{holder.name}` for {holder.seconds:.1f} s" for holder in report.holders[:_SHOWN])
    more = f" and {len(report.holders) - _SHOWN} more" if len(report.holders) > _SHOWN else ""
    return f"{text}, {calls}" + (f"; held by {held}{more}" if held else "")
