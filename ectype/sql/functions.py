"""Calls of functions: those whose name and meaning are the same everywhere, and a table of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Call
from ectype.query.inference import plain, type_of
from ectype.sql import lower_dates, lower_lists, lower_ranges, lower_text, numbers
from ectype.sql.fence import Lowers, atom, called, refuse, render, wrapped
from ectype.sql.params import Dumper
from ectype.sql.raising import raised
from ectype.types.base import Type
from ectype.types.containers import ArrayType, Json
from ectype.types.enums import EnumType
from ectype.types.numeric import FLOAT, INTEGER, DecimalType
from ectype.types.scalars import BOOLEAN, STRING, UUID_TYPE
from ectype.types.temporal import DATE, DATETIME, TIME

INTEGER_ARGUMENTS: Final = {
    "substr": (1, 2),
    "lag": (1,),
    "lead": (1,),
    "nth_value": (1,),
    "ntile": (0,),
    "round": (1,),
}
"""Arguments that are numbers of characters, rows or digits, by their positions."""
TEXT_ARGUMENTS: Final = frozenset({"replace", "string_agg"})
"""Functions whose further arguments are texts."""
IN_JSON: Final = (INTEGER, STRING, BOOLEAN, UUID_TYPE, DATE, DATETIME, TIME)
"""What SQLite puts into a JSON array as it is."""

Writer = Callable[[Lowers, Call, str], exp.Expr]


def call(lowering: Lowers, node: Call) -> exp.Expr:
    """Return a function's bare call, as a window takes it; `finished` makes a value of it."""
    numbers.check_call(node, lowering.dialect)
    name, _, word = node.name.partition(" ")
    write = WRITTEN.get(name)
    made = _plain(lowering, node, name) if write is None else write(lowering, node, word)
    if node.filter is not None:
        made = exp.Filter(this=made, expression=exp.Where(this=lowering.lower(node.filter)))
    return made


def _plain(lowering: Lowers, node: Call, name: str) -> exp.Expr:
    args = _arguments(lowering, node)
    if name == "count" and not args:
        args = [exp.Star()]
    return called(name, *([exp.Distinct(expressions=args)] if node.distinct else args))


def _arguments(lowering: Lowers, node: Call) -> list[exp.Expr]:
    return [lowering.lower(arg, _beside(lowering, node, position)) for position, arg in enumerate(node.args)]


def _beside(lowering: Lowers, node: Call, position: int) -> Dumper | None:
    """Return how a value is sent as a function's argument: the further ones are of the type of the first."""
    if position in INTEGER_ARGUMENTS.get(node.name, ()):
        return lowering.dumper(INTEGER)
    if position == 0:
        return None
    if node.name in TEXT_ARGUMENTS:
        return lowering.dumper(STRING)
    return numbers.beside(node.args[0], lowering.dialect)


def finished(lowering: Lowers, node: Call, made: exp.Expr) -> exp.Expr:
    """Give what a function computes its own type: a sum of integers is one, an average of prices a price."""
    dialect = lowering.dialect
    if node.name in ("array_agg", "json_agg") and not dialect.array_params:
        return atom(f"nullif({render(made, dialect)}, '[]')")
    argument = plain(type_of(node.args[0])) if node.args else None
    if node.name == "sum" and argument == INTEGER and dialect.sum_widens:
        return lowering.cast(made, INTEGER)
    scaled = node.name == "avg" and isinstance(argument, DecimalType) and argument.scale
    if scaled and not dialect.exact_decimals:
        unit = exp.Literal.number(f"1{'0' * scaled}.0")
        return exp.Paren(this=exp.Div(this=wrapped(made), expression=unit, typed=True, safe=False))
    return made


# --- numbers ----------------------------------------------------------------------------------------------------------


def _number(lowering: Lowers, node: Call) -> tuple[Type[Any] | None, str]:
    known = plain(type_of(node.args[0]))
    if known is not None and known not in (INTEGER, FLOAT) and not isinstance(known, DecimalType):
        raise QueryError(f"`fn.{node.name}` needs a number, and `{sketch(node.args[0])}` is of type {known.name}")
    return known, lowering.text(node.args[0])


def _round(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known, text = _number(lowering, node)
    if len(node.args) == 2:
        if not isinstance(known, DecimalType):
            raise QueryError(f"`fn.round` to digits is exact for Decimal only: `{sketch(node)}`")
        return atom(f"round({text}, CAST({lowering.text(node.args[1], lowering.dumper(INTEGER))} AS integer))")
    if known == INTEGER:
        return atom(text)
    if known == FLOAT and lowering.dialect.exact_decimals:
        # PostgreSQL rounds a float's half to the even number, all else away from zero.
        return atom(f"CAST(round(CAST({text} AS numeric)) AS float8)")
    return atom(f"round({text})")


def _floor(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known, text = _number(lowering, node)
    if known == INTEGER:
        # PostgreSQL would make a float of it first.
        return atom(text)
    if lowering.dialect.math_functions:
        return atom(f"CAST({node.name}({text}) AS bigint)")
    sign, op = ("-", "<") if node.name == "floor" else ("+", ">")
    whole = f"CAST({text} AS INTEGER) {sign} ({text} {op} CAST({text} AS INTEGER))"
    # Beyond 64 bits SQLite takes the largest integer for any number.
    held = f"{text} >= -9223372036854775808.0 AND {text} < 9223372036854775808.0"
    return atom(f"CASE WHEN {held} THEN {whole} WHEN {text} IS NOT NULL THEN {raised('integer out of range')} END")


def _sign(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    _, text = _number(lowering, node)
    return atom(f"CAST(sign({text}) AS bigint)" if lowering.dialect.math_functions else f"sign({text})")


def _power(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    if not lowering.dialect.math_functions:
        raise refuse("is often built without this function", node, lowering.dialect, "compute it in Python")
    dump = lowering.dumper(FLOAT)
    parts = [f"CAST({lowering.text(arg, dump)} AS float8)" for arg in node.args]
    return atom(f"{node.name}({', '.join(parts)})")


def _extreme(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known = plain(type_of(node))
    if known == STRING:
        raise QueryError(
            f"the databases order texts differently: `{sketch(node)}`", hint="compare numbers, dates or times"
        )
    first, second = (
        lowering.text(arg, numbers.beside(other, lowering.dialect))
        for arg, other in zip(node.args, reversed(node.args), strict=True)
    )
    if lowering.dialect.exact_decimals:
        return atom(f"{node.name}({first}, {second})")
    # NULL counts for nothing: SQLite's function of two gives NULL for it.
    name = "max" if node.name == "greatest" else "min"
    return atom(f"coalesce({name}({first}, {second}), {first}, {second})")


# --- aggregates -------------------------------------------------------------------------------------------------------


def _inside(lowering: Lowers, node: Call, args: list[str]) -> str:
    """Return what stands in an aggregate's parentheses."""
    order = ""
    if node.order_by:
        if not lowering.dialect.ordered_aggregates:
            raise refuse("orders no values inside an aggregate before 3.44", node, lowering.dialect,
                         "order the rows of the query, and put them together in Python")  # fmt: skip
        order = f" ORDER BY {', '.join(render(lowering.order(term), lowering.dialect) for term in node.order_by)}"
    return f"{'DISTINCT ' if node.distinct else ''}{', '.join(args)}{order}"


def _bool_agg(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    names = {"every": ("bool_and", "min"), "bool_or": ("bool_or", "max")}[node.name]
    text = render(lowering.lower(node.args[0]), lowering.dialect)
    return atom(f"{names[0 if lowering.dialect.aggregate_bool else 1]}({text})")


def _string_agg(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known = plain(type_of(node.args[0]))
    if known is not None and known.codec("postgres").column not in ("text", "citext"):
        raise QueryError(f"`fn.string_agg` needs text, and `{sketch(node.args[0])}` is of type {known.name}")
    name = "string_agg" if lowering.dialect.array_params else "group_concat"
    if node.distinct and not lowering.dialect.array_params:
        raise refuse("puts distinct texts together with a comma only", node, lowering.dialect,
                     "use `fn.array_agg(…, distinct=True)`")  # fmt: skip
    args = [lowering.text(node.args[0]), lowering.text(node.args[1], lowering.dumper(STRING))]
    return atom(f"{name}({_inside(lowering, node, args)})")


def _array_agg(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known = plain(type_of(node.args[0]))
    if not isinstance(type_of(node), ArrayType):
        raise QueryError(
            f"`fn.array_agg` puts scalars into a list: `{sketch(node)}`", hint="use `fn.json_agg` for anything else"
        )
    text = lowering.text(node.args[0])
    if not lowering.dialect.array_params and known not in IN_JSON and not isinstance(known, EnumType):
        raise refuse("keeps no such values in JSON as they are", node, lowering.dialect, "select the rows")
    name = "array_agg" if lowering.dialect.array_params else "json_group_array"
    return atom(f"{name}({_inside(lowering, node, [text])})")


def _json_agg(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    known = plain(type_of(node.args[0]))
    text = lowering.text(node.args[0])
    if lowering.dialect.jsonb:
        return atom(f"jsonb_agg({_inside(lowering, node, [text])})")
    if known == BOOLEAN:
        text = f"json(CASE {text} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"
    elif isinstance(known, Json | ArrayType):
        text = f"json({text})"
    elif known not in (INTEGER, STRING):
        raise refuse("keeps no such values in JSON as they are", node, lowering.dialect, "select the rows")
    return atom(f"json_group_array({_inside(lowering, node, [text])})")


def _percentile(lowering: Lowers, node: Call, _word: str) -> exp.Expr:
    if not lowering.dialect.ordered_sets:
        raise refuse("has no percentiles", node, lowering.dialect, "select the ordered values, and pick in Python")
    key = node.order_by[0].operand
    known = plain(type_of(key))
    if node.name == "percentile_cont" and known not in (None, INTEGER, FLOAT) and not isinstance(known, DecimalType):
        raise QueryError(
            f"`fn.percentile_cont` computes between two numbers, and `{sketch(key)}` is of another type",
            hint="take one of the values: `fn.percentile_disc(0.5, order_by=…)`",
        )
    fraction = f"CAST({lowering.text(node.args[0], lowering.dumper(FLOAT))} AS float8)"
    order = render(lowering.order(node.order_by[0]), lowering.dialect)
    return atom(f"{node.name}({fraction}) WITHIN GROUP (ORDER BY {order})")


WRITTEN: dict[str, Writer] = {
    **lower_dates.CALLS,
    **lower_lists.CALLS,
    **lower_ranges.CALLS,
    **lower_text.CALLS,
    "round": _round,
    "floor": _floor,
    "ceil": _floor,
    "sign": _sign,
    "power": _power,
    "sqrt": _power,
    "greatest": _extreme,
    "least": _extreme,
    "every": _bool_agg,
    "bool_or": _bool_agg,
    "string_agg": _string_agg,
    "array_agg": _array_agg,
    "json_agg": _json_agg,
    "percentile_cont": _percentile,
    "percentile_disc": _percentile,
}
"""Functions whose text is another on each database."""
