"""Params from outside become changes: filtered by what is permitted, cast by the field's type, compared with the data.

The rules are Ecto's (https://hexdocs.pm/ecto/Ecto.Changeset.html#cast/4), with two departures: a field that is cast
back to its stored value loses its change, and None for a field that cannot be None is an error at once.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from ectype.errors import CastError, SchemaError
from ectype.expr.operand import Column
from ectype.result import Err, Ok
from ectype.schema.changeset_data import ChangesetData, draft, same, sealed
from ectype.schema.field_error import Error
from ectype.schema.members import field_name
from ectype.schema.meta import FieldInfo, FieldOptions
from ectype.schema.stored_value import base_value
from ectype.types.containers import ArrayType
from ectype.types.scalars import Binary

C = TypeVar("C", bound=ChangesetData[Any])

BLANK: Final = Error("can't be blank", validation="required")


def cast_params(changeset: C, params: Any, permitted: tuple[Any, ...], empty_values: Sequence[object]) -> C:
    """Return the changeset with the permitted params as changes, and an error for each that does not fit.

    Raises:
        CastError: the params are no mapping with str keys.
        SchemaError: a column of another schema, or none at all.
    """
    given = _checked(params)
    empties = _listed(empty_values)
    info, data = changeset.info, changeset.data
    source, fields = info.source, info.fields
    changes = changeset.changes.copy()
    failed: list[tuple[str, Error]] = []
    for column in permitted:
        # What `field_name` does, without its call: this loop is what a changeset costs.
        name = column.name if column.__class__ is Column and column.node.source is source else field_name(info, column)
        if name not in given:
            continue
        field, value = fields[name], given[name]
        type_ = field.type
        if value is not None:
            outcome = (
                type_.cast(value)
                if value.__class__ is str and value.lstrip() not in empties and type_.__class__ is not Binary
                else _filled(field, value, empties)
            )
            if isinstance(outcome, Err):
                failed.append((name, _error(field, outcome, redacted=name in info.redacted)))
                continue
            value = outcome.value
        stored = base_value(data, field) if type_.mutable else getattr(data, name, None)
        if value is stored or (stored is not None and same(type_, stored, value)):
            changes.pop(name, None)
        elif value is None and not field.nullable:
            failed.append((name, BLANK))
        else:
            changes[name] = value
    made = draft(changeset)
    made.changes = MappingProxyType(changes)
    made.params = MappingProxyType(given if changeset.params is None else {**changeset.params, **given})
    if failed:
        made.errors = (*changeset.errors, *failed)
        made.uncast = (*changeset.uncast, *[name for name, _ in failed])
        made.valid = False
    return sealed(made, changeset.__class__)


def _filled(field: FieldInfo, value: Any, empties: Sequence[object]) -> Ok[Any] | Err:
    """Return the value that a param stands for; what is empty becomes the field's default."""
    type_ = field.type
    if isinstance(value, str):
        if (value if type_.__class__ is Binary else value.lstrip()) in empties:
            return Ok(_default(field.options))
    else:
        if type_.__class__ is ArrayType and isinstance(value, list | tuple):
            value = [item for item in cast("list[Any]", value) if not _is_empty(item, type_, empties)]
        if value in empties:
            return Ok(_default(field.options))
    return type_.cast(value)


def _is_empty(item: Any, array: Any, empties: Sequence[object]) -> bool:
    if isinstance(item, str) and array.element.__class__ is not Binary:
        item = item.lstrip()
    return item in empties


def _default(options: FieldOptions) -> Any:
    return options.default if options.default_factory is None else options.default_factory()


def _error(field: FieldInfo, err: Err, *, redacted: bool) -> Error:
    meta = {"type": field.type.name, "validation": "cast"}
    # What a type of the application's own says may quote the value, which a redacted field never shows.
    return Error("is invalid", **meta) if redacted else Error(err.message, **{**meta, **err.meta})


def _checked(params: Any) -> dict[str, Any]:
    if params.__class__ is not dict and not isinstance(params, Mapping):
        raise CastError(
            f"`cast` takes params, a mapping with str keys, and got {_described(params)}",
            hint="values that the program knows are put: `put_change(User.name, 'Ada')`",
        )
    given: dict[str, Any] = dict(params)  # pyright: ignore[reportUnknownArgumentType]
    for key in given:
        if key.__class__ is not str and not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise CastError(
                f"`cast` takes params with str keys, and got a key of {key.__class__.__name__}",
                hint='params are keyed by the names of fields, as forms and JSON are: `{"name": "Ada"}`',
            )
    return given


def _described(params: object) -> str:
    return "None" if params is None else f"a value of {params.__class__.__name__}"


def _listed(empty_values: Any) -> Sequence[object]:
    if empty_values.__class__ is tuple or isinstance(empty_values, list):
        return cast("Sequence[object]", empty_values)
    raise SchemaError(
        f"`empty_values` is a tuple of values, got {empty_values!r:.60}", hint='write `empty_values=("", "N/A")`'
    )
