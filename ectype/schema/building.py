"""Structs made from others: a new one for an association, tied to its owner; a copy whose members are loaded anew."""

from __future__ import annotations

from typing import Any, TypeVar, cast, overload

from ectype.errors import SchemaError
from ectype.expr.operand import Attr
from ectype.schema.association_relations import association_of, default_values
from ectype.schema.members import field_name
from ectype.schema.meta import SchemaInfo, intern_meta, meta, struct_info
from ectype.schema.rel import Rel
from ectype.schema.schema import Schema, StructOf
from ectype.schema.structs import placed, without

M = TypeVar("M", bound=Schema)
M2 = TypeVar("M2", bound=Schema)


@overload
def build_assoc(owner: StructOf[M], rel: Rel[M, list[M2]], **values: Any) -> M2: ...
@overload
def build_assoc(owner: StructOf[M], rel: Rel[M, M2 | None], **values: Any) -> M2: ...
@overload
def build_assoc(owner: StructOf[M], rel: Rel[M, M2], **values: Any) -> M2: ...
def build_assoc(owner: Any, rel: Any, **values: Any) -> Any:
    """Return a new struct for an association: with its defaults, these values, and its foreign key to the owner.

    The foreign key is there for `has_one` and `has_many`. For `belongs_to` it is the owner's, and a struct never
    changes; a `many_to_many` is tied by a row between: put the new struct with `put_assoc`.

    Raises:
        SchemaError: no association of the owner's, or one that only follows others; a member that does not exist; the
            owner has no key yet.

    Example:
        `await repo.insert(build_assoc(post, Post.comments, body="first"))`
    """
    relation = association_of(struct_info(owner), rel, "build_assoc")
    association, info = relation.association, relation.related
    found = {**default_values(association, "defaults", info, owner), **values}
    if association.kind in ("has_one", "has_many"):
        for here, there in zip(association.owner_keys, association.related_keys, strict=True):
            key = getattr(owner, here, None)
            if key is None:
                raise SchemaError(
                    f"`{relation.label}` is tied by `{relation.owner.name}.{here}`, which this struct does not have",
                    hint="insert it first; or write both at once: "
                    f"`repo.insert(change(struct).put_assoc({relation.label}, …))`",
                )
            found[there] = key
    made = relation.settled(info.schema(**found))
    prefix = meta(owner).prefix
    if prefix is not None and info.prefix is None:
        made = placed(made, intern_meta("built", meta(made).source, prefix))
    return made


def reset_fields(struct: StructOf[M], *members: Attr[M, Any] | Rel[M, Any]) -> M:
    """Return a copy of a struct with some members as a new one has them, so that they can be loaded anew.

    A field gets its default, or is unset; an association is not loaded.

    Raises:
        SchemaError: a member of another schema.

    Example:
        `await repo.preload(reset_fields(user, User.posts), User.posts)`
    """
    info = struct_info(struct)
    names = [_member(info, one) for one in members]
    reset: M = without(cast("Any", struct), names)
    return reset


def _member(info: SchemaInfo, member: Any) -> str:
    if isinstance(member, Rel):
        hops = cast("Rel[Any, Any]", member).hops
        if len(hops) == 1 and hops[0].association.owner is info:
            return hops[0].association.name
        raise SchemaError(
            f"`{member!r}` is no association of {info.name}", hint=f"it has: {', '.join(info.associations) or 'none'}"
        )
    return field_name(info, member)
