"""The runner of the soaks: it finds them by their names, and says at its end whether all figures were met."""

import asyncio
from collections.abc import Iterable
from inspect import iscoroutinefunction, signature

import pytest

from soak import __main__ as runner


async def met(seconds: float) -> Iterable[str]:
    await asyncio.sleep(0)
    return [f"{seconds:g} s of nothing"]


async def missed(seconds: float) -> Iterable[str]:
    assert seconds > 100, "too short"
    return []


async def broken(_seconds: float) -> Iterable[str]:
    raise OSError("no such server")


def end(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["soak", *arguments])
    monkeypatch.setattr(runner, "found", lambda: {"quiet": met, "short": missed, "odd": broken})
    try:
        runner.main()
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


def test_every_soak_takes_seconds_and_the_helpers_are_none():
    found = runner.found()
    assert {"overload", "frozen", "restarts"} <= set(found)
    assert not {"servers", "__main__"} & set(found)
    for run in found.values():
        assert iscoroutinefunction(run)
        assert list(signature(run).parameters) == ["seconds"]


def test_a_soak_that_met_its_figures_ends_well(monkeypatch, capsys):
    assert end(monkeypatch, "--only", "quiet", "--minutes", "0.5") == 0
    assert "30 s of nothing" in capsys.readouterr().out


def test_one_that_did_not_ends_badly_and_the_others_run_all_the_same(monkeypatch, capsys):
    assert end(monkeypatch) == 1
    said = capsys.readouterr()
    assert "NOT MET: too short" in said.out
    assert "BROKE" in said.out
    assert "1 of 3 soaks met their figures" in said.out
    assert "not met: short, odd" in said.err


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--minutes", "0"], ["--minutes", "nan"]])
def test_what_asks_for_nothing_is_refused(monkeypatch, capsys, arguments):
    assert end(monkeypatch, *arguments) == 2
    assert "error:" in capsys.readouterr().err
