"""The plain types: booleans, text, bytes and UUIDs.

`cast` takes what Ecto takes (https://hexdocs.pm/ecto/Ecto.Type.html): ASCII text in a grammar of its own, measured
before it is converted, so that no input costs more than its length. `dump` takes values of the type only.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID, SafeUUID

from ectype.result import Err, Ok
from ectype.types.at_once import AtOnce, booleans, texts
from ectype.types.base import Codec, JsonForm, Many, Target, Type, plain
from ectype.types.columns import boolean_array, plain_booleans, plain_texts, text_array
from ectype.types.refusals import refused, unreadable

T = TypeVar("T")

CAST_FIRST: Final = "convert it first, or cast it through a changeset"
"""The hint for a value of a wrong class."""

_UUID_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_LENGTH: Final = 36
_BITS: Final = {0: False, 1: True}
_BOOLEAN_TEXT: Final = {"true": True, "1": True, "false": False, "0": False}


class Scalar(Type[T]):
    """A type whose values are one word of the database, so that a list of them can be an array."""

    __slots__ = ()

    word: ClassVar[str]
    """The type's name in errors and metadata."""
    value_class: ClassVar[Any]
    """The Python class of its values."""
    codecs: ClassVar[dict[Target, Codec]]
    """How the type is stored, where it has no parameters that change it."""
    form: ClassVar[JsonForm | None] = None
    """What JSON makes of its values, where it has no parameters that change it."""
    quick: ClassVar[Callable[[Any], Any] | None] = None
    """What `usual` returns for this class, and not for its subclasses."""
    quick_list: ClassVar[AtOnce | None] = None
    """What `usual_list` returns for this class, and not for its subclasses."""

    @property
    def name(self) -> str:
        """The word for this type in errors and metadata."""
        return self.word

    @property
    def python(self) -> Any:
        """The Python class of its values."""
        return self.value_class

    def codec(self, target: Target) -> Codec:
        """Return how the type is stored on one database."""
        return self.codecs[target]

    def usual(self) -> Callable[[Any], T | None] | None:
        """Return what casts the usual values at once, where the class says so beside its `cast`."""
        # The class's own, since a subclass may cast otherwise.
        return self.__class__.__dict__.get("quick")

    def usual_list(self) -> AtOnce | None:
        """Return what casts the items of a list at once, where the class says so beside its `cast`."""
        return self.__class__.__dict__.get("quick_list")

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the values."""
        return self.form

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__

    def __hash__(self) -> int:
        return hash(self.__class__)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"


def is_scalar(type_: Type[Any]) -> bool:
    """Whether values of a type are one word of the database; a type of the application's own is what it is stored as.

    >>> is_scalar(STRING)
    True
    """
    return isinstance(getattr(type_, "stores", type_), Scalar)


# --- Boolean ----------------------------------------------------------------------------------------------------------


@plain("{v} is True or {v} is False")
def _dump_boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise refused(value, "True or False", hint=CAST_FIRST)


def _dump_bit(value: Any) -> int:
    if value is True:
        return 1
    if value is False:
        return 0
    raise refused(value, "True or False", hint=CAST_FIRST)


def _load_bit(value: Any) -> bool:
    if value == 1:
        return True
    if value == 0:
        return False
    raise unreadable(value, "a boolean, stored as 0 or 1")


def _usual_boolean(value: Any) -> bool | None:
    if value.__class__ is str:
        return _BOOLEAN_TEXT.get(value)
    return value if value.__class__ is bool else None


class Boolean(Scalar[bool]):
    """True and False: `boolean`, INTEGER 1 and 0.

    >>> Boolean().cast("true"), Boolean().cast("yes")
    (Ok(True), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "boolean"
    value_class: ClassVar = bool
    codecs: ClassVar = {
        "postgres": Codec("boolean", _dump_boolean, many=Many(plain_booleans, boolean_array)),
        "sqlite": Codec("INTEGER", _dump_bit, _load_bit, inline="{bits}[{v}]", names={"bits": _BITS}),
    }
    form: ClassVar = JsonForm({"type": "boolean"})
    quick: ClassVar = _usual_boolean
    quick_list: ClassVar = booleans

    def cast(self, value: object) -> Ok[bool] | Err:
        """Take True, False, and the texts `true`, `false`, `1`, `0`; never the numbers 1 and 0."""
        if isinstance(value, bool):
            return Ok(value)
        found = _BOOLEAN_TEXT.get(value) if isinstance(value, str) else None
        return Err() if found is None else Ok(found)


# --- String -----------------------------------------------------------------------------------------------------------


def text_fault(value: str) -> str | None:
    """Say why no database of ours stores a text as it is; None where all do.

    PostgreSQL refuses NUL, SQLite cuts the text there for its functions; a lone surrogate is no UTF-8.
    """
    if "\0" in value:
        return "holds a NUL character"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds a lone surrogate"
    return None


@plain('{v}.__class__ is str and {v}.isascii() and "\\0" not in {v}')
def _dump_string(value: Any) -> str:
    if value.__class__ is str and value.isascii() and "\0" not in value:
        return value
    if not isinstance(value, str):
        raise refused(value, "a str", hint=CAST_FIRST)
    fault = text_fault(value)
    if fault is not None:
        raise refused(value, f"text, and this {fault}", hint="clean it first, or store bytes")
    return str.__str__(value)


def usual_text(value: Any) -> str | None:
    """Return printable ASCII text, for `usual`: text that does not begin with white space, and has no NUL."""
    return value if value.__class__ is str and value >= "!" and value.isascii() and "\0" not in value else None


class String(Scalar[str]):
    r"""Text of any length: `text`, TEXT.

    >>> String().cast("Ada"), String().cast(7), String().cast("a\0b")
    (Ok('Ada'), Err('is invalid'), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "string"
    value_class: ClassVar = str
    codecs: ClassVar = {
        "postgres": Codec("text", _dump_string, many=Many(plain_texts, text_array)),
        "sqlite": Codec("TEXT", _dump_string, many=Many(plain_texts)),
    }
    form: ClassVar = JsonForm({"type": "string"})
    quick: ClassVar = usual_text
    quick_list: ClassVar = texts

    def cast(self, value: object) -> Ok[str] | Err:
        """Take text without NUL characters and lone surrogates; never a number or bytes."""
        if not isinstance(value, str):
            return Err()
        if (not value.isascii() or "\0" in value) and text_fault(value) is not None:
            return Err()
        return Ok(str.__str__(value))


# --- Binary -----------------------------------------------------------------------------------------------------------


def _dump_binary(value: Any) -> bytes:
    if value.__class__ is bytes:
        return value
    if isinstance(value, bytes):
        return bytes(value)
    raise refused(value, "bytes", hint="write bytes(value), or text.encode()")


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


class Binary(Scalar[bytes]):
    r"""Bytes of any length: `bytea`, BLOB.

    >>> Binary().cast("é"), Binary().cast(7)
    (Ok(b'\xc3\xa9'), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "binary"
    value_class: ClassVar = bytes
    codecs: ClassVar = {"postgres": Codec("bytea", _dump_binary), "sqlite": Codec("BLOB", _dump_binary)}
    form: ClassVar = JsonForm({"type": "string", "contentEncoding": "base64"}, _base64, accepts={"type": "string"})

    def cast(self, value: object) -> Ok[bytes] | Err:
        """Take bytes, a bytearray, and text by its UTF-8 bytes, as Ecto does."""
        if isinstance(value, bytes | bytearray):
            return Ok(bytes(value))
        if not isinstance(value, str):
            return Err()
        try:
            return Ok(value.encode())
        except UnicodeEncodeError:
            return Err()


# --- Uuid -------------------------------------------------------------------------------------------------------------


def _dump_uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    raise refused(value, "a UUID", hint="write UUID(value), or cast it through a changeset")


def _dump_uuid_text(value: Any) -> str:
    return str(_dump_uuid(value))


_new: Final = object.__new__
# UUID refuses to be written to; its slots do not.
_set_number: Final = UUID.__dict__["int"].__set__
_set_safety: Final = UUID.__dict__["is_safe"].__set__


def _load_uuid(text: Any) -> UUID:
    # Twice as fast as UUID(text), which looks for braces and `urn:` that are never stored.
    try:
        if len(text) != _UUID_LENGTH:
            raise unreadable(text, "a UUID")
        number = int(text.replace("-", ""), 16)
    except (TypeError, ValueError, AttributeError):
        raise unreadable(text, "a UUID") from None
    value = _new(UUID)
    _set_number(value, number)
    _set_safety(value, SafeUUID.unknown)
    return value


def _usual_uuid(value: Any) -> UUID | None:
    return _load_uuid(value) if value.__class__ is str and _UUID_TEXT.fullmatch(value) else None


class Uuid(Scalar[UUID]):
    """UUIDs: `uuid`, TEXT in lower-case canonical form.

    >>> Uuid().cast("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
    Ok(UUID('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'))
    """

    __slots__ = ()
    word: ClassVar = "uuid"
    value_class: ClassVar = UUID
    codecs: ClassVar = {
        "postgres": Codec("uuid", _dump_uuid),
        "sqlite": Codec("TEXT", _dump_uuid_text, _load_uuid),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "uuid"}, str)
    quick: ClassVar = _usual_uuid

    def cast(self, value: object) -> Ok[UUID] | Err:
        """Take a UUID, canonical text in any case, or 16 bytes; never braces, `urn:` or text without hyphens."""
        if isinstance(value, UUID):
            return Ok(value)
        if isinstance(value, bytes) and len(value) == 16:
            return Ok(UUID(bytes=value))
        if isinstance(value, str) and len(value) == _UUID_LENGTH and _UUID_TEXT.fullmatch(value):
            return Ok(_load_uuid(value))
        return Err()


BOOLEAN: Final = Boolean()
STRING: Final = String()
BINARY: Final = Binary()
UUID_TYPE: Final = Uuid()
