"""Associations of loaded rows: one query a step of a path, attached in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import functions as fn
from ectype.expr.operand import Order
from ectype.query.builder import Query, from_
from ectype.query.subqueries import subquery
from ectype.repo.engine import Engine
from ectype.repo.paths import Branch, merge
from ectype.repo.select import fetch_rows
from ectype.schema.associations import PLAIN, Association, Custom, Rel
from ectype.schema.fields import Field
from ectype.schema.meta import SchemaInfo, meta, struct_info
from ectype.schema.schema import Schema
from ectype.schema.structs import UNSET, restore, state_of


class Ranked(Schema):
    """The key of a row and its rank among the rows of its parent: the shape behind a limit per parent."""

    key: Field[Any]
    rank: Field[int]


@dataclass(frozen=True, slots=True)
class _Preload:
    """What all steps of one preload have in common."""

    engine: Engine
    force: bool
    timeout: float | None
    prefix: str | None

    async def level(self, rows: Sequence[Any], branches: dict[str, Branch]) -> None:
        """Load the associations of rows, then those of what they lead to."""
        for branch in branches.values():
            await self._load(rows, branch)
            if branch.branches:
                await self.level(_reached(rows, branch.association), branch.branches)

    async def _load(self, rows: Sequence[Any], branch: Branch) -> None:
        association = branch.association
        wanting = rows if self.force else [row for row in rows if _current(row, association) is UNSET]
        if len(wanting) < len(rows) and branch.custom is not PLAIN:
            raise QueryError(
                f"`{association.owner.name}.{association.name}` is loaded already, so it would not be narrowed",
                hint="load it anew: `await repo.preload(rows, …, force=True)`",
            )
        keys = {getattr(row, association.owner_key, None) for row in wanting} - {None}
        found: list[Any] = []
        if keys:
            query = related_query(association, branch.custom, sorted_keys(keys))
            found = await fetch_rows(self.engine, query, self.timeout, self.prefix)
        attach(wanting, association, found)


async def preload_into(
    engine: Engine,
    rows: Sequence[Any],
    info: SchemaInfo,
    paths: Iterable[Rel[Any, Any]],
    *,
    force: bool = False,
    timeout: float | None = None,
    prefix: str | None = None,
) -> None:
    """Load the paths into rows that nobody else holds yet; None among the rows is left alone."""
    present = [row for row in rows if row is not None]
    if present:
        await _Preload(engine, force, timeout, prefix).level(present, merge(info, paths))


async def preload_copies(
    engine: Engine, rows: Any, paths: Sequence[Rel[Any, Any]], *, force: bool, timeout: float | None
) -> Any:
    """Return copies of a struct, or of a list of structs, with the paths loaded; None stays None.

    Raises:
        QueryError: for no path, or rows of two schemas.
    """
    if not paths:
        raise QueryError("`preload` needs an association", hint="write `await repo.preload(user, User.posts)`")
    listed: list[Any] = cast("list[Any]", rows) if isinstance(rows, list) else [rows]
    present = [row for row in listed if row is not None]
    if not present:
        return cast("Any", rows)
    info = _schema_of(present)
    branches = merge(info, paths)
    made = copies(listed, branches)
    loaded = [row for row in made if row is not None]
    await _Preload(engine, force, timeout, meta(present[0]).prefix).level(loaded, branches)
    return made if isinstance(rows, list) else made[0]


def _schema_of(rows: Sequence[Any]) -> SchemaInfo:
    info = struct_info(rows[0])
    for row in rows:
        if struct_info(row) is not info:
            raise QueryError(
                f"`preload` takes rows of one schema, got {info.name} and {struct_info(row).name}",
                hint="preload each kind by itself",
            )
    return info


def _slot(association: Association) -> Any:
    return association.owner.slots[association.name]


def _current(row: Any, association: Association) -> Any:
    return getattr(row, f"_assoc_{association.name}", UNSET)


def _reached(rows: Sequence[Any], association: Association) -> list[Any]:
    """Return what an association leads to, each struct once."""
    found: dict[int, Any] = {}
    for row in rows:
        value = _current(row, association)
        for one in cast("list[Any]", value) if isinstance(value, list) else [value]:
            if one is not None and one is not UNSET:
                found[id(one)] = one
    return list(found.values())


def sorted_keys(keys: set[Any]) -> list[Any]:
    """Return the keys in a stable order where they have one."""
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def related_query(association: Association, custom: Custom, keys: list[Any]) -> Query[Any, Any, Any]:
    """Return the query of all related rows of some owners, narrowed, with a limit for each owner."""
    info = association.related
    column = info.source.column(association.related_key)
    given: list[Any] = [Order(node, params) for node, params in custom.order_bys]
    # Rows that are equal in the order come by their key: the same ones each time, also under a limit.
    order = [*given, *(info.source.columns[name] for name in info.primary_key)]
    query: Query[Any, Any, Any] = from_(info.schema).where(column.in_(keys), *custom.wheres)
    if association.cardinality == "one":
        return query
    return query.order_by(*order) if custom.limit is None else _limited(info, query, column, order, custom.limit)


def _limited(info: SchemaInfo, query: Any, column: Any, order: list[Any], limit: int) -> Query[Any, Any, Any]:
    if len(info.primary_key) != 1:
        raise QueryError(
            f"a limit per parent needs a primary key of one column, and {info.name} has {len(info.primary_key)}",
            hint="leave the limit out, and cut the lists",
        )
    key = info.source.columns[info.primary_key[0]]
    rank: Any = fn.row_number().over(fn.window(partition_by=column, order_by=order))
    ranked = subquery(query.project(Ranked(key=key, rank=rank)), "ranked")
    chosen: Any = from_(ranked).where(ranked.rank <= limit).select(ranked.key)
    return from_(info.schema).where(key.in_(chosen)).order_by(*order)


def attach(rows: Sequence[Any], association: Association, found: Sequence[Any]) -> None:
    """Give each row its related structs: a list of its own, or one struct, or None."""
    give, owner_key, related_key = _slot(association).__set__, association.owner_key, association.related_key
    if association.cardinality == "one":
        by_key = {getattr(one, related_key): one for one in found}
        for row in rows:
            give(row, by_key.get(getattr(row, owner_key, None)))
        return
    grouped: dict[Any, list[Any]] = {}
    for one in found:
        grouped.setdefault(getattr(one, related_key), []).append(one)
    for row in rows:
        give(row, list(grouped.get(getattr(row, owner_key, None), ())))


def copies(rows: Iterable[Any], branches: dict[str, Branch]) -> list[Any]:
    """Return copies of structs along the merged paths, so that loading never changes what somebody holds."""
    return [None if row is None else _copy(row, branches) for row in rows]


def _copy(row: Any, branches: dict[str, Branch]) -> Any:
    struct = restore(row.__class__, state_of(row))
    for branch in branches.values():
        value = _current(struct, branch.association)
        if isinstance(value, list):
            _slot(branch.association).__set__(struct, copies(cast("list[Any]", value), branch.branches))
        elif value is not UNSET and value is not None:
            _slot(branch.association).__set__(struct, _copy(value, branch.branches))
    return struct
