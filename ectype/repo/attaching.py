"""Related structs to their owners: grouped by key, shared where they are the same row, given to each owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

from ectype.schema.associations import Association
from ectype.schema.keys import keys_of
from ectype.schema.meta import struct_info
from ectype.schema.rel import EmbedStep
from ectype.schema.structs import UNSET, partial_names

Found: TypeAlias = tuple[Sequence[Any], Sequence[Any]]
"""The keys of owners, and the struct that was found for each, in order: two lists, since pairs would be collected."""


def slot_of(association: Association) -> Any:
    """Return the slot that holds an association."""
    return association.owner.slots[association.name]


def current(row: Any, association: Association | EmbedStep) -> Any:
    """Return what an association of a struct holds, UNSET where it is not loaded; what an embed holds, as well."""
    if association.__class__ is EmbedStep:
        return getattr(row, association.name, UNSET)
    return getattr(row, f"_assoc_{association.name}", UNSET)


def unloaded(rows: Sequence[Any], association: Association) -> list[Any]:
    """Return the rows on which an association is not loaded."""
    slot = f"_assoc_{association.name}"
    return [row for row in rows if getattr(row, slot, UNSET) is UNSET]


def structs_in(value: Any) -> Iterable[Any]:
    """Return the structs of a loaded association: none, one, or those of its list."""
    if isinstance(value, list):
        return cast("list[Any]", value)
    return () if value is None or value is UNSET else (value,)


def reached(rows: Sequence[Any], association: Association) -> list[Any]:
    """Return what an association leads to, each struct once."""
    found: dict[int, Any] = {}
    for row in rows:
        for one in structs_in(current(row, association)):
            found[id(one)] = one
    return list(found.values())


def keyed(association: Association, rows: Sequence[Any]) -> Found:
    """Return the rows of a preload's query with the keys of their owners.

    Between owners a row of a `many_to_many` is one struct, as what a `belongs_to` leads to is.
    """
    join = association.join
    if join is None:
        return keys_of(association.related_keys, rows), rows
    single = len(join.owner_keys) == 1
    owners = [row[1] for row in rows] if single else [row[1:] for row in rows]
    found = [row[0] for row in rows]
    names = association.related.primary_key
    if not names:
        return owners, found
    known: dict[Any, Any] = {}
    return owners, list(map(known.setdefault, keys_of(names, found), found))


def attach(rows: Sequence[Any], association: Association, found: Found) -> None:
    """Give each row its related structs: a list of its own, or the first one, or None."""
    give = slot_of(association).__set__
    owners = keys_of(association.owner_keys, rows)
    keys, structs = found
    if association.cardinality == "one":
        # Backwards, so that the first of a key stays.
        first = dict(zip(reversed(keys), reversed(structs), strict=True))
        for key, row in zip(owners, rows, strict=True):
            give(row, None if key is None else first.get(key))
        return
    grouped = _grouped(keys, structs)
    for key, row in zip(owners, rows, strict=True):
        give(row, [] if key is None else list(grouped.get(key, ())))


def _grouped(keys: Sequence[Any], structs: Sequence[Any]) -> dict[Any, list[Any]]:
    """Return the structs of each key, in order."""
    grouped: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, struct in zip(keys, structs, strict=True):
        grouped[key].append(struct)
    return grouped


def mark(rows: Iterable[Any], association: Association, *, partial: bool) -> None:
    """Remember on each row whether an association holds only some of its rows."""
    put, name = association.owner.slots["_partial"].__set__, association.name
    for row in rows:
        names = partial_names(row)
        if partial and name not in names:
            put(row, names | {name})
        elif not partial and name in names:
            put(row, names - {name})


def mark_partial(struct: Any) -> None:
    """Remember on a struct whose row was there before it that the rows that belong to it may be more than it holds."""
    for association in struct_info(struct).associations.values():
        if association.kind != "belongs_to" and current(struct, association) is not UNSET:
            mark((struct,), association, partial=True)
