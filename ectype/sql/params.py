"""How parameters are dumped: by the type of what they are compared with, by their own class, as one list."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from typing import Any, Final, TypeAlias, cast

from ectype.errors import CastError
from ectype.schema.embed_type import EmbedError
from ectype.types.base import Codec, Target
from ectype.types.values import type_of_value

Dumper: TypeAlias = Callable[[Any], Any]


_SENT_AS: Final = "sent_as"


def dumper_of(codec: Codec) -> Dumper:
    """Return how values of a type are sent; where they travel as another type, the statement casts them back."""
    dump = codec.dump
    if codec.sent_as is None:
        return dump

    def dump_as(value: Any) -> Any:
        return dump(value)

    setattr(dump_as, _SENT_AS, f"::{codec.sent_as}::{codec.column}")
    return dump_as


def cast_of(dump: Dumper) -> str:
    """Return what stands behind the mark of a parameter: `::text::interval`, nothing for most."""
    return getattr(dump, _SENT_AS, "")


def alike(dump: Dumper, made: Dumper) -> Dumper:
    """Return a dumper that stands around another one, whose values travel as those of the other do."""
    found = cast_of(dump)
    if found:
        setattr(made, _SENT_AS, found)
    return made


@cache
def by_class(target: Target) -> Dumper:
    """Return the dumper for values whose type nothing but their class tells."""

    def dump(value: Any) -> Any:
        if isinstance(value, Enum):
            value = value.value
        return type_of_value(value).codec(target).dump(value)

    return dump


def element_list(target: Target, dump: Dumper) -> Dumper:
    """Return the dumper for a list of values: an array on PostgreSQL, JSON text for SQLite's `json_each`."""

    def dump_list(values: Any) -> Any:
        return [dump(value) for value in values]

    def dump_text(values: Any) -> Any:
        dumped = [dump(value) for value in values]
        for value in dumped:
            if isinstance(value, bytes):
                raise CastError(
                    "a list of bytes cannot be a parameter on SQLite",
                    hint="compare one by one: `or_(*(File.digest == digest for digest in digests))`",
                )
        return json.dumps(dumped)

    if target != "postgres":
        return cast("Dumper", dump_text)
    found = cast_of(dump)
    if found:
        setattr(dump_list, _SENT_AS, f"{found.replace('::', '[]::').removeprefix('[]')}[]")
    return cast("Dumper", dump_list)


def hidden(dump: Dumper, place: str) -> Dumper:
    """Return a dumper whose refusal names the place, never the value: what a redacted column is given."""

    def dump_hidden(value: Any) -> Any:
        try:
            return dump(value)
        except EmbedError:
            # It says where and why, and leaves out itself what is redacted in the document.
            raise
        except CastError as exc:
            # Neither the text nor the cause of the refusal may travel on: both show the value. Its notes are places.
            refusal = CastError(
                f"a {value.__class__.__name__} that does not fit its column, not shown since it is redacted",
                hint="convert it first, or cast it through a changeset",
            )
            for note in getattr(exc, "__notes__", None) or [place]:
                refusal.add_note(note)
            raise refusal from None

    return alike(dump, dump_hidden)


def travels_as(codec: Codec) -> str:
    """Return the type as which a column's values travel in one array: `unnest` flattens arrays of arrays."""
    return "text" if codec.column.endswith("[]") else codec.sent_as or codec.column


def array_literal(items: Sequence[Any]) -> str:
    r"""Return a one-dimensional PostgreSQL array as text.

    The grammar is that of https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO

    >>> print(array_literal([1, None, 'a"b']))
    {"1",NULL,"a\"b"}
    """
    parts: list[str] = []
    for item in items:
        if item is None:
            parts.append("NULL")
            continue
        text = f"\\x{item.hex()}" if isinstance(item, bytes) else str(item)
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'"{escaped}"')
    return "{" + ",".join(parts) + "}"
