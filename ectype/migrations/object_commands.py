"""What a migration says about all that a database holds beside tables."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import LiteralString, cast

from ectype.errors import MigrationError
from ectype.migrations.recording import Recorder
from ectype.sql.ddl_objects import (
    AddEnumValue,
    CreateEnum,
    CreateExtension,
    CreateFunction,
    CreateSchema,
    CreateTrigger,
    CreateView,
    DropEnum,
    DropExtension,
    DropFunction,
    DropSchema,
    DropTrigger,
    DropView,
    Function,
    RenameEnumValue,
    ReplaceFunction,
    ReplaceTrigger,
    ReplaceView,
    Trigger,
    View,
)


class ObjectCommands(Recorder):
    """Enums, views, functions, triggers, extensions and schemas."""

    def create_enum(self, name: str, values: type[Enum] | Sequence[str], *, prefix: str | None = None) -> None:
        """Make an enum type of PostgreSQL: a str Enum, or texts in order.

        Raises:
            MigrationError: there is no value, or one twice.
        """
        self._record(CreateEnum(name, _values(name, values), self._place(prefix)))

    def drop_enum(
        self,
        name: str,
        values: type[Enum] | Sequence[str] | None = None,
        *,
        if_exists: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Remove an enum type; with its values, the removal can be rolled back."""
        known = None if values is None else _values(name, values)
        self._record(DropEnum(name, known, self._place(prefix), if_exists))

    def add_enum_value(
        self,
        name: str,
        value: str,
        *,
        before: str | None = None,
        after: str | None = None,
        if_not_exists: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Add a value to an enum type, at its end or next to another. It cannot be turned round.

        PostgreSQL lets nothing use the value before the migration is committed.

        Raises:
            MigrationError: `before` and `after` were both given.
        """
        if before is not None and after is not None:
            raise MigrationError(
                f'm.add_enum_value("{name}", "{value}") has `before=` and `after=`', hint="give one of them"
            )
        self._record(AddEnumValue(name, value, before, after, self._place(prefix), if_not_exists))

    def rename_enum_value(self, name: str, value: str, *, to: str, prefix: str | None = None) -> None:
        """Give a value of an enum type another name; the rows follow."""
        self._record(RenameEnumValue(name, value, to, self._place(prefix)))

    def create_view(
        self, name: str, query: LiteralString, *, materialized: bool = False, prefix: str | None = None
    ) -> None:
        """Make a view over the query; a materialized one keeps its rows until it is refreshed (PostgreSQL)."""
        self._record(CreateView(_view(name, query, self._place(prefix), materialized=materialized)))

    def drop_view(
        self,
        name: str,
        query: LiteralString | None = None,
        *,
        materialized: bool = False,
        if_exists: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Remove a view; with its query, the removal can be rolled back."""
        place = self._place(prefix)
        known = None if query is None else _view(name, query, place, materialized=materialized)
        self._record(DropView(name, known, materialized, place, if_exists))

    def replace_view(
        self,
        name: str,
        query: LiteralString,
        *,
        was: LiteralString | None = None,
        materialized: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Put another query in the place of a view's; `was` is the one before, for a rollback.

        The view is dropped and made anew, so that its columns may change: what was granted on it goes with it, and a
        view over it must be dropped first.
        """
        place = self._place(prefix)
        known = None if was is None else _view(name, was, place, materialized=materialized)
        self._record(ReplaceView(_view(name, query, place, materialized=materialized), known))

    def create_function(
        self, name: str, arguments: LiteralString, body: LiteralString, *, prefix: str | None = None
    ) -> None:
        """Make a function of PostgreSQL.

        Args:
            name: its name.
            arguments: what stands between its brackets: "" for none.
            body: what stands after them: `RETURNS int LANGUAGE sql AS $$ SELECT 1 $$`.
            prefix: the database schema that it is in.
        """
        self._record(CreateFunction(Function(name, arguments, body, self._place(prefix))))

    def drop_function(
        self,
        name: str,
        arguments: LiteralString | None = None,
        body: LiteralString | None = None,
        *,
        if_exists: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Remove a function; with its arguments and body, the removal can be rolled back.

        The arguments tell functions of one name apart.
        """
        place = self._place(prefix)
        known = None if body is None or arguments is None else Function(name, arguments, body, place)
        self._record(DropFunction(name, arguments, known, place, if_exists))

    def replace_function(
        self,
        name: str,
        arguments: LiteralString,
        body: LiteralString,
        *,
        was: LiteralString | None = None,
        prefix: str | None = None,
    ) -> None:
        """Put another body in the place of a function's; `was` is the one before, for a rollback.

        What uses the function goes on to use it: its arguments and what it returns stay.
        """
        place = self._place(prefix)
        known = None if was is None else Function(name, arguments, was, place)
        self._record(ReplaceFunction(Function(name, arguments, body, place), known))

    def create_trigger(
        self, name: str, table: str, when: LiteralString, run: LiteralString, *, prefix: str | None = None
    ) -> None:
        """Make a trigger.

        Args:
            name: its name.
            table: the table, or view, whose changes it follows.
            when: what it follows: `BEFORE UPDATE`, `AFTER INSERT OR DELETE`.
            run: what stands after the table: `FOR EACH ROW EXECUTE FUNCTION touch()` on PostgreSQL,
                `BEGIN UPDATE … ; END` on SQLite.
            prefix: the database schema of the table.
        """
        self._record(CreateTrigger(Trigger(name, table, when, run, self._place(prefix))))

    def drop_trigger(
        self,
        name: str,
        table: str,
        when: LiteralString | None = None,
        run: LiteralString | None = None,
        *,
        if_exists: bool = False,
        prefix: str | None = None,
    ) -> None:
        """Remove a trigger; with `when` and `run`, the removal can be rolled back."""
        place = self._place(prefix)
        known = None if when is None or run is None else Trigger(name, table, when, run, place)
        self._record(DropTrigger(name, table, known, place, if_exists))

    def replace_trigger(
        self,
        name: str,
        table: str,
        when: LiteralString,
        run: LiteralString,
        *,
        was: tuple[LiteralString, LiteralString] | None = None,
        prefix: str | None = None,
    ) -> None:
        """Put another trigger in the place of one of that name; `was` is its `(when, run)` before, for a rollback."""
        place = self._place(prefix)
        known = None if was is None else Trigger(name, table, was[0], was[1], place)
        self._record(ReplaceTrigger(Trigger(name, table, when, run, place), known))

    def create_extension(
        self, name: str, *, prefix: str | None = None, version: str | None = None, if_not_exists: bool = False
    ) -> None:
        """Make an extension of PostgreSQL, in a database schema and of a version, or those it chooses."""
        self._record(CreateExtension(name, prefix, version, if_not_exists))

    def drop_extension(
        self, name: str, *, prefix: str | None = None, version: str | None = None, if_exists: bool = False
    ) -> None:
        """Remove an extension of PostgreSQL; a rollback makes it again."""
        self._record(DropExtension(name, prefix, version, if_exists))

    def create_schema(self, name: str, *, if_not_exists: bool = False) -> None:
        """Make a database schema of PostgreSQL, which `prefix=` of other commands names."""
        self._record(CreateSchema(name, if_not_exists))

    def drop_schema(self, name: str, *, if_exists: bool = False) -> None:
        """Remove a database schema, which must be empty; a rollback makes it again."""
        self._record(DropSchema(name, if_exists))


def _values(name: str, given: type[Enum] | Sequence[str]) -> tuple[str, ...]:
    values = tuple(cast("str", one.value) if isinstance(one, Enum) else one for one in given)
    if not values or not all(isinstance(one, str) for one in cast("tuple[object, ...]", values)):
        raise MigrationError(
            f"the enum type `{name}` has texts for values, got {values!r:.60}",
            hint='give a str Enum, or texts: m.create_enum("role", ["admin", "member"])',
        )
    if len(set(values)) < len(values):
        raise MigrationError(f"the enum type `{name}` has a value twice", hint="take one of them out")
    return values


def _view(name: str, query: str, prefix: str | None, *, materialized: bool) -> View:
    if not query.strip():
        raise MigrationError(f"the view `{name}` has no query", hint='say "SELECT …"')
    return View(name, query, materialized, prefix)
