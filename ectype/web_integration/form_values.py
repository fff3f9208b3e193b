"""What a field is in HTML: the text of its value, and the attributes that a browser checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from ectype.schema.changeset_data import ChangesetData, Validation
from ectype.types.containers import ArrayType, Json
from ectype.types.vector import Vector

Attributes: TypeAlias = dict[str, bool | int | float | str]
"""Attributes of an input by name; True stands for one without a value."""

_MANY: Final = (ArrayType, Json, Vector)
"""What has no characters: a length of them counts items, which no input has."""
_BOUNDS: Final = {
    "greater_than": ("min", 1),
    "greater_than_or_equal_to": ("min", 0),
    "less_than": ("max", -1),
    "less_than_or_equal_to": ("max", 0),
}


def html_text(value: object, kind: str = "text") -> str:
    """Return a value as an input of a kind holds it, and as `cast` takes it back; "" for what an input cannot hold.

    >>> html_text(Decimal("1E+2")), html_text(True), html_text({"a": 1})
    ('100', 'true', '')
    """
    if isinstance(value, Enum):
        return html_text(value.value, kind)
    match value:
        case None | Mapping() | list() | tuple() | set() | frozenset() | bytes():
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case datetime():
            return _moment(value, kind)
        case date() | time():
            return value.isoformat()
        case str() | int() | float() | UUID():
            return str(value)
        case _:
            return str(value)


def _moment(value: datetime, kind: str) -> str:
    # A datetime-local has no place for a zone; what comes back without one is UTC.
    if kind == "datetime-local" and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def input_validations(changeset: ChangesetData[Any], name: str) -> Attributes:
    """Return the attributes by which a browser checks an input, from the validations of its field.

    `required`; of a length `minlength` and `maxlength`; of a number `step`, `min` and `max`. They are a help to people:
    the changeset decides. A browser counts UTF-16 units where `validate_length` counts graphemes.
    """
    found: Attributes = {"required": True} if name in changeset.required else {}
    field = changeset.info.fields[name] if name in changeset.info.declarations else None
    for done in changeset.validations:
        if done.field != name:
            continue
        if done.kind == "length" and (field is None or not isinstance(field.type, _MANY)):
            found.update(_length(done))
        elif done.kind == "number":
            whole = field is not None and field.type.python is int
            found.update(_number(done, whole=whole))
    return found


def _length(done: Validation) -> Attributes:
    told = dict(done.options)
    if told.get("count") == "bytes":
        return {}
    least, most = told.get("is", told.get("min")), told.get("is", told.get("max"))
    return {name: bound for name, bound in (("minlength", least), ("maxlength", most)) if bound is not None}


def _number(done: Validation, *, whole: bool) -> Attributes:
    found: Attributes = {"step": 1 if whole else "any"}
    for rule, bound in dict(done.options).items():
        if rule not in _BOUNDS:
            continue
        name, aside = _BOUNDS[rule]
        if whole and bound % 1 == 0:
            found[name] = int(bound) + aside
        elif not aside:
            # HTML has no bound that is left out itself, so of numbers with a fraction only these can be said.
            found[name] = html_text(bound)
    return found
