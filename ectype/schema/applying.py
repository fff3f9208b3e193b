"""The struct that a changeset makes, related structs included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ectype.schema.associations import Association
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.structs import UNSET, restore, state_of


def applied(changeset: ChangesetData[Any]) -> Any:
    """Return the struct with the changes, valid or not. Its state stays what it was."""
    changes, data = changeset.changes, changeset.data
    if not changes:
        return data
    values = applied_changes(changeset)
    state = {**state_of(data), **values}
    for name, association in changeset.info.associations.items():
        if association.kind == "belongs_to":
            if name in values:
                _point(state, association)
            elif name in state and any(key in values for key in association.keys_here):
                forget_other(state, association)
    return restore(data.__class__, state)


def applied_changes(changeset: ChangesetData[Any]) -> dict[str, Any]:
    """Return the changes with structs where entries of relations are."""
    cls = changeset.inner
    return {name: _applied(value, cls) for name, value in changeset.changes.items()}


def _applied(value: Any, cls: type[Any]) -> Any:
    if value.__class__ is cls:
        return None if gone(value) else applied(value)
    if value.__class__ is tuple and (not value or value[0].__class__ is cls):
        return [applied(child) for child in value if not gone(child)]
    return value


def gone(child: ChangesetData[Any]) -> bool:
    """Whether the entry of a relation will not be there any more."""
    return child.action in ("delete", "replace")


def _point(state: dict[str, Any], association: Association) -> None:
    """Let the foreign key follow the struct that it points to."""
    related = state[association.name]
    for here, there in zip(association.owner_keys, association.related_keys, strict=True):
        value = None if related is None else getattr(related, there, UNSET)
        if value is not UNSET:
            state[here] = value


def forget_other(state: dict[str, Any], association: Association) -> None:
    """Drop a loaded struct to which the foreign key points no more: it is not loaded then."""
    keys = [state.get(key) for key in association.owner_keys]
    if not points_to(association, keys, state[association.name]):
        del state[association.name]


def points_to(association: Association, keys: Sequence[Any], related: Any) -> bool:
    """Whether a foreign key is that of a loaded struct, or of none."""
    if related is None:
        return None in keys
    return list(keys) == [getattr(related, there, None) for there in association.related_keys]
