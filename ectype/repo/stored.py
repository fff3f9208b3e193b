"""The struct that is in the database after a write: what it was, what was sent, what came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    make = info.maker
    if make is None:
        make = info.maker = _maker(info)
    return make(data, values, where, originals)


def _maker(info: SchemaInfo) -> Callable[..., Any]:
    """Return `stored` of one schema, written as text: two thirds of the time of a loop over its slots."""
    scope: dict[str, Any] = {
        "twin": info.twin,
        "schema": info.schema,
        "unset": UNSET,
        "absent": object(),
        "partial_names": partial_names,
        "is_elsewhere": _is_elsewhere,
    }
    lines = ["def stored(data, values, where, originals):", "made = twin()", "get = values.get"]
    for name in info.field_names:
        lines += [
            f"value = get({name!r}, absent)",
            f"if value is absent: value = getattr(data, {name!r}, unset)",
            f"if value is not unset: made.{name} = value",
        ]
    for number, (name, association) in enumerate(info.associations.items()):
        scope[f"a{number}"] = association
        moved = f" and not is_elsewhere(a{number}, value, made, values)" if association.kind == "belongs_to" else ""
        lines += [
            f"value = getattr(data, '_assoc_{name}', unset)",
            f"if value is not unset{moved}: made._assoc_{name} = value",
        ]
    if info.associations:
        lines += ["value = partial_names(data)", "if value: made._partial = value"]
    if info.mutable_names:
        lines += [
            "value = getattr(data, '_frozen', None) if originals is None else originals",
            "if value is not None: made._frozen = value",
        ]
    # The names are those of members, which are identifiers.
    exec("\n    ".join([*lines, "made._meta = where", "made.__class__ = schema", "return made"]), scope)
    make: Callable[..., Any] = scope["stored"]
    return make


def _is_elsewhere(association: Association, value: Any, made: Any, values: Mapping[str, Any]) -> bool:
    """Whether a foreign key was written, and points no more to what was loaded for it."""
    if not any(key in values for key in association.keys_here):
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
