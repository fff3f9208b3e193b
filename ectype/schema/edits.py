"""Changes that a program makes, as `put_change`: values are trusted to be of their field's type."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

from ectype.errors import SchemaError
from ectype.expr import nodes
from ectype.expr.operand import Assignment, Expr
from ectype.schema.changeset_data import ChangesetData, same, with_changes
from ectype.schema.members import field_name
from ectype.schema.stored_value import base_value

C = TypeVar("C", bound=ChangesetData[Any])


def put(changeset: C, column: Any, value: Any) -> C:
    """Return the changeset with a change, or without it when the value is the one the struct has."""
    return _put(changeset, field_name(changeset.info, column), value)


def _put(changeset: C, name: str, value: Any) -> C:
    field = changeset.info.fields[name]
    if same(field.type, base_value(changeset.data, field), value):
        return _without(changeset, name)
    return _with(changeset, name, value)


def force(changeset: C, column: Any, value: Any) -> C:
    """Return the changeset with a change, whatever the struct has."""
    return _with(changeset, field_name(changeset.info, column), value)


def delete(changeset: C, column: Any) -> C:
    """Return the changeset without the change of a field."""
    return _without(changeset, field_name(changeset.info, column))


def update(changeset: C, column: Any, function: Callable[[Any], Any]) -> C:
    """Return the changeset with the change of a field put through a function; without a change it is not called."""
    name = field_name(changeset.info, column)
    if name not in changeset.changes:
        return changeset
    return _put(changeset, name, function(changeset.changes[name]))


def assign(changeset: C, assignments: tuple[Assignment[Any], ...]) -> C:
    """Return the changeset with the change of each assignment put.

    Raises:
        SchemaError: an assignment of another schema, or of an expression.
    """
    for one in assignments:
        if not isinstance(one, Assignment):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise SchemaError(
                f"`change` takes assignments, got {one!r:.60}",
                hint=f"write `change(struct, {changeset.info.name}.<field>.set(value))`",
            )
        column = one.column
        if column.source is not changeset.info.source and getattr(column.source, "info", None) is not changeset.info:
            raise SchemaError(
                f"`{column.source.label}.{column.name}` is no column of {changeset.info.name}",
                hint=changeset.info.suggest(column.name),
            )
        if one.node is nodes.PARAM:
            changeset = _put(changeset, column.name, one.params[0])
        elif one.node is nodes.NULL:
            changeset = _put(changeset, column.name, None)
        else:
            raise _expression(f"{column.source.label}.{column.name}", changeset.info.name)
    return changeset


def _with(changeset: C, name: str, value: Any) -> C:
    if isinstance(value, Expr):
        raise _expression(f"{changeset.info.name}.{name}", changeset.info.name)
    changes = changeset.changes.copy()
    # A list that the caller keeps could change later, and a changeset does not.
    changes[name] = deepcopy(value) if value.__class__ in (list, dict) else value
    return with_changes(changeset, changes)


def _without(changeset: C, name: str) -> C:
    if name not in changeset.changes:
        return changeset
    changes = changeset.changes.copy()
    del changes[name]
    return with_changes(changeset, changes)


def _expression(label: str, schema: str) -> SchemaError:
    return SchemaError(
        f"a change is a value, and `{label}` was given an expression, which only the database can compute",
        hint=f"compute it in Python, or in the database: `repo.update_all(from_({schema}).where(…), {label}.set(…))`",
    )
