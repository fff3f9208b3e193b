"""From foreign keys to associations, on both of their sides.

A foreign key is a `belongs_to` here, and there a `has_one` where it is unique, else a `has_many`. A table whose primary
key is two foreign keys ties two others together: each has a `many_to_many` to the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ectype.migrations.catalog import StoredForeignKey, StoredTable
from ectype.migrations.scaffold import naming
from ectype.migrations.scaffold.defaults import quoted
from ectype.migrations.scaffold.plan import ClassPlan, LeftOut, Member
from ectype.schema.associations import underscore


@dataclass(frozen=True, slots=True)
class Linked:
    """A table and its class."""

    table: StoredTable
    plan: ClassPlan


@dataclass(frozen=True, slots=True)
class _Tie:
    """A foreign key that becomes associations: whose it is, where it leads, by which members, under which name."""

    stored: StoredForeignKey
    owner: Linked
    target: Linked
    here: tuple[str, ...]
    there: tuple[str, ...]
    name: str = ""


def link(schema: str, linked: Sequence[Linked]) -> list[LeftOut]:
    """Give the classes their associations; return the foreign keys that become none."""
    by_table = {one.table.name: one for one in linked}
    left_out: list[LeftOut] = []
    ties: list[_Tie] = []
    for one in linked:
        found = _ties(schema, one, by_table, left_out)
        ties += _belongs_to(found)
    between = {one.table.name: pair for one in linked if (pair := _pair(one, ties)) is not None}
    pure = {name for name, pair in between.items() if _holds_no_more(pair)}
    counted = Counter((tie.owner.table.name, tie.target.table.name) for tie in ties)
    for tie in ties:
        if tie.owner.table.name not in pure:
            alone = counted[tie.owner.table.name, tie.target.table.name] == 1 and tie.owner is not tie.target
            _has(tie, alone=alone)
    for first, second in between.values():
        _many_to_many(first, second)
        _many_to_many(second, first)
    return left_out


def _ties(schema: str, one: Linked, by_table: Mapping[str, Linked], left_out: list[LeftOut]) -> list[_Tie]:
    found: dict[tuple[object, ...], _Tie] = {}
    place = {column.name: number for number, column in enumerate(one.table.columns)}
    for key in sorted(one.table.foreign_keys, key=lambda key: ([place[name] for name in key.columns], key.name or "")):
        target = by_table.get(key.table) if key.schema in (None, schema) else None
        if target is None:
            why = f"`{key.table if key.schema in (None, schema) else f'{key.schema}.{key.table}'}` is not written"
        elif any(name not in one.plan.by_column for name in key.columns) or any(
            name not in target.plan.by_column for name in key.references
        ):
            why = "one of its columns is left out"
        else:
            here = tuple(one.plan.by_column[name] for name in key.columns)
            there = tuple(target.plan.by_column[name] for name in key.references)
            found.setdefault((here, there, key.table), _Tie(key, one, target, here, there))
            continue
        left_out.append(LeftOut(one.table.name, f"belongs_to by {', '.join(key.columns)}", why))
    return list(found.values())


def _belongs_to(ties: Sequence[_Tie]) -> list[_Tie]:
    """Write one for each foreign key of a table, and return them with their names."""
    made: list[_Tie] = []
    counted = Counter(tie.target.table.name for tie in ties)
    for tie in ties:
        owner, target = tie.owner.plan, tie.target.plan
        name = naming.first_free(
            _names_of_belongs_to(tie.here, naming.snake(target.name), alone=counted[target.table] == 1), owner.taken
        )
        owner.taken.add(name)
        nullable = any(column.nullable for column in tie.owner.table.columns if column.name in tie.stored.columns)
        options = [] if tie.here == (f"{name}_id",) else [f"foreign_key={_keys(tie.here)}"]
        options += _references(tie.there, target)
        bracket = f"{target.name} | None" if nullable else target.name
        owner.links.append(_member(name, "BelongsTo", bracket, "belongs_to", options, target))
        made.append(_Tie(tie.stored, tie.owner, tie.target, tie.here, tie.there, name))
    return made


def _names_of_belongs_to(members: tuple[str, ...], target: str, *, alone: bool) -> list[str]:
    stems = [member.removesuffix("_id") or member for member in members]
    if len(members) == 1 and stems[0] != members[0]:
        return [stems[0], f"{stems[0]}_{target}"]
    longer = f"{stems[0]}_{target}" if len(members) == 1 else f"{target}_by_{'_and_'.join(stems)}"
    return [target, longer] if alone else [longer]


def _has(tie: _Tie, *, alone: bool) -> None:
    owner, target = tie.owner.plan, tie.target.plan
    unique = _is_unique(tie.owner.table, tie.stored.columns)
    word = naming.snake(owner.name) if unique else naming.plural_snake(owner.name)
    longer = f"{word}_by_{tie.name}"
    name = naming.first_free([word, longer] if alone else [longer], target.taken)
    target.taken.add(name)
    options = [] if tie.here == (f"{underscore(target.name)}_id",) else [f"foreign_key={_keys(tie.here)}"]
    options += _references(tie.there, target)
    if unique:
        target.links.append(_member(name, "HasOne", f"{owner.name} | None", "has_one", options, owner))
    else:
        target.links.append(_member(name, "HasMany", owner.name, "has_many", options, owner))


def _is_unique(table: StoredTable, columns: tuple[str, ...]) -> bool:
    keys = [key.columns for key in (table.primary_key, *table.uniques) if key is not None]
    keys += [
        tuple(part.text for part in index.parts)
        for index in table.indexes
        if index.unique and index.valid and index.where is None and all(part.is_column for part in index.parts)
    ]
    return any(set(key) <= set(columns) for key in keys)


def _pair(one: Linked, ties: Sequence[_Tie]) -> tuple[_Tie, _Tie] | None:
    """Return the two foreign keys of a table that are its primary key together, and nothing twice."""
    key = () if one.table.primary_key is None else one.table.primary_key.columns
    mine = [tie for tie in ties if tie.owner is one and set(tie.stored.columns) <= set(key)]
    if len(mine) != 2 or sorted(mine[0].stored.columns + mine[1].stored.columns) != sorted(key):
        return None
    return mine[0], mine[1]


def _holds_no_more(pair: tuple[_Tie, _Tie]) -> bool:
    return len(pair[0].owner.table.columns) == len(pair[0].stored.columns) + len(pair[1].stored.columns)


def _many_to_many(mine: _Tie, other: _Tie) -> None:
    """Write one on the side of `mine`."""
    owner, target, between = mine.target.plan, other.target.plan, mine.owner.plan
    word = naming.plural_snake(target.name)
    if owner is target:
        *before, last = other.name.split("_")
        word = "_".join([*before, naming.plural(last)])
    name = naming.first_free([word, f"{word}_by_{naming.snake(between.name)}"], owner.taken)
    owner.taken.add(name)
    options = [f"through={quoted(between.table)}", *_join_keys(mine, other)]
    owner.links.append(_member(name, "ManyToMany", target.name, "many_to_many", options, target))


def _join_keys(mine: _Tie, other: _Tie) -> list[str]:
    if mine.there != mine.target.plan.key or other.there != other.target.plan.key:
        pairs = (f"{_keys(tie.stored.columns)}: {_keys(tie.there)}" for tie in (mine, other))
        return [f"join_keys={{{', '.join(pairs)}}}"]
    default = all(tie.stored.columns == (f"{underscore(tie.target.plan.name)}_id",) for tie in (mine, other))
    if default and mine.target is not other.target:
        return []
    return [f"join_keys=({_keys(mine.stored.columns)}, {_keys(other.stored.columns)})"]


def _references(there: tuple[str, ...], target: ClassPlan) -> list[str]:
    return [] if there == target.key else [f"references={_keys(there)}"]


def _keys(names: Sequence[str]) -> str:
    texts = [quoted(name) for name in names]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _member(name: str, annotation: str, bracket: str, call: str, options: Sequence[str], related: ClassPlan) -> Member:
    imports = (("ectype", annotation), ("ectype", call))
    return Member(name, f"{annotation}[{bracket}]", call, tuple(options), imports=imports, schema=related.name)
