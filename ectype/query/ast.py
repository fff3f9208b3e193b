"""The shape of a query, and the plain statements that a shape is planned into.

A query is `(shape, params)`. The shape is a `Step`: its parent and what the step adds, interned like expressions
are, so that equal structure is the identical object and a plan is found by identity.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

from ectype.expr.nodes import Entity, Expression, Node, Ordering, Root
from ectype.schema.meta import SchemaInfo
from ectype.types.base import Type

JoinKind: TypeAlias = Literal[
    "inner", "left", "right", "full", "cross", "inner_lateral", "left_lateral", "cross_lateral"
]
SetOperator: TypeAlias = Literal["union", "union_all", "intersect", "intersect_all", "except", "except_all"]
Connective: TypeAlias = Literal["AND", "OR"]
WriteVerb: TypeAlias = Literal["update", "delete"]


@final
class Step(Node):
    """One step of a query.

    Attributes:
        parent: the step before; None for the first.
        kind: what the step is: `from`, `join`, `where`, `order`, …
        arg: what it adds, by kind.
        sources: everything in scope after it, in order.
        key: under which it is interned, so that another parent can grow the same step.
    """

    __slots__ = ("arg", "key", "kind", "parent", "sources")
    __match_args__ = ("kind", "arg")

    def __init__(
        self, root: Root, parent: Step | None, kind: str, arg: Any, sources: tuple[Any, ...], key: Hashable = None
    ) -> None:
        super().__init__(root)
        self.parent = parent
        self.kind = kind
        self.arg = arg
        self.sources = sources
        self.key = key


def steps(node: Step) -> list[Step]:
    """Return the steps of a query in the order in which it was built."""
    found: list[Step] = []
    step: Step | None = node
    while step is not None:
        found.append(step)
        step = step.parent
    found.reverse()
    return found


def source_names(source: Any) -> tuple[str, ...]:
    """Return the members that can be read of a source, in order of declaration: of a query those that it selects."""
    info: SchemaInfo = source.info
    if getattr(source, "query", None) is None:
        return info.column_names
    return tuple(name for name in info.field_names if name in source.columns)


def whole_names(source: Any) -> tuple[str, ...]:
    """Return the members that a whole struct of a source is read with.

    Those with `load_in_query=False` are among them only where a subquery names its members.
    """
    names, unread = source_names(source), source.info.unread
    if not unread or _names_members(getattr(source, "query", None)):
        return names
    return tuple(name for name in names if name not in unread)


def _names_members(query: Step | None) -> bool:
    select = None if query is None else next((one for one in steps(query) if one.kind == "select"), None)
    return select is not None and not (
        select.arg[0] is None and isinstance(select.arg[1][0], Entity) and select.arg[1][0].names is None
    )


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """An expression of a statement, and where its parameters begin among those of the query.

    `connective` says how a condition joins those before it.
    """

    node: Expression
    offset: int
    connective: Connective = "AND"


@dataclass(frozen=True, slots=True, eq=False)
class OrderClause:
    """A term of an ORDER BY, and where its parameters begin."""

    node: Ordering
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """A condition on every table of a schema that a statement reads, said over the schema's own source."""

    info: SchemaInfo
    node: Expression
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """A joined source: under which name, how, and on what; `also` are conditions that hold beside `on`."""

    kind: JoinKind
    source: Any
    on: Clause
    offset: int
    also: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Lock:
    """A row lock of a SELECT.

    Attributes:
        strength: `UPDATE`, `NO KEY UPDATE`, `SHARE` or `KEY SHARE`.
        of: the sources whose rows are locked; empty for all.
        waiting: what is done about rows that others have locked: None to wait for them, `skip` or `nowait`.
    """

    strength: Literal["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"]
    of: tuple[Any, ...]
    waiting: Literal["skip", "nowait"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """An UPDATE or DELETE as a CTE: which rows its query says, what is assigned, and where those parameters begin."""

    verb: WriteVerb
    step: Step
    assignments: tuple[tuple[str, Expression], ...]
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Cte:
    """A named query before the statement.

    Attributes:
        query: its rows; a clause where it is SQL text.
        recursive: whether it reads itself.
        materialized: whether it is computed once and kept; None leaves it to the database.
        write: what it changes, or None where it only reads.
    """

    source: Any
    query: Select | Clause
    recursive: bool
    materialized: bool | None = None
    write: Write | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """A set operation with another query."""

    operator: SetOperator
    query: Select


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """A member of a struct that has the value of an output of its own.

    Attributes:
        name: the member.
        index: the output.
        keys: by outer source that it mentions, the outputs which are all NULL when that has no row. NULL of a missing
            row leaves the member as it was.
        conditional: whether it mentions an outer source, so that the member may stay as it was.
    """

    name: str
    index: int
    keys: tuple[tuple[int, ...], ...]
    conditional: bool


@dataclass(frozen=True, slots=True, eq=False)
class EntityRow:
    """A struct made from the outputs `start … start + len(names)`.

    Attributes:
        optional: whether it may be missing.
        table: the table that it comes from, when that is not its schema's own.
        prefix: where that table is; None where neither the query nor the schema says so.
        keys: the outputs that are all NULL when it is missing; empty for those of the primary key.
        whole: whether the members that are not read have their defaults; else they stay unset.
        merges: members with outputs of their own, which win over those of `names`.
    """

    info: SchemaInfo
    names: tuple[str, ...]
    start: int
    optional: bool
    table: str | None = None
    prefix: str | None = None
    keys: tuple[int, ...] = ()
    whole: bool = True
    merges: tuple[Merge, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ValueRow:
    """One output as it is."""

    index: int


@dataclass(frozen=True, slots=True, eq=False)
class TupleRow:
    """Several rows' worth side by side: a tuple, or the call of `maker` with them."""

    items: tuple[RowShape, ...]
    maker: Any = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A struct of a row that holds another one of it.

    Attributes:
        parent: where the holder stands in the row.
        child: where the held one stands, after the holder.
        name: the association.
        partial: whether rows of the association may have been left out.
    """

    parent: int
    child: int
    name: str
    partial: bool


@dataclass(frozen=True, slots=True, eq=False)
class LinkedRow:
    """Structs side by side of which the first is the row, and holds the others by its associations."""

    items: tuple[EntityRow, ...]
    links: tuple[Link, ...]


RowShape: TypeAlias = EntityRow | ValueRow | TupleRow | LinkedRow


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """One selected expression: its type decides the loader; `name` is the column of a subquery or CTE.

    `alias` is the name that `as_` gave it, None for none.
    """

    clause: Clause
    type: Type[Any] | None
    nullable: bool
    name: str
    alias: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """A planned SELECT. Every clause knows where its parameters are, so clauses never permute them.

    `each` holds in the queries inside it, too.
    """

    ctes: tuple[Cte, ...]
    source: Any
    source_offset: int
    joins: tuple[Join, ...]
    wheres: tuple[Clause, ...]
    group_bys: tuple[Clause, ...]
    havings: tuple[Clause, ...]
    order_bys: tuple[OrderClause, ...]
    distinct: bool
    limit: Clause | None
    offset: Clause | None
    combinations: tuple[Combination, ...]
    outputs: tuple[Output, ...]
    row: RowShape
    prefix: str | None = None
    keys: tuple[Output, ...] = ()
    distinct_on: tuple[OrderClause, ...] = ()
    with_ties: bool = False
    lock: Lock | None = None
    each: tuple[Each, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictIndex:
    """A unique index over expressions, or over some of the rows; each expression comes with the values in it.

    The values are part of the text, so that the database knows the index, and of the shape.
    """

    terms: tuple[tuple[Expression, tuple[object, ...]], ...]
    where: tuple[Expression, tuple[object, ...]] | None = None


@dataclass(frozen=True, slots=True)
class OnConflict:
    """What an insert does on a conflict.

    Attributes:
        action: `nothing` or `update`.
        targets: the field names of the conflict target; empty for any.
        replaced: fields that take the value the insert sent.
        assignments: further fields with their expression nodes; their parameters follow those of the row.
        where: a condition for the update.
        index: the unique index that the target is, where its columns do not say it.
    """

    action: Literal["nothing", "update"]
    targets: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    assignments: tuple[tuple[str, Expression], ...] = ()
    where: Expression | None = None
    index: ConflictIndex | None = None
