"""Structs of which only some members are read: `select(only(Post.id, Post.title))`."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast, final

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Column, Exactly, Expr
from ectype.query.ast import Step, source_names, steps
from ectype.query.scope import refuse_virtual
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import Rel
from ectype.schema.schema import Schema, Table

M = TypeVar("M", bound=Schema)


class ColumnOf(Protocol[M]):
    """A column of exactly the schema `M`."""

    def __column_of__(self) -> Exactly[M]:
        """Only checkers call it."""
        ...


@final
class Partial(Generic[M]):
    """What `only` returns: a struct of `M` in a select, some members of which stay unset."""

    __slots__ = ("__entity__", "__source__", "names")

    def __init__(self, source: Any, names: tuple[str, ...]) -> None:
        self.__source__ = source
        self.names = names
        self.__entity__: Expr[Any, Any] = Expr(nodes.partial(source.entity.node, names))  # type: ignore[arg-type]  # as a source has it

    def __pick__(self) -> tuple[M, M]:
        """What a select takes: the schema and the struct. Only checkers call it."""
        raise QueryError("`__pick__` exists for type checkers only")

    def __exact__(self) -> Table[M]:
        """The schema, exactly. Only checkers call it."""
        raise QueryError("`__exact__` exists for type checkers only")

    def __repr__(self) -> str:
        return f"only({', '.join(f'{self.__source__.label}.{name}' for name in self.names)})"


def only(*columns: ColumnOf[M]) -> Partial[M]:
    """Select a struct with these members alone; the others stay unset, and reading one raises AttributeError.

    The primary key is read only when it is named: without it a struct has no hash and cannot be written.
    SQL: `SELECT p0.id, p0.title`.

    Raises:
        QueryError: for no column, what is no column, one that is virtual, or columns of two schemas.

    Example:
        `query.select(only(Post.id, Post.title), maybe(only(User.name)))`
    """
    if not columns:
        raise QueryError("`only` needs at least one column", hint="write `only(Post.id, Post.title)`")
    first = _reference(columns[0])
    named = {_checked(first, _reference(column)) for column in columns}
    source: Any = first.source
    return Partial(source, tuple(name for name in source_names(source) if name in named))


def only_or_none(chosen: Partial[Any]) -> Expr[Any, Any]:
    """Return the struct of `only` where an outer join may leave it out."""
    return Expr(nodes.partial(chosen.__source__.optional.node, chosen.names))  # type: ignore[arg-type]  # as above


def _reference(column: object) -> nodes.ColumnRef:
    if isinstance(column, Column):
        return cast("Column[Any, Any]", column).reference
    given: Any = column
    schema: SchemaInfo | None = getattr(given, "__schema__", None)
    if isinstance(column, Rel):
        hint = "name its foreign key, and preload the association: `only(Post.author_id)`"
    elif schema is not None:
        hint = f"name its members, `only({schema.name}.{schema.field_names[0]})`, or write `select({schema.name})`"
    elif isinstance(column, Expr):
        hint = "fill a member with what is computed: `query.select_merge(Post.total.set(…))`"
    else:
        hint = "write `only(Post.id, Post.title)`"
    raise QueryError(f"`only` takes columns, got {column!r:.80}", hint=hint)


def _checked(first: nodes.ColumnRef, column: nodes.ColumnRef) -> str:
    if column.source is not first.source:
        one, other = f"{first.source.label}.{first.name}", f"{column.source.label}.{column.name}"
        raise QueryError(
            f"`only` makes a struct of one schema, got `{one}` and `{other}`",
            hint=f"one for each: `select(only({one}), only({other}))`",
        )
    refuse_virtual(column)
    return column.name


def row_names(step: Step) -> tuple[str, ...]:
    """Return the members that the structs of a query have; () where its rows are no structs."""
    built = steps(step)
    select = next((one for one in built if one.kind == "select"), None)
    merged = [one.arg[0] for one in built if one.kind == "merge"]
    if select is None:
        names = source_names(built[0].arg)
    else:
        maker, items, given = select.arg
        if isinstance(maker, SchemaInfo):
            names = given
        elif maker is None and len(items) == 1 and isinstance(items[0], nodes.Entity):
            names = items[0].names or source_names(items[0].source)
        else:
            return ()
    return tuple(dict.fromkeys([*names, *merged]))


def check_preloaded_key(step: Step, path: Rel[Any, Any]) -> None:
    """Raise QueryError for a preload from structs that lack the member by which their rows are found."""
    hop = path.steps[0]
    association, owner = hop.association, hop.association.owner
    while association.follows:
        association = association.steps[0]
    known = row_names(step)
    for key in owner.primary_key if hop.custom.joined else association.owner_keys:
        if key not in known:
            raise QueryError(
                f"`{path!r}` is found by `{owner.name}.{key}`, which this query does not select",
                hint=f"select it too: `only({owner.name}.{key}, …)`",
            )


def check_complete(source: Any, step: Step) -> None:
    """Raise QueryError for the query of a CTE that lacks members of the CTE's schema."""
    names = row_names(step)
    for name in source.columns:
        if name not in names:
            raise QueryError(
                f"the CTE `{source.label}` has the columns of {source.info.name}, and its query selects no `{name}`",
                hint="select the whole struct, or make the CTE of a schema with these members only",
            )


def check_same_members(operator: str, one: Step, other: Step) -> None:
    """Raise QueryError for a combination of structs with other members, which SQL would match by their places."""
    first, second = row_names(one), row_names(other)
    differing = [name for name in (*first, *second) if name not in first or name not in second]
    if first and second and differing:
        raise QueryError(
            f"`{operator}` combines structs with the same members, and only one side has `{differing[0]}`",
            hint="select the same members on both sides",
        )
