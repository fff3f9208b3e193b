"""Related structs to their owners: grouped by key, shared where they are the same row, given to each owner."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

from ectype.schema.associations import Association
from ectype.schema.keys import keys_of
from ectype.schema.meta import struct_info
from ectype.schema.rel import EmbedStep
from ectype.schema.structs import UNSET, partial_names

Found: TypeAlias = Iterable[tuple[Any, Any]]
"""Pairs of an owner's key and a struct, in order; they are read once."""


def slot_of(association: Association) -> Any:
    """Return the slot that holds an association."""
    return association.owner.slots[association.name]


def current(row: Any, association: Association | EmbedStep) -> Any:
    """Return what an association of a struct holds, UNSET where it is not loaded; what an embed holds, as well."""
    if association.__class__ is EmbedStep:
        return getattr(row, association.name, UNSET)
    return getattr(row, f"_assoc_{association.name}", UNSET)


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
        # Not a list: `zip` takes one tuple for all pairs, where a list would keep a thousand for the garbage collector.
        return zip(keys_of(association.related_keys, rows), rows, strict=True)
    single = len(join.owner_keys) == 1
    pairs: list[tuple[Any, Any]] = [(row[1] if single else row[1:], row[0]) for row in rows]
    names = association.related.primary_key
    if not names:
        return pairs
    known: dict[Any, Any] = {}
    keys = keys_of(names, (one for _, one in pairs))
    return [(owner, known.setdefault(key, one)) for key, (owner, one) in zip(keys, pairs, strict=True)]


def attach(rows: Sequence[Any], association: Association, found: Found) -> None:
    """Give each row its related structs: a list of its own, or the first one, or None."""
    give = slot_of(association).__set__
    owners = keys_of(association.owner_keys, rows)
    grouped: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, one in found:
        grouped[key].append(one)
    if association.cardinality == "one":
        for key, row in zip(owners, rows, strict=True):
            group = grouped.get(key)
            give(row, None if group is None or key is None else group[0])
        return
    for key, row in zip(owners, rows, strict=True):
        give(row, [] if key is None else list(grouped.get(key, ())))


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
