"""What a changeset says of one field: its change, or what its struct has."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

from ectype.errors import SchemaError
from ectype.schema.applying import applied, gone
from ectype.schema.changeset_data import ChangesetData, begun, same, sealed
from ectype.schema.embed_relations import relation_for
from ectype.schema.members import field_name
from ectype.schema.meta import struct_info
from ectype.schema.relation_checks import is_absent
from ectype.schema.relations import Relation, unchanged
from ectype.schema.stored_value import base_value, is_unread, value_of
from ectype.schema.structs import UNSET


def get_field(changeset: ChangesetData[Any], column: Any, default: Any) -> Any:
    """Return the change of a field, else what the struct has, else `default`."""
    name = field_name(changeset.info, column)
    if name in changeset.changes:
        return changeset.changes[name]
    return value_of(changeset.data, name, default)


def fetch_field(changeset: ChangesetData[Any], column: Any) -> Any:
    """Return where the value of a field stands, and the value; None while it has none."""
    name = field_name(changeset.info, column)
    if name in changeset.changes:
        return "changes", changeset.changes[name]
    value = value_of(changeset.data, name, UNSET)
    return None if value is UNSET else ("data", value)


def get_change(changeset: ChangesetData[Any], column: Any, default: Any) -> Any:
    """Return the change of a field, else `default`."""
    return changeset.changes.get(field_name(changeset.info, column), default)


def changed(
    changeset: ChangesetData[Any], column: Any, from_: Any | EllipsisType = ..., to: Any | EllipsisType = ...
) -> bool:
    """Whether a field has a change; with `from_` or `to`, whether it goes from or to that value."""
    relation = relation_for(changeset.info, column, "changed")
    if relation is not None:
        return _relation_changed(changeset, relation, compared=from_ is not ... or to is not ...)
    name = field_name(changeset.info, column)
    if name not in changeset.changes:
        return False
    field = changeset.info.fields[name]
    return (from_ is ... or same(field.type, base_value(changeset.data, field), from_)) and (
        to is ... or same(field.type, changeset.changes[name], to)
    )


def _relation_changed(changeset: ChangesetData[Any], relation: Relation, *, compared: bool) -> bool:
    """Whether writing a relation would change something: an entry that stays as it is does not count."""
    if compared:
        raise SchemaError(
            f"`changed` does not compare entries, and `{relation.label}` is an "
            f"{'association' if relation.kind == 'assoc' else 'embed'}",
            hint=f"look at the entries: `changeset.get_{relation.kind}({relation.label})`",
        )
    if relation.name not in changeset.changes:
        return False
    change: Any = changeset.changes[relation.name]
    if change.__class__ is not tuple:
        return change is None or not unchanged(change)
    return not change or any(not unchanged(child) for child in change)


def field_missing(changeset: ChangesetData[Any], column: Any) -> bool:
    """Whether a field has no value, neither as a change nor in the struct: what `validate_required` refuses."""
    relation = relation_for(changeset.info, column, "field_missing")
    if relation is not None:
        return is_absent(changeset, relation)
    name = field_name(changeset.info, column)
    if name in changeset.info.unread and name not in changeset.changes and is_unread(changeset.data, name):
        return False
    return is_missing(get_field(changeset, column, None))


def is_missing(value: Any) -> bool:
    """Whether a value counts as none: None, and text of nothing but white space."""
    return value is None or (value.__class__ is str and (not value or value.isspace()))


def get_relation(changeset: ChangesetData[Any], relation: Relation, as_: str) -> Any:
    """Return the entries of a relation as they will be: a list of changesets or structs; or one, or None."""
    if as_ not in ("changeset", "struct"):
        raise SchemaError(f"as_={as_!r:.60} is no form of an entry", hint='it is "changeset" or "struct"')
    found: Any = changeset.changes.get(relation.name, UNSET)
    if found is UNSET:
        held: Any = relation.held(changeset.data)
        structs = [] if held is UNSET or held is None else held if relation.many else [held]
        found = [sealed(begun(one, struct_info(one)), changeset.inner) for one in structs]
    elif not relation.many:
        found = [] if found is None else [found]
    there: list[Any] = [child if as_ == "changeset" else applied(child) for child in found if not gone(child)]
    return there if relation.many else there[0] if there else None
