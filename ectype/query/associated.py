"""`assoc(owner, User.posts)`: the query of the rows that belong to structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr.nesting import exists, outer
from ectype.expr.operand import Column, Expr
from ectype.expr.tuples import Row, tuple_
from ectype.query.builder import Query, from_
from ectype.query.rebasing import moved
from ectype.schema.aliases import Alias
from ectype.schema.associations import Association
from ectype.schema.keys import keys_of
from ectype.schema.meta import meta, struct_info
from ectype.schema.rel import Rel
from ectype.schema.schema import Schema, StructOf
from ectype.schema.sources import TableSource
from ectype.schema.targets import related_model, related_source

M = TypeVar("M", bound=Schema)
M2 = TypeVar("M2", bound=Schema)


@overload
def assoc(owners: StructOf[M] | list[M], rel: Rel[M, list[M2]]) -> Query[M2, M2, M2]: ...
@overload
def assoc(owners: StructOf[M] | list[M], rel: Rel[M, M2 | None]) -> Query[M2, M2, M2]: ...
@overload
def assoc(owners: StructOf[M] | list[M], rel: Rel[M, M2]) -> Query[M2, M2, M2]: ...
def assoc(owners: Any, rel: Any) -> Any:
    """Return the query of the rows of an association of one struct or of several; each row comes once.

    It may be narrowed and joined, and given to `update_all` and `delete_all`, like any other query. It reads where the
    first struct came from, `prefix` of `meta(user)`, unless `.prefix(…)` says otherwise.
    SQL: `… WHERE author_id = ANY($1)`; over a table between, `… WHERE id IN (SELECT team_id FROM memberships WHERE …)`.

    Raises:
        QueryError: for structs of several schemas, a path that starts elsewhere, or one with conditions of its own.

    Example:
        `await repo.all(assoc(user, User.posts / Post.comments).where(Comment.likes > 3))`
    """
    path = _plain(rel)
    rows: list[Any] = list(cast("Sequence[Any]", owners)) if isinstance(owners, list | tuple) else [owners]
    info = path.hops[0].association.owner
    for row in rows:
        if struct_info(row) is not info:
            raise QueryError(f"`{path!r}` starts at {info.name}, got a struct of {struct_info(row).name}")
    first, *others = _direct([hop.association for hop in path.hops])
    query = _of_keys(first, sorted_keys(set(keys_of(first.owner_keys, rows)) - {None}))
    for association in others:
        query = _next(association, query)
    prefix = meta(rows[0]).prefix if rows else None
    return query if prefix is None else query.prefix(prefix)


def _plain(rel: Any) -> Rel[Any, Any]:
    if not isinstance(rel, Rel):
        raise QueryError(f"`assoc` takes an association, got {rel!r:.80}", hint="write `assoc(user, User.posts)`")
    path = cast("Rel[Any, Any]", rel)
    if not path.plain:
        raise QueryError(
            f"`assoc` takes a plain association, got a customised {path!r}",
            hint=f"write conditions and order on the query: `assoc(…, {path!r}).where(…)`",
        )
    return path


def _direct(associations: Sequence[Association]) -> list[Association]:
    """Return the associations that have keys of their own, in place of those that only follow them."""
    return [one for given in associations for one in (_direct(given.steps) if given.follows else [given])]


def sorted_keys(keys: set[Any]) -> list[Any]:
    """Return the keys in a stable order where they have one."""
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def in_keys(source: Any, names: Sequence[str], keys: Sequence[Any]) -> Expr[Any, bool]:
    """Return the condition that the columns of a source hold one of the keys; those of several columns are tuples."""
    columns: list[Column[Any, Any]] = [source.column(name) for name in names]
    if len(columns) == 1:
        return columns[0].in_(keys)
    row: Row[Any, Any] = cast("Any", tuple_)(*columns)
    return row.in_(keys)


def over(source: TableSource) -> Query[Any, Any, Any]:
    """Begin a query at a table that may have no schema."""
    return from_(cast("type[Any]", Alias(source, (), source.entity)))


def _of_keys(association: Association, keys: list[Any]) -> Query[Any, Any, Any]:
    join = association.join
    if join is None:
        return _related(association, in_keys(related_source(association), association.related_keys, keys))
    return _related(association, _tied(association, in_keys(join.source, join.owner_keys, keys)))


def _next(association: Association, owners: Query[Any, Any, Any]) -> Query[Any, Any, Any]:
    """Return the query of the related rows of the owners that a query gives."""
    keys, join = association.owner_keys, association.join
    if join is None:
        return _related(association, _in_query(related_source(association), association.related_keys, owners, keys))
    return _related(association, _tied(association, _in_query(join.source, join.owner_keys, owners, keys)))


def _related(association: Association, condition: Expr[Any, Any]) -> Query[Any, Any, Any]:
    return counted(association, from_(related_model(association)).where(condition))


def counted(association: Association, query: Query[Any, Any, Any]) -> Query[Any, Any, Any]:
    """Return a query of the related rows with the condition of the association, over the table that it reads."""
    where = association.where
    if where is None:
        return query
    return query.where(moved(where, association.related.source, query.node.sources[0]))


def _tied(association: Association, condition: Expr[Any, Any]) -> Expr[Any, Any]:
    """Return the condition that a related row is tied by a row of the table between for which `condition` holds."""
    join: Any = association.join
    rows = over(join.source).where(condition)
    if association.join_where is not None:
        rows = rows.where(association.join_where)
    return _in_query(related_source(association), association.related_keys, rows, join.related_keys)


def _in_query(
    source: TableSource, names: Sequence[str], query: Query[Any, Any, Any], inner_names: Sequence[str]
) -> Expr[Any, Any]:
    """Return the condition that columns of a source are those of a row of the query."""
    inner: Any = query.node.sources[0]
    columns: list[Column[Any, Any]] = [source.column(name) for name in names]
    found: list[Column[Any, Any]] = [inner.column(name) for name in inner_names]
    if len(columns) == 1:
        return columns[0].in_(query.select(found[0]))
    return exists(query.where(*(mine == outer(theirs) for mine, theirs in zip(found, columns, strict=True))))
