"""Structs, changesets and plain values become entries of a relation: what `put_assoc` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from ectype.errors import SchemaError
from ectype.schema.changeset_data import ChangesetData, begun, sealed
from ectype.schema.edits import put_value
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.relations import (
    REFUSED,
    Entry,
    Key,
    Relation,
    admitted,
    child_of,
    compared_many,
    compared_one,
    invalid,
    recorded,
    refuse_member,
    with_action,
)
from ectype.schema.schema import Schema

C = TypeVar("C", bound=ChangesetData[Any])

Inner = Callable[[Any, str, Any], Any]
"""Puts a relation of an entry that is given as values: takes its changeset, the member's name and the value."""


def put_relation(changeset: C, relation: Relation, method: str, value: Any, inner: Inner) -> C:
    """Return the changeset with new entries of a relation.

    Raises:
        SchemaError: what was given is no entry; one would be replaced, and `on_replace` does not allow it.
        NotLoadedError: the relation of a loaded struct is not loaded, or only in part.
    """
    if relation.many:
        if not isinstance(value, list | tuple):
            raise _no_entries(relation, method, value)
        listed = cast("Sequence[Any]", value)
        entries = [_entry(changeset, relation, method, one, inner) for one in listed]
        change = compared_many(relation, changeset, entries, SchemaError)
    else:
        if isinstance(value, list | tuple):
            raise _no_entries(relation, method, value)
        one = None if value is None else _entry(changeset, relation, method, value, inner)
        change = compared_one(relation, changeset, one, SchemaError)
    if change is REFUSED:
        return invalid(changeset, relation)
    return recorded(changeset, relation.name, change)


def given_entries(changeset: ChangesetData[Any], relation: Relation, value: Any) -> Any:
    """Return the changesets of the structs that the constructor of a new struct was given for a relation.

    Raises:
        SchemaError: it was given something else.
    """
    info = relation.related
    is_list = isinstance(value, list | tuple)
    structs = cast("Sequence[Any]", value) if is_list else (value,)
    if is_list is not relation.many or any(getattr(one.__class__, "__schema__", None) is not info for one in structs):
        wanted = f"a list of structs of {info.name}" if relation.many else f"a struct of {info.name}"
        raise SchemaError(
            f"`{relation.label}` is {wanted}, and the constructor of {relation.owner.name} was given {value!r:.60}",
            hint=f"values and changesets are put: `change({relation.owner.name}(…)).put_assoc({relation.label}, …)`",
        )
    made = [_given(relation, sealed(begun(one, info), changeset.inner), None) for one in structs]
    return tuple(made) if relation.many else made[0]


def _no_entries(relation: Relation, method: str, value: Any) -> SchemaError:
    if relation.many:
        return SchemaError(
            f"`{relation.label}` is a list, and `{method}` got {value!r:.60}",
            hint=f"give all its entries: `{method}({relation.label}, [*entries])`, and `[]` for none",
        )
    return SchemaError(
        f"`{relation.label}` is one struct, and `{method}` got {value!r:.60}",
        hint=f"write `{method}({relation.label}, struct)`, or None for none",
    )


def _entry(changeset: ChangesetData[Any], relation: Relation, method: str, value: Any, inner: Inner) -> Entry:
    cls = changeset.inner
    if value.__class__ is cls:
        child = child_of(changeset, value, relation, f"`{method}` of `{relation.label}` takes")
        return Entry(relation.key_of(child.data), partial(_given, relation, child), child.info)
    if isinstance(value, Schema):
        info = value.__class__.__schema__
        if not relation.admits(info):
            raise SchemaError(
                f"an entry of `{relation.label}` is a {relation.related.name}, and `{method}` got {value!r:.60}"
            )
        if relation.kind == "embed":
            return Entry(relation.key_of(value), partial(_embedded, changeset, relation, value, inner), info)
        made = sealed(begun(value, info), cls)
        return Entry(relation.key_of(value), partial(_given, relation, made), info)
    if isinstance(value, Mapping):
        values = cast("Mapping[str, Any]", value)
        found = relation.schema_of(values)
        if found is None:
            raise SchemaError(f"an entry of `{relation.label}` does not say of which schema it is, got {value!r:.60}")
        return Entry(_key(found, values), partial(_from_values, changeset, relation, found, values, inner), found)
    raise SchemaError(
        f"an entry of `{relation.label}` is a struct, a changeset, or values by member, and `{method}` got "
        f"{value!r:.60}",
        hint="a row that is known by its key only is a struct with that key, from "
        f"`await repo.all(from_({relation.related.name}).where(…))`",
    )


def _given(relation: Relation, child: C, struct: Any) -> C:
    """Return the changeset of a struct or changeset that was given, whether it is among the entries or not."""
    if relation.on_replace == "update" and not relation.many and struct is not None and relation.stored(struct):
        raise SchemaError(
            f'the `on_replace` of `{relation.label}` is "update", so its entry stays and takes new values, and got '
            f"{child.data!r:.60}",
            hint="give the values by member, or None; to replace the entry, put its foreign key",
        )
    if struct is None:
        return admitted(relation, with_action(child, relation.action_of(child.data)), ("insert", "update", "delete"))
    return _matched(relation, child, struct)


def _matched(relation: Relation, child: C, struct: Any) -> C:
    if relation.stored(struct):
        return admitted(relation, with_action(child, "update"), ("update", "delete"))
    return admitted(relation, with_action(child, "insert"), ("insert", "update", "delete"))


def _embedded(changeset: C, relation: Relation, value: Any, inner: Inner, struct: Any) -> C:
    """Return the changeset of a struct for an embed: what it says is stored, also where it takes another's place."""
    info = struct_info(value)
    if struct is None:
        return with_action(sealed(begun(value, info), changeset.inner), "insert")
    # What is generated and was not given stays what it is.
    kept = [name for name, _ in info.autogenerated if getattr(value, name, None) is None]
    values = {name: getattr(value, name, None) for name in info.field_names if name not in kept}
    return _from_values(changeset, relation, info, values, inner, struct)


def _from_values(
    changeset: C, relation: Relation, info: SchemaInfo, values: Mapping[str, Any], inner: Inner, struct: Any
) -> C:
    data = relation.build(changeset.data, info) if struct is None else struct
    child = sealed(begun(data, info), changeset.inner)
    for name, value in values.items():
        if name in info.embeds or name in info.associations:
            child = inner(child, name, value)
        elif name in info.declarations:
            child = put_value(child, name, value)
        else:
            refuse_member(info, name)
    return with_action(child, "insert") if struct is None else _matched(relation, child, struct)


def _key(info: SchemaInfo, values: Mapping[str, Any]) -> Key | None:
    key = tuple([values.get(name) for name in info.primary_key])
    try:
        hash(key)
    except TypeError:
        return None
    return key if key and None not in key else None
