"""A planned SELECT to a statement: sqlglot nodes by our own rules, rendered once a shape."""

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from ectype.errors import QueryError, UnsupportedError
from ectype.expr import walk
from ectype.expr.nodes import ColumnRef
from ectype.query.ast import Clause, Join, Output, Select, Step
from ectype.query.planner import plan_select, width
from ectype.query.sources import FragmentSource, ValuesSource
from ectype.query.subqueries import QuerySource, StandIn
from ectype.schema.sources import TableSource
from ectype.sql import numbers, tables
from ectype.sql.dialect import Dialect
from ectype.sql.lower import Lowering, Scope, SubSelect, cast_text, quoted, render, wrapped
from ectype.sql.naming import name_outputs, said
from ectype.sql.renumber import numbered
from ectype.sql.statement import Column, Statement
from ectype.types.numeric import INTEGER

COMBINATIONS: dict[str, tuple[Callable[..., exp.Expr], bool]] = {
    "union": (exp.Union, True),
    "union_all": (exp.Union, False),
    "intersect": (exp.Intersect, True),
    "except": (exp.Except, True),
}


def compile_select(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the statement of a query's shape.

    Raises:
        QueryError: for a shape that means nothing.
        UnsupportedError: for what this database cannot do.
    """
    select = plan_select(step, outermost=True)
    made = numbered(step, dialect, subselect(prefix), lambda scope: _select(scope, select, prefix, "top"))
    columns = tuple(_column(output, dialect, as_text=_as_text(select, output, dialect)) for output in select.outputs)
    return Statement(render(made.tree, dialect), made.dump, columns, select.row, redacted=made.redacted)


def compile_exists(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the statement that asks whether a query has a row: one column, true or false."""
    select = plan_select(step)

    def lower(scope: Scope) -> exp.Expr:
        return exp.Select(expressions=[exp.Exists(this=_select(scope.inner(), select, prefix, "one"))])

    made = numbered(step, dialect, subselect(prefix), lower)
    return Statement(render(made.tree, dialect), made.dump, redacted=made.redacted)


def subselect(prefix: str | None) -> SubSelect:
    """Return how a subquery in an expression becomes a tree, for scopes that meet one."""
    return lambda around, step, offset, form: _select(around.inner(), plan_select(step, offset), prefix, form)


def _as_text(select: Select, output: Output, dialect: Dialect) -> bool:
    """Whether an output of the outermost select is read as text: never where text would change what is equal."""
    if select.distinct or select.combinations or not dialect.text_select or output.type is None:
        return False
    if output.alias is not None and output.alias in said(select):
        return False
    return output.type.codec(dialect.target).text_load is not None


def _column(output: Output, dialect: Dialect, *, as_text: bool) -> Column:
    if output.type is None:
        return Column(None, nullable=True, name=_shown(output))
    codec = output.type.codec(dialect.target)
    return Column(
        codec.text_load if as_text else codec.load,
        nullable=output.nullable,
        mutable=output.type.mutable,
        slow_load=codec.text_load_slow if as_text else None,
        inline=None if as_text else codec.inline,
        names=codec.names,
        name=_shown(output),
    )


def _shown(output: Output) -> str:
    node = output.clause.node
    return f"{node.source.label}.{node.name}" if isinstance(node, ColumnRef) else f"the expression `{output.name}`"


def _select(
    scope: Scope,
    select: Select,
    prefix: str | None,
    form: str = "named",
    names: Callable[[str], str] | None = None,
) -> exp.Expr:
    """Return the tree of one SELECT with its combinations; order and limit are those of the whole.

    `form` says what is selected: `top` the outputs as the driver should give them, `named` under their names for a
    subquery or CTE, which `names` may change, `bare` as they are for an expression, `one` a constant for EXISTS.
    """
    if select.prefix is not None:
        prefix = select.prefix
        scope.select = subselect(prefix)
    name_outputs(scope, select, form)
    ctes = [_cte(scope, cte, prefix) for cte in select.ctes]
    source = _table(scope, select.source, select.source_offset, prefix)
    joins = [_join(scope, join, prefix) for join in select.joins]
    core: dict[str, Any] = {"from_": exp.From(this=source), "joins": joins}
    if select.wheres:
        core["where"] = exp.Where(this=conjunction(scope, select.wheres))
    if select.group_bys:
        keys = [Lowering(scope, clause.offset).output_key(clause.node) for clause in select.group_bys]
        core["group"] = exp.Group(expressions=keys)
    if select.havings:
        core["having"] = exp.Having(this=conjunction(scope, select.havings))
    if select.distinct:
        core["distinct"] = exp.Distinct()
    outputs = _outputs(scope, select, form, names)
    tree: exp.Expr = exp.Select(expressions=outputs, **core)
    for combination in select.combinations:
        _check_combined(select, combination.query, scope.dialect)
        make, distinct = COMBINATIONS[combination.operator]
        tree = make(
            this=_first(tree, make, scope.dialect),
            expression=_second(scope, combination.query, prefix),
            distinct=distinct,
        )
    return _whole(scope, select, tree, ctes)


def _whole(scope: Scope, select: Select, tree: exp.Expr, ctes: list[exp.Expr]) -> exp.Expr:
    """Add what concerns the whole statement: CTEs, order, limit and offset."""
    if ctes:
        tree.set("with_", exp.With(expressions=ctes, recursive=any(cte.recursive for cte in select.ctes)))
    if select.order_bys:
        if select.combinations:
            raise QueryError(
                "the order of a combined query is over its whole, whose columns have no names here",
                hint="order the whole through a subquery: `from_(subquery(a.union(b), 'all'))`",
            )
        terms = [Lowering(scope, clause.offset).output_order(clause.node) for clause in select.order_bys]
        tree.set("order", exp.Order(expressions=terms))
    if select.limit is not None:
        tree.set("limit", exp.Limit(expression=_count(scope, select.limit)))
    elif select.offset is not None and not scope.dialect.bare_offset:
        tree.set("limit", exp.Limit(expression=exp.Var(this="-1")))
    if select.offset is not None:
        tree.set("offset", exp.Offset(expression=_count(scope, select.offset)))
    return tree


def _check_combined(first: Select, second: Select, dialect: Dialect) -> None:
    if len(first.outputs) != len(second.outputs):
        raise QueryError(
            f"combined queries have equally many columns, got {len(first.outputs)} and {len(second.outputs)}"
        )
    for one, other in zip(first.outputs, second.outputs, strict=True):
        numbers.check_combined((one.clause.node, other.clause.node), dialect)


def _first(tree: exp.Expr, make: Callable[..., exp.Expr], dialect: Dialect) -> exp.Expr:
    """Keep what was combined so far together: INTERSECT binds more tightly than the others, but not on SQLite."""
    apart = make is exp.Intersect and isinstance(tree, exp.Union | exp.Except) and dialect.parenthesised_union
    return exp.Subquery(this=tree) if apart else tree


def _second(scope: Scope, select: Select, prefix: str | None) -> exp.Expr:
    """Return the other side of a combination: one with clauses of its own must not lend them to the whole."""
    tree = _select(scope.beside(), select, prefix)
    own = select.combinations or select.order_bys or select.ctes
    if not own and select.limit is None and select.offset is None:
        return tree
    inner = exp.Subquery(this=tree)
    return (
        inner if scope.dialect.parenthesised_union else exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
    )


def _count(scope: Scope, index: int) -> exp.Expr:
    return scope.placeholder(index, INTEGER.codec(scope.dialect.target).dump)


def _lower(scope: Scope, clause: Clause) -> exp.Expr:
    return Lowering(scope, clause.offset).lower(clause.node)


def conjunction(scope: Scope, clauses: tuple[Clause, ...]) -> exp.Expr:
    """Return `(a) AND (b) AND (c)`; a single condition stands alone."""
    parts = [_lower(scope, clause) for clause in clauses]
    tree = parts[0]
    for position, part in enumerate(parts[1:]):
        tree = exp.And(this=tree if position else wrapped(tree), expression=wrapped(part))
    return tree


def _outputs(scope: Scope, select: Select, form: str, names: Callable[[str], str] | None = None) -> list[exp.Expr]:
    if form == "one" and _needs_no_outputs(select):
        return [exp.Literal.number(1)]
    if form == "bare" and len(select.outputs) != 1:
        raise QueryError(
            f"`in_` and `scalar` take a query of one column, and this one has {len(select.outputs)}",
            hint="select it: `query.select(Comment.post_id)`",
        )
    made: list[exp.Expr] = []
    for output in select.outputs:
        lowering = Lowering(scope, output.clause.offset)
        node = lowering.output(output.clause.node) if form == "top" else lowering.lower(output.clause.node)
        if form == "top" and _as_text(select, output, scope.dialect):
            node = cast_text(wrapped(node), "text")
        name = output.name if names is None else names(output.name)
        alias = name if form == "named" else output.alias if form == "top" else None
        made.append(node if alias is None else exp.Alias(this=node, alias=quoted(alias, scope.dialect)))
    return made


def _needs_no_outputs(select: Select) -> bool:
    """Whether a row exists regardless of what is selected, so that EXISTS may select a constant.

    An aggregate makes one row of none, unless groups make the rows; values among the outputs must be sent.
    """
    if select.combinations or select.distinct:
        return False
    outputs = [output.clause.node for output in select.outputs]
    grouped = bool(select.group_bys or select.havings)
    return not any(width(node) for node in outputs) and (grouped or not any(map(walk.is_aggregate, outputs)))


def _table(scope: Scope, source: Any, offset: int, prefix: str | None, *, lateral: bool = False) -> exp.Expr:
    """Return a source of FROM or JOIN under a name of this scope; a lateral one sees the sources before it."""
    match source:
        case TableSource():
            return tables.table(scope, source, prefix)
        case ValuesSource():
            return tables.constants(scope, source, offset)
        case FragmentSource():
            inside = scope.inner() if lateral else scope.beside()
            return tables.fragment(scope, inside, source, offset)
        case StandIn():
            return _rows(
                scope, source.source, source.query, offset, prefix, lateral=lateral, names=source.source.column_source
            )
        case QuerySource(query=None):
            return exp.Table(this=quoted(source.label, scope.dialect), alias=_name(scope, source))
        case _:
            return _rows(scope, source, source.query, offset, prefix, lateral=lateral)


def _rows(
    scope: Scope,
    source: Any,
    query: Step,
    offset: int,
    prefix: str | None,
    *,
    lateral: bool,
    names: Callable[[str], str] | None = None,
) -> exp.Expr:
    """Return a subquery under the name of a source; `names` says how that source reads the columns."""
    planned = plan_select(query, offset)
    _check_named(source, planned, scope.dialect)
    inside = scope.inner() if lateral else scope.beside()
    return exp.Subquery(this=_select(inside, planned, prefix, names=names), alias=_name(scope, source))


def _check_named(source: Any, select: Select, dialect: Dialect) -> None:
    for output in select.outputs:
        known = source.info.fields[output.name]
        numbers.check_stored(f"{source.info.name}.{output.name}", known.type, output.clause.node, dialect)


def _name(scope: Scope, source: Any) -> exp.Expr:
    return exp.TableAlias(this=quoted(scope.add(source), scope.dialect))


JOINS: Final[dict[str, dict[str, str]]] = {
    "inner": {},
    "left": {"side": "LEFT"},
    "right": {"side": "RIGHT"},
    "full": {"side": "FULL"},
    "cross": {"kind": "CROSS"},
}


def _join(scope: Scope, join: Join, prefix: str | None) -> exp.Expr:
    dialect = scope.dialect
    kind, lateral = join.kind.removesuffix("_lateral"), join.kind.endswith("_lateral")
    if kind in ("right", "full") and not dialect.right_and_full_join:
        raise UnsupportedError(
            f"{dialect.name} {'.'.join(map(str, dialect.version))} has no {kind} join",
            hint="begin at the side whose rows all stay, and use `left_join`",
        )
    by_function = isinstance(join.source, FragmentSource) and dialect.lateral_functions
    if lateral and not dialect.lateral and not by_function:
        raise UnsupportedError(
            f"{dialect.name} has no lateral join",
            hint="number the rows in a subquery, `fn.row_number().over(window(partition_by=…, order_by=…))`, and "
            "join those up to a number",
        )
    table = _table(scope, join.source, join.offset, prefix, lateral=lateral)
    if lateral and not by_function:
        table = exp.Var(this=f"LATERAL {render(table, dialect)}")
    on = {} if kind == "cross" else {"on": _lower(scope, join.on)}
    return exp.Join(this=table, **JOINS[kind], **on)


def _cte(scope: Scope, cte: Any, prefix: str | None) -> exp.Expr:
    _check_named(cte.source, cte.query, scope.dialect)
    inner = _select(scope.beside(), cte.query, prefix)
    columns = [quoted(output.name, scope.dialect) for output in cte.query.outputs]
    alias = exp.TableAlias(this=quoted(cte.source.label, scope.dialect), columns=columns)
    return exp.CTE(this=inner, alias=alias, materialized=cte.materialized)
