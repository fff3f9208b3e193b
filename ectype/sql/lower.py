"""Expressions to sqlglot nodes, behind the fence.

sqlglot prints what it is given and silently changes much of it, so nothing here is left to it: every operand is put
in parentheses by our own rule, every identifier is quoted, values are parameters only, orders name their NULLs, and
what a database cannot do is refused by its capabilities before a node is made. Nodes are fresh for each statement
and thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never, cast

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr.describe import sketch
from ectype.expr.nodes import (
    Binary,
    Call,
    Case,
    Cast,
    ColumnRef,
    Constant,
    Expression,
    Fragment,
    Frame,
    Identifier,
    InValues,
    Items,
    Named,
    Ordering,
    Outer,
    Over,
    Param,
    Source,
    Subquery,
    Unary,
)
from ectype.expr.walk import is_secret, unnamed
from ectype.query.ast import Clause, Each, Step
from ectype.query.inference import ARITHMETIC, selections, type_of
from ectype.query.planner import width
from ectype.query.scope import refuse_virtual
from ectype.sql import functions, lower_dates, lower_json, lower_lists, lower_ranges, numbers, raising
from ectype.sql.dialect import Dialect
from ectype.sql.fence import called as called
from ectype.sql.fence import cast_text as cast_text
from ectype.sql.fence import compound, refuse
from ectype.sql.fence import quoted as quoted
from ectype.sql.fence import read_as_text as read_as_text
from ectype.sql.fence import render as render
from ectype.sql.fence import wrapped as wrapped
from ectype.sql.params import Dumper, by_class, cast_of, element_list
from ectype.types.base import Type
from ectype.types.scalars import STRING

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
    "||": exp.DPipe,
    **COMPARISONS,
}
WRITTEN: dict[str, Callable[[Any, Binary], exp.Expr]] = {
    **lower_json.OPERATORS,
    **lower_lists.OPERATORS,
    **lower_ranges.OPERATORS,
}
"""Operators whose text is another on each database."""

ORDERED_SETS = frozenset({"percentile_cont", "percentile_disc"})

SubSelect = Callable[["Scope", Step, int, str], exp.Expr]


class Scope:
    """What one SELECT, UPDATE or DELETE can see: the name of each source, and the scope around it.

    Attributes:
        dumpers: shared by all scopes of a statement: what each parameter, by its index, is dumped with.
        redacted: shared too: the indexes of parameters that must not be shown.
        names: the name of each source in here.
        places: shared too: by index, the place of each parameter among those that are sent; None where all are.
        repeated: shared too: indexes of parameters that are not sent, each with that of the same value that is.
        named: what the select says under a name of its own.
        aliases: those of its names that ORDER BY and GROUP BY may say, with the output's number where GROUP BY must
            say that instead.
        renamed: columns that a query in FROM gives under another name, with that name.
        windows: the named windows of this SELECT: who defined each, and its definition.
        counted: in a LIMIT, the scope whose rows it counts.
        each: what is said of every table, by the SELECT that this one stands in and by itself.
    """

    __slots__ = (
        "aliases",
        "counted",
        "dialect",
        "dumpers",
        "each",
        "named",
        "names",
        "parent",
        "places",
        "redacted",
        "renamed",
        "repeated",
        "select",
        "windows",
    )

    def __init__(
        self, dialect: Dialect, dumpers: dict[int, Dumper], select: SubSelect, parent: Scope | None = None
    ) -> None:
        self.dialect = dialect
        self.dumpers = dumpers
        self.select = select
        self.parent = parent
        self.redacted: set[int] = set() if parent is None else parent.redacted
        self.places: dict[int, int] | None = None if parent is None else parent.places
        self.repeated: list[tuple[int, int]] = [] if parent is None else parent.repeated
        self.named: dict[str, Clause] = {}
        self.aliases: dict[str, int | None] = {}
        self.names: dict[Source, str] = {}
        self.renamed: dict[ColumnRef, exp.Expr] = {}
        self.windows: dict[str, tuple[Over, exp.Expr]] = {}
        self.counted: Scope | None = None
        self.each: tuple[Each, ...] = () if parent is None else parent.each

    def inner(self) -> Scope:
        """Return the scope of a subquery in an expression: it sees this one."""
        return Scope(self.dialect, self.dumpers, self.select, self)

    def beside(self) -> Scope:
        """Return the scope of a query in FROM, a CTE or a combination: it sees what is around this one."""
        made = Scope(self.dialect, self.dumpers, self.select, self.parent)
        made.redacted, made.places, made.repeated = self.redacted, self.places, self.repeated
        made.each = self.each
        return made

    def counting(self) -> Scope:
        """Return the scope of a LIMIT: it sees nothing in here, and what is around where the database lets it."""
        made = self.beside()
        made.counted = self
        if not self.dialect.limit_sees_around:
            made.parent = None
        return made

    def add(self, source: Source) -> str:
        """Name a source of this scope: its first letter and how many came before it, in all scopes around it."""
        name = f"{_letter(source.label)}{self._depth()}"
        self.names[source] = name
        return name

    def _depth(self) -> int:
        return len(self.names) + (0 if self.parent is None else self.parent._depth())  # noqa: SLF001  # its own kind

    def column(self, node: ColumnRef) -> exp.Expr:
        """Return a column of a source in here."""
        return self.renamed[node].copy() if node in self.renamed else self.qualified(node)

    def qualified(self, node: ColumnRef) -> exp.Expr:
        """Return a column of a source in here, after the name of its source."""
        refuse_virtual(node)
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
                # In another SELECT a bare name could be that of another column.
                return scope.qualified(node)
            scope = scope.parent
        self._refuse_counted(node)
        raise QueryError(f"no enclosing query reads {node.source.label}, so `outer(…)` finds no `{node.name}`")

    def _refuse_counted(self, node: ColumnRef) -> None:
        """Raise for a column that a LIMIT cannot see, though a query around it reads the column's source."""
        scope: Scope | None = self
        while scope is not None and scope.counted is None:
            scope = scope.parent
        counted = None if scope is None else scope.counted
        if counted is None:
            return
        name = f"outer({node.source.label}.{node.name})"
        if node.source in counted.names:
            raise QueryError(
                f"a limit or offset is one number for all rows, so it mentions none of their columns, and `{name}` is "
                "one",
                hint=f"join a subquery with `lateral=True` to limit its rows by {node.source.label}",
            )
        around = counted.parent
        while around is not None:
            if node.source in around.names:
                raise UnsupportedError(
                    f"{self.dialect.name} limits rows by no column of a query around: `{name}`",
                    hint="number the rows in a subquery, `fn.row_number().over(…)`, and compare the number",
                )
            around = around.parent

    def placeholder(self, index: int, dump: Dumper) -> exp.Expr:
        """Return the mark of the parameter with this index, and remember how it is dumped."""
        self.dumpers[index] = dump
        place = index if self.places is None else self.places[index]
        return exp.Var(this=f"{self.dialect.placeholder}{place + 1}{cast_of(dump)}")


def _letter(label: str) -> str:
    first = label[:1].lower()
    return first if first.isascii() and first.isalpha() else "t"


class Lowering:
    """Lowers one clause: it knows the scope, and counts the parameters as it meets them from left to right."""

    __slots__ = ("next", "scope")

    def __init__(self, scope: Scope, offset: int) -> None:
        self.scope = scope
        self.next = offset

    @property
    def dialect(self) -> Dialect:
        """What the database can do."""
        return self.scope.dialect

    def text(self, node: Expression, dump: Dumper | None = None) -> str:
        """Return the text of an expression, in parentheses where it could be taken apart."""
        return render(wrapped(self.lower(node, dump)), self.scope.dialect)

    def output(self, node: Expression) -> exp.Expr:
        """Return an expression that the outermost query selects."""
        inner = unnamed(node)
        if lower_json.is_document(inner):
            return self._secret(inner, lambda: lower_json.selected(self, inner))
        return self.lower(node)

    def lower(self, node: Expression, dump: Dumper | None = None) -> exp.Expr:  # noqa: C901, PLR0912  # one case a node
        """Return the sqlglot node of an expression; `dump` is how a bare parameter is sent here."""
        match node:
            case ColumnRef():
                return self.scope.column(node)
            case Outer(operand):
                return self.scope.outer(operand)
            case Param(type_):
                return self._param(type_, dump)
            case Constant(value):
                return exp.Null() if value is None else exp.Boolean(this=value)
            case Identifier(name):
                mark = self.dialect.name_quote
                return exp.Var(this=f"{mark}{name.replace(mark, mark * 2)}{mark}")
            case Unary(op, operand):
                return self._unary(op, operand)
            case Binary():
                return self._secret(node, lambda: self._binary(node))
            case Call():
                return self._secret(node, lambda: functions.finished(self, node, functions.call(self, node)))
            case Over():
                return self._over(node)
            case Named(operand, name):
                return self._named(operand, name, dump)
            case Cast(operand, type_):
                return self._secret(node, lambda: self._cast(node, operand, type_))
            case Case():
                return self._secret(node, lambda: self._case(node))
            case Items(kind, _):
                raise QueryError(
                    f"a {kind} of expressions stands beside a comparison or in a fragment only: `{sketch(node)}`"
                )
            case Fragment(parts, args):
                return self._secret(node, lambda: exp.Paren(this=exp.Var(this=self._fragment(parts, args))))
            case InValues(operand):
                return self._secret(node, lambda: self._in_values(operand))
            case Subquery():
                return self._subquery(node)
            case _:
                assert_never(node)

    def fragment_text(self, node: Fragment) -> str:
        """Return the text of a fragment as it is, for one that is no expression."""
        made = self._secret(node, lambda: exp.Var(this=self._fragment(node.parts, node.args)))
        return str(made.this)

    def order(self, term: Ordering) -> exp.Expr:
        """Return an ORDER BY term; NULLs go where the database puts them unless the term says otherwise."""
        return self._ordered(term, self.key("order by", term.operand))

    def output_order(self, term: Ordering) -> exp.Expr:
        """Return a term of the statement's own ORDER BY, which may say the name of an output."""
        name = self._alias("order by", term.operand)
        return self.order(term) if name is None else self._ordered(term, exp.Column(this=name))

    def output_key(self, node: Expression) -> exp.Expr:
        """Return a term of the statement's own GROUP BY, which may say the name of an output."""
        name = self._alias("group by", node)
        if name is None:
            return self.key("group by", node)
        place = self.scope.aliases[name.this]
        return exp.Column(this=name) if place is None else exp.Literal.number(place)

    def _alias(self, what: str, node: Expression) -> exp.Identifier | None:
        """Return the name that stands for an expression, whose values then are not sent; None where none does."""
        if not isinstance(node, Named) or node.name not in self.scope.aliases:
            return None
        numbers.check_key(what, node, self.scope.dialect)
        self.repeat(node.operand, self.scope.named[node.name].offset)
        return quoted(node.name, self.scope.dialect)

    def _named(self, operand: Expression, name: str, dump: Dumper | None) -> exp.Expr:
        """Return a named expression; one that the select has too has the same values, which are sent once."""
        first = self.scope.named.get(name)
        if first is None:
            return self.lower(operand, dump)
        self.repeat(operand, first.offset)
        return Lowering(self.scope, first.offset).lower(operand, dump)

    def repeat(self, operand: Expression, offset: int) -> None:
        """Pass over an expression whose values the statement has from `offset` on already: they are not sent again."""
        for position in range(width(operand)):
            self.scope.repeated.append((self.next + position, offset + position))
        self.next += width(operand)

    def _ordered(self, term: Ordering, operand: exp.Expr) -> exp.Expr:
        return directed(render(operand, self.scope.dialect), term)

    def key(self, what: str, node: Expression) -> exp.Expr:
        """Return an expression whose order or equality counts, as in GROUP BY."""
        numbers.check_key(what, node, self.scope.dialect)
        return self.lower(node)

    def cast(self, operand: exp.Expr, type_: Type[Any]) -> exp.Expr:
        """Return `CAST(operand AS type)` with the dialect's own type name, which sqlglot would rename."""
        return cast_text(operand, type_.codec(self.scope.dialect.target).column)

    def _secret(self, node: Expression, lower: Callable[[], exp.Expr]) -> exp.Expr:
        """Lower a node, and mark its parameters where they may hold what a redacted column holds."""
        first = self.next
        made = lower()
        if is_secret(node):
            self.scope.redacted.update(range(first, self.next))
        return made

    def place(self, dump: Dumper) -> str:
        """Take the next parameter, and return its mark."""
        index = self.next
        self.next += 1
        return str(self.scope.placeholder(index, dump).this)

    def dumper(self, type_: Type[Any] | None) -> Dumper | None:
        """Return how values of a type are sent."""
        return numbers.dumper(type_, self.scope.dialect)

    def _param(self, type_: Type[Any] | None, dump: Dumper | None) -> exp.Expr:
        index = self.next
        self.next += 1
        mark = self.scope.placeholder(index, self.dumper(type_) or dump or by_class(self.scope.dialect.target))
        return self.cast(mark, type_) if type_ is not None else mark

    def _cast(self, node: Cast, operand: Expression, type_: Type[Any]) -> exp.Expr:
        numbers.check_cast(node, self.scope.dialect)
        if isinstance(operand, Binary) and operand.op == "->":
            return lower_json.extracted(self, operand, type_)
        return self.cast(self.lower(operand, self.dumper(type_)), type_)

    def _case(self, node: Case) -> exp.Expr:
        numbers.check_choice("case", node.values, self.scope.dialect)
        known = next((value for value in node.values if type_of(value) is not None), None)
        dump = None if known is None else numbers.beside(known, self.scope.dialect)
        parts = ["CASE"]
        for when, then in zip(node.branches[::2], node.branches[1::2], strict=True):
            parts.append(f"WHEN {self._bare(when)} THEN {self._bare(then, dump)}")
        if node.default is not None:
            parts.append(f"ELSE {self._bare(node.default, dump)}")
        return exp.Var(this=f"{' '.join(parts)} END")

    def _bare(self, node: Expression, dump: Dumper | None = None) -> str:
        return render(self.lower(node, dump), self.scope.dialect)

    def _unary(self, op: str, operand: Expression) -> exp.Expr:
        if op == "-":
            numbers.check_arithmetic(op, (operand,), self.scope.dialect)
        if isinstance(operand, Binary) and operand.op == "->":
            inner = wrapped(lower_json.value(self, operand))
        else:
            inner = wrapped(self.lower(operand))
        match op:
            case "NOT":
                return exp.Not(this=inner)
            case "IS NULL":
                return exp.Is(this=inner, expression=exp.Null())
            case "IS NOT NULL":
                return exp.Is(this=inner, expression=exp.Not(this=exp.Null()))
            case _:
                return exp.Neg(this=inner)

    def _binary(self, node: Binary) -> exp.Expr:  # the table of what has a text of its own
        op, left, right = node.op, node.left, node.right
        dialect = self.scope.dialect
        if op in ("LIKE", "ILIKE"):
            return self._like(op, left, right)
        if op in WRITTEN:
            return WRITTEN[op](self, node)
        if op in COMPARISONS:
            if isinstance(left, Items) and isinstance(right, Items):
                return lower_lists.rows(self, op, left, right)
            if lower_json.is_document(left) or lower_json.is_document(right):
                return lower_json.comparison(self, node)
        moved = lower_dates.moved(self, node)
        if moved is not None:
            return moved
        if op in ARITHMETIC:
            numbers.check_arithmetic(op, (left, right), dialect)
            dumps = numbers.beside_operator(op, right, dialect), numbers.beside_operator(op, left, dialect)
        else:
            if op in COMPARISONS:
                numbers.check_comparison(op, (left, right), dialect)
            dumps = numbers.beside(right, dialect), numbers.beside(left, dialect)
        if op in ("/", "%"):
            return raising.divided(self, node, dumps)
        first = wrapped(self.lower(left, dumps[0]))
        if op in COMPARISONS and isinstance(right, Subquery):
            second = wrapped(self._subquery(right, compared=True))
        else:
            second = wrapped(self.lower(right, dumps[1]))
        return OPERATORS[op](this=first, expression=second)

    def _like(self, op: str, left: Expression, right: Expression) -> exp.Expr:
        # A pattern is text, whatever texts the column takes.
        pattern = self.dumper(STRING)
        first, second = wrapped(self.lower(left)), wrapped(self.lower(right, pattern))
        if op == "ILIKE" and self.scope.dialect.ilike:
            return exp.ILike(this=first, expression=second)
        if op == "ILIKE":
            first, second = called("lower", first), called("lower", second)
        like = exp.Like(this=first, expression=second)
        return like if self.scope.dialect.ilike else exp.Escape(this=like, expression=exp.Literal.string("\\"))

    def _over(self, node: Over) -> exp.Expr:
        function = cast("Call", node.call)
        if function.name in ORDERED_SETS:
            raise QueryError(
                f"no database computes it over a window: `{sketch(node)}`",
                hint="compute it for each group in a subquery, and join that",
            )
        made = self._secret(function, lambda: functions.call(self, function))
        # One definition cannot hold the values of every use, so a window with values stands where it is used.
        inline = node.name is None or any(width(part) for part in (*node.partition_by, *node.order_by))
        window = self._window(node) if inline else {"alias": self._window_name(node)}
        return functions.finished(self, function, exp.Window(this=made, **window))

    def _window(self, node: Over) -> dict[str, Any]:
        """Return what a window consists of."""
        window: dict[str, Any] = {}
        parts = [self.key("partition by", part) for part in node.partition_by]
        terms = [self.order(term) for term in node.order_by]
        if parts:
            window["partition_by"] = parts
        if terms:
            window["order"] = exp.Order(expressions=terms)
        if node.frame is not None:
            numbers.check_frame(node.frame, node.order_by, self.scope.dialect)
            window["spec"] = _frame(node.frame)
        return window

    def _window_name(self, node: Over) -> exp.Expr:
        """Return the name of a window, which this SELECT defines at its end."""
        name = cast("str", node.name)
        known, _ = self.scope.windows.get(name, (node, None))
        if (known.partition_by, known.order_by, known.frame) != (node.partition_by, node.order_by, node.frame):
            raise QueryError(
                f"two windows of one query are named {name!r}", hint='give each a name of its own: `.named("…")`'
            )
        if name not in self.scope.windows:
            definition = exp.Window(this=quoted(name, self.scope.dialect), **self._window(node))
            self.scope.windows[name] = (node, definition)
        return quoted(name, self.scope.dialect)

    def _fragment(self, parts: tuple[str, ...], args: tuple[Expression, ...]) -> str:
        pieces: list[str] = [parts[0]]
        for arg, part in zip(args, parts[1:], strict=True):
            pieces.append(", ".join(map(self.text, arg.items)) if isinstance(arg, Items) else self.text(arg))
            pieces.append(part)
        return "".join(pieces)

    def _in_values(self, operand: Expression) -> exp.Expr:
        if isinstance(operand, Items):
            return self._in_rows(operand)
        numbers.check_key("in_", operand, self.scope.dialect)
        inner = wrapped(self.lower(operand))
        target = self.scope.dialect.target
        element = numbers.beside(operand, self.scope.dialect) or by_class(target)
        index = self.next
        self.next += 1
        mark = self.scope.placeholder(index, element_list(target, element))
        if self.scope.dialect.array_params:
            return exp.EQ(this=inner, expression=called("ANY", mark))
        # SQLite has no array parameter: the list travels as one JSON text, so that one plan serves every length.
        listed = exp.Var(this=f"(SELECT value FROM json_each({mark.this}))")
        return exp.Paren(this=exp.Var(this=f"{render(inner, self.scope.dialect)} IN {listed.this}"))

    def _in_rows(self, operand: Items) -> exp.Expr:
        columns, dump, found = lower_lists.in_rows(self, operand)
        index = self.next
        self.next += 1
        mark = self.scope.placeholder(index, dump)
        return compound(f"({columns}) IN ({found.format(mark.this)})")

    def _subquery(self, node: Subquery, *, compared: bool = False) -> exp.Expr:
        if node.kind in ("any_", "all_") and not self.scope.dialect.quantified_comparison:
            raise refuse(
                "compares with no rows of a query", node, self.scope.dialect,
                "compare with `scalar(query.select(fn.max(…)))` or `fn.min`, or ask `exists(query.where(…))`",
            )  # fmt: skip
        operand = None
        form = "one" if node.kind == "exists" else "bare"
        if node.operand is not None:
            row = node.operand.items if isinstance(node.operand, Items) else (node.operand,)
            for item, inside in zip(row, selections(node.query), strict=False):
                if inside is not None:
                    numbers.check_comparison("in_", (item, inside), self.scope.dialect)
            listed = ", ".join(map(self.text, row))
            operand = exp.Var(this=listed if len(row) == 1 else f"({listed})")
            form = f"bare {len(row)}"
        step = cast("Step", node.query)
        inner = self.scope.select(self.scope, step, self.next, form)
        self.next += node.width
        if node.kind in ("any_", "all_"):
            if not compared:
                raise QueryError(f"`{node.kind}` stands on the right of a comparison only")
            return exp.Var(this=f"{node.kind[:3].upper()} ({render(inner, self.scope.dialect)})")
        if node.kind == "exists":
            return exp.Exists(this=inner)
        if operand is None:
            return exp.Subquery(this=inner)
        return exp.In(this=operand, query=exp.Subquery(this=inner))


def directed(operand: str, term: Ordering) -> exp.Expr:
    """Return an ORDER BY term over what its text says."""
    # sqlglot adds or drops NULLS FIRST by what it thinks of the dialect, so the text is written here.
    suffix = " DESC" if term.descending else ""
    if term.nulls is not None:
        suffix += f" NULLS {term.nulls.upper()}"
    return exp.Var(this=operand + suffix)


def _frame(frame: Frame) -> exp.WindowSpec:
    unit, start, end, exclude = frame
    first, first_side = _bound(start, "PRECEDING")
    last, last_side = _bound(end, "FOLLOWING")
    return exp.WindowSpec(kind=unit, start=first, start_side=first_side, end=last, end_side=last_side, exclude=exclude)


def _bound(bound: str | int, open_side: str) -> tuple[Any, str | None]:
    if isinstance(bound, str):
        return "UNBOUNDED", open_side
    if bound == 0:
        return "CURRENT ROW", None
    return exp.Literal.number(abs(bound)), "PRECEDING" if bound < 0 else "FOLLOWING"
