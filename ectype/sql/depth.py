"""How deep an expression may be: as deep as Python lets the compiler go, and then it is refused by our own error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ectype.errors import TOO_DEEP_HINT, QueryError

P = ParamSpec("P")
R = TypeVar("R")


def depth_told(compile_: Callable[P, R]) -> Callable[P, R]:
    """Let a compiler raise QueryError where an expression is nested deeper than it can go."""

    @wraps(compile_)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return compile_(*args, **kwargs)
        except RecursionError:
            # Without its cause: that is a thousand lines of one call inside another.
            raise QueryError(
                "this query, or an expression in it, is nested too deep to become SQL",
                hint=TOO_DEEP_HINT,
            ) from None

    return told
