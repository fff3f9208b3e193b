"""The entries of associations as a write sees them: when each is written, and with which keys and prefix."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ectype.errors import SchemaError
from ectype.schema.association_relations import AssociationRelation
from ectype.schema.changeset import Changeset
from ectype.schema.changeset_data import begun, draft, sealed
from ectype.schema.edits import put_value
from ectype.schema.meta import intern_meta, meta
from ectype.schema.structs import UNSET, placed

CHANGESET: Final[type[Changeset[Any]]] = Changeset


class Job(NamedTuple):
    """One related row to write.

    Attributes:
        relation: whose it is.
        place: where it stands among the entries; None for the one, -1 for what is replaced there.
        child: its changeset.
    """

    relation: AssociationRelation
    place: int | None
    child: Changeset[Any]

    @property
    def removes(self) -> bool:
        """Whether the row goes, or is not the owner's any more."""
        return self.child.action in ("delete", "replace")

    @property
    def phase(self) -> int:
        """When it is written: removals, updates, inserts."""
        return 0 if self.removes else 1 if self.child.action == "update" else 2


def owned(relation: AssociationRelation, child: Changeset[Any], owner: Any) -> Changeset[Any]:
    """Return the changeset of an entry with its foreign key to the owner, whatever it says itself."""
    association = relation.association
    for here, there in zip(association.owner_keys, association.related_keys, strict=True):
        child = put_value(child, there, key_part(owner, here, relation))
    return child


def key_part(struct: Any, name: str, relation: AssociationRelation) -> Any:
    """Return a value of the key by which two structs are tied. Raises SchemaError when there is none."""
    value = getattr(struct, name, None)
    if value is None:
        schema = struct.__class__.__schema__.name
        raise SchemaError(
            f"`{relation.label}` is tied by `{schema}.{name}`, which has no value after the write",
            hint=f"where the database fills it, read it back: `{name}: Field[…] = field(read_after_writes=True)`",
        )
    return value


def as_given(job: Job, failed: Changeset[Any]) -> Changeset[Any]:
    """Return the changeset of an entry as it was, but for its errors: the foreign key was not its own change."""
    made = draft(failed)
    made.data = job.child.data
    association = job.relation.association
    if association.join is None and association.kind != "belongs_to":
        changes = failed.changes.copy()
        for name in association.related_keys:
            if name in job.child.changes:
                changes[name] = job.child.changes[name]
            else:
                changes.pop(name, None)
        made.changes = MappingProxyType(changes)
    return sealed(made, CHANGESET)


def under(relation: AssociationRelation, child: Changeset[Any], prefix: str | None) -> Changeset[Any]:
    """Return the changeset of a new entry in the table of its association and under the prefix of its owner.

    One that says its own stands there.
    """
    struct = relation.settled(child.data)
    where = meta(struct)
    if prefix is not None and where.state == "built" and where.prefix is None:
        struct = placed(struct, intern_meta(where.state, where.source, prefix))
    if struct is child.data:
        return child
    made = draft(child)
    made.data = struct
    return sealed(made, CHANGESET)


def check_table(relation: AssociationRelation, child: Changeset[Any]) -> None:
    """Raise SchemaError for a stored row of another table than the association's: it would stay there."""
    source, where = relation.association.options.source, meta(child.data)
    if source is not None and where.state == "loaded" and where.source != source:
        raise SchemaError(
            f"the rows of `{relation.label}` stand in `{source}`, and this {relation.related.name} came from "
            f"`{where.source}`",
            hint=f'read it from there, `source({relation.related.name}, "{source}")`, or give its values by member',
        )


def check_nilified(relation: AssociationRelation) -> None:
    """Raise SchemaError where a foreign key is to become NULL that is never None."""
    association = relation.association
    if relation.on_replace not in ("nilify", "update") or association.kind in ("belongs_to", "many_to_many"):
        return
    for name in association.related_keys:
        if not relation.related.fields[name].nullable:
            raise SchemaError(
                f"an entry of `{relation.label}` is replaced, so `{relation.related.name}.{name}` should become NULL, "
                "and it is never None",
                hint=f'write `{name}: Field[int | None]`, or `on_replace="delete"` for `{relation.label}`',
            )


def replaced_one(owner: Any, relation: AssociationRelation, new: Any) -> Changeset[Any] | None:
    """Return the changeset of the one that a struct has, when it is stored, and another than the new one."""
    held = getattr(owner, f"_assoc_{relation.name}", UNSET)
    if held is UNSET or held is None or not relation.stored(held):
        return None
    if new is not None and relation.key_of(new) == relation.key_of(held):
        return None
    check_nilified(relation)
    made = begun(held, relation.related)
    made.seldom = made.seldom.doing("replace")
    return sealed(made, CHANGESET)
