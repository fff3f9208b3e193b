"""Payloads of channels and PubSub, and the JSON they become on the wire.

A payload that leaves is an object (a mapping with JSON values) or `bytes`. Beside JSON's own values it may hold
dates, times, UUIDs, Decimals and Enums, which are written as strings, as Phoenix's JSON library writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn, TypeAlias, cast
from uuid import UUID

from ectype.errors import EctypeError

Payload: TypeAlias = Mapping[str, Any]
"""A JSON object, as a client sent it or as it is sent to one."""

Outgoing: TypeAlias = Mapping[str, Any] | bytes
"""What may be sent: a JSON object, or bytes, which travel in a binary frame."""

_PLAIN = (str, int, float, bool, type(None))


class PayloadError(EctypeError):
    """A payload that cannot be sent: it is no object, or holds what JSON cannot say."""


def body_of(payload: Outgoing, *, topic: str, event: str) -> str | bytes:
    """Return the payload as JSON text, or the bytes as they are.

    Raises:
        PayloadError: the payload is neither an object nor bytes, or holds a value that JSON cannot say.

    >>> body_of({"body": "hi"}, topic="room:1", event="new_msg")
    '{"body":"hi"}'
    """
    if isinstance(payload, bytes):
        return payload
    check_object(payload, topic=topic, event=event)
    return encode_json(payload, topic=topic, event=event, payload=payload)


def check_object(payload: object, *, topic: str, event: str) -> None:
    """Refuse a payload that is no mapping: clients read fields from it.

    Raises:
        PayloadError: it is something else.
    """
    # A dict it is nearly always, and of that an abstract class asks the long way.
    if not isinstance(payload, (dict, Mapping)):
        raise PayloadError(
            f"the payload of {event!r} on {topic!r} must be an object or bytes, and is {type(payload).__name__}",
            hint=f'give it a name: {{"data": {_short(payload)}}}',
        )


def encode_json(value: object, *, topic: str, event: str, payload: object = None) -> str:
    """Return the value, a frame round a payload, as compact JSON that every receiver can read (no NaN, only UTF-8).

    Raises:
        PayloadError: the payload holds something that JSON cannot say; the message names the place.
    """
    try:
        text = _COMPACT.encode(value)
        return text if text.isascii() or _is_utf8(text) else _ESCAPED.encode(value)
    except (TypeError, ValueError, RecursionError) as exc:
        where = _culprit(payload, "payload") or str(exc)
        raise PayloadError(
            f"the payload of {event!r} on {topic!r} cannot be sent as JSON: {where}",
            hint="send strings, numbers, booleans, None, lists, dicts, dates, UUIDs, Decimals and Enums; of a struct "
            'pick the fields: {"id": post.id, "title": post.title}',
        ) from exc


def decode_json(text: str) -> object:
    """Return the value that the JSON text says; NaN and Infinity are refused, since JSON has none.

    Raises:
        ValueError: the text is not JSON, or nests deeper than the interpreter can read.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _default(value: object) -> object:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case Enum():
            return value.value
        case Mapping():
            return dict(cast("Mapping[Any, Any]", value))
        case _:
            raise TypeError(type(value).__name__)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Lone surrogates can come in as escapes and cannot go out as UTF-8: such a text is escaped again.
_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default)
_ESCAPED = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_default)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _culprit(value: object, path: str, depth: int = 0) -> str | None:
    if depth > 20:
        return f"{path} is nested too deeply, or holds itself"
    if isinstance(value, float) and not _finite(value):
        return f"{path} is {value}, which JSON does not have"
    if isinstance(value, _PLAIN):
        return None
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, _PLAIN):
                return f"{path} has a key of type {type(key).__name__}"
            if found := _culprit(item, f"{path}[{key!r}]", depth + 1):
                return found
        return None
    if isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[object]", value)):
            if found := _culprit(item, f"{path}[{index}]", depth + 1):
                return found
        return None
    try:
        inner = _default(value)
    except TypeError:
        return f"{path} is of type {type(value).__name__}"
    return _culprit(inner, path, depth + 1)


def _finite(value: float) -> bool:
    return value - value == 0


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else "…"
