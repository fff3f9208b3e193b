"""The struct that is in the database after a write: what it was, what was sent, what came back."""

from collections.abc import Mapping, Sequence
from typing import Any

from ectype.repo.loader import frozen
from ectype.schema.applying import points_to
from ectype.schema.associations import Association
from ectype.schema.meta import Meta, SchemaInfo, State, intern_meta
from ectype.schema.structs import UNSET, partial_names
from ectype.types.base import Target


def loaded_meta(info: SchemaInfo, prefix: str | None, table: str | None = None, state: State = "loaded") -> Meta:
    """Return the meta of a struct that was written under a prefix, in a table when it is not the schema's own."""
    return intern_meta(state, table or info.table, prefix if table else info.prefix or prefix)


def stored(
    info: SchemaInfo, data: Any, values: Mapping[str, Any], where: Meta, originals: tuple[Any, ...] | None
) -> Any:
    """Return the struct with these values, and its own where it has no other.

    Args:
        info: what is known of the schema.
        data: the struct that was written.
        values: by name, what is stored now, virtual changes too.
        where: its meta.
        originals: what lists and documents are compared with later (see `originals_of`); None to keep what there is.
    """
    made: Any = info.twin()
    for name in info.field_names:
        value = values[name] if name in values else getattr(data, name, UNSET)
        if value is not UNSET:
            setattr(made, name, value)
    for name, association in info.associations.items():
        value = getattr(data, f"_assoc_{name}", UNSET)
        if value is not UNSET and not _is_elsewhere(association, value, made, values):
            setattr(made, f"_assoc_{name}", value)
    if info.associations and (partial := partial_names(data)):
        made._partial = partial  # noqa: SLF001  # a slot of every struct with associations
    if info.mutable_names:
        kept = getattr(data, "_frozen", None) if originals is None else originals
        if kept is not None:
            made._frozen = kept  # noqa: SLF001  # a slot of every struct
    made._meta = where  # noqa: SLF001  # as above
    made.__class__ = info.schema
    return made


def _is_elsewhere(association: Association, value: Any, made: Any, values: Mapping[str, Any]) -> bool:
    """Whether a foreign key was written, and points no more to what was loaded for it."""
    if association.kind != "belongs_to" or not any(key in values for key in association.keys_here):
        return False
    return not points_to(association, [getattr(made, key, None) for key in association.owner_keys], value)


def originals_of(
    info: SchemaInfo,
    target: Target,
    sent: Mapping[str, Any],
    back: Mapping[str, Any],
    data: Any,
) -> tuple[Any, ...]:
    """Return what change detection compares lists and documents with, since these can be changed in place.

    Args:
        info: what is known of the schema.
        target: how values are stored.
        sent: the parameters that were sent, by field name, as they were dumped.
        back: the values that came back, by field name, loaded.
        data: the struct before the write; it says what was stored in the fields that were not written.
    """
    before: Sequence[Any] | None = getattr(data, "_frozen", None)
    found: list[Any] = []
    for position, name in enumerate(info.mutable_names):
        if name in sent and name not in back:
            found.append(frozen(sent[name]))
        elif before is not None and name not in back:
            found.append(before[position])
        else:
            value = back.get(name, getattr(data, name, None))
            dump = info.fields[name].type.codec(target).dump
            found.append(None if value is None else frozen(dump(value)))
    return tuple(found)
