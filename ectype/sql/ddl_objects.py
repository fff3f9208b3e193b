"""What a migration can say about all that a database holds beside tables, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class CreateEnum:
    """Make an enum type of PostgreSQL, with its values in order."""

    name: str
    values: tuple[str, ...]
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class DropEnum:
    """Remove an enum type. `values` are what it had, where that is known: they make the drop reversible."""

    name: str
    values: tuple[str, ...] | None = None
    prefix: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AddEnumValue:
    """Add a value to an enum type: at the end, or next to one that is there."""

    name: str
    value: str
    before: str | None = None
    after: str | None = None
    prefix: str | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class RenameEnumValue:
    """Give a value of an enum type another name; the rows follow."""

    name: str
    value: str
    to: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view: a query by name; a materialized one keeps its rows until it is refreshed."""

    name: str
    query: str
    materialized: bool = False
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class CreateView:
    """Make a view."""

    view: View


@dataclass(frozen=True, slots=True)
class DropView:
    """Remove a view. `view` is what it was, where that is known: it makes the drop reversible."""

    name: str
    view: View | None = None
    materialized: bool = False
    prefix: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceView:
    """Put another query in the place of a view's. `was` is the old one: it makes the change reversible."""

    view: View
    was: View | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of PostgreSQL.

    Attributes:
        arguments: what stands between its brackets.
        body: what stands after them, as `RETURNS int LANGUAGE sql AS $$ … $$`.
    """

    name: str
    arguments: str
    body: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """Make a function."""

    function: Function


@dataclass(frozen=True, slots=True)
class DropFunction:
    """Remove a function. `function` is what it was, where that is known: it makes the drop reversible."""

    name: str
    arguments: str | None = None
    function: Function | None = None
    prefix: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceFunction:
    """Put another body in the place of a function's. `was` is the old one: it makes the change reversible."""

    function: Function
    was: Function | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger.

    Attributes:
        table: the table, or view, whose changes it follows.
        when: before what it runs, or after: `AFTER INSERT OR UPDATE OF title`.
        run: what stands after the table: `FOR EACH ROW EXECUTE FUNCTION touch()`, or `BEGIN … END` on SQLite.
    """

    name: str
    table: str
    when: str
    run: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTrigger:
    """Make a trigger."""

    trigger: Trigger


@dataclass(frozen=True, slots=True)
class DropTrigger:
    """Remove a trigger. `trigger` is what it was, where that is known: it makes the drop reversible."""

    name: str
    table: str
    trigger: Trigger | None = None
    prefix: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceTrigger:
    """Put another trigger in the place of one of that name. `was` is the old one: it makes the change reversible."""

    trigger: Trigger
    was: Trigger | None = None


@dataclass(frozen=True, slots=True)
class CreateExtension:
    """Make an extension of PostgreSQL, in a database schema and of a version, or those it chooses."""

    name: str
    prefix: str | None = None
    version: str | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropExtension:
    """Remove an extension."""

    name: str
    prefix: str | None = None
    version: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """Make a database schema of PostgreSQL: a place for tables."""

    name: str
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropSchema:
    """Remove a database schema, which must be empty."""

    name: str
    if_exists: bool = False


ObjectNode: TypeAlias = (
    CreateEnum
    | DropEnum
    | AddEnumValue
    | RenameEnumValue
    | CreateView
    | DropView
    | ReplaceView
    | CreateFunction
    | DropFunction
    | ReplaceFunction
    | CreateTrigger
    | DropTrigger
    | ReplaceTrigger
    | CreateExtension
    | DropExtension
    | CreateSchema
    | DropSchema
)
