"""The benchmarks judge rightly: equal work, budgets by the median, growth by its exponent, files that can be read."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import documents
from benchmarks.budgets import Budget
from benchmarks.growth import exponent
from benchmarks.harness import Competitor, Figures, Pace, Report, Series, Table, measure
from benchmarks.inputs import plain
from benchmarks.workloads import channels_report as channels
from benchmarks.yardstick import slowness

SHORT = Pace(2, 0.0001, 1)


def figures(**found: list[float]) -> dict[str, Figures]:
    return {name: Figures(wall=values, cpu=values) for name, values in found.items()}


@pytest.mark.parametrize(
    ("budget", "met"),
    [
        (Budget(against="raw", ratio=2.0), True),
        (Budget(against="raw", ratio=1.9), False),
        (Budget(against="raw", above=20.1), True),
        (Budget(against="raw", above=19.9), False),
        (Budget(most=40.1), True),
        (Budget(most=39.9), False),
        (Budget(against="raw", least=0.5, figure="wall"), True),
        (Budget(against="raw", least=0.6, figure="wall"), False),
    ],
)
def test_a_budget_is_judged_by_the_median_of_equal_rounds(budget: Budget, met: bool):
    # The second round was slow for both, the third for one of them.
    held = figures(raw=[2e-6, 2e-5, 2e-6], ectype=[4e-6, 4e-5, 9e-5])
    assert budget.judge("get", "SQLite", held, [1.0, 1.0, 1.0]).met is met


@pytest.mark.parametrize(
    ("budget", "found"),
    [(Budget(most=1), 2.0), (Budget(against="raw", above=1), 1.0), (Budget(against="raw", ratio=1), 2.0)],
)
def test_microseconds_are_those_of_the_machine_of_the_budgets_and_ratios_are_as_they_are(budget: Budget, found: float):
    # A machine that is half as fast, and slower still in the second round.
    held = figures(raw=[2e-6, 5e-6, 2e-6], ectype=[4e-6, 10e-6, 4e-6])
    median, *_ = budget.judge("get", "SQLite", held, [2.0, 5.0, 2.0]).found
    assert median == pytest.approx(found)


def test_the_yardstick_is_a_number_of_times():
    assert 0.01 < slowness() < 1_000


async def test_competitors_with_other_results_stop_the_run():
    table = Table("x", "–", [Competitor("a", lambda i: i, sync=True), Competitor("b", lambda i: i + 1, sync=True)])
    with pytest.raises(AssertionError, match="b gave 8"):
        await measure(table, SHORT)


async def test_a_library_that_fails_is_left_out_and_named_but_a_driver_stops_the_run():
    def fail(_i: int) -> Any:
        raise RuntimeError("no such thing")

    good = Competitor("ectype", lambda i: i, sync=True)
    report = await measure(Table("x", "SQLite", [good, Competitor("peer", fail, sync=True, objects=True)]), SHORT)
    assert [row.name for row in report.rows] == ["ectype"]
    assert report.lacking == [("x", "SQLite", "peer", "fails: RuntimeError('no such thing')")]
    with pytest.raises(RuntimeError):
        await measure(Table("x", "SQLite", [good, Competitor("driver", fail, sync=True)]), SHORT)


async def test_ectype_must_be_ahead_of_every_library_with_objects():
    def slow(i: int) -> int:
        return sum(range(20_000)) * 0 + i

    quick, late = Competitor("ectype", lambda i: i, sync=True), Competitor("ectype", slow, sync=True)
    other = Competitor("peer", slow, sync=True, objects=True)
    ahead = await measure(Table("x", "–", [quick, other]), SHORT)
    assert [(one.budget, one.met) for one in ahead.verdicts] == [("ahead of peer", True)]
    behind = await measure(Table("x", "–", [late, Competitor("peer", lambda i: i, sync=True, objects=True)]), SHORT)
    assert [(one.budget, one.met) for one in behind.verdicts] == [("ahead of peer", False)]


@given(power=st.floats(0.1, 3.0), scale=st.floats(1e-9, 1.0))
def test_the_exponent_of_a_power_is_the_power(power: float, scale: float):
    points = [(size, scale * size**power) for size in (1, 10, 100, 1_000, 10_000)]
    assert exponent(points) == pytest.approx(power)


def test_fixed_costs_make_no_series_look_worse():
    assert exponent([(size, 1e-3 + size * 1e-6) for size in (1, 10, 100, 1_000, 10_000)]) < 1.0
    assert exponent([(size, 1e-3 + size**2 * 1e-6) for size in (1, 10, 100, 1_000, 10_000)]) > 1.5


@pytest.mark.parametrize("row", [(1, 2, 3, "t", 0.5, "2025-01-02 03:04:05.000006"), {"id": 1, "author_id": 2}])
def test_rows_are_compared_whatever_they_are(row: Any):
    assert plain(row, ("id", "author_id")) == (1, 2)


async def test_a_run_is_written_and_read_again(tmp_path: Path):
    names = ("raw sqlite3", "ectype", "a | b <peer>")
    competitors = [Competitor(name, lambda i: i, sync=True, objects=name != names[0]) for name in names]
    report = await measure(
        Table("get", "SQLite", competitors, budgets=[Budget(against="raw sqlite3", ratio=9)], lacking={"x": "why"}),
        SHORT,
    )
    report.machine = "a machine"
    report.notes.append("a note")
    report.series.append(Series("growth rows", "SQLite", "row", [(1, 1e-6), (10, 1e-5)], 1.0, linear=True))
    documents.write_json(report, tmp_path / "run.json")
    again = documents.read(tmp_path / "run.json")
    assert again == report
    made = documents.write_docs(again, tmp_path)
    assert sorted(path.name for path in made) == [
        "performance-figures.md",
        "performance-growth.svg",
        "performance-sqlite.svg",
    ]
    for path in made:
        if path.suffix == ".svg":
            ElementTree.parse(path)
    page = (tmp_path / "performance-figures.md").read_text()
    for said in ("a machine", "≤ 9 × raw sqlite3", "a \\| b", "why", "a note", "growth rows"):
        assert said in page
    assert Report() != report


def channel_figures(**found: float) -> channels.Figures:
    return channels.Figures(**{name: [value, value * 9, value] for name, value in found.items()})


@pytest.mark.parametrize(("echoes", "word"), [(70.1, "within"), (69.9, "BEYOND")])
def test_channels_are_judged_beside_the_bare_loop_of_the_same_round(echoes: float, word: str):
    bare = {"idle_kib": 20.0, "fan_out_p50": 40.0, "fan_out_p99": 90.0, "deliveries": 100.0, "echoes": 100.0}
    found = {
        "bare Starlette": channel_figures(**bare),
        "ectype": channel_figures(**{**bare, "idle_kib": 28.1, "fan_out_p50": 50.0, "echoes": echoes}),
        "python-socketio": channel_figures(**bare),
    }
    lines = channels.verdict(found)
    assert [line.partition(" ")[0] for line in lines] == ["within", "within", word, "BEYOND"]
    page = channels.markdown(found, "1,000 subscribers", "Linux")
    assert "| python-socketio | 20.0 (1.00) | 40.0 (1.00) | 90.0 (1.00) | 100 (1.00) | – |" in page
    assert f"| echo/s | {echoes / 100:.2f} | ≥ 0.7 × | {'met' if word == 'within' else '**over**'} |" in page
