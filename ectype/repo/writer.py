"""The conductor of writes: changeset, values, statement, the stored struct or the changeset with its errors."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

from ectype.errors import ConflictIgnoredError, ConstraintError, MultipleResultsError, QueryError, SchemaError
from ectype.query.conflicts import OnConflict
from ectype.repo.at_commit import all_or_none
from ectype.repo.attaching import mark_partial
from ectype.repo.call import PLAIN, Call
from ectype.repo.embeds import with_embeds
from ectype.repo.engine import Engine, Prepared
from ectype.repo.families import Writes, has_related, upsert_family, with_given, write_family
from ectype.repo.on_delete import let_go
from ectype.repo.outcomes import Ignored, Outcome, Updated
from ectype.repo.preparing import prepared
from ectype.repo.returning import wanted_fields
from ectype.repo.sending import (
    Place,
    Targets,
    changeset_of,
    fill_moments,
    inserted_values,
    key_values,
    place_of,
)
from ectype.repo.staleness import Held, stale
from ectype.repo.stored import loaded_meta, originals_of, stored
from ectype.repo.upserter import upsert_row
from ectype.repo.violations import refused
from ectype.repo.writable import writable
from ectype.schema.changeset import Changeset
from ectype.schema.meta import Meta, SchemaInfo, meta
from ectype.schema.structs import UNSET, evolve, placed
from ectype.sql.compilers import compile_insert, compile_keyed
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, KeyedShape


@dataclass(frozen=True, slots=True)
class _Plan:
    """A write of one shape: its statement, the fields that come back, and the meta of the struct afterwards."""

    prepared: Prepared
    returning: tuple[str, ...]
    where: Meta


def insert(
    engine: Engine,
    subject: Any,
    *,
    on_conflict: OnConflict[Any] | None = None,
    conflict_target: Targets | None = None,
    call: Call = PLAIN,
) -> Awaitable[Any]:
    """Insert one row and return its struct, awaited; what can be refused at once is.

    Raises:
        InvalidChangesetError: when the changeset is invalid, or the database refuses it by a declared constraint.
        ConflictIgnoredError: when `on_conflict` wrote nothing.
    """
    if on_conflict is not None or conflict_target is not None:
        return _insert_or(engine, subject, on_conflict, conflict_target, call)
    changeset = changeset_of(subject, "insert")
    if changeset.info.unwritable["insert"]:
        changeset = writable(changeset, "insert")
    if changeset.info.associations:
        changeset = with_given(changeset)
    if changeset.preparations:
        return prepared(engine, changeset, "insert", lambda ready: insert(engine, ready, call=call), call)
    if has_related(changeset):
        return write_family(engine, WRITES, changeset, "insert", lambda own: _insert_row(engine, own, call), call)
    return _insert_row(engine, changeset, call)


def _insert_row(engine: Engine, changeset: Changeset[Any], call: Call) -> Awaitable[Any]:
    # A coroutine around a coroutine costs as much as a column: what only chooses returns what is to be awaited.
    if changeset.info.embeds:
        return with_embeds(engine, changeset, "insert", lambda own: _insert_columns(engine, own, call), call)
    return _insert_columns(engine, changeset, call)


async def _insert_columns(engine: Engine, changeset: Changeset[Any], call: Call) -> Any:
    info, data = changeset.info, changeset.data
    values = inserted_values(info, changeset)
    fields, place = tuple(values), place_of(engine, info, data, call)
    wanted = wanted_fields(info, call.returning)
    plan: _Plan = engine.plan(
        ("insert", info, fields, place, wanted), lambda dialect: _insert(info, fields, place, wanted, dialect)
    )
    params = plan.prepared.dump(tuple(values.values()))
    try:
        if plan.returning:
            back = (await engine.fetch(plan.prepared, params, call))[0]
        else:
            await engine.execute(plan.prepared, params, call)
            back = ()
    except ConstraintError as exc:
        raise await refused(engine, changeset.with_action("insert"), exc, values) from exc
    for name in info.unwritable["insert"]:
        values[name] = UNSET  # what the struct has was not stored
    for name, value in zip(plan.returning, back, strict=True):  # `update` would make a list of each pair
        values[name] = value
    originals = None
    if info.mutable_names:
        sent = dict(zip(fields, params, strict=True))
        read = {name: values[name] for name in plan.returning}
        originals = originals_of(info, engine.dialect.target, sent, read, None)
    if info.virtual_names:
        values = {**changeset.changes, **values}
    return stored(info, data, values, plan.where, originals)


async def upsert(
    engine: Engine,
    subject: Any,
    *,
    on_conflict: OnConflict[Any] | None,
    conflict_target: Targets | None = None,
    call: Call = PLAIN,
) -> Outcome[Any]:
    """Insert one row with its related rows, or do what `on_conflict` says, and tell what happened.

    Raises:
        InvalidChangesetError: when the changeset is invalid, or the database refuses it by a declared constraint.
        QueryError: for a conflict target or an action that cannot be used.
    """
    if on_conflict is None and conflict_target is None:
        raise QueryError("`upsert` needs `on_conflict`", hint="say what to do: `on_conflict=replace_all()`")
    changeset = changeset_of(subject, "insert")
    info = changeset.info
    if info.unwritable["insert"]:
        changeset = writable(changeset, "insert")
    if info.associations:
        changeset = with_given(changeset)
    if changeset.preparations:

        async def again(ready: Changeset[Any]) -> Outcome[Any]:
            return await upsert(engine, ready, on_conflict=on_conflict, conflict_target=conflict_target, call=call)

        return cast("Outcome[Any]", await prepared(engine, changeset, "insert", again, call))

    async def row(own: Changeset[Any]) -> Outcome[Any]:
        return await upsert_row(engine, own, on_conflict, conflict_target, call)

    if not has_related(changeset):
        outcome = await row(changeset)
    else:
        outcome = await upsert_family(engine, WRITES, changeset, row, call)
    if isinstance(outcome, Updated):
        mark_partial(outcome.struct)
    return outcome


async def _insert_or(
    engine: Engine, subject: Any, on_conflict: OnConflict[Any] | None, conflict_target: Targets | None, call: Call
) -> Any:
    """Insert one row, or do what `on_conflict` says, and return the row that was written."""
    outcome = await upsert(engine, subject, on_conflict=on_conflict, conflict_target=conflict_target, call=call)
    if isinstance(outcome, Ignored):
        raise ConflictIgnoredError(
            f"the insert wrote nothing, because of `on_conflict={on_conflict!r}`",
            hint="use `repo.upsert(…)`, which tells what it did",
        )
    return outcome.struct


def _insert(
    info: SchemaInfo, fields: tuple[str, ...], place: Place, wanted: tuple[str, ...], dialect: Dialect
) -> _Plan:
    declared = info.declarations
    needed = {name for name in info.read_back if name not in fields or declared[name].options.read_after_writes}
    returning = tuple(name for name in info.column_names if name in needed or name in wanted)
    statement = compile_insert(InsertShape(info, fields, returning, None, *place), dialect)
    return _Plan(Prepared(statement), returning, loaded_meta(info, *place))


def update(engine: Engine, changeset: Any, *, force: bool = False, call: Call = PLAIN) -> Awaitable[Any]:
    """Send the changes of a changeset, and return the struct that is now stored, awaited; no changes send nothing.

    Raises:
        InvalidChangesetError: when the changeset is invalid, or the database refuses it by a declared constraint.
        StaleEntryError: when the row is gone, or was changed since an optimistic lock was read.
        NoPrimaryKeyError: when the struct has no key.
    """
    if not isinstance(changeset, Changeset):
        raise SchemaError(
            f"`update` takes a changeset, got {changeset!r:.80}",
            hint="say what changes: `repo.update(change(user, User.name.set('Ada')))`",
        )
    ready: Changeset[Any] = changeset_of(changeset, "update")
    if ready.info.unwritable["update"]:
        ready = writable(ready, "update")
    if ready.preparations and (ready.changes or force):
        return prepared(
            engine, ready, "update", lambda changeset: update(engine, changeset, force=force, call=call), call
        )
    if has_related(ready):
        # A lock on the row guards what belongs to it too: it is compared and moved whoever changed the entries.
        touched = force or ready.touched or bool(ready.locks)
        return write_family(
            engine, WRITES, ready, "update", lambda own: _update_row(engine, own, call, force=touched), call
        )
    return _update_row(engine, ready, call, force=force)


def _update_row(engine: Engine, ready: Changeset[Any], call: Call, *, force: bool) -> Awaitable[Any]:
    if ready.info.embeds:
        return with_embeds(engine, ready, "update", lambda own: _update_columns(engine, own, call, force=force), call)
    return _update_columns(engine, ready, call, force=force)


async def _update_columns(engine: Engine, ready: Changeset[Any], call: Call, *, force: bool) -> Any:
    info, data, changes = ready.info, ready.data, ready.changes
    values = {name: changes[name] for name in info.column_names if name in changes}
    if (values or force) and info.autoupdated:
        fill_moments(info.autoupdated, values)
    # A lock is moved also where nothing else is: entries changed, and there is no clock.
    if not values and not (force and ready.locks):
        return stored(info, data, changes, meta(data), None) if changes else data
    keys = key_values(info, data, "update")
    held = Held.of(ready)
    if ready.locks:
        values.update(held.moved)
    fields, place, wanted = tuple(values), place_of(engine, info, data, call), wanted_fields(info, call.returning)
    plan: _Plan = engine.plan(
        ("update", info, fields, place, held.shape, wanted),
        lambda dialect: _update(info, fields, place, held, wanted, dialect),
    )
    params = plan.prepared.dump((*values.values(), *keys, *held.values))
    back = await _write_one(engine, ready, plan, params, values, call)
    originals = None
    if info.mutable_names:
        originals = originals_of(info, engine.dialect.target, dict(zip(fields, params, strict=False)), back, data)
    values.update(back)
    if info.virtual_names:
        values = {**changes, **values}
    return stored(info, data, values, plan.where, originals)


def _update(
    info: SchemaInfo, fields: tuple[str, ...], place: Place, held: Held, wanted: tuple[str, ...], dialect: Dialect
) -> _Plan:
    returning = _read_after(info, wanted)
    shape = KeyedShape("update", info, fields, (*info.primary_key, *held.names), returning, *place, held.nulls)
    return _Plan(Prepared(compile_keyed(shape, dialect)), returning, loaded_meta(info, *place))


def _read_after(info: SchemaInfo, wanted: tuple[str, ...]) -> tuple[str, ...]:
    needed = {name for name in info.read_back if info.declarations[name].options.read_after_writes}
    return tuple(name for name in info.column_names if name in needed or name in wanted)


async def delete(engine: Engine, subject: Any, *, call: Call = PLAIN) -> Any:
    """Delete the row of a struct or changeset, and return the struct in the state `deleted`.

    Raises:
        StaleEntryError: when the row is gone, or was changed since an optimistic lock was read.
        InvalidChangesetError: when the database refuses it by a declared constraint.
    """
    changeset = changeset_of(subject, "delete")
    if changeset.preparations:
        return await prepared(engine, changeset, "delete", lambda ready: delete(engine, ready, call=call), call)
    if changeset.info.letting_go:
        # A struct without a key is refused before anything of it is let go.
        key_values(changeset.info, changeset.data, "delete")
        async with all_or_none(engine, changeset, "delete", call):
            await let_go(engine, changeset.info, changeset.data, call)
            return await _delete_row(engine, changeset, call)
    return await _delete_row(engine, changeset, call)


async def _delete_row(engine: Engine, changeset: Changeset[Any], call: Call) -> Any:
    info, data = changeset.info, changeset.data
    keys = key_values(info, data, "delete")
    held = Held.of(changeset)
    place, wanted = place_of(engine, info, data, call), wanted_fields(info, call.returning)
    plan: _Plan = engine.plan(
        ("delete", info, place, held.shape, wanted), lambda dialect: _delete(info, place, held, wanted, dialect)
    )
    params = plan.prepared.dump((*keys, *held.values))
    back = await _write_one(engine, changeset, plan, params, {}, call)
    return placed(evolve(data, **back) if back else data, plan.where)


def _delete(info: SchemaInfo, place: Place, held: Held, wanted: tuple[str, ...], dialect: Dialect) -> _Plan:
    returning = _read_after(info, wanted)
    shape = KeyedShape("delete", info, (), (*info.primary_key, *held.names), returning, *place, held.nulls)
    return _Plan(Prepared(compile_keyed(shape, dialect)), returning, loaded_meta(info, *place, "deleted"))


async def _write_one(
    engine: Engine, changeset: Changeset[Any], plan: _Plan, params: Any, values: dict[str, Any], call: Call
) -> dict[str, Any]:
    """Run an UPDATE or DELETE by key, and return what came back. Raises StaleEntryError when no row was hit."""
    verb = "update" if values else "delete"
    try:
        if plan.returning:
            rows = await engine.fetch(plan.prepared, params, call)
            count, back = len(rows), dict(zip(plan.returning, rows[0], strict=True)) if rows else {}
        else:
            count, back = await engine.execute(plan.prepared, params, call), {}
    except ConstraintError as exc:
        raise await refused(engine, changeset.with_action(verb), exc, values) from exc
    if count == 1 or (not count and call.allow_stale):
        return back
    if count:
        raise _several(changeset.info, verb, count)
    raise stale(changeset, verb, call)


def _several(info: SchemaInfo, verb: str, count: int) -> MultipleResultsError:
    return MultipleResultsError(
        f"`{verb}` of one {info.name} wrote {count} rows, which have the same "
        f"{' and '.join(f'`{name}`' for name in info.primary_key)}; outside a transaction they stay written",
        hint="the primary key of the schema is no unique key of the table: declare all of its columns",
    )


WRITES = Writes(insert, update, delete)
"""How the rows that are related to one are written: as that one is."""
