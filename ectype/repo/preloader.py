"""Associations of loaded rows: one query a step of a path, attached in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import functions as fn
from ectype.expr.operand import Order
from ectype.query.builder import Query, from_
from ectype.query.subqueries import subquery
from ectype.repo.engine import Engine
from ectype.repo.select import fetch_rows
from ectype.schema.associations import Association, Custom, Rel
from ectype.schema.fields import Field
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.schema import Schema
from ectype.schema.structs import UNSET


class Ranked(Schema):
    """The key of a row and its rank among the rows of its parent: the shape behind a limit per parent."""

    key: Field[Any]
    rank: Field[int]


@dataclass(slots=True)
class Branch:
    """A hop of the merged paths: how it is narrowed, and where it goes on."""

    association: Association
    custom: Custom
    branches: "dict[str, Branch]" = field(default_factory=dict[str, "Branch"])


def merge(info: SchemaInfo, paths: Iterable[Rel[Any, Any]]) -> dict[str, Branch]:
    """Merge paths with equal beginnings into a tree.

    Raises:
        QueryError: when a path starts elsewhere, or one hop is narrowed in two ways.
    """
    tree: dict[str, Branch] = {}
    for path in paths:
        if not isinstance(path, Rel):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"`preload` takes associations, got {path!r:.80}", hint="write `preload(User.posts)`")
        if path.hops[0].association.owner is not info:
            raise QueryError(f"`{path!r}` starts at {path.hops[0].association.owner.name}, the rows are {info.name}")
        level = tree
        for hop in path.hops:
            branch = level.setdefault(hop.association.name, Branch(hop.association, hop.custom))
            branch.custom = _merged(branch, hop.custom)
            level = branch.branches
    return tree


def _merged(branch: Branch, custom: Custom) -> Custom:
    if custom in (branch.custom, Custom()):
        return branch.custom
    if branch.custom == Custom():
        return custom
    name = f"{branch.association.owner.name}.{branch.association.name}"
    raise QueryError(
        f"`{name}` is narrowed in two ways in one preload: {branch.custom} and {custom}",
        hint="say it once, on the first path through it",
    )


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
        await _level(engine, present, merge(info, paths), force=force, timeout=timeout, prefix=prefix)


async def _level(
    engine: Engine,
    rows: Sequence[Any],
    branches: dict[str, Branch],
    *,
    force: bool,
    timeout: float | None,
    prefix: str | None,
) -> None:
    for branch in branches.values():
        await _load(engine, rows, branch, force=force, timeout=timeout, prefix=prefix)
        if branch.branches:
            reached = _reached(rows, branch.association)
            await _level(engine, reached, branch.branches, force=force, timeout=timeout, prefix=prefix)


def _slot(association: Association) -> Any:
    return association.owner.slots[association.name]


def _current(row: Any, association: Association) -> Any:
    try:
        return _slot(association).__get__(row)
    except AttributeError:
        return UNSET


def _reached(rows: Sequence[Any], association: Association) -> list[Any]:
    found: list[Any] = []
    for row in rows:
        value = _current(row, association)
        if isinstance(value, list):
            found.extend(cast("list[Any]", value))
        elif value is not None and value is not UNSET:
            found.append(value)
    return found


async def _load(
    engine: Engine, rows: Sequence[Any], branch: Branch, *, force: bool, timeout: float | None, prefix: str | None
) -> None:
    association = branch.association
    wanting = rows if force else [row for row in rows if _current(row, association) is UNSET]
    if len(wanting) < len(rows) and branch.custom != Custom():
        raise QueryError(
            f"`{association.owner.name}.{association.name}` is loaded already, so it would not be narrowed",
            hint="load it anew: `await repo.preload(rows, …, force=True)`",
        )
    keys = {getattr(row, association.owner_key, None) for row in wanting} - {None}
    found = (
        await fetch_rows(engine, related_query(association, branch.custom, sorted_keys(keys)), timeout, prefix)
        if keys
        else []
    )
    attach(wanting, association, found)


def sorted_keys(keys: set[Any]) -> list[Any]:
    """Return the keys in a stable order where they have one."""
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def related_query(association: Association, custom: Custom, keys: list[Any]) -> Query[Any, Any, Any]:
    """Return the query of all related rows of some owners, narrowed, with a limit for each owner."""
    related: Any = association.related.schema
    column = association.related.source.column(association.related_key)
    order: list[Any] = [Order(node, params) for node, params in custom.order_bys]
    if not order:
        order = [association.related.source.columns[name] for name in association.related.primary_key]
    query: Query[Any, Any, Any] = from_(related).where(column.in_(keys), *custom.wheres)
    if custom.limit is None:
        return query.order_by(*order)
    return _limited(association.related, query, column, order, custom.limit)


def _limited(info: SchemaInfo, query: Any, column: Any, order: list[Any], limit: int) -> Query[Any, Any, Any]:
    if len(info.primary_key) != 1:
        raise QueryError(f"a limit per parent needs a primary key of one column, and {info.name} has another")
    key = info.source.columns[info.primary_key[0]]
    rank: Any = fn.row_number().over(fn.window(partition_by=column, order_by=order or [key]))
    ranked = subquery(query.project(Ranked(key=key, rank=rank)), "ranked")
    chosen: Any = from_(ranked).where(ranked.rank <= limit).select(ranked.key)
    return from_(info.schema).where(key.in_(chosen)).order_by(*order)


def attach(rows: Sequence[Any], association: Association, found: Sequence[Any]) -> None:
    """Give each row its related structs: a list of its own, or one struct, or None."""
    slot, owner_key, related_key = _slot(association), association.owner_key, association.related_key
    if association.cardinality == "one":
        by_key = {getattr(one, related_key): one for one in found}
        for row in rows:
            slot.__set__(row, by_key.get(getattr(row, owner_key, None)))
        return
    grouped: dict[Any, list[Any]] = {}
    for one in found:
        grouped.setdefault(getattr(one, related_key), []).append(one)
    for row in rows:
        slot.__set__(row, list(grouped.get(getattr(row, owner_key, None), ())))


async def preload_copies(
    engine: Engine, rows: Any, paths: Sequence[Rel[Any, Any]], *, force: bool, timeout: float | None
) -> Any:
    """Return copies of a struct, or of a list of structs, with the paths loaded; None stays None."""
    listed: list[Any] = cast("list[Any]", rows) if isinstance(rows, list) else [rows]
    present = [row for row in listed if row is not None]
    if not paths:
        raise QueryError("`preload` needs an association", hint="write `await repo.preload(user, User.posts)`")
    if not present:
        return cast("Any", rows)
    info = struct_info(present[0])
    made = copies(listed, merge(info, paths))
    await preload_into(engine, made, info, paths, force=force, timeout=timeout)
    return made if isinstance(rows, list) else made[0]


def copies(rows: Iterable[Any], branches: dict[str, Branch]) -> list[Any]:
    """Return copies of structs along the merged paths, so that loading never changes what somebody holds."""
    made: list[Any] = []
    for row in rows:
        if row is None:
            made.append(None)
            continue
        copy = row.__reduce_ex__(4)
        struct = copy[0](*copy[1])
        for branch in branches.values():
            _copy_branch(struct, branch)
        made.append(struct)
    return made


def _copy_branch(struct: Any, branch: Branch) -> None:
    value = _current(struct, branch.association)
    if isinstance(value, list):
        _slot(branch.association).__set__(struct, copies(cast("list[Any]", value), branch.branches))
    elif value is not UNSET and value is not None:
        _slot(branch.association).__set__(struct, copies([value], branch.branches)[0])
