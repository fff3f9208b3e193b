"""Precedence, proven: what SQLite computes is what Python computes from the same tree."""

import operator
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ectype import Field, Schema, from_, literal, primary_key
from ectype.sql.dialect import SQLITE

LIMIT = 2**53


class Row(Schema, table="numbers"):
    id: Field[int] = primary_key()
    a: Field[int]
    b: Field[int]
    c: Field[int]


@dataclass(frozen=True)
class Tree:
    """An expression, how it was made, and its value in Python for a row."""

    expression: Any
    text: str
    value: Callable[[dict[str, int]], int]

    def __repr__(self) -> str:
        return self.text


def _divide(left: int, right: int) -> int:
    """Divide as SQL does: towards zero."""
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


def _remainder(left: int, right: int) -> int:
    return left - right * _divide(left, right)


def _bounded(value: int) -> int:
    assume(abs(value) < LIMIT)  # beyond it SQLite goes on with floats
    return value


def _binary(symbol: str, left: Tree, right: Tree) -> Tree:
    build = BUILD[symbol]
    compute = COMPUTE[symbol]
    return Tree(
        build(left.expression, right.expression),
        f"({left} {symbol} {right})",
        lambda row: _bounded(int(compute(left.value(row), right.value(row)))),
    )


BUILD: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&": operator.and_,
    "|": operator.or_,
}
COMPUTE: dict[str, Callable[[int, int], int]] = {**BUILD, "/": _divide, "%": _remainder}
NUMBERS = st.one_of(
    st.sampled_from("abc").map(lambda name: Tree(getattr(Row, name), name, lambda row, name=name: row[name])),
    st.integers(-9, 9).map(lambda value: Tree(literal(value), str(value), lambda row, value=value: value)),
)
DIVISORS = st.integers(1, 9).flatmap(lambda value: st.sampled_from([value, -value]))


def _negated(tree: Tree) -> Tree:
    return Tree(-tree.expression, f"-{tree}", lambda row: -tree.value(row))


def _not(tree: Tree) -> Tree:
    return Tree(~tree.expression, f"~{tree}", lambda row: int(not tree.value(row)))


def _over(symbol: str, tree: Tree, divisor: int) -> Tree:
    return _binary(symbol, tree, Tree(literal(divisor), str(divisor), lambda row: divisor))


def _between(tree: Tree, low: int, high: int) -> Tree:
    return Tree(
        tree.expression.between(low, high),
        f"between({tree}, {low}, {high})",
        lambda row: int(low <= tree.value(row) <= high),
    )


def _in(tree: Tree, values: list[int]) -> Tree:
    return Tree(tree.expression.in_(values), f"in({tree}, {values})", lambda row: int(tree.value(row) in values))


def _numbers(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(_binary, st.sampled_from("+-*"), inner, inner),
        st.builds(_over, st.sampled_from("/%"), inner, DIVISORS),
        st.builds(_negated, inner),
    )


numbers = st.recursive(NUMBERS, _numbers, max_leaves=8)
small = st.integers(-9, 9)
comparisons = st.one_of(
    st.builds(_binary, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers, numbers),
    st.builds(_between, numbers, small, small),
    st.builds(_in, numbers, st.lists(small, max_size=3)),
)


def _conditions(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    both = st.builds(_binary, st.sampled_from(["&", "|", "==", "!="]), inner, inner)
    return st.one_of(both, st.builds(_not, inner))


conditions = st.recursive(comparisons, _conditions, max_leaves=6)
rows = st.fixed_dictionaries({"a": small, "b": small, "c": small})


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER) STRICT")
    yield connection
    connection.close()


def _computed(database: sqlite3.Connection, query: Any, row: dict[str, int]) -> list[Any]:
    database.execute("DELETE FROM numbers")
    database.execute("INSERT INTO numbers (a, b, c) VALUES (:a, :b, :c)", row)
    return [value for (value,) in database.execute(*query.to_sql(SQLITE))]


@given(tree=numbers, row=rows)
def test_sqlite_computes_what_python_computes(tree: Tree, row: dict[str, int], database: sqlite3.Connection):
    wanted = tree.value(row)
    assert _computed(database, from_(Row).select(tree.expression), row) == [wanted]


@given(tree=conditions, row=rows)
def test_sqlite_decides_what_python_decides(tree: Tree, row: dict[str, int], database: sqlite3.Connection):
    wanted = tree.value(row)
    assert _computed(database, from_(Row).select(tree.expression), row) == [wanted]
    assert len(_computed(database, from_(Row).where(tree.expression).select(Row.id), row)) == wanted


@given(first=conditions, second=conditions, row=rows)
def test_conditions_side_by_side_hold_together(
    first: Tree, second: Tree, row: dict[str, int], database: sqlite3.Connection
):
    wanted = first.value(row) and second.value(row)
    query = from_(Row).where(first.expression, second.expression).select(Row.id)
    assert len(_computed(database, query, row)) == wanted
