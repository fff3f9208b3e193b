"""One reason why a field was refused: a message with gaps, and the metadata that fills them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, final

from ectype.errors import FrozenError

_GAP: Final = re.compile(r"%\{(\w+)\}")


@final
class Error:
    """Why a field was refused, in Ecto's words, so that its translations fit.

    Attributes:
        message: the text with its gaps, as `should be at least %{count} character(s)`: the key of a translation.
        meta: what fills the gaps, and what refused it, as `{"count": 3, "validation": "length", "kind": "min"}`.

    >>> error = Error("should be at least %{count} character(s)", count=3, validation="length", kind="min")
    >>> str(error), error.meta["kind"]
    ('should be at least 3 character(s)', 'min')
    """

    __slots__ = ("message", "meta")
    __match_args__ = ("message", "meta")

    message: str
    meta: Mapping[str, Any]

    def __init__(self, message: str, /, **meta: Any) -> None:
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "meta", MappingProxyType(meta))

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenError(f"an Error is frozen: `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise FrozenError(f"an Error is frozen: `{name}` cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Error) and (self.message, self.meta) == (other.message, other.meta)

    def __hash__(self) -> int:
        return hash(self.message)

    def __str__(self) -> str:
        """The message with its gaps filled; a gap that the metadata does not know stays as it is."""
        return _GAP.sub(lambda gap: str(self.meta.get(gap[1], gap[0])), self.message)

    def __repr__(self) -> str:
        known = "".join(f", {key}={value!r}" for key, value in self.meta.items())
        return f"Error({self.message!r}{known})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.message, dict(self.meta))


FieldError: TypeAlias = tuple[str, Error]
"""A key, mostly a field's name, and why it was refused."""

Message: TypeAlias = str | Error
"""What `message=` takes: a text, or an `Error` whose metadata is kept beside that of the validation."""


def _made(message: str, meta: dict[str, Any]) -> Error:
    return Error(message, **meta)


def refusal(default: str, message: Message | None, **meta: Any) -> Error:
    """Return the error of a validation: its own message, or the one the caller gave, with the metadata of both."""
    if isinstance(message, Error):
        return Error(message.message, **{**meta, **message.meta})
    return Error(default if message is None else message, **meta)
