"""While many structs are made at once the garbage collector waits, and is what it was afterwards."""

import gc
import threading
from collections.abc import Iterator

import pytest

from ectype.query.ast import ValueRow
from ectype.repo.collector import uncollected
from ectype.repo.loader import MANY_ROWS, build
from ectype.sql.statement import Column


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()


def seen_while_loading(count: int) -> bool:
    seen: list[bool] = []
    column = Column(lambda value: seen.append(gc.isenabled()) or value, nullable=False, name="x")
    build((column,), ValueRow(0))([(1,)] * count)
    return seen[0]


def test_the_collector_waits_for_many_rows_only():
    assert seen_while_loading(MANY_ROWS - 1)
    assert not seen_while_loading(MANY_ROWS)
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    assert not seen_while_loading(MANY_ROWS)
    assert not gc.isenabled()


def test_an_error_lets_the_collector_go_on():
    with pytest.raises(ZeroDivisionError):
        uncollected(lambda value: value / 0, 1)
    assert gc.isenabled()


def test_of_several_threads_the_last_one_lets_the_collector_go_on():
    inside, leave = threading.Event(), threading.Event()

    def wait(_argument: None) -> None:
        inside.set()
        leave.wait(5)

    other = threading.Thread(target=uncollected, args=(wait, None))
    other.start()
    inside.wait(5)
    uncollected(lambda _argument: None, None)
    assert not gc.isenabled()
    leave.set()
    other.join(5)
    assert gc.isenabled()
