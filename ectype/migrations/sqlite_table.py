"""The CREATE TABLE text that SQLite keeps, taken apart and put together again with a change in it.

What a change does not speak of stays word for word as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.catalog_text import Part, items_of, parts_of, unquoted

CLAUSES: Final = frozenset(
    {"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"}
)
TABLE_WORDS: Final = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a column's definition, or a constraint of the table.

    Attributes:
        kind: the word that says what it is: `NOT`, `DEFAULT`, `CHECK`, `REFERENCES`, `FOREIGN` …
        text: its text, with its name.
        name: its name, where it was given one.
        names: all names and words in it, in lower case: the columns that it is about are among them.
    """

    kind: str
    text: str
    name: str | None = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column: its name, its type as it is written, and all that follows."""

    name: str
    type: str
    clauses: tuple[Clause, ...] = ()

    @property
    def text(self) -> str:
        """The definition as it stands in CREATE TABLE."""
        return " ".join([quoted(self.name), *([self.type] if self.type else []), *(one.text for one in self.clauses)])

    @property
    def is_generated(self) -> bool:
        """Whether the database computes it, so that nothing is copied into it."""
        return any(one.kind in ("GENERATED", "AS") for one in self.clauses)

    def without(self, *kinds: str) -> ColumnDefinition:
        """Return it without the clauses of these kinds."""
        return replace(self, clauses=tuple(one for one in self.clauses if one.kind not in kinds))

    def with_(self, *clauses: Clause) -> ColumnDefinition:
        """Return it with further clauses."""
        return replace(self, clauses=(*self.clauses, *clauses))


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table: its columns and constraints in order, and what stands after the brackets."""

    name: str
    columns: tuple[ColumnDefinition, ...]
    constraints: tuple[Clause, ...]
    tail: str

    def text(self, name: str) -> str:
        """Return the statement that makes the table under a name."""
        lines = [*(one.text for one in self.columns), *(one.text for one in self.constraints)]
        body = ",\n  ".join(lines)
        return f"CREATE TABLE {quoted(name)} (\n  {body}\n){self.tail and ' ' + self.tail}"

    def has(self, name: str) -> bool:
        """Whether there is a column of that name, in whatever case."""
        return any(one.name.lower() == name.lower() for one in self.columns)

    def column(self, name: str) -> ColumnDefinition:
        """Return a column. Raises MigrationError when there is none."""
        for one in self.columns:
            if one.name.lower() == name.lower():
                return one
        known = [one.name for one in self.columns]
        raise MigrationError(f"the table `{self.name}` has no column `{name}`", hint=did_you_mean(name, known))

    def changed(self, name: str, change: Callable[[ColumnDefinition], ColumnDefinition]) -> TableDefinition:
        """Return it with one column changed. Raises MigrationError when there is none of that name."""
        old = self.column(name)
        return replace(self, columns=tuple(change(one) if one is old else one for one in self.columns))

    def constraint(self, name: str) -> Clause | None:
        """Return the constraint of that name, the table's or a column's; None when there is none."""
        return next((one for one in self.all_constraints() if one.name and one.name.lower() == name.lower()), None)

    def all_constraints(self) -> Iterator[Clause]:
        """Give the constraints of the columns, and those of the table."""
        for column in self.columns:
            yield from column.clauses
        yield from self.constraints

    def replaced(self, old: Clause, new: Clause | None) -> TableDefinition:
        """Return it with another constraint in the place of one, or with none."""

        def each(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
            changed = (new if one is old else one for one in clauses)
            return tuple(one for one in changed if one is not None)

        columns = tuple(replace(one, clauses=each(one.clauses)) for one in self.columns)
        return replace(self, columns=columns, constraints=each(self.constraints))

    @property
    def row_id(self) -> str | None:
        """A name of the rows' own number that no column hides; None where there is none."""
        options = {part.word for part in parts_of(self.tail)}
        if "ROWID" in options:
            return None
        return next((word for word in ("rowid", "_rowid_", "oid") if not self.has(word)), None)


def read_definition(sql: str) -> TableDefinition:
    """Take a CREATE TABLE apart.

    Raises:
        MigrationError: the text is not the plain list of columns and constraints that SQLite keeps.

    >>> read_definition("CREATE TABLE t (a INT NOT NULL, CHECK (a > 1)) STRICT").text("new").splitlines()
    ['CREATE TABLE "new" (', '  "a" INT NOT NULL,', '  CHECK (a > 1)', ') STRICT']
    """
    parts = list(parts_of(sql))
    at = next((number for number, part in enumerate(parts) if part.text.startswith("(")), None)
    if at is None or parts[1].word == "VIRTUAL":
        raise MigrationError(
            f"this is no table that can be built anew: {sql:.80}",
            hint='write the steps yourself: m.execute("…", "…"); a virtual table is dropped and made again',
        )
    body = parts[at].text[1:-1]
    columns: list[ColumnDefinition] = []
    constraints: list[Clause] = []
    for item in items_of(body):
        if item[0].word in TABLE_WORDS and item[0].text.isalpha():
            constraints += clauses_of(body, item, TABLE_WORDS)
        else:
            columns.append(_column(body, item))
    tail = sql[parts[at].end :].strip().rstrip(";")
    return TableDefinition(unquoted(parts[at - 1].text), tuple(columns), tuple(constraints), tail)


def read_column(text: str) -> ColumnDefinition:
    """Take the definition of one column apart, as it stands after ADD COLUMN."""
    return _column(text, list(parts_of(text)))


def read_constraint(text: str) -> Clause:
    """Take one constraint of a table apart, as it stands after ADD."""
    return clauses_of(text, list(parts_of(text)), TABLE_WORDS)[0]


def _column(body: str, item: Sequence[Part]) -> ColumnDefinition:
    first = next((at for at, part in enumerate(item) if at > 0 and part.word in CLAUSES), len(item))
    type_ = body[item[1].start : item[first - 1].end] if first > 1 else ""
    return ColumnDefinition(unquoted(item[0].text), type_, tuple(clauses_of(body, item[first:], CLAUSES)))


def clauses_of(body: str, item: Sequence[Part], words: frozenset[str]) -> list[Clause]:
    """Split at the words with which a clause begins."""
    starts: list[int] = []
    for at, part in enumerate(item):
        if part.word in words and not _continues(item, at, starts):
            starts.append(at)
    found: list[Clause] = []
    for start, end in zip(starts, [*starts, len(item)][1:], strict=True):
        named = item[start].word == "CONSTRAINT"
        kind = item[start + 2].word if named and start + 2 < end else item[start].word
        text = body[item[start].start : item[end - 1].end]
        name = unquoted(item[start + 1].text) if named else None
        found.append(Clause(kind, text, name, names_in(item[start + 2 * named : end])))
    return found


def _continues(item: Sequence[Part], at: int, starts: Sequence[int]) -> bool:
    """Whether a word does not begin a clause here, but belongs to the one before."""
    if not starts:
        return False
    word, before = item[at].word, item[at - 1].word
    following = item[at + 1].word if at + 1 < len(item) else ""
    # CONSTRAINT a CHECK …: the name and the kind belong to what CONSTRAINT began.
    if item[starts[-1]].word == "CONSTRAINT" and at - starts[-1] in (1, 2):
        return True
    # NOT NULL, DEFAULT NULL, ON DELETE SET NULL, SET DEFAULT, GENERATED ALWAYS AS, NOT DEFERRABLE.
    return (
        (word == "NULL" and before in ("NOT", "DEFAULT", "SET"))
        or (word == "DEFAULT" and before == "SET")
        or (word == "AS" and before == "ALWAYS")
        or (word == "NOT" and following == "DEFERRABLE")
        # FOREIGN KEY (a) REFERENCES t: of a table's constraint, this is no word of its own.
    )


def names_in(parts: Sequence[Part]) -> frozenset[str]:
    """Return all names and words of a text in lower case, those between brackets too."""
    found: set[str] = set()
    for part in parts:
        if part.text.startswith("("):
            found |= names_in(list(parts_of(part.text[1:-1])))
        elif not part.text.startswith("'"):
            found.add(unquoted(part.text).lower())
    return frozenset(found)


def renamed(clause: Clause, to: str) -> Clause:
    """Return a constraint with another name."""
    parts = list(parts_of(clause.text))
    rest = clause.text[parts[1].end :]
    return replace(clause, name=to, text=f"CONSTRAINT {quoted(to)}{rest}")


def quoted(name: str) -> str:
    """Return a name in quotes."""
    return '"' + name.replace('"', '""') + '"'
