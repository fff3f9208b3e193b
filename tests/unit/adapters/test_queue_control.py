"""When calls are refused: a standing queue through a whole interval, and not a moment sooner."""

from hypothesis import given
from hypothesis import strategies as st

from ectype.adapters.queue_control import QueueControl

TARGET, INTERVAL = 0.05, 2.0


def refusals(waits: list[tuple[float, float]]) -> list[bool]:
    control = QueueControl(TARGET, INTERVAL)
    return [control.refuses(now, waited) for now, waited in waits]


def test_a_burst_is_served_however_long_it_waits_within_the_first_interval():
    assert not any(refusals([(number * 0.01, 1.0) for number in range(199)]))


def test_a_queue_that_stands_through_an_interval_loses_those_that_waited_twice_the_target():
    waits = [(number * 0.1, 0.5) for number in range(21)]
    assert refusals([*waits, (2.1, 0.11), (2.2, 0.09)])[-3:] == [True, True, False]


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


def test_refusing_ends_after_an_interval_in_which_one_call_was_served_in_time():
    control = QueueControl(TARGET, INTERVAL)
    for number in range(22):
        control.refuses(number * 0.1, 0.5)
    assert control.overloaded
    control.refuses(3.0, 0.02)
    assert control.refuses(3.9, 0.5)
    assert not control.refuses(4.2, 0.5)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 0.1)), max_size=50))
def test_a_call_that_waited_no_longer_than_twice_the_target_is_never_refused(steps):
    now = 0.0
    waits = []
    for step, waited in steps:
        now += step
        waits.append((now, waited))
    assert not any(refusals(waits))
