"""Paths into JSON documents: their values are compared as JSON, and a missing value is NULL as JSON's null is.

PostgreSQL steps through `jsonb` by `->`, SQLite reads text by `json_extract` with a path that is put together from
bound keys. What SQLite cannot tell apart by the value alone, as `true` from 1, is told by `json_type`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from ectype.errors import CastError, QueryError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Expression, Param
from ectype.query.inference import plain, type_of
from ectype.sql.fence import Lowers, atom, compound, refuse
from ectype.types.base import Type
from ectype.types.json_value import JSON_VALUE
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER
from ectype.types.scalars import BOOLEAN, STRING

INT32_MAX: Final = 2**31 - 1
WHOLE: Final = (
    "'strict $ ? (@.type() == \"number\" && @ % 1 == 0 && @ >= -9223372036854775808 && @ <= 9223372036854775807)'"
)
"""A path to a value itself where it is a whole number of 64 bits."""

EXTRACT_HINT: Final = "say as which type it is read: `Post.meta['lang'].as_text()`, `.as_type(int)`"


def is_document(node: Expression) -> bool:
    """Whether an expression is a path into a document."""
    return isinstance(node, Binary) and node.op == "->"


def _steps(node: Expression) -> tuple[Expression, list[Expression]]:
    """Return what holds the document, and the keys from its root on."""
    keys: list[Expression] = []
    while isinstance(node, Binary) and node.op == "->":
        keys.append(node.right)
        node = node.left
    keys.reverse()
    return node, keys


def _index(value: Any) -> int:
    if -INT32_MAX <= value <= INT32_MAX:
        return int(value)
    raise CastError(f"an index of a JSON array has 32 bits, got {value!r:.80}")


def _path_key(value: Any) -> str:
    text: str = STRING.codec("sqlite").dump(value)
    if any(char in '"\\' or char < " " for char in text):
        raise CastError(
            f"SQLite finds no JSON key with a quote, a backslash or a control character: {text!r:.80}",
            hint="read the whole document, and look the key up in Python",
        )
    return f'."{text}"'


def _path_index(value: Any) -> str:
    index = _index(value)
    return f"[{index}]" if index >= 0 else f"[#{index}]"


def _stepped(lowering: Lowers, node: Expression) -> str:
    """Return `document -> key -> key`.

    PostgreSQL takes a single value for an array of one, so that `'5' -> 0` is 5 there. A key leads from it to nothing;
    what indexes at the end lead from is asked whether it is an array.
    """
    root, keys = _steps(node)
    text = lowering.text(root)
    indexed: list[str] = []
    for key in keys:
        whole = isinstance(key, Param) and key.type == INTEGER
        indexed = [*indexed, text] if whole else []
        mark = lowering.place(_index if whole else STRING.codec("postgres").dump)
        text += f" -> CAST({mark} AS {'integer' if whole else 'text'})"
    arrays = " AND ".join(f"jsonb_typeof({one}) = 'array'" for one in indexed)
    return f"CASE WHEN {arrays} THEN {text} END" if arrays else text


def _path(lowering: Lowers, node: Expression) -> str:
    """Return the arguments of `json_extract`: the document, and the path in it."""
    root, keys = _steps(node)
    text = lowering.text(root)
    marks = [
        lowering.place(_path_index if isinstance(key, Param) and key.type == INTEGER else _path_key) for key in keys
    ]
    return f"{text}, '$' || {' || '.join(marks)}"


def value(lowering: Lowers, node: Expression) -> exp.Expr:
    """Return the value of a path, NULL for JSON's null: what `is_null` asks for."""
    if lowering.dialect.jsonb:
        return atom(f"nullif({_stepped(lowering, node)}, 'null')")
    return atom(f"json_extract({_path(lowering, node)})")


def _value(lowering: Lowers, node: Binary) -> exp.Expr:
    if lowering.dialect.jsonb:
        return value(lowering, node)
    raise refuse("has no values of JSON's own here", node, lowering.dialect, EXTRACT_HINT)


def selected(lowering: Lowers, node: Expression) -> exp.Expr:
    """Return the value of a path as the outermost query selects it: see `JsonValue` for SQLite's form."""
    if lowering.dialect.jsonb:
        return value(lowering, node)
    path = _path(lowering, node)
    return atom(f"json_extract({path}, {path.partition(', ')[2]})")


def extracted(lowering: Lowers, node: Expression, type_: Type[Any]) -> exp.Expr:
    """Return the value of a path as one of a type, NULL where it is of another.

    Raises:
        QueryError: JSON has no values of that type.
    """
    known = plain(type_) or type_
    if known not in (INTEGER, FLOAT, BOOLEAN, STRING, DECIMAL):
        raise QueryError(
            f"JSON has no values of type {type_.name}: `{sketch(node)}`",
            hint="read its text, and convert it in Python: `.as_text()`",
        )
    if lowering.dialect.jsonb:
        return _extracted_from_jsonb(_stepped(lowering, node), known)
    if known == DECIMAL:
        raise refuse("reads numbers of JSON as floats", node, lowering.dialect, "write `.as_type(float)`")
    path = _path(lowering, node)
    kind, found = f"json_type({path})", f"json_extract({path})"
    if known == STRING:
        return atom(f"CASE {kind} WHEN 'text' THEN {found} END")
    if known == BOOLEAN:
        return atom(f"CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END")
    number = f"{kind} IN ('integer', 'real')"
    if known == FLOAT:
        return atom(f"CASE WHEN {number} THEN CAST({found} AS REAL) END")
    whole = f"CAST({found} AS INTEGER)"
    return atom(f"CASE WHEN {number} AND {found} = {whole} THEN {whole} END")


def _extracted_from_jsonb(stepped: str, known: Type[Any]) -> exp.Expr:
    if known == INTEGER:
        return atom(f"CAST(jsonb_path_query_first({stepped}, {WHOLE}) AS bigint)")
    casts: dict[Type[Any], tuple[str, str]] = {
        STRING: ("string", f"({stepped}) #>> '{{}}'"),
        BOOLEAN: ("boolean", f"CAST({stepped} AS boolean)"),
        FLOAT: ("number", f"CAST({stepped} AS float8)"),
        DECIMAL: ("number", f"CAST({stepped} AS numeric)"),
    }
    kind, cast = casts[known]
    return atom(f"CASE jsonb_typeof({stepped}) WHEN '{kind}' THEN {cast} END")


def comparison(lowering: Lowers, node: Binary) -> exp.Expr:
    """Return `path = value`, compared as JSON: a value of another kind is another value, never an error.

    Raises:
        QueryError: for an order, or a comparison with what is neither a value nor JSON.
        UnsupportedError: for documents, where they are text.
    """
    op, left, right = node.op, node.left, node.right
    flipped = not is_document(left)
    path, other = (right, left) if flipped else (left, right)
    if op not in ("=", "<>"):
        raise QueryError(f"`{op}` over JSON: the databases order documents differently: `{sketch(node)}`",
                         hint=EXTRACT_HINT)  # fmt: skip
    both = is_document(other)
    if not both and not isinstance(other, Param):
        raise QueryError(f"JSON is compared with values and JSON only: `{sketch(node)}`", hint=EXTRACT_HINT)
    if lowering.dialect.jsonb:
        dump = JSON_VALUE.codec("postgres").dump
        sides = [value(lowering, one).name if is_document(one) else lowering.place(dump) for one in (left, right)]
        return compound(f"{sides[0]} {op} {sides[1]}")
    kinds = None if both else _kinds(type_of(other))
    if kinds is None:
        raise refuse("compares JSON with single values only", node, lowering.dialect, EXTRACT_HINT)
    dump = lowering.dumper(type_of(other)) or JSON_VALUE.codec("sqlite").dump
    mark = lowering.place(dump) if flipped else None
    found = _path(lowering, path)
    mark = mark or lowering.place(dump)
    kind = f"json_type({found})"
    return atom(
        f"CASE WHEN {kind} IN ({kinds}) THEN json_extract({found}) {op} {mark} "
        f"WHEN {kind} <> 'null' THEN {0 if op == '=' else 1} END"
    )


def _kinds(type_: Type[Any] | None) -> str | None:
    if type_ in (INTEGER, FLOAT):
        return "'integer', 'real'"
    if type_ == BOOLEAN:
        return "'true', 'false'"
    return "'text'" if type_ == STRING else None


def contains(lowering: Lowers, node: Binary) -> exp.Expr:
    """Return whether a document holds a part. Raises UnsupportedError where documents are text."""
    if not lowering.dialect.jsonb:
        raise refuse("cannot look for a part of a document", node, lowering.dialect,
                     "compare what a path leads to: `Post.meta['lang'] == 'en'`")  # fmt: skip
    left = value(lowering, node.left).name if is_document(node.left) else lowering.text(node.left)
    return compound(f"{left} {node.op} {lowering.text(node.right, JSON_VALUE.codec('postgres').dump)}")


def _has_key(lowering: Lowers, node: Binary) -> exp.Expr:
    if lowering.dialect.jsonb:
        stepped = _stepped(lowering, node.left)
        mark = lowering.place(STRING.codec("postgres").dump)
        return compound(f"({stepped} -> CAST({mark} AS text)) IS NOT NULL")
    root, _ = _steps(node.left)
    if root is node.left:
        path = f"{lowering.text(root)}, '$' || {lowering.place(_path_key)}"
    else:
        path = f"{_path(lowering, node.left)} || {lowering.place(_path_key)}"
    return compound(f"json_type({path}) IS NOT NULL")


OPERATORS: dict[str, Callable[[Lowers, Binary], exp.Expr]] = {"->": _value, "HAS KEY": _has_key}
