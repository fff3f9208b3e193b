"""What validations ask of a relation: whether it has an entry in the end, and how many a change gives it."""

from __future__ import annotations

from typing import Any, TypeVar

from ectype.schema.applying import gone
from ectype.schema.changeset_data import ChangesetData, with_errors
from ectype.schema.embed_relations import relation_of_member
from ectype.schema.field_error import Message, refusal
from ectype.schema.messages import BLANK
from ectype.schema.relations import Relation
from ectype.schema.structs import UNSET

C = TypeVar("C", bound=ChangesetData[Any])


def present(changeset: C, relation: Relation, message: Message | None) -> C:
    """Return the changeset, with an error when a relation has no entry and no error yet: "can't be blank".

    Raises:
        NotLoadedError: there is no change, and the relation of a loaded struct is not loaded.
    """
    name = relation.name
    if not is_absent(changeset, relation) or any(key == name for key, _ in changeset.errors):
        return changeset
    return with_errors(changeset, (name, refusal(BLANK, message, validation="required")))


def is_absent(changeset: ChangesetData[Any], relation: Relation) -> bool:
    """Whether a relation has no entry in the end. Raises NotLoadedError as `present` does."""
    if relation.name in changeset.changes:
        return not _staying(changeset, relation.name)
    held = relation.held(changeset.data)
    return held is UNSET or held is None or held == []


def _staying(changeset: ChangesetData[Any], name: str) -> list[Any]:
    """Return the changesets of the entries that a change leaves there."""
    change: Any = changeset.changes[name]
    if change.__class__ is not tuple:
        change = () if change is None else (change,)
    return [child for child in change if not gone(child)]


def required(changeset: C, rel: Any, message: Message | None) -> C:
    """Return the changeset with an error when a relation has no entry: `validate_required` of one."""
    return present(changeset, relation_of_member(changeset.info, rel, "validate_required"), message)


def counted(changeset: ChangesetData[Any], rel: Any, method: str) -> tuple[str, list[Any] | None]:
    """Return the name of a relation, and the entries that its change leaves there; None without a change."""
    name = relation_of_member(changeset.info, rel, method).name
    return name, _staying(changeset, name) if name in changeset.changes else None


def staying(changeset: ChangesetData[Any], relation: Relation) -> Any:
    """Return the changesets of the entries that a change leaves there, a list or the one; None without any."""
    if relation.name not in changeset.changes:
        return None
    entries = _staying(changeset, relation.name)
    return entries if relation.many else next(iter(entries), None)
