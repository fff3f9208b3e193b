"""How many arguments a function cannot do without: the code says the same as `inspect`."""

from functools import partial, wraps
from inspect import Parameter, signature
from typing import Any

import pytest

from ectype.schema.arguments import required_arguments


class Made:
    """Functions of every kind."""

    def method(self, one: object, two: object = None) -> None: ...

    @classmethod
    def of_class(cls, one: object) -> None: ...

    @staticmethod
    def static(one: object, two: object, /) -> None: ...

    def any_number(*these: object) -> None: ...

    def all_optional(self: Any = None, one: object = None) -> None: ...

    def __call__(self, one: object, two: object, three: object) -> None: ...


def decorated(one: object, two: object) -> None: ...


@wraps(decorated)
def outer(*args: object, **options: object) -> None: ...


def marked(one: object) -> None: ...


marked.mark = "kept"  # type: ignore[attr-defined]


async def coroutine(tx: object) -> None: ...


def keyword_only(one: object, *, two: object) -> None: ...


FUNCTIONS: dict[str, Any] = {
    "nothing": lambda: None,
    "one": lambda one: None,
    "with a default": lambda one, two=2: None,
    "any number": lambda *these, **named: None,
    "positional only": lambda one, two, /: None,
    "keyword only": keyword_only,
    "coroutine": coroutine,
    "method": Made().method,
    "method not bound": Made.method,
    "class method": Made.of_class,
    "static method": Made.static,
    "method of any number": Made().any_number,
    "method that is all optional": Made().all_optional,
    "object that can be called": Made(),
    "decorated": outer,
    "with an attribute": marked,
    "partial": partial(decorated, 1),
    "method of a built-in": [].append,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_the_arguments_without_a_default_are_counted_as_inspect_does(kind: str):
    function = FUNCTIONS[kind]
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    told = [one for one in signature(function).parameters.values() if one.default is Parameter.empty]
    assert required_arguments(function) == sum(one.kind in positional for one in told)


@pytest.mark.parametrize("unknown", [0, 1])
def test_of_a_function_that_nobody_knows_the_caller_says_what_it_takes(unknown: int):
    assert required_arguments(dict.fromkeys, unknown=unknown) == len(
        [one for one in signature(dict.fromkeys).parameters.values() if one.default is Parameter.empty]
    )
    assert required_arguments(max, unknown=unknown) == unknown
