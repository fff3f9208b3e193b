"""The types of text with rules of its own: text whose case does not count, and ULIDs."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from ectype.result import Err, Ok
from ectype.types.at_once import texts
from ectype.types.base import Codec, JsonForm
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import CAST_FIRST, STRING, Scalar, usual_text

_TEXT: Final = STRING.codec("postgres").dump


class CIText(Scalar[str]):
    """Text that the database compares without its case: `citext`, TEXT COLLATE NOCASE. Written `field(type=CIText)`.

    PostgreSQL needs its extension: `CREATE EXTENSION citext`. SQLite ignores the case of the ASCII letters only.
    Another spelling is a change, so that `Ada` can become `ADA`.

    >>> CIText().cast("Ada"), CIText().equal("Ada", "ADA")
    (Ok('Ada'), False)
    """

    __slots__ = ()
    word: ClassVar = "citext"
    value_class: ClassVar = str
    codecs: ClassVar = {
        "postgres": Codec("citext", _TEXT),
        "sqlite": Codec("TEXT", _TEXT, ddl="TEXT COLLATE NOCASE"),
    }
    form: ClassVar = JsonForm({"type": "string"})
    quick: ClassVar = usual_text
    quick_list: ClassVar = texts

    def cast(self, value: object) -> Ok[str] | Err:
        """Take text, as `String` does."""
        return STRING.cast(value)


# --- ULID -------------------------------------------------------------------------------------------------------------

_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_ULID_LENGTH: Final = 26


def _dump_ulid(value: Any) -> str:
    if isinstance(value, str) and len(value) == _ULID_LENGTH and _ULID.fullmatch(value):
        return str.__str__(value)
    raise refused(value, "a ULID of 26 upper-case characters", hint=CAST_FIRST)


def _load_ulid(value: Any) -> str:
    if isinstance(value, str) and len(value) == _ULID_LENGTH and _ULID.fullmatch(value):
        return value
    raise unreadable(value, "a ULID")


class ULID(Scalar[str]):
    """ULIDs (https://github.com/ulid/spec) as text, whose order is that of time: `text`, TEXT.

    As a key that is made at insert: `primary_key(type=ULID, autogenerate=ulid)`.

    >>> ULID().cast("01arz3ndektsv4rrffq69g5fav"), ULID().cast("81ARZ3NDEKTSV4RRFFQ69G5FAV")
    (Ok('01ARZ3NDEKTSV4RRFFQ69G5FAV'), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "ulid"
    value_class: ClassVar = str
    codecs: ClassVar = {
        "postgres": Codec("text", _dump_ulid, _load_ulid),
        "sqlite": Codec("TEXT", _dump_ulid, _load_ulid),
    }
    form: ClassVar = JsonForm({"type": "string", "pattern": f"^{_ULID.pattern}$"}, accepts={"type": "string"})

    def cast(self, value: object) -> Ok[str] | Err:
        """Take 26 characters in any case; never the letters I, L, O and U, nor a time beyond 48 bits."""
        if not isinstance(value, str) or len(value) != _ULID_LENGTH or not value.isascii():
            return Err()
        text = value.upper()
        return Ok(text) if _ULID.fullmatch(text) else Err()
