"""When a queue of waiting calls is overloaded, and which calls are refused then.

Two signs say so. A *standing queue*: through a whole interval not one call waited less than the target. This is CoDel
(Kathleen Nichols and Van Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012) as DBConnection uses it
(https://hexdocs.pm/db_connection/DBConnection.html#start_link/2). And a *flood*: more calls come than are served, in
each of several short windows in a row, while every wait is over the target. A burst that comes at once is neither.

CoDel alone refuses a call when its turn comes, after it has waited for nothing, and knows of a flood only when an
interval is over. So here, while the queue is overloaded, a call is refused as it comes when those before it take longer
than `ADMITTED` targets at the pace that is measured; what waited for `KEPT` targets all the same is refused too. What
is left up to two targets is for the statement itself. An overload ends with an interval in which some call waited less
than the target and no more came than could have been served.
"""

from __future__ import annotations

_FLOOD_TARGETS = 1.5
"""For how many targets, and in how many windows of half a one at least, more must come than are served."""
_FLOOD_WINDOWS = 3
_GROWTH = 1.25
"""How many come for each that is served, in a window of a flood."""
ADMITTED = 0.6
KEPT = 1.25
_DEMAND = 1.1
_PACE_WEIGHT = 1 / 16


class QueueControl:
    """Decides, call by call, whether it may wait, and whether one that waited is served or refused.

    Times are in seconds, of any clock that never goes back.
    """

    __slots__ = (
        "_arrived",
        "_began",
        "_flood",
        "_flood_began",
        "_interval",
        "_last",
        "_least",
        "_next",
        "_overloaded",
        "_pace",
        "_target",
        "_window",
        "_window_arrived",
        "_window_served",
    )

    def __init__(self, target: float, interval: float) -> None:
        self._target = target
        self._interval = interval
        self._least = 0.0
        self._began = 0.0
        self._next = 0.0
        self._arrived = 0
        self._overloaded = False
        self._pace = 0.0
        self._last: float | None = None
        self._flood = 0
        self._flood_began = 0.0
        self._window = 0.0
        self._window_arrived = 0
        self._window_served = 0

    @property
    def overloaded(self) -> bool:
        """Whether calls are refused at present."""
        return self._overloaded

    def drained(self) -> None:
        """Note that the queue was empty: nothing stands in it."""
        self._least = 0.0
        self._last = None
        self._flood = 0

    def turns_away(self, now: float, waiting: int) -> bool:
        """Note that a call has come while `waiting` others wait, and say whether to refuse it at once."""
        self._arrived += 1
        self._window_arrived += 1
        if not self._overloaded:
            return False
        if now >= self._next:
            self._begin_interval(now)
            if not self._overloaded:
                return False
        return waiting * self._pace > ADMITTED * self._target

    def refuses(self, now: float, waited: float) -> bool:
        """Note that a connection is free for a call that has waited so long, and say whether to refuse the call."""
        if now >= self._next:
            self._begin_interval(now)
            self._least = waited
        elif waited < self._least:
            self._least = waited
        if self._overloaded and waited > KEPT * self._target:
            return True
        if self._last is not None:
            self._pace += (now - self._last - self._pace) * (_PACE_WEIGHT if self._pace else 1)
        self._last = now
        return self._notes_flood(now, waited) and waited > KEPT * self._target

    def _begin_interval(self, now: float) -> None:
        elapsed = now - self._began
        # Less than could have been served in that time: the pace is that of a queue that is never empty. After an
        # interval in which nobody waited, what came before it says nothing any more.
        demanded = self._arrived * self._pace > _DEMAND * elapsed and now < self._next + self._interval
        self._overloaded = self._least > self._target or (self._overloaded and demanded)
        self._began = now
        self._next = now + self._interval
        self._arrived = 0

    def _notes_flood(self, now: float, waited: float) -> bool:
        """Count a call that is served; return whether that makes the queue overloaded."""
        if waited <= self._target or self._overloaded:
            self._flood = 0
            self._flood_began = now
            self._begin_window(now)
            return False
        self._window_served += 1
        if now < self._window:
            return False
        if self._window_arrived > _GROWTH * self._window_served:
            self._flood += 1
        else:
            self._flood = 0
            self._flood_began = now
        self._begin_window(now)
        if self._flood < _FLOOD_WINDOWS or now - self._flood_began < _FLOOD_TARGETS * self._target:
            return False
        self._overloaded = True
        self._began = now
        self._next = now + self._interval
        self._arrived = 0
        return True

    def _begin_window(self, now: float) -> None:
        self._window = now + self._target / 2
        self._window_arrived = 0
        self._window_served = 0
