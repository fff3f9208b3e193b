"""What may be computed and compared in SQL, and how a value beside an expression is sent.

A database without exact decimals (SQLite) keeps them as text, or with `field(scale=n)` as integers that count the last
digit. Both look like other values to it, so that it would compute nonsense without a word: here that is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ectype.errors import CastError, QueryError, UnsupportedError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Call, Case, Cast, Expression, Frame, Named, Ordering, Over, Subquery, Unary
from ectype.expr.walk import unnamed
from ectype.query.inference import ARITHMETIC, plain, selected, type_of
from ectype.sql.dialect import Dialect
from ectype.sql.params import Dumper, dumper_of
from ectype.types.base import Type
from ectype.types.containers import ANY
from ectype.types.duration import DURATION
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.temporal import DATE, DATETIME, TIME

Form: TypeAlias = int | Literal["text", "real", "plain"]
"""How a database without exact decimals has a value: the digits of a scaled decimal, decimal text, a decimal that it
computed as a float, or anything else."""

TEMPORAL: Final = (DATE, TIME, DATETIME)
COMPUTED: Final = (INTEGER, FLOAT, DURATION, *TEMPORAL)
ORDER: Final = frozenset({"<", "<=", ">", ">="})
COMPARING_CALLS: Final = frozenset(
    {"min", "max", "sum", "avg", "abs", "nullif", "greatest", "least", "round", "floor", "ceil", "sign"}
)
NUMBER_CALLS: Final = frozenset({"round", "floor", "ceil", "sign"})
"""Functions that would take a scaled decimal for the integer that it is stored as."""


def form_of(node: Expression) -> Form:
    """Return how a database without exact decimals has the value of an expression."""
    match node:
        case Over(call, _, _, _):
            return form_of(call)
        case Named(operand, _):
            return form_of(operand)
        case Unary("-", operand):
            return form_of(operand)
        case Binary(op, left, right) if op in ARITHMETIC:
            first = form_of(left)
            return form_of(right) if first == "plain" else first
        case Call("avg", _, _, _, _):
            return "plain" if type_of(node) == FLOAT else "real"
        case Case():
            forms: set[Form] = {form_of(value) for value in node.values if type_of(value) is not None}
            return forms.pop() if len(forms) == 1 else "plain"
        case Subquery("scalar" | "any_" | "all_", _, query, _):
            inner = selected(query)
            return "plain" if inner is None else form_of(inner)
        case _:
            return _form_of_type(plain(type_of(node)))


def _form_of_type(type_: Type[Any] | None) -> Form:
    # A type of the application's own is in the database what it is stored as.
    type_ = getattr(type_, "stores", type_)
    if not isinstance(type_, DecimalType):
        return "plain"
    return "text" if type_.scale is None else type_.scale


def beside(node: Expression, dialect: Dialect) -> Dumper | None:
    """Return how a value that is compared with an expression is sent; None where only its class tells."""
    if not dialect.exact_decimals and form_of(node) == "real":
        return _dump_real
    type_ = plain(type_of(node))
    if dialect.exact_decimals and isinstance(unnamed(node), Binary) and isinstance(type_, DecimalType):
        # A product has more digits than its factors, and so may what it is compared with.
        type_ = DECIMAL
    return dumper(type_, dialect)


def beside_operator(op: str, node: Expression, dialect: Dialect) -> Dumper | None:
    """Return how a value is sent that an operator computes with an expression; None: as its own class says."""
    if dialect.exact_decimals or isinstance(form_of(node), str):
        return None
    # Two prices make a price; so do a price and a whole number of them.
    return beside(node, dialect) if op in "+-" else INTEGER.codec(dialect.target).dump


def dumper(type_: Type[Any] | None, dialect: Dialect) -> Dumper | None:
    """Return how values of a type are sent."""
    return None if type_ is None else dumper_of(type_.codec(dialect.target))


def _dump_real(value: Any) -> float:
    if isinstance(value, Decimal | int | float):
        return float(value)
    raise CastError(f"expected a number beside an average, got {value!r:.80}")


def check_comparison(op: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    """Raise UnsupportedError where the database would compare values in forms that do not compare."""
    _refuse_incomparable(op, operands, dialect, ordered=op in ORDER)
    if not dialect.exact_decimals:
        _refuse_text(op, operands, dialect)
        _refuse_mixture(op, operands, dialect)


def check_arithmetic(op: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    """Raise for operands that an operator cannot compute with.

    Raises:
        QueryError: on any database, for text and other values that are no numbers, dates or times.
        UnsupportedError: for what this database has in a form that does not compute.
    """
    for node in operands:
        type_ = plain(type_of(node))
        if type_ is None or isinstance(type_, DecimalType):
            continue
        if op == "%" and type_ == FLOAT:
            raise QueryError(
                f"`%` over floats means another thing on each database: `{sketch(node)}`",
                hint="take whole numbers first: `fn.floor(Post.rating) % 3`",
            )
        if type_ not in COMPUTED:
            raise QueryError(
                f"`{op}` does not compute with `{sketch(node)}`, which is of type {type_.name}",
                hint="put texts together with `fn.concat(…)`",
            )
        if type_ in TEMPORAL and type_.codec(dialect.target).column == "TEXT":
            raise UnsupportedError(
                f"{dialect.name} keeps `{sketch(node)}` as text, so `{op}` over it would be wrong",
                hint="compute the moment in Python, and compare with it",
            )
    if dialect.exact_decimals:
        return
    _refuse_text(op, operands, dialect)
    if op in "+-":
        _refuse_mixture(op, operands, dialect)
        return
    forms = [form_of(node) for node in operands]
    scaled = [form for form in forms if isinstance(form, int)]
    if scaled and (op != "*" or len(scaled) > 1 or "real" in forms):
        _refuse_scaled(op, operands, dialect)


def check_call(node: Call, dialect: Dialect) -> None:
    """Raise UnsupportedError for a function that would compare or compute with values in a form that does not."""
    if node.name in ("min", "max") or node.name == "nullif" or node.distinct:
        _refuse_incomparable(node.name, node.args, dialect, ordered=node.name in ("min", "max"))
    if dialect.exact_decimals or not node.args:
        return
    if node.distinct or node.name in COMPARING_CALLS:
        _refuse_text(node.name, node.args, dialect)
    if node.name in NUMBER_CALLS and isinstance(form_of(node.args[0]), int):
        _refuse_scaled(node.name, node.args[:1], dialect)
    if node.name in ("coalesce", "nullif", "greatest", "least"):
        _refuse_mixture(node.name, node.args, dialect)


def check_cast(node: Cast, dialect: Dialect) -> None:
    """Raise UnsupportedError for a cast of a scaled decimal, whose integer would be taken for the number itself."""
    if not dialect.exact_decimals and isinstance(form_of(node.operand), int):
        _refuse_scaled("as_type", (node.operand,), dialect)


def check_stored(name: str, type_: Type[Any], node: Expression, dialect: Dialect) -> None:
    """Raise UnsupportedError where a decimal would be read or written as one with another number of digits."""
    if dialect.exact_decimals or type_of(node) is None:
        return
    forms = {_form_of_type(plain(type_)), form_of(node)}
    if len(forms) > 1 and any(isinstance(form, int) for form in forms):
        raise UnsupportedError(
            f"{dialect.name} keeps scaled decimals as integers that count the last digit, so `{sketch(node)}` is "
            f"no value of `{name}`",
            hint="give both fields the same `field(scale=…)`",
        )


def check_combined(operands: tuple[Expression, Expression], dialect: Dialect) -> None:
    """Raise UnsupportedError where one column of a combination would hold decimals in two forms."""
    if not dialect.exact_decimals:
        _refuse_mixture("union", operands, dialect)


def check_choice(what: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    """Raise UnsupportedError where one value would be a decimal in one of several forms."""
    if not dialect.exact_decimals:
        _refuse_mixture(what, operands, dialect)


def check_key(what: str, node: Expression, dialect: Dialect) -> None:
    """Raise UnsupportedError for what is kept in a form whose order or equality counts for nothing."""
    _refuse_incomparable(what, (node,), dialect, ordered=what == "order by")
    if not dialect.exact_decimals:
        _refuse_text(what, (node,), dialect)


def _refuse_incomparable(what: str, operands: tuple[Expression, ...], dialect: Dialect, *, ordered: bool) -> None:
    for node in operands:
        type_ = type_of(node)
        if type_ is None or type_ == ANY:
            continue
        compares = type_.codec(dialect.target).compares
        if compares == "nothing" or (ordered and compares == "equality"):
            raise UnsupportedError(
                f"{dialect.name} keeps `{sketch(node)}` in a form of type {type_.name} whose "
                f"{'order' if compares == 'equality' else 'equality and order'} mean nothing, so `{what}` over it "
                "would be wrong",
                hint="load the rows and compare them in Python, or keep beside it a column that orders them",
            )


def check_frame(frame: Frame, order_by: tuple[Ordering, ...], dialect: Dialect) -> None:
    """Raise for a frame by distance whose order is no number.

    Raises:
        QueryError: on any database, for text, dates and other values whose distance is no whole number.
        UnsupportedError: for decimals that this database has in a form whose distance is another.
    """
    unit, start, end, _exclude = frame
    if unit != "RANGE" or not any(isinstance(bound, int) and bound for bound in (start, end)):
        return
    key = order_by[0].operand
    type_ = plain(type_of(key))
    if type_ is not None and type_ not in (INTEGER, FLOAT) and not isinstance(type_, DecimalType):
        raise QueryError(
            f"`fn.range_` counts in numbers, and `{sketch(key)}` is of type {type_.name}",
            hint="count rows, `fn.rows(-6, 0)`, or groups of equal keys, `fn.groups(-6, 0)`",
        )
    if not dialect.exact_decimals and isinstance(form_of(key), int):
        _refuse_scaled("range_", (key,), dialect)


def _refuse_text(what: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    for node in operands:
        if form_of(node) == "text":
            raise UnsupportedError(
                f"{dialect.name} keeps `{sketch(node)}` as text, so `{what}` over it would be wrong",
                hint="give the field a number of digits, `field(scale=2)`: it is then stored as a scaled integer",
            )


def _refuse_mixture(what: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    forms = {form_of(node) for node in operands if type_of(node) is not None}
    if len(forms) > 1 and any(isinstance(form, int) for form in forms):
        _refuse_scaled(what, operands, dialect)


def _refuse_scaled(what: str, operands: tuple[Expression, ...], dialect: Dialect) -> None:
    listed = " and ".join(f"`{sketch(node)}`" for node in operands)
    raise UnsupportedError(
        f"{dialect.name} keeps scaled decimals as integers that count the last digit, so `{what}` over {listed} would "
        "be wrong",
        hint="compute it in Python, or with decimals of one `field(scale=…)` only",
    )
