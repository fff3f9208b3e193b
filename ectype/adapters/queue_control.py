"""When a queue of waiting calls is a standing one: CoDel, as DBConnection uses it to shed load.

Kathleen Nichols and Van Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; the interval and the doubled
target for slow queues are those of DBConnection (https://hexdocs.pm/db_connection/DBConnection.html#start_link/2).
"""


class QueueControl:
    """Decides, call by call, whether one that waited so long is served or refused.

    The queue is overloaded when, through a whole interval, not one call waited less than the target. Then those that
    waited longer than twice the target are refused until an interval passes in which one waited less.
    Times are in seconds, of any clock that never goes back.
    """

    __slots__ = ("_interval", "_least", "_next", "_overloaded", "_target")

    def __init__(self, target: float, interval: float) -> None:
        self._target = target
        self._interval = interval
        self._least = 0.0
        self._next = 0.0
        self._overloaded = False

    @property
    def overloaded(self) -> bool:
        """Whether calls that waited long are refused at present."""
        return self._overloaded

    def drained(self) -> None:
        """Note that the queue was empty: nothing stands in it."""
        self._least = 0.0

    def refuses(self, now: float, waited: float) -> bool:
        """Note that a connection is free for a call that has waited so long, and say whether to refuse the call."""
        if now >= self._next:
            self._overloaded = self._least > self._target
            self._next = now + self._interval
            self._least = waited
        elif waited < self._least:
            self._least = waited
        return self._overloaded and waited > 2 * self._target
