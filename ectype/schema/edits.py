"""Changes that a program makes, as `put_change`: values are trusted to be of their field's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from ectype.errors import SchemaError
from ectype.expr import nodes
from ectype.expr.operand import Assignment, Expr
from ectype.schema.changeset_data import (
    ChangesetData,
    Lock,
    Seldom,
    draft,
    same,
    sealed,
    with_changes,
    with_errors,
)
from ectype.schema.embed_relations import error_key, relation_for
from ectype.schema.field_error import Error
from ectype.schema.invalid_changeset import InvalidChangesetError
from ectype.schema.members import embed_instead, field_name
from ectype.schema.nesting import all_valid
from ectype.schema.reading import get_field
from ectype.schema.relations import SAME, recorded
from ectype.schema.stored_value import base_value
from ectype.types.numeric import Integer

C = TypeVar("C", bound=ChangesetData[Any])


def put(changeset: C, column: Any, value: Any) -> C:
    """Return the changeset with a change, or without it when the value is the one the struct has."""
    return put_value(changeset, field_name(changeset.info, column), value)


def put_value(changeset: C, name: str, value: Any) -> C:
    """Return the changeset with a change of the field of a name, as `put`."""
    field = changeset.info.fields[name]
    if same(field.type, base_value(changeset.data, field), value):
        return _without(changeset, name)
    return _with(changeset, name, value)


def force(changeset: C, column: Any, value: Any) -> C:
    """Return the changeset with a change, whatever the struct has."""
    return _with(changeset, field_name(changeset.info, column), value)


def delete(changeset: C, column: Any) -> C:
    """Return the changeset without the change of a field, or of a relation and the refusals inside it."""
    relation = relation_for(changeset.info, column, "delete_change")
    if relation is not None:
        return recorded(changeset, relation.name, SAME)
    return _without(changeset, field_name(changeset.info, column))


def update(changeset: C, column: Any, function: Callable[[Any], Any]) -> C:
    """Return the changeset with the change of a field put through a function; without a change it is not called."""
    name = field_name(changeset.info, column)
    if name not in changeset.changes:
        return changeset
    return put_value(changeset, name, function(changeset.changes[name]))


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
        if column.name in changeset.info.embeds:
            raise embed_instead(changeset.info, column.name)
        if one.node is nodes.PARAM:
            changeset = put_value(changeset, column.name, one.params[0])
        elif one.node is nodes.NULL:
            changeset = put_value(changeset, column.name, None)
        else:
            raise _expression(f"{column.source.label}.{column.name}", changeset.info.name)
    return changeset


def add_error(changeset: C, field: Any, message: Any, meta: Mapping[str, Any]) -> C:
    """Return the changeset with an error of a field, or of a key that is no field."""
    key = field if isinstance(field, str) else error_key(changeset.info, field, "add_error")
    if not isinstance(message, str):
        raise SchemaError(
            f"the message of an error is a text, got {message!r:.60}",
            hint='write `add_error(User.name, "is odd", code="odd")`',
        )
    return with_errors(changeset, (key, Error(message, **meta)))


def act(changeset: C, action: Any) -> C:
    """Return the changeset with an action."""
    if not isinstance(action, str) or not action:
        raise SchemaError(f"an action is a text, got {action!r:.60}", hint='write "insert", "update" or "validate"')
    made = draft(changeset)
    made.seldom = made.seldom.doing(action)
    return sealed(made, changeset.__class__)


def valid(changeset: C, action: str) -> C:
    """Return the changeset with an action. Raises InvalidChangesetError when it is not valid."""
    acted = act(changeset, action)
    if not acted.valid:
        raise InvalidChangesetError(acted)
    return acted


def merge(changeset: C, other: Any) -> C:
    """Return two changesets of one struct in one; what both say is taken from the other.

    Raises:
        SchemaError: it is no changeset of that struct, or its action is another.
    """
    if other.__class__ is not changeset.__class__:
        raise SchemaError(f"`merge` takes a changeset, got {other!r:.60}", hint="write `first.merge(second)`")
    more = cast("ChangesetData[Any]", other)
    if more.info is not changeset.info or (more.data is not changeset.data and more.data != changeset.data):
        raise SchemaError(
            f"the two changesets to merge are of different data: {changeset.info.name} and {more.info.name}",
            hint="merge changesets that began with the same struct; a second struct has a changeset of its own",
        )
    if changeset.action and more.action and changeset.action != more.action:
        raise SchemaError(
            f"the two changesets to merge have different actions: {changeset.action!r} and {more.action!r}",
            hint="say what is being done once, after the merge: `with_action(…)`",
        )
    made = draft(changeset)
    made.changes = MappingProxyType({**changeset.changes, **more.changes})
    made.constraints = changeset.constraints + more.constraints
    made.errors = changeset.errors + tuple([one for one in more.errors if one not in changeset.errors])
    if more.params is not None:
        made.params = MappingProxyType({**(changeset.params or {}), **more.params})
    made.permitted = tuple(dict.fromkeys(changeset.permitted + more.permitted))
    made.required = tuple(dict.fromkeys(changeset.required + more.required))
    made.seldom = Seldom(
        changeset.action or more.action,
        changeset.casts + more.casts,
        changeset.locks + more.locks,
        changeset.preparations + more.preparations,
        changeset.touched or more.touched,
    )
    made.uncast = tuple(dict.fromkeys(changeset.uncast + more.uncast))
    made.valid = _merged_valid(changeset, more, made.changes)
    made.validations = changeset.validations + more.validations
    return sealed(made, changeset.__class__)


def _merged_valid(changeset: ChangesetData[Any], more: ChangesetData[Any], changes: Mapping[str, Any]) -> bool:
    """Whether both are valid, less what relations of the first had that the second replaces."""
    cls = changeset.inner
    own = changeset.valid or bool(not changeset.errors and not all_valid(changeset.changes, cls))
    return own and more.valid and all_valid(changes, cls)


_LAST: Final = 2_147_483_647
"""The last number of a lock that counts, as in Ecto: an `integer` of any database holds it."""


def following(number: int | None) -> int:
    """Return the number of a lock after another one.

    >>> following(1), following(2_147_483_647), following(None)
    (2, 1, 1)
    """
    return 1 if number is None or number >= _LAST else number + 1


def lock(changeset: C, column: Any, incrementer: Callable[[Any], Any] | None) -> C:
    """Return the changeset with an optimistic lock on a column.

    Raises:
        SchemaError: the column is no int and there is no incrementer; it is virtual, or locked already.
    """
    name = field_name(changeset.info, column)
    label = f"{changeset.info.name}.{name}"
    if incrementer is None and changeset.info.fields[name].type.__class__ is not Integer:
        raise SchemaError(
            f"`{label}` is no int, so `optimistic_lock` does not know what comes next",
            hint=f"say it: `optimistic_lock({label}, lambda before: …)`",
        )
    if name in changeset.info.virtual_names or name in [one.field for one in changeset.locks]:
        why = "virtual, so no row has it" if name in changeset.info.virtual_names else "locked already"
        raise SchemaError(f"`{label}` cannot be locked: it is {why}", hint="lock one column, once")
    if name in changeset.info.unwritable["update"]:
        raise SchemaError(
            f"`{label}` cannot be locked: an update may not write it, and a lock moves at each",
            hint=f"drop `writable` of `{label}`",
        )
    made = draft(changeset)
    lock = Lock(name, get_field(changeset, column, None), incrementer or following)
    made.seldom = made.seldom._replace(locks=(*changeset.locks, lock))
    return sealed(made, changeset.__class__)


def prepare(changeset: C, function: Any) -> C:
    """Return the changeset with one more function to call before it is written."""
    if not callable(function):
        raise SchemaError(
            f"`prepare_changes` takes a function of the changeset and the repo, got {function!r:.60}",
            hint="write `async def count(changeset, repo): …; return changeset`",
        )
    made = draft(changeset)
    made.seldom = made.seldom._replace(preparations=(*changeset.preparations, function))
    return sealed(made, changeset.__class__)


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
