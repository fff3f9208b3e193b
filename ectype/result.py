"""Expected outcomes as values: `Ok` holds what was made, `Err` says why nothing was."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar, cast, final

T_co = TypeVar("T_co", covariant=True)


@final
class Ok(Generic[T_co]):
    """What was asked for was made; `match` gives it.

    >>> match Ok(3):
    ...     case Ok(value):
    ...         value
    3
    """

    __slots__ = ("value",)
    __match_args__ = ("value",)

    def __init__(self, value: T_co) -> None:
        # A plain slot that checkers hold final: a cast makes one of these for each value.
        self.value: Final = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ok) and bool(self.value == cast("Ok[Any]", other).value)

    def __hash__(self) -> int:
        return hash((Ok, self.value))

    def __repr__(self) -> str:
        return f"Ok({self.value!r})"


@final
class Err:
    """Why a value could not be cast: Ecto's message, and metadata for translation.

    >>> Err("is invalid", {"type": "integer"})
    Err('is invalid', {'type': 'integer'})
    """

    __slots__ = ("message", "meta")
    __match_args__ = ("message", "meta")
    message: Final[str]
    meta: Final[dict[str, Any]]

    def __init__(self, message: str = "is invalid", meta: dict[str, Any] | None = None) -> None:
        self.message = message
        self.meta = {} if meta is None else meta

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Err) and (self.message, self.meta) == (other.message, other.meta)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Err({self.message!r}, {self.meta!r})" if self.meta else f"Err({self.message!r})"
