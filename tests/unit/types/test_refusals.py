import pytest

from ectype.types.refusals import refused, shown, unreadable


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (10**5000, "a number of 16610 bits"),
        (True, "True"),
        (b"x" * 100_000, "b'xxxxxxx...xxxxxx'"),
        ("x" * 100_000, "'xxx...xxx'"),
        ([[[[[1]]]]], "[[[...]]]"),
    ],
    ids=range(6),
)
def test_a_value_is_shown_short(value: object, expected: str) -> None:
    text = shown(value)
    assert len(text) <= 64
    assert (text[:3], text[-2:]) == (expected[:3], expected[-2:])


def test_a_repr_that_raises_hides_no_error() -> None:
    assert "Rude" in shown(Rude())
    assert "Rude" in refused(Rude(), "a number").message


def test_a_refusal_says_what_it_wanted_got_and_the_fix() -> None:
    error = refused("x", "an integer", hint="convert it")
    assert str(error) == "expected an integer, got 'x' (str)\n\nhint: convert it"
    assert unreadable("x", "a date").message == "the database gave 'x' (str), which is not a date"
