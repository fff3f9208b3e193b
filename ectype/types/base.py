"""What a field type is: how a value is cast from the outside, and how it is stored on each database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Literal, TypeAlias, TypeVar

from ectype.errors import SchemaError
from ectype.result import Err, Ok
from ectype.types.columns import ColumnValues

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Target: TypeAlias = Literal["postgres", "sqlite"]
"""The storage formats that exist. A dialect says which one it writes; nothing else asks for its name."""

TARGETS: Final[tuple[Target, ...]] = ("postgres", "sqlite")


@dataclass(frozen=True, slots=True)
class Many:
    """How a column of values is dumped, in a few passes of C. Each gives None, and never raises, where it cannot.

    Attributes:
        dump: what `Codec.dump` makes of the values; None stays None.
        literal: the same as the text of an array of PostgreSQL, where the server reads that sooner than the driver
            makes an array of them. asyncpg asks of each item whether it is an array itself, so that a thousand ints
            or texts of 20 characters take it two or three times as long, and a thousand Decimals seven times; with
            texts of more than about 60 characters, and with floats and moments, it is the other way round.
    """

    dump: Callable[[ColumnValues], Sequence[Any] | None]
    literal: Callable[[ColumnValues], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Codec:
    """How one type is stored on one database.

    Attributes:
        column: the column's type in DDL, as `bigint` or `TEXT`.
        dump: from the Python value to what the driver is given. It is strict: what is not exactly a value of the
            type, or would be changed by storing it, raises `CastError`. It is never given None.
        load: from the driver's value to the Python value; None where the driver's value is already right. It is
            never given None. A plain function of one argument, since loaders call it once a value.
        text_load: from the text that `column::text` gives (of a moment, `column::timestamptz::text`), where that is
            faster than the driver's own decoding (PostgreSQL dates and times); None where the type is never selected
            as text. It may raise ValueError for a text that only `text_load_slow` understands.
        text_load_slow: from that same text, for what `text_load` refused: `infinity`, years before Christ and after
            9999. None where `text_load` says the last word.
        inline: what `load` does, as a Python expression over `{v}` and the `names`, for loaders that are written as
            text and would pay for a call. It may raise ValueError, TypeError or KeyError where `load` says more.
        names: what `inline` mentions, by the name in its braces.
        compares: what SQL may do with stored values so that it means what it means in Python and on the other
            database: compare their `order`, their `equality` only, or `nothing`.
        sent_as: the type as which a parameter travels, where the driver cannot send the column's own; it is cast in
            the statement, as `$1::text::interval`.
        ddl: the column's type in DDL where more than `column` belongs there, as a collation.
        many: how a column of values is dumped at once; None where they are dumped one by one.
    """

    column: str
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any] | None = None
    text_load: Callable[[str], Any] | None = None
    text_load_slow: Callable[[str], Any] | None = None
    inline: str | None = None
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])
    compares: Literal["order", "equality", "nothing"] = "order"
    sent_as: str | None = None
    ddl: str | None = None
    many: Many | None = None


D = TypeVar("D", bound=Callable[[Any], Any])
_PLAIN: Final = "plain"


Plain: TypeAlias = tuple[str, Mapping[str, Any]]
"""Which values are sent as they are, so that statements written as text need not call their `dump`: a Python expression
over `{v}` and some names, and what these are. A name means the same in all of them."""


def plain(condition: str, **names: object) -> Callable[[D], D]:
    """Mark a `dump` that returns its very value where a condition holds; see `Plain`."""

    def mark(dump: D) -> D:
        setattr(dump, _PLAIN, (condition, names))
        return dump

    return mark


def plain_of(dump: Callable[[Any], Any]) -> Plain | None:
    """Return which values a `dump` was marked to return as they are; None where it is to be called."""
    return getattr(dump, _PLAIN, None)


def plain_as(dump: Callable[[Any], Any], made: D) -> D:
    """Mark a function around a `dump`, which only adds to its refusals, as that is."""
    known = plain_of(dump)
    if known is not None:
        setattr(made, _PLAIN, known)
    return made


@dataclass(frozen=True, slots=True)
class JsonForm:
    """What JSON makes of the values of one type, so that a client reads them and `cast` takes them back.

    Attributes:
        schema: the JSON Schema of what `dump` gives.
        dump: from a value to what JSON says instead, None where the value is said as it is. It is total, and never
            given None.
        accepts: the JSON Schema of what `cast` takes from JSON; None where that is what `dump` gives.
    """

    schema: Mapping[str, Any]
    dump: Callable[[Any], Any] | None = None
    accepts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A field's type as plain data.

    Attributes:
        name: the word in errors and metadata.
        python: the annotation of its values.
        columns: its column's type on each database that stores it.
    """

    name: str
    python: Any
    columns: Mapping[Target, str]


class FieldType(Generic[T_co]):
    """What may stand in `field(type=…)` and in `Annotated[…]`: a type of ectype, or a `CustomType` of your own."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """Refuse to stand inside a document, where pydantic would pass it over without a word."""
        raise SchemaError(
            f"{cls.__name__} stores fields and the items of lists, and cannot stand inside a document",
            hint="give it a field of its own, or a list: Field[list[Annotated[str, Slug]]]",
        )


class Type(FieldType[T], Generic[T]):
    """A field type: `cast` for what comes from outside, a `Codec` for each database, `equal` for change detection.

    Types are values without state of their own; two types are equal when they are the same kind with the same
    parameters.
    """

    __slots__ = ()

    mutable: ClassVar[bool] = False
    """Whether a loaded value can be changed in place, so that structs keep its original for change detection."""
    empty: ClassVar[bool] = False
    """Whether NULL loads as an empty list."""

    @property
    def name(self) -> str:
        """The word for this type in errors and metadata: `integer`, `string`, `array of integer`."""
        raise NotImplementedError(f"{self.__class__.__name__} does not say its name")

    @property
    def python(self) -> Any:
        """The Python type a loaded value has."""
        raise NotImplementedError(f"{self.__class__.__name__} does not say its Python type")

    def cast(self, value: object) -> Ok[T] | Err:
        """Turn a value from outside (a form, JSON) into a value of this type, or say why not. Never given None."""
        raise NotImplementedError(f"{self.__class__.__name__} does not cast")

    def usual(self) -> Callable[[Any], T | None] | None:
        """Return what casts the usual values at once, where there is such a thing: a function of one argument.

        It gives the very value that `cast` gives, or None for all that `cast` has to look at; it never takes blank
        text, and never raises. A subclass with a `cast` of its own has none, unless it says so itself.
        """
        return None

    def usual_list(self) -> Callable[[list[Any]], list[Any] | None] | None:
        """Return what casts the items of a list at once, where there is such a thing: see `ectype.types.at_once`."""
        return None

    def codec(self, target: Target) -> Codec:
        """Return how the type is stored on one database. Called once a shape, never once a row."""
        raise NotImplementedError(f"{self.__class__.__name__} is not stored")

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the values; None where pydantic says it of their class."""
        return None

    def equal(self, left: T, right: T) -> bool:
        """Whether two values are the same for change detection. Neither is None."""
        return left == right

    def describe(self) -> Description:
        """Return the type as plain data, with the column that each database stores it in."""
        columns: dict[Target, str] = {}
        for target in TARGETS:
            try:
                codec = self.codec(target)
            except SchemaError:
                continue
            columns[target] = codec.ddl or codec.column
        return Description(self.name, self.python, columns)
