"""From a column to the line of its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ectype.migrations.catalog import StoredColumn
from ectype.migrations.scaffold.column_types import Imports, NoType, Typed
from ectype.migrations.scaffold.defaults import FILLED, default_option, quoted
from ectype.migrations.scaffold.plan import Member


@dataclass(frozen=True, slots=True)
class Column:
    """A column with what was found out about it.

    Attributes:
        stored: the column.
        member: the name of its member.
        typed: its type, or why it has none.
        in_key: whether it is of the primary key.
        labels: the members of its enum, written out, by label.
        enum: the class of its enum.
    """

    stored: StoredColumn
    member: str
    typed: Typed | NoType
    in_key: bool
    labels: Mapping[str, str]
    enum: str | None

    @property
    def default(self) -> str | None:
        """The text of its default; none where that is NULL."""
        text = self.stored.default
        return None if text is None or re.fullmatch(r"\(?NULL\)?(?:::.*)?", text, re.IGNORECASE) else text

    @property
    def is_filled(self) -> bool:
        """Whether the database fills it when it is left out: by a number, an expression or a default."""
        return self.stored.identity is not None or self.stored.generated is not None or self.default is not None

    @property
    def is_required(self) -> bool:
        """Whether an insert that leaves it out fails."""
        return not self.stored.nullable and not self.is_filled


def member(column: Column, found: Typed) -> Member:
    """Return the line of the column's field."""
    stored = column.stored
    options = list(found.options)
    if column.member != stored.name:
        options.append(f"source={quoted(stored.name)}")
    said, imports = _said_of_default(column, found)
    call = "field"
    if column.in_key:
        plain = all(not option.startswith("scale=") for option in options)
        if said == [FILLED] and plain:
            call, said = "primary_key", []
        else:
            options.insert(0, "primary_key=True")
    options += said
    return Member(
        name=column.member,
        annotation=f"Field[{found.annotation}{' | None' if stored.nullable else ''}]",
        call=call if options or call == "primary_key" else "",
        options=tuple(options),
        comments=() if stored.comment is None else (stored.comment,),
        imports=(
            ("ectype", "Field"),
            *((("ectype", call),) if options or call == "primary_key" else ()),
            *found.imports,
            *imports,
        ),
        enum=column.enum,
    )


def _said_of_default(column: Column, found: Typed) -> tuple[list[str], Imports]:
    stored, default = column.stored, column.default
    empty = ["default=None"] if stored.nullable else []
    if stored.identity is not None or stored.generated is not None:
        return [*empty, FILLED], ()
    if default is None:
        return empty, ()
    option = default_option(default, found.kind, column.labels)
    if option is None:
        return [*empty, FILLED], ()
    return [option[0]], option[1]
