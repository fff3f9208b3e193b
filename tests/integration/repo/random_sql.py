"""Random queries as plain data, and the rows that they read.

A query is a `Plan`; expressions and conditions are tuples whose first item says what they are: `random_meaning` says
what they mean in Python, `random_saying` how they are said in ectype.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Spec: TypeAlias = tuple[Any, ...]
Row: TypeAlias = dict[str, Any]
"""The values of all columns in scope, by `table.column`; those of a missing row are None."""
Tables: TypeAlias = dict[str, list[Row]]
Draw: TypeAlias = Callable[[SearchStrategy[Any]], Any]

INTEGERS = {"a": ("a.id", "a.x", "a.y"), "b": ("b.id", "b.a_id", "b.z")}
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
AGGREGATES = ("count", "count distinct", "sum", "min", "max")
JOINS = (None, "join", "left_join", "right_join", "full_join", "cross_join")
EVERYWHERE = ("union", "union_all", "intersect", "except_")
ON_POSTGRES = ("intersect_all", "except_all")
NUMBERS = st.integers(-3, 3)


@dataclass(frozen=True)
class Plan:
    """A query of `A`, perhaps joined with `B`.

    Attributes:
        join: the method that joins, or None.
        on: a condition beside that of the association.
        wheres: methods (`where`, `or_where`) and their conditions, in order; `havings` likewise.
        groups: what it groups by; None for a query that does not group.
        keys: the columns of DISTINCT ON; empty for none.
        order: expressions, whether they descend, and whether NULLs come first; they make the order total.
        combined: set operations and their queries, in order. The order and limit are those of the whole.
    """

    join: str | None
    outputs: tuple[Spec, ...]
    on: Spec | None = None
    wheres: tuple[tuple[str, Spec], ...] = ()
    groups: tuple[Spec, ...] | None = None
    havings: tuple[tuple[str, Spec], ...] = ()
    distinct: bool = False
    keys: tuple[Spec, ...] = ()
    order: tuple[tuple[Spec, bool, bool], ...] = ()
    limit: int | None = None
    offset: int | None = None
    combined: "tuple[tuple[str, Plan], ...]" = field(default=())

    @property
    def on_postgres(self) -> bool:
        """Whether SQLite has no word for it."""
        return bool(self.keys) or any(operation in ON_POSTGRES for operation, _ in self.combined)


# --- expressions


def lazily(make: Callable[..., SearchStrategy[Spec]]) -> Callable[..., SearchStrategy[Spec]]:
    """Build a strategy once, and only when it is drawn from: they contain each other."""
    built = cache(make)

    @st.composite
    def named(draw: Draw, *args: Any) -> Spec:
        return draw(built(*args))

    return named


@cache
def columns(tables: str) -> SearchStrategy[Spec]:
    """Draw columns of the tables in scope: `a`, `ab`, or those of a subquery over B.

    There, `b` are its own and those of the query around it, `B` its own alone.
    """
    names = [name for table in tables.lower() for name in INTEGERS[table]]
    named = st.sampled_from(names).map(lambda name: ("column", name))
    return named | st.sampled_from(INTEGERS["a"]).map(lambda name: ("outer", name)) if tables == "b" else named


@lazily
def integers(tables: str, depth: int = 2) -> SearchStrategy[Spec]:
    """Draw integer expressions over the tables in scope; `depth` says how often conditions and they may alternate."""
    leaves = columns(tables) | NUMBERS.map(lambda number: ("value", number))
    if depth and "a" in tables:
        # An aggregate over columns of the query around is one of that query, in SQL.
        leaves |= st.tuples(st.just("scalar"), aggregates("B", 0), conditions("b", 0))

    def grown(inner: SearchStrategy[Spec]) -> SearchStrategy[Spec]:
        found = (
            st.tuples(st.sampled_from(["+", "-", "*"]), inner, inner)
            | st.tuples(st.just("coalesce"), inner, NUMBERS)
            | st.tuples(st.just("nullif"), inner, NUMBERS)
        )
        if depth:
            found |= st.tuples(st.just("case"), conditions(tables, depth - 1), inner, st.none() | inner)
        return found

    return st.recursive(leaves, grown, max_leaves=3)


@lazily
def aggregates(tables: str, depth: int = 1) -> SearchStrategy[Spec]:
    """Draw aggregates, some with a filter: `("aggregate", name, operand, filter)`; `count` of None counts rows."""
    number = columns(tables) | integers(tables, depth)
    kept = st.none() | conditions(tables, depth)
    return st.tuples(st.just("aggregate"), st.sampled_from(AGGREGATES), number, kept) | st.tuples(
        st.just("aggregate"), st.just("count"), st.none(), kept
    )


@lazily
def windows(tables: str) -> SearchStrategy[Spec]:
    """Draw window functions: a name, its operand, what parts the rows, and their order."""
    ordered = st.lists(st.tuples(columns(tables), st.booleans(), st.booleans()), max_size=1).map(tuple)
    total = ordered.map(lambda terms: (*terms, *in_order(tables)))
    parts = st.none() | columns(tables)
    return (
        st.tuples(st.just("window"), st.just("row_number"), st.none(), parts, total)
        | st.tuples(st.just("window"), st.sampled_from(["rank", "dense_rank"]), st.none(), parts, ordered | total)
        | st.tuples(st.just("window"), st.sampled_from(["sum", "count", "max"]), integers(tables, 0), parts, ordered)
        | st.tuples(st.just("window"), st.sampled_from(["lag", "lead"]), integers(tables, 0), parts, total)
    )


def in_order(tables: str) -> tuple[tuple[Spec, bool, bool], ...]:
    """Return the order by the keys of all tables in scope, which is total."""
    return tuple((("column", f"{table}.id"), False, True) for table in tables)


@lazily
def conditions(tables: str, depth: int = 2) -> SearchStrategy[Spec]:
    """Draw conditions; some ask subqueries about the rows of B."""
    number = integers(tables, max(depth - 1, 0))
    compared = st.sampled_from(COMPARISONS)
    leaves = (
        st.tuples(st.just("compare"), compared, number, number)
        | st.tuples(st.just("tuple"), compared, st.tuples(number, number), st.tuples(number, number))
        | st.tuples(st.just("null"), number)
        | st.tuples(st.just("in"), number, st.lists(NUMBERS, max_size=3).map(tuple))
        | st.tuples(st.just("in some"), number, st.tuples(number) | st.tuples(number, number))
        | st.tuples(st.just("between"), number, number, number)
    )
    if "a" in tables:
        pattern = st.sampled_from(["%", "a%", "%b", "_", "%a_%", "a", "A%", "%B"])
        leaves |= st.tuples(st.just("ilike"), st.just("a.name"), pattern)
        leaves |= st.tuples(st.just("like"), st.just("a.name"), pattern.filter(str.islower))
        leaves |= st.tuples(st.just("starts"), st.just("a.name"), st.sampled_from(["", "a", "aa", "A", "%"]))
    if depth and "a" in tables:
        inner = conditions("b", depth - 1)
        leaves |= st.tuples(st.just("exists"), inner)
        leaves |= st.tuples(st.just("in query"), number, integers("b", 0), inner)
    return st.recursive(
        leaves,
        lambda part: st.tuples(st.sampled_from(["and", "or"]), part, part) | st.tuples(st.just("not"), part),
        max_leaves=3,
    )


@lazily
def group_conditions(tables: str) -> SearchStrategy[Spec]:
    """Draw conditions over groups."""
    aggregate = aggregates(tables, 0)
    leaves = st.tuples(st.just("compare"), st.sampled_from(COMPARISONS), aggregate, aggregate | NUMBERS.map(_value))
    leaves |= st.tuples(st.just("null"), aggregate)
    return st.recursive(leaves, lambda part: st.tuples(st.sampled_from(["and", "or"]), part, part), max_leaves=2)


def _value(number: int) -> Spec:
    return ("value", number)


# --- queries


@st.composite
def plans(draw: Draw, *, width: int | None = None) -> Plan:
    """Draw a query of `width` outputs that is a part of another, or a whole one."""
    join = draw(st.sampled_from(JOINS))
    tables = "a" if join is None else "ab"
    # A full join of PostgreSQL takes no condition that it cannot look up, a cross join none at all.
    on = draw(st.none() | conditions(tables, 1)) if join in ("join", "left_join", "right_join") else None
    wheres = _said(draw, "where", conditions(tables))
    if width is not None:
        return Plan(join, _several(draw, integers(tables), width), on, wheres)
    shape = draw(st.sampled_from(["plain", "grouped", "combined", "distinct", "keys", "window"]))
    if shape == "grouped":
        groups = tuple(draw(st.lists(columns(tables), max_size=2)))
        outputs = (*groups, *_several(draw, aggregates(tables), draw(st.integers(1, 2))))
        return Plan(join, outputs, on, wheres, groups, _said(draw, "having", group_conditions(tables)))
    count = draw(st.integers(1, 3))
    number = integers(tables) | windows(tables) if shape == "window" else integers(tables)
    plan = {"join": join, "outputs": _several(draw, number, count), "on": on, "wheres": wheres}
    if shape in ("combined", "distinct"):
        operations = st.sampled_from([*EVERYWHERE, *ON_POSTGRES])
        more = draw(st.integers(1, 2)) if shape == "combined" else 0
        plan["combined"] = tuple((draw(operations), draw(plans(width=count))) for _ in range(more))
        plan["distinct"] = shape == "distinct"
        whole = [(("output", place), draw(st.booleans()), draw(st.booleans())) for place in range(count)]
        plan["order"] = tuple(draw(st.permutations(whole))) if draw(st.booleans()) else ()
    else:
        terms = draw(st.lists(st.tuples(integers(tables, 1), st.booleans(), st.booleans()), max_size=1))
        plan["order"] = (*terms, *in_order(tables))
        plan["keys"] = tuple(draw(st.lists(columns(tables), min_size=1, max_size=2))) if shape == "keys" else ()
    if plan["order"]:
        plan["limit"] = draw(st.none() | st.integers(0, 6))
        plan["offset"] = draw(st.none() | st.integers(0, 3))
    return Plan(**plan)


def _several(draw: Draw, one: SearchStrategy[Spec], count: int) -> tuple[Spec, ...]:
    return tuple(draw(st.lists(one, min_size=count, max_size=count)))


def _said(draw: Draw, method: str, condition: SearchStrategy[Spec]) -> tuple[tuple[str, Spec], ...]:
    methods = st.sampled_from([method, f"or_{method}"])
    return tuple(draw(st.lists(st.tuples(methods, condition), max_size=2)))


MAYBE = st.none() | NUMBERS
DATA: SearchStrategy[Tables] = st.fixed_dictionaries(
    {
        "a": st.lists(
            st.fixed_dictionaries(
                {"x": MAYBE, "y": NUMBERS, "name": st.none() | st.sampled_from(["", "a", "ab", "b", "aab", "%"])}
            ),
            min_size=2,
            max_size=5,
        ),
        "b": st.lists(
            st.fixed_dictionaries({"a_id": st.none() | st.integers(1, 5), "z": MAYBE}), min_size=2, max_size=5
        ),
    }
).map(lambda drawn: {name: [{"id": i, **row} for i, row in enumerate(rows, 1)] for name, rows in drawn.items()})
