"""No input under 64 KiB holds a cast up: a millisecond each (`benchmarks/workloads/casts.py` measures it), here ten."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest

from benchmarks.workloads.casts import collections, held, hostile, types
from ectype import Err, Ok

SECONDS = 0.01
EACH = 50e-6
TYPES, INPUTS, COLLECTIONS = types(), {**hostile(), **held()}, collections()


def fastest(cast: Callable[[object], object], value: object, *, below: float) -> float:
    """Return the seconds of the fastest of five casts, or of the first below a limit: the machine has other work."""
    best = float("inf")
    for _ in range(5):
        start = perf_counter()
        cast(value)
        best = min(best, perf_counter() - start)
        if best < below:
            break
    return best


@pytest.mark.parametrize("attack", INPUTS)
@pytest.mark.parametrize("name", TYPES)
def test_an_input_is_cast_or_refused_at_once(name: str, attack: str) -> None:
    assert fastest(TYPES[name].cast, INPUTS[attack], below=SECONDS) < SECONDS


@pytest.mark.parametrize("name", TYPES)
def test_a_long_list_takes_no_longer_than_its_elements(name: str) -> None:
    for kind, values in COLLECTIONS.items():
        ceiling = EACH * items_of(values)
        assert fastest(TYPES[name].cast, values, below=ceiling) < ceiling, kind


def items_of(values: Any) -> int:
    """Return how many values a list or an object holds, those of what it holds too."""
    inner = values.values() if isinstance(values, dict) else values
    return sum(1 + (items_of(one) if isinstance(one, list | dict) else 0) for one in inner)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[("array", "numbers"), ("array", "texts"), ("nullable array", "numbers and nulls"), ("array", "nulls")],
        *[("text array", "texts"), ("float array", "floats"), ("float array", "numbers"), ("bool array", "booleans")],
        *[("enum array", "members"), ("decimal array", "prices"), ("decimal array", "decimals")],
    ],
)
def test_a_list_of_one_kind_is_cast_without_a_call_for_each_item(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    array: Any = TYPES[name]
    expected = array.cast(COLLECTIONS[kind])

    def cast(_self: object, value: object) -> Ok[Any]:
        raise AssertionError(f"{value!r} was cast by itself")

    monkeypatch.setattr(array.element.__class__, "cast", cast)
    assert array.cast(COLLECTIONS[kind]) == expected


def test_one_wrong_item_costs_the_casts_of_its_neighbours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    array: Any = TYPES["array"]
    plain, calls = array.element.__class__.cast, list[object]()

    def cast(self: Any, value: object) -> Any:
        calls.append(value)
        return plain(self, value)

    monkeypatch.setattr(array.element.__class__, "cast", cast)
    assert array.cast([1] * 30_000 + ["+1"] * 100 + ["x"]) == Err("is invalid", {"source": [30_100]})
    assert len(calls) == 101
