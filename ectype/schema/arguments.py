"""How many arguments a function of the user's cannot do without: some are told more than others."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from types import FunctionType, MethodType
from typing import Any, Final

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def required_arguments(function: Callable[..., object], *, unknown: int = 1) -> int:
    """Return how many positional arguments a function cannot do without; `unknown` where nobody knows.

    A function that says nothing else of itself, as a decorated one may, is asked for its code: `inspect` takes a
    hundred times as long, which is half of a small transaction.

    >>> required_arguments(lambda changeset, key, error="": None)
    2
    """
    plain: Any = function
    bound = 0
    if plain.__class__ is MethodType:
        plain, bound = plain.__func__, 1
    if plain.__class__ is FunctionType and not plain.__dict__:
        return max(0, plain.__code__.co_argcount - bound - len(plain.__defaults__ or ()))
    try:
        parameters = signature(function).parameters.values()
    except (ValueError, TypeError):
        return unknown
    return sum(one.kind in _POSITIONAL and one.default is Parameter.empty for one in parameters)
