"""Validations of a changeset: each looks at the change of one field and adds an error, without any I/O.

What is not changed is not looked at, since what is stored is trusted; only `required` looks at the struct too. Messages
and metadata are Ecto's (https://hexdocs.pm/ecto/Ecto.Changeset.html), so its translations carry over.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isnan
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypedDict, TypeVar, cast

from ectype.errors import SchemaError, did_you_mean
from ectype.expr.operand import Attr
from ectype.schema.changeset_data import ChangesetData, Draft, Validation, draft, same, sealed
from ectype.schema.field_error import Error, FieldError, Message, refusal
from ectype.schema.members import field_name
from ectype.types.refusals import shown

C = TypeVar("C", bound=ChangesetData[Any])
Number: TypeAlias = int | float | Decimal
Refusals: TypeAlias = Message | Iterable[tuple[Attr[Any, Any] | str, Message]] | None
"""What a function of `validate_change` returns: nothing, a message for the field, or messages for several fields."""


class NumberRules(TypedDict, total=False):
    """The bounds of `validate_number`; the first that does not hold, in the order given, is the error."""

    less_than: Number
    greater_than: Number
    less_than_or_equal_to: Number
    greater_than_or_equal_to: Number
    equal_to: Number
    not_equal_to: Number


def change_of(changeset: ChangesetData[Any], name: str) -> Any:
    """Return the change that a validation looks at; None when there is none, or when the field's cast has failed."""
    return None if name in changeset.uncast else changeset.changes.get(name)


def validated(changeset: C, done: Validation, error: Error | None = None) -> C:
    """Return the changeset with a validation recorded, and the error it found."""
    made = draft(changeset)
    made.validations = (*changeset.validations, done)
    if error is not None:
        made.errors = (*changeset.errors, (done.field, error))
        made.valid = False
    return sealed(made, changeset.__class__)


# --- required ---------------------------------------------------------------------------------------------------------


def required(changeset: C, columns: Sequence[Any], *, message: Message | None) -> C:
    """Return the changeset with an error for each field that has no value, neither as a change nor in the struct."""
    info, changes, known = changeset.info, changeset.changes, changeset.required
    missing: list[str] = []
    for column in columns:
        name = field_name(info, column)
        value = changes[name] if name in changes else getattr(changeset.data, name, None)
        if value is None or (value.__class__ is str and (not value or value.isspace())):
            missing.append(name)
        if name not in known:
            known = (*known, name)
    made = draft(changeset)
    made.required = known
    if missing:
        _refuse_missing(made, missing, message)
    return sealed(made, changeset.__class__)


def _refuse_missing(made: Draft, missing: list[str], message: Message | None) -> None:
    refused = {name for name, _ in made.errors}
    error = refusal("can't be blank", message, validation="required")
    added = [(name, error) for name in dict.fromkeys(missing) if name not in refused]
    if added:
        dropped = {name for name, _ in added}
        made.changes = MappingProxyType({name: v for name, v in made.changes.items() if name not in dropped})
        made.errors = (*made.errors, *added)
        made.valid = False


# --- change -----------------------------------------------------------------------------------------------------------


def change(changeset: C, column: Any, function: Callable[[Any], Refusals]) -> C:
    """Return the changeset with what a function has against the change of a field."""
    name = field_name(changeset.info, column)
    value = change_of(changeset, name)
    if value is None:
        return changeset
    found = function(value)
    if found is None:
        return changeset
    errors = [_plain(changeset, one) for one in _each(name, found)]
    if not errors:
        return changeset
    made = draft(changeset)
    made.errors = (*changeset.errors, *errors)
    made.valid = False
    return sealed(made, changeset.__class__)


def _each(name: str, found: Any) -> list[Any]:
    if isinstance(found, str | Error):
        return [(name, found)]
    if isinstance(found, Iterable):
        return list(cast("Iterable[Any]", found))
    raise _unusable(found)


def _plain(changeset: ChangesetData[Any], one: Any) -> FieldError:
    match one:
        case (str() as key, Error() as error):
            return key, error
        case (str() as key, str(message)):
            return key, Error(message)
        case (column, Error() | str() as message):
            return _plain(changeset, (field_name(changeset.info, column), message))
        case _:
            raise _unusable(one)


def _unusable(found: object) -> SchemaError:
    return SchemaError(
        f"a function of `validate_change` returned {found.__class__.__name__} where errors were expected",
        hint="return None when the value is fine, a message, or pairs of a column and a message: "
        "`[(User.name, 'is too clever')]`",
    )


# --- format -----------------------------------------------------------------------------------------------------------


def format_(changeset: C, column: Any, pattern: str | re.Pattern[str], *, message: Message | None) -> C:
    """Return the changeset with an error when the change does not match."""
    done = _format(field_name(changeset.info, column), pattern)
    value = change_of(changeset, done.field)
    if value is None:
        return validated(changeset, done)
    if not isinstance(value, str):
        raise _unfit(changeset, done.field, "validate_format", "text", value)
    if done.options.search(value):
        return validated(changeset, done)
    return validated(changeset, done, refusal("has invalid format", message, validation="format"))


@lru_cache(maxsize=1024)
def _format(name: str, pattern: str | re.Pattern[str]) -> Validation:
    try:
        return Validation(name, "format", re.compile(pattern))
    except (re.error, TypeError) as exc:
        raise SchemaError(f"{pattern!r:.200} is no regular expression: {exc}") from None


# --- membership -------------------------------------------------------------------------------------------------------


def inclusion(changeset: C, column: Any, values: Collection[Any], *, message: Message | None) -> C:
    """Return the changeset with an error when the change is not one of the values."""
    done = Validation(field_name(changeset.info, column), "inclusion", _members(values, "validate_inclusion"))
    value = change_of(changeset, done.field)
    if value is None or _is_member(changeset, done, value):
        return validated(changeset, done)
    return validated(changeset, done, refusal("is invalid", message, validation="inclusion", enum=done.options))


def exclusion(changeset: C, column: Any, values: Collection[Any], *, message: Message | None) -> C:
    """Return the changeset with an error when the change is one of the values."""
    done = Validation(field_name(changeset.info, column), "exclusion", _members(values, "validate_exclusion"))
    value = change_of(changeset, done.field)
    if value is None or not _is_member(changeset, done, value):
        return validated(changeset, done)
    return validated(changeset, done, refusal("is reserved", message, validation="exclusion", enum=done.options))


def _members(values: Any, method: str) -> tuple[Any, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Collection):
        raise SchemaError(
            f"`{method}` takes a list of values, got {values!r:.60}", hint='write `["draft", "published"]`'
        )
    return tuple(cast("Collection[Any]", values))


def _is_member(changeset: ChangesetData[Any], done: Validation, value: Any) -> bool:
    type_ = changeset.info.fields[done.field].type
    return any(same(type_, one, value) for one in done.options)


# --- length -----------------------------------------------------------------------------------------------------------

Count: TypeAlias = Literal["codepoints", "bytes"]

_UNITS: Final = {"string": ("be ", "character(s)"), "binary": ("be ", "byte(s)")}
_LENGTHS: Final[dict[str, tuple[Callable[[int, int], bool], str]]] = {
    "is": (eq, ""),
    "min": (ge, "at least "),
    "max": (le, "at most "),
}


def length(
    changeset: C,
    column: Any,
    *,
    min_: int | None,
    max_: int | None,
    is_: int | None,
    count: Count,
    message: Message | None,
) -> C:
    """Return the changeset with an error for the first of `is_`, `min`, `max` that the change does not keep."""
    name = field_name(changeset.info, column)
    try:
        done = _length(name, is_, min_, max_, count)
    except TypeError:  # unhashable
        done = _length.__wrapped__(name, is_, min_, max_, count)
    value = change_of(changeset, name)
    if value is None:
        return validated(changeset, done)
    size, kind = _measured(changeset, name, value, count)
    for rule, bound in done.options:
        holds, words = _LENGTHS[rule]
        if not holds(size, bound):
            verb, unit = _UNITS.get(kind, ("have ", "item(s)"))
            default = f"should {verb}{words}%{{count}} {unit}"
            error = refusal(default, message, count=bound, validation="length", kind=rule, type=kind)
            return validated(changeset, done, error)
    return validated(changeset, done)


# `typed`, since True is no bound although it equals 1.
@lru_cache(maxsize=1024, typed=True)
def _length(name: str, is_: int | None, min_: int | None, max_: int | None, count: Count) -> Validation:
    given = (("is", is_), ("min", min_), ("max", max_))
    bounds = tuple([(rule, bound) for rule, bound in given if bound is not None])
    if not bounds:
        raise SchemaError("`validate_length` needs a bound", hint="give `min`, `max` or `is_`")
    for rule, bound in bounds:
        if bound.__class__ is not int or bound < 0:
            raise SchemaError(f"`{rule}` of `validate_length` is a number of 0 or more, got {bound!r:.60}")
    if min_ is not None and max_ is not None and min_ > max_:
        raise SchemaError(f"nothing is at least {min_} and at most {max_} long", hint="swap `min` and `max`")
    if count not in ("codepoints", "bytes"):
        raise SchemaError(
            f"`validate_length` does not count {count!r:.60}",
            hint='it counts "codepoints", as `len` does, or "bytes" of UTF-8; for graphemes use a library of your '
            "choice in `validate_change`",
        )
    return Validation(name, "length", bounds)


def _measured(changeset: ChangesetData[Any], name: str, value: Any, count: Count) -> tuple[int, str]:
    if isinstance(value, str):
        return (len(value), "string") if count == "codepoints" else (len(value.encode("utf-8", "replace")), "binary")
    if isinstance(value, bytes | bytearray):
        return len(value), "binary"
    try:
        size = len(value)
    except TypeError:
        raise _unfit(changeset, name, "validate_length", "what has a length", value) from None
    return size, "map" if isinstance(value, dict) else "list"


# --- number -----------------------------------------------------------------------------------------------------------

_NUMERIC: Final = (int, float, Decimal)
_NUMBERS: Final[dict[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "less_than": (lt, "must be less than %{number}"),
    "greater_than": (gt, "must be greater than %{number}"),
    "less_than_or_equal_to": (le, "must be less than or equal to %{number}"),
    "greater_than_or_equal_to": (ge, "must be greater than or equal to %{number}"),
    "equal_to": (eq, "must be equal to %{number}"),
    "not_equal_to": (ne, "must be not equal to %{number}"),
}


def number(changeset: C, column: Any, rules: NumberRules, *, message: Message | None) -> C:
    """Return the changeset with an error for the first rule, in the order given, that the change does not keep."""
    name = field_name(changeset.info, column)
    try:
        done = _number(name, tuple(rules), *rules.values())
    except TypeError:  # unhashable
        done = _number.__wrapped__(name, tuple(rules), *rules.values())
    value = change_of(changeset, name)
    if value is None:
        return validated(changeset, done)
    if not isinstance(value, _NUMERIC):
        raise _unfit(changeset, name, "validate_number", "numbers", value)
    for rule, bound in done.options:
        holds, default = _NUMBERS[rule]
        if not _compared(holds, value, bound):
            error = refusal(default, message, validation="number", kind=rule, number=bound)
            return validated(changeset, done, error)
    return validated(changeset, done)


# `typed`, since a bound of 1 is not told as 1.0, which it equals.
@lru_cache(maxsize=1024, typed=True)
def _number(name: str, rules: tuple[str, ...], *bounds: Any) -> Validation:
    if not rules:
        raise SchemaError("`validate_number` needs a bound", hint=f"give one of: {', '.join(_NUMBERS)}")
    for rule, bound in zip(rules, bounds, strict=True):
        if rule not in _NUMBERS:
            raise SchemaError(f"`validate_number` does not know `{rule}`", hint=did_you_mean(rule, _NUMBERS))
        if not _is_bound(bound):
            raise SchemaError(f"`{rule}` of `validate_number` is a number, got {bound!r:.60}")
    return Validation(name, "number", tuple(zip(rules, bounds, strict=True)))


def _is_bound(value: Any) -> bool:
    if value.__class__ is Decimal:
        return not value.is_nan()
    return value.__class__ is int or (value.__class__ is float and not isnan(value))


def _compared(holds: Callable[[Any, Any], bool], value: Any, bound: Any) -> bool:
    try:
        return holds(value, bound)
    except InvalidOperation:  # a Decimal NaN
        return False


def _unfit(changeset: ChangesetData[Any], name: str, method: str, wanted: str, value: object) -> SchemaError:
    what = "a redacted value" if name in changeset.info.redacted else shown(value)
    return SchemaError(
        f"`{method}` is for {wanted}, and the change of `{changeset.info.name}.{name}` is {what} "
        f"({value.__class__.__name__})",
        hint="put a value of the field's type, or validate with `validate_change`",
    )
