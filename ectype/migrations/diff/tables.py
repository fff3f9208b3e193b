"""Two states of tables, and the commands that lead from one to the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from ectype.errors import UnsupportedError
from ectype.migrations.diff import steps as at
from ectype.migrations.diff.columns import changed_columns, replaced_columns
from ectype.migrations.diff.comparison import Comparison, comment, covers, dropped
from ectype.migrations.diff.renames import mentions
from ectype.migrations.diff.state import NAMELESS, Place, TableState, columns_of
from ectype.migrations.diff.steps import Step
from ectype.sql.ddl import (
    Check,
    Column,
    Comment,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    Exclusion,
    Execute,
    ForeignKey,
    Identity,
    Index,
    Key,
    RenameConstraint,
    RenameIndex,
    Table,
    ValidateConstraint,
    foreign_key_name,
)
from ectype.sql.ddl_names import quote, table_name
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

EXCLUDES: Final = "all rows are compared, and nobody else reads or writes meanwhile"


def compare_tables(work: Comparison) -> None:
    """Find the commands for all tables."""
    current, want = work.current, work.want
    new = [table for place, table in want.tables.items() if place not in current.tables]
    gone = [table for place, table in current.tables.items() if place not in want.tables]
    both = [(current.tables[place], table) for place, table in want.tables.items() if place in current.tables]
    for there, wanted in both:
        work.loosened |= _loosened(work, there, wanted)
    _create(work, new)
    for there, wanted in both:
        if there is not wanted:
            _change(work, there, wanted)
    _drop(work, gone)


# --- whole tables -----------------------------------------------------------------------------------------------------


def table_node(
    table: TableState, target: Target, late: Iterable[str] = ()
) -> tuple[CreateTable, list[CreateConstraint]]:
    """Return the command that makes a table, and the constraints that do not fit into it.

    Its indexes are not in it, nor the constraints that come `late`.
    """
    prefix, name = table.place
    key = table.primary_key
    own = {} if key is None else dict.fromkeys(key.columns, True)
    # A key is written at its columns where that gives the same order and name.
    in_order = tuple(column for column in table.columns if column in own)
    at_columns = key is not None and in_order == key.columns and key.name in _key_names(name) and key.deferrable is None
    single = key.columns[0] if at_columns and key is not None and len(key.columns) == 1 else None
    columns: list[Column] = []
    used = set(late)
    for column in table.columns.values():
        made = column
        if at_columns and column.name in own:
            made = replace(made, primary_key=True, null=False)
        if column.name == single:
            made = _numbered(made, target)
        link = next((one for one in table.constraints.values() if _is_own_key(one, column, name)), None)
        if link is not None and link.constraint.name not in used and isinstance(link.constraint, ForeignKey):
            used.add(link.constraint.name)
            made = replace(made, references=replace(link.constraint.to, type=column.type))
        columns.append(made)
    rest = [
        one.constraint
        for one in table.constraints.values()
        if one.constraint.name not in used
        and one.comment is None
        and not (isinstance(one.constraint, Key) and one.constraint.primary)
        and not one.constraint.name.startswith(NAMELESS)
    ]
    made = Table(
        name,
        tuple(columns),
        tuple(one for one in rest if isinstance(one, Check)),
        tuple(one for one in rest if not isinstance(one, Check)),
        table.comment,
        prefix,
    )
    within = used | {one.name for one in rest} | ({key.name} if key is not None and at_columns else set[str]())
    return CreateTable(made), [one for label, one in table.constraints.items() if label not in within | set(late)]


def _key_names(table: str) -> tuple[str, str]:
    """Return the names of a primary key that nobody has named, on PostgreSQL and on SQLite."""
    return f"{table}_pkey", f"{NAMELESS}primary key"


def _numbered(column: Column, target: Target) -> Column:
    plain = column.type == ("bigint" if target == "postgres" else "INTEGER") and column.comment is None
    if plain and (column.identity == Identity() or (target == "sqlite" and column.identity is False)):
        return replace(column, identity=True, type=int)
    return column


def _is_own_key(one: CreateConstraint, column: Column, table: str) -> bool:
    key = one.constraint
    return (
        isinstance(key, ForeignKey)
        and key.column == column.name
        and not key.to.others
        and key.name == foreign_key_name(table, column.name)
        and one.comment is None
        and column.default is None
    )


def _create(work: Comparison, new: list[TableState]) -> None:
    """Make tables, those first that others refer to; what goes in a circle comes as constraints after."""
    made = set(work.current.tables)
    waiting = list(new)
    while waiting:
        free = next((table for table in waiting if _targets(table) <= made | {table.place}), waiting[0])
        late = [
            label
            for label, one in free.constraints.items()
            if isinstance(one.constraint, ForeignKey)
            and (_target(one.constraint) not in made | {free.place} or _waits_for_index(work, one.constraint))
        ]
        node, rest = table_node(free, work.dialect.target, late)
        work.found.add(at.CREATE_TABLES, node)
        rest += [free.constraints[label] for label in late]
        for one in rest:
            if isinstance(one.constraint, ForeignKey):
                _add_foreign_key(work, one, anew=True)
            else:
                work.found.add(at.CREATE_KEYS, one)
        for index in free.indexes.values():
            work.found.add(at.CREATE_PARTS, CreateIndex(index))
        if free.row_security:
            work.found.add(at.CREATE_OBJECTS, _security(free, work.dialect))
        made.add(free.place)
        waiting.remove(free)


def _target(key: ForeignKey) -> Place:
    return key.to.prefix, key.to.table


def _targets(table: TableState) -> set[Place]:
    return {_target(one.constraint) for one in table.constraints.values() if isinstance(one.constraint, ForeignKey)}


def _drop(work: Comparison, gone: list[TableState]) -> None:
    """Remove tables, those first that refer to others; a circle is broken by dropping its keys before."""
    waiting = list(gone)
    while waiting:
        needed = {place for table in waiting for place in _targets(table) if place != table.place}
        free = next((table for table in waiting if table.place not in needed), None)
        late: list[str] = []
        if free is None:
            free = waiting[0]
            for table in waiting:
                for label, one in table.constraints.items():
                    if isinstance(one.constraint, ForeignKey) and _target(one.constraint) == free.place != table.place:
                        work.found.add(at.DROP_FOREIGN_KEYS, dropped(one))
                        table.constraints = {key: kept for key, kept in table.constraints.items() if key != label}
        node, rest = table_node(free, work.dialect.target, late)
        for index in free.indexes.values():
            if index.name not in free.invalid:
                work.found.add(at.DROP_PARTS, DropIndex(index.name, index, prefix=index.prefix))
        for one in rest:
            work.found.add(at.DROP_PARTS, dropped(one))
        work.found.add(
            at.DROP_TABLES,
            DropTable(free.place[1], node.table, prefix=free.place[0]),
            loses=f"the table `{free.place[1]}` with its rows",
        )
        waiting.remove(free)


# --- one table --------------------------------------------------------------------------------------------------------


def _loosened(work: Comparison, there: TableState, wanted: TableState) -> set[tuple[Place, tuple[str, ...]]]:
    """Return the keys that are dropped, or made anew."""
    found: set[tuple[Place, tuple[str, ...]]] = set()
    for label, one in there.constraints.items():
        other = wanted.constraints.get(label)
        if isinstance(one.constraint, Key) and (
            other is None or not work.current.same(one.constraint, other.constraint)
        ):
            found.add((there.place, one.constraint.columns))
    for label, index in there.indexes.items():
        if index.unique and (label not in wanted.indexes or not work.current.same(index, wanted.indexes[label])):
            found.add((there.place, tuple(part for part in index.columns if isinstance(part, str))))
    return found


def _change(work: Comparison, there: TableState, wanted: TableState) -> None:
    prefix, name = there.place
    if there.comment != wanted.comment:
        work.found.add(at.CREATE_OBJECTS, Comment(name, wanted.comment, None, there.comment, prefix))
    if wanted.row_security and not there.row_security:
        work.found.add(at.CREATE_OBJECTS, _security(wanted, work.dialect))
    anew = replaced_columns(work, there, wanted)
    touched = anew | {column for column in there.columns if column not in wanted.columns}
    _constraints(work, there, wanted, touched)
    _indexes(work, there, wanted, touched)
    changed_columns(work, there, wanted, anew)


def _constraints(work: Comparison, there: TableState, wanted: TableState, touched: set[str]) -> None:
    same = work.current.same
    gone: dict[str, CreateConstraint] = {}
    new: dict[str, CreateConstraint] = {}
    for label, one in there.constraints.items():
        other = wanted.constraints.get(label)
        if other is None:
            gone[label] = one
        elif (
            not same(one.constraint, other.constraint)
            or any(mentions(repr_of(one.constraint), column) for column in touched)
            or (isinstance(one.constraint, ForeignKey) and _is_loose(work, one.constraint))
        ):
            gone[label], new[label] = one, other
        else:
            if other.validate and not one.validate:
                node = ValidateConstraint(one.table, label, one.prefix)
                work.found.add(at.CREATE_KEYS, node, file="finish")
            if one.comment != other.comment:
                work.found.add(at.CREATE_OBJECTS, _commented(work, one, other))
    new |= {label: one for label, one in wanted.constraints.items() if label not in there.constraints}
    for label, one in list(gone.items()):
        twin = next(
            (key for key, other in new.items() if key not in there.constraints and _twins(same, one, other)), None
        )
        if (
            twin is not None
            and not label.startswith(NAMELESS)
            and not (isinstance(one.constraint, Key) and not work.carefully)
        ):
            work.found.add(at.RENAME_PARTS, RenameConstraint(one.table, label, twin, one.prefix))
            if one.comment != new[twin].comment:
                work.found.add(at.CREATE_OBJECTS, _commented(work, one, new[twin]))
            del gone[label], new[twin]
    _primary_key(work, there, gone, new, touched)
    for one in gone.values():
        rank = at.DROP_FOREIGN_KEYS if isinstance(one.constraint, ForeignKey) else at.DROP_PARTS
        work.found.add(rank, dropped(one))
    for one in new.values():
        _add_constraint(work, one)


def _twins(same: Any, one: CreateConstraint, other: CreateConstraint) -> bool:
    return bool(same(replace(one.constraint, name=""), replace(other.constraint, name="")))


def repr_of(one: Any) -> str:
    """Return all names and texts of a constraint, to look for a column in."""
    match one:
        case Check(_, sql) | Exclusion(_, sql):
            return sql
        case _:
            return " ".join(columns_of(CreateConstraint("", one)))


def _is_loose(work: Comparison, key: ForeignKey) -> bool:
    there = (key.to.column, *(one for _, one in key.to.others))
    return (_target(key), there) in work.loosened


def _refuse_new_key(work: Comparison, table: TableState) -> None:
    raise UnsupportedError(
        f"the primary key of `{table.place[1]}` changes, and {work.dialect.name} has no name for the old one",
        hint="make a new table with that key in a migration of your own, copy the rows, and rename it",
    )


def _primary_key(
    work: Comparison,
    table: TableState,
    gone: dict[str, CreateConstraint],
    new: dict[str, CreateConstraint],
    touched: set[str],
) -> None:
    """Build the index of a new primary key while others write, and give it the place of the old one.

    What refers to the key, or a column of it that comes or goes, needs the old way. What is done is taken out.

    Raises:
        UnsupportedError: the database has no name for the old one.
    """
    was, wanted = (next((one for one in found.values() if _is_primary(one)), None) for found in (gone, new))
    if not work.carefully:
        if was is not None:
            _refuse_new_key(work, table)
        return
    if wanted is None or not isinstance(wanted.constraint, Key) or wanted.constraint.deferrable is not None:
        return
    columns = {*wanted.constraint.columns, *(() if was is None else columns_of(was))}
    referred = any(
        isinstance(one.constraint, ForeignKey) and _target(one.constraint) == table.place
        for state in (work.current, work.want)
        for other in state.tables.values()
        for one in other.constraints.values()
    )
    if referred or columns & touched or not columns <= set(table.columns):
        return
    name, prefix = wanted.constraint.name, wanted.prefix
    beside = f"{name.encode()[:59].decode(errors='ignore')}_new"
    index = Index(wanted.table, wanted.constraint.columns, beside, unique=True, prefix=prefix)
    _build(work, index)
    taken = replace(wanted, constraint=replace(wanted.constraint, using_index=beside))
    before = () if was is None else (was,)
    # The index becomes the key's own, so that a rollback makes it anew for the migration that built it.
    step = Step(
        at.CREATE_PARTS,
        (*map(dropped, before), taken),
        "finish",
        (dropped(wanted), *before, CreateIndex(index)),
    )
    work.found.steps.append(step)
    for found, one in ((gone, was), (new, wanted)):
        if one is not None:
            del found[one.constraint.name]


def _is_primary(one: CreateConstraint) -> bool:
    return isinstance(one.constraint, Key) and one.constraint.primary


def _add_constraint(work: Comparison, one: CreateConstraint) -> None:
    if isinstance(one.constraint, ForeignKey):
        _add_foreign_key(work, one, anew=False)
    elif work.carefully and isinstance(one.constraint, Check):
        work.found.add(at.CREATE_KEYS, replace(one, validate=False))
        work.found.add(at.CREATE_KEYS, ValidateConstraint(one.table, one.constraint.name, one.prefix), file="finish")
    else:
        note = EXCLUDES if isinstance(one.constraint, Exclusion) else None
        work.found.add(at.CREATE_KEYS, one, note=note)


def _add_foreign_key(work: Comparison, one: CreateConstraint, *, anew: bool) -> None:
    """Add a foreign key to a table, which is new itself or not, after what it refers to is unique."""
    key = one.constraint
    assert isinstance(key, ForeignKey)
    if _waits_for_index(work, key) and _target(key) in work.current.tables:
        # That index is built while others write, in a file of its own.
        work.found.add(
            at.CREATE_FOREIGN_KEYS, one, file="finish", note=None if anew else "nobody else writes meanwhile"
        )
    elif anew or not work.carefully:
        work.found.add(at.CREATE_FOREIGN_KEYS, one)
    else:
        work.found.add(at.CREATE_FOREIGN_KEYS, replace(one, validate=False))
        work.found.add(at.CREATE_KEYS, ValidateConstraint(one.table, key.name, one.prefix), file="finish")


def _waits_for_index(work: Comparison, key: ForeignKey) -> bool:
    """Whether what a foreign key refers to is unique by an index, which comes after the tables. SQLite asks not."""
    table = work.want.tables.get(_target(key))
    if table is None or not work.carefully:
        return False
    there = {key.to.column, *(one for _, one in key.to.others)}
    return not any(
        isinstance(one.constraint, Key) and set(one.constraint.columns) == there for one in table.constraints.values()
    )


def _commented(work: Comparison, one: CreateConstraint, other: CreateConstraint) -> Execute:
    dialect = work.dialect
    what = f"CONSTRAINT {quote(other.constraint.name, dialect, what='constraint')} ON "
    return comment(what + table_name(one.table, one.prefix, dialect), one.comment, other.comment, dialect)


def _security(table: TableState, dialect: Dialect) -> Execute:
    head = f"ALTER TABLE {table_name(table.place[1], table.place[0], dialect)}"
    return Execute(f"{head} ENABLE ROW LEVEL SECURITY", f"{head} DISABLE ROW LEVEL SECURITY")


# --- indexes ----------------------------------------------------------------------------------------------------------


def _indexes(work: Comparison, there: TableState, wanted: TableState, touched: set[str]) -> None:
    same, found = work.current.same, work.found
    gone = {label: one for label, one in there.indexes.items() if label not in wanted.indexes}
    new = {label: one for label, one in wanted.indexes.items() if label not in there.indexes}
    for label, one in list(gone.items()):
        twin = next((key for key, other in new.items() if same(replace(one, name=""), replace(other, name=""))), None)
        if twin is not None and label not in there.invalid:
            found.add(at.RENAME_PARTS, RenameIndex(label, twin, one.prefix))
            del gone[label], new[twin]
    for label, one in there.indexes.items():
        other = wanted.indexes.get(label)
        if other is None:
            continue
        bare = (replace(one, comment=None), replace(other, comment=None))
        if any(covers(one, column) for column in touched):
            gone[label], new[label] = one, other
        elif label in there.invalid:
            _build_again(work, other)
        elif not same(*bare):
            _swap(work, one, other)
        elif one.comment != other.comment:
            what = f"INDEX {table_name(label, one.prefix, work.dialect)}"
            found.add(at.CREATE_OBJECTS, comment(what, one.comment, other.comment, work.dialect))
    for one in gone.values():
        # With its column it would be gone before; and its name may be needed.
        of_touched = any(covers(one, column) for column in touched)
        _drop_index(work, one, at_once=of_touched or one.name in new or one.name in wanted.constraints)
    for one in new.values():
        _build(work, one)


def _build(work: Comparison, one: Index) -> None:
    if not work.carefully:
        work.found.add(at.CREATE_PARTS, CreateIndex(one))
        return
    work.found.add(at.CREATE_PARTS, CreateIndex(replace(one, concurrently=True)), file="build")


def _build_again(work: Comparison, one: Index) -> None:
    """Make an index whose making was broken off: the command drops what is left of it. A rollback leaves it made."""
    node = CreateIndex(replace(one, concurrently=True), if_not_exists=True)
    work.found.steps.append(Step(at.CREATE_PARTS, (node,), "build", ()))


def _swap(work: Comparison, one: Index, other: Index) -> None:
    """Make the new index beside the old one, and give it the name when it is there."""
    if not work.carefully:
        work.found.add(at.DROP_PARTS, DropIndex(one.name, one, prefix=one.prefix))
        work.found.add(at.CREATE_PARTS, CreateIndex(other))
        return
    beside = f"{one.name.encode()[:59].decode(errors='ignore')}_new"
    _build(work, replace(other, name=beside))
    _drop_index(work, one)
    work.found.add(at.RENAME_PARTS, RenameIndex(beside, one.name, one.prefix), file="finish")


def _drop_index(work: Comparison, one: Index, *, at_once: bool = False) -> None:
    """Remove an index while others write; `at_once` where its name is needed in the same file."""
    if at_once or not work.carefully:
        work.found.add(at.DROP_PARTS, DropIndex(one.name, one, prefix=one.prefix))
        return
    was = replace(one, concurrently=True)
    work.found.add(at.DROP_PARTS, DropIndex(one.name, was, concurrently=True, prefix=one.prefix), file="drop")
