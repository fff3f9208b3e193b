"""Where a page ends, as text that a client may hold: signed, so that nobody makes one up, and readable by one order.

A cursor is base64 of its version, a fingerprint of the query and its order, whether it includes the row itself, the
values of the order's keys as JSON, and an HMAC-SHA256 over all of it. It is signed, not encrypted: whoever holds one
can read the values, which are those of a row that was given out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias, cast
from uuid import UUID

from ectype.errors import CastError, ConfigError, CursorError, QueryError
from ectype.types.base import Type
from ectype.types.enums import EnumType

Secret: TypeAlias = str | bytes | tuple[str | bytes, ...]
"""What signs cursors; of several the first one signs, and all are accepted, so that a secret can be changed."""

VERSION: Final = 1
FINGERPRINT_BYTES: Final = 12
MAC_BYTES: Final = 32
MAX_LENGTH: Final = 4_096
"""Characters of a cursor: it travels in URLs."""
MIN_SECRET_BYTES: Final = 16
_CONTEXT: Final = b"ectype page cursor\0"
_HEAD: Final = 1 + FINGERPRINT_BYTES + 1


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an order.

    Attributes:
        values: the keys of the row that it is at.
        inclusive: whether the row itself belongs to the page on either side.
    """

    values: tuple[Any, ...]
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """What one value of a cursor may be.

    Attributes:
        type: the key's type; None where only the value's class tells.
        nullable: whether it may be None.
    """

    type: Type[Any] | None
    nullable: bool


def keys_of(secret: object) -> tuple[bytes, ...]:
    """Return the bytes of a secret, or of each of several. Raises ConfigError for one that is too short."""
    listed = cast("tuple[object, ...]", secret) if isinstance(secret, tuple) else (secret,)
    keys = [one.encode() if isinstance(one, str) else one for one in listed]
    if not keys or any(not isinstance(key, bytes) or len(key) < MIN_SECRET_BYTES for key in keys):
        raise ConfigError(
            f"`secret` signs the cursors of pages, and has at least {MIN_SECRET_BYTES} bytes",
            hint="make one with `secrets.token_urlsafe(32)`, and read it from the program's configuration",
        )
    return tuple(cast("list[bytes]", keys))


def sign(position: Position, fingerprint: bytes, key: bytes) -> str:
    """Return the cursor of a position.

    Raises:
        QueryError: for values of a class that a cursor cannot hold, or that are too long for one.
    """
    values = json.dumps([_written(value) for value in position.values], separators=(",", ":"), ensure_ascii=False)
    body = bytes([VERSION]) + fingerprint + bytes([position.inclusive]) + values.encode()
    text = urlsafe_b64encode(body + _mac(body, key)).rstrip(b"=").decode()
    if len(text) > MAX_LENGTH:
        raise QueryError(
            f"a row is ordered by values of {len(values)} characters, too many for a cursor",
            hint="order pages by shorter columns",
        )
    return text


def read(text: object, fingerprint: bytes, slots: Sequence[Slot], keys: tuple[bytes, ...]) -> Position:
    """Return the position of a cursor.

    Raises:
        CursorError: when it is none, was changed, or belongs to another version, query or order.
    """
    body = _checked(_decoded(text), keys)
    if body[0] != VERSION:
        raise CursorError("the cursor is of another version", hint="start from the first page")
    if body[1 : 1 + FINGERPRINT_BYTES] != fingerprint:
        raise CursorError(
            "the cursor belongs to another query or order",
            hint="start from the first page when a filter or order changes",
        )
    values: list[Any] = json.loads(body[_HEAD:])
    return Position(
        tuple([_read(value, slot) for value, slot in zip(values, slots, strict=True)]), bool(body[_HEAD - 1])
    )


def _decoded(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > MAX_LENGTH or not text.isascii():
        _refuse()
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        _refuse()
    # Python skips what is not of the alphabet, so that one cursor could be written in many ways.
    if len(raw) < _HEAD + MAC_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        _refuse()
    return raw


def _checked(raw: bytes, keys: tuple[bytes, ...]) -> bytes:
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if not any([hmac.compare_digest(mac, _mac(body, key)) for key in keys]):  # noqa: C419  # all, in equal time
        _refuse()
    return body


def _refuse() -> NoReturn:
    raise CursorError(
        "this is no cursor of ours, or it was changed", hint="pass on `page.next` or `page.previous` as it is"
    )


def _mac(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _CONTEXT + body, "sha256")


def fingerprint_of(text: str) -> bytes:
    """Return the fingerprint of a description."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:FINGERPRINT_BYTES]


# --- values -----------------------------------------------------------------------------------------------------------

_PLAIN: Final = (bool, int, str)
_WRITE: Final[Mapping[type, tuple[str, Callable[[Any], str]]]] = {
    float: ("f", float.hex),
    Decimal: ("n", str),
    datetime: ("t", datetime.isoformat),
    date: ("d", date.isoformat),
    time: ("c", time.isoformat),
    UUID: ("u", str),
    bytes: ("b", bytes.hex),
    timedelta: ("s", lambda value: f"{value.days} {value.seconds} {value.microseconds}"),
}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "f": float.fromhex,
    "n": Decimal,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "c": time.fromisoformat,
    "u": UUID,
    "b": bytes.fromhex,
    "s": lambda text: timedelta(*map(int, text.split(" "))),
}


def is_held(python: object) -> bool:
    """Whether a cursor can hold the values of a class; those of enums it can, too."""
    return isinstance(python, type) and (python in _PLAIN or python in _WRITE)


def _written(value: Any) -> Any:
    """Return a value as JSON: most classes as a letter for the class and a text."""
    if value is None or value.__class__ in _PLAIN:
        return value
    if isinstance(value, Enum):
        return ["e", str(value.value)]
    # A driver has subclasses of its own, as for UUIDs.
    known = next((_WRITE[one] for one in value.__class__.__mro__ if one in _WRITE), None)
    if known is None:
        raise QueryError(
            f"a cursor cannot hold a {value.__class__.__name__}",
            hint="order pages by numbers, text, dates, times, UUIDs or enums",
        )
    letter, write = known
    return [letter, write(value)]


def _read(value: Any, slot: Slot) -> Any:
    """Return the value of a slot. Its MAC is right by now, so what does not fit was written by another program."""
    if value is None:
        if not slot.nullable:
            _mismatch()
        return None
    try:
        made = _made(value, slot.type)
        if slot.type is not None:
            slot.type.codec("postgres").dump(made)
    except (ValueError, LookupError, TypeError, ArithmeticError, CastError) as exc:
        raise CursorError("the cursor holds another value than the order has") from exc
    return made


def _made(value: Any, type_: Type[Any] | None) -> Any:
    if not isinstance(value, list):
        return value
    letter, text = cast("list[str]", value)
    if letter == "e":
        return type_.by_text[text] if isinstance(type_, EnumType) else text
    return _READ[letter](text)


def _mismatch() -> NoReturn:
    raise CursorError("the cursor holds another value than the order has")
