"""Associations as the relations of a changeset: what a struct has loaded, and what a new related struct begins with."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from ectype.errors import NotLoadedError, SchemaError
from ectype.schema.associations import Association, not_loaded
from ectype.schema.meta import SchemaInfo, intern_meta, meta
from ectype.schema.rel import PLAIN, Rel
from ectype.schema.relations import Relation
from ectype.schema.structs import UNSET, partial_names, placed


class AssociationRelation(Relation):
    """An association of a schema.

    Attributes:
        association: the association.
    """

    kind = "assoc"
    ordered = False

    def __init__(self, association: Association) -> None:
        options = association.options
        super().__init__(
            association.owner,
            association.name,
            association.related,
            many=association.cardinality == "many",
            on_replace=options.on_replace,
            unique=options.unique or association.kind in ("has_one", "has_many"),
        )
        self.association = association

    def held(self, struct: Any) -> Any:
        """Return what was loaded, or given to the constructor. Raises NotLoadedError as `Relation.held`."""
        if self.name in partial_names(struct):
            raise NotLoadedError(
                f"`{self.label}` holds only some of its rows, since its preload was narrowed or an upsert wrote them: "
                "what is not among them cannot be told from what is to be replaced",
                hint=f"load all of them first:\n\n    struct = await repo.preload(struct, {self.label}, force=True)",
            )
        value = getattr(struct, f"_assoc_{self.name}", UNSET)
        if value is not UNSET or meta(struct).state == "built":
            return value
        if self.association.kind == "belongs_to":
            keys = [getattr(struct, name, UNSET) for name in self.association.owner_keys]
            if None in keys:
                return None
        raise not_loaded(struct, self.association)

    def build(self, owner: Any, info: SchemaInfo) -> Any:
        """Return a new related struct with the association's defaults."""
        return self.settled(info.schema(**default_values(self.association, "defaults", self.related, owner)))

    def settled(self, struct: Any) -> Any:
        """Return a new struct as one of the association's own table, where it names one and the struct does not."""
        source, where = self.association.options.source, meta(struct)
        if source is None or where.state != "built" or where.source != self.related.table:
            return struct
        return placed(struct, intern_meta("built", source, where.prefix))

    def stored(self, struct: Any) -> bool:
        """Whether a related struct was loaded."""
        return meta(struct).state == "loaded"

    def action_of(self, struct: Any) -> str:
        """Return what its state says: a new one is inserted, a loaded one updated, a deleted one deleted."""
        return _ACTIONS[meta(struct).state]


_ACTIONS = {"built": "insert", "loaded": "update", "deleted": "delete"}


def default_values(association: Association, option: str, info: SchemaInfo, owner: Any) -> dict[str, Any]:
    """Return the values that an association gives to new structs of a schema.

    Raises:
        SchemaError: they are no mapping, or of a member that the schema does not have.
    """
    given: Any = getattr(association.options, option)
    if given is None:
        return {}
    values: object = cast("object", given if isinstance(given, Mapping) else given(owner))
    if not isinstance(values, Mapping):
        raise SchemaError(
            f"the `{option}` of `{association.label}` give values by member, got {values!r:.80}",
            hint=f'write `{option}=lambda owner: {{"locale": owner.locale}}`',
        )
    named = cast("Mapping[str, Any]", values)
    for name in named:
        if name not in info.declarations:
            raise SchemaError(
                f"the `{option}` of `{association.label}` name `{name}`, which is no field of {info.name}",
                hint=info.suggest(name),
            )
    # A list or a document that all shared could be changed by one.
    return {name: deepcopy(value) for name, value in named.items()}


def association_of(info: SchemaInfo, rel: Any, method: str) -> AssociationRelation:
    """Return the association that a path means.

    Raises:
        SchemaError: it is no association of the schema, a path of several, a customised one, or one that only follows
            others.
    """
    if isinstance(rel, Rel):
        hops = cast("Rel[Any, Any]", rel).hops
        one = hops[0].association
        if len(hops) == 1 and one.owner is info and hops[0].custom is PLAIN:
            return relation_of(one, method)
    names = ", ".join(f"`{info.name}.{name}`" for name in info.associations) or "none"
    raise SchemaError(f"`{method}` takes an association of {info.name}, got {rel!r:.60}", hint=f"it has: {names}")


def relation_of(association: Association, method: str) -> AssociationRelation:
    """Return the relation of an association. Raises SchemaError for one that only follows others."""
    if association.follows:
        path = " / ".join(one.label for one in association.steps)
        raise SchemaError(
            f"`{method}` cannot change `{association.label}`, which only follows {path}",
            hint=f"change the first step, `{association.steps[0].label}`, and in its changesets the next",
        )
    if association.owner.embedded and method != "build_assoc":
        key = association.owner_keys[0]
        raise SchemaError(
            f"`{method}` cannot change `{association.label}`, since {association.owner.name} is embedded: of what it "
            "belongs to it stores the key only",
            hint=f"change the key: `put_change({association.owner.name}.{key}, {association.name}.id)`",
        )
    known = association.owner.relations.get(association.name)
    if known is None:
        known = association.owner.relations[association.name] = AssociationRelation(association)
    return cast("AssociationRelation", known)
