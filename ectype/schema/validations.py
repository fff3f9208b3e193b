"""Validations of a changeset: each looks at the change of one field and adds an error, without any I/O.

What is not changed is not looked at, since what is stored is trusted; only `required` looks at the struct too. Messages
and metadata are Ecto's (https://hexdocs.pm/ecto/Ecto.Changeset.html), so its translations carry over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal, InvalidOperation
from math import isnan
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypedDict, TypeVar, cast

from ectype.errors import SchemaError, did_you_mean
from ectype.expr.operand import Attr, Column
from ectype.result import Ok
from ectype.schema import messages, relation_checks
from ectype.schema.changeset_data import ChangesetData, Draft, Validation, draft, recorded, same, sealed
from ectype.schema.embed_relations import error_key, is_embed, relation_for, relation_of_member
from ectype.schema.embeds import Embed
from ectype.schema.field_error import Error, FieldError, Message, refusal
from ectype.schema.graphemes import count_graphemes
from ectype.schema.members import field_name
from ectype.schema.passing import (
    format_keeps,
    given,
    length_keeps,
    number_keeps,
    remember,
    remember_required,
    told,
)
from ectype.schema.rel import Rel
from ectype.schema.stored_value import is_unread, value_of
from ectype.types.base import Type
from ectype.types.containers import ArrayType
from ectype.types.refusals import shown
from ectype.types.scalars import BOOLEAN

C = TypeVar("C", bound=ChangesetData[Any])
Number: TypeAlias = int | float | Decimal
Refusals: TypeAlias = Message | Iterable[tuple[Attr[Any, Any] | Rel[Any, Any] | str, Message]] | None
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
    uncast = changeset.uncast
    return None if uncast and name in uncast else changeset.changes.get(name)


def _looked_at(changeset: ChangesetData[Any], column: Any) -> tuple[str, Any]:
    """Return the name of a column's field, and the change that a validation looks at: both functions in one call."""
    info, uncast = changeset.info, changeset.uncast
    usual = column.__class__ is Column and column.node.source is info.source
    name = column.name if usual else field_name(info, column)
    return name, None if uncast and name in uncast else changeset.changes.get(name)


def validated(changeset: C, done: Validation, error: Error | None = None, key: str | None = None) -> C:
    """Return the changeset with a validation recorded, and the error it found, for its field or another key."""
    made = draft(changeset)
    made.validations = changeset.validations + (done,)  # noqa: RUF005  # as in `recorded`
    if error is not None:
        made.errors = (*changeset.errors, (key or done.field, error))
        made.valid = False
    return sealed(made, changeset.__class__)


# --- required ---------------------------------------------------------------------------------------------------------


def required(changeset: C, columns: tuple[Any, ...], message: Message | None) -> C:
    """Return the changeset with an error for each field that has no value, neither as a change nor in the struct."""
    seen = given(changeset, columns)
    if seen is not None:
        return seen
    info, data, changes, known = changeset.info, changeset.data, changeset.changes, changeset.required
    names: list[str] = []
    missing: list[str] = []
    rels: list[Any] = []
    for column in columns:
        if column.__class__ is Rel or column.__class__ is Embed or (info.embeds and is_embed(info, column)):
            rels.append(column)
            known = (*known, relation_of_member(info, column, "validate_required").name)
            continue
        usual = column.__class__ is Column and column.node.source is info.source
        name = column.name if usual else field_name(info, column)
        value = changes[name] if name in changes else value_of(data, name)
        # What is stored and was not read has a value, as far as anyone knows.
        if (value is None or (value.__class__ is str and (not value or value.isspace()))) and not (
            name in info.unread and name not in changes and is_unread(data, name)
        ):
            missing.append(name)
        names.append(name)
        if name not in known:
            known = (*known, name)
    if not rels:
        remember_required(changeset, columns, tuple(names))
    made = draft(changeset)
    made.required = known
    if missing:
        _refuse_missing(made, missing, message)
    checked = sealed(made, changeset.__class__)
    for rel in rels:
        checked = relation_checks.required(checked, rel, message)
    return checked


def _refuse_missing(made: Draft, missing: list[str], message: Message | None) -> None:
    refused = {name for name, _ in made.errors}
    error = refusal(messages.BLANK, message, validation="required")
    added = [(name, error) for name in dict.fromkeys(missing) if name not in refused]
    if added:
        dropped = {name for name, _ in added}
        made.changes = MappingProxyType({name: v for name, v in made.changes.items() if name not in dropped})
        made.errors = (*made.errors, *added)
        made.valid = False


# --- change -----------------------------------------------------------------------------------------------------------


def change(changeset: C, column: Any, function: Callable[[Any], Refusals], meta: object) -> C:
    """Return the changeset with what a function has against the change of a field, and the metadata remembered."""
    relation = relation_for(changeset.info, column, "validate_change")
    name = field_name(changeset.info, column) if relation is None else relation.name
    if meta is not None:
        changeset = validated(changeset, Validation(name, "change", meta))
    value = change_of(changeset, name) if relation is None else relation_checks.staying(changeset, relation)
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
            return _plain(changeset, (error_key(changeset.info, column, "validate_change"), message))
        case _:
            raise _unusable(one)


def _unusable(found: object) -> SchemaError:
    return SchemaError(
        f"a function of `validate_change` returned {found.__class__.__name__} where errors were expected",
        hint="return None when the value is fine, a message, or pairs of a column and a message: "
        "`[(User.name, 'is too clever')]`",
    )


# --- format -----------------------------------------------------------------------------------------------------------


def format_(
    changeset: C, key: tuple[Any, ...], column: Any, pattern: str | re.Pattern[str], message: Message | None
) -> C:
    """Return the changeset with an error when the change does not match."""
    name, value = _looked_at(changeset, column)
    done = told(changeset, key)
    if done is None:
        done = _format(name, pattern)
        remember(changeset, key, done, format_keeps(done.options.search))
    if value is None:
        return recorded(changeset, done)
    if value.__class__ is not str and not isinstance(value, str):
        raise _unfit(changeset, done.field, "validate_format", "text", value)
    if done.options.search(value):
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.FORMAT, message, validation="format"))


def _format(name: str, pattern: str | re.Pattern[str]) -> Validation:
    try:
        return Validation(name, "format", re.compile(pattern))
    except (re.error, TypeError) as exc:
        raise SchemaError(f"{pattern!r:.200} is no regular expression: {exc}") from None


# --- membership -------------------------------------------------------------------------------------------------------


def inclusion(changeset: C, column: Any, values: Collection[Any], *, message: Message | None) -> C:
    """Return the changeset with an error when the change is not one of the values."""
    name, value = _looked_at(changeset, column)
    done = Validation(name, "inclusion", _members(values, "validate_inclusion"))
    if value is None or _is_member(changeset, done, value):
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.INVALID, message, validation="inclusion", enum=done.options))


def exclusion(changeset: C, column: Any, values: Collection[Any], *, message: Message | None) -> C:
    """Return the changeset with an error when the change is one of the values."""
    name, value = _looked_at(changeset, column)
    done = Validation(name, "exclusion", _members(values, "validate_exclusion"))
    if value is None or not _is_member(changeset, done, value):
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.RESERVED, message, validation="exclusion", enum=done.options))


def subset(changeset: C, column: Any, values: Collection[Any], *, message: Message | None) -> C:
    """Return the changeset with an error when the change, a list, has an element that is not one of the values."""
    name, items = _looked_at(changeset, column)
    done = Validation(name, "subset", _members(values, "validate_subset"))
    if items is None:
        return recorded(changeset, done)
    if not isinstance(items, list | tuple | set | frozenset):
        raise _unfit(changeset, done.field, "validate_subset", "lists", items)
    type_ = changeset.info.fields[done.field].type
    alike = _alike(type_.element if isinstance(type_, ArrayType) else type_)
    if all(any(alike(one, item) for one in done.options) for item in cast("Iterable[Any]", items)):
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.ENTRY, message, validation="subset", enum=done.options))


def _alike(type_: Type[Any]) -> Callable[[Any, Any], bool]:
    return lambda left, right: same(type_, left, right)


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

Count: TypeAlias = Literal["graphemes", "codepoints", "bytes"]

_COUNTS: Final = ("graphemes", "codepoints", "bytes")


def _counted(_size: int, _how: object) -> bool:
    return True


_LENGTHS: Final[dict[str, Callable[[int, int], bool]]] = {"is": eq, "min": ge, "max": le, "count": _counted}


def length(
    changeset: C,
    key: tuple[Any, ...],
    column: Any,
    min_: int | None,
    max_: int | None,
    is_: int | None,
    count: Count,
    message: Message | None,
) -> C:
    """Return the changeset with an error for the first of `is_`, `min`, `max` that the change does not keep."""
    value: Any
    if column.__class__ is Rel or is_embed(changeset.info, column):
        name, value = relation_checks.counted(changeset, column, "validate_length")
        done = _length(name, is_, min_, max_, count)
    else:
        name, value = _looked_at(changeset, column)
        done = told(changeset, key)
        if done is None:
            done = _length(name, is_, min_, max_, count)
            least = max([bound for bound in (is_, min_) if bound is not None], default=None)
            most = min([bound for bound in (is_, max_) if bound is not None], default=None)
            remember(changeset, key, done, length_keeps(least, most))
    if value is None:
        return recorded(changeset, done)
    size, kind = _measured(changeset, done, value, count)
    for rule, bound in done.options:
        if not _LENGTHS[rule](size, bound):
            default = messages.LENGTHS[kind, rule]
            error = refusal(default, message, count=bound, validation="length", kind=rule, type=kind)
            return validated(changeset, done, error)
    return recorded(changeset, done)


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
    if count not in _COUNTS:
        raise SchemaError(
            f"`validate_length` does not count {count!r:.60}",
            hint='it counts "graphemes", as people do, "codepoints", as `len` does, or "bytes" of UTF-8',
        )
    return Validation(name, "length", bounds if count == "graphemes" else (*bounds, ("count", count)))


def _measured(changeset: ChangesetData[Any], done: Validation, value: Any, count: Count) -> tuple[int, str]:
    if isinstance(value, str):
        if count == "graphemes":
            return count_graphemes(value, max([bound for _, bound in done.options])), "string"
        return (len(value), "string") if count == "codepoints" else (len(value.encode("utf-8", "replace")), "binary")
    if isinstance(value, bytes | bytearray):
        return len(value), "binary"
    try:
        size = len(value)
    except TypeError:
        raise _unfit(changeset, done.field, "validate_length", "what has a length", value) from None
    return size, "map" if isinstance(value, dict) else "list"


# --- number -----------------------------------------------------------------------------------------------------------

_NUMERIC: Final = (int, float, Decimal)
_NUMBERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "less_than": lt,
    "greater_than": gt,
    "less_than_or_equal_to": le,
    "greater_than_or_equal_to": ge,
    "equal_to": eq,
    "not_equal_to": ne,
}


def number(changeset: C, key: tuple[Any, ...], column: Any, rules: NumberRules, message: Message | None) -> C:
    """Return the changeset with an error for the first rule, in the order given, that the change does not keep."""
    name, value = _looked_at(changeset, column)
    done = told(changeset, key)
    if done is None:
        done = _number(name, tuple(rules.items()))
        remember(changeset, key, done, number_keeps(tuple([(_NUMBERS[rule], bound) for rule, bound in done.options])))
    if value is None:
        return recorded(changeset, done)
    if value.__class__ not in _NUMERIC and not isinstance(value, _NUMERIC):
        raise _unfit(changeset, name, "validate_number", "numbers", value)
    for rule, bound in done.options:
        try:
            kept = _NUMBERS[rule](value, bound)
        except InvalidOperation:  # a Decimal NaN
            kept = False
        if not kept:
            error = refusal(messages.NUMBERS[rule], message, validation="number", kind=rule, number=bound)
            return validated(changeset, done, error)
    return recorded(changeset, done)


def _number(name: str, bounds: tuple[tuple[str, Any], ...]) -> Validation:
    if not bounds:
        raise SchemaError("`validate_number` needs a bound", hint=f"give one of: {', '.join(_NUMBERS)}")
    for rule, bound in bounds:
        if rule not in _NUMBERS:
            raise SchemaError(f"`validate_number` does not know `{rule}`", hint=did_you_mean(rule, _NUMBERS))
        if not _is_bound(bound):
            raise SchemaError(f"`{rule}` of `validate_number` is a number, got {bound!r:.60}")
    return Validation(name, "number", bounds)


def _is_bound(value: Any) -> bool:
    if value.__class__ is Decimal:
        return not value.is_nan()
    return value.__class__ is int or (value.__class__ is float and not isnan(value))


# --- params ----------------------------------------------------------------------------------------------------------


def confirmation(changeset: C, column: Any, *, required: bool, message: Message | None) -> C:
    """Return the changeset with an error when a param is not the one that is to confirm it."""
    name = field_name(changeset.info, column)
    key = f"{name}_confirmation"
    done = Validation(name, "confirmation", (("required", required),))
    params = changeset.params
    if params is None or (key not in params and not required):
        return recorded(changeset, done)
    if key not in params:
        return validated(changeset, done, refusal(messages.BLANK, message, validation="required"), key)
    if _equal(params.get(name), params[key]):
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.CONFIRMATION, message, validation="confirmation"), key)


def _equal(left: Any, right: Any) -> bool:
    return left.__class__ is right.__class__ and bool(left == right)


def acceptance(changeset: C, field: Any, *, message: Message | None) -> C:
    """Return the changeset with an error when a param does not say yes."""
    name = field if isinstance(field, str) else field_name(changeset.info, field)
    done = Validation(name, "acceptance", ())
    if changeset.params is None:
        return recorded(changeset, done)
    value = changeset.params.get(name)
    if value is not None and BOOLEAN.cast(value) == Ok(True):  # noqa: FBT003  # what is compared with
        return recorded(changeset, done)
    return validated(changeset, done, refusal(messages.ACCEPTANCE, message, validation="acceptance"))


def _unfit(changeset: ChangesetData[Any], name: str, method: str, wanted: str, value: object) -> SchemaError:
    what = "a redacted value" if name in changeset.info.redacted else shown(value)
    return SchemaError(
        f"`{method}` is for {wanted}, and the change of `{changeset.info.name}.{name}` is {what} "
        f"({value.__class__.__name__})",
        hint="put a value of the field's type, or validate with `validate_change`",
    )
