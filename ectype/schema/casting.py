"""Params from outside become changes: filtered by what is permitted, cast by the field's type, compared with the data.

The rules are Ecto's (https://hexdocs.pm/ecto/Ecto.Changeset.html#cast/4), with two departures: a field that is cast
back to its stored value loses its change, and None for a field that cannot be None is an error at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar, cast

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.schema.changeset_data import ChangesetData, Draft, draft, same, sealed
from ectype.schema.field_error import Error, Message, refusal
from ectype.schema.members import field_name
from ectype.schema.messages import BLANK, INVALID
from ectype.schema.meta import FieldInfo, SchemaInfo
from ectype.schema.schema import Schema
from ectype.schema.stored_value import base_value
from ectype.types.containers import ArrayType
from ectype.types.numeric import Integer
from ectype.types.scalars import Binary, Boolean, String

C = TypeVar("C", bound=ChangesetData[Any])

MessageOf: TypeAlias = Callable[[str, Mapping[str, Any]], Message | None]
"""Gives the message of a failed cast, from the field's name and the error's metadata; None for the usual one."""

EMPTY: Final[tuple[object, ...]] = ("",)
_PLAIN: Final = frozenset({Boolean, Integer, String})
_MOST_PLANS: Final = 256


def _nothing(_value: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """How the param of one permitted field is cast; a plan has one for each.

    Attributes:
        field: the field.
        cast: what its type makes of a value.
        text: whether a text is trimmed before it is compared with the empty values: all but bytes.
        mutable: whether a struct keeps what it was loaded with, to compare with, or may not have been given it.
        plain: whether values of the type are compared as Python does.
    """

    field: FieldInfo
    cast: Callable[[Any], Ok[Any] | Err]
    text: bool
    mutable: bool
    plain: bool


Plan: TypeAlias = tuple[tuple[str, Callable[[Any], Any], Step, Any], ...]
"""Of each permitted field its name, what casts the usual values at once, its step, and what a new struct holds."""


def cast_params(
    changeset: C,
    params: Any,
    permitted: tuple[Any, ...],
    empty_values: Sequence[object],
    trim: bool,  # noqa: FBT001  # a keyword costs more than all that is done with it
    force: bool,  # noqa: FBT001  # as above
    message: MessageOf | None,
) -> C:
    """Return the changeset with the permitted params as changes, and an error for each that does not fit.

    Raises:
        CastError: the params are no mapping with str keys.
        SchemaError: a column of another schema, or none at all.
    """
    info = changeset.info
    try:
        names, plan = info.casts.get(permitted) or _planned(info, permitted)
    except TypeError:  # unhashable, so no column: what follows says so
        names, plan = _planned(info, permitted)
    if params is None:
        return _without_params(changeset, names)
    given = _checked(params)
    empties = empty_values if empty_values is EMPTY else _listed(empty_values)
    made = draft(changeset)
    changes = changeset.changes.copy() if changeset.changes else {}
    failed = _changed(made, changes, plan, given, empties, trim, force, message)
    made.changes = MappingProxyType(changes)
    made.params = MappingProxyType(given if changeset.params is None else {**changeset.params, **given})
    made.permitted = changeset.permitted + names if changeset.permitted else names
    if failed:
        made.errors = (*changeset.errors, *failed)
        made.uncast = (*changeset.uncast, *[name for name, _ in failed])
        made.valid = False
    frozen: Any = made  # as `sealed`, without the call
    frozen.__class__ = changeset.__class__
    return frozen


def _changed(
    made: Draft,
    changes: dict[str, Any],
    plan: Plan,
    given: dict[str, Any],
    empties: Sequence[object],
    trim: bool,  # noqa: FBT001  # as above
    force: bool,  # noqa: FBT001  # as above
    message: MessageOf | None,
) -> list[tuple[str, Error]]:
    """Put the params that are permitted into the changes, and return the errors of those that do not fit."""
    info, data = made.info, made.data
    blank = info.blank
    # To ask a struct for a member that is unset takes longer than all else: what a new one holds is known.
    is_new = blank is not None and blank.data is data
    get = data.get if info.schemaless else None
    failed: list[tuple[str, Error]] = []
    # What is usual is never empty; but it may be one of the caller's own empty values.
    usually = empties is EMPTY
    for name, usual, step, default in plan:
        if name not in given:
            continue
        param = given[name]
        value = usual(param) if usually else None
        if value is None and param is not None:
            field = step.field
            # A text that is not empty goes straight to its type.
            outcome: Any = (
                step.cast(param)
                if step.text and trim and param.__class__ is str and param.lstrip() not in empties
                else _filled(field, param, empties, trim=trim)
            )
            if outcome.__class__ is Err:
                failed.append((name, _error(info, field, outcome, message)))
                continue
            value = outcome.value
        if step.mutable:
            stored = base_value(data, step.field)
        elif is_new:
            stored = default
        else:
            stored = getattr(data, name, None) if get is None else get(name)
        if stored is None and value is not None:
            changes[name] = value
        elif not force and (
            value is stored
            or (stored is not None and (stored == value if step.plain else same(step.field.type, stored, value)))
        ):
            changes.pop(name, None)
        elif value is not None or step.field.nullable:
            changes[name] = value
        elif stored is None:
            changes.pop(name, None)
        else:
            failed.append((name, _blank(name, message)))
    return failed


def _planned(info: SchemaInfo, permitted: tuple[Any, ...]) -> tuple[tuple[str, ...], Plan]:
    """Return the fields of some columns and how they are cast, and keep it for the next time."""
    names = tuple(dict.fromkeys([field_name(info, column) for column in permitted]))
    fields = [info.fields[name] for name in names]
    steps = [(one.name, one.type.usual() or _nothing, _step(one), one.options.default) for one in fields]
    plan = names, tuple(steps)
    if len(info.casts) >= _MOST_PLANS:
        info.casts.clear()
    info.casts[permitted] = plan
    return plan


def _step(field: FieldInfo) -> Step:
    type_ = field.type
    return Step(
        field,
        type_.cast,
        type_.__class__ is not Binary,
        type_.mutable or not field.options.load_in_query,
        type_.__class__ in _PLAIN,
    )


def _without_params(changeset: C, permitted: tuple[str, ...]) -> C:
    """Return the changeset of a form that nobody has sent yet: not valid, without an error."""
    made = draft(changeset)
    made.permitted = changeset.permitted + permitted
    made.valid = False
    return sealed(made, changeset.__class__)


def _filled(field: FieldInfo, value: Any, empties: Sequence[object], *, trim: bool) -> Ok[Any] | Err:
    """Return the value that a param stands for; what is empty becomes the field's default."""
    type_ = field.type
    if isinstance(value, str):
        if (value.lstrip() if trim and type_.__class__ is not Binary else value) in empties:
            return Ok(_default(field))
    else:
        if type_.__class__ is ArrayType and isinstance(value, list | tuple):
            trim = trim and cast("Any", type_).element.__class__ is not Binary
            items = cast("list[Any]", value)
            value = [item for item in items if not _is_empty(item, empties, trim=trim)]
        if value in empties:
            return Ok(_default(field))
    return type_.cast(value)


def _is_empty(item: Any, empties: Sequence[object], *, trim: bool) -> bool:
    return (item.lstrip() if trim and isinstance(item, str) else item) in empties


def _default(field: FieldInfo) -> Any:
    options = field.options
    return options.default if options.default_factory is None else options.default_factory()


def _error(info: SchemaInfo, field: FieldInfo, err: Any, message: MessageOf | None) -> Error:
    meta = {"type": field.type.name, "validation": "cast"}
    # What a type of the application's own says may quote the value, which a redacted field never shows.
    if field.name in info.redacted:
        return refusal(INVALID, message and message(field.name, meta), **meta)
    meta = {**meta, **err.meta}
    return refusal(err.message, message and message(field.name, meta), **meta)


def _blank(name: str, message: MessageOf | None) -> Error:
    meta = {"validation": "required"}
    return refusal(BLANK, message and message(name, meta), **meta)


def _checked(params: Any) -> dict[str, Any]:
    if params.__class__ is not dict and not isinstance(params, Mapping):
        raise CastError(
            f"`cast` takes params, a mapping with str keys, and got a value of {params.__class__.__name__}",
            hint="a struct is no params: put what it has, or begin with it, as `change(struct)`"
            if isinstance(params, Schema)
            else "values that the program knows are put: `put_change(User.name, 'Ada')`; for a form that was not sent "
            "yet the params are None",
        )
    mapping = cast("Any", params)
    given: dict[str, Any] = mapping.copy() if mapping.__class__ is dict else dict(mapping)
    for key in given:
        if key.__class__ is not str and not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise CastError(
                f"`cast` takes params with str keys, and got a key of {key.__class__.__name__}",
                hint='params are keyed by the names of fields, as forms and JSON are: `{"name": "Ada"}`',
            )
    return given


def _listed(empty_values: Any) -> Sequence[object]:
    if empty_values.__class__ is tuple or isinstance(empty_values, list):
        return cast("Sequence[object]", empty_values)
    raise SchemaError(
        f"`empty_values` is a tuple of values, got {empty_values!r:.60}", hint='write `empty_values=("", "N/A")`'
    )
