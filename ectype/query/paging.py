"""Pages by key: the rows after or before a position in a query's order, without counting those in between.

A query's order becomes total by the primary keys of what it reads; a position in it is the values of its keys, and the
page after a position a condition over them. Where all keys run one way and none is NULL it is a comparison of rows,
`(a, b) > ($1, $2)`, else the same taken apart: `a > $1 OR (a = $2 AND b < $3)`, with NULLs where the order puts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Literal, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr import nodes, walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, ColumnRef, Expression, Over
from ectype.expr.operand import Expr, Operand, any_operand
from ectype.query.ast import Output, Step, steps
from ectype.query.builder import Query
from ectype.query.clauses import grown
from ectype.query.cursors import Position, Slot, fingerprint_of, is_held
from ectype.query.inference import plain
from ectype.query.inspect import inspect
from ectype.query.planner import plan_select, step_width, width
from ectype.query.scope import check_scope, grow, regrow
from ectype.schema.sources import TableSource
from ectype.types.enums import EnumType

Values: TypeAlias = tuple[object, ...]
_KEPT = frozenset(
    {
        *("from", "join", "cte", "prefix", "where", "or_where", "group", "having", "or_having", "distinct", "select"),
        "merge",
        "each",
    }
)
_WORDS = {
    "limit": "`limit`",
    "offset": "`offset`",
    "union": "`union`",
    "union_all": "`union_all`",
    "intersect": "`intersect`",
    "intersect_all": "`intersect_all`",
    "except": "`except_`",
    "except_all": "`except_all`",
    "prepend_order": "`prepend_order_by`",
    "reverse": "`reverse_order`",
    "lock": "a lock",
    "write_cte": "a CTE that writes",
    "distinct": "`distinct` by keys",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a total order.

    Attributes:
        node: the expression.
        place: where its own parameters stand among those of the query.
        descending: whether it runs from large to small.
        nulls: where NULL goes; None where it never is NULL.
    """

    node: Expression
    place: slice
    descending: bool
    nulls: Literal["first", "last"] | None

    def turned(self) -> Key:
        """Return the key that orders the other way."""
        nulls: Any = {"first": "last", "last": "first"}.get(self.nulls or "")
        return Key(self.node, self.place, not self.descending, nulls)


@dataclass(frozen=True, slots=True)
class Paging:
    """How one shape of query is read page by page.

    Attributes:
        base: the query's shape without its order.
        kept: where the parameters of `base` stand among those of the query.
        keys: the total order.
        slots: what a cursor may hold for each key.
        clause: where the condition goes: `where`, or `having` for groups.
        fingerprint: what cursors of this order are known by.
    """

    base: Step
    kept: tuple[slice, ...]
    keys: tuple[Key, ...]
    slots: tuple[Slot, ...]
    clause: str
    fingerprint: bytes

    def query(
        self, query: Query[Any, Any, Any], position: Position | None, size: int, *, backward: bool
    ) -> Query[Any, Any, Any]:
        """Return the query of a page: each row a tuple of what it was and its keys, `size` rows at most.

        A backward page comes in the opposite order.
        """
        keys = [key.turned() for key in self.keys] if backward else list(self.keys)
        params = query.params
        values = tuple([value for part in self.kept for value in params[part]])
        own = [params[key.place] for key in keys]
        node = self.base
        for key, more in zip(keys, own, strict=True):
            term = nodes.ordering(key.node, key.nulls, descending=key.descending)
            node = grow(node, term, "order", term)
            values += more
        if position is not None:
            condition = beyond(list(zip(keys, own, position.values, strict=True)), inclusive=position.inclusive)
            node = grow(node, ("paged", self.clause, condition.node), self.clause, condition.node)
            values += condition.params
        chosen = tuple([key.node for key in self.keys])
        node = grow(node, ("keys", chosen), "keys", chosen)
        values += tuple([value for key in self.keys for value in params[key.place]])
        made: Query[Any, Any, Any] = grown(query, node, values)
        return made.limit(size)


def unique_nodes(unique: Sequence[Expr[Any, Any]]) -> tuple[Expression, ...]:
    """Return the columns that together no two rows share. Raises QueryError for what is none."""
    for one in unique:
        if not isinstance(one, Expr) or one.params:  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"`unique` takes columns that together no two rows share, got {one!r:.80}")
    if not unique:
        raise QueryError("`unique` is empty", hint="leave it out where primary keys tell the rows apart")
    return tuple([one.node for one in unique])


def paging_of(shape: Step, unique: tuple[Expression, ...] | None, *, nulls_are_largest: bool) -> Paging:
    """Return how the queries of a shape are read page by page.

    Args:
        shape: the shape.
        unique: expressions that together no two rows share; None for the keys of what it reads.
        nulls_are_largest: where the database puts NULL when an order does not say.

    Raises:
        QueryError: for a query that has no total order, or whose order cannot be continued from a row.
    """
    built = steps(shape)
    _refuse_kinds(built)
    terms = _terms(built)
    ends = _unique_columns(shape, built, unique)
    seen = [term[0] for term in terms]
    descending = bool(terms) and terms[-1][2]
    terms += [(node, slice(0, 0), descending, None) for node in ends if node not in seen]
    for node, *_ in terms:
        _check_key(node)
    base, kept = _without_order(built)
    chosen = tuple(term[0] for term in terms)
    planned = plan_select(grow(base, ("keys", chosen), "keys", chosen))
    _check_distinct(built, chosen)
    keys: list[Key] = []
    slots: list[Slot] = []
    for (node, place, down, nulls), output in zip(terms, planned.keys, strict=True):
        _check_type(node, output)
        usual = "last" if down is not nulls_are_largest else "first"
        keys.append(Key(node, place, down, cast("Any", (nulls or usual) if output.nullable else None)))
        slots.append(Slot(plain(output.type), output.nullable))
    clause = "having" if any(one.kind == "group" for one in built) else "where"
    return Paging(base, kept, tuple(keys), tuple(slots), clause, _fingerprint(base, keys, slots))


Term: TypeAlias = tuple[Expression, slice, bool, str | None]
"""An expression, where its parameters stand, whether it descends, where NULL goes."""


def _refuse_kinds(built: list[Step]) -> None:
    for one in built:
        # A condition on a position would change which row of equals DISTINCT ON keeps.
        if (one.kind not in _KEPT and one.kind != "order") or (one.kind == "distinct" and one.arg is not None):
            word = _WORDS.get(one.arg[0] if one.kind == "combine" else one.kind, f"`{one.kind}`")
            raise QueryError(
                f"a query with {word} is not read page by page",
                hint="leave it out, since `size` says how many rows a page has; or page through a subquery: "
                '`rows = subquery(query, "rows")`, `repo.page(from_(rows), unique=[rows.id], …)`',
            )
    grouped = any(one.kind == "group" for one in built)
    if not grouped and any(walk.is_aggregate(item) for one in built if one.kind == "select" for item in one.arg[1]):
        raise QueryError("an aggregate over all rows is one row, so there are no pages of it", hint="use `repo.one`")


def _terms(built: list[Step]) -> list[Term]:
    found: list[Term] = []
    offset = 0
    for one in built:
        after = offset + step_width(one)
        if one.kind == "order":
            term = one.arg
            # A condition cannot say the name of an output, so it is said again what that stands for.
            node = walk.unnamed(term.operand)
            if node not in [known[0] for known in found]:
                found.append((node, slice(offset, after), term.descending, term.nulls))
        offset = after
    return found


def _unique_columns(shape: Step, built: list[Step], unique: tuple[Expression, ...] | None) -> Sequence[Expression]:
    """Return expressions that together no two rows share."""
    if unique is not None:
        for node in unique:
            check_scope(shape, node, "unique")
        return [walk.unnamed(node) for node in unique]
    groups: list[Expression] = [walk.unnamed(one.arg) for one in built if one.kind == "group"]
    if any(map(width, groups)):
        raise QueryError(
            "a group by an expression with values of its own is no key of a page",
            hint="group by columns, or say what tells the rows apart: `unique=[…]`",
        )
    return groups or [column for source, on in _sources(built) for column in _primary_key(source, on)]


def _sources(built: list[Step]) -> Iterator[tuple[Any, Expression | None]]:
    """Yield what a query reads; with the condition where each row before it finds at most the rows that fit it."""
    yield built[0].arg, None
    for one in built:
        if one.kind == "join":
            kind, source, on = one.arg
            yield source, on if kind in ("inner", "left") else None


def _primary_key(source: Any, on: Expression | None) -> list[Expression]:
    """Return the key columns of a source; none of a joined one of which each row has one at most."""
    if not isinstance(source, TableSource) or not source.info.primary_key:
        label: str = getattr(source, "source", source).label
        what = "has no primary key" if isinstance(source, TableSource) else "is no table, so its rows may repeat"
        raise QueryError(
            f"{label} {what}: nothing tells its rows apart, and pages would skip or repeat some",
            hint="say which columns do, together: `repo.page(query, unique=[…], …)`",
        )
    columns: list[Expression] = [source.columns[name].node for name in source.info.primary_key]
    pinned: list[Expression] = [] if on is None else list(_pinned(source, on))
    return [] if all(column in pinned for column in columns) else columns


def _pinned(source: Any, on: Expression) -> Iterator[Expression]:
    """Yield the columns of a source that a condition makes equal to something outside of it."""
    if isinstance(on, Binary) and on.op == "AND":
        yield from _pinned(source, on.left)
        yield from _pinned(source, on.right)
    elif isinstance(on, Binary) and on.op == "=":
        for one, other in ((on.left, on.right), (on.right, on.left)):
            if isinstance(one, ColumnRef) and one.source is source and source not in set(walk.sources(other)):
                yield one


def _check_key(node: Expression) -> None:
    if walk.is_secret(node):
        raise QueryError(
            f"`{sketch(node)}` is redacted, and a cursor would show its value",
            hint="order pages by other columns",
        )
    if _has_window(node):
        raise QueryError(
            f"`{sketch(node)}` is computed over a window, which no WHERE may mention",
            hint="page through a subquery that selects it",
        )


def _has_window(node: walk.Part) -> bool:
    return isinstance(node, Over) or any(map(_has_window, walk.parts(node)))


def _check_distinct(built: list[Step], keys: tuple[Expression, ...]) -> None:
    kinds = {one.kind for one in built}
    if "distinct" not in kinds:
        return
    own = all(isinstance(key, ColumnRef) and key.source is built[0].arg for key in keys)
    if "select" in kinds or not own:
        raise QueryError(
            "a distinct query is ordered by what it selects, and a page adds the keys of its order to that",
            hint="page through a subquery of it: `from_(subquery(query, 'rows'))`, with `unique=[…]`",
        )


def _check_type(node: Expression, output: Output) -> None:
    type_ = plain(output.type)
    if type_ is not None and not isinstance(type_, EnumType) and not is_held(type_.python):
        raise QueryError(
            f"`{sketch(node)}` is of type {type_.name}, which a cursor cannot hold: it is no key of a page",
            hint="order pages by numbers, text, dates, times, UUIDs or enums",
        )


def _without_order(built: list[Step]) -> tuple[Step, tuple[slice, ...]]:
    """Return the shape of a query without its order, and where its parameters stand among all."""
    node, offset = built[0], step_width(built[0])
    kept = [slice(0, offset)]
    for one in built[1:]:
        after = offset + step_width(one)
        if one.kind != "order":
            node = regrow(node, one)
            kept.append(slice(offset, after))
        offset = after
    return node, tuple(kept)


def _fingerprint(base: Step, keys: list[Key], slots: list[Slot]) -> bytes:
    """Describe a query and its order without values, and without what it selects."""
    order = [
        f"{sketch(key.node)} {'desc' if key.descending else 'asc'} {key.nulls} {slot.type!r}"
        for key, slot in zip(keys, slots, strict=True)
    ]
    rest = [one for one in steps(base)[1:] if one.kind != "select"]
    node = steps(base)[0]
    for one in rest:
        node = regrow(node, one)
    tables = [f"{source.info.name} {source.info.table} {source.label}" for source in base.sources]
    return fingerprint_of("\n".join([inspect(node, cast("Values", repeat(...))), *tables, *order]))


# --- conditions -------------------------------------------------------------------------------------------------------

Part: TypeAlias = tuple[Key, Values, Any]
"""A key, the values of its own parameters, and the key's value at the position."""


def beyond(parts: list[Part], *, inclusive: bool) -> Operand[Any, bool]:
    """Return the condition of the rows after a position, and of the row at it when `inclusive`."""
    keys = [key for key, _, _ in parts]
    if len(keys) > 1 and not any(key.nulls for key in keys) and len({key.descending for key in keys}) == 1:
        return _rows(parts, inclusive=inclusive)
    condition = _equal(parts[-1]) if inclusive else None
    for part in reversed(parts):
        condition = _either(_after(part), _both(_equal(part), condition) if part is not parts[-1] else condition)
    if condition is None:
        return Operand(nodes.FALSE)
    if len(keys) > 1 and keys[0].nulls is None:
        # It follows from the rest, and is what an index on the first key is searched by.
        bound = _compared(parts[0], "<=" if keys[0].descending else ">=")
        return bound & condition
    return condition


def _rows(parts: list[Part], *, inclusive: bool) -> Operand[Any, bool]:
    op = ("<" if parts[0][0].descending else ">") + ("=" if inclusive else "")
    left = tuple(key.node for key, _, _ in parts)
    own = tuple([value for _, values, _ in parts for value in values])
    node = nodes.binary(op, nodes.items("row", left), nodes.items("row", (nodes.PARAM,) * len(parts)))
    return Operand(node, own + tuple(value for _, _, value in parts))


def _after(part: Part) -> Operand[Any, bool] | None:
    """Return the condition that a key comes after its value; None where none does."""
    key, values, value = part
    operand = any_operand(key.node, values)
    if value is None:
        return operand.is_not_null() if key.nulls == "first" else None
    found = _compared(part, "<" if key.descending else ">")
    return found | operand.is_null() if key.nulls == "last" else found


def _equal(part: Part) -> Operand[Any, bool]:
    key, values, value = part
    return any_operand(key.node, values).is_null() if value is None else _compared(part, "=")


def _compared(part: Part, op: str) -> Operand[Any, bool]:
    key, values, value = part
    return Operand(nodes.compare(op, key.node), (*values, value))


def _both(left: Operand[Any, bool], right: Operand[Any, bool] | None) -> Operand[Any, bool] | None:
    return None if right is None else left & right


def _either(left: Operand[Any, bool] | None, right: Operand[Any, bool] | None) -> Operand[Any, bool] | None:
    if left is None or right is None:
        return right if left is None else left
    return left | right
