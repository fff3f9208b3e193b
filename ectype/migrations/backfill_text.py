"""A backfill as its author writes it, and the SQL of its batches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, LiteralString

from ectype.errors import MigrationError
from ectype.types.base import Target

WORD: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?")


@dataclass(frozen=True, slots=True)
class Backfill:
    """Rows to be brought up to date after a migration, some at a time, so that nobody waits for them.

    Attributes:
        table: the table, or `schema.table`.
        set: what an UPDATE sets, as SQL text.
        where: which rows need it, as SQL text; None for all. With it a second run does nothing twice.
        key: a column without NULL that has an index, by which the rows are gone through.
        batch: how many rows at a time.

    Raises:
        MigrationError: a part is empty, or the batch is below 1.

    >>> backfill = Backfill("users", set="slug = lower(name)", where="slug IS NULL")
    """

    table: str
    set: LiteralString
    where: LiteralString | None = None
    key: str = "id"
    batch: int = 5_000

    def __post_init__(self) -> None:
        for name, text in (("table", self.table), ("key", self.key)):
            if WORD.fullmatch(text) is None:
                raise MigrationError(f"`{name}` of a backfill is {text!r}, which is no name", hint=f'{name}="users"')
        if not self.set.strip():
            raise MigrationError("a backfill sets nothing", hint='Backfill("users", set="slug = lower(name)")')
        if self.batch < 1:
            raise MigrationError(f"`batch` must be 1 or more, got {self.batch}", hint="how many rows at a time")


@dataclass(frozen=True, slots=True)
class Texts:
    """The statements of one backfill. The first two take what the batch begins after, if anything."""

    bound_first: str
    bound_next: str
    update_first: str
    update_next: str


def texts(backfill: Backfill, target: Target, key_type: str) -> Texts:
    """Return the SQL of a batch: where it ends, and the UPDATE of what lies between.

    Keys travel as text on PostgreSQL, so that every type of key fits into the journal.
    """
    table, key = quoted(backfill.table), quoted(backfill.key)
    postgres = target == "postgres"
    # Under another name: ORDER BY would take the text for the key, and 9 comes after 10 then.
    shown = f"batch.{key}::text AS upto" if postgres else f"batch.{key} AS upto"
    after, upto = (f"${number}::text::{key_type}" if postgres else f"?{number}" for number in (1, 2))
    where = "" if backfill.where is None else f" AND ({backfill.where})"
    bound = (
        f"SELECT {shown}, count(*) OVER () FROM (SELECT {key} FROM {table}{{where}} ORDER BY {key} "
        f"LIMIT {{batch}}) AS batch ORDER BY batch.{key} DESC LIMIT 1"
    )
    return Texts(
        bound.replace("{where}", ""),
        bound.replace("{where}", f" WHERE {key} > {after}"),
        f"UPDATE {table} SET {backfill.set} WHERE {key} <= {after}{where}",
        f"UPDATE {table} SET {backfill.set} WHERE {key} > {after} AND {key} <= {upto}{where}",
    )


def quoted(name: str) -> str:
    """Return a name, or a schema and a name, in quotes."""
    return ".".join(f'"{part}"' for part in name.split("."))
