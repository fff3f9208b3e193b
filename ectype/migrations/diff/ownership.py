"""What the diff owns: what is declared, and what an applied migration made. All else is left as it is, and listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ectype.migrations.diff.state import NAMELESS, Place, State, TableState, columns_of
from ectype.migrations.diff.steps import Difference, Unmanaged
from ectype.migrations.diff.wanted import Unsaid
from ectype.sql.ddl import Column, ForeignKey, Index, Key

HAND_MADE = "no applied migration made it, and no schema declares it"
NO_STRUCTURE = "its schema has no `structure(…)`, so nothing is said about it"
BY_NAME = "an association names it, and no schema is its own"
NO_NAME = "it has no name to drop it by"


def complete(
    current: State, owned: State, want: State, places: Mapping[Place, Unsaid], loose: set[Place], found: Difference
) -> None:
    """Put into what is wanted all that stays as it is: what the schemas leave open, and what the diff does not own."""
    for place, table in current.tables.items():
        if place not in want.tables:
            if place in owned.tables and place not in loose:
                continue
            want.tables[place] = table
            why = BY_NAME if place in loose else HAND_MADE
            found.unmanaged.append(Unmanaged("table", _called(place), why))
        else:
            _table(table, owned.tables.get(place), want.tables[place], places.get(place, Unsaid()), want, found)
    for place, labels in current.enums.items():
        if place not in want.enums and place not in owned.enums:
            want.enums[place] = labels
            found.unmanaged.append(Unmanaged("enum", _called(place), HAND_MADE))
    for key, one in current.objects.items():
        if key not in want.objects and key not in owned.objects:
            want.objects[key] = one
            kind, prefix, table, name, arguments = key
            label = _called((prefix, name)) + ("" if arguments is None else f"({arguments})")
            label += "" if table is None else f" on {table}"
            found.unmanaged.append(Unmanaged(kind.replace("_", " "), label, HAND_MADE))


def _called(place: Place) -> str:
    return ".".join(part for part in place if part is not None)


def _table(
    there: TableState, made: TableState | None, want: TableState, unsaid: Unsaid, state: State, found: Difference
) -> None:
    name = _called(there.place)
    for column, one in there.columns.items():
        if column not in want.columns:
            if made is None or column not in made.columns:
                want.columns[column] = one
                found.unmanaged.append(Unmanaged("column", f"{name}.{column}", HAND_MADE))
        else:
            want.columns[column] = _column(one, want.columns[column], open_=column in unsaid.columns)
    _adopt(there, want, state)
    _constraints(there, made, want, unsaid, found)
    for label, index in there.indexes.items():
        if label in want.indexes or label in want.constraints:
            continue
        ours = made is not None and label in made.indexes
        if not ours or unsaid.structure:
            want.indexes[label] = index
            found.unmanaged.append(Unmanaged("index", f"{name}: {label}", NO_STRUCTURE if ours else HAND_MADE))
    if unsaid.structure:
        want.comment = there.comment
    want.row_security = want.row_security or there.row_security
    want.strict = there.strict


def _constraints(
    there: TableState, made: TableState | None, want: TableState, unsaid: Unsaid, found: Difference
) -> None:
    for label, one in there.constraints.items():
        key = one.constraint
        if label in want.constraints:
            continue
        if isinstance(key, Key) and key.primary:
            _primary_key(there, made, want, key, found)
        elif isinstance(key, ForeignKey) and columns_of(one) in unsaid.keys and made is not None:
            # A belongs_to says that there may be one, not what it does.
            want.constraints[label] = one
        else:
            why = _why_left(label, made, unsaid)
            if why is not None:
                want.constraints[label] = one
                shown = f"{_called(there.place)}: {label.removeprefix(NAMELESS)}"
                found.unmanaged.append(Unmanaged(_kind(key), shown, why))


def _why_left(label: str, made: TableState | None, unsaid: Unsaid) -> str | None:
    """Return why a constraint is left alone; None where it is the diff's to drop."""
    if label.startswith(NAMELESS):
        return NO_NAME
    if made is None or label not in made.constraints:
        return HAND_MADE
    return NO_STRUCTURE if unsaid.structure else None


def _kind(one: object) -> str:
    return {"Check": "check", "Key": "unique constraint", "ForeignKey": "foreign key", "Exclusion": "exclusion"}[
        type(one).__name__
    ]


def _primary_key(there: TableState, made: TableState | None, want: TableState, key: Key, found: Difference) -> None:
    """Leave a key alone that somebody made by hand, where the schema has none."""
    if want.primary_key is None and (made is None or made.primary_key is None):
        want.constraints[key.name] = there.constraints[key.name]
        found.unmanaged.append(Unmanaged("primary key", f"{_called(there.place)}: {key.name}", HAND_MADE))


def _column(there: Column, want: Column, *, open_: bool) -> Column:
    if want.identity is False and there.identity is not False:
        # A key that the caller may give is numbered all the same where nobody gives it.
        want = replace(want, identity=there.identity, default=None)
    elif want.identity is not False and there.identity is not False and there.identity.always == want.identity.always:  # type: ignore[union-attr]
        want = replace(want, identity=there.identity)
    if not open_:
        return want
    kept = replace(want, collation=there.collation, comment=there.comment)
    if there.generated is not None:
        return replace(kept, generated=there.generated, stored=there.stored, default=None)
    return kept if want.identity is not False else replace(kept, default=there.default)


def _adopt(there: TableState, want: TableState, state: State) -> None:
    """Take what means the same for what is wanted: a unique constraint for an index, a key under no name."""
    for label, one in there.constraints.items():
        key = one.constraint
        index = want.indexes.get(label)
        if isinstance(key, Key) and index is not None and _is_plain(index, key):
            del want.indexes[label]
            want.constraints[label] = one
        elif label.startswith(NAMELESS):
            for name, wanted in list(want.constraints.items()):
                if state.same(replace(key, name=""), replace(wanted.constraint, name="")):
                    del want.constraints[name]
                    want.constraints[label] = one
                    break


def _is_plain(index: Index, key: Key) -> bool:
    return (
        index.unique
        and index.columns == key.columns
        and index.where is None
        and not index.include
        and index.nulls_distinct == key.nulls_distinct
    )
