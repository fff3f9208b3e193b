"""What most steps of a pipeline meet: a validation that was told the same before, and a change that keeps it.

A step that is remembered knows its field, is checked already, and has one function that says yes to the usual values.
All else goes the long way of `ectype.schema.validations`, which alone finds errors and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from sys import maxsize
from typing import Any, Final, NamedTuple, TypeVar

from ectype.schema.changeset_data import ChangesetData, Draft, Validation, draft, sealed

C = TypeVar("C", bound=ChangesetData[Any])

Keeps = Callable[[Any], bool]
"""Says yes to a value that keeps a validation, and no to one that breaks it or needs a closer look; never raises."""

_MOST: Final = 512
_NUMERIC: Final = (int, float, Decimal)


class Known(NamedTuple):
    """A validation that is remembered.

    Attributes:
        field: the field's name.
        done: what the changeset notes of it.
        keeps: what says yes to its usual values.
    """

    field: str
    done: Validation
    keeps: Keeps


def passed(changeset: C, key: tuple[Any, ...]) -> C | None:
    """Return the changeset with a validation noted that finds nothing; None when that takes a closer look.

    Args:
        changeset: the changeset.
        key: what the validation is told: its kind, the column, and its options with their classes, since True is no
            bound, and 1 is not told as 1.0.
    """
    try:
        field, done, keeps = changeset.info.passes[key]
    except (KeyError, TypeError):  # not met before, or unhashable
        return None
    uncast, changes = changeset.uncast, changeset.changes
    value = None if uncast and field in uncast else changes.get(field)
    if value is not None and not keeps(value):
        return None
    # As `draft` does it, without the call.
    made = Draft()
    made.changes = changes
    made.constraints = changeset.constraints
    made.data = changeset.data
    made.errors = changeset.errors
    made.info = changeset.info
    made.params = changeset.params
    made.permitted = changeset.permitted
    made.required = changeset.required
    made.seldom = changeset.seldom
    made.uncast = uncast
    made.valid = changeset.valid
    # Half the price of `(*…, done)`: a pipeline does it at each step.
    made.validations = changeset.validations + (done,)  # noqa: RUF005
    frozen: Any = made
    frozen.__class__ = changeset.__class__
    return frozen


def told(changeset: ChangesetData[Any], key: tuple[Any, ...]) -> Validation | None:
    """Return the validation that was told the same before, whose options are checked; None for a new one."""
    try:
        known: Known = changeset.info.passes[key]
    except (KeyError, TypeError):  # as above
        return None
    return known.done


def given(changeset: C, columns: tuple[Any, ...]) -> C | None:
    """Return the changeset with fields noted as required that all have changes; None when that takes a closer look.

    Args:
        changeset: the changeset.
        columns: the fields, as `validate_required` was given them.
    """
    try:
        names: tuple[str, ...] = changeset.info.passes["required", columns]
    except (KeyError, TypeError):  # as above
        return None
    changes, known = changeset.changes, changeset.required
    for name in names:
        value = changes.get(name)
        if value is None or (value.__class__ is str and (not value or value.isspace())):
            return None
    made = draft(changeset)
    made.required = known + tuple([name for name in names if name not in known]) if known else names
    return sealed(made, changeset.__class__)


def remember_required(changeset: ChangesetData[Any], columns: tuple[Any, ...], names: tuple[str, ...]) -> None:
    """Keep the names of required fields, for `given`."""
    _keep(changeset, ("required", columns), tuple(dict.fromkeys(names)))


def remember(changeset: ChangesetData[Any], key: tuple[Any, ...], done: Validation, keeps: Keeps) -> None:
    """Keep a validation whose options are checked, for `passed`. Hangs on the schema, and dies with it."""
    _keep(changeset, key, Known(done.field, done, keeps))


def _keep(changeset: ChangesetData[Any], key: tuple[Any, ...], known: object) -> None:
    passes = changeset.info.passes
    if len(passes) >= _MOST:
        passes.clear()
    with suppress(TypeError):  # unhashable
        passes[key] = known


def format_keeps(search: Callable[[str], object]) -> Keeps:
    """Return what says yes to text in which a pattern is found."""
    return lambda value: value.__class__ is str and search(value) is not None


def length_keeps(least: int | None, most: int | None) -> Keeps:
    r"""Return what says yes to ASCII text of such a length, where bytes, code points and characters are all the same.

    They are not in `\r\n`, which is one character.
    """
    low, high = least or 0, maxsize if most is None else most

    def keeps(value: Any) -> bool:
        return value.__class__ is str and low <= len(value) <= high and value.isascii() and "\r" not in value

    return keeps


def number_keeps(rules: Sequence[tuple[Callable[[Any, Any], bool], Any]]) -> Keeps:
    """Return what says yes to a number that keeps all rules, each an operator and its bound."""
    if len(rules) > 1:
        return lambda value: value.__class__ in _NUMERIC and all(_holds(rule, value, bound) for rule, bound in rules)
    operator, only = rules[0]

    def keeps(value: Any) -> bool:
        try:
            return value.__class__ in _NUMERIC and operator(value, only)
        except InvalidOperation:  # a Decimal NaN
            return False

    return keeps


def _holds(operator: Callable[[Any, Any], bool], value: Any, bound: Any) -> bool:
    try:
        return operator(value, bound)
    except InvalidOperation:
        return False
