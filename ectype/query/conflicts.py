"""What an insert does when a row is there already: `replace(Post.title)`, `do_nothing()`, `do_update(…)`."""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from ectype.errors import QueryError
from ectype.expr.nodes import ColumnRef
from ectype.expr.operand import Assignment, Attr, Column, Expr, Operand, Order
from ectype.query.ast import ConflictIndex
from ectype.query.ast import OnConflict as Planned
from ectype.query.scope import conflict_sources, refuse_unwritable, refuse_virtual
from ectype.schema.meta import SchemaInfo
from ectype.schema.table_parts import Index

S = TypeVar("S")
T = TypeVar("T")

Kind: TypeAlias = Literal["nothing", "replace", "replace_all", "replace_all_except", "update"]


class OnConflict(Generic[S]):
    """An action on conflict over exactly the schema `S`; made by the functions of this file."""

    __slots__ = ("assignments", "columns", "kind", "where")

    def __init__(
        self,
        kind: Kind,
        columns: tuple[Attr[Any, Any], ...] = (),
        assignments: tuple[Assignment[Any], ...] = (),
        where: Expr[Any, Any] | None = None,
    ) -> None:
        self.kind: Final = kind
        self.columns: Final = columns
        self.assignments: Final = assignments
        self.where: Final = where

    def __repr__(self) -> str:
        inner = ", ".join(repr(one) for one in (*self.columns, *self.assignments))
        return f"{'do_' if self.kind in ('nothing', 'update') else ''}{self.kind}({inner})"


def do_nothing() -> OnConflict[S]:  # pyright: ignore[reportInvalidTypeVarUse]  # the insert it is for decides
    """Leave the row that is there as it is. SQL: `ON CONFLICT DO NOTHING`."""
    return OnConflict("nothing")


def replace(*columns: Attr[S, Any]) -> OnConflict[S]:
    """Write these columns of the row that is there, with what the insert sends. SQL: `SET x = EXCLUDED.x`."""
    if not columns:
        raise QueryError("`replace` needs at least one column", hint="write `replace(Post.title)`, or `do_nothing()`")
    return OnConflict("replace", columns)


def replace_all() -> OnConflict[S]:  # pyright: ignore[reportInvalidTypeVarUse]  # the insert it is for decides
    """Write every column that the insert sends, less conflict target, generated keys and `inserted_at`."""
    return OnConflict("replace_all")


def replace_all_except(*columns: Attr[S, Any]) -> OnConflict[S]:
    """Write what `replace_all` writes, less these columns."""
    return OnConflict("replace_all_except", columns)


def do_update(*assignments: Assignment[S], where: Expr[S, bool | None] | None = None) -> OnConflict[S]:
    """Write these assignments into the row that is there; `excluded(column)` is what the insert wanted to write.

    Example:
        `do_update(Page.hits.inc(1), Page.title.set(excluded(Page.title)), where=Page.locked == False)`
    """
    if not assignments:
        raise QueryError("`do_update` needs at least one assignment", hint="write `do_update(Post.hits.inc(1))`")
    return OnConflict("update", (), assignments, where)


def excluded(column: Column[S, T]) -> Operand[S, T]:
    """Return the value that the insert wanted to write into a column, inside `do_update`."""
    info = _info(column)
    return cast("Operand[S, T]", info.excluded.column(column.name))


def _info(column: Attr[Any, Any]) -> SchemaInfo:
    source: Any = cast("Any", column.node).source
    return source.info


def plan_conflict(
    info: SchemaInfo,
    on_conflict: OnConflict[Any] | None,
    targets: tuple[Attr[Any, Any], ...] | Index[Any],
    sent: tuple[str, ...],
) -> tuple[Planned | None, tuple[object, ...]]:
    """Return the planned action and the values of its parameters, for an insert that sends these fields.

    Raises:
        QueryError: for columns of another schema, a target without an action, an update without a target, or an
            action that would write nothing.
    """
    names, index = _target(info, targets)
    if on_conflict is None:
        if targets:
            raise QueryError(
                "a conflict target without `on_conflict` does nothing",
                hint=f"say what to do: `on_conflict=replace({info.name}.…)` or `do_nothing()`",
            )
        return None, ()
    if not isinstance(on_conflict, OnConflict):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise QueryError(
            f"`on_conflict` takes an action, got {on_conflict!r:.80}",
            hint=f"write `do_nothing()`, `replace({info.name}.…)`, `replace_all()` or `do_update(…)`",
        )
    if on_conflict.kind == "nothing":
        return Planned("nothing", names, index=index), ()
    if not names and index is None:
        raise QueryError(
            "an upsert that updates needs its conflict target",
            hint=f"name the columns of the unique index: `conflict_target={info.name}.…`",
        )
    if on_conflict.kind == "update":
        return _planned_update(info, on_conflict, names, index)
    replaced = _replaced(info, on_conflict, names, sent)
    if not replaced:
        raise QueryError(f"{on_conflict!r} leaves no column of {info.name} to write", hint="use `do_nothing()`")
    return Planned("update", names, replaced, index=index), ()


def _target(
    info: SchemaInfo, targets: tuple[Attr[Any, Any], ...] | Index[Any]
) -> tuple[tuple[str, ...], ConflictIndex | None]:
    """Return the columns by which a conflict is known, and the index where they do not say it all."""
    if not isinstance(targets, Index):
        return tuple(_own(info, column) for column in targets), None
    if not targets.unique:
        raise QueryError("a conflict is known by a unique index", hint="write `unique(…)` instead of `index(…)`")
    names: list[str] = []
    terms: list[tuple[Any, tuple[object, ...]]] = []
    for term in targets.terms:
        node: Any = term.node.operand if isinstance(term, Order) else term.node
        conflict_sources(info, node, "a conflict target")
        terms.append((node, term.params))
        if isinstance(node, ColumnRef):
            names.append(node.name)
    where = targets.where
    if where is not None:
        conflict_sources(info, where.node, "a conflict target")
    elif len(names) == len(terms):
        return tuple(names), None
    index = ConflictIndex(tuple(terms), None if where is None else (where.node, where.params))
    try:
        hash(index)
    except TypeError as exc:
        raise QueryError(f"an index holds constants only, got {exc}", hint="compare with one value at a time") from exc
    return tuple(names), index


def _own(info: SchemaInfo, column: Attr[Any, Any]) -> str:
    if not isinstance(column, Attr) or _info(column) is not info:  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise QueryError(f"{column!r} is no column of {info.name}")
    refuse_virtual(cast("Column[Any, Any]", column).reference)
    return column.name


def _replaced(
    info: SchemaInfo, on_conflict: OnConflict[Any], targets: tuple[str, ...], sent: tuple[str, ...]
) -> tuple[str, ...]:
    named = tuple(_own(info, column) for column in on_conflict.columns)
    if on_conflict.kind == "replace":
        for name in named:
            refuse_unwritable(info, name, "replace")
        return named
    kept = {*targets, *named, *info.insert_only, *info.unwritable["update"]}
    return tuple(field for field in sent if field not in kept)


def _planned_update(
    info: SchemaInfo, on_conflict: OnConflict[Any], names: tuple[str, ...], index: ConflictIndex | None
) -> tuple[Planned, tuple[object, ...]]:
    params: tuple[object, ...] = ()
    terms: list[tuple[str, Any]] = []
    for one in on_conflict.assignments:
        if one.column.source is not info.source:
            raise QueryError(f"{one!r} assigns to another schema than {info.name}")
        conflict_sources(info, one.node)
        refuse_virtual(one.column)
        refuse_unwritable(info, one.column.name, "do_update")
        terms.append((one.column.name, one.node))
        params += one.params
    where = on_conflict.where
    if where is not None:
        conflict_sources(info, where.node)
        params += where.params
    return Planned("update", names, (), tuple(terms), None if where is None else where.node, index), params
