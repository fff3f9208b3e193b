"""Ranges of whole numbers, decimals, dates and timestamps: the value, and its type.

A range is kept in the one form that PostgreSQL gives it, so that equal ranges are equal values, and equal text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final, Generic, Literal, TypeAlias, TypeVar, cast

from ectype.errors import CastError, FrozenError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm, Target, Type
from ectype.types.numeric import DECIMAL, INTEGER
from ectype.types.refusals import refused, shown, unreadable
from ectype.types.scalars import Scalar
from ectype.types.temporal import DATE, DATETIME

T = TypeVar("T", int, Decimal, datetime, date)

Bounds: TypeAlias = Literal["[)", "[]", "()", "(]"]
"""Which ends belong to a range: `[` and `]` are inside, `(` and `)` outside."""

_BOUNDS: Final = ("[)", "[]", "()", "(]")
_new: Final = object.__new__
_set: Final = object.__setattr__


class Range(Generic[T]):
    """What lies between two values of a kind: `Range(1, 5)` holds 1 to 4. None is no end on that side.

    It takes the form that PostgreSQL gives it: of ints and dates always `[)`, so that `Range(1, 5, "[]")` is
    `Range(1, 6)`; what holds nothing is the empty range, and a side without an end is outside.

    Raises:
        CastError: the ends are of two kinds or of none, in the wrong order, or naive datetimes.

    >>> Range(1, 5, "[]"), 5 in Range(1, 5), Range(3, 3).empty
    (Range(1, 6), False, True)
    """

    __slots__ = ("_bounds", "_empty", "_lower", "_upper")
    __match_args__ = ("lower", "upper", "bounds")
    _lower: T | None
    _upper: T | None
    _bounds: Bounds
    _empty: bool

    def __init__(
        self, lower: T | None = None, upper: T | None = None, bounds: Bounds = "[)", *, empty: bool = False
    ) -> None:
        if bounds not in _BOUNDS:
            raise CastError(f"the bounds of a range are one of {', '.join(_BOUNDS)}, got {shown(bounds)}")
        if empty and not (lower is None and upper is None):
            raise CastError("an empty range has no ends", hint="write Range(empty=True)")
        _check_ends(lower, upper)
        first: Any = lower
        last: Any = upper
        if _is_discrete(first) or _is_discrete(last):
            first = _after(first) if first is not None and bounds[0] == "(" else first
            last = _after(last) if last is not None and bounds[1] == "]" else last
            bounds = "[)"
        opening = "(" if first is None else bounds[0]
        closing = ")" if last is None else bounds[1]
        if first is not None and last is not None:
            empty = empty or last < first or (first == last and opening + closing != "[]")
        if empty:
            first = last = None
            opening, closing = "[", ")"
        _fill(self, first, last, cast("Bounds", opening + closing), empty=empty)

    @property
    def lower(self) -> T | None:
        """The lower end, None where there is none."""
        return self._lower

    @property
    def upper(self) -> T | None:
        """The upper end, None where there is none."""
        return self._upper

    @property
    def bounds(self) -> Bounds:
        """Which ends are inside."""
        return self._bounds

    @property
    def empty(self) -> bool:
        """Whether it holds nothing at all."""
        return self._empty

    def __setattr__(self, name: str, value: object) -> None:
        # `Range[int](1, 5)` would leave a mark on the value.
        if name != "__orig_class__":
            raise FrozenError(f"a Range is frozen: `{name}` cannot be set", hint="make a new one")

    def __delattr__(self, name: str) -> None:
        raise FrozenError(f"a Range is frozen: `{name}` cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and _parts(self) == _parts(cast("Range[Any]", other))

    def __hash__(self) -> int:
        return hash(_parts(self))

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, _parts(self)

    def __contains__(self, value: T) -> bool:
        """Whether a value lies in the range."""
        if self.empty:
            return False
        low, high = cast("Any", self.lower), cast("Any", self.upper)
        above = low is None or low < value or (low == value and self.bounds[0] == "[")
        return above and (high is None or value < high or (high == value and self.bounds[1] == "]"))

    def __repr__(self) -> str:
        if self.empty:
            return "Range(empty=True)"
        plain = _is_discrete(self.lower) or _is_discrete(self.upper) or self.bounds == "[)"
        return f"Range({self.lower!r}, {self.upper!r}{'' if plain else f', {self.bounds!r}'})"


def _fill(made: Range[Any], lower: Any, upper: Any, bounds: Bounds, *, empty: bool) -> None:
    _set(made, "_lower", lower)
    _set(made, "_upper", upper)
    _set(made, "_bounds", bounds)
    _set(made, "_empty", empty)


def _parts(value: Range[Any]) -> tuple[Any, Any, Bounds, bool]:
    return value.lower, value.upper, value.bounds, value.empty


def _restored(lower: Any, upper: Any, bounds: Bounds, empty: bool = False) -> Range[Any]:  # noqa: FBT001, FBT002
    """Return a range that is in form already: from a database, or from pickle, which calls by position."""
    made = cast("Range[Any]", cast("Any", _new)(Range))
    _fill(made, lower, upper, bounds, empty=empty)
    return made


def _kind(value: object) -> type[Any] | None:
    for kind in (datetime, date, Decimal):
        if isinstance(value, kind):
            return kind
    return int if isinstance(value, int) and not isinstance(value, bool) else None


def _check_ends(lower: object, upper: object) -> None:
    kinds: set[type[Any]] = set()
    for one in (lower, upper):
        if one is None:
            continue
        kind = _kind(one)
        if kind is None or (isinstance(one, Decimal) and not one.is_finite()):
            raise CastError(
                f"the ends of a range are ints, Decimals, dates or datetimes, got {shown(one)}",
                hint="leave an end out where there is none: Range(1) has no upper end",
            )
        if isinstance(one, datetime) and one.tzinfo is None:
            raise CastError(f"{one!r} has no time zone", hint="write value.replace(tzinfo=UTC)")
        kinds.add(kind)
    if len(kinds) > 1:
        raise CastError(f"the ends of a range are of one kind, got {shown(lower)} and {shown(upper)}")
    if lower is not None and upper is not None and cast("Any", upper) < lower:
        raise CastError(
            f"the lower end of a range is above the upper one: {shown(lower)} and {shown(upper)}",
            hint="swap them, or write Range(empty=True)",
        )


def _is_discrete(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, date) and not isinstance(value, datetime))


def _after(value: Any) -> Any:
    try:
        return value + 1 if isinstance(value, int) else value + timedelta(1)
    except OverflowError:
        raise CastError(f"there is no day after {value}, where the range would end", hint="leave the end out") from None


# --- the type ---------------------------------------------------------------------------------------------------------

_TEXT: Final = re.compile(r'([\[(])(?:"([^"]*)"|([^",]*)),(?:"([^"]*)"|([^",]*))([\])])')
_MAX_TEXT: Final = 2_200
_COLUMNS: Final[dict[Type[Any], str]] = {
    INTEGER: "int8range",
    DECIMAL: "numrange",
    DATE: "daterange",
    DATETIME: "tstzrange",
}


def _written(value: Range[Any], write: Callable[[Any], str]) -> str:
    """Return the text of a range; every end stands in quotes."""
    if value.empty:
        return "empty"
    first, last = ("" if one is None else f'"{write(one)}"' for one in (value.lower, value.upper))
    return f"{value.bounds[0]}{first},{last}{value.bounds[1]}"


@dataclass(frozen=True, slots=True)
class RangeType(Scalar[Range[Any]]):
    """Ranges: `int8range`, `numrange`, `daterange`, `tstzrange`; TEXT in the form of PostgreSQL.

    SQLite tells whether two ranges are equal and knows nothing else of them, so that it neither orders nor searches
    them.

    Attributes:
        element: the type of the ends.

    Raises:
        SchemaError: there is no range of such ends.

    >>> RangeType(INTEGER).cast({"lower": "1", "upper": 5}), RangeType(INTEGER).cast("[1,5]")
    (Ok(Range(1, 5)), Ok(Range(1, 6)))
    """

    element: Type[Any]

    word: ClassVar = "range"

    def __post_init__(self) -> None:
        if self.element not in _COLUMNS:
            raise SchemaError(
                f"there is no range of {self.element.name}", hint="ranges are of int, Decimal, date or datetime"
            )

    @property
    def name(self) -> str:
        """`range of` and the name of the ends."""
        return f"range of {self.element.name}"

    @property
    def python(self) -> Any:
        """`Range` of the ends' class."""
        return Range[self.element.python]

    def cast(self, value: object) -> Ok[Range[Any]] | Err:
        """Take a Range, a mapping of `lower` and `upper` and maybe `bounds`, a pair, or the text of PostgreSQL."""
        if isinstance(value, Range):
            value = cast("Range[Any]", value)
            if value.empty:
                return Ok(value)
            return self._made(value.lower, value.upper, value.bounds)
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, Mapping):
            given = cast("Mapping[str, object]", value)
            if not given or not set(given) <= {"lower", "upper", "bounds"}:
                return Err()
            return self._made(given.get("lower"), given.get("upper"), given.get("bounds", "[)"))
        if isinstance(value, list | tuple):
            pair = cast("list[object]", value)
            return self._made(pair[0], pair[1], "[)") if len(pair) == 2 else Err()
        return Err()

    def _of_text(self, text: str) -> Ok[Range[Any]] | Err:
        if text == "empty":
            return Ok(Range(empty=True))
        found = _TEXT.fullmatch(text) if len(text) <= _MAX_TEXT else None
        if found is None:
            return Err()
        opening, lower, bare_lower, upper, bare_upper, closing = found.groups()
        return self._made(lower or bare_lower, upper or bare_upper, opening + closing)

    def _made(self, lower: object, upper: object, bounds: object) -> Ok[Range[Any]] | Err:
        ends: list[Any] = []
        for name, one in (("lower", lower), ("upper", upper)):
            if one is None or one == "":
                ends.append(None)
                continue
            made = self.element.cast(one)
            if isinstance(made, Err):
                return Err("is invalid", {"source": [name]})
            ends.append(made.value)
        try:
            found = Range(ends[0], ends[1], cast("Any", bounds))
            # The day or number after an end may be one that is not stored.
            self._check(found)
        except CastError:
            return Err()
        return Ok(found)

    def _check(self, value: Range[Any]) -> None:
        dump = self.element.codec("postgres").dump
        for one in (value.lower, value.upper):
            if one is not None:
                dump(one)

    def codec(self, target: Target) -> Codec:
        """Return how ranges are stored."""
        kind = self.element.python

        def checked(value: Any) -> Range[Any]:
            if not isinstance(value, Range):
                raise refused(
                    cast("object", value), f"a {self.name}", hint="write Range(1, 5), or cast it through a changeset"
                )
            found = cast("Range[Any]", value)
            for one in (found.lower, found.upper):
                if one is not None and _kind(one) is not kind:
                    raise refused(found, f"a {self.name}")
            self._check(found)
            return found

        if target == "postgres":
            load = partial(self._load_text, self._load_end)
            dump = self.element.codec("postgres").dump
            return Codec(
                _COLUMNS[self.element],
                lambda value: _written(checked(value), lambda end: getattr(end, "text", None) or str(dump(end))),
                self._load,
                text_load=load,
                sent_as="text",
            )
        # Equal numbers have one text here, whatever zeros they end in.
        write = _short if self.element == DECIMAL else self.element.codec("sqlite").dump
        load = partial(self._load_text, self.element.codec("sqlite").load or self._load_end)
        return Codec("TEXT", lambda value: _written(checked(value), write), load, compares="equality")

    def json_form(self) -> JsonForm | None:
        """Return what JSON makes of the values: an object of the ends and bounds, `"empty"` for what holds nothing."""
        form = self.element.json_form()
        if form is None:
            return None
        dump = form.dump or _as_it_is

        def said(value: Range[Any]) -> Any:
            if value.empty:
                return "empty"
            lower, upper = (None if one is None else dump(one) for one in (value.lower, value.upper))
            return {"lower": lower, "upper": upper, "bounds": value.bounds}

        needed = {"required": ["lower", "upper", "bounds"], "additionalProperties": False}
        taken = form.accepts or form.schema
        return JsonForm(_schema(form.schema, needed), said, _schema(taken, {"additionalProperties": False}))

    def equal(self, left: Range[Any], right: Range[Any]) -> bool:
        """Compare as the ends do."""
        same = self.element.equal
        return (left.empty, left.bounds) == (right.empty, right.bounds) and all(
            one is other or (one is not None and other is not None and same(one, other))
            for one, other in ((left.lower, right.lower), (left.upper, right.upper))
        )

    def _load(self, value: Any) -> Range[Any]:
        try:
            bounds: Any = f"{'[' if value.lower_inc else '('}{']' if value.upper_inc else ')'}"
            if value.isempty:
                return Range(empty=True)
            load = self.element.codec("postgres").load or _as_it_is
            lower, upper = (None if one is None else load(one) for one in (value.lower, value.upper))
        except AttributeError:
            raise unreadable(value, f"a {self.name}") from None
        return _restored(lower, upper, bounds)

    def _load_text(self, load: Callable[[str], Any], text: Any) -> Range[Any]:
        if text == "empty":
            return Range(empty=True)
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise unreadable(text, f"a {self.name}")
        opening, lower, bare_lower, upper, bare_upper, closing = found.groups()
        ends = [load(one) if one else None for one in (lower or bare_lower, upper or bare_upper)]
        return _restored(ends[0], ends[1], cast("Bounds", opening + closing))

    def _load_end(self, text: str) -> Any:
        codec = self.element.codec("postgres")
        try:
            if codec.text_load is not None:
                return codec.text_load(text)
            return int(text) if self.element is INTEGER else Decimal(text)
        except (ValueError, ArithmeticError):
            if codec.text_load_slow is not None:
                return codec.text_load_slow(text)
            raise unreadable(text, f"an end of a {self.name}") from None


def _schema(end: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    optional = {"anyOf": [end, {"type": "null"}]}
    members = {"lower": optional, "upper": optional, "bounds": {"enum": list(_BOUNDS)}}
    return {"anyOf": [{"type": "object", "properties": members, **more}, {"const": "empty"}]}


def range_type_of(value: Range[Any]) -> RangeType:
    """Return the type that a range has by its ends. Raises CastError for one without: nothing tells its kind.

    >>> range_type_of(Range(1, None)).name
    'range of integer'
    """
    kind = _kind(value.upper if value.lower is None else value.lower)
    for element in _COLUMNS:
        if element.python is kind:
            return RangeType(element)
    raise CastError(
        f"{value!r} has no ends that tell of what it is a range", hint="say it: `literal(Range(), Post.open)`"
    )


def _as_it_is(value: Any) -> Any:
    return value


def _short(value: Any) -> str:
    text = format(DECIMAL.codec("postgres").dump(value), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
