"""What is compared, and what both tables and columns need for it."""

from dataclasses import dataclass, field, replace

from ectype.migrations.diff.state import Place, State
from ectype.migrations.diff.steps import Difference
from ectype.sql.ddl import CreateConstraint, DropConstraint, Execute
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect


@dataclass(slots=True)
class Comparison:
    """What is compared, and what is found.

    Attributes:
        fills: by table and column, a literal for rows that have no value yet.
        loosened: the tables and columns whose key goes, so that foreign keys to it must go first.
    """

    current: State
    want: State
    found: Difference
    dialect: Dialect
    fills: dict[tuple[Place, str], str]
    loosened: set[tuple[Place, tuple[str, ...]]] = field(default_factory=set[tuple[Place, tuple[str, ...]]])

    @property
    def carefully(self) -> bool:
        """Whether the database can be changed while others write to it."""
        return self.dialect.alter_column


def dropped(one: CreateConstraint) -> DropConstraint:
    """Return the command that removes a constraint, with what it was."""
    return DropConstraint(one.table, one.constraint.name, replace(one, validate=True), prefix=one.prefix)


def comment(what: str, was: str | None, text: str | None, dialect: Dialect) -> Execute:
    """Return the command that writes a comment beside something, and its way back."""
    up, down = ("NULL" if one is None else literal_text(one, dialect) for one in (text, was))
    return Execute(f"COMMENT ON {what} IS {up}", f"COMMENT ON {what} IS {down}")
