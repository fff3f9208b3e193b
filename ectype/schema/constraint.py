"""One constraint that a changeset declares: what the database will check, and whose error it becomes."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from ectype.schema.field_error import Error

Kind: TypeAlias = Literal["unique", "foreign_key", "check", "exclusion"]
Match: TypeAlias = Literal["exact", "prefix", "suffix"] | re.Pattern[str]


class Constraint(NamedTuple):
    """A constraint as a changeset declares it.

    Attributes:
        kind: `unique`, `foreign_key`, `check` or `exclusion`.
        name: its name in the database, or a part of it; the pattern's text where `match` is a pattern.
        match: how `name` is compared: the whole, its beginning, its end, or a pattern searched in it.
        field: the key of the error.
        error: the error, without the name of the constraint that the database gives.
        columns: the fields it covers, by which it is found where a database gives no name.
    """

    kind: Kind
    name: str
    match: Match
    field: str
    error: Error
    columns: tuple[str, ...]

    def matches(self, name: str) -> bool:
        """Whether the database's name for a constraint is the one declared."""
        if self.match == "exact":
            return name == self.name
        if self.match == "prefix":
            return name.startswith(self.name)
        if self.match == "suffix":
            return name.endswith(self.name)
        return self.match.search(name) is not None

    @property
    def message(self) -> str:
        """The text of the error."""
        return self.error.message

    def __str__(self) -> str:
        how = self.match if isinstance(self.match, str) else "pattern"
        return f"{self.kind} `{self.name}`" + ("" if how == "exact" else f" ({how})") + f", for `{self.field}`"
