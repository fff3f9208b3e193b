"""Foreign keys as migrations write them: `references(…)`, `set_null(…)`, `set_default(…)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ectype.errors import MigrationError, did_you_mean
from ectype.sql.ddl import Deferrable, Match, OnAction, OnDelete, References, SetColumns

ACTIONS: tuple[str, ...] = get_args(OnAction)


def references(
    table: str,
    *,
    column: str = "id",
    type: object = int,  # noqa: A002  # it is the columns' type, and called so in SQL and in Ecto
    on_delete: OnDelete = "nothing",
    on_update: OnAction = "nothing",
    name: str | None = None,
    with_: Mapping[str, str] | None = None,
    match: Match | None = None,
    deferrable: Deferrable | None = None,
    validate: bool = True,
    prefix: str | None = None,
) -> References:
    """Say what a column references; it stands in the place of the column's type.

    Args:
        table: the table that is referenced.
        column: its column.
        type: the type of both columns.
        on_delete: what happens when the referenced row is deleted; of a key of several columns,
            `set_null("editor_id")` sets some.
        on_update: what happens when its key changes.
        name: another name than `<table>_<column>_fkey`.
        with_: further columns of the key, each with the one that it references.
        match: `full` where the columns of the key must all be NULL, or none.
        deferrable: `deferred` to check at COMMIT, `immediate` to do so only where a transaction asks for it.
        validate: False to leave the rows that exist unchecked until `m.validate_constraint`.
        prefix: the database schema of the referenced table.

    Raises:
        MigrationError: an action, or a word, does not exist.

    Example:
        t.column("author_id", references("users", on_delete="cascade"), null=False)
        t.modify("author_id", references("users", on_delete="set_null"), from_=references("users"))
    """
    for action in (on_delete, on_update):
        if not isinstance(action, SetColumns) and action not in ACTIONS:
            raise MigrationError(
                f"{action!r} is nothing that a foreign key to `{table}` can do",
                hint=did_you_mean(str(action), ACTIONS),
            )
    for option, word, words in (("match", match, get_args(Match)), ("deferrable", deferrable, get_args(Deferrable))):
        if word is not None and word not in words:
            raise MigrationError(
                f"{option}={word!r} of a foreign key to `{table}` is no word for it",
                hint=did_you_mean(str(word), words),
            )
    return References(
        table,
        column,
        on_delete,
        on_update,
        name,
        type,
        tuple((with_ or {}).items()),
        match,
        deferrable,
        validate,
        prefix,
    )


def set_null(*columns: str) -> SetColumns:
    """Set these columns of a foreign key to NULL when the referenced row is deleted, and leave its others."""
    return _set("set_null", columns)


def set_default(*columns: str) -> SetColumns:
    """Set these columns of a foreign key to their defaults when the referenced row is deleted."""
    return _set("set_default", columns)


def _set(action: str, columns: tuple[str, ...]) -> SetColumns:
    if not columns:
        raise MigrationError(f"{action}() names no column", hint=f'say on_delete="{action}" for all of the key')
    return SetColumns("set_null" if action == "set_null" else "set_default", columns)
