"""The rows of the table between two schemas: a `many_to_many` is written by inserting and deleting them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ectype.errors import ConstraintError, SchemaError
from ectype.expr.predicates import and_
from ectype.query.associated import over
from ectype.query.ast import OnConflict
from ectype.query.builder import Query
from ectype.query.conflicts import do_nothing
from ectype.repo.bulk import delete_all
from ectype.repo.call import Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.upserter import upsert_row
from ectype.repo.writable import writable
from ectype.schema.association_relations import default_values
from ectype.schema.associations import Association
from ectype.schema.changeset import change
from ectype.schema.changeset_data import draft, sealed
from ectype.schema.constraint import Constraint
from ectype.schema.constraints import match_violation
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.join_tables import JoinTable
from ectype.schema.meta import intern_meta, meta
from ectype.schema.structs import placed
from ectype.sql.compilers import compile_insert
from ectype.sql.shapes import InsertShape


async def delete_join_row(engine: Engine, association: Association, owner: Any, related: Any, call: Call) -> None:
    """Delete the rows that tie two structs; one that is gone already is no error."""
    await delete_all(engine, rows_between(association, _values(association, owner, related)), call=call)


def rows_between(association: Association, values: dict[str, Any]) -> Query[Any, Any, Any]:
    """Return the query of the rows of the table between that have some values, and that count."""
    source = _join(association).source
    query = over(source).where(and_(*[source.column(name) == value for name, value in values.items()]))
    return query if association.join_where is None else query.where(association.join_where)


async def insert_join_row(
    engine: Engine,
    insert: Callable[..., Awaitable[Any]],
    association: Association,
    owner: Any,
    related: Any,
    constraints: tuple[Constraint, ...],
    call: Call,
) -> None:
    """Insert the row that ties two structs.

    Args:
        engine: the engine.
        insert: inserts a struct of the schema between.
        association: the `many_to_many`.
        owner: the struct that has it.
        related: the other.
        constraints: those of the owner's changeset, which are also this row's.
        call: the deadline, and the prefix.

    Raises:
        InvalidChangesetError: the database refused it by one of the constraints.
        ConstraintError: it refused it by another.
    """
    join = _join(association)
    values = _values(association, owner, related)
    passes = association.options.on_join_through_conflict == "nothing"
    if join.named:
        await _insert_named(engine, join, values, constraints, call, passes=passes)
        return
    info = join.source.info
    struct = info.schema(**{**default_values(association, "join_defaults", info, owner), **values})
    if call.prefix is not None and meta(struct).prefix is None:
        struct = placed(struct, intern_meta("built", info.table, call.prefix))
    begin = change(struct)
    made = draft(begin)
    made.constraints = constraints
    row = sealed(made, begin.__class__)
    if passes:
        await upsert_row(engine, writable(row, "insert"), do_nothing(), None, call)
    else:
        await insert(engine, row, call=call)


async def _insert_named(
    engine: Engine,
    join: JoinTable,
    values: dict[str, Any],
    constraints: tuple[Constraint, ...],
    call: Call,
    *,
    passes: bool,
) -> None:
    """Insert a row of a table that has no schema."""
    conflict = OnConflict("nothing") if passes else None
    shape = InsertShape(join.source.info, tuple(values), (), conflict, call.prefix or engine.prefix)
    prepared = engine.plan(("join row", shape), lambda dialect: Prepared(compile_insert(shape, dialect)))
    try:
        await engine.execute(prepared, prepared.dump(tuple(values.values())), call)
    except ConstraintError as exc:
        if exc.constraint is None:
            raise
        begin = change({}, types={})
        made = draft(begin)
        made.constraints = constraints
        matched = match_violation(sealed(made, begin.__class__), exc.kind, exc.constraint)
        if matched is None:
            raise
        raise InvalidChangesetError(matched) from exc


def _join(association: Association) -> JoinTable:
    join = association.join
    assert join is not None  # only a `many_to_many` comes here
    return join


def _values(association: Association, owner: Any, related: Any) -> dict[str, Any]:
    """Return the columns of the row that ties two structs. Raises SchemaError where one of them has no key."""
    join = _join(association)
    found: dict[str, Any] = {}
    for columns, keys, struct in (
        (join.owner_keys, association.owner_keys, owner),
        (join.related_keys, association.related_keys, related),
    ):
        for column, key in zip(columns, keys, strict=True):
            value = getattr(struct, key, None)
            if value is None:
                schema = struct.__class__.__schema__.name
                raise SchemaError(
                    f"`{association.label}` is tied by `{schema}.{key}`, which has no value",
                    hint=f"where the database fills it: `{key}: Field[…] = field(read_after_writes=True)`",
                )
            found[column] = value
    return found
