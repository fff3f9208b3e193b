"""Lists and rows of values: arrays of PostgreSQL, which SQLite keeps as JSON text and reads through `json_each`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlglot import exp

from ectype.errors import CastError, QueryError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Call, Expression, Items
from ectype.query.inference import plain, type_of
from ectype.sql import lower_json, numbers
from ectype.sql.fence import Lowers, atom, compound, refuse
from ectype.sql.params import Dumper, by_class
from ectype.types.base import Type
from ectype.types.containers import ArrayType, Json
from ectype.types.numeric import FLOAT, DecimalType
from ectype.types.scalars import BINARY

# --- rows -------------------------------------------------------------------------------------------------------------


def rows(lowering: Lowers, op: str, left: Items, right: Items) -> exp.Expr:
    """Return `(a, b) > (c, d)`."""
    dialect = lowering.dialect
    for pair in zip(left.items, right.items, strict=True):
        numbers.check_comparison(op, pair, dialect)
    sides = [
        ", ".join(lowering.text(one, numbers.beside(other, dialect)) for one, other in pairs)
        for pairs in (zip(left.items, right.items, strict=True), zip(right.items, left.items, strict=True))
    ]
    return compound(f"({sides[0]}) {op} ({sides[1]})")


def in_rows(lowering: Lowers, operand: Items) -> tuple[str, Dumper, str]:
    """Return the columns of `(a, b) IN (…)`, how its list of tuples is sent, and the query that reads it again."""
    dialect = lowering.dialect
    types = [plain(type_of(item)) for item in operand.items]
    for item in operand.items:
        numbers.check_key("in_", item, dialect)
    columns = ", ".join(map(lowering.text, operand.items))
    dumps = [numbers.beside(item, dialect) or by_class(dialect.target) for item in operand.items]
    if not dialect.jsonb:
        parts = ", ".join(f"json_extract(value, '$[{index}]')" for index in range(len(types)))
        return columns, _row_dumper(dumps), f"SELECT {parts} FROM json_each({{}})"
    named: list[str] = []
    for index, (item, type_) in enumerate(zip(operand.items, types, strict=True)):
        if type_ is None:
            raise QueryError(
                f"`in_` over a tuple needs the type of each part, and `{sketch(item)}` has none",
                hint="say it: `.as_type(int)`",
            )
        named.append(f'"c{index}" {type_.codec(dialect.target).column}')
    return columns, _record_dumper(dumps), f"SELECT * FROM jsonb_to_recordset({{}}) AS v({', '.join(named)})"


def _row_dumper(dumps: list[Dumper]) -> Dumper:
    def dump_rows(values: Any) -> str:
        dumped = [[dump(part) for dump, part in zip(dumps, row, strict=True)] for row in values]
        if any(isinstance(part, bytes) for row in dumped for part in row):
            raise CastError("a list of bytes cannot be a parameter on SQLite", hint="compare them one by one")
        return json.dumps(dumped)

    return dump_rows


def _record_dumper(dumps: list[Dumper]) -> Dumper:
    def dump_rows(values: Any) -> str:
        return json.dumps(
            [
                {f"c{index}": _as_json(dump(part)) for index, (dump, part) in enumerate(zip(dumps, row, strict=True))}
                for row in values
            ]
        )

    return dump_rows


def _as_json(value: Any) -> Any:
    """Return what PostgreSQL reads the same value from: it takes the text of any type."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, timedelta):
        return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
    return value if isinstance(value, int | str) else str(value)


def _in_list(lowering: Lowers, node: Binary) -> exp.Expr:
    items = node.right
    if not isinstance(items, Items):
        raise QueryError(f"`in_` takes a list: `{sketch(node)}`")
    for item in items.items:
        numbers.check_comparison("in_", (node.left, item), lowering.dialect)
    known = numbers.beside(node.left, lowering.dialect)
    left = lowering.text(node.left)
    return compound(f"{left} IN ({', '.join(lowering.text(item, known) for item in items.items)})")


# --- arrays -----------------------------------------------------------------------------------------------------------


def _list_type(lowering: Lowers, node: Expression, *sides: Expression) -> ArrayType | None:
    """Return the type of a list among operands, None where nobody knows.

    Raises:
        QueryError: for what is no list of scalars.
        UnsupportedError: for elements that JSON text does not compare.
    """
    found = next((one for one in map(type_of, sides) if one is not None), None)
    if found is not None and not isinstance(found, ArrayType):
        raise QueryError(
            f"only a list of scalars has elements, and this is of type {found.name}: `{sketch(node)}`",
            hint="compare what a path into a document leads to: `Post.meta['lang'] == 'en'`",
        )
    if not lowering.dialect.array_params:
        _check_elements(lowering, node, None if found is None else plain(found.element))
    return found


def _check_elements(lowering: Lowers, node: Expression, element: Type[Any] | None) -> None:
    if element is None or element in (BINARY, FLOAT) or isinstance(element, DecimalType):
        raise refuse(
            "keeps lists as JSON text, which does not compare such elements", node, lowering.dialect,
            "read the list, and look into it in Python",
        )  # fmt: skip


def _contains(lowering: Lowers, node: Binary) -> exp.Expr:
    if lower_json.is_document(node.left) or isinstance(plain(type_of(node.left)), Json):
        return lower_json.contains(lowering, node)
    return _compared(lowering, node)


def _compared(lowering: Lowers, node: Binary) -> exp.Expr:
    known = _list_type(lowering, node, node.left, node.right)
    dump = lowering.dumper(known)
    left, right = lowering.text(node.left, dump), lowering.text(node.right, dump)
    if lowering.dialect.array_params:
        return compound(f"{left} {node.op} {right}")
    if node.op == "&&":
        found = f"EXISTS (SELECT 1 FROM json_each({left}) WHERE value IN (SELECT value FROM json_each({right})))"
    else:
        whole, part = (left, right) if node.op == "@>" else (right, left)
        if known is not None and known.nullable:
            raise refuse("cannot compare lists with NULL in them", node, lowering.dialect, "compare them in Python")
        found = (
            f"NOT EXISTS (SELECT 1 FROM json_each({part}) WHERE value NOT IN (SELECT value FROM json_each({whole})))"
        )
    return atom(f"CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {found} END")


def _has(lowering: Lowers, node: Binary) -> exp.Expr:
    known = _list_type(lowering, node, node.left)
    element = None if known is None else known.element
    left = lowering.text(node.left)
    right = lowering.text(node.right, lowering.dumper(element))
    if lowering.dialect.array_params:
        return compound(f"{right} = ANY({left})")
    return atom(f"CASE WHEN {left} IS NOT NULL THEN {right} IN (SELECT value FROM json_each({left})) END")


OPERATORS: dict[str, Callable[[Lowers, Binary], exp.Expr]] = {
    "IN": _in_list,
    "HAS": _has,
    "@>": _contains,
    "<@": _compared,
    "&&": _compared,
}


def _length(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    _list_type(lowering, node, node.args[0])
    name = "cardinality" if lowering.dialect.array_params else "json_array_length"
    return atom(f"{name}({lowering.text(node.args[0])})")


def _push(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    left, right = _element(lowering, node)
    if lowering.dialect.array_params:
        return atom(f"array_append({left}, {right})")
    return atom(f"json_insert(coalesce({left}, '[]'), '$[#]', {right})")


def _pull(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    left, right = _element(lowering, node)
    if lowering.dialect.array_params:
        return atom(f"array_remove({left}, {right})")
    kept = f"(SELECT json_group_array(value) FROM json_each({left}) WHERE value IS NOT {right})"
    return atom(f"CASE WHEN {left} IS NOT NULL THEN {kept} END")


def _element(lowering: Lowers, node: Call) -> tuple[str, str]:
    known = _list_type(lowering, node, node.args[0])
    dump = None if known is None else lowering.dumper(known.element)
    return lowering.text(node.args[0]), lowering.text(node.args[1], dump)


CALLS: dict[str, Callable[[Lowers, Call, str], exp.Expr]] = {
    "array_length": _length,
    "list_push": _push,
    "list_pull": _pull,
}
