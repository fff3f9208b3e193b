"""What the rules know when they look at a statement: the tables as the migrations before made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ectype.migrations.lint.facts import Fact, NewColumn
from ectype.migrations.lint.findings import Recipe, Severity
from ectype.migrations.lint.tokens import Token
from ectype.sql.dialect import Dialect

UNKNOWN: Final = "?"


@dataclass(slots=True)
class Checked:
    """A check constraint: what it demands, and whether all rows were looked at."""

    text: str
    valid: bool


@dataclass(slots=True)
class Scene:
    """What is known, from the migrations that were read before, and from this one so far.

    Attributes:
        dialect: the database that the migrations are for.
        schema: the schema that names without one mean.
        types: the type of each column, by table.
        checks: the check constraints of each table, by their names.
        tables: the table of each index that is known.
        sizes: about how many rows each table has; None where no database was asked.
        created: the tables that this migration makes: they are empty, and nobody else sees them.
        not_valid: the constraints that this migration adds without looking at the rows.
        dropped: the tables that this migration drops.
        added_values: the values of enums that this migration adds.
        changed: the tables that this migration changes.
        created_enums: the enums that this migration makes.
        in_transaction: whether the command runs in the transaction of its migration; else it is a step of its own.
        alone: whether the statement is all that its migration does.
        bound: what keeps the migration in one transaction, whatever it does; empty where nothing does.
        written: whether SQL text of an author is read, not a command of the DSL.
        tokens: the statement that is read.
    """

    dialect: Dialect
    schema: str
    types: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    checks: dict[str, dict[str, Checked]] = field(default_factory=dict[str, dict[str, Checked]])
    tables: dict[str, str] = field(default_factory=dict[str, str])
    sizes: Mapping[str, int] | None = None
    created: set[str] = field(default_factory=set[str])
    not_valid: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    dropped: set[str] = field(default_factory=set[str])
    added_values: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    created_enums: set[str] = field(default_factory=set[str])
    in_transaction: bool = True
    alone: bool = False
    bound: str = ""
    written: bool = False
    tokens: tuple[Token, ...] = ()

    @property
    def is_postgres(self) -> bool:
        """Whether the locks of a table matter; SQLite has one writer at a time whatever is done."""
        return self.dialect.alter_column

    def begin(self) -> None:
        """Forget what belongs to one migration."""
        for known in (
            self.created, self.not_valid, self.dropped, self.added_values, self.changed, self.created_enums,
        ):  # fmt: skip
            known.clear()

    def is_new(self, table: str) -> bool:
        """Whether the table has no rows and no readers: made by this migration, or not there in the database."""
        return table in self.created or (self.sizes is not None and table not in self.sizes)

    def is_empty(self, table: str) -> bool:
        """Whether the table is known to have no rows."""
        return self.is_new(table) or (self.sizes is not None and self.sizes.get(table) == 0)

    def type_of(self, table: str, column: str) -> str:
        """Return the type of a column, `?` where it is not known."""
        return self.types.get(table, {}).get(column, UNKNOWN)

    def has_not_null_check(self, table: str, column: str) -> bool:
        """Whether a check that all rows have passed says that the column is never NULL."""
        wanted = f"{column} is not null"
        return any(
            check.valid and (wanted == part or wanted in part.split(" and "))
            for check in self.checks.get(table, {}).values()
            for part in (check.text.strip("() "),)
        )

    def learn(self, fact: Fact) -> None:  # noqa: C901  # one case for each kind of fact
        """Take in what a statement did, after the rules looked at it."""
        table = fact.table
        match fact.kind:
            case "create table":
                self.created.add(table)
                self.types[table] = {column.name: column.type for column in fact.new_columns}
            case "add column" if fact.column is not None:
                self.types.setdefault(table, {})[fact.name] = fact.column.type
            case "set type":
                self.types.setdefault(table, {})[fact.name] = fact.to
            case "drop column":
                self.types.get(table, {}).pop(fact.name, None)
            case "drop table":
                self.dropped.add(table)
                self.types.pop(table, None)
                self.checks.pop(table, None)
            case "rename table":
                self._rename(table, fact.to)
            case "rename column":
                known = self.types.get(table, {})
                if fact.name in known:
                    known[fact.to] = known.pop(fact.name)
            case "create index":
                self.tables[fact.name] = table
            case "create enum":
                self.created_enums.add(fact.name)
            case "add value" if fact.name not in self.created_enums:
                self.added_values.add(fact.to)
            case "add constraint" | "validate" | "drop constraint":
                self._constrain(fact)
            case _:
                pass
        if fact.kind not in ("write", "validate", "other", "create table", "truncate") and table:
            self.changed.add(table)

    def _rename(self, table: str, to: str) -> None:
        if table in self.types:
            self.types[to] = self.types.pop(table)
        if table in self.checks:
            self.checks[to] = self.checks.pop(table)
        if table in self.created:
            self.created.add(to)

    def _constrain(self, fact: Fact) -> None:
        checks = self.checks.setdefault(fact.table, {})
        if fact.kind == "drop constraint":
            checks.pop(fact.name, None)
        elif fact.kind == "validate":
            if fact.name in checks:
                checks[fact.name].valid = True
        else:
            if fact.not_valid:
                self.not_valid.add((fact.table, fact.name))
            if fact.constraint == "check":
                checks[fact.name] = Checked(fact.text, not fact.not_valid)


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule says of a fact; place and size are added where it is known where the fact comes from."""

    code: str
    what: str
    why: str
    recipe: Recipe
    table: str = ""
    severity: Severity | None = None


def change(*lines: str) -> str:
    """Return a migration's function of these lines."""
    body = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    return f"def change(m: Migration) -> None:\n{body}"


def up(*lines: str, down: str = "") -> str:
    """Return a migration with one direction, and the other where it is given."""
    body = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    back = f"\n\n\ndef down(m: Migration) -> None:\n    {down}" if down else ""
    return f"def up(m: Migration) -> None:\n{body}{back}"


def one(code: str) -> Recipe:
    """Return a recipe of one migration."""
    return Recipe((("", code),))


def column_words(column: NewColumn) -> str:
    """Return the arguments of `t.column` for a column."""
    return f'"{column.name}", "{column.type}"'
