"""Filters from a user's params, such as `{"age__gte": "18"}`: allowed names and operators only, cast, bounded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from ectype.errors import QueryError
from ectype.expr.constants import escape_like
from ectype.expr.operand import Expr, Operand
from ectype.query.ast import Step
from ectype.query.inference import plain, type_of
from ectype.query.ordering import check_allowed, unknown_name
from ectype.query.refusals import InvalidParamsError, shown_key
from ectype.result import Err, Ok
from ectype.schema.field_error import Error, FieldError
from ectype.types.base import Type
from ectype.types.enums import EnumType
from ectype.types.scalars import BOOLEAN

Condition: TypeAlias = Callable[[Operand[Any, Any], Any], Operand[Any, bool]]

MAX_TEXT: Final = 1_000
MAX_VALUES: Final = 100
MAX_FILTERS: Final = 20

_EQUALITY: Final = ("eq", "ne", "in", "is_null")
_ORDER: Final = ("gt", "gte", "lt", "lte")
_TEXT: Final = ("contains", "starts_with")
_ORDERED: Final = frozenset([int, float, Decimal, bytes, date, datetime, time, timedelta])
OPERATORS: Final[Mapping[str, Condition]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "in": lambda column, value: column.in_(value),
    "contains": lambda column, value: column.ilike(f"%{escape_like(value)}%"),
    "starts_with": lambda column, value: column.ilike(f"{escape_like(value)}%"),
    "is_null": lambda column, value: column.is_null() if value else column.is_not_null(),
}
"""What a filter does, by the word after `__`."""


def filter_conditions(
    shape: Step,
    params: object,
    filterable: Mapping[str, Expr[Any, Any]],
    operators: Mapping[str, Collection[str]] | None,
) -> list[Operand[Any, bool]]:
    """Return the conditions that params ask for, in the order in which `filterable` has them.

    Raises:
        InvalidParamsError: for names and operators that are not allowed, values that do not fit, and too many of them.
        QueryError: for what may not be filtered by.
    """
    offered = _offered(shape, filterable, operators)
    given = _given(params)
    errors: list[FieldError] = []
    found: list[tuple[tuple[int, int], Operand[Any, bool]]] = []
    names, words = list(filterable), list(OPERATORS)
    for key, raw in given.items():
        name, word = _split(key, filterable)
        if name is None:
            errors.append((shown_key(key), _not_allowed("is not a filter", filterable)))
            continue
        if word not in offered[name]:
            errors.append((shown_key(key), _not_allowed("is not a filter of %{name}", offered[name], name=name)))
            continue
        column = _operand(filterable[name])
        outcome = _cast(word, cast("Type[Any]", plain(type_of(column.node))), raw)
        if isinstance(outcome, Error):
            errors.append((shown_key(key), outcome))
        else:
            found.append(((names.index(name), words.index(word)), OPERATORS[word](column, outcome.value)))
    if errors:
        raise InvalidParamsError("the filters were refused", tuple(errors))
    # In one order, whatever that of the params: the same filters are one shape, and one plan.
    return [condition for _, condition in sorted(found, key=lambda one: one[0])]


def _offered(shape: Step, filterable: Any, operators: Any) -> dict[str, tuple[str, ...]]:
    """Return the operators of each name: those of its type, less those that the program does not allow."""
    if not isinstance(filterable, Mapping) or not filterable:
        raise QueryError(
            f"`filterable` maps names to columns, got {filterable!r:.80}", hint='write `{"age": User.age}`'
        )
    known = cast("Mapping[str, Expr[Any, Any]]", filterable)
    wanted = cast("Mapping[str, Collection[str]]", operators or {})
    for name in wanted:
        if name not in known:
            raise unknown_name("operators", name, known)
    found: dict[str, tuple[str, ...]] = {}
    for name, one in known.items():
        check_allowed(shape, "filterable", name, one)
        usual = _of_type(name, one)
        chosen = wanted.get(name, usual)
        for word in chosen:
            if word not in usual:
                raise QueryError(
                    f"`operators` gives {name!r} the operator {word!r:.40}, which its type does not have",
                    hint=f"it has: {', '.join(usual)}",
                )
        found[name] = tuple(word for word in usual if word in chosen)
    return found


def _of_type(name: str, one: Expr[Any, Any]) -> tuple[str, ...]:
    type_ = plain(type_of(one.node))
    kind = None if type_ is None else type_.python
    if kind is str:
        return (*_EQUALITY, *_ORDER, *_TEXT)
    if kind is bool or kind is UUID or isinstance(type_, EnumType):
        return _EQUALITY
    if isinstance(kind, type) and kind in _ORDERED:
        return (*_EQUALITY, *_ORDER)
    raise QueryError(
        f"`filterable` offers {one!r} as {name!r}, and values of its type cannot be cast and compared",
        hint="give an expression its type: `.as_type(str)`" if type_ is None else "offer a column of one value",
    )


def _given(params: object) -> dict[str, object]:
    if not isinstance(params, Mapping):
        raise InvalidParamsError("the filters were refused", (("filters", Error("is invalid", validation="filter")),))
    given = dict(cast("Mapping[Any, Any]", params))
    if len(given) > MAX_FILTERS:
        error = Error("has more than %{count} filter(s)", count=MAX_FILTERS, validation="filter")
        raise InvalidParamsError("the filters were refused", (("filters", error),))
    return given


def _split(key: object, filterable: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the name and the operator of a key; a name may hold `__` itself."""
    if not isinstance(key, str):
        return None, ""
    if key in filterable:
        return key, "eq"
    name, sign, word = key.rpartition("__")
    return (name, word) if sign and name in filterable else (None, "")


def _not_allowed(message: str, allowed: Collection[str], **more: str) -> Error:
    return Error(f"{message}: choose among %{{allowed}}", allowed=", ".join(allowed), validation="filter", **more)


def _operand(expression: Expr[Any, Any]) -> Operand[Any, Any]:
    return Operand(expression.node, expression.params)


def _cast(word: str, type_: Type[Any], raw: object) -> Ok[Any] | Error:
    if word == "is_null":
        return _outcome(BOOLEAN, raw)
    if word == "in":
        return _cast_list(type_, raw)
    return _outcome(type_, raw)


def _cast_list(type_: Type[Any], raw: object) -> Ok[Any] | Error:
    if isinstance(raw, str):
        if len(raw) > MAX_TEXT:
            return _too_long()
        raw = raw.split(",") if raw else []
    if not isinstance(raw, Sequence) or isinstance(raw, bytes | bytearray):
        return Error("is invalid", type=f"list of {type_.name}", validation="cast")
    listed = cast("Sequence[object]", raw)
    if len(listed) > MAX_VALUES:
        return Error("has more than %{count} value(s)", count=MAX_VALUES, validation="filter")
    values: list[Any] = []
    for one in listed:
        outcome = _outcome(type_, one)
        if isinstance(outcome, Error):
            return outcome
        values.append(outcome.value)
    return Ok(values)


def _outcome(type_: Type[Any], raw: object) -> Ok[Any] | Error:
    if isinstance(raw, str) and len(raw) > MAX_TEXT:
        return _too_long()
    if raw is None:
        return Error("can't be null, ask for %{operator}", operator="is_null", validation="filter")
    outcome = type_.cast(raw)
    if isinstance(outcome, Err):
        return Error(outcome.message, **{"type": type_.name, "validation": "cast", **outcome.meta})
    return Ok(outcome.value)


def _too_long() -> Error:
    return Error("should be at most %{count} character(s)", count=MAX_TEXT, validation="length", kind="max")
