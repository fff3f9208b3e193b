"""Embeds as the relations of a changeset: what a struct holds, by its value at load, and how entries are recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ectype.errors import NotLoadedError, SchemaError
from ectype.schema.applying import applied
from ectype.schema.association_relations import association_of, relation_of
from ectype.schema.changeset_data import ChangesetData
from ectype.schema.embed_type import EmbedType
from ectype.schema.embeds import Embed, EmbedOptions
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, meta
from ectype.schema.rel import Rel
from ectype.schema.relations import Relation, Strategy
from ectype.schema.stored_value import stored_value
from ectype.schema.structs import UNSET


class EmbedRelation(Relation):
    """An embed of a schema.

    Structs of a schema without a primary key are values: nothing recognises one. Where nothing else is said, one that
    is stored takes new params, and a list of them is replaced as a whole.

    Attributes:
        type: the type of its column.
        nullable: whether it may hold None.
    """

    kind = "embed"
    ordered = True

    def __init__(self, owner: SchemaInfo, name: str) -> None:
        field = owner.fields[name]
        self.type = cast("EmbedType", field.type)
        self.nullable = field.nullable
        self.keyless = not any(info.primary_key for info in self.type.infos)
        options = cast("EmbedOptions", owner.declarations[name].embed)
        said = options.on_replace
        if said is None:
            said = "raise" if not self.keyless else "delete" if self.type.many else "update"
        super().__init__(
            owner, name, self.type.infos[0], many=self.type.many, on_replace=cast("Strategy", said), unique=True
        )

    def held(self, struct: Any) -> Any:
        """Return what was loaded, as it was then, or given to the constructor. Raises NotLoadedError as its base."""
        if self.owner.schemaless:
            return struct.get(self.name, UNSET)
        value = stored_value(struct, self.name)
        if value is UNSET and meta(struct).state != "built":
            raise NotLoadedError(
                f"`{self.label}` was not selected, so nobody knows what it holds",
                hint=f"read the whole struct, or select it too: `only({self.label}, …)`",
            )
        return value

    @property
    def tag(self) -> str | None:
        """The member that says of which schema an entry is."""
        return self.type.tag

    def build(self, owner: Any, info: SchemaInfo) -> Any:  # noqa: ARG002  # that of its base
        """Return a new struct of one of its schemas."""
        return info.schema()

    def stored(self, struct: Any) -> bool:
        """Whether a struct was loaded."""
        return meta(struct).state == "loaded"

    def action_of(self, struct: Any) -> str:
        """Return `insert` for a new struct, and for one that was loaded with another owner, which gets a copy."""
        return "update" if self.stored(struct) else "insert"

    @property
    def schemas(self) -> tuple[SchemaInfo, ...]:
        """The schemas of its entries."""
        return self.type.infos

    def admits(self, info: SchemaInfo) -> bool:
        """Whether structs of a schema are its entries."""
        return info in self.type.infos

    def schema_of(self, values: Mapping[str, Any]) -> SchemaInfo | None:
        """Return the schema of an entry that is given as values or params: the one that its tag names."""
        return self.related if self.type.tag is None else self.type.info_of(values.get(self.type.tag))

    def alike(self, held: Any, made: Sequence[ChangesetData[Any]]) -> bool:
        """Whether values without a key are those that are there, and nothing was refused of them."""
        if not self.keyless or held is UNSET or not all(child.valid for child in made):
            return False
        return self.type.equal(held, [applied(child) for child in made])


def embed_named(info: SchemaInfo, name: str) -> EmbedRelation:
    """Return the embed of a name."""
    known = info.relations.get(name)
    if known is None:
        known = info.relations[name] = EmbedRelation(info, name)
    return cast("EmbedRelation", known)


def embed_of(info: SchemaInfo, embed: Any, method: str) -> EmbedRelation:
    """Return the embed that a member means. Raises SchemaError when it is none of the schema's own."""
    if info.schemaless and isinstance(embed, str) and embed in info.embeds:
        return embed_named(info, embed)
    if isinstance(embed, Embed):
        one = cast("Embed[Any, Any]", embed)
        if getattr(one.reference.source, "info", None) is info:
            return embed_named(info, one.name)
    if info.schemaless:
        names = ", ".join(map(repr, info.embeds)) or "none"
        hint = f"it has: {names}; an embedded schema or a list of one is an embed: `types={{'address': Address}}`"
        raise SchemaError(f"`{method}` takes the name of an embed, got {embed!r:.60}", hint=hint)
    names = ", ".join(f"`{info.name}.{name}`" for name in info.embeds) or "none"
    raise SchemaError(f"`{method}` takes an embed of {info.name}, got {embed!r:.60}", hint=f"it has: {names}")


def relation_for(info: SchemaInfo, member: Any, method: str) -> Relation | None:
    """Return the relation that a member means, an association or an embed; None for a column."""
    if isinstance(member, Rel):
        return association_of(info, member, method)
    return embed_of(info, member, method) if is_embed(info, member) else None


def is_embed(info: SchemaInfo, member: Any) -> bool:
    """Whether a member is an embed: of a schema its column, of a mapping its name."""
    return isinstance(member, Embed) or (member.__class__ is str and info.schemaless and member in info.embeds)


def relation_of_member(info: SchemaInfo, member: Any, method: str) -> Relation:
    """Return the relation that a member means, which is known to be one."""
    return embed_of(info, member, method) if is_embed(info, member) else association_of(info, member, method)


def relation_named(info: SchemaInfo, name: str, method: str) -> Relation:
    """Return the relation of a name, an association or an embed."""
    return embed_named(info, name) if name in info.embeds else relation_of(info.associations[name], method)


def error_key(info: SchemaInfo, member: Any, method: str) -> str:
    """Return under which key errors of a member stand: the name of a field, an association or an embed."""
    relation = relation_for(info, member, method)
    return field_name(info, member) if relation is None else relation.name
