"""The type of a value inside a JSON document: of any kind, and None for JSON's null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ectype.types.base import Codec, Target, Type
from ectype.types.documents import decode, encode


def _load_first(text: Any) -> Any:
    return decode(text)[0]


@dataclass(frozen=True, slots=True)
class JsonValue(Type[Any]):
    """What a path into a document leads to. It is selected and compared, and never a column.

    SQLite gives it as the first element of a JSON array: by itself it would be a number or a text without its kind.
    """

    @property
    def name(self) -> str:
        """The word for this type."""
        return "json"

    @property
    def python(self) -> Any:
        """`Any`."""
        return Any

    def codec(self, target: Target) -> Codec:
        """Return how the value is compared and read."""
        if target == "postgres":
            return Codec("jsonb", lambda value: encode(value, target), decode)
        return Codec("TEXT", lambda value: encode(value, target), _load_first)


JSON_VALUE = JsonValue()
