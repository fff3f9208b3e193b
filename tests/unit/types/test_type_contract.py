from collections.abc import Callable

import pytest

from ectype.types.base import Type


@pytest.mark.parametrize(
    "ask",
    [
        lambda type_: type_.name,
        lambda type_: type_.python,
        lambda type_: type_.cast(1),
        lambda type_: type_.codec("sqlite"),
    ],
)
def test_a_type_that_leaves_something_out_is_named(ask: Callable[[Type[int]], object]) -> None:
    class Unfinished(Type[int]):
        __slots__ = ()

    with pytest.raises(NotImplementedError, match="Unfinished"):
        ask(Unfinished())


def test_a_type_compares_as_python_does_when_it_says_nothing_else() -> None:
    assert Type[int]().equal(1, 1)
    assert not Type[int]().equal(1, 2)
    assert not Type[int]().mutable
