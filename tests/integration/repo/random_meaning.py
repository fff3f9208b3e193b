"""What the queries of `random_sql` mean: a model of SQL in plain Python. A condition is True, False or None."""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tests.integration.repo.random_sql import Plan, Row, Spec, Tables

COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
COMPUTED: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
NOTHING = {"a": ("id", "x", "y", "name"), "b": ("id", "a_id", "z")}


def value_of(spec: Spec, row: Row, tables: Tables) -> Any:
    """Return the value of an expression over one row."""
    match spec:
        case ("column" | "outer", name):
            return row[name]
        case ("value", number):
            return number
        case ("coalesce", inner, number):
            found = value_of(inner, row, tables)
            return number if found is None else found
        case ("nullif", inner, number):
            found = value_of(inner, row, tables)
            return None if found == number else found
        case ("case", condition, then, otherwise):
            chosen = then if holds(condition, row, tables) is True else otherwise
            return None if chosen is None else value_of(chosen, row, tables)
        case ("scalar", aggregate, condition):
            return aggregated(aggregate, asked(condition, row, tables), tables)
        case (op, left, right):
            return known(COMPUTED[op], value_of(left, row, tables), value_of(right, row, tables))
        case _:
            raise AssertionError(spec)


def known(function: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    """Return what a function gives, NULL where one of its operands is."""
    return None if first is None or second is None else function(first, second)


def holds(spec: Spec, row: Row, tables: Tables) -> bool | None:
    """Return whether a condition holds for one row, None where SQL does not know."""
    match spec:
        case ("not", inner):
            return _not(holds(inner, row, tables))
        case ("and", left, right):
            return _both(holds(left, row, tables), holds(right, row, tables))
        case ("or", left, right):
            return _either(holds(left, row, tables), holds(right, row, tables))
        case _:
            return _tested(spec, row, tables)


def _tested(spec: Spec, row: Row, tables: Tables) -> bool | None:
    match spec:
        case ("compare", op, left, right):
            return known(COMPARED[op], value_of(left, row, tables), value_of(right, row, tables))
        case ("tuple", op, left, right):
            pairs = [
                (value_of(one, row, tables), value_of(other, row, tables))
                for one, other in zip(left, right, strict=True)
            ]
            return _tuples(op, pairs)
        case ("null", inner):
            return value_of(inner, row, tables) is None
        case ("in", inner, values):
            return _among(value_of(inner, row, tables), values)
        case ("in some", inner, others):
            return _among(value_of(inner, row, tables), [value_of(one, row, tables) for one in others])
        case ("between", inner, low, high):
            found, least, most = (value_of(one, row, tables) for one in (inner, low, high))
            return _both(known(operator.le, least, found), known(operator.le, found, most))
        case ("exists", inner):
            return bool(asked(inner, row, tables))
        case ("in query", inner, selected, condition):
            found = [value_of(selected, other, tables) for other in asked(condition, row, tables)]
            return _among(value_of(inner, row, tables), found)
        case (kind, name, text):
            return _matches(kind, row[name], text)
        case _:
            raise AssertionError(spec)


def _matches(kind: str, text: str | None, pattern: str) -> bool | None:
    if text is None:
        return None
    if kind == "starts":
        return text.startswith(pattern)
    if kind == "ilike":
        text, pattern = text.lower(), pattern.lower()
    return fnmatchcase(text, pattern.replace("%", "*").replace("_", "?"))


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def _both(first: bool | None, second: bool | None) -> bool | None:
    return False if first is False or second is False else None if first is None or second is None else True


def _either(first: bool | None, second: bool | None) -> bool | None:
    return _not(_both(_not(first), _not(second)))


def _among(value: Any, values: Sequence[Any]) -> bool | None:
    found: bool | None = False
    for one in values:
        found = _either(found, known(operator.eq, value, one))
    return found


def _tuples(op: str, pairs: list[tuple[Any, Any]]) -> bool | None:
    if op in ("==", "!="):
        equal: bool | None = True
        for first, second in pairs:
            equal = _both(equal, known(operator.eq, first, second))
        return equal if op == "==" else _not(equal)
    for first, second in pairs:
        if first is None or second is None:
            return None
        if first != second:
            return bool(COMPARED[op](first, second))
    return op in ("<=", ">=")


def asked(condition: Spec, row: Row, tables: Tables) -> list[Row]:
    """Return the rows of B that a subquery finds for one row of the query around it."""
    found = [{**row, **other} for other in _rows("b", tables)]
    return [other for other in found if holds(condition, other, tables) is True]


def _rows(table: str, tables: Tables) -> list[Row]:
    return [{f"{table}.{name}": value for name, value in row.items()} for row in tables[table]]


def _joined(plan: Plan, tables: Tables) -> list[Row]:
    firsts, seconds = _rows("a", tables), _rows("b", tables)
    if plan.join is None:
        return firsts
    found: list[Row] = []
    matched: list[Row] = []
    for row in firsts:
        partners = [other for other in seconds if _belongs(plan, row, other, tables)]
        matched += partners
        found += [{**row, **other} for other in partners]
        if not partners and plan.join in ("left_join", "full_join"):
            found.append({**row, **_missing("b")})
    if plan.join in ("right_join", "full_join"):
        found += [{**_missing("a"), **other} for other in seconds if other not in matched]
    return found


def _belongs(plan: Plan, row: Row, other: Row, tables: Tables) -> bool:
    if plan.join == "cross_join":
        return True
    return other["b.a_id"] == row["a.id"] and (plan.on is None or holds(plan.on, {**row, **other}, tables) is True)


def _missing(table: str) -> Row:
    return {f"{table}.{name}": None for name in NOTHING[table]}


def said(conditions: Iterable[tuple[str, Spec]], test: Callable[[Spec], bool | None]) -> bool:
    """Return whether conditions hold that are read from left to right."""
    found: bool | None = None
    for number, (method, condition) in enumerate(conditions):
        holding = test(condition)
        if number == 0:
            found = holding
        else:
            found = _either(found, holding) if method.startswith("or_") else _both(found, holding)
    return found is True or not tuple(conditions)


def rows_of(plan: Plan, tables: Tables) -> list[tuple[Any, ...]]:
    """Return what a query gives; in order, where it has one."""
    rows = [row for row in _joined(plan, tables) if said(plan.wheres, lambda one, row=row: holds(one, row, tables))]
    if plan.groups is not None:
        return _grouped(plan, rows, tables)
    if not plan.combined and not plan.distinct:
        given = [tuple(output_of(one, row, rows, tables) for one in plan.outputs) for row in rows]
        return _cut(plan, [out for _, out in _kept(plan, list(zip(rows, given, strict=True)), tables)])
    found = [tuple(value_of(one, row, tables) for one in plan.outputs) for row in rows]
    if plan.distinct:
        found = list(dict.fromkeys(found))
    for operation, other in plan.combined:
        found = combined(operation, found, rows_of(other, tables))
    for (_, place), descends, first in reversed(plan.order):
        found.sort(key=lambda row: sort_key(row[place], descends, first))
    return _cut(plan, found)


def _kept(plan: Plan, found: list[tuple[Row, Any]], tables: Tables) -> list[tuple[Row, Any]]:
    """Return rows in their order; of those with equal keys the first."""
    said_of = {term[0]: term for term in plan.order}
    order = [*(said_of.get(key, (key, False, False)) for key in plan.keys), *plan.order]
    for term, descends, first in reversed(order):
        found.sort(key=lambda pair: sort_key(value_of(term, pair[0], tables), descends, first))
    if not plan.keys:
        return found
    firsts: dict[tuple[Any, ...], tuple[Row, Any]] = {}
    for row, out in found:
        firsts.setdefault(tuple(value_of(key, row, tables) for key in plan.keys), (row, out))
    return list(firsts.values())


def _cut(plan: Plan, found: list[Any]) -> list[Any]:
    start = plan.offset or 0
    return found[start:] if plan.limit is None else found[start : start + plan.limit]


def sort_key(value: Any, descends: bool, nulls_first: bool) -> tuple[int, int]:
    """Return what orders values, NULL at the end that is said."""
    if value is None:
        return (-1 if nulls_first else 1, 0)
    return (0, -value if descends else value)


def _grouped(plan: Plan, rows: Iterable[Row], tables: Tables) -> list[tuple[Any, ...]]:
    keys = plan.groups or ()
    groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(value_of(key, row, tables) for key in keys), []).append(row)
    return [
        (*key, *(aggregated(one, members, tables) for one in plan.outputs[len(keys) :]))
        for key, members in groups.items()
        if said(plan.havings, lambda one, members=members: group_holds(one, members, tables))
    ]


def group_holds(spec: Spec, rows: list[Row], tables: Tables) -> bool | None:
    """Return whether a condition over aggregates holds for a group."""
    match spec:
        case ("compare", op, left, right):
            return known(COMPARED[op], aggregated(left, rows, tables), aggregated(right, rows, tables))
        case ("null", inner):
            return aggregated(inner, rows, tables) is None
        case (op, left, right):
            both = _both if op == "and" else _either
            return both(group_holds(left, rows, tables), group_holds(right, rows, tables))
        case _:
            raise AssertionError(spec)


def aggregated(spec: Spec, rows: list[Row], tables: Tables) -> Any:
    """Return an aggregate over rows."""
    if spec[0] == "value":
        return spec[1]
    _, name, operand, kept = spec
    chosen = [row for row in rows if kept is None or holds(kept, row, tables) is True]
    if operand is None:
        return len(chosen)
    return folded(name, [value_of(operand, row, tables) for row in chosen])


def folded(name: str, values: Iterable[Any]) -> Any:
    """Return an aggregate of values."""
    present = [value for value in values if value is not None]
    if name.startswith("count"):
        return len(set(present) if name == "count distinct" else present)
    return {"sum": sum, "min": min, "max": max}[name](present) if present else None


def output_of(spec: Spec, row: Row, rows: list[Row], tables: Tables) -> Any:
    """Return what is selected of a row, a function over the window of the others too."""
    if spec[0] != "window":
        return value_of(spec, row, tables)
    _, name, operand, part, order = spec
    place = None if part is None else value_of(part, row, tables)
    members = [one for one in rows if part is None or value_of(part, one, tables) == place]
    keyed = [([sort_key(value_of(term, one, tables), *how) for term, *how in order], one) for one in members]
    mine = next(key for key, one in keyed if one is row)
    before = [key for key, _ in keyed if key < mine]
    if name in ("row_number", "rank"):
        return len(before) + 1
    if name == "dense_rank":
        return len({tuple(key) for key in before}) + 1
    if name in ("lag", "lead"):
        keyed.sort(key=operator.itemgetter(0))
        index = len(before) + (-1 if name == "lag" else 1)
        return value_of(operand, keyed[index][1], tables) if 0 <= index < len(keyed) else None
    return folded(name, [value_of(operand, one, tables) for key, one in keyed if key <= mine])


def combined(operation: str, first: list[Any], second: list[Any]) -> list[Any]:
    """Return what a set operation makes of two lists of rows."""
    one, other = Counter(first), Counter(second)
    match operation:
        case "union_all":
            return first + second
        case "union":
            return list(dict.fromkeys(first + second))
        case "intersect":
            return [row for row in one if row in other]
        case "except_":
            return [row for row in one if row not in other]
        case "intersect_all":
            return list((one & other).elements())
        case _:
            return list((one - other).elements())
