"""The upsert of one row: an INSERT … ON CONFLICT, its row read back, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ectype.errors import ConstraintError
from ectype.expr.operand import Expr
from ectype.query.ast import EntityRow, TupleRow, ValueRow
from ectype.query.ast import OnConflict as Planned
from ectype.query.builder import from_
from ectype.query.conflicts import OnConflict, plan_conflict
from ectype.query.sources import source
from ectype.repo.atomic import undisturbed
from ectype.repo.call import Call
from ectype.repo.embeds import with_embeds
from ectype.repo.engine import Engine, Prepared
from ectype.repo.outcomes import Ignored, Inserted, Outcome, Updated
from ectype.repo.select import fetch_rows
from ectype.repo.sending import Place, Targets, inserted_values, place_of, target_columns
from ectype.repo.stored import loaded_meta, stored
from ectype.repo.violations import refused
from ectype.schema.changeset import Changeset
from ectype.schema.meta import SchemaInfo
from ectype.schema.structs import UNSET, values_of
from ectype.sql.compilers import compile_insert
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape


async def upsert_row(
    engine: Engine,
    changeset: Changeset[Any],
    on_conflict: OnConflict[Any] | None,
    conflict_target: Targets | None,
    call: Call,
) -> Outcome[Any]:
    """Insert one row with its embeds, or do what `on_conflict` says, and tell what happened.

    Raises:
        InvalidChangesetError: the database refuses it by a declared constraint.
        QueryError: for a conflict target or an action that cannot be used.
    """
    if changeset.info.embeds:
        outcome = await with_embeds(
            engine, changeset, "insert", lambda own: _upsert(engine, own, on_conflict, conflict_target, call), call
        )
        return cast("Outcome[Any]", outcome)
    return await _upsert(engine, changeset, on_conflict, conflict_target, call)


async def _upsert(
    engine: Engine,
    changeset: Changeset[Any],
    on_conflict: OnConflict[Any] | None,
    conflict_target: Targets | None,
    call: Call,
) -> Outcome[Any]:
    info = changeset.info
    values = inserted_values(info, changeset)
    planned, params = plan_conflict(info, on_conflict, target_columns(conflict_target), tuple(values))
    place = place_of(engine, info, changeset.data, call)
    work = _Upsert(engine, changeset, values, planned, params, place, call)
    try:
        if engine.dialect.upsert_tells or planned is None or planned.action == "nothing":
            return await work.run()
        return await undisturbed(engine.session, work.run_told, call)
    except ConstraintError as exc:
        raise await refused(engine, changeset.with_action("insert"), exc, values) from exc


class _Upsert:
    """One upsert: what is written, and where."""

    __slots__ = ("call", "changeset", "engine", "params", "place", "planned", "values")

    def __init__(
        self,
        engine: Engine,
        changeset: Changeset[Any],
        values: Mapping[str, Any],
        planned: Planned | None,
        params: tuple[object, ...],
        place: Place,
        call: Call,
    ) -> None:
        self.engine = engine
        self.changeset = changeset
        self.values = values
        self.planned = planned
        self.params = params
        self.place = place
        self.call = call

    async def run(self) -> Outcome[Any]:
        """Run the statement where it tells whether it inserted, or can do nothing else."""
        rows = await self._written(self.planned, self.params)
        if not rows:
            return Ignored(await self._existing())
        row, told = rows[0]
        return Inserted(self._struct(row)) if told else Updated(self._struct(row))

    async def run_told(self) -> Outcome[Any]:
        """Run it in two steps, in a transaction that locks out other writers: insert, and only then the action."""
        assert self.planned is not None  # its caller has seen to it
        rows = await self._written(Planned("nothing", self.planned.targets, index=self.planned.index), ())
        if rows:
            return Inserted(self._struct(rows[0][0]))
        rows = await self._written(self.planned, self.params)
        return Updated(self._struct(rows[0][0])) if rows else Ignored(await self._existing())

    async def _written(self, planned: Planned | None, params: tuple[object, ...]) -> list[Any]:
        """Return the row that was written and whether it was inserted, or nothing."""
        shape = InsertShape(
            self.changeset.info, tuple(self.values), self.changeset.info.column_names, planned, *self.place
        )
        prepared = self.engine.plan(("upsert", shape), lambda dialect: _prepared(shape, dialect))
        dumped = prepared.dump((*self.values.values(), *params))
        return await self.engine.fetch(prepared, dumped, self.call)

    def _struct(self, row: Any) -> Any:
        """Return the row as it is stored, with what lives in the struct only."""
        info, data = self.changeset.info, self.changeset.data
        values, changes = values_of(row), self.changeset.changes
        for name in info.virtual_names:
            values[name] = changes[name] if name in changes else getattr(data, name, values.get(name, UNSET))
        where = loaded_meta(info, *self.place)
        return stored(info, data, values, where, getattr(row, "_frozen", None))

    async def _existing(self) -> Any | None:
        """Return the row that the conflict target finds, or None."""
        info = self.changeset.info
        targets = () if self.planned is None else self.planned.targets
        if not targets or any(self.values.get(name) is None for name in targets):
            return None
        prefix, table = self.place
        model: Any = info.schema if table is None else source(info.schema, table, prefix=prefix)
        columns = model.__source__.columns
        query: Any = from_(model).where(*(columns[name] == self.values[name] for name in targets))
        index = None if self.planned is None else self.planned.index
        if index is not None:
            if table is not None or len(index.terms) > len(targets):
                # What the new row is in such an index, the database alone knows.
                return None
            if index.where is not None:
                query = query.where(Expr(*index.where))
        rows = await fetch_rows(self.engine, query.limit(1), self.call.below(prefix))
        return rows[0] if rows else None


def _prepared(shape: InsertShape, dialect: Dialect) -> Prepared:
    """Return the statement whose rows are pairs of a struct and whether it was inserted."""
    statement = compile_insert(shape, dialect, told=True)
    struct = _entity(shape.info)
    count = len(shape.info.column_names)
    told = len(statement.columns) > count
    return Prepared(statement, TupleRow((struct, ValueRow(count)) if told else (struct,), None if told else _inserted))


def _entity(info: SchemaInfo) -> EntityRow:
    return EntityRow(info, info.column_names, 0, optional=False)


def _inserted(struct: Any) -> tuple[Any, bool]:
    """Complete a pair where the database says nothing: it is asked so that any row is an inserted one."""
    return struct, True
