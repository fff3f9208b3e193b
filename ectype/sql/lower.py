"""Expressions to sqlglot nodes, behind the fence.

sqlglot prints what it is given and silently changes much of it, so nothing here is left to it: every operand is put
in parentheses by our own rule, every identifier is quoted, values are parameters only, orders name their NULLs, and
what a database cannot do is refused by its capabilities before a node is made. Nodes are fresh for each statement
and thrown away.
"""

from collections.abc import Callable
from typing import Any, assert_never, cast

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError as UnsupportedBySqlglot

from ectype.errors import QueryError, UnsupportedError
from ectype.expr.nodes import (
    Binary,
    Call,
    Cast,
    ColumnRef,
    Constant,
    Expression,
    Fragment,
    InValues,
    Ordering,
    Outer,
    Over,
    Param,
    Source,
    Subquery,
    Unary,
)
from ectype.query.ast import Step
from ectype.query.inference import ARITHMETIC, type_of
from ectype.query.planner import query_width
from ectype.sql.dialect import Dialect
from ectype.sql.params import Dumper, by_class, element_list
from ectype.types.base import Type
from ectype.types.numeric import INTEGER, DecimalType

COMPARISONS: dict[str, Callable[..., exp.Expr]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    ">": exp.GT,
    ">=": exp.GTE,
    "<": exp.LT,
    "<=": exp.LTE,
}
OPERATORS: dict[str, Callable[..., exp.Expr]] = {
    "AND": exp.And,
    "OR": exp.Or,
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "%": exp.Mod,
    "||": exp.DPipe,
    **COMPARISONS,
}
ATOMS = (exp.Column, exp.Var, exp.Anonymous, exp.Cast, exp.Paren, exp.Null, exp.Boolean, exp.Exists, exp.Subquery)
ORDERING_CALLS = frozenset({"min", "max", "sum", "avg"})

SubSelect = Callable[["Scope", Step, int, str], exp.Expr]


def quoted(name: str, dialect: Dialect) -> exp.Identifier:
    """Return a quoted identifier. Raises QueryError when the database would cut it off."""
    if len(name.encode()) > dialect.max_identifier:
        raise QueryError(f"{dialect.name} names have at most {dialect.max_identifier} bytes, got {name!r}")
    if "\0" in name:
        raise QueryError(f"a name has no NUL character: {name!r}")
    return exp.to_identifier(name, quoted=True)


def wrapped(node: exp.Expr) -> exp.Expr:
    """Put an operand in parentheses unless it cannot be taken apart."""
    return node if isinstance(node, ATOMS) else exp.Paren(this=node)


class Scope:
    """What one SELECT, UPDATE or DELETE can see: the name of each source, and the scope around it.

    `dumpers` is shared by all scopes of a statement: what each parameter, by its index, is dumped with.
    """

    __slots__ = ("dialect", "dumpers", "names", "parent", "select")

    def __init__(
        self, dialect: Dialect, dumpers: dict[int, Dumper], select: SubSelect, parent: "Scope | None" = None
    ) -> None:
        self.dialect = dialect
        self.dumpers = dumpers
        self.select = select
        self.parent = parent
        self.names: dict[Source, str] = {}

    def inner(self) -> "Scope":
        """Return the scope of a subquery in here."""
        return Scope(self.dialect, self.dumpers, self.select, self)

    def add(self, source: Source) -> str:
        """Name a source of this scope: its first letter and how many came before it, in all scopes around it."""
        name = f"{_letter(source.label)}{self._depth()}"
        self.names[source] = name
        return name

    def _depth(self) -> int:
        return len(self.names) + (0 if self.parent is None else self.parent._depth())  # noqa: SLF001  # its own kind

    def column(self, node: ColumnRef) -> exp.Expr:
        """Return a column of a source in here."""
        name = self.names.get(node.source)
        if name is None:
            raise QueryError(
                f"{node.source.label} is not in this query, so `{node.source.label}.{node.name}` means nothing",
                hint=f"in a subquery mark a column of the enclosing query: `outer({node.source.label}.{node.name})`",
            )
        return exp.Column(
            this=quoted(node.source.column_source(node.name), self.dialect), table=quoted(name, self.dialect)
        )

    def outer(self, node: ColumnRef) -> exp.Expr:
        """Return a column of a scope around this one, the nearest first."""
        scope = self.parent
        while scope is not None:
            if node.source in scope.names:
                return scope.column(node)
            scope = scope.parent
        raise QueryError(f"no enclosing query reads {node.source.label}, so `outer(…)` finds no `{node.name}`")

    def placeholder(self, index: int, dump: Dumper) -> exp.Expr:
        """Return the mark of the parameter with this index, and remember how it is dumped."""
        self.dumpers[index] = dump
        return exp.Var(this=f"{self.dialect.placeholder}{index + 1}")


def _letter(label: str) -> str:
    first = label[:1].lower()
    return first if first.isascii() and first.isalpha() else "t"


class Lowering:
    """Lowers one clause: it knows the scope, and counts the parameters as it meets them from left to right."""

    __slots__ = ("next", "scope")

    def __init__(self, scope: Scope, offset: int) -> None:
        self.scope = scope
        self.next = offset

    def lower(self, node: Expression, expected: Type[Any] | None = None) -> exp.Expr:  # noqa: C901  # one case a node
        """Return the sqlglot node of an expression; `expected` is the type that a bare parameter has here."""
        match node:
            case ColumnRef():
                return self.scope.column(node)
            case Outer(operand):
                return self.scope.outer(operand)
            case Param(type_):
                return self._param(type_, expected)
            case Constant(value):
                return exp.Null() if value is None else exp.Boolean(this=value)
            case Unary(op, operand):
                return self._unary(op, operand)
            case Binary(op, left, right):
                return self._binary(op, left, right)
            case Call():
                return self._call(node)
            case Over():
                return self._over(node)
            case Cast(operand, type_):
                return self.cast(self.lower(operand, type_), type_)
            case Fragment(parts, args):
                return self._fragment(parts, args)
            case InValues(operand):
                return self._in_values(operand)
            case Subquery():
                return self._subquery(node)
            case _:
                assert_never(node)

    def order(self, term: Ordering) -> exp.Expr:
        """Return an ORDER BY term; NULLs go where the database puts them unless the term says otherwise."""
        operand = self.lower(term.operand)
        self._refuse_text_decimal(term.operand, "order by")
        # sqlglot adds or drops NULLS FIRST by what it thinks of the dialect, so the text is written here.
        suffix = " DESC" if term.descending else ""
        if term.nulls is not None:
            suffix += f" NULLS {term.nulls.upper()}"
        return exp.Var(this=render(operand, self.scope.dialect) + suffix)

    def cast(self, operand: exp.Expr, type_: Type[Any]) -> exp.Expr:
        """Return `CAST(operand AS type)` with the dialect's own type name, which sqlglot would rename."""
        return cast_text(operand, type_.codec(self.scope.dialect.target).column)

    def _param(self, type_: Type[Any] | None, expected: Type[Any] | None) -> exp.Expr:
        index = self.next
        self.next += 1
        target = self.scope.dialect.target
        known = type_ or expected
        mark = self.scope.placeholder(index, by_class(target) if known is None else known.codec(target).dump)
        return self.cast(mark, type_) if type_ is not None else mark

    def _unary(self, op: str, operand: Expression) -> exp.Expr:
        inner = wrapped(self.lower(operand))
        match op:
            case "NOT":
                return exp.Not(this=inner)
            case "IS NULL":
                return exp.Is(this=inner, expression=exp.Null())
            case "IS NOT NULL":
                return exp.Is(this=inner, expression=exp.Not(this=exp.Null()))
            case "-":
                return exp.Neg(this=inner)
            case _:
                raise QueryError(f"there is no operator `{op}`")

    def _binary(self, op: str, left: Expression, right: Expression) -> exp.Expr:
        if op in ("LIKE", "ILIKE"):
            return self._like(op, left, right)
        arithmetic = op in ARITHMETIC
        if op in COMPARISONS or arithmetic:
            self._refuse_text_decimal(left, op)
            self._refuse_text_decimal(right, op)
        # In arithmetic a value has the type of its own class: a datetime plus a timedelta.
        first = wrapped(self.lower(left, None if arithmetic else type_of(right)))
        second = wrapped(self.lower(right, None if arithmetic else type_of(left)))
        if op == "/":
            return exp.Div(this=first, expression=second, typed=True, safe=False)
        return OPERATORS[op](this=first, expression=second)

    def _like(self, op: str, left: Expression, right: Expression) -> exp.Expr:
        first, second = wrapped(self.lower(left)), wrapped(self.lower(right, type_of(left)))
        if op == "ILIKE" and self.scope.dialect.ilike:
            return exp.ILike(this=first, expression=second)
        if op == "ILIKE":
            first, second = called("lower", first), called("lower", second)
        like = exp.Like(this=first, expression=second)
        return like if self.scope.dialect.ilike else exp.Escape(this=like, expression=exp.Literal.string("\\"))

    def _call(self, node: Call) -> exp.Expr:
        if node.name in ORDERING_CALLS:
            self._refuse_text_decimal(node.args[0], node.name)
        expected = type_of(node.args[0]) if node.args else None
        args = [
            self.lower(arg, self._argument_type(node.name, position, expected))
            for position, arg in enumerate(node.args)
        ]
        if node.name == "count" and not args:
            args = [exp.Star()]
        made = called(node.name, *([exp.Distinct(expressions=args)] if node.distinct else args))
        if node.filter is not None:
            made = exp.Filter(this=made, expression=exp.Where(this=self.lower(node.filter)))
        if node.name == "sum" and expected == INTEGER and self.scope.dialect.sum_widens:
            return self.cast(made, INTEGER)
        return made

    @staticmethod
    def _argument_type(name: str, position: int, first: Type[Any] | None) -> Type[Any] | None:
        if name in ("substr", "lag", "lead") and position > 0:
            return INTEGER
        return first if position else None

    def _over(self, node: Over) -> exp.Expr:
        call = self.lower(node.call)
        parts = [self.lower(part) for part in node.partition_by]
        terms = [self.order(term) for term in node.order_by]
        text_parts: dict[str, Any] = {}
        if parts:
            text_parts["partition_by"] = parts
        if terms:
            text_parts["order"] = exp.Order(expressions=terms)
        if node.frame is not None:
            text_parts["spec"] = _frame(node.frame)
        cast_type = call if not isinstance(call, exp.Cast) else call.this
        window = exp.Window(this=cast_type, **text_parts)
        return self.cast(window, INTEGER) if isinstance(call, exp.Cast) else window

    def _fragment(self, parts: tuple[str, ...], args: tuple[Expression, ...]) -> exp.Expr:
        pieces: list[str] = [parts[0]]
        for arg, part in zip(args, parts[1:], strict=True):
            pieces.append(render(wrapped(self.lower(arg)), self.scope.dialect))
            pieces.append(part)
        return exp.Paren(this=exp.Var(this="".join(pieces)))

    def _in_values(self, operand: Expression) -> exp.Expr:
        self._refuse_text_decimal(operand, "in_")
        inner = wrapped(self.lower(operand))
        target = self.scope.dialect.target
        type_ = type_of(operand)
        element = by_class(target) if type_ is None else type_.codec(target).dump
        index = self.next
        self.next += 1
        mark = self.scope.placeholder(index, element_list(target, element))
        if self.scope.dialect.array_params:
            return exp.EQ(this=inner, expression=called("ANY", mark))
        # SQLite has no array parameter: the list travels as one JSON text, so that one plan serves every length.
        listed = exp.Var(this=f"(SELECT value FROM json_each({mark.this}))")
        return exp.Paren(this=exp.Var(this=f"{render(inner, self.scope.dialect)} IN {listed.this}"))

    def _subquery(self, node: Subquery) -> exp.Expr:
        operand = None if node.operand is None else wrapped(self.lower(node.operand))
        step = cast("Step", node.query)
        inner = self.scope.select(self.scope, step, self.next, "one" if node.kind == "exists" else "bare")
        self.next += query_width(step)
        if node.kind == "exists":
            return exp.Exists(this=inner)
        if operand is None:
            return exp.Subquery(this=inner)
        return exp.In(this=operand, query=exp.Subquery(this=inner))

    def _refuse_text_decimal(self, node: Expression, what: str) -> None:
        """Refuse to compare decimals that the database keeps as text, where order is not the numbers' order."""
        dialect = self.scope.dialect
        if dialect.exact_decimals:
            return
        type_ = type_of(node)
        if isinstance(type_, DecimalType) and type_.scale is None and isinstance(node, ColumnRef):
            raise UnsupportedError(
                f"{dialect.name} keeps `{node.source.label}.{node.name}` as text, so `{what}` over it would be wrong",
                hint="give the field a number of digits, `field(scale=2)`: it is then stored as a scaled integer",
            )


def _frame(frame: tuple[str, str | int, str | int]) -> exp.WindowSpec:
    unit, start, end = frame
    first, first_side = _bound(start, "PRECEDING")
    last, last_side = _bound(end, "FOLLOWING")
    return exp.WindowSpec(kind=unit, start=first, start_side=first_side, end=last, end_side=last_side)


def _bound(bound: str | int, open_side: str) -> tuple[Any, str | None]:
    if isinstance(bound, str):
        return "UNBOUNDED", open_side
    if bound == 0:
        return "CURRENT ROW", None
    return exp.Literal.number(abs(bound)), "PRECEDING" if bound < 0 else "FOLLOWING"


def called(name: str, *args: exp.Expr) -> exp.Expr:
    """Return the call of a function under exactly this name."""
    return exp.Anonymous(this=name, expressions=list(args))


def cast_text(operand: exp.Expr, type_name: str) -> exp.Expr:
    """Return `CAST(operand AS type_name)` without translation of the type's name."""
    return exp.Cast(this=operand, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=type_name))


def render(node: exp.Expr, dialect: Dialect) -> str:
    """Return the text of a fresh tree. What sqlglot cannot say raises UnsupportedError instead of being dropped."""
    try:
        return node.sql(
            dialect=dialect.sqlglot,
            copy=False,
            comments=False,
            normalize_functions=False,
            unsupported_level=ErrorLevel.RAISE,
        )
    except UnsupportedBySqlglot as exc:
        raise UnsupportedError(f"{dialect.name} cannot say this: {exc}") from exc
