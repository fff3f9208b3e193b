"""Random queries as plain data, what they mean in Python, and how they are said in ectype.

A query is a `Plan`; expressions and conditions are tuples whose first item says what they are. NULL is None, and a
condition is True, False or None, as in SQL.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    Query,
    Registry,
    Schema,
    belongs_to,
    exists,
    fn,
    from_,
    has_many,
    literal,
    maybe,
    outer,
    primary_key,
)
from ectype import field as member

Spec: TypeAlias = tuple[Any, ...]
Row: TypeAlias = dict[str, Any]
"""The values of all columns in scope, by `table.column`; those of a missing row are None."""
Tables: TypeAlias = dict[str, list[Row]]


class Random(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class A(Random, table="random_a"):
    id: Field[int] = primary_key()
    x: Field[int | None] = member(default=None)
    y: Field[int]
    name: Field[str | None] = member(default=None)
    bs: HasMany["B"] = has_many(foreign_key="a_id")


class B(Random, table="random_b"):
    id: Field[int] = primary_key()
    a_id: Field[int | None] = member(default=None)
    a: BelongsTo["A | None"] = belongs_to()
    z: Field[int | None] = member(default=None)


COLUMNS: dict[str, Any] = {
    "a.id": A.id, "a.x": A.x, "a.y": A.y, "a.name": A.name, "b.id": B.id, "b.a_id": B.a_id, "b.z": B.z,
}  # fmt: skip
INTEGERS = {"a": ("a.id", "a.x", "a.y"), "b": ("b.id", "b.a_id", "b.z")}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
AGGREGATES = ("count", "sum", "min", "max")


@dataclass(frozen=True)
class Plan:
    """A query: `join` is None, `inner` or `left`; `groups` None for a query that does not group."""

    join: str | None
    wheres: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    groups: tuple[Spec, ...] | None = None
    having: int | None = None
    distinct: bool = False
    limit: int | None = None
    offset: int | None = None
    combined: "tuple[str, Plan] | None" = field(default=None)


# --- what is drawn


def integers(tables: str) -> SearchStrategy[Spec]:
    """Draw integer expressions over the tables in scope."""
    names = [name for table in tables for name in INTEGERS[table]]
    leaves = st.sampled_from(names).map(lambda name: ("column", name)) | st.integers(-3, 3).map(lambda n: ("value", n))
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(st.sampled_from(sorted(ARITHMETIC)), inner, inner)
            | st.tuples(st.just("coalesce"), inner, st.integers(-3, 3))
        ),
        max_leaves=3,
    )


def conditions(tables: str, *, nested: bool = True) -> SearchStrategy[Spec]:
    """Draw conditions; `nested` ones may ask subqueries about the rows of B."""
    number = integers(tables)
    leaves = (
        st.tuples(st.just("compare"), st.sampled_from(sorted(COMPARISONS)), number, number)
        | st.tuples(st.just("null"), number)
        | st.tuples(st.just("in"), number, st.lists(st.integers(-3, 3), max_size=3))
        | st.tuples(st.just("between"), number, st.integers(-3, 0), st.integers(0, 3))
    )
    if "a" in tables:
        leaves |= st.sampled_from(["%", "a%", "%b", "_", "%a_%", "a"]).map(lambda text: ("like", "a.name", text))
    if nested:
        inner = conditions("b", nested=False)
        leaves |= st.tuples(st.just("exists"), inner, st.booleans())
        leaves |= st.tuples(st.just("in query"), number, inner)
    return st.recursive(
        leaves,
        lambda part: st.tuples(st.sampled_from(["and", "or"]), part, part) | st.tuples(st.just("not"), part),
        max_leaves=4,
    )


@st.composite
def plans(draw: Callable[[SearchStrategy[Any]], Any], *, width: int | None = None) -> Plan:
    """Draw a query of `width` outputs, or of one to three."""
    join = draw(st.sampled_from([None, "inner", "left"]))
    tables = "a" if join is None else "ab"
    wheres = tuple(draw(st.lists(conditions(tables), max_size=2)))
    count = draw(st.integers(1, 3)) if width is None else width
    number = integers(tables)
    if width is None and draw(st.booleans()):
        groups = tuple(draw(st.lists(st.sampled_from(INTEGERS["a"]).map(lambda name: ("column", name)), max_size=2)))
        aggregates = st.tuples(st.sampled_from(AGGREGATES), number) | st.just(("rows",))
        outputs = (*groups, *draw(st.lists(aggregates, min_size=1, max_size=2)))
        having = draw(st.none() | st.integers(0, 2)) if groups else None
        return Plan(join, wheres, outputs, groups, having)
    outputs = tuple(draw(st.lists(number, min_size=count, max_size=count)))
    if width is not None:
        return Plan(join, wheres, outputs)
    if draw(st.booleans()):
        operation = draw(st.sampled_from(["union", "union_all", "intersect", "except_"]))
        return Plan(join, wheres, outputs, combined=(operation, draw(plans(width=count))))
    if draw(st.booleans()):
        return Plan(join, wheres, outputs, distinct=True)
    limit = draw(st.none() | st.integers(0, 4))
    return Plan(join, wheres, outputs, limit=limit, offset=draw(st.none() | st.integers(0, 3)))


NUMBERS = st.none() | st.integers(-3, 3)
DATA: SearchStrategy[Tables] = st.fixed_dictionaries(
    {
        "a": st.lists(
            st.fixed_dictionaries(
                {
                    "x": NUMBERS,
                    "y": st.integers(-3, 3),
                    "name": st.none() | st.sampled_from(["", "a", "ab", "b", "aab"]),
                }
            ),
            min_size=3,
            max_size=5,
        ),
        "b": st.lists(
            st.fixed_dictionaries({"a_id": st.none() | st.integers(1, 5), "z": NUMBERS}),
            min_size=3,
            max_size=6,
        ),
    }
).map(lambda drawn: {name: [{"id": i, **row} for i, row in enumerate(rows, 1)] for name, rows in drawn.items()})


# --- what it means


def value_of(spec: Spec, row: Row, tables: Tables) -> Any:
    """Return the value of an expression over one row."""
    match spec:
        case ("column", name):
            return row[name]
        case ("value", number):
            return number
        case ("coalesce", inner, number):
            found = value_of(inner, row, tables)
            return number if found is None else found
        case (op, left, right):
            first, second = value_of(left, row, tables), value_of(right, row, tables)
            return None if first is None or second is None else ARITHMETIC[op](first, second)
        case _:
            raise AssertionError(spec)


def holds(spec: Spec, row: Row, tables: Tables) -> bool | None:
    """Return whether a condition holds for one row, None where SQL does not know."""
    match spec:
        case ("compare", op, left, right):
            first, second = value_of(left, row, tables), value_of(right, row, tables)
            return None if first is None or second is None else COMPARISONS[op](first, second)
        case ("null", inner):
            return value_of(inner, row, tables) is None
        case ("in", inner, values):
            return _among(value_of(inner, row, tables), values)
        case ("between", inner, low, high):
            found = value_of(inner, row, tables)
            return None if found is None else low <= found <= high
        case ("like", name, pattern):
            text = row[name]
            return None if text is None else fnmatchcase(text, pattern.replace("%", "*").replace("_", "?"))
        case ("exists", inner, correlated):
            return any(
                holds(inner, other, tables) is True and (not correlated or other["b.a_id"] == row["a.id"] is not None)
                for other in _rows("b", tables)
            )
        case ("in query", inner, condition):
            found = [other["b.z"] for other in _rows("b", tables) if holds(condition, other, tables) is True]
            return _among(value_of(inner, row, tables), found)
        case ("not", inner):
            found = holds(inner, row, tables)
            return None if found is None else not found
        case (op, left, right):
            both = {holds(left, row, tables), holds(right, row, tables)}
            decisive = op == "or"
            return decisive if decisive in both else (None if None in both else not decisive)
        case _:
            raise AssertionError(spec)


def _among(value: Any, values: Sequence[Any]) -> bool | None:
    if not values:
        return False
    if value is None:
        return None
    return True if value in values else (None if None in values else False)


def _rows(table: str, tables: Tables) -> list[Row]:
    return [{f"{table}.{name}": value for name, value in row.items()} for row in tables[table]]


def rows_of(plan: Plan, tables: Tables) -> list[tuple[Any, ...]]:
    """Return what a query gives; the order counts only where it has a limit."""
    rows = [row for row in _joined(plan.join, tables) if all(holds(one, row, tables) is True for one in plan.wheres)]
    if plan.groups is not None:
        return _grouped(plan, rows, tables)
    rows.sort(key=lambda row: (row["a.id"], row.get("b.id") or 0))
    found = [tuple(value_of(one, row, tables) for one in plan.outputs) for row in rows]
    if plan.distinct:
        found = list(dict.fromkeys(found))
    if plan.combined is not None:
        return _combined(plan.combined[0], found, rows_of(plan.combined[1], tables))
    start = plan.offset or 0
    return found[start:] if plan.limit is None else found[start : start + plan.limit]


def _joined(join: str | None, tables: Tables) -> list[Row]:
    nothing = {f"b.{name}": None for name in ("id", "a_id", "z")}
    found: list[Row] = []
    for row in _rows("a", tables):
        partners = [other for other in _rows("b", tables) if other["b.a_id"] == row["a.id"]]
        if join is None:
            found.append(row)
        else:
            found += [{**row, **other} for other in partners] or ([{**row, **nothing}] if join == "left" else [])
    return found


def _grouped(plan: Plan, rows: Iterable[Row], tables: Tables) -> list[tuple[Any, ...]]:
    keys = plan.groups or ()
    groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(value_of(key, row, tables) for key in keys), []).append(row)
    return [
        (*key, *(_aggregated(one, members, tables) for one in plan.outputs[len(keys) :]))
        for key, members in groups.items()
        if plan.having is None or len(members) > plan.having
    ]


def _aggregated(spec: Spec, rows: list[Row], tables: Tables) -> Any:
    if spec == ("rows",):
        return len(rows)
    values = [value for row in rows if (value := value_of(spec[1], row, tables)) is not None]
    if spec[0] == "count":
        return len(values)
    return {"sum": sum, "min": min, "max": max}[spec[0]](values) if values else None


def _combined(operation: str, first: list[Any], second: list[Any]) -> list[Any]:
    if operation == "union_all":
        return first + second
    if operation == "union":
        return list(dict.fromkeys(first + second))
    kept = set(second)
    return [row for row in dict.fromkeys(first) if (row in kept) == (operation == "intersect")]


# --- how it is said


def expression(spec: Spec) -> Any:
    """Return the ectype expression of a value."""
    match spec:
        case ("column", name):
            return COLUMNS[name]
        case ("value", number):
            return literal(number)
        case ("coalesce", inner, number):
            return fn.coalesce(expression(inner), number)
        case ("rows",):
            return fn.count()
        case (op, left, right):
            return ARITHMETIC[op](expression(left), expression(right))
        case (name, inner):
            return getattr(fn, name)(expression(inner))
        case _:
            raise AssertionError(spec)


def predicate(spec: Spec) -> Any:
    """Return the ectype expression of a condition."""
    match spec:
        case ("compare", op, left, right):
            return COMPARISONS[op](expression(left), expression(right))
        case ("null", inner):
            return expression(inner).is_null()
        case ("in", inner, values):
            return expression(inner).in_(values)
        case ("between", inner, low, high):
            return expression(inner).between(low, high)
        case ("like", name, pattern):
            return COLUMNS[name].like(pattern)
        case ("exists", inner, correlated):
            query = from_(B).where(predicate(inner))
            return exists(query.where(B.a_id == outer(A.id)) if correlated else query)
        case ("in query", inner, condition):
            return expression(inner).in_(from_(B).where(predicate(condition)).select(B.z))
        case ("not", inner):
            return ~predicate(inner)
        case ("and", left, right):
            return predicate(left) & predicate(right)
        case ("or", left, right):
            return predicate(left) | predicate(right)
        case _:
            raise AssertionError(spec)


def query_of(plan: Plan) -> Query[Any, Any, Any]:
    """Return the ectype query of a plan. Its rows are tuples; a single output is a value."""
    query: Any = from_(A)
    if plan.join is not None:
        query = query.join(A.bs) if plan.join == "inner" else query.left_join(A.bs)
    query = query.where(*map(predicate, plan.wheres))
    if plan.groups is not None:
        query = query.group_by(*map(expression, plan.groups))
        query = query if plan.having is None else query.having(fn.count() > plan.having)
    elif plan.limit is not None or plan.offset is not None:
        query = query.order_by(A.id, *([] if plan.join is None else [B.id]))
        query = query if plan.limit is None else query.limit(plan.limit)
        query = query if plan.offset is None else query.offset(plan.offset)
    query = query.distinct() if plan.distinct else query
    query = query.select(*(maybe(expression(one)) for one in plan.outputs))
    if plan.combined is not None:
        query = getattr(query, plan.combined[0])(query_of(plan.combined[1]))
    return query


def counted(rows: Iterable[Any]) -> Counter[Any]:
    """Return rows without their order; a single output as a tuple of one."""
    return Counter(row if isinstance(row, tuple) else (row,) for row in rows)
