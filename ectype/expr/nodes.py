"""Expression nodes: value-free, interned data.

Equal structure is the identical object: a node is made only through `intern`, under the node it grows from, so that
a query's shape is known by identity and nothing is hashed when it runs. Values never enter a node; a `Param` marks
the place of one, and the values travel beside the node, in the order in which the marks are met from left to right.
Nodes have no operators: those live on `ectype.expr.operand.Expr`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, Self, TypeAlias, TypeVar, final

from ectype.types.base import Type

Frame: TypeAlias = tuple[str, str | int, str | int, str | None]
"""The frame of a window: its unit, its two bounds, and what is left out of it."""

GROWTH_LIMIT = 20_000
"""How many nodes grow from one root before it starts anew; what is held elsewhere stays valid."""
LONG_CHAIN = 16
"""How deep a chain of one operator grows to one side before what follows fills the other side."""


class Root:
    """Counts the nodes that grow from one schema, so that shapes made from user input cannot fill the memory.

    Attributes:
        count: how many nodes have grown in this generation.
        generation: how often it has started anew.
        tops: the nodes that live as long as the root: the columns and first steps of tables, aliases and CTEs.
    """

    __slots__ = ("count", "generation", "tops")

    def __init__(self) -> None:
        self.count = 0
        self.generation = 0
        self.tops: list[Node] = []

    def renew(self) -> None:
        """Begin the next generation: what has grown is held only by the queries and plans that use it."""
        self.count = 0
        self.generation += 1
        for top in self.tops:
            top.forget()


class Node:
    """One interned node: `kids` are the nodes that have grown from it."""

    __slots__ = ("generation", "kids", "root")
    height = 0

    def __init__(self, root: Root) -> None:
        self.root = root
        self.generation = root.generation
        self.kids: dict[Hashable, Any] = {}

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        # Identity is equality: a copy would be another shape.
        return self

    def forget(self) -> None:
        """Let go of the nodes that have grown from this one."""
        self.kids = {}
        self.generation = self.root.generation


N = TypeVar("N", bound=Node)


def intern(parent: Node, key: Hashable, make: Callable[[Root], N]) -> N:
    """Return the node that grows from `parent` under `key`, made on the first call only.

    When a root has grown past `GROWTH_LIMIT` its next generation begins: its tops forget their kids at once, and a
    node that somebody still holds forgets those of older generations when it next grows one. Shapes made afterwards
    are new objects, so at worst a plan is made twice.
    """
    root = parent.root
    root.count += 1
    if root.count > GROWTH_LIMIT:
        root.renew()
    if parent.generation != root.generation:
        parent.forget()
    node: N = parent.kids.setdefault(key, make(root))
    return node


class Source(Protocol):
    """What a column belongs to: a table, an alias of one, a subquery or a CTE. Made by the schema and query floors."""

    @property
    def root(self) -> Root:
        """Whose growth the nodes over this source count in."""
        ...

    @property
    def label(self) -> str:
        """What people call it: `Post`, or the alias's name."""
        ...

    def column_type(self, name: str) -> Type[Any]:
        """The type of one of its columns."""
        ...

    def column_source(self, name: str) -> str:
        """The name of the column in the database."""
        ...

    def hides(self, name: str) -> bool:
        """Whether values of the column must not be shown."""
        ...


@final
class ColumnRef(Node):
    """A column of a source."""

    __slots__ = ("name", "source")
    __match_args__ = ("source", "name")

    def __init__(self, root: Root, source: Source, name: str) -> None:
        super().__init__(root)
        self.source = source
        self.name = name


@final
class Param(Node):
    """The place of a bound value. `type` None: the type follows from what it is compared with, or from its class."""

    __slots__ = ("type",)
    __match_args__ = ("type",)

    def __init__(self, root: Root, type_: Type[Any] | None) -> None:
        super().__init__(root)
        self.type = type_


@final
class Constant(Node):
    """`NULL`, `TRUE` or `FALSE`: the only values that are written into the text."""

    __slots__ = ("value",)
    __match_args__ = ("value",)

    def __init__(self, root: Root, *, value: bool | None) -> None:
        super().__init__(root)
        self.value = value


@final
class Identifier(Node):
    """A name in a gap of a fragment: each database has its own quotes for it."""

    __slots__ = ("name",)
    __match_args__ = ("name",)

    def __init__(self, root: Root, name: str) -> None:
        super().__init__(root)
        self.name = name


@final
class Unary(Node):
    """`NOT x`, `-x`, `x IS NULL`, `x IS NOT NULL`, by the `op` text."""

    __slots__ = ("op", "operand")
    __match_args__ = ("op", "operand")

    def __init__(self, root: Root, op: str, operand: Expression) -> None:
        super().__init__(root)
        self.op = op
        self.operand = operand


@final
class Binary(Node):
    """`left op right`: comparison, arithmetic, logic and pattern matching, by the `op` text.

    `height` is how many levels of the same operator stand below one another, this one included.
    """

    __slots__ = ("height", "left", "op", "right")
    __match_args__ = ("op", "left", "right")

    def __init__(self, root: Root, op: str, left: Expression, right: Expression) -> None:
        super().__init__(root)
        self.op = op
        self.left = left
        self.right = right
        self.height = 1 + max(_height(op, left), _height(op, right))


@final
class Call(Node):
    """A function call by its name in `fn`, with its arguments; an aggregate may have an order and a FILTER.

    A word that is part of the function's text, as the unit of a date, follows its name: `datetime_add month`.
    """

    __slots__ = ("args", "distinct", "filter", "name", "order_by")
    __match_args__ = ("name", "args", "distinct", "filter", "order_by")

    def __init__(
        self,
        root: Root,
        name: str,
        args: tuple[Expression, ...],
        filter_: Expression | None,
        order_by: tuple[Ordering, ...] = (),
        *,
        distinct: bool,
    ) -> None:
        super().__init__(root)
        self.name = name
        self.args = args
        self.distinct = distinct
        self.filter = filter_
        self.order_by = order_by


@final
class Over(Node):
    """A window: `call OVER (PARTITION BY … ORDER BY … frame)`; with a name it is defined once in its SELECT."""

    __slots__ = ("call", "frame", "name", "order_by", "partition_by")
    __match_args__ = ("call", "partition_by", "order_by", "frame")

    def __init__(
        self,
        root: Root,
        call: Expression,
        partition_by: tuple[Expression, ...],
        order_by: tuple[Ordering, ...],
        frame: Frame | None,
        name: str | None = None,
    ) -> None:
        super().__init__(root)
        self.call = call
        self.partition_by = partition_by
        self.order_by = order_by
        self.frame = frame
        self.name = name


@final
class Cast(Node):
    """`CAST(x AS type)`."""

    __slots__ = ("operand", "type")
    __match_args__ = ("operand", "type")

    def __init__(self, root: Root, operand: Expression, type_: Type[Any]) -> None:
        super().__init__(root)
        self.operand = operand
        self.type = type_


@final
class Fragment(Node):
    """Literal SQL text in pieces, with an expression between each two."""

    __slots__ = ("args", "parts")
    __match_args__ = ("parts", "args")

    def __init__(self, root: Root, parts: tuple[str, ...], args: tuple[Expression, ...]) -> None:
        super().__init__(root)
        self.parts = parts
        self.args = args


@final
class InValues(Node):
    """`operand IN (values)`: the values are one bound list, so that their number never changes the shape."""

    __slots__ = ("operand",)
    __match_args__ = ("operand",)

    def __init__(self, root: Root, operand: Expression) -> None:
        super().__init__(root)
        self.operand = operand


@final
class Items(Node):
    """Several expressions side by side: a `row` as `(a, b)`, or a `list` of them, which stands in other text."""

    __slots__ = ("items", "kind")
    __match_args__ = ("kind", "items")

    def __init__(self, root: Root, kind: str, items: tuple[Expression, ...]) -> None:
        super().__init__(root)
        self.kind = kind
        self.items = items


@final
class Case(Node):
    """`CASE WHEN a THEN b … ELSE c END`: conditions and values take turns in `branches`; `default` None: NULL."""

    __slots__ = ("branches", "default")
    __match_args__ = ("branches", "default")

    def __init__(self, root: Root, branches: tuple[Expression, ...], default: Expression | None) -> None:
        super().__init__(root)
        self.branches = branches
        self.default = default

    @property
    def values(self) -> tuple[Expression, ...]:
        """Everything that the whole may become, NULL left out."""
        return self.branches[1::2] if self.default is None else (*self.branches[1::2], self.default)


@final
class Subquery(Node):
    """A query in an expression: `kind` is `exists`, `scalar`, `any`, `all` or `in`, the last with its operand.

    `query` is the query's own shape, a node of `ectype.query.ast`; `width` is how many values it takes.
    """

    __slots__ = ("kind", "operand", "query", "width")
    __match_args__ = ("kind", "operand", "query", "width")

    def __init__(self, root: Root, kind: str, operand: Expression | None, query: Node, width: int) -> None:
        super().__init__(root)
        self.kind = kind
        self.operand = operand
        self.query = query
        self.width = width


@final
class Outer(Node):
    """A column of the enclosing query, seen from a subquery in one of its expressions."""

    __slots__ = ("operand",)
    __match_args__ = ("operand",)

    def __init__(self, root: Root, operand: ColumnRef) -> None:
        super().__init__(root)
        self.operand = operand


@final
class Named(Node):
    """An expression under a name of its own, that ORDER BY and GROUP BY may say for it."""

    __slots__ = ("name", "operand")
    __match_args__ = ("operand", "name")

    def __init__(self, root: Root, operand: Expression, name: str) -> None:
        super().__init__(root)
        self.operand = operand
        self.name = name


@final
class Entity(Node):
    """A struct of a source in a select; `optional` when an outer join may leave it out.

    `names` are the members that are read; None for all that are stored.
    """

    __slots__ = ("names", "optional", "source")
    __match_args__ = ("source", "optional", "names")

    def __init__(self, root: Root, source: Source, names: tuple[str, ...] | None = None, *, optional: bool) -> None:
        super().__init__(root)
        self.source = source
        self.optional = optional
        self.names = names


@final
class Ordering(Node):
    """One term of an ORDER BY; `nulls` is `first`, `last`, or None for what the database does."""

    __slots__ = ("descending", "nulls", "operand")
    __match_args__ = ("operand", "descending", "nulls")

    def __init__(self, root: Root, operand: Expression, nulls: str | None, *, descending: bool) -> None:
        super().__init__(root)
        self.operand = operand
        self.descending = descending
        self.nulls = nulls


Expression: TypeAlias = (
    ColumnRef
    | Param
    | Constant
    | Identifier
    | Unary
    | Binary
    | Call
    | Over
    | Cast
    | Fragment
    | InValues
    | Items
    | Case
    | Subquery
    | Outer
    | Named
)
"""Everything that can stand where SQL wants a value."""

ground = Node(Root())
"""What expressions grow from that mention no source."""
ground.root.tops.append(ground)

PARAM = intern(ground, ("param", None), lambda root: Param(root, None))
NULL = intern(ground, ("constant", None), lambda root: Constant(root, value=None))
TRUE = intern(ground, ("constant", "true"), lambda root: Constant(root, value=True))
FALSE = intern(ground, ("constant", "false"), lambda root: Constant(root, value=False))
ground.root.tops += [PARAM, NULL, TRUE, FALSE]


def _home(*nodes: Node) -> Node:
    """Return the node to grow from: one that belongs to a schema, so that what grows dies with it."""
    for node in nodes:
        if node.root is not ground.root:
            return node
    return nodes[0] if nodes else ground


def param(type_: Type[Any]) -> Param:
    """Return the place of a value of that type; `PARAM` is that of one whose type its context decides."""
    key = ("param", type_)
    known: Param | None = ground.kids.get(key)
    return known if known is not None else intern(ground, key, lambda root: Param(root, type_))


def identifier(name: str) -> Identifier:
    """Return a name for a gap of a fragment."""
    key = ("identifier", name)
    known: Identifier | None = ground.kids.get(key)
    return known if known is not None else intern(ground, key, lambda root: Identifier(root, name))


def unary(op: str, operand: Expression) -> Unary:
    """Return `op operand`."""
    key = ("unary", op)
    known: Unary | None = operand.kids.get(key)
    return known if known is not None else intern(operand, key, lambda root: Unary(root, op, operand))


def binary(op: str, left: Expression, right: Expression) -> Binary:
    """Return `left op right`."""
    if left.root is ground.root is not right.root:
        # Grown from a constant it would outlive the schema that its other side mentions.
        parent, key = right, ("after", op, left)
    else:
        parent, key = left, (op, right)
    known: Binary | None = parent.kids.get(key)
    return known if known is not None else intern(parent, key, lambda root: Binary(root, op, left, right))


def connected(op: str, left: Expression, right: Expression) -> Binary:
    """Return `left op right` for an operator that may stand in other parentheses, as AND, OR and ||.

    A long chain becomes a tree that is not deep, since Python, sqlglot and SQLite bound how deep one may be: that of n
    conditions has about 16 + log2(n / 16) levels. The conditions, and so their parameters, keep their order.
    """
    if left.height >= LONG_CHAIN and isinstance(left, Binary) and left.op == op and _fit(left.right, right, left):
        return binary(op, left.left, connected(op, left.right, right))
    if right.height >= LONG_CHAIN and isinstance(right, Binary) and right.op == op and _fit(left, right.left, right):
        return binary(op, connected(op, left, right.left), right.right)
    return binary(op, left, right)


def _fit(left: Expression, right: Expression, top: Binary) -> bool:
    """Whether two sides may be put together below the top of a chain, which grows no higher by them."""
    return 1 + max(_height(top.op, left), _height(top.op, right)) < top.height


def _height(op: str, node: Expression) -> int:
    return node.height if isinstance(node, Binary) and node.op == op else 0


def compare(op: str, left: Expression) -> Binary:
    """Return `left op $n`, the shape that filters have most often: its key is the operator alone."""
    known: Binary | None = left.kids.get(op)
    return known if known is not None else intern(left, op, lambda root: Binary(root, op, left, PARAM))


def call(
    name: str,
    args: tuple[Expression, ...],
    *,
    distinct: bool = False,
    filter_: Expression | None = None,
    order_by: tuple[Ordering, ...] = (),
) -> Call:
    """Return the call of a function."""
    parent = _home(*args)
    key = ("call", name, args, distinct, filter_, order_by)
    known: Call | None = parent.kids.get(key)
    if known is not None:
        return known
    return intern(parent, key, lambda root: Call(root, name, args, filter_, order_by, distinct=distinct))


def items(kind: str, parts: tuple[Expression, ...]) -> Items:
    """Return several expressions side by side."""
    key = (kind, parts)
    parent = _home(*parts)
    known: Items | None = parent.kids.get(key)
    return known if known is not None else intern(parent, key, lambda root: Items(root, kind, parts))


def case(branches: tuple[Expression, ...], default: Expression | None) -> Case:
    """Return a choice between values."""
    parent = _home(*branches, *(() if default is None else (default,)))
    key = ("case", branches, default)
    known: Case | None = parent.kids.get(key)
    return known if known is not None else intern(parent, key, lambda root: Case(root, branches, default))


def over(
    function: Expression,
    partition_by: tuple[Expression, ...],
    order_by: tuple[Ordering, ...],
    frame: Frame | None,
    name: str | None = None,
) -> Over:
    """Return a function over a window."""
    parent = _home(function, *partition_by, *order_by)
    key = ("over", function, partition_by, order_by, frame, name)
    known: Over | None = parent.kids.get(key)
    if known is not None:
        return known
    return intern(parent, key, lambda root: Over(root, function, partition_by, order_by, frame, name))


def cast(operand: Expression, type_: Type[Any]) -> Cast:
    """Return `CAST(operand AS type)`."""
    key = ("cast", type_)
    known: Cast | None = operand.kids.get(key)
    return known if known is not None else intern(operand, key, lambda root: Cast(root, operand, type_))


def fragment(parts: tuple[str, ...], args: tuple[Expression, ...]) -> Fragment:
    """Return literal text with expressions in its gaps."""
    parent = _home(*args)
    key = ("fragment", parts, args)
    known: Fragment | None = parent.kids.get(key)
    return known if known is not None else intern(parent, key, lambda root: Fragment(root, parts, args))


def in_values(operand: Expression) -> InValues:
    """Return `operand IN (values)`."""
    known: InValues | None = operand.kids.get("in values")
    return known if known is not None else intern(operand, "in values", lambda root: InValues(root, operand))


def subquery(kind: str, operand: Expression | None, query: Node, width: int) -> Subquery:
    """Return a query of `width` values as an expression; it grows from the query's own node."""
    key = ("subquery", kind, operand)
    known: Subquery | None = query.kids.get(key)
    return known if known is not None else intern(query, key, lambda root: Subquery(root, kind, operand, query, width))


def outer(operand: ColumnRef) -> Outer:
    """Return a column of the enclosing query."""
    known: Outer | None = operand.kids.get("outer")
    return known if known is not None else intern(operand, "outer", lambda root: Outer(root, operand))


def named(operand: Expression, name: str) -> Named:
    """Return an expression under a name; one that has a name already gets the new one instead."""
    inner = operand.operand if isinstance(operand, Named) else operand
    key = ("named", name)
    known: Named | None = inner.kids.get(key)
    return known if known is not None else intern(inner, key, lambda root: Named(root, inner, name))


def partial(whole: Entity, names: tuple[str, ...]) -> Entity:
    """Return a struct of which only some members are read; it grows from the whole one."""
    source, optional = whole.source, whole.optional
    key = ("only", names)
    known: Entity | None = whole.kids.get(key)
    return (
        known if known is not None else intern(whole, key, lambda root: Entity(root, source, names, optional=optional))
    )


def ordering(operand: Expression, nulls: str | None = None, *, descending: bool = False) -> Ordering:
    """Return one ORDER BY term."""
    # The plain ascending term is what `order_by(Post.title)` looks up: its key is one interned string.
    key = ("ordering", descending, nulls) if descending or nulls else "ascending"
    known: Ordering | None = operand.kids.get(key)
    if known is not None:
        return known
    return intern(operand, key, lambda root: Ordering(root, operand, nulls, descending=descending))
