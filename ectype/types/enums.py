"""The members of enums: text, whole numbers, or an enum type of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from ectype.errors import SchemaError
from ectype.result import Err, Ok
from ectype.types.at_once import AtOnce, known
from ectype.types.base import Codec, Target
from ectype.types.numeric import INT64_MAX, INT64_MIN
from ectype.types.refusals import refused, shown, unreadable
from ectype.types.scalars import Scalar, text_fault

E = TypeVar("E", bound=Enum)

_MAX_LABEL: Final = 63
"""Bytes of a label, and of a name: https://www.postgresql.org/docs/current/datatype-enum.html."""


@dataclass(frozen=True, slots=True)
class EnumType(Scalar[E], Generic[E]):
    """The members of an enum, stored by their values: `text`, TEXT; `bigint`, INTEGER where they are whole numbers.

    The names of members are stored nowhere, so they may change. The values are all str or all int.

    Raises:
        SchemaError: the class is no enum of such values, or it is a Flag.

    >>> class Role(Enum):
    ...     ADMIN = "admin"
    >>> EnumType(Role).cast("admin")
    Ok(<Role.ADMIN: 'admin'>)
    """

    enum: type[E]
    by_text: Mapping[str, E] = field(init=False, repr=False, compare=False)
    """The members by the text of their values."""

    word: ClassVar = "enum"

    def __post_init__(self) -> None:
        enum = cast("object", self.enum)
        if not isinstance(enum, type) or not issubclass(enum, Enum):
            raise SchemaError(f"EnumType needs an enum class, got {enum!r}")
        _check_members(enum)
        members = MappingProxyType({str(member.value): member for member in enum})
        object.__setattr__(self, "by_text", members)

    @property
    def python(self) -> Any:
        """The enum class."""
        return self.enum

    def cast(self, value: object) -> Ok[E] | Err:
        """Take a member, its value, or the text of its value; never its name."""
        if value.__class__ is self.enum:
            return Ok(cast("E", value))
        known = self.by_text
        if isinstance(value, str):
            found = known.get(value)
        elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 256:
            found = known.get(str(int(value)))
            found = found if found is None or found.value.__class__ is int else None
        else:
            found = None
        if found is None:
            return Err("is invalid", {"validation": "inclusion", "enum": [member.value for member in self.enum]})
        return Ok(found)

    def usual(self) -> Callable[[Any], E | None] | None:
        """Return what gives the member of a text at once."""
        get = self._quick()

        def member_of(value: Any) -> E | None:
            return get(value) if value.__class__ is str else None

        return member_of if get is not None else None

    def usual_list(self) -> AtOnce | None:
        """Return what gives the members of many texts at once."""
        get = self._quick()
        return None if get is None else lambda values: known(values, get)

    def _quick(self) -> Any:
        if self.__class__.cast is not EnumType[E].cast:
            return None
        # Blank text may be an empty value, although it is a member's.
        return {text: member for text, member in self.by_text.items() if text.strip()}.get

    def codec(self, target: Target) -> Codec:
        """Return how the members are stored."""
        enum, members = self.enum, MappingProxyType({member.value: member for member in self.enum})
        values = ", ".join(self.by_text)

        def dump(value: Any) -> Any:
            if value.__class__ is not enum:
                raise refused(value, f"a member of {enum.__name__}", hint=f"write {enum.__name__}({shown(value)})")
            return value._value_

        def load(stored: Any) -> E:
            try:
                return members[stored]
            except (KeyError, TypeError):
                raise unreadable(stored, f"a value of {enum.__name__}", hint=f"its values are {values}") from None

        column = self._column(target)
        return Codec(column, dump, load, inline="{members}[{v}]", names={"members": members})

    def _column(self, target: Target) -> str:
        whole = any(member.value.__class__ is int for member in self.enum)
        if target == "postgres":
            return "bigint" if whole else "text"
        return "INTEGER" if whole else "TEXT"


@dataclass(frozen=True, slots=True)
class NativeEnum(EnumType[E], Generic[E]):
    """The members of an enum as an enum type of PostgreSQL; SQLite stores their text. Made by `pg_enum`.

    PostgreSQL orders them as its type lists them and SQLite by their letters, so only the first may order them.

    Attributes:
        type_name: the type's name.
        schema: the PostgreSQL schema it stands in, None for the search path.

    Raises:
        SchemaError: also where a value or the name is no label of PostgreSQL.
    """

    type_name: str = ""
    schema: str | None = None

    def __post_init__(self) -> None:
        # `super()` does not reach through the class that `slots=True` makes anew.
        cast("Any", EnumType).__post_init__(self)
        for word in (self.type_name, *([] if self.schema is None else [self.schema])):
            _check_name(word)
        for member in self.enum:
            if member.value.__class__ is not str or len(member.value.encode()) > _MAX_LABEL:
                raise SchemaError(
                    f"{member!r} cannot be in an enum type of PostgreSQL, whose labels are text of at most "
                    f"{_MAX_LABEL} bytes",
                    hint=f"leave `type=` out: {self.enum.__name__} is then stored by its values",
                )

    def codec(self, target: Target) -> Codec:
        """Return how the members are stored."""
        codec = EnumType[E].codec(self, target)
        compares: Any = "order" if target == "postgres" else "equality"
        return Codec(self._column(target), codec.dump, codec.load, None, None, codec.inline, codec.names, compares)

    def _column(self, target: Target) -> str:
        if target == "sqlite":
            return "TEXT"
        words = [self.type_name] if self.schema is None else [self.schema, self.type_name]
        return ".".join('"' + word.replace('"', '""') + '"' for word in words)


def pg_enum(enum: type[E], *, name: str, schema: str | None = None) -> NativeEnum[E]:
    """Return the type of members that PostgreSQL keeps in an enum type of its own, for `field(type=…)`.

    The type is made by a migration: `CREATE TYPE role AS ENUM ('admin', 'member')`. SQLite stores text.

    Args:
        enum: the enum; its values are the labels.
        name: the name of the PostgreSQL type.
        schema: the PostgreSQL schema that it stands in, where that is not in the search path.

    Raises:
        SchemaError: a value or a name that PostgreSQL does not take.

    >>> class Role(Enum):
    ...     ADMIN = "admin"
    >>> pg_enum(Role, name="role").codec("postgres").column
    '"role"'
    """
    return NativeEnum(enum, name, schema)


def _check_name(word: Any) -> None:
    if not isinstance(word, str) or not word or "\0" in word or len(word.encode(errors="replace")) > _MAX_LABEL:
        raise SchemaError(
            f"{word!r:.80} cannot name an enum type of PostgreSQL", hint='give it one: pg_enum(Role, name="role")'
        )


def _check_members(enum: type[Enum]) -> None:
    values = [member.value for member in enum]
    kinds = {value.__class__ for value in values}
    if issubclass(enum, Flag) or kinds not in ({str}, {int}):
        raise SchemaError(
            f"the enum {enum.__name__} cannot be stored: its values are not all str, nor all int",
            hint=f'give each member a text: class {enum.__name__}(StrEnum): FIRST = "first"',
        )
    for value in values:
        if isinstance(value, str) and text_fault(value) is not None:
            raise SchemaError(f"the enum {enum.__name__} cannot be stored: the value {value!r} {text_fault(value)}")
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            raise SchemaError(f"the enum {enum.__name__} cannot be stored: {shown(value)} has more than 64 bits")
