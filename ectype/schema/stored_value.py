"""The value that a struct's field has in the database: what a change is compared with."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from ectype.schema.meta import FieldInfo, SchemaInfo, meta, struct_info
from ectype.schema.structs import UNSET
from ectype.types.base import Type


def stored_value(struct: Any, name: str) -> Any:
    """Return the value that a field had when its struct was loaded, `UNSET` where it never had one.

    Lists and documents can change in place, so a loaded struct keeps what the driver gave for them, frozen; this is
    the one place that thaws it. Every other field is what the struct says.
    """
    info: SchemaInfo = struct_info(struct)
    frozen = getattr(struct, "_frozen", None)
    if frozen is not None and name in info.mutable_names:
        raw = frozen[info.mutable_names.index(name)]
        return raw if raw is UNSET else _thawed(info.fields[name].type, raw)
    return getattr(struct, name, UNSET)


def value_of(data: Any, name: str, default: Any = None) -> Any:
    """Return a value of what a changeset changes, a struct or the mapping of a schemaless one."""
    return data.get(name, default) if data.__class__ is MappingProxyType else getattr(data, name, default)


def base_value(struct: Any, field: FieldInfo) -> Any:
    """Return what a change of a field is compared with: its stored value, None while it has none.

    A stored value that was not read is `UNSET`, which nothing equals.
    """
    if struct.__class__ is MappingProxyType:
        return value_of(struct, field.name)
    stored = stored_value(struct, field.name) if field.type.mutable else getattr(struct, field.name, UNSET)
    return None if stored is UNSET and not is_unread(struct, field.name) else stored


def is_unread(struct: Any, name: str) -> bool:
    """Whether a field has a stored value that its struct was loaded without, by `load_in_query=False`."""
    if struct.__class__ is MappingProxyType:
        return False
    info = struct_info(struct)
    return name in info.unread and meta(struct).state == "loaded" and getattr(struct, name, UNSET) is UNSET


def _thawed(type_: Type[Any], raw: Any) -> Any:
    """Load a frozen value again: JSON text reads the same on every database, a tuple was an array of PostgreSQL."""
    if raw is None:
        return [] if type_.empty else None
    if raw.__class__ is tuple:
        load, raw = type_.codec("postgres").load, list(raw)
    else:
        load = type_.codec("sqlite").load
    return raw if load is None else load(raw)
