"""What a call past its deadline is told: also that no time was left for it, or that the event loop was blocked."""

from __future__ import annotations

from ectype.errors import DeadlineError

BLOCKED_SECONDS = 0.3
"""How late an event loop may look at a deadline before that is told."""
BLOCKED_HINT = (
    "something ran for so long without an `await`: `asyncio.run(…, debug=True)` logs what does; give it to "
    "`asyncio.to_thread`, or split it up"
)


def blocked(late: float) -> str:
    """Return the end of a message that says that the event loop came late to a deadline; empty when it did not.

    >>> blocked(0.5)
    '; the event loop was blocked, and looked 0.5 s after the deadline'
    >>> blocked(0.01)
    ''
    """
    return f"; the event loop was blocked, and looked {late:.3g} s after the deadline" if late > BLOCKED_SECONDS else ""


def overdue(url: str, timeout: float | None, ended: str, late: float = 0.0) -> DeadlineError:
    """Return the error of a statement that is past its deadline.

    Args:
        url: the database.
        timeout: what was left of the deadline when it began; None where that is not known.
        ended: what became of the statement, as "was cancelled".
        late: how long after the deadline the event loop came to look.
    """
    if timeout is None:
        said = f"a statement on {url} timed out"
    elif timeout <= 0:
        said = f"no time was left for a statement on {url}: the call waited past its deadline before it could be sent"
    else:
        said = f"a statement on {url} ran past its deadline of {timeout:g} s and {ended}"
    why = blocked(late)
    hint = BLOCKED_HINT if why else "give the call a longer `timeout=`, or make the statement cheaper"
    return DeadlineError(said + why, hint=hint)
