from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import MigrationError
from ectype.migrations.errors import JournalMismatchError
from ectype.migrations.scripts import Script
from ectype.migrations.steps import Goal, plan


def scripts(*versions):
    return tuple(Script(version, f"m{version}", Path(f"{version}_m.py")) for version in versions)


def names(*versions):
    return {version: f"m{version}" for version in versions}


TABLE = [
    # applied, in the folder, goal, versions to run
    ((), (), Goal("up"), []),
    ((), (1, 2, 3), Goal("up"), [1, 2, 3]),
    ((), (1, 2, 3), Goal("up", everything=True), [1, 2, 3]),
    ((1,), (1, 2, 3), Goal("up"), [2, 3]),
    ((1, 3), (1, 2, 3), Goal("up"), [2]),
    ((), (1, 2, 3), Goal("up", step=2), [1, 2]),
    ((), (1, 2, 3), Goal("up", step=9), [1, 2, 3]),
    ((), (1, 2, 3), Goal("up", to=2), [1, 2]),
    ((1, 2), (1, 2, 3), Goal("up", to=2), []),
    ((1, 9), (1, 2), Goal("up"), [2]),
    ((), (1, 2), Goal("down"), []),
    ((1, 2, 3), (1, 2, 3), Goal("down"), [3]),
    ((1, 2, 3), (1, 2, 3), Goal("down", step=2), [3, 2]),
    ((1, 2, 3), (1, 2, 3), Goal("down", to=2), [3, 2]),
    ((1, 3), (1, 2, 3), Goal("down", to=2), [3]),
    ((1, 2, 3), (1, 2, 3), Goal("down", everything=True), [3, 2, 1]),
    ((1, 2), (2, 3), Goal("down"), [2]),
]


@pytest.mark.parametrize(("applied", "there", "goal", "versions"), TABLE, ids=range(len(TABLE)))
def test_the_plan_reaches_the_goal(applied, there, goal, versions):
    steps = plan(names(*applied), scripts(*there), goal)
    assert [step.script.version for step in steps] == versions
    assert {step.direction for step in steps} <= {goal.direction}


versions = st.sets(st.integers(1, 20))


@given(applied=versions, there=versions)
def test_everything_up_and_everything_down_are_each_others_end(applied, there):
    applied &= there
    up = plan(names(*applied), scripts(*sorted(there)), Goal("up"))
    assert [step.script.version for step in up] == sorted(there - applied)
    down = plan(names(*there), scripts(*sorted(there)), Goal("down", everything=True))
    assert [step.script.version for step in down] == sorted(there, reverse=True)


@given(applied=versions, there=versions, step=st.integers(1, 5))
def test_steps_taken_one_after_the_other_are_the_steps_taken_at_once(applied, there, step):
    applied &= there
    taken = []
    for _ in range(step):
        for one in plan(names(*applied), scripts(*sorted(there)), Goal("up", step=1)):
            taken.append(one.script.version)
            applied |= {one.script.version}
    start = applied - set(taken)
    assert taken == [s.script.version for s in plan(names(*start), scripts(*sorted(there)), Goal("up", step=step))]


def test_two_limits_at_once_are_refused():
    with pytest.raises(MigrationError, match="`step` and `to` were both given"):
        Goal("up", step=1, to=2)
    with pytest.raises(MigrationError, match="`to` and `all` were both given"):
        Goal("up", to=2, everything=True)


def test_a_step_of_none_is_refused():
    with pytest.raises(MigrationError, match="`step` must be 1 or more, got 0"):
        Goal("down", step=0)


def test_an_unknown_version_to_go_to_is_refused_with_the_closest_one():
    with pytest.raises(MigrationError) as caught:
        plan({}, scripts(20261121070000, 20261121080000), Goal("up", to=20261121070001))
    assert caught.value.message == "there is no migration 20261121070001 to go to"
    assert caught.value.hint == "did you mean `20261121070000`?"


def test_a_version_without_a_file_cannot_be_rolled_back():
    with pytest.raises(JournalMismatchError) as caught:
        plan(names(1, 2), scripts(1), Goal("down"))
    assert caught.value.message == "2 m2 is applied, but its file is gone, so it cannot be rolled back"
    assert caught.value.hint == "bring 2_m2.py back from version control"
