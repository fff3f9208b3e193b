"""When calls are refused: a standing queue through a whole interval, or a flood, and not a moment sooner."""

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.adapters.queue_control import KEPT, QueueControl

TARGET, INTERVAL = 0.05, 2.0


def refusals(waits: list[tuple[float, float]]) -> list[bool]:
    control = QueueControl(TARGET, INTERVAL)
    return [control.refuses(now, waited) for now, waited in waits]


def test_a_burst_is_served_however_long_it_waits_within_the_first_interval():
    assert not any(refusals([(number * 0.01, 1.0) for number in range(199)]))


def test_a_queue_that_stands_through_an_interval_loses_those_that_waited_longer_than_what_is_kept():
    waits = [(number * 0.1, 0.5) for number in range(21)]
    assert refusals([*waits, (2.1, KEPT * TARGET + 0.01), (2.2, KEPT * TARGET - 0.01)])[-3:] == [True, True, False]


def test_one_call_served_in_time_is_enough_to_spare_the_next_interval():
    waits = [(number * 0.1, 0.5) for number in range(20)]
    waits[7] = (0.7, 0.01)
    assert not any(refusals([*waits, (2.0, 0.5), (2.1, 0.5)]))


def test_an_empty_queue_is_enough_as_well():
    control = QueueControl(TARGET, INTERVAL)
    for number in range(20):
        control.refuses(number * 0.1, 0.5)
    control.drained()
    assert not control.refuses(2.0, 0.5)
    assert not control.overloaded


def test_refusing_ends_after_an_interval_in_which_one_call_was_served_in_time_and_few_came():
    control = QueueControl(TARGET, INTERVAL)
    for number in range(22):
        control.refuses(number * 0.1, 0.5)
    assert control.overloaded
    control.refuses(3.0, 0.02)
    assert control.refuses(3.9, 0.5)
    assert not control.refuses(4.2, 0.5)
    assert not control.overloaded


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, KEPT * TARGET), st.integers(0, 20)), max_size=50))
def test_a_call_that_waited_no_longer_than_what_is_kept_is_never_refused_when_its_turn_comes(steps):
    control = QueueControl(TARGET, INTERVAL)
    now = 0.0
    for step, waited, arrivals in steps:
        now += step
        for waiting in range(arrivals):
            control.turns_away(now, waiting)
        assert not control.refuses(now, waited)


@dataclass
class Simulation:
    """A pool of connections that each serve a call in `service` seconds, driven by a clock of our own."""

    size: int = 5
    service: float = 0.01
    control: QueueControl = field(default_factory=lambda: QueueControl(TARGET, INTERVAL))
    now: float = 0.0

    def __post_init__(self) -> None:
        self.free = self.size
        self.ends: list[float] = []
        self.queue: deque[float] = deque()
        self.waits: list[float] = []
        self.turned_away = 0
        self.refused_late = 0

    def arrive(self) -> None:
        if self.free:
            self.free -= 1
            self.waits.append(0.0)
            heappush(self.ends, self.now + self.service)
            return
        if not self.queue:
            self.control.drained()
        if self.control.turns_away(self.now, len(self.queue)):
            self.turned_away += 1
        else:
            self.queue.append(self.now)

    def release(self) -> None:
        while self.queue:
            waited = self.now - self.queue.popleft()
            if self.control.refuses(self.now, waited):
                self.refused_late += 1
                continue
            self.waits.append(waited)
            heappush(self.ends, self.now + self.service)
            return
        self.free += 1

    def run(self, rate: float, seconds: float) -> None:
        """Let calls come at a steady rate."""
        began, end = self.now, self.now + seconds
        come = 1
        while True:
            due = began + come / rate
            served = bool(self.ends) and self.ends[0] <= due
            self.now = self.ends[0] if served else due
            if self.now >= end:
                return
            if served:
                heappop(self.ends)
                self.release()
            else:
                come += 1
                self.arrive()


@pytest.mark.parametrize("times", [2, 10, 50])
@pytest.mark.parametrize(("size", "service"), [(5, 0.01), (20, 0.004), (10, 0.03), (1, 0.002)])
def test_under_a_flood_those_that_are_served_waited_little_and_no_connection_idles(times, size, service):
    pool = Simulation(size=size, service=service)
    peak = size / service
    pool.run(peak * times, 10)
    waits = sorted(pool.waits)
    assert waits[int(len(waits) * 0.99)] + service <= 2 * TARGET
    assert len(pool.waits) >= 0.95 * peak * 10
    assert pool.turned_away > pool.refused_late


def test_a_load_that_can_be_sustained_is_never_refused():
    pool = Simulation()
    pool.run(0.95 * pool.size / pool.service, 10)
    assert pool.turned_away == pool.refused_late == 0


def test_a_burst_that_comes_at_once_is_served_to_its_last_call():
    pool = Simulation()
    for _ in range(500):
        pool.arrive()
    pool.run(1, 1.5)
    assert pool.turned_away == pool.refused_late == 0
    assert max(pool.waits) > 0.9


def test_after_a_flood_an_interval_of_less_is_enough_to_take_bursts_again():
    pool = Simulation()
    peak = pool.size / pool.service
    pool.run(10 * peak, 3)
    assert pool.control.overloaded
    pool.run(0.5 * peak, 2 * INTERVAL + 0.1)
    before = pool.turned_away + pool.refused_late
    for _ in range(300):
        pool.arrive()
    pool.run(0.5 * peak, 1)
    assert pool.turned_away + pool.refused_late == before


def test_a_load_that_falls_back_is_served_at_once_while_the_pool_still_watches():
    pool = Simulation()
    peak = pool.size / pool.service
    pool.run(10 * peak, 3)
    pool.run(0.8 * peak, 0.2)
    before = pool.turned_away + pool.refused_late
    pool.run(0.8 * peak, 1)
    assert pool.turned_away + pool.refused_late == before
