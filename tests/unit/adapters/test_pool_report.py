"""The message of a call that got no connection: who has them, how long, and what to do."""

import pytest

from ectype.adapters.pool_report import Holder, PoolReport, busy, refused, timed_out

URL = "postgresql://ada:***@db/blog"


def report(**changes: object) -> PoolReport:
    values = {"size": 2, "idle": 0, "in_use": 2, "opening": 0, "waiting": 1, "holders": (), "name": "blog"}
    return PoolReport(**{**values, **changes})


def test_a_full_pool_names_its_holders_and_the_fix():
    holders = (Holder("import-users", 61.25), Holder("Task-7", 3.0))
    error = timed_out(report(holders=holders), url=URL, waited=5.0, own=False)
    assert str(error) == (
        "no connection of `blog` became free within 5 s: 2 of 2 to postgresql://ada:***@db/blog are in use, "
        "1 call waits; held by `import-users` for 61.2 s, `Task-7` for 3.0 s\n"
        "\n"
        "hint: hold connections for a shorter time, or give the repo a larger `pool_size` (now 2)"
    )


def test_only_the_three_longest_holders_are_named():
    holders = tuple(Holder(f"t{number}", 9.0 - number) for number in range(5))
    text = str(timed_out(report(size=5, in_use=5, holders=holders), url=URL, waited=1, own=False))
    assert "`t2` for 7.0 s and 2 more" in text
    assert "t3" not in text


def test_a_task_that_waits_for_itself_is_told_so():
    assert "this task waits for a second connection" in str(timed_out(report(), url=URL, waited=1, own=True))


def test_a_pool_that_cannot_grow_says_why():
    stuck = report(in_use=1, waiting=3, opening=1, failure="too many clients (SQLSTATE 53300)")
    text = str(timed_out(stuck, url=URL, waited=1, own=False))
    assert "1 of 2 to postgresql://ada:***@db/blog are in use, 1 being opened or checked, 3 calls wait" in text
    assert "hint: the last attempt to connect failed: too many clients (SQLSTATE 53300)" in text


def test_a_refused_call_says_what_was_measured():
    text = str(refused(busy(report(waiting=40), URL), name="blog", size=2, waited=0.1234))
    assert text.startswith("`blog` is overloaded, and the call was refused after 0.123 s in the queue: 2 of 2 to")
    assert "40 calls wait" in text
    assert "slow the callers down" in text
    assert "refused at once" in str(refused("", name="blog", size=2, waited=0))


@pytest.mark.parametrize(
    ("taken", "now", "said"),
    [
        (None, None, "`job` for 1.5 s"),
        ("a.py:1", None, "`job` for 1.5 s (taken at a.py:1)"),
        ("a.py:1", "a.py:1", "`job` for 1.5 s (taken at a.py:1)"),
        ("a.py:1", "b.py:2", "`job` for 1.5 s (taken at a.py:1, now at b.py:2)"),
        (None, "b.py:2", "`job` for 1.5 s (now at b.py:2)"),
    ],
)
def test_a_holder_says_where_it_was_taken_and_where_it_stands(taken, now, said):
    assert str(Holder("job", 1.5, taken, now)) == said
