"""Renames: said by a schema, by an option or by an answer, and never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final, TypeAlias, cast

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.diff.state import Place, State, TableState
from ectype.migrations.errors import RenameQuestionError
from ectype.sql.ddl import ForeignKey, Node, Raw, References, RenameColumn, RenameTable

Ask: TypeAlias = Callable[[str, tuple[str, ...]], str | None]
"""Given what is gone and what is new, the new name of it; None when it has none."""

TEXT: Final = re.compile(r"'(?:''|[^'])*'|[\w$]+|.", re.DOTALL)


@dataclass(slots=True)
class Said:
    """The renames that were said.

    Attributes:
        pairs: old to new of each table, or of a table's columns; "" for what is gone.
        ask: who answers what was not said.
    """

    tables: dict[Place, str] = field(default_factory=dict[Place, str])
    columns: dict[tuple[Place, str], str] = field(default_factory=dict[tuple[Place, str], str])
    ask: Ask | None = None


def said(options: Iterable[str], declared: Mapping[tuple[Place, str | None], str], ask: Ask | None) -> Said:
    """Return the renames of the options and the schemas: `old:new` is a table, `table.old:new` a column.

    Nothing behind the colon says that it is gone.

    Raises:
        MigrationError: an option cannot be read.
    """
    made = Said(ask=ask)
    for (place, column), old in declared.items():
        if column is None:
            made.tables[place[0], old] = place[1]
        else:
            made.columns[place, old] = column
    for text in options:
        old, colon, new = text.partition(":")
        *before, name = old.split(".")
        if not colon or not all((*before, name)) or len(before) > 2 or ":" in new or "." in new:
            raise MigrationError(
                f"--rename takes a table or a column and its new name, got {text!r}",
                hint="--rename users.name:full_name, --rename users:people; `users.name:` says that it is gone",
            )
        if before:
            prefix = before[0] if len(before) == 2 else None
            made.columns[(prefix, before[-1]), name] = new
        else:
            made.tables[None, name] = new
    return made


def rename(current: State, owned: State, want: State, renames: Said) -> list[Node]:
    """Rename in both states what has another name in what is wanted, and return the commands.

    A name that has been answered for is out of the question from then on, on both sides.

    Raises:
        RenameQuestionError: something may be renamed, and there is nobody to ask.
        MigrationError: what is to be renamed is not there.
    """
    nodes: list[Node] = []
    _check(renames, want)
    for old, new in _tables(current, owned, want, renames):
        nodes.append(RenameTable(old[1], new, old[0]))
        for state in (current, owned):
            _rename_table(state, old, new)
    for place in [place for place in current.tables if place in want.tables]:
        for old_column, new in _columns(place, current, owned, want, renames):
            nodes.append(RenameColumn(place[1], old_column, new, place[0]))
            for state in (current, owned):
                _rename_column(state, place, old_column, new)
    return nodes


def _check(renames: Said, want: State) -> None:
    """Refuse what renames nothing: a misspelt name would let the diff drop what should be kept."""
    for (place, old), new in renames.columns.items():
        table = want.tables.get(place) or want.tables.get((place[0], renames.tables.get(place, "")))
        if new and table is not None and new not in table.columns:
            raise MigrationError(
                f"`{place[1]}.{old}` cannot become `{new}`, which no schema has",
                hint=did_you_mean(new, table.columns),
            )
    for place, new in renames.tables.items():
        if new and (place[0], new) not in want.tables:
            raise MigrationError(
                f"`{place[1]}` cannot become `{new}`, which no schema has",
                hint=did_you_mean(new, [name for _, name in want.tables]),
            )


def _tables(current: State, owned: State, want: State, renames: Said) -> list[tuple[Place, str]]:
    gone = [place for place in current.tables if place not in want.tables]
    new = [place for place in want.tables if place not in current.tables]
    pairs: list[tuple[Place, str]] = []
    for place in gone:
        free = tuple(name for prefix, name in new if prefix == place[0])
        answer = renames.tables.get(place)
        if answer is None and place in owned.tables and free:
            answer = _answer(f"the table `{place[1]}`", f"{place[1]}", free, renames)
        if answer and (place[0], answer) in new:
            pairs.append((place, answer))
            new.remove((place[0], answer))
    return pairs


def _columns(place: Place, current: State, owned: State, want: State, renames: Said) -> list[tuple[str, str]]:
    there, wanted = current.tables[place].columns, want.tables[place].columns
    gone = [name for name in there if name not in wanted]
    new = [name for name in wanted if name not in there]
    made = owned.tables.get(place)
    pairs: list[tuple[str, str]] = []
    for name in gone:
        answer = renames.columns.get((place, name))
        if answer is None and made is not None and name in made.columns and new:
            answer = _answer(f"the column `{place[1]}.{name}`", f"{place[1]}.{name}", tuple(new), renames)
        if answer and answer in new:
            pairs.append((name, answer))
            new.remove(answer)
    return pairs


def _answer(what: str, option: str, free: tuple[str, ...], renames: Said) -> str | None:
    if renames.ask is not None:
        return renames.ask(what, free)
    news = ", ".join(f"`{name}`" for name in free)
    raise RenameQuestionError(
        f"{what} is gone, and {news} is new: nobody said whether it is the same under another name",
        hint=f"say so: --rename {option}:{free[0]}\nor that it is gone: --rename {option}:",
    )


# --- the state after a rename -----------------------------------------------------------------------------------------


def _rename_table(state: State, old: Place, new: str) -> None:
    if old not in state.tables:
        return
    to = (old[0], new)
    table = deepcopy(state.tables.pop(old))
    state.tables[to] = TableState(
        to,
        table.columns,
        {name: replace(one, table=new) for name, one in table.indexes.items()},
        {name: replace(one, table=new) for name, one in table.constraints.items()},
        table.invalid,
        table.comment,
        table.row_security,
        table.strict,
    )
    for other in state.tables.values():
        for name, one in other.constraints.items():
            if isinstance(one.constraint, ForeignKey) and (one.constraint.to.prefix, one.constraint.to.table) == old:
                moved = replace(one.constraint, to=replace(one.constraint.to, table=new))
                other.constraints[name] = replace(one, constraint=moved)


def _rename_column(state: State, place: Place, old: str, new: str) -> None:
    table = state.tables.get(place)
    if table is None or old not in table.columns:
        return
    table.columns = {
        (new if name == old else name): replace(
            _renamed(one, old, new, {"generated"}), name=new if name == old else name
        )
        for name, one in table.columns.items()
    }
    table.indexes = {
        name: _renamed(one, old, new, {"columns", "of", "where", "include"}) for name, one in table.indexes.items()
    }
    for name, one in table.constraints.items():
        made = _renamed(one.constraint, old, new, {"sql", "columns", "column"})
        if isinstance(made, ForeignKey):
            others = tuple((new if here == old else here, there) for here, there in made.to.others)
            made = replace(made, to=replace(made.to, others=others))
        table.constraints[name] = replace(one, constraint=made)
    for other in state.tables.values():
        for name, one in other.constraints.items():
            if isinstance(one.constraint, ForeignKey) and (one.constraint.to.prefix, one.constraint.to.table) == place:
                to = _pointing(one.constraint.to, old, new)
                other.constraints[name] = replace(one, constraint=replace(one.constraint, to=to))


def _pointing(to: References, old: str, new: str) -> References:
    others = tuple((here, new if there == old else there) for here, there in to.others)
    return replace(to, column=new if to.column == old else to.column, others=others)


def _renamed(value: Any, old: str, new: str, parts: set[str]) -> Any:
    """Return the value with the column's name changed in the texts and names of these of its parts."""
    changes = {
        one.name: _in(getattr(value, one.name), old, new, parts)
        for one in fields(value)
        if one.name in parts and getattr(value, one.name) is not None
    }
    return replace(value, **changes)


def _in(value: Any, old: str, new: str, parts: set[str]) -> Any:
    if isinstance(value, Raw):
        return Raw(cast("Any", with_word(value.sql, old, new)))
    if isinstance(value, str):
        return with_word(value, old, new)
    if isinstance(value, tuple):
        return tuple(_in(one, old, new, parts) for one in cast("tuple[Any, ...]", value))
    if is_dataclass(value):
        return _renamed(value, old, new, parts)
    return value


def with_word(text: str, old: str, new: str) -> str:
    """Return SQL text with a name changed, but for where it stands in a literal.

    >>> with_word("age > 17 AND name <> 'age'", "age", "years")
    "years > 17 AND name <> 'age'"
    """
    return "".join(new if token == old else token for token in TEXT.findall(text))


def mentions(text: str, name: str) -> bool:
    """Whether SQL text has the name in it."""
    return name in TEXT.findall(text)
